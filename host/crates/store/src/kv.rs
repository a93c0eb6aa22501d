//! Small values for plugins: stored values with versions, counters, token buckets, sliding windows.
//!
//! `set`, `compare_and_set` and `delete` are durable when they return. Counters, buckets and windows are answered from
//! memory and written behind: a crash can lose what the last second counted, never what was set.
//! On PostgreSQL values are shared by all hosts; counters are added up when written, buckets and windows count per host.

use std::time::Duration;

use bytes::Bytes;

use crate::{Error, Result};

/// Whose keys: those of one plugin in one area of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace {
    /// The plugin's name.
    pub plugin: String,
    /// The area, `plugin` or `tenant`.
    pub area: String,
    /// The domain; empty in areas that are not of a domain.
    pub domain: String,
}

/// A value and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The value.
    pub value: Bytes,
    /// Rises with every write of the key; never 0, never repeated.
    pub version: u64,
}

/// The state of a token bucket after taking from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketState {
    /// Whether there were enough tokens; if not, none were taken.
    pub allowed: bool,
    /// Tokens left.
    pub remaining: f64,
    /// Time until there would be enough; zero if allowed, `Duration::MAX` if never.
    pub retry_after: Duration,
}

/// Longest key, in bytes.
pub const MAX_KEY: usize = 512;
/// Largest value, in bytes.
pub const MAX_VALUE: usize = 256 * 1024;
/// Most keys that one listing or `get_many` takes.
pub const MAX_KEYS: usize = 1000;

/// The key-value store. Get one from [`crate::Store::kv`]. Key too long, value too large: [`Error::TooLarge`].
#[derive(Debug)]
pub struct Kv {}

impl Kv {
    /// The value of a key.
    pub async fn get(&self, _namespace: &Namespace, _key: &str) -> Result<Option<Versioned>> {
        Err(Error::Closed)
    }

    /// The values of several keys, in their order.
    pub async fn get_many(
        &self,
        _namespace: &Namespace,
        _keys: &[String],
    ) -> Result<Vec<Option<Versioned>>> {
        Err(Error::Closed)
    }

    /// Sets a value; gone after `ttl`. Returns the new version.
    pub async fn set(
        &self,
        _namespace: &Namespace,
        _key: &str,
        _value: &[u8],
        _ttl: Option<Duration>,
    ) -> Result<u64> {
        Err(Error::Closed)
    }

    /// Sets a value if the stored version is `expected` (0: if there is none). None: it was not.
    pub async fn compare_and_set(
        &self,
        _namespace: &Namespace,
        _key: &str,
        _expected: u64,
        _value: &[u8],
        _ttl: Option<Duration>,
    ) -> Result<Option<u64>> {
        Err(Error::Closed)
    }

    /// Removes a key, of whatever kind.
    pub async fn delete(&self, _namespace: &Namespace, _key: &str) -> Result<()> {
        Err(Error::Closed)
    }

    /// Adds to a counter and returns its value; `ttl` counts from its creation. Counters, buckets, windows and values
    /// of one key do not meet.
    pub async fn increment(
        &self,
        _namespace: &Namespace,
        _key: &str,
        _delta: i64,
        _ttl: Option<Duration>,
    ) -> Result<i64> {
        Err(Error::Closed)
    }

    /// Takes `cost` tokens from a bucket that holds `capacity` and gains `refill_per_second`; a new one is full.
    pub async fn take(
        &self,
        _namespace: &Namespace,
        _key: &str,
        _cost: f64,
        _capacity: f64,
        _refill_per_second: f64,
    ) -> Result<BucketState> {
        Err(Error::Closed)
    }

    /// Counts an event and returns how many there were in the last `window`, this one included. Windows above a
    /// thousand events are counted in slots of a sixtieth of the window.
    pub async fn count_window(
        &self,
        _namespace: &Namespace,
        _key: &str,
        _window: Duration,
    ) -> Result<u64> {
        Err(Error::Closed)
    }

    /// Keys of stored values with a prefix, ascending, after a key, at most `limit`.
    pub async fn keys(
        &self,
        _namespace: &Namespace,
        _prefix: &str,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<String>> {
        Err(Error::Closed)
    }
}
