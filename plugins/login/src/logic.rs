//! Who is slowed down and who is locked out: decisions without a host.
//!
//! Guessers must not get far, and they must not be able to shut the owner out. So three things are counted
//! apart, each in a window of time:
//!
//! - failures of one network against one account (a mistyped password, a device that kept the old one);
//! - failures against one account from all networks that are not known to be its owner's (many machines
//!   guessing at one account);
//! - failures of one network against all accounts (one machine guessing at many).
//!
//! A network in which the owner logged in lately is *known* for this account. The second and the third count do
//! not touch it: whatever strangers do, even in the same building, the owner gets in from where he always does.
//! Only a large number of failures from the known network itself against this account locks it too.

use crate::settings::Settings;

/// What has been counted, and whether the network is known for the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// This network against this account.
    pub pair: u64,
    /// All unknown networks against this account.
    pub account: u64,
    /// This network against all accounts.
    pub network: u64,
    /// The owner logged in from this network lately.
    pub known: bool,
}

impl Counted {
    /// By the sums of the counters `pair`, `network` and `account`.
    pub fn of(sums: &[i64], known: bool) -> Self {
        let sum = |place: usize| {
            sums.get(place)
                .map_or(0, |sum| u64::try_from(*sum).unwrap_or(0))
        };
        Self {
            pair: sum(0),
            network: sum(1),
            account: sum(2),
            known,
        }
    }
}

/// What happens before the password is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Go on.
    Pass,
    /// Go on after so many milliseconds.
    Delay(u32),
    /// Locked out, and why (for the log).
    Lock(&'static str),
}

/// What the counts call for.
pub fn measure(settings: &Settings, counted: Counted) -> Measure {
    let reached = |limit: u64, count: u64| limit != 0 && count >= limit;
    if counted.known {
        if reached(settings.known_failures, counted.pair) {
            return Measure::Lock("too many failures from a known network");
        }
    } else if reached(settings.account_failures, counted.account) {
        return Measure::Lock("too many failures against the account");
    } else if reached(settings.network_failures, counted.network) {
        return Measure::Lock("too many failures from the network");
    }
    // Strangers pay for what their network did to everybody; at a known one, only for the account's own.
    let failures = if counted.known {
        counted.pair
    } else {
        counted
            .pair
            .max(counted.network / 2)
            .max(counted.account / 2)
    };
    match delay(settings, failures) {
        0 => Measure::Pass,
        wait => Measure::Delay(wait),
    }
}

/// Nothing for the free failures, then doubling up to the longest.
fn delay(settings: &Settings, failures: u64) -> u32 {
    let Some(beyond) = failures.checked_sub(settings.free_failures.saturating_add(1)) else {
        return 0;
    };
    let factor = 1_u64 << beyond.min(32);
    let wait = settings
        .delay_ms
        .saturating_mul(factor)
        .min(settings.longest_delay_ms);
    u32::try_from(wait).unwrap_or(u32::MAX)
}

/// The account a user name means: lower-case, with the default domain if it has none; none if it cannot be one.
pub fn account_of(settings: &Settings, user: &str) -> Option<String> {
    let user = user.trim();
    // RFC 5321 §4.5.3.1.3: a path is 256 octets with its brackets.
    if user.is_empty() || user.len() > 254 || user.chars().any(char::is_control) {
        return None;
    }
    let name = match &settings.default_domain {
        Some(domain) if !user.contains('@') => format!("{user}@{domain}"),
        _ => user.to_owned(),
    };
    Some(name.to_lowercase())
}

/// The keys of the counters and of the mark of a known network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Counter: this network against this account.
    pub pair: String,
    /// Counter: all unknown networks against this account.
    pub account: String,
    /// Counter: this network against all accounts.
    pub network: String,
    /// Value: the network is known for the account.
    pub known: String,
}

impl Keys {
    /// The keys for this account and this network.
    pub fn new(account: &str, network: &str) -> Self {
        Self {
            pair: format!("failed/pair/{account}/{network}"),
            account: format!("failed/account/{account}"),
            network: format!("failed/network/{network}"),
            known: format!("known/{account}/{network}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_stop_at_the_longest() {
        let settings = Settings {
            free_failures: 2,
            delay_ms: 500,
            longest_delay_ms: 3_000,
            ..Settings::default()
        };
        let waits: Vec<u32> = (0..8).map(|failures| delay(&settings, failures)).collect();
        assert_eq!(waits, [0, 0, 0, 500, 1_000, 2_000, 3_000, 3_000]);
        assert_eq!(delay(&settings, u64::MAX), 3_000);
    }

    #[test]
    fn strangers_lock_themselves_out_and_not_the_owner() {
        let settings = Settings::default();
        let stranger = Counted {
            pair: 1,
            account: 10_000,
            network: 10_000,
            known: false,
        };
        assert!(matches!(measure(&settings, stranger), Measure::Lock(_)));
        let owner = Counted {
            known: true,
            ..stranger
        };
        assert_eq!(measure(&settings, owner), Measure::Pass);
        let worn = Counted {
            pair: settings.known_failures,
            ..owner
        };
        assert!(matches!(measure(&settings, worn), Measure::Lock(_)));
    }

    #[test]
    fn zero_means_never() {
        let settings = Settings {
            account_failures: 0,
            network_failures: 0,
            known_failures: 0,
            ..Settings::default()
        };
        for known in [false, true] {
            let counted = Counted {
                pair: 10_000,
                account: 10_000,
                network: 10_000,
                known,
            };
            assert_eq!(measure(&settings, counted), Measure::Delay(8_000));
        }
    }

    #[test]
    fn user_names_are_made_one() {
        let settings = Settings {
            default_domain: Some("example.org".into()),
            ..Settings::default()
        };
        assert_eq!(
            account_of(&settings, " Alice ").as_deref(),
            Some("alice@example.org")
        );
        assert_eq!(
            account_of(&settings, "Bob@Example.NET").as_deref(),
            Some("bob@example.net")
        );
        for bad in ["", "  ", "a\0b", &"x".repeat(300)] {
            assert_eq!(account_of(&settings, bad), None);
        }
    }
}
