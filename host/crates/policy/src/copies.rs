//! The keys of a step while nothing of it counts: copies in memory, over the real ones, which are read and never written.
//!
//! Invariants: a trial sees what it wrote, and for the rest what is really there; a key is copied when the trial first changes it, whole, and from then on
//! only the copy is seen, so that both go on from the same value. Bounded: when there are too many copies all are forgotten, and the trial goes on from
//! what is really there. They live as long as their step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::services::kv::{Bucket, Events};
use crate::services::{BucketState, KeyValues, Pending, ServiceError, Services, Space, Versioned};

/// Keys of one step, of all kinds and domains.
const MAX_COPIES: usize = 10_000;
/// Octets of their values.
const MAX_OCTETS: usize = 4 << 20;
/// Keys that are asked for at once.
const PAGE: u32 = 1000;

/// The copies over the keys of a step.
pub(crate) struct Copies {
    real: Arc<dyn Services>,
    kept: Mutex<Kept>,
}

/// A domain, or none, and a key.
type Name = (Option<String>, String);

#[derive(Default)]
struct Kept {
    /// None: deleted.
    values: BTreeMap<Name, Until<Option<Versioned>>>,
    counters: BTreeMap<Name, Until<i64>>,
    buckets: BTreeMap<Name, Bucket>,
    windows: BTreeMap<Name, Events>,
    octets: usize,
    /// The highest version that was given out or seen.
    version: u64,
}

/// What lasts until a time since 1970, or for ever.
struct Until<T> {
    of: T,
    expires: Option<Duration>,
}

impl<T> Until<T> {
    fn is_over(&self, now: Duration) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

fn name(space: Space<'_>, key: &str) -> Name {
    (space.domain.map(ToOwned::to_owned), key.to_owned())
}

impl Kept {
    /// What a trial made of a value; none if it did nothing yet.
    fn value(&self, name: &Name, now: Duration) -> Option<Option<Versioned>> {
        let kept = self.values.get(name)?;
        Some(if kept.is_over(now) {
            None
        } else {
            kept.of.clone()
        })
    }

    /// Likewise of a counter.
    fn counter(&self, name: &Name, now: Duration) -> Option<i64> {
        let kept = self.counters.get(name)?;
        Some(if kept.is_over(now) { 0 } else { kept.of })
    }

    /// Makes room for one more.
    fn admit(&mut self, octets: usize) {
        let copies =
            self.values.len() + self.counters.len() + self.buckets.len() + self.windows.len();
        if copies >= MAX_COPIES || self.octets + octets > MAX_OCTETS {
            let version = self.version;
            *self = Self {
                version,
                ..Self::default()
            };
        }
        self.octets += octets;
    }

    fn set(&mut self, name: Name, value: &[u8], expires: Option<Duration>) -> u64 {
        self.admit(value.len());
        self.version += 1;
        let of = Some(Versioned {
            value: Bytes::copy_from_slice(value),
            version: self.version,
        });
        self.put(name, Until { of, expires });
        self.version
    }

    fn put(&mut self, name: Name, value: Until<Option<Versioned>>) {
        let before = self.values.insert(name, value).and_then(|kept| kept.of);
        self.octets -= before.map_or(0, |value| value.value.len());
    }

    fn add(
        &mut self,
        name: Name,
        real: i64,
        delta: i64,
        now: Duration,
        ttl: Option<Duration>,
    ) -> i64 {
        let expires = ttl.map(|ttl| now + ttl);
        self.admit(0);
        let fresh = |of| Until { of, expires };
        let counter = self.counters.entry(name).or_insert_with(|| fresh(real));
        if counter.is_over(now) {
            *counter = fresh(0);
        }
        counter.of = counter.of.saturating_add(delta);
        counter.of
    }

