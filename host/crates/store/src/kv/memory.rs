//! Counters, token buckets and windows in memory, ahead of the database.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use super::{BucketState, Namespace};
use crate::shared::lock;

/// Tallies kept in memory; beyond, those that are written are forgotten.
const MAX_TALLIES: usize = 65_536;
/// Events of a window that are kept one by one.
const EXACT: usize = 64;
/// A bucket that does not refill is kept this long.
const IDLE_BUCKET: i64 = 30 * 86_400_000;

/// A key with its kind: 1 counter, 2 bucket, 3 window.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KvKey {
    pub(crate) namespace: Namespace,
    pub(crate) kind: u8,
    pub(crate) key: String,
}

/// A tally as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Memo {
    /// A counter's change since it was last written.
    pub(crate) delta: i64,
    pub(crate) expires: i64,
    pub(crate) value: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Counter(i64),
    Bucket {
        tokens: f64,
        at: i64,
    },
    /// (time, events), ascending.
    Window(VecDeque<(i64, u64)>),
}

/// A counter, bucket or window.
#[derive(Debug)]
pub(crate) struct Tally {
    state: State,
    /// Milliseconds of Unix time; 0 never.
    expires: i64,
    changed: bool,
    delta: i64,
}

impl Tally {
    fn new(state: State) -> Tally {
        Tally {
            state,
            expires: 0,
            changed: false,
            delta: 0,
        }
    }

    /// From a row; what cannot be read counts as new.
    pub(crate) fn decode(kind: u8, number: i64, expires: i64, value: &[u8]) -> Tally {
        let numbers: Vec<u64> = value
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| u64::from_be_bytes(*bytes))
            .collect();
        let state = match (kind, numbers.as_slice()) {
            (2, [tokens, at]) => State::Bucket {
                tokens: f64::from_bits(*tokens),
                at: at.cast_signed(),
            },
            (3, pairs) => State::Window(
                pairs
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|[time, events]| (time.cast_signed(), *events))
                    .collect(),
            ),
            _ => State::Counter(number),
        };
        Tally {
            expires,
            ..Tally::new(state)
        }
    }

    /// What a counter counts.
    pub(crate) fn number(&self) -> i64 {
        match self.state {
            State::Counter(number) => number,
            State::Bucket { .. } | State::Window(_) => 0,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let numbers: Vec<u64> = match &self.state {
            State::Counter(_) => Vec::new(),
            State::Bucket { tokens, at } => vec![tokens.to_bits(), at.cast_unsigned()],
            State::Window(events) => events
                .iter()
                .flat_map(|(time, events)| [time.cast_unsigned(), *events])
                .collect(),
        };
        numbers.into_iter().flat_map(u64::to_be_bytes).collect()
    }

    fn is_over(&self, now: i64) -> bool {
        self.expires > 0 && self.expires <= now
    }
}

/// All tallies of this process.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tallies: Mutex<HashMap<KvKey, Tally>>,
}

impl Memory {
    pub(crate) fn has(&self, key: &KvKey, now: i64) -> bool {
        lock(&self.tallies)
            .get(key)
            .is_some_and(|tally| !tally.is_over(now))
    }

    /// The value of a counter that is here.
    pub(crate) fn counter(&self, key: &KvKey, now: i64) -> Option<i64> {
        let tallies = lock(&self.tallies);
        let tally = tallies.get(key).filter(|tally| !tally.is_over(now))?;
        Some(tally.number())
    }

    pub(crate) fn is_full(&self) -> bool {
        lock(&self.tallies).len() >= MAX_TALLIES
    }

    /// Changes a tally; one that memory does not have begins as `stored`, else as `new` says.
    fn change<T>(
        &self,
        key: KvKey,
        stored: Option<Tally>,
        now: i64,
        new: impl Fn() -> Tally,
        change: impl FnOnce(&mut Tally) -> T,
    ) -> T {
        let mut tallies = lock(&self.tallies);
        let tally = tallies
            .entry(key)
            .or_insert_with(|| stored.unwrap_or_else(&new));
        if tally.is_over(now) {
            *tally = new();
        }
        tally.changed = true;
        change(tally)
    }

    pub(crate) fn increment(
        &self,
        key: KvKey,
        stored: Option<Tally>,
        delta: i64,
        expires: i64,
        now: i64,
    ) -> i64 {
        let new = || Tally {
            expires,
            ..Tally::new(State::Counter(0))
        };
        self.change(key, stored, now, new, |tally| {
            let State::Counter(value) = &mut tally.state else {
                return delta;
            };
            *value = value.saturating_add(delta);
            tally.delta = tally.delta.saturating_add(delta);
            *value
        })
    }

