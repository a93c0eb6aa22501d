//! The pretended server's key-values: values, counters, buckets and windows that do not meet, by the world's clock.

use std::collections::BTreeMap;

/// A key: area (`domain/…` or `plugin`) and name.
type Key = (String, String);

#[derive(Debug, Clone)]
struct Value {
    bytes: Vec<u8>,
    version: u64,
    expires: Option<u64>,
}

/// The store.
#[derive(Debug, Default)]
pub struct Kv {
    values: BTreeMap<Key, Value>,
    counters: BTreeMap<Key, (i64, Option<u64>)>,
    buckets: BTreeMap<Key, (f64, u64)>,
    windows: BTreeMap<Key, Vec<u64>>,
    last_version: u64,
}

fn alive(expires: Option<u64>, now: u64) -> bool {
    expires.is_none_or(|expires| now < expires)
}

impl Kv {
    pub(super) fn get(&self, key: &Key, now: u64) -> Option<(Vec<u8>, u64)> {
        let value = self
            .values
            .get(key)
            .filter(|value| alive(value.expires, now))?;
        Some((value.bytes.clone(), value.version))
    }

    pub(super) fn set(&mut self, key: Key, bytes: &[u8], ttl: Option<u64>, now: u64) -> u64 {
        self.last_version += 1;
        let value = Value {
            bytes: bytes.to_vec(),
            version: self.last_version,
            expires: ttl.map(|ttl| now + ttl),
        };
        self.values.insert(key, value);
        self.last_version
    }

    pub(super) fn delete(&mut self, key: &Key) {
        self.values.remove(key);
        self.counters.remove(key);
        self.buckets.remove(key);
        self.windows.remove(key);
    }

    pub(super) fn increment(&mut self, key: Key, delta: i64, ttl: Option<u64>, now: u64) -> i64 {
        let fresh = (0, ttl.map(|ttl| now + ttl));
        let counter = self.counters.entry(key).or_insert(fresh);
        if !alive(counter.1, now) {
            *counter = fresh;
        }
        counter.0 += delta;
        counter.0
    }

    pub(super) fn counter(&self, key: &Key, now: u64) -> i64 {
        self.counters
            .get(key)
            .filter(|(_, expires)| alive(*expires, now))
            .map_or(0, |(count, _)| *count)
    }

    /// Whether they were taken, and what is left.
    pub(super) fn take(
        &mut self,
        key: Key,
        cost: f64,
        capacity: f64,
        refill: f64,
        now: u64,
    ) -> (bool, f64) {
        let (tokens, since) = self.buckets.entry(key).or_insert((capacity, now));
        let gained =
            std::time::Duration::from_millis(now.saturating_sub(*since)).as_secs_f64() * refill;
        *tokens = (*tokens + gained).min(capacity);
        *since = now;
        let allowed = *tokens >= cost;
        if allowed {
            *tokens -= cost;
        }
        (allowed, *tokens)
    }

    pub(super) fn count_window(&mut self, key: Key, window: u64, now: u64) -> u64 {
        let events = self.windows.entry(key).or_default();
        events.retain(|event| event + window > now);
        events.push(now);
        events.len() as u64
    }

    pub(super) fn keys(
        &self,
        area: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        now: u64,
    ) -> Vec<String> {
        let values = self
            .values
            .iter()
            .filter(|(_, value)| alive(value.expires, now))
            .map(|(key, _)| key);
        let counters = self
            .counters
            .iter()
            .filter(|(_, (_, expires))| alive(*expires, now))
            .map(|(key, _)| key);
        let mut keys: Vec<String> = values
            .chain(counters)
            .filter(|(of, name)| {
                of == area
                    && name.starts_with(prefix)
                    && after.is_none_or(|after| name.as_str() > after)
            })
            .map(|(_, name)| name.clone())
            .collect();
        keys.sort();
        keys.dedup();
        keys.truncate(limit);
        keys
    }
}
