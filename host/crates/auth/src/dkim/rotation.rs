//! When keys are made, published, used and taken away again: a plan without a clock, a store or a DNS of its own.
//!
//! Standards: RFC 6376 §3.1, §6.1.2 (keys stay published while mail that they signed is under way).
//! Invariants: nothing is signed with a key that was not seen in the DNS and given time to be seen by others; a key that signs is replaced
//! only by one that is ready; what is retired stays published for a while.
//!
//! The caller keeps [`RotatingKey`]s, looks up what [`Action::LookUp`] names, tells what it saw, and calls [`Rotation::step`] again.

use serde::{Deserialize, Serialize};

use super::Algorithm;
use super::signature::key_name;
use super::signing_key::is_published;
use crate::dns::{Lookups, Outcome, RecordKind};

/// Where a key is in its life. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It exists, and waits to be published.
    Generated,
    /// It was seen in the DNS, and may sign from then on.
    Published {
        /// When every cache can know it.
        ready: u64,
    },
    /// It signs.
    Signing {
        /// From when on.
        since: u64,
        /// When another one is to take over.
        until: u64,
    },
    /// It signs no more, and must stay published until then.
    Retiring {
        /// When mail that it signed has arrived.
        until: u64,
    },
    /// It can be forgotten, and its record removed.
    Removed,
}

/// A key, as far as its life is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotatingKey {
    /// `s=`.
    pub selector: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Where it is.
    pub phase: Phase,
}

/// How long things take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// For how long a key signs.
    pub lifetime: u64,
    /// How long before the end its successor is made.
    pub lead: u64,
    /// How long a published key waits at least; its TTL may make it longer.
    pub settle: u64,
    /// For how long a retired key stays published.
    pub grace: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            lifetime: 180 * DAY,
            lead: 14 * DAY,
            settle: 3600,
            // RFC 5321 §4.5.4.1: senders try for four to five days.
            grace: 7 * DAY,
        }
    }
}

/// What the caller is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a key, and add it in [`Phase::Generated`].
    Generate(Algorithm),
    /// Look whether this key is published, and tell [`Rotation::seen`].
    LookUp(String),
    /// This key's record can be removed.
    Withdraw(String),
}

/// What the DNS says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It is published, and may be kept for so many seconds.
    Published(u64),
    /// It is not, or something else is in its place.
    Absent,
    /// The DNS did not answer.
    Unknown,
}

/// The keys of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// All that are not forgotten.
    pub keys: Vec<RotatingKey>,
    /// How long things take.
    pub schedule: Schedule,
}

impl Rotation {
    /// Moves keys on as far as the time allows, and says what is to be done for the rest.
    pub fn step(&mut self, now: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        for algorithm in [Algorithm::RsaSha256, Algorithm::Ed25519Sha256] {
            self.succeed(algorithm, now);
            if self.needs_key(algorithm, now) {
                actions.push(Action::Generate(algorithm));
            }
        }
        for key in &mut self.keys {
            match key.phase {
                // Once more before it signs: what was published may be gone again.
                Phase::Generated | Phase::Published { .. } => {
                    actions.push(Action::LookUp(key.selector.clone()));
                }
                Phase::Retiring { until } if until <= now => {
                    key.phase = Phase::Removed;
                    actions.push(Action::Withdraw(key.selector.clone()));
                }
                _ => {}
            }
        }
        self.keys.retain(|key| key.phase != Phase::Removed);
        actions
    }

    /// Takes in what the DNS says of a key that waits to be published.
    pub fn seen(&mut self, selector: &str, sight: Sight, now: u64) {
        let settle = self.schedule.settle;
        for key in self.keys.iter_mut().filter(|key| key.selector == selector) {
            key.phase = match (key.phase, sight) {
                (Phase::Generated, Sight::Published(ttl)) => Phase::Published {
                    ready: now.saturating_add(ttl.max(settle)),
                },
                // What vanished before it signed starts again.
                (Phase::Published { .. }, Sight::Absent) => Phase::Generated,
                (phase, _) => phase,
            };
        }
    }

    /// The keys that sign are to be replaced as soon as others are ready; [`Self::step`] says which to make.
    pub fn replace(&mut self, now: u64) {
        for key in &mut self.keys {
            if let Phase::Signing { until, .. } = &mut key.phase {
                *until = now.min(*until);
            }
        }
    }

