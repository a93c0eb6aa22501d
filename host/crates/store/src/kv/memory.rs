//! Counters, token buckets and windows in memory, ahead of the database.
//!
//! A tally that memory does not have is read from the database and then changed here. Between the two it may have been
//! counted, written and forgotten again, or deleted: what was read is only taken if nothing was forgotten meanwhile
//! ([`Read`]), else it is read anew. So every caller sees all that was answered before it asked.

use std::collections::hash_map::Entry;
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
    /// It is on its way to the database, which may have an older one still.
    writing: bool,
    delta: i64,
}

impl Tally {
    fn new(state: State) -> Tally {
        Tally {
            state,
            expires: 0,
            changed: false,
            writing: false,
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

    /// What a bucket holds.
    pub(crate) fn level(&self, capacity: f64, refill: f64, now: i64) -> f64 {
        match self.state {
            State::Bucket { tokens, at } => {
                filled(tokens, now.saturating_sub(at), capacity, refill)
            }
            State::Counter(_) | State::Window(_) => capacity,
        }
    }

    /// The events of a window: how long ago, and how many.
    pub(crate) fn ages(&self, now: i64) -> Vec<(Duration, u64)> {
        let State::Window(events) = &self.state else {
            return Vec::new();
        };
        let age = |at: i64| u64::try_from(now.saturating_sub(at)).unwrap_or(0);
        let events = events.iter();
        events
            .map(|(at, count)| (Duration::from_millis(age(*at)), *count))
            .collect()
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

/// The tokens of a bucket after so many milliseconds.
fn filled(tokens: f64, millis: i64, capacity: f64, refill: f64) -> f64 {
    let seconds = Duration::from_millis(u64::try_from(millis).unwrap_or(0)).as_secs_f64();
    (tokens + seconds * refill).min(capacity)
}

/// What the database had for a key that memory did not have, and when it was asked.
#[derive(Debug)]
pub(crate) struct Read {
    /// [`Memory::forgettings`] before the database was asked.
    pub(crate) forgettings: u64,
    /// None: memory had the key, or the database did not.
    pub(crate) stored: Option<Tally>,
}

/// Memory has forgotten something since the database was asked: it is to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outdated;

#[derive(Debug, Default)]
struct Tallies {
    of: HashMap<KvKey, Tally>,
    /// Rises whenever one is forgotten that lives on in the database, or is deleted.
    forgettings: u64,
}

/// All tallies of this process.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tallies: Mutex<Tallies>,
}

impl Memory {
    pub(crate) fn has(&self, key: &KvKey, now: i64) -> bool {
        lock(&self.tallies)
            .of
            .get(key)
            .is_some_and(|tally| !tally.is_over(now))
    }

    /// To be asked before the database is.
    pub(crate) fn forgettings(&self) -> u64 {
        lock(&self.tallies).forgettings
    }

    /// The value of a counter, here or as it was read; 0 if there is none.
    pub(crate) fn counter(&self, key: &KvKey, read: &Read, now: i64) -> Result<i64, Outdated> {
        self.look(key, read, now, |tally| tally.map_or(0, Tally::number))
    }

    /// Looks at a tally, here or as it was read, and changes nothing; none if there is none.
    pub(crate) fn look<T>(
        &self,
        key: &KvKey,
        read: &Read,
        now: i64,
        look: impl FnOnce(Option<&Tally>) -> T,
    ) -> Result<T, Outdated> {
        let tallies = lock(&self.tallies);
        let tally = match tallies.of.get(key) {
            Some(tally) => Some(tally),
            None if tallies.forgettings != read.forgettings => return Err(Outdated),
            None => read.stored.as_ref(),
        };
        Ok(look(tally.filter(|tally| !tally.is_over(now))))
    }

    pub(crate) fn is_full(&self) -> bool {
        lock(&self.tallies).of.len() >= MAX_TALLIES
    }

    /// Changes a tally; one that memory does not have begins as it was read, else as `new` says.
    fn change<T>(
        &self,
        key: &KvKey,
        read: Read,
        now: i64,
        new: impl Fn() -> Tally,
        change: impl FnOnce(&mut Tally) -> T,
    ) -> Result<T, Outdated> {
        let mut tallies = lock(&self.tallies);
        let forgettings = tallies.forgettings;
        let tally = match tallies.of.entry(key.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if forgettings != read.forgettings => return Err(Outdated),
            Entry::Vacant(entry) => entry.insert(read.stored.unwrap_or_else(&new)),
        };
        if tally.is_over(now) {
            let writing = tally.writing;
            *tally = Tally { writing, ..new() };
        }
        tally.changed = true;
        Ok(change(tally))
    }

    pub(crate) fn increment(
        &self,
        key: &KvKey,
        read: Read,
        delta: i64,
        expires: i64,
        now: i64,
    ) -> Result<i64, Outdated> {
        let new = || Tally {
            expires,
            ..Tally::new(State::Counter(0))
        };
        self.change(key, read, now, new, |tally| {
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
        key: &KvKey,
        read: Read,
        (cost, capacity, refill): (f64, f64, f64),
        now: i64,
    ) -> Result<BucketState, Outdated> {
        let new = || {
            Tally::new(State::Bucket {
                tokens: capacity,
                at: now,
            })
        };
        self.change(key, read, now, new, |tally| {
            let State::Bucket { tokens, at } = &mut tally.state else {
                return BucketState {
                    allowed: true,
                    remaining: capacity,
                    retry_after: Duration::ZERO,
                };
            };
            *tokens = filled(*tokens, now.saturating_sub(*at), capacity, refill);
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

    pub(crate) fn count(
        &self,
        key: &KvKey,
        read: Read,
        window: i64,
        now: i64,
    ) -> Result<u64, Outdated> {
        self.change(
            key,
            read,
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
        tallies.forgettings += 1;
        for kind in 1..=3 {
            tallies.of.remove(&KvKey {
                namespace: namespace.clone(),
                kind,
                key: key.to_owned(),
            });
        }
    }

    pub(crate) fn forget_expired(&self, now: i64) {
        let mut tallies = lock(&self.tallies);
        tallies.forgettings += 1;
        tallies
            .of
            .retain(|_, tally| tally.writing || !tally.is_over(now));
    }

    /// Makes room: what the database has can be read again.
    pub(crate) fn forget_written(&self) {
        let mut tallies = lock(&self.tallies);
        tallies.forgettings += 1;
        tallies.of.retain(|_, tally| tally.changed || tally.writing);
    }

    /// What changed since the last call, to be written.
    pub(crate) fn take_changed(&self) -> Vec<(KvKey, Memo)> {
        let mut tallies = lock(&self.tallies);
        let changed = tallies.of.iter_mut().filter(|(_, tally)| tally.changed);
        let memo = |(key, tally): (&KvKey, &mut Tally)| {
            tally.changed = false;
            tally.writing = true;
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

    /// These are in the database now; if not, they are changed still.
    pub(crate) fn settle(&self, memos: &[(KvKey, Memo)], written: bool) {
        let mut tallies = lock(&self.tallies);
        for (key, memo) in memos {
            if let Some(tally) = tallies.of.get_mut(key) {
                tally.writing = false;
                if !written {
                    tally.changed = true;
                    tally.delta = tally.delta.saturating_add(memo.delta);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> KvKey {
        let text = String::new;
        let namespace = Namespace {
            plugin: text(),
            area: text(),
            domain: text(),
        };
        KvKey {
            namespace,
            kind: 1,
            key: text(),
        }
    }

    fn read(memory: &Memory, number: i64) -> Read {
        Read {
            forgettings: memory.forgettings(),
            stored: Some(Tally::new(State::Counter(number))),
        }
    }

    #[test]
    fn what_was_read_before_it_was_counted_written_and_forgotten_is_outdated() {
        let (memory, key) = (Memory::default(), key());
        let early = read(&memory, 5);
        assert_eq!(memory.increment(&key, read(&memory, 5), 1, 0, 0), Ok(6));
        let memos = memory.take_changed();
        // On its way: the database may still say 5, so memory keeps it.
        memory.forget_written();
        assert_eq!(memory.increment(&key, read(&memory, 5), 1, 0, 0), Ok(7));
        memory.settle(&memos, true);
        let memos = memory.take_changed();
        memory.settle(&memos, true);
        memory.forget_written();
        assert_eq!(memory.counter(&key, &early, 0), Err(Outdated));
        assert_eq!(memory.increment(&key, early, 1, 0, 0), Err(Outdated));
        assert_eq!(memory.increment(&key, read(&memory, 7), 1, 0, 0), Ok(8));
    }

    #[test]
    fn what_was_not_written_is_written_again() {
        let (memory, key) = (Memory::default(), key());
        assert_eq!(memory.increment(&key, read(&memory, 5), 2, 0, 0), Ok(7));
        let memos = memory.take_changed();
        assert_eq!(memory.increment(&key, read(&memory, 5), 3, 0, 0), Ok(10));
        memory.settle(&memos, false);
        let again: Vec<i64> = memory
            .take_changed()
            .iter()
            .map(|(_, memo)| memo.delta)
            .collect();
        assert_eq!(again, [5]);
    }
}
