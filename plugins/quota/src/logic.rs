//! Whether something more fits: decisions without a host. RFC 3463 §3.3 (X.2.2), RFC 9208 for the terms.

use crate::settings::Limit;

/// Octets and messages: what is held, or what comes on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Octets.
    pub bytes: u64,
    /// Messages.
    pub messages: u64,
}

impl Amount {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            messages: self.messages.saturating_add(other.messages),
        }
    }
}

/// Where an amount stands against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Below the soft limit.
    Within,
    /// From the soft limit up to the limit.
    Soft,
    /// Above the limit.
    Over,
}

/// Where `amount` stands against `limit`, whose soft limit is `soft_percent` of it.
pub fn level(limit: Limit, soft_percent: u64, amount: Amount) -> Level {
    let of = |limit: Option<u64>, value: u64| match limit {
        Some(limit) if value > limit => Level::Over,
        // As u128: octets times a hundred do not fit 64 bits.
        Some(limit) if u128::from(value) * 100 > u128::from(limit) * u128::from(soft_percent) => {
            Level::Soft
        }
        _ => Level::Within,
    };
    of(limit.bytes.map(|size| size.0), amount.bytes).max(of(limit.messages, amount.messages))
}

/// What to answer for an account at the soft limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    /// It begins now.
    Begins,
    /// It runs.
    Runs,
    /// It is over.
    Over,
}

/// How the grace period stands, which began at `since` (Unix milliseconds), if it did.
pub fn grace(since: Option<u64>, now: u64, days: u64) -> Grace {
    match since {
        _ if days == 0 => Grace::Over,
        None => Grace::Begins,
        Some(since) if now.saturating_sub(since) < days.saturating_mul(86_400_000) => Grace::Runs,
        Some(_) => Grace::Over,
    }
}

/// The domain of an account's address.
pub fn domain_of(account: &str) -> &str {
    account.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxwing_plugin::settings::Size;

    #[test]
    fn the_limit_itself_still_fits() {
        let limit = Limit {
            bytes: Some(Size(1000)),
            messages: Some(10),
        };
        let at = |bytes, messages| level(limit, 90, Amount { bytes, messages });
        assert_eq!(at(900, 9), Level::Within);
        assert_eq!(at(901, 0), Level::Soft);
        assert_eq!(at(1000, 10), Level::Soft);
        assert_eq!(at(1001, 0), Level::Over);
        assert_eq!(at(0, 11), Level::Over);
        assert_eq!(
            level(
                limit,
                100,
                Amount {
                    bytes: 1000,
                    messages: 10
                }
            ),
            Level::Within
        );
        assert_eq!(
            level(
                Limit::default(),
                50,
                Amount {
                    bytes: u64::MAX,
                    messages: u64::MAX
                }
            ),
            Level::Within
        );
    }

    #[test]
    fn grace_begins_runs_and_ends() {
        const DAY: u64 = 86_400_000;
        assert_eq!(grace(None, 5, 7), Grace::Begins);
        assert_eq!(grace(Some(5), 5 + 7 * DAY - 1, 7), Grace::Runs);
        assert_eq!(grace(Some(5), 5 + 7 * DAY, 7), Grace::Over);
        assert_eq!(grace(None, 5, 0), Grace::Over);
        // A clock that went back does not end it.
        assert_eq!(grace(Some(10 * DAY), 5, 7), Grace::Runs);
    }
}