    pub(crate) fn take(
        &self,
        key: KvKey,
        stored: Option<Tally>,
        cost: f64,
        capacity: f64,
        refill: f64,
        now: i64,
    ) -> BucketState {
        let new = || {
            Tally::new(State::Bucket {
                tokens: capacity,
                at: now,
            })
        };
        self.change(key, stored, now, new, |tally| {
            let State::Bucket { tokens, at } = &mut tally.state else {
                return BucketState {
                    allowed: true,
                    remaining: capacity,
                    retry_after: Duration::ZERO,
                };
            };
            let seconds =
                Duration::from_millis(u64::try_from(now.saturating_sub(*at)).unwrap_or(0))
                    .as_secs_f64();
            *tokens = (*tokens + seconds * refill).min(capacity);
            *at = now;
            let allowed = *tokens >= cost;
            if allowed {
                *tokens -= cost;
            }
            let missing = if allowed { 0.0 } else { cost - *tokens };
            let never = cost > capacity || refill == 0.0;
            let retry_after = match allowed {
                true => Duration::ZERO,
                false if never => Duration::MAX,
                false => Duration::try_from_secs_f64(missing / refill).unwrap_or(Duration::MAX),
            };
            // A bucket that is full again is as good as none.
            let full_in =
                Duration::try_from_secs_f64((capacity - *tokens) / refill).unwrap_or(Duration::MAX);
            tally.expires = now
                .saturating_add(
                    i64::try_from(full_in.as_millis())
                        .unwrap_or(i64::MAX)
                        .min(IDLE_BUCKET),
                )
                .saturating_add(1);
            BucketState {
                allowed,
                remaining: *tokens,
                retry_after,
            }
        })
    }

    pub(crate) fn count(&self, key: KvKey, stored: Option<Tally>, window: i64, now: i64) -> u64 {
        self.change(
            key,
            stored,
            now,
            || Tally::new(State::Window(VecDeque::new())),
            |tally| {
                let State::Window(events) = &mut tally.state else {
                    return 1;
                };
                while events
                    .front()
                    .is_some_and(|(time, _)| time.saturating_add(window) <= now)
                {
                    events.pop_front();
                }
                let slot = window / 60;
                // One by one at first, then by slots.
                let apart = if events.len() < EXACT { 1 } else { slot.max(1) };
                match events.back_mut() {
                    Some((time, count)) if now.saturating_sub(*time) < apart => *count += 1,
                    _ => events.push_back((now, 1)),
                }
                tally.expires = now.saturating_add(window);
                events.iter().map(|(_, count)| count).sum()
            },
        )
    }

    pub(crate) fn delete(&self, namespace: &Namespace, key: &str) {
        let mut tallies = lock(&self.tallies);
        for kind in 1..=3 {
            tallies.remove(&KvKey {
                namespace: namespace.clone(),
                kind,
                key: key.to_owned(),
            });
        }
    }

    pub(crate) fn forget_expired(&self, now: i64) {
        lock(&self.tallies).retain(|_, tally| !tally.is_over(now));
    }

    /// Makes room: what the database has can be read again.
    pub(crate) fn forget_written(&self) {
        lock(&self.tallies).retain(|_, tally| tally.changed);
    }

    /// What changed since the last call, to be written.
    pub(crate) fn take_changed(&self) -> Vec<(KvKey, Memo)> {
        let mut tallies = lock(&self.tallies);
        let changed = tallies.iter_mut().filter(|(_, tally)| tally.changed);
        let memo = |(key, tally): (&KvKey, &mut Tally)| {
            tally.changed = false;
            (
                key.clone(),
                Memo {
                    delta: std::mem::take(&mut tally.delta),
                    expires: tally.expires,
                    value: tally.encode(),
                },
            )
        };
        changed.map(memo).collect()
    }

    /// What could not be written is changed still.
    pub(crate) fn put_back(&self, memos: Vec<(KvKey, Memo)>) {
        let mut tallies = lock(&self.tallies);
        for (key, memo) in memos {
            if let Some(tally) = tallies.get_mut(&key) {
                tally.changed = true;
                tally.delta = tally.delta.saturating_add(memo.delta);
            }
        }
    }
}