    /// Retires a key at once: it leaked. Its record should go at once, too, so that nothing it signs is believed.
    pub fn revoke(&mut self, selector: &str) {
        self.keys.retain(|key| key.selector != selector);
    }

    /// The keys that sign, an RSA key first.
    #[must_use]
    pub fn signing(&self) -> Vec<&RotatingKey> {
        let of = |algorithm| {
            let signs = move |key: &&RotatingKey| {
                key.algorithm == algorithm && matches!(key.phase, Phase::Signing { .. })
            };
            self.keys.iter().filter(signs)
        };
        of(Algorithm::RsaSha256)
            .chain(of(Algorithm::Ed25519Sha256))
            .collect()
    }

    /// A selector for a new key that no other one has: `r20261126`, `e20261126b`.
    #[must_use]
    pub fn new_selector(&self, algorithm: Algorithm, now: u64) -> String {
        let day = i64::try_from(now)
            .ok()
            .and_then(|now| jiff::Timestamp::from_second(now).ok());
        let day = day.unwrap_or_default().strftime("%Y%m%d").to_string();
        let kind = match algorithm {
            Algorithm::RsaSha256 => 'r',
            Algorithm::Ed25519Sha256 => 'e',
        };
        let free = |selector: &String| self.keys.iter().all(|key| key.selector != *selector);
        let first = std::iter::once(format!("{kind}{day}"));
        let others = ('b'..='z').map(|letter| format!("{kind}{day}{letter}"));
        let numbered = (0_u32..).map(|number| format!("{kind}{day}-{number}"));
        first
            .chain(others)
            .chain(numbered)
            .find(free)
            .unwrap_or_default()
    }

    /// A published key that is ready takes over from one whose time has come, or from none.
    fn succeed(&mut self, algorithm: Algorithm, now: u64) {
        let Schedule {
            lifetime, grace, ..
        } = self.schedule;
        let current = self.keys.iter().position(|key| {
            key.algorithm == algorithm && matches!(key.phase, Phase::Signing { .. })
        });
        let over = current
            .and_then(|at| self.keys.get(at))
            .is_none_or(|key| matches!(key.phase, Phase::Signing { until, .. } if until <= now));
        let is_ready = |key: &RotatingKey| {
            key.algorithm == algorithm
                && matches!(key.phase, Phase::Published { ready } if ready <= now)
        };
        let Some(next) = self.keys.iter().position(is_ready).filter(|_| over) else {
            return;
        };
        if let Some(old) = current.and_then(|at| self.keys.get_mut(at)) {
            old.phase = Phase::Retiring {
                until: now.saturating_add(grace),
            };
        }
        if let Some(key) = self.keys.get_mut(next) {
            key.phase = Phase::Signing {
                since: now,
                until: now.saturating_add(lifetime),
            };
        }
    }

    /// Whether a key is missing, or soon will be.
    fn needs_key(&self, algorithm: Algorithm, now: u64) -> bool {
        let Schedule { lead, .. } = self.schedule;
        let lasts = |key: &RotatingKey| match key.phase {
            Phase::Generated | Phase::Published { .. } => true,
            Phase::Signing { until, .. } => now < until.saturating_sub(lead),
            Phase::Retiring { .. } | Phase::Removed => false,
        };
        let mut keys = self.keys.iter().filter(|key| key.algorithm == algorithm);
        !keys.any(lasts)
    }
}

/// Looks a key up in the DNS, given the text that is to be published.
pub async fn look_up(
    key: &RotatingKey,
    record: &str,
    domain: &str,
    lookups: &Lookups<'_>,
) -> Sight {
    let name = key_name(&key.selector, domain);
    let answer = lookups.ask(&name, RecordKind::Txt).await;
    if answer.outcome == Outcome::Failed {
        return Sight::Unknown;
    }
    // Verifiers may take any of several texts, so that each must be the key's.
    let mut texts = answer.texts().peekable();
    let is_it = |text| is_published(record, key.algorithm, text);
    if texts.peek().is_some() && texts.all(is_it) {
        Sight::Published(answer.ttl.as_secs())
    } else {
        Sight::Absent
    }
}
