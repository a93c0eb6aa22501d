//! Small values for plugins: stored values with versions, counters, token buckets, sliding windows.
//!
//! `set`, `compare_and_set` and `delete` are durable when they return. Counters, buckets and windows are answered from
//! memory and written behind: a crash can lose what the last second counted, never what was set.
//! On PostgreSQL values are shared by all hosts; counters are added up when written, buckets and windows count per host.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::RwLock;

pub(crate) use self::memory::{KvKey, Memo};
use self::memory::{Memory, Outdated, Read, Tally};
use crate::config::Clock;
use crate::database::{Readers, Value};
use crate::statement::{Rows, Sql};
use crate::writer::Writer;
use crate::writer::kv::{Delete, Remember, Set, SetMany};
use crate::{Error, Result};

mod memory;

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

static GET_MANY: Sql = Sql::new(
    "SELECT r.i, k.value, k.version FROM {4: i i, key t} AS r CROSS JOIN kv k
     WHERE k.plugin = $1 AND k.area = $2 AND k.domain = $3 AND k.kind = 0 AND k.key = r.key AND (k.expires = 0 OR k.expires > $5)",
);
static TALLY_MANY: Sql = Sql::new(
    "SELECT r.i, k.number, k.expires FROM {4: i i, key t} AS r CROSS JOIN kv k
     WHERE k.plugin = $1 AND k.area = $2 AND k.domain = $3 AND k.kind = 1 AND k.key = r.key AND (k.expires = 0 OR k.expires > $5)",
);
static KEYS: Sql = Sql::new(
    "SELECT key FROM kv WHERE plugin = $1 AND area = $2 AND domain = $3 AND kind = 0 AND key >= $4 AND key < $5 AND key > $6
     AND (expires = 0 OR expires > $7) ORDER BY key LIMIT $8",
);
static TALLY: Sql = Sql::new(
    "SELECT number, expires, value FROM kv WHERE plugin = $1 AND area = $2 AND domain = $3 AND kind = $4 AND key = $5
     AND (expires = 0 OR expires > $6)",
);

/// The key-value store. Get one from [`crate::Store::kv`]. Key too long, value too large: [`Error::TooLarge`].
#[derive(Debug)]
pub struct Kv {
    readers: Readers,
    writer: Writer,
    clock: Clock,
    memory: Memory,
    /// Held for writing while counts are on their way to the database, for reading while a key is deleted: a count
    /// that overtakes the deletion of its key would bring it back.
    writing: RwLock<()>,
}

fn check(key: &str) -> Result<()> {
    if key.len() > MAX_KEY {
        return Err(Error::TooLarge {
            what: "key",
            size: key.len(),
            limit: MAX_KEY,
        });
    }
    if key.contains('\0') {
        return Err(Error::InvalidName {
            name: key.to_owned(),
            reason: "a key has no NUL",
        });
    }
    Ok(())
}

