//! Settings of the login plugin; README.md has the table.

use serde::Deserialize;
use waxwing_plugin::settings::{NetworkSize, Networks, Problem};

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Networks whose failures are neither counted nor slowed down.
    pub trust: Networks,
    /// Put behind a user name that has no `@`.
    pub default_domain: Option<String>,
    /// How long a failure counts, in minutes, from the first one on.
    pub window_minutes: u64,
    /// Failures that cost nothing: people mistype.
    pub free_failures: u64,
    /// The wait after the first failure that is not free; it doubles with each further one.
    pub delay_ms: u64,
    /// The longest wait.
    pub longest_delay_ms: u64,
    /// Failures against one account, from networks that are not known to be its owner's, until those
    /// networks are locked out of it; 0 never.
    pub account_failures: u64,
    /// Failures from one network, against any accounts, until it is locked out of accounts that it is not
    /// known to belong to; 0 never.
    pub network_failures: u64,
    /// Failures from one known network against its own account until even that is locked; 0 never.
    pub known_failures: u64,
    /// For how many days a network in which the owner logged in is known to be his.
    pub known_days: u64,
    /// What counts as one network.
    pub network: NetworkSize,
    /// Say that it is a lockout; otherwise it looks like a wrong password.
    pub tell: bool,
    /// Seconds after a login over POP3 in which the account gets no other one; 0 never.
    pub pop3_login_delay: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trust: Networks::loopback(),
            default_domain: None,
            window_minutes: 60,
            free_failures: 2,
            delay_ms: 500,
            longest_delay_ms: 8_000,
            account_failures: 20,
            network_failures: 50,
            known_failures: 100,
            known_days: 60,
            network: NetworkSize::default(),
            tell: false,
            pop3_login_delay: 0,
        }
    }
}

/// What serde cannot see.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = settings.network.check("/network");
    for (member, value) in [
        ("window-minutes", settings.window_minutes),
        ("known-days", settings.known_days),
    ] {
        // A year in minutes: longer is a slip of the pen, and it would never be forgotten.
        if !(1..=525_600).contains(&value) {
            problems.push(Problem::new(
                format!("/{member}"),
                "must be from 1 to 525600",
            ));
        }
    }
    if settings.delay_ms > settings.longest_delay_ms {
        problems.push(Problem::new("/delay-ms", "is more than longest-delay-ms"));
    }
    problems
}
