//! `kv`, kept in the world.

use super::{World, world};

pub use crate::bindings::imports::kv::{Area, BucketState, KvError, Versioned};

fn area_name(world: &World, area: Area) -> Result<String, KvError> {
    match area {
        Area::Plugin => Ok("plugin".to_owned()),
        Area::Domain => world
            .domain
            .as_ref()
            .map(|domain| format!("domain/{domain}"))
            .ok_or(KvError::NoDomain),
    }
}

fn ask<R>(
    area: Area,
    key: &str,
    answer: impl FnOnce(&mut World, (String, String)) -> R,
) -> Result<R, KvError> {
    world(|world| {
        if world.unavailable {
            return Err(KvError::Unavailable("the store does not answer".to_owned()));
        }
        if key.len() > 512 {
            return Err(KvError::TooLarge);
        }
        let key = (area_name(world, area)?, key.to_owned());
        Ok(answer(world, key))
    })
}

pub fn get(area: Area, key: &str) -> Result<Option<Versioned>, KvError> {
    ask(area, key, |world, key| {
        world
            .kv
            .get(&key, world.now_ms)
            .map(|(value, version)| Versioned { value, version })
    })
}

pub fn get_many(area: Area, keys: &[String]) -> Result<Vec<Option<Versioned>>, KvError> {
    keys.iter().map(|key| get(area, key)).collect()
}

pub fn set(area: Area, key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<u64, KvError> {
    ask(area, key, |world, key| {
        world.kv.set(key, value, ttl_ms, world.now_ms)
    })
}

pub fn set_many(
    area: Area,
    values: &[(String, Vec<u8>)],
    ttl_ms: Option<u64>,
) -> Result<(), KvError> {
    if values.len() > 1000 || values.iter().any(|(key, _)| key.len() > 512) {
        return Err(KvError::TooLarge);
    }
    for (key, value) in values {
        set(area, key, value, ttl_ms)?;
    }
    Ok(())
}

pub fn compare_and_set(
    area: Area,
    key: &str,
    expected: u64,
    value: &[u8],
    ttl_ms: Option<u64>,
) -> Result<Option<u64>, KvError> {
    ask(area, key, |world, key| {
        let present = world
            .kv
            .get(&key, world.now_ms)
            .map_or(0, |(_, version)| version);
        (present == expected).then(|| world.kv.set(key, value, ttl_ms, world.now_ms))
    })
}

pub fn delete(area: Area, key: &str) -> Result<(), KvError> {
    ask(area, key, |world, key| world.kv.delete(&key))
}

pub fn increment(area: Area, key: &str, delta: i64, ttl_ms: Option<u64>) -> Result<i64, KvError> {
    ask(area, key, |world, key| {
        world.kv.increment(key, delta, ttl_ms, world.now_ms)
    })
}

pub fn increment_many(
    area: Area,
    deltas: &[(String, i64)],
    ttl_ms: Option<u64>,
) -> Result<Vec<i64>, KvError> {
    if deltas.len() > 1000 || deltas.iter().any(|(key, _)| key.len() > 512) {
        return Err(KvError::TooLarge);
    }
    deltas
        .iter()
        .map(|(key, delta)| increment(area, key, *delta, ttl_ms))
        .collect()
}

pub fn counters(area: Area, keys: &[String]) -> Result<Vec<i64>, KvError> {
    keys.iter()
        .map(|key| ask(area, key, |world, key| world.kv.counter(&key, world.now_ms)))
        .collect()
}

pub fn take(
    area: Area,
    key: &str,
    cost: f64,
    capacity: f64,
    refill_per_second: f64,
) -> Result<BucketState, KvError> {
    ask(area, key, |world, key| {
        let (allowed, remaining) =
            world
                .kv
                .take(key, cost, capacity, refill_per_second, world.now_ms);
        BucketState {
            allowed,
            remaining,
            retry_after_ms: u64::from(!allowed),
        }
    })
}

pub fn count_window(area: Area, key: &str, window_ms: u64) -> Result<u64, KvError> {
    ask(area, key, |world, key| {
        world.kv.count_window(key, window_ms, world.now_ms)
    })
}

pub fn keys(
    area: Area,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, KvError> {
    ask(area, prefix, |world, (area, prefix)| {
        world.kv.keys(
            &area,
            &prefix,
            after,
            limit.min(1000) as usize,
            world.now_ms,
        )
    })
}