    fn delete(&mut self, name: Name, now: Duration) {
        self.admit(0);
        self.buckets.insert(
            name.clone(),
            Bucket {
                level: f64::INFINITY,
                at: now,
            },
        );
        self.windows.insert(name.clone(), Events::default());
        let counter = Until {
            of: 0,
            expires: None,
        };
        self.counters.insert(name.clone(), counter);
        let gone = Until {
            of: None,
            expires: None,
        };
        self.put(name, gone);
    }
}

impl Copies {
    /// None yet, over these.
    pub(crate) fn over(real: Arc<dyn Services>) -> Arc<Self> {
        Arc::new(Self {
            real,
            kept: Mutex::default(),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since 1970.
    fn now(&self) -> Duration {
        Duration::from_millis(self.real.unix_ms())
    }

    /// Sets values, each if its version is the one that is expected of it; none if one is another.
    async fn write(
        &self,
        space: Space<'_>,
        values: &[(String, &[u8])],
        expected: Option<u64>,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, ServiceError> {
        let keys: Vec<String> = values.iter().map(|(key, _)| key.clone()).collect();
        let real = self.real.kv_get(space, &keys).await?;
        let now = self.now();
        let mut kept = self.kept();
        for ((key, value), real) in values.iter().zip(real) {
            let name = name(space, key);
            let stored = kept.value(&name, now).unwrap_or(real);
            let version = stored.map_or(0, |stored| stored.version);
            if expected.is_some_and(|expected| expected != version) {
                return Ok(None);
            }
            kept.version = kept.version.max(version);
            kept.set(name, value, ttl.map(|ttl| now + ttl));
        }
        Ok(Some(kept.version))
    }

    async fn add(
        &self,
        space: Space<'_>,
        deltas: &[(String, i64)],
        ttl: Option<Duration>,
    ) -> Result<Vec<i64>, ServiceError> {
        let keys: Vec<String> = deltas.iter().map(|(key, _)| key.clone()).collect();
        let seen = self.kv_counters(space, &keys).await?;
        let now = self.now();
        let mut kept = self.kept();
        let sums = deltas.iter().zip(seen);
        Ok(sums
            .map(|((key, delta), seen)| kept.add(name(space, key), seen, *delta, now, ttl))
            .collect())
    }

    /// Real keys, a page at a time, until so many are found that the trial did not delete.
    async fn real_keys(
        &self,
        space: Space<'_>,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<BTreeSet<String>, ServiceError> {
        let mut found = BTreeSet::new();
        let mut after = after.map(ToOwned::to_owned);
        while found.len() < limit {
            let page = self.real.kv_keys(space, prefix, after.as_deref(), PAGE);
            let page = page.await?;
            let last = page.last().cloned();
            let now = self.now();
            let kept = self.kept();
            let is_there = |key: &String| !matches!(kept.value(&name(space, key), now), Some(None));
            let whole = page.len() >= PAGE as usize;
            found.extend(page.into_iter().filter(is_there));
            if !whole {
                break;
            }
            after = last;
        }
        Ok(found)
    }
}

impl KeyValues for Copies {
    fn kv_get<'a>(
        &'a self,
        space: Space<'a>,
        keys: &'a [String],
    ) -> Pending<'a, Vec<Option<Versioned>>> {
        Box::pin(async move {
            let real = self.real.kv_get(space, keys).await?;
            let (now, kept) = (self.now(), self.kept());
            let seen = keys.iter().zip(real);
            Ok(seen
                .map(|(key, real)| kept.value(&name(space, key), now).unwrap_or(real))
                .collect())
        })
    }

    fn kv_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, u64> {
        Box::pin(async move {
            let values = [(key.to_owned(), value)];
            let version = self.write(space, &values, None, ttl).await?;
            Ok(version.unwrap_or(0))
        })
    }

    fn kv_set_many<'a>(
        &'a self,
        space: Space<'a>,
        values: &'a [(String, Vec<u8>)],
        ttl: Option<Duration>,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            let values = values.iter();
            let values: Vec<_> = values
                .map(|(key, value)| (key.clone(), value.as_slice()))
                .collect();
            self.write(space, &values, None, ttl).await.map(|_| ())
        })
    }

    fn kv_compare_and_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        expected: u64,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, Option<u64>> {
        Box::pin(async move {
            let values = [(key.to_owned(), value)];
            self.write(space, &values, Some(expected), ttl).await
        })
    }

