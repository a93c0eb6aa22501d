//! `kv`: what plugins remember. The host names the space: a plugin cannot ask for another's.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Result;

use crate::bindings::waxwing::policy::kv::{Area, BucketState, Host, KvError, Versioned};
use crate::services::{self, KeyValues, ServiceError, Space};
use crate::state::State;

const MAX_KEY: usize = 512;
const MAX_VALUE: usize = 64 << 10;
const MAX_KEYS: usize = 1000;
/// Octets of the values of one `set-many`.
const MAX_VALUES: usize = 1 << 20;

type Answer<T> = std::result::Result<T, KvError>;

/// The plugin's space, owned: it outlives the borrow of the state over the wait.
struct Owned {
    step: Arc<str>,
    domain: Option<Arc<str>>,
}

impl Owned {
    fn space(&self) -> Space<'_> {
        Space {
            plugin: &self.step,
            domain: self.domain.as_deref(),
        }
    }
}

impl Host for State {
    async fn get(&mut self, area: Area, key: String) -> Result<Answer<Option<Versioned>>> {
        let (services, owned) = self.kv(area)?;
        let keys = [key];
        let answer = match check(&owned, &keys, 0) {
            Err(error) => Err(error),
            Ok(owned) => match services.kv_get(owned.space(), &keys).await {
                Ok(values) => Ok(values.into_iter().next().flatten().map(versioned)),
                Err(error) => Err(failed(error)),
            },
        };
        self.record("kv.get", &(area, keys), &answer);
        Ok(answer)
    }

    async fn get_many(
        &mut self,
        area: Area,
        keys: Vec<String>,
    ) -> Result<Answer<Vec<Option<Versioned>>>> {
        let (services, owned) = self.kv(area)?;
        let answer = match check(&owned, &keys, 0) {
            Err(error) => Err(error),
            Ok(owned) => match services.kv_get(owned.space(), &keys).await {
                Ok(values) => Ok(values
                    .into_iter()
                    .map(|value| value.map(versioned))
                    .collect()),
                Err(error) => Err(failed(error)),
            },
        };
        self.record("kv.get-many", &(area, keys), &answer);
        Ok(answer)
    }

    async fn set(
        &mut self,
        area: Area,
        key: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<Answer<u64>> {
        let (services, owned) = self.kv(area)?;
        let answer = match check(&owned, std::slice::from_ref(&key), value.len()) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_set(owned.space(), &key, &value, ttl(ttl_ms))
                .await
                .map_err(failed),
        };
        self.record("kv.set", &(area, key, value, ttl_ms), &answer);
        Ok(answer)
    }

    async fn set_many(
        &mut self,
        area: Area,
        values: Vec<(String, Vec<u8>)>,
        ttl_ms: Option<u64>,
    ) -> Result<Answer<()>> {
        let (services, owned) = self.kv(area)?;
        let answer = match check_values(&owned, &values) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_set_many(owned.space(), &values, ttl(ttl_ms))
                .await
                .map_err(failed),
        };
        self.record("kv.set-many", &(area, values, ttl_ms), &answer);
        Ok(answer)
    }

    async fn compare_and_set(
        &mut self,
        area: Area,
        key: String,
        expected: u64,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<Answer<Option<u64>>> {
        let (services, owned) = self.kv(area)?;
        let answer = match check(&owned, std::slice::from_ref(&key), value.len()) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_compare_and_set(owned.space(), &key, expected, &value, ttl(ttl_ms))
                .await
                .map_err(failed),
        };
        self.record(
            "kv.compare-and-set",
            &(area, key, expected, value, ttl_ms),
            &answer,
        );
        Ok(answer)
    }

    async fn delete(&mut self, area: Area, key: String) -> Result<Answer<()>> {
        let (services, owned) = self.kv(area)?;
        let answer = match check(&owned, std::slice::from_ref(&key), 0) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_delete(owned.space(), &key)
                .await
                .map_err(failed),
        };
        self.record("kv.delete", &(area, key), &answer);
        Ok(answer)
    }

    async fn increment(
        &mut self,
        area: Area,
        key: String,
        delta: i64,
        ttl_ms: Option<u64>,
    ) -> Result<Answer<i64>> {
        let (services, owned) = self.kv(area)?;
        let answer = match check(&owned, std::slice::from_ref(&key), 0) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_increment(owned.space(), &key, delta, ttl(ttl_ms))
                .await
                .map_err(failed),
        };
        self.record("kv.increment", &(area, key, delta, ttl_ms), &answer);
        Ok(answer)
    }

    async fn increment_many(
        &mut self,
        area: Area,
        deltas: Vec<(String, i64)>,
        ttl_ms: Option<u64>,
    ) -> Result<Answer<Vec<i64>>> {
        let (services, owned) = self.kv(area)?;
        let answer = match check_many(&owned, deltas.iter().map(|(key, _)| key), 0) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_increment_many(owned.space(), &deltas, ttl(ttl_ms))
                .await
                .map_err(failed),
        };
        self.record("kv.increment-many", &(area, deltas, ttl_ms), &answer);
        Ok(answer)
    }

    async fn counters(&mut self, area: Area, keys: Vec<String>) -> Result<Answer<Vec<i64>>> {
        let (services, owned) = self.kv(area)?;
        let answer = match check(&owned, &keys, 0) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_counters(owned.space(), &keys)
                .await
                .map_err(failed),
        };
        self.record("kv.counters", &(area, keys), &answer);
        Ok(answer)
    }

    async fn take(
        &mut self,
        area: Area,
        key: String,
        cost: f64,
        capacity: f64,
        refill_per_second: f64,
    ) -> Result<Answer<BucketState>> {
        let (services, owned) = self.kv(area)?;
        // A bucket's arithmetic holds for finite numbers from 0 on only.
        let sane = |number: f64| {
            if number.is_finite() {
                number.max(0.0)
            } else {
                0.0
            }
        };
        let (cost, capacity, refill) = (sane(cost), sane(capacity), sane(refill_per_second));
        let answer = match check(&owned, std::slice::from_ref(&key), 0) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_take(owned.space(), &key, cost, capacity, refill)
                .await
                .map(bucket)
                .map_err(failed),
        };
        self.record("kv.take", &(area, key, cost, capacity, refill), &answer);
        Ok(answer)
    }

    async fn count_window(
        &mut self,
        area: Area,
        key: String,
        window_ms: u64,
    ) -> Result<Answer<u64>> {
        let (services, owned) = self.kv(area)?;
        let window = Duration::from_millis(window_ms);
        let answer = match check(&owned, std::slice::from_ref(&key), 0) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_count_window(owned.space(), &key, window)
                .await
                .map_err(failed),
        };
        self.record("kv.count-window", &(area, key, window_ms), &answer);
        Ok(answer)
    }

    async fn keys(
        &mut self,
        area: Area,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Answer<Vec<String>>> {
        let (services, owned) = self.kv(area)?;
        let limit = limit.min(u32::try_from(MAX_KEYS).unwrap_or(u32::MAX));
        let answer = match check(&owned, std::slice::from_ref(&prefix), 0) {
            Err(error) => Err(error),
            Ok(owned) => services
                .kv_keys(owned.space(), &prefix, after.as_deref(), limit)
                .await
                .map_err(failed),
        };
        self.record("kv.keys", &(area, prefix, after, limit), &answer);
        Ok(answer)
    }
}

