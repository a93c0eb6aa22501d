//! Settings of the quota plugin; README.md has the table.

use serde::Deserialize;
use std::collections::BTreeMap;
use waxwing_plugin::settings::{Problem, Size, escape_pointer};

/// All settings; each has a default. Nothing is limited unless it is said here or with `waxwing account quota`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// What every account may hold.
    pub account: Limit,
    /// What single accounts may hold; what one leaves out is as above.
    pub accounts: BTreeMap<String, Limit>,
    /// What all accounts of one domain may hold together.
    pub domain: Limit,
    /// The same for single domains.
    pub domains: BTreeMap<String, Limit>,
    /// At this part of the limit the grace period begins.
    pub soft_percent: u64,
    /// For so many days mail is taken above the soft limit (never above the limit itself).
    pub grace_days: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: Limit::default(),
            accounts: BTreeMap::new(),
            domain: Limit::default(),
            domains: BTreeMap::new(),
            soft_percent: 100,
            grace_days: 7,
        }
    }
}

/// Bytes and messages; what is left out is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limit {
    /// Octets: a number, or text such as `"2 GB"`.
    pub bytes: Option<Size>,
    /// Messages.
    pub messages: Option<u64>,
}

impl Limit {
    /// These limits, and for what they leave open, those.
    pub fn or(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.or(other.bytes),
            messages: self.messages.or(other.messages),
        }
    }

    /// Whether anything is limited.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Settings {
    /// The limit of an account as the settings have it.
    pub fn of_account(&self, account: &str) -> Limit {
        self.accounts
            .get(account)
            .copied()
            .unwrap_or_default()
            .or(self.account)
    }

    /// The limit of a domain as the settings have it.
    pub fn of_domain(&self, domain: &str) -> Limit {
        self.domains
            .get(domain)
            .copied()
            .unwrap_or_default()
            .or(self.domain)
    }
}

/// What serde cannot see.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !(1..=100).contains(&settings.soft_percent) {
        problems.push(Problem::new(
            "/soft-percent",
            "must be from 1 to 100; 100 means no soft limit",
        ));
    }
    for name in settings
        .accounts
        .keys()
        .filter(|name| !name.contains('@') || **name != name.to_lowercase())
    {
        problems.push(Problem::new(
            format!("/accounts/{}", escape_pointer(name)),
            "write the account's whole address in lower case",
        ));
    }
    for name in settings
        .domains
        .keys()
        .filter(|name| name.contains('@') || **name != name.to_lowercase())
    {
        problems.push(Problem::new(
            format!("/domains/{}", escape_pointer(name)),
            "write a domain in lower case",
        ));
    }
    problems
}