    fn kv_delete<'a>(&'a self, space: Space<'a>, key: &'a str) -> Pending<'a, ()> {
        let now = self.now();
        self.kept().delete(name(space, key), now);
        Box::pin(std::future::ready(Ok(())))
    }

    fn kv_increment<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        delta: i64,
        ttl: Option<Duration>,
    ) -> Pending<'a, i64> {
        Box::pin(async move {
            let sums = self.add(space, &[(key.to_owned(), delta)], ttl).await?;
            Ok(sums.first().copied().unwrap_or(delta))
        })
    }

    fn kv_increment_many<'a>(
        &'a self,
        space: Space<'a>,
        deltas: &'a [(String, i64)],
        ttl: Option<Duration>,
    ) -> Pending<'a, Vec<i64>> {
        Box::pin(self.add(space, deltas, ttl))
    }

    fn kv_counters<'a>(&'a self, space: Space<'a>, keys: &'a [String]) -> Pending<'a, Vec<i64>> {
        Box::pin(async move {
            let real = self.real.kv_counters(space, keys).await?;
            let (now, kept) = (self.now(), self.kept());
            let seen = keys.iter().zip(real);
            Ok(seen
                .map(|(key, real)| kept.counter(&name(space, key), now).unwrap_or(real))
                .collect())
        })
    }

    fn kv_take<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        cost: f64,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, BucketState> {
        Box::pin(async move {
            let real = self.real.kv_level(space, key, capacity, refill_per_second);
            let level = real.await?;
            let now = self.now();
            let mut kept = self.kept();
            kept.admit(0);
            let bucket = kept.buckets.entry(name(space, key));
            let bucket = bucket.or_insert(Bucket { level, at: now });
            Ok(bucket.take((cost, capacity, refill_per_second), now))
        })
    }

    fn kv_count_window<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, u64> {
        Box::pin(async move {
            let real = self.real.kv_events(space, key, window).await?;
            let now = self.now();
            let mut kept = self.kept();
            kept.admit(0);
            let since = |(age, count): (Duration, u64)| (now.saturating_sub(age), count);
            let events = kept.windows.entry(name(space, key));
            let events = events.or_insert_with(|| Events(real.into_iter().map(since).collect()));
            Ok(events.count(window, now))
        })
    }

    fn kv_keys<'a>(
        &'a self,
        space: Space<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Pending<'a, Vec<String>> {
        Box::pin(async move {
            let limit = limit as usize;
            let mut keys = self.real_keys(space, prefix, after, limit).await?;
            let (now, kept) = (self.now(), self.kept());
            let own = kept.values.iter().filter(|(name, value)| {
                name.0.as_deref() == space.domain && value.of.is_some() && !value.is_over(now)
            });
            let own = own.map(|(name, _)| &name.1).filter(|key| {
                key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
            });
            keys.extend(own.cloned());
            Ok(keys.into_iter().take(limit).collect())
        })
    }

    fn kv_level<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, f64> {
        Box::pin(async move {
            let real = self.real.kv_level(space, key, capacity, refill_per_second);
            let level = real.await?;
            let (now, kept) = (self.now(), self.kept());
            let own = kept.buckets.get(&name(space, key));
            Ok(own.map_or(level, |bucket| {
                bucket.level(capacity, refill_per_second, now)
            }))
        })
    }

    fn kv_events<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, Vec<(Duration, u64)>> {
        Box::pin(async move {
            let real = self.real.kv_events(space, key, window).await?;
            let (now, kept) = (self.now(), self.kept());
            let own = kept.windows.get(&name(space, key));
            Ok(own.map_or(real, |events| events.ages(window, now)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryServices;

    const SPACE: Space<'_> = Space {
        plugin: "rules",
        domain: None,
    };

    fn text(value: Option<Versioned>) -> Option<String> {
        value.map(|value| String::from_utf8(value.value.to_vec()).unwrap())
    }

    async fn get(keys: &dyn KeyValues, key: &str) -> Option<Versioned> {
        let found = keys.kv_get(SPACE, &[key.to_owned()]).await.unwrap();
        found.into_iter().next().flatten()
    }

    #[tokio::test]
    async fn values_are_the_real_ones_until_the_trial_writes_its_own() {
        let real = Arc::new(MemoryServices::new());
        let trial = Copies::over(real.clone());
        real.kv_set(SPACE, "a", b"one", None).await.unwrap();
        assert_eq!(text(get(&*trial, "a").await).as_deref(), Some("one"));
        real.kv_set(SPACE, "a", b"two", None).await.unwrap();
        let seen = get(&*trial, "a").await.unwrap();
        assert_eq!(seen.value, "two");
        // What the trial read it can change, and what it did not read it cannot.
        let stale = trial.kv_compare_and_set(SPACE, "a", seen.version - 1, b"x", None);
        assert_eq!(stale.await.unwrap(), None);
        let set = trial.kv_compare_and_set(SPACE, "a", seen.version, b"three", None);
        let version = set.await.unwrap().unwrap();
        assert!(version > seen.version);
        real.kv_set(SPACE, "a", b"four", None).await.unwrap();
        let own = get(&*trial, "a").await.unwrap();
        assert_eq!((own.version, &own.value[..]), (version, &b"three"[..]));
        // A deleted key is gone for the trial alone, whoever writes it, until the trial does.
        trial.kv_delete(SPACE, "a").await.unwrap();
        assert_eq!(get(&*trial, "a").await, None);
        assert_eq!(text(get(&*real, "a").await).as_deref(), Some("four"));
        let again = trial.kv_compare_and_set(SPACE, "a", 0, b"five", None);
        assert!(again.await.unwrap().unwrap() > version, "never repeated");
    }

    #[tokio::test]
    async fn keys_are_the_real_ones_and_the_trials_own_in_one_order() {
        let real = Arc::new(MemoryServices::new());
        let trial = Copies::over(real.clone());
        let many = |from: usize, to: usize| -> Vec<(String, Vec<u8>)> {
            (from..to)
                .map(|n| (format!("k{n:04}"), Vec::new()))
                .collect()
        };
        real.kv_set_many(SPACE, &many(0, 1500), None).await.unwrap();
        trial
            .kv_set_many(SPACE, &many(1499, 1502), None)
            .await
            .unwrap();
        for (key, _) in many(1, 1400) {
            trial.kv_delete(SPACE, &key).await.unwrap();
        }
        let listed = trial.kv_keys(SPACE, "k", None, 4).await.unwrap();
        assert_eq!(listed, ["k0000", "k1400", "k1401", "k1402"]);
        let listed = trial.kv_keys(SPACE, "k", Some("k1498"), 9).await.unwrap();
        assert_eq!(listed, ["k1499", "k1500", "k1501"]);
        let other = Space {
            domain: Some("a.test"),
            ..SPACE
        };
        assert!(trial.kv_keys(other, "k", None, 9).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn counts_go_on_from_the_real_ones_and_leave_them_alone() {
        let real = Arc::new(MemoryServices::new());
        let trial = Copies::over(real.clone());
        let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
        real.set_clock(Duration::from_hours(1));
        real.kv_increment(SPACE, "n", 41, None).await.unwrap();
        assert_eq!(
            trial.kv_increment(SPACE, "n", 1, Some(minute)).await,
            Ok(42)
        );
        real.kv_increment(SPACE, "n", 7, None).await.unwrap();
        assert_eq!(trial.kv_counters(SPACE, &["n".into()]).await, Ok(vec![42]));
        assert_eq!(real.kv_counters(SPACE, &["n".into()]).await, Ok(vec![48]));

        real.kv_take(SPACE, "b", 8.0, 10.0, 1.0).await.unwrap();
        let took = trial.kv_take(SPACE, "b", 2.0, 10.0, 1.0).await.unwrap();
        assert!(took.allowed && took.remaining < 0.01, "{took:?}");
        assert!(
            !trial
                .kv_take(SPACE, "b", 2.0, 10.0, 1.0)
                .await
                .unwrap()
                .allowed
        );
        assert!((real.kv_level(SPACE, "b", 10.0, 1.0).await.unwrap() - 2.0).abs() < 0.01);

        for _ in 0..3 {
            real.kv_count_window(SPACE, "w", minute).await.unwrap();
        }
        real.advance(second);
        assert_eq!(trial.kv_count_window(SPACE, "w", minute).await, Ok(4));
        assert_eq!(trial.kv_count_window(SPACE, "w", minute).await, Ok(5));
        assert_eq!(
            real.kv_events(SPACE, "w", minute).await,
            Ok(vec![(second, 1); 3])
        );

        // What the trial gave a time is over when that has passed, and begins anew.
        real.advance(minute);
        assert_eq!(trial.kv_counters(SPACE, &["n".into()]).await, Ok(vec![0]));
        assert_eq!(trial.kv_increment(SPACE, "n", 1, None).await, Ok(1));
        assert_eq!(trial.kv_count_window(SPACE, "w", minute).await, Ok(1));
    }

    #[tokio::test]
    async fn too_many_copies_are_forgotten_and_the_real_values_are_seen_again() {
        let real = Arc::new(MemoryServices::new());
        let trial = Copies::over(real.clone());
        real.kv_set(SPACE, "a", b"real", None).await.unwrap();
        trial.kv_set(SPACE, "a", b"own", None).await.unwrap();
        let value = vec![0; 64 << 10];
        for n in 0..70 {
            trial
                .kv_set(SPACE, &n.to_string(), &value, None)
                .await
                .unwrap();
        }
        assert_eq!(text(get(&*trial, "a").await).as_deref(), Some("real"));
        assert!(trial.kept().octets <= MAX_OCTETS);
    }
}