impl State {
    /// Counts the call; gives the keys and the plugin's space, or none where there is no domain at hand. Where nothing counts, they are copies.
    fn kv(&mut self, area: Area) -> Result<(Arc<dyn KeyValues>, Option<Owned>)> {
        self.enter()?;
        let step = self.shared.space.clone();
        let owned = match (area, &self.context.domain) {
            (Area::Plugin, _) => Some(Owned { step, domain: None }),
            (Area::Domain, Some(domain)) => Some(Owned {
                step,
                domain: Some(domain.clone()),
            }),
            (Area::Domain, None) => None,
        };
        let keys: Arc<dyn KeyValues> = if self.context.trial {
            self.shared.copies.clone()
        } else {
            self.shared.services.clone()
        };
        Ok((keys, owned))
    }
}

fn check<'a>(owned: &'a Option<Owned>, keys: &[String], value: usize) -> Answer<&'a Owned> {
    check_many(owned, keys.iter(), value)
}

fn check_values<'a>(owned: &'a Option<Owned>, values: &[(String, Vec<u8>)]) -> Answer<&'a Owned> {
    let largest = values.iter().map(|(_, value)| value.len()).max();
    let all: usize = values.iter().map(|(_, value)| value.len()).sum();
    if all > MAX_VALUES {
        return Err(KvError::TooLarge);
    }
    check_many(
        owned,
        values.iter().map(|(key, _)| key),
        largest.unwrap_or(0),
    )
}

fn check_many<'a, 'k>(
    owned: &'a Option<Owned>,
    mut keys: impl ExactSizeIterator<Item = &'k String>,
    largest: usize,
) -> Answer<&'a Owned> {
    let owned = owned.as_ref().ok_or(KvError::NoDomain)?;
    if keys.len() > MAX_KEYS || largest > MAX_VALUE || keys.any(|key| key.len() > MAX_KEY) {
        return Err(KvError::TooLarge);
    }
    Ok(owned)
}

fn ttl(milliseconds: Option<u64>) -> Option<Duration> {
    milliseconds.map(Duration::from_millis)
}

fn versioned(value: services::Versioned) -> Versioned {
    Versioned {
        value: value.value.into(),
        version: value.version,
    }
}

fn bucket(state: services::BucketState) -> BucketState {
    BucketState {
        allowed: state.allowed,
        remaining: state.remaining,
        retry_after_ms: u64::try_from(state.retry_after.as_millis()).unwrap_or(u64::MAX),
    }
}

fn failed(error: ServiceError) -> KvError {
    match error {
        ServiceError::TooLarge => KvError::TooLarge,
        ServiceError::Unavailable(text) | ServiceError::Unsupported(text) => {
            KvError::Unavailable(text)
        }
    }
}
