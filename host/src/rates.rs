//! What clients that have not logged in did lately: by address, by network and in all, held against `[rates]`.
//!
//! Invariants: memory is bounded however many addresses come; counts of the window before fade out evenly, so that a window's
//! limit cannot be used twice around its end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config;
use crate::origin::Origin;

/// Addresses and networks that are counted in one window; those that come after them count among all only.
const MOST: usize = 100_000;

/// The counts and their limits.
#[derive(Debug)]
pub(crate) struct Rates {
    limits: config::Rates,
    counts: Mutex<Counts>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) connections: u32,
    pub(crate) commands: u32,
    pub(crate) errors: u32,
    pub(crate) recipients: u32,
    /// Those that were refused for good; no limit is held against them, policy is told of them.
    pub(crate) refused: u32,
    pub(crate) octets: u64,
}

/// For whom it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    Address(IpAddr),
    Network(IpAddr),
    All,
}

#[derive(Debug)]
struct Counts {
    /// When the present window began.
    begun: Instant,
    now: HashMap<Scope, Spent>,
    before: HashMap<Scope, Spent>,
}

/// The limit that was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    /// `address`, `network` or `all`.
    pub(crate) scope: &'static str,
    /// What there was too much of.
    pub(crate) what: &'static str,
}

impl Rates {
    pub(crate) fn new(limits: &config::Rates, now: Instant) -> Self {
        Self {
            limits: limits.clone(),
            counts: Mutex::new(Counts {
                begun: now,
                now: HashMap::new(),
                before: HashMap::new(),
            }),
        }
    }

    /// Counts what a client did.
    ///
    /// # Errors
    /// The limit that it is over, which is counted in `waxwing_limits_hit_total`.
    pub(crate) fn spend(&self, origin: &Origin, spent: Spent, now: Instant) -> Result<(), Over> {
        if origin.exempt {
            return Ok(());
        }
        let window = self.limits.window.duration();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.turn(now, window);
        let scopes = [
            (Scope::Address(origin.address), self.limits.address),
            (Scope::Network(origin.network), self.limits.network),
            (Scope::All, self.limits.all),
        ];
        let mut over = None;
        for (scope, limit) in scopes {
            let lately = counts.add(scope, spent, now, window);
            let hit = exceeded(&spent, &lately, &limit).map(|what| Over {
                scope: scope.name(),
                what,
            });
            over = over.or(hit);
        }
        match over {
            None => Ok(()),
            Some(over) => {
                metrics::counter!("waxwing_limits_hit_total", "limit" => over.what, "scope" => over.scope)
                    .increment(1);
                Err(over)
            }
        }
    }
}

impl Rates {
    /// What the client's address did within the length of a window that ends now.
    pub(crate) fn lately(&self, origin: &Origin, now: Instant) -> Spent {
        let window = self.limits.window.duration();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.turn(now, window);
        counts.lately(Scope::Address(origin.address), now, window)
    }
}

/// What there was too much of; only what was spent just now is looked at.
fn exceeded(spent: &Spent, lately: &Spent, limit: &config::Rate) -> Option<&'static str> {
    let bytes = limit.bytes.bytes();
    [
        (
            "connections",
            spent.connections.into(),
            lately.connections.into(),
            limit.connections.into(),
        ),
        (
            "commands",
            spent.commands.into(),
            lately.commands.into(),
            limit.commands.into(),
        ),
        (
            "errors",
            spent.errors.into(),
            lately.errors.into(),
            limit.errors.into(),
        ),
        (
            "recipients",
            spent.recipients.into(),
            lately.recipients.into(),
            limit.recipients.into(),
        ),
        ("bytes", spent.octets, lately.octets, bytes),
    ]
    .into_iter()
    .find(|(_, spent, lately, limit): &(_, u64, u64, u64)| {
        *spent > 0 && *limit > 0 && lately > limit
    })
    .map(|(what, ..)| what)
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Network(_) => "network",
            Self::All => "all",
        }
    }
}

impl Counts {
    /// Begins a new window if the time of the present one is over.
    fn turn(&mut self, now: Instant, window: Duration) {
        let passed = now.saturating_duration_since(self.begun);
        if passed < window {
            return;
        }
        let ended = std::mem::take(&mut self.now);
        self.before = if passed < 2 * window {
            ended
        } else {
            HashMap::new()
        };
        self.begun = if passed < 2 * window {
            self.begun + window
        } else {
            now
        };
    }

    /// Adds to a count; gives what it comes to over the length of a window that ends now.
    fn add(&mut self, scope: Scope, spent: Spent, now: Instant, window: Duration) -> Spent {
        let full = self.now.len() >= MOST && scope != Scope::All;
        if full && !self.now.contains_key(&scope) {
            return Spent::default();
        }
        let own = self.now.entry(scope).or_default();
        *own = own.plus(spent);
        self.lately(scope, now, window)
    }

