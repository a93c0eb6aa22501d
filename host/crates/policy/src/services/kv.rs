//! The key-value store as policy needs it, and the arithmetic of buckets and windows for those that keep them in memory.

use std::time::Duration;

use bytes::Bytes;

use super::Pending;

/// Events of a window that are kept one by one; beyond, those of a sixtieth of the window are one.
const EXACT_EVENTS: usize = 64;

/// Whose keys of the key-value store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space<'a> {
    /// The step's name.
    pub plugin: &'a str,
    /// The domain; none for the plugin's keys of the whole server.
    pub domain: Option<&'a str>,
}

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The octets.
    pub value: Bytes,
    /// From 1; every change raises it.
    pub version: u64,
}

/// A token bucket after a try to take from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketState {
    /// Whether the tokens were there, and taken.
    pub allowed: bool,
    /// What is left.
    pub remaining: f64,
    /// When they will be there, if they were not.
    pub retry_after: Duration,
}

/// What plugins remember.
pub trait KeyValues: Send + Sync + 'static {
    /// The values of keys, in their order.
    fn kv_get<'a>(
        &'a self,
        space: Space<'a>,
        keys: &'a [String],
    ) -> Pending<'a, Vec<Option<Versioned>>>;
    /// Sets a value; gives its version.
    fn kv_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, u64>;
    /// Sets many values: all, or on an error none.
    fn kv_set_many<'a>(
        &'a self,
        space: Space<'a>,
        values: &'a [(String, Vec<u8>)],
        ttl: Option<Duration>,
    ) -> Pending<'a, ()>;
    /// Sets a value if the stored version is `expected` (0: there is none); none if it was not.
    fn kv_compare_and_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        expected: u64,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, Option<u64>>;
    /// Removes a key of any kind.
    fn kv_delete<'a>(&'a self, space: Space<'a>, key: &'a str) -> Pending<'a, ()>;
    /// Adds to a counter; gives the sum.
    fn kv_increment<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        delta: i64,
        ttl: Option<Duration>,
    ) -> Pending<'a, i64>;
    /// Adds to many counters; gives the sums in their order.
    fn kv_increment_many<'a>(
        &'a self,
        space: Space<'a>,
        deltas: &'a [(String, i64)],
        ttl: Option<Duration>,
    ) -> Pending<'a, Vec<i64>>;
    /// Many counters in their order; 0 where there is none.
    fn kv_counters<'a>(&'a self, space: Space<'a>, keys: &'a [String]) -> Pending<'a, Vec<i64>>;
    /// Takes from a token bucket.
    fn kv_take<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        cost: f64,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, BucketState>;
    /// Counts an event; gives how many fell within the window.
    fn kv_count_window<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, u64>;
    /// Keys with a prefix after a key, in their order.
    fn kv_keys<'a>(
        &'a self,
        space: Space<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Pending<'a, Vec<String>>;
    /// What a token bucket holds; nothing is taken.
    fn kv_level<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, f64>;
    /// The events of a window, the oldest first: how long ago, and how many; none is counted.
    fn kv_events<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, Vec<(Duration, u64)>>;
}

/// A token bucket in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// What it held, and when.
    pub(crate) level: f64,
    pub(crate) at: Duration,
}

impl Bucket {
    /// What it holds now.
    pub(crate) fn level(&self, capacity: f64, refill_per_second: f64, now: Duration) -> f64 {
        let since = now.saturating_sub(self.at).as_secs_f64();
        (self.level + since * refill_per_second).min(capacity)
    }

    pub(crate) fn take(
        &mut self,
        (cost, capacity, refill_per_second): (f64, f64, f64),
        now: Duration,
    ) -> BucketState {
        let level = self.level(capacity, refill_per_second, now);
        let allowed = level >= cost;
        let remaining = if allowed { level - cost } else { level };
        *self = Self {
            level: remaining,
            at: now,
        };
        let missing = if allowed {
            0.0
        } else {
            (cost - level) / refill_per_second
        };
        BucketState {
            allowed,
            remaining,
            retry_after: Duration::try_from_secs_f64(missing).unwrap_or(Duration::MAX),
        }
    }
}

/// The events of a window in memory, the oldest first: when, and how many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(pub(crate) Vec<(Duration, u64)>);

impl Events {
    /// Counts one more; gives how many fell within the window.
    pub(crate) fn count(&mut self, window: Duration, now: Duration) -> u64 {
        self.0.retain(|(at, _)| now.saturating_sub(*at) < window);
        let crowded = self.0.len() >= EXACT_EVENTS;
        match self.0.last_mut() {
            Some((at, count)) if crowded && now.saturating_sub(*at) < window / 60 => *count += 1,
            _ => self.0.push((now, 1)),
        }
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// How long ago they were.
    pub(crate) fn ages(&self, window: Duration, now: Duration) -> Vec<(Duration, u64)> {
        let ages = self.0.iter();
        ages.map(|(at, count)| (now.saturating_sub(*at), *count))
            .filter(|(age, _)| *age < window)
            .collect()
    }
}
