//! Settings of the senders plugin; README.md has the table.

use std::collections::BTreeMap;

use serde::Deserialize;
use waxwing_plugin::settings::Problem;

use crate::logic;

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// What happens if somebody who logged in gives a sender (MAIL FROM) that is not his.
    pub sender: Measure,
    /// The same of an author (the field From).
    pub author: Measure,
    /// Accounts, and the other names under which each may send: addresses, `*@domain` or `*`.
    pub permit: BTreeMap<String, Vec<String>>,
    /// Characters that part an address from its detail: `alice+lists@` is alice's. Empty: no subaddresses.
    pub separators: String,
}

/// What happens to a name that does not belong to the one who logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// 550 5.7.1.
    Reject,
    /// A finding for the score.
    Tag,
    /// Nothing.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sender: Measure::Reject,
            author: Measure::Reject,
            permit: BTreeMap::new(),
            separators: "+".to_owned(),
        }
    }
}

impl Settings {
    /// Whether an account may send under this name though it is another's.
    pub fn permits(&self, account: &str, address: &str) -> bool {
        let permits = self
            .permit
            .iter()
            .filter(|(who, _)| who.eq_ignore_ascii_case(account));
        permits
            .flat_map(|(_, names)| names)
            .any(|name| logic::is_meant(name, address))
    }
}

/// What serde cannot see.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    // Of RFC 5322 §3.2.3 `atext`, what nobody has in a name.
    let odd = settings
        .separators
        .chars()
        .find(|c| !"+-_=#!~".contains(*c));
    if let Some(other) = odd {
        problems.push(Problem::new(
            "/separators",
            format!(
                "'{other}' cannot part an address from its detail; one or more of + - _ = # ! ~"
            ),
        ));
    }
    for (account, names) in &settings.permit {
        if !logic::is_address(account) {
            problems.push(Problem::new(
                format!("/permit/{account}"),
                "write the account's whole address, such as robot@example.org",
            ));
        }
        for name in names
            .iter()
            .filter(|name| *name != "*" && !logic::is_address(name))
        {
            problems.push(Problem::new(
                format!("/permit/{account}"),
                format!("{name:?} is neither an address nor *@example.org nor *"),
            ));
        }
    }
    problems
}