    /// What a count comes to over the length of a window that ends now.
    fn lately(&self, scope: Scope, now: Instant, window: Duration) -> Spent {
        let own = self.now.get(&scope).copied().unwrap_or_default();
        let left = window.saturating_sub(now.saturating_duration_since(self.begun));
        match self.before.get(&scope) {
            Some(before) => own.plus(before.share(left, window)),
            None => own,
        }
    }
}

impl Spent {
    fn plus(self, other: Self) -> Self {
        Self {
            connections: self.connections.saturating_add(other.connections),
            commands: self.commands.saturating_add(other.commands),
            errors: self.errors.saturating_add(other.errors),
            recipients: self.recipients.saturating_add(other.recipients),
            refused: self.refused.saturating_add(other.refused),
            octets: self.octets.saturating_add(other.octets),
        }
    }

    /// As much of it as one time is of another.
    fn share(self, part: Duration, of: Duration) -> Self {
        let (part, of) = (part.as_millis(), of.as_millis().max(1));
        let share = |count: u64| u64::try_from(u128::from(count) * part / of).unwrap_or(u64::MAX);
        let small = |count: u32| u32::try_from(share(count.into())).unwrap_or(u32::MAX);
        Self {
            connections: small(self.connections),
            commands: small(self.commands),
            errors: small(self.errors),
            recipients: small(self.recipients),
            refused: small(self.refused),
            octets: share(self.octets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Limits, Period};
    use crate::origin::Networks;

    fn rates() -> (Rates, Instant) {
        let begun = Instant::now();
        let none = config::Rates::default().all;
        let limits = config::Rates {
            window: Period::seconds(60),
            address: config::Rate {
                commands: 10,
                ..none
            },
            network: config::Rate {
                commands: 25,
                ..none
            },
            all: config::Rate {
                commands: 100,
                ..none
            },
        };
        (Rates::new(&limits, begun), begun)
    }

    fn commands(count: u32) -> Spent {
        Spent {
            commands: count,
            ..Spent::default()
        }
    }

    fn spend(rates: &Rates, client: &str, count: u32, at: Instant) -> Option<&'static str> {
        let origin = Networks::new(&Limits::default()).origin(client.parse().unwrap());
        let over = rates.spend(&origin, commands(count), at).err()?;
        assert_eq!(over.what, "commands");
        Some(over.scope)
    }

    #[test]
    fn each_scope_has_its_limit() {
        let (rates, now) = rates();
        assert_eq!(spend(&rates, "192.0.2.1", 10, now), None);
        assert_eq!(spend(&rates, "192.0.2.2", 10, now), None);
        assert_eq!(spend(&rates, "192.0.2.1", 1, now), Some("address"));
        assert_eq!(spend(&rates, "192.0.2.3", 5, now), Some("network"));
        for third in 1..=8 {
            let client = format!("198.51.{third}.1");
            let over = (third == 8).then_some("all");
            assert_eq!(spend(&rates, &client, 10, now), over, "{client}");
        }
        assert_eq!(spend(&rates, "127.0.0.1", 1_000, now), None);
        // Who does something else is not told of commands.
        let origin = Networks::new(&Limits::default()).origin("192.0.2.1".parse().unwrap());
        assert_eq!(rates.spend(&origin, Spent::default(), now), Ok(()));
    }

    #[test]
    fn what_was_done_before_fades_out() {
        let (rates, begun) = rates();
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(spend(&rates, "192.0.2.1", 10, at(59)), None);
        // Nearly all of the window before still counts.
        assert_eq!(spend(&rates, "192.0.2.1", 2, at(61)), Some("address"));
        assert_eq!(spend(&rates, "192.0.2.1", 2, at(90)), None);
        assert_eq!(spend(&rates, "192.0.2.1", 10, at(1_000)), None);
    }

    #[test]
    fn policy_is_told_what_an_address_did_lately() {
        let (rates, begun) = rates();
        let origin =
            |client: &str| Networks::new(&Limits::default()).origin(client.parse().unwrap());
        let did = Spent {
            errors: 4,
            refused: 2,
            ..Spent::default()
        };
        rates.spend(&origin("192.0.2.1"), did, begun).unwrap();
        let lately = |client: &str, seconds| {
            let now = begun + Duration::from_secs(seconds);
            rates.lately(&origin(client), now)
        };
        assert_eq!(lately("192.0.2.1", 59), did);
        assert_eq!(lately("192.0.2.2", 59), Spent::default());
        let half = lately("192.0.2.1", 90);
        assert_eq!((half.errors, half.refused), (2, 1));
        assert_eq!(lately("192.0.2.1", 120), Spent::default());
    }
}
