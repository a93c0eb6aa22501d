//! Settings of the recipients plugin; README.md has the table.

use serde::Deserialize;
use waxwing_plugin::settings::{Networks, Problem};

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Characters that part an address from its detail: `alice+lists@` is alice's. Empty: no subaddresses.
    pub separators: String,
    /// Who gets mail for `postmaster` where no account or alias of that name exists.
    pub postmaster: Option<String>,
    /// Whose mail to other servers is taken.
    pub relay: Relay,
    /// Networks whose mail to other servers is taken without a login.
    pub relay_networks: Networks,
    /// The text for an address that does not exist.
    pub unknown_text: String,
}

/// Whose mail to other servers is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relay {
    /// Of those who logged in, and of `relay-networks`.
    Authenticated,
    /// Nobody's.
    Nobody,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            separators: "+".to_owned(),
            postmaster: None,
            relay: Relay::Authenticated,
            relay_networks: Networks::default(),
            unknown_text: "No such mailbox here".to_owned(),
        }
    }
}

/// What serde cannot see.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    // Of RFC 5322 §3.2.3 `atext`, what nobody has in a name.
    if let Some(other) = settings
        .separators
        .chars()
        .find(|c| !"+-_=#!~".contains(*c))
    {
        problems.push(Problem::new(
            "/separators",
            format!(
                "'{other}' cannot part an address from its detail; one or more of + - _ = # ! ~"
            ),
        ));
    }
    if settings
        .postmaster
        .as_ref()
        .is_some_and(|address| !address.contains('@'))
    {
        problems.push(Problem::new(
            "/postmaster",
            "write a whole address, such as you@example.org",
        ));
    }
    problems
}