fn check_count(keys: usize) -> Result<()> {
    if keys > MAX_KEYS {
        return Err(Error::TooLarge {
            what: "list of keys",
            size: keys,
            limit: MAX_KEYS,
        });
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<()> {
    if value.len() > MAX_VALUE {
        return Err(Error::TooLarge {
            what: "value",
            size: value.len(),
            limit: MAX_VALUE,
        });
    }
    Ok(())
}

fn name_values(namespace: &Namespace) -> Vec<Value> {
    [&namespace.plugin, &namespace.area, &namespace.domain]
        .map(|name| Value::from(name.as_str()))
        .to_vec()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Kv {
    pub(crate) fn new(readers: Readers, writer: Writer, clock: Clock) -> Kv {
        Kv {
            readers,
            writer,
            clock,
            memory: Memory::default(),
            writing: RwLock::default(),
        }
    }

    /// When what lives for `ttl` from now ends; 0 never.
    fn expiry(&self, ttl: Option<Duration>) -> i64 {
        ttl.map_or(0, |ttl| self.clock.now().saturating_add(millis(ttl)).max(1))
    }

    /// The value of a key.
    pub async fn get(&self, namespace: &Namespace, key: &str) -> Result<Option<Versioned>> {
        let found = self.get_many(namespace, &[key.to_owned()]).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// The values of several keys, in their order.
    pub async fn get_many(
        &self,
        namespace: &Namespace,
        keys: &[String],
    ) -> Result<Vec<Option<Versioned>>> {
        check_count(keys.len())?;
        let mut rows = Rows::default();
        for (i, key) in (0..).zip(keys) {
            check(key)?;
            rows.row().int(i).str(key);
        }
        let mut values = name_values(namespace);
        values.extend([rows.into(), self.clock.now().into()]);
        let mut found: Vec<Option<Versioned>> = vec![None; keys.len()];
        for row in self.readers.fetch(&GET_MANY, values).await? {
            let at = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
            if let Some(slot) = found.get_mut(at) {
                *slot = Some(Versioned {
                    value: row.bytes(1)?.into(),
                    version: row.natural(2)?,
                });
            }
        }
        Ok(found)
    }

    /// Sets a value; gone after `ttl`. Returns the new version.
    pub async fn set(
        &self,
        namespace: &Namespace,
        key: &str,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<u64> {
        let version = self.write(namespace, key, None, value, ttl).await?;
        version.ok_or_else(|| Error::Corrupt("a value without condition was not set".to_owned()))
    }

    /// Sets many values in one transaction, at most [`MAX_KEYS`]: all of them, or on an error none.
    pub async fn set_many(
        &self,
        namespace: &Namespace,
        values: &[(String, Vec<u8>)],
        ttl: Option<Duration>,
    ) -> Result<()> {
        check_count(values.len())?;
        let expires = self.expiry(ttl);
        let mut sets = Vec::with_capacity(values.len());
        for (key, value) in values {
            check(key)?;
            check_value(value)?;
            sets.push(Set {
                namespace: namespace.clone(),
                key: key.clone(),
                expected: None,
                value: value.clone(),
                expires,
            });
        }
        self.writer.write(SetMany(sets)).await
    }

    /// Sets a value if the stored version is `expected` (0: if there is none). None: it was not.
    pub async fn compare_and_set(
        &self,
        namespace: &Namespace,
        key: &str,
        expected: u64,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<Option<u64>> {
        self.write(namespace, key, Some(expected), value, ttl).await
    }

    async fn write(
        &self,
        namespace: &Namespace,
        key: &str,
        expected: Option<u64>,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<Option<u64>> {
        check(key)?;
        check_value(value)?;
        let expires = self.expiry(ttl);
        let set = Set {
            namespace: namespace.clone(),
            key: key.to_owned(),
            expected,
            value: value.to_vec(),
            expires,
        };
        self.writer.write(set).await
    }

    /// Removes a key, of whatever kind.
    pub async fn delete(&self, namespace: &Namespace, key: &str) -> Result<()> {
        check(key)?;
        let _turn = self.writing.read().await;
        self.memory.delete(namespace, key);
        let delete = Delete {
            namespace: namespace.clone(),
            key: key.to_owned(),
        };
        let deleted = self.writer.write(delete).await;
        // What was counted meanwhile was counted before the deletion.
        self.memory.delete(namespace, key);
        deleted
    }

    /// Adds to a counter and returns its value; `ttl` counts from its creation. Counters, buckets, windows and values
    /// of one key do not meet.
    pub async fn increment(
        &self,
        namespace: &Namespace,
        key: &str,
        delta: i64,
        ttl: Option<Duration>,
    ) -> Result<i64> {
        let expires = self.expiry(ttl);
        let key = self.key(namespace, 1, key).await?;
        loop {
            let read = self.stored(&key).await?;
            let now = self.clock.now();
            if let Ok(value) = self.memory.increment(&key, read, delta, expires, now) {
                return Ok(value);
            }
        }
    }

    /// Adds to many counters, at most [`MAX_KEYS`]; gives their values in this order.
    pub async fn increment_many(
        &self,
        namespace: &Namespace,
        deltas: &[(String, i64)],
        ttl: Option<Duration>,
    ) -> Result<Vec<i64>> {
        let expires = self.expiry(ttl);
        let keys = deltas.iter().map(|(key, _)| key.as_str());
        let counters = self.stored_counters(namespace, keys).await?;
        let now = self.clock.now();
        let mut values = Vec::with_capacity(deltas.len());
        for ((key, read), (name, delta)) in counters.into_iter().zip(deltas) {
            let added = self.memory.increment(&key, read, *delta, expires, now);
            values.push(match added {
                Ok(value) => value,
                Err(Outdated) => self.increment(namespace, name, *delta, ttl).await?,
            });
        }
        Ok(values)
    }

    /// The values of many counters, at most [`MAX_KEYS`], in this order; 0 where there is none.
    pub async fn counters(&self, namespace: &Namespace, keys: &[String]) -> Result<Vec<i64>> {
        loop {
            let counters = self
                .stored_counters(namespace, keys.iter().map(String::as_str))
                .await?;
            let now = self.clock.now();
            let value = |(key, read): &(KvKey, Read)| self.memory.counter(key, read, now);
            if let Ok(values) = counters.iter().map(value).collect() {
                return Ok(values);
            }
        }
    }

    /// Takes `cost` tokens from a bucket that holds `capacity` and gains `refill_per_second`; a new one is full.
    ///
    /// # Errors
    /// `NotAllowed` for numbers below 0 or not finite.
    pub async fn take(
        &self,
        namespace: &Namespace,
        key: &str,
        cost: f64,
        capacity: f64,
        refill_per_second: f64,
    ) -> Result<BucketState> {
        if [cost, capacity, refill_per_second]
            .iter()
            .any(|number| !number.is_finite() || *number < 0.0)
        {
            return Err(Error::NotAllowed(
                "cost, capacity and refill of a bucket are finite numbers from 0 on",
            ));
        }
        let key = self.key(namespace, 2, key).await?;
        let terms = (cost, capacity, refill_per_second);
        loop {
            let read = self.stored(&key).await?;
            if let Ok(state) = self.memory.take(&key, read, terms, self.clock.now()) {
                return Ok(state);
            }
        }
    }

    /// Counts an event and returns how many there were in the last `window`, this one included. Beyond 64 events they
    /// are counted in slots of a sixtieth of the window.
    pub async fn count_window(
        &self,
        namespace: &Namespace,
        key: &str,
        window: Duration,
    ) -> Result<u64> {
        let key = self.key(namespace, 3, key).await?;
        let window = millis(window).max(1);
        loop {
            let read = self.stored(&key).await?;
            if let Ok(count) = self.memory.count(&key, read, window, self.clock.now()) {
                return Ok(count);
            }
        }
    }

    /// What a bucket holds that [`Kv::take`] takes from; nothing is taken.
    pub async fn level(
        &self,
        namespace: &Namespace,
        key: &str,
        capacity: f64,
        refill_per_second: f64,
    ) -> Result<f64> {
        let key = self.key(namespace, 2, key).await?;
        loop {
            let read = self.stored(&key).await?;
            let now = self.clock.now();
            let level = |tally: Option<&Tally>| {
                tally.map_or(capacity, |tally| {
                    tally.level(capacity, refill_per_second, now)
                })
            };
            if let Ok(level) = self.memory.look(&key, &read, now, level) {
                return Ok(level);
            }
        }
    }

    /// The events that [`Kv::count_window`] counted in the last `window`, oldest first: how long ago, and how many.
    pub async fn events(
        &self,
        namespace: &Namespace,
        key: &str,
        window: Duration,
    ) -> Result<Vec<(Duration, u64)>> {
        let key = self.key(namespace, 3, key).await?;
        loop {
            let read = self.stored(&key).await?;
            let now = self.clock.now();
            let ages = |tally: Option<&Tally>| tally.map(|tally| tally.ages(now));
            if let Ok(ages) = self.memory.look(&key, &read, now, ages) {
                let mut ages = ages.unwrap_or_default();
                ages.retain(|(age, _)| *age < window);
                return Ok(ages);
            }
        }
    }

    /// Keys of stored values with a prefix, ascending, after a key, at most `limit`.
    pub async fn keys(
        &self,
        namespace: &Namespace,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        check(prefix)?;
        let end = format!("{prefix}\u{10ffff}\u{10ffff}");
        let mut values = name_values(namespace);
        values.extend([
            Value::from(prefix),
            Value::from(end),
            Value::from(after.unwrap_or_default()),
        ]);
        values.extend([
            self.clock.now().into(),
            i64::try_from(limit.min(MAX_KEYS)).unwrap_or(0).into(),
        ]);
        self.readers
            .fetch(&KEYS, values)
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect()
    }

    async fn key(&self, namespace: &Namespace, kind: u8, key: &str) -> Result<KvKey> {
        check(key)?;
        if self.memory.is_full() {
            self.write_out().await?;
            self.memory.forget_written();
        }
        Ok(KvKey {
            namespace: namespace.clone(),
            kind,
            key: key.to_owned(),
        })
    }

    /// Counters, and what the database has for those that memory does not have, read at once.
    async fn stored_counters(
        &self,
        namespace: &Namespace,
        keys: impl ExactSizeIterator<Item = &str>,
    ) -> Result<Vec<(KvKey, Read)>> {
        check_count(keys.len())?;
        let now = self.clock.now();
        let forgettings = self.memory.forgettings();
        let mut counters = Vec::with_capacity(keys.len());
        let mut missing = Rows::default();
        let mut complete = true;
        for (i, key) in (0..).zip(keys) {
            let key = self.key(namespace, 1, key).await?;
            if !self.memory.has(&key, now) {
                complete = false;
                missing.row().int(i).str(&key.key);
            }
            let stored = None;
            counters.push((
                key,
                Read {
                    forgettings,
                    stored,
                },
            ));
        }
        if complete {
            return Ok(counters);
        }
        let mut values = name_values(namespace);
        values.extend([missing.into(), now.into()]);
        for row in self.readers.fetch(&TALLY_MANY, values).await? {
            let at = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
            if let Some((_, read)) = counters.get_mut(at) {
                read.stored = Some(Tally::decode(1, row.int(1)?, row.int(2)?, &[]));
            }
        }
        Ok(counters)
    }

    /// What the database has for a key that memory does not have.
    async fn stored(&self, key: &KvKey) -> Result<Read> {
        let now = self.clock.now();
        let mut read = Read {
            forgettings: self.memory.forgettings(),
            stored: None,
        };
        if self.memory.has(key, now) {
            return Ok(read);
        }
        let mut values = name_values(&key.namespace);
        values.extend([
            i64::from(key.kind).into(),
            Value::from(key.key.as_str()),
            now.into(),
        ]);
        let row = self.readers.fetch_one(&TALLY, values).await?;
        if let Some(row) = row {
            let (number, expires, value) = (row.int(0)?, row.int(1)?, row.bytes(2)?);
            read.stored = Some(Tally::decode(key.kind, number, expires, &value));
        }
        Ok(read)
    }

    pub(crate) fn forget_expired(&self, now: i64) {
        self.memory.forget_expired(now);
    }

    /// Writes what was counted since the last time.
    pub(crate) async fn write_out(&self) -> Result<()> {
        let _turn = self.writing.write().await;
        let memos = self.memory.take_changed();
        if memos.is_empty() {
            return Ok(());
        }
        let written = self.writer.write(Remember(memos.clone())).await;
        self.memory.settle(&memos, written.is_ok());
        written
    }
}
