//! Counts of a day and a domain: in memory for seconds, then in the store, where those of all hosts are added up.
//!
//! Invariants: a count is in one place, memory or store; what is claimed to be told is told by one host.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use waxwing_store::{Error, Namespace, Result, Store};

use crate::answer::now_millis;

/// What cannot be told for so long is not told.
const KEPT: Duration = Duration::from_secs(4 * 86_400);
/// How long a host may take to tell a day before another does.
const CLAIM: i64 = 600_000;
/// Domains of a day that are counted between two writes.
const DOMAINS: usize = 50_000;
/// How often it is tried to add to what other hosts add to.
const TRIES: usize = 10;
/// Days and domains that are looked at together.
const LISTED: usize = 1000;

/// What is seen, and can be added up.
pub(crate) trait Seen: Default + Clone + Send + Serialize + DeserializeOwned {
    /// Adds what else was seen.
    fn add(&mut self, more: Self);
}

/// A day, as `2026-11-26`, and a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Day {
    pub(crate) day: String,
    pub(crate) domain: String,
}

/// Counts of one kind.
pub(crate) struct Tally<T> {
    name: &'static str,
    fresh: Mutex<HashMap<Day, T>>,
}

/// As it is in the store.
#[derive(Default, Serialize, Deserialize)]
struct Kept<T> {
    /// Until when a host is about to tell it, milliseconds of Unix time.
    #[serde(default)]
    claimed: i64,
    seen: T,
}

impl Day {
    fn key(&self) -> String {
        format!("{}/{}", self.day, self.domain)
    }

    fn of_key(key: &str) -> Option<Self> {
        let (day, domain) = key.split_once('/')?;
        Some(Self {
            day: day.to_owned(),
            domain: domain.to_owned(),
        })
    }
}

/// Joins what is alike, or adds it while there are fewer than so many; gives back what has no room.
pub(super) fn gather<E>(
    list: &mut Vec<E>,
    most: usize,
    one: E,
    alike: impl Fn(&E, &E) -> bool,
    join: impl FnOnce(&mut E, E),
) -> Option<E> {
    let full = list.len() >= most;
    match list.iter_mut().find(|known| alike(known, &one)) {
        Some(known) => join(known, one),
        None if full => return Some(one),
        None => list.push(one),
    }
    None
}

/// The day of a moment, milliseconds of Unix time.
pub(crate) fn day(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}

impl<T: Seen> Tally<T> {
    /// No plugin is called by such a name.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            fresh: Mutex::default(),
        }
    }

    /// Counts what was seen of a domain just now.
    pub(crate) fn note(&self, domain: &str, seen: T) {
        let key = Day {
            day: day(now_millis()),
            domain: domain.to_ascii_lowercase(),
        };
        let mut fresh = self.fresh();
        if fresh.len() < DOMAINS || fresh.contains_key(&key) {
            fresh.entry(key).or_default().add(seen);
        }
    }

    fn fresh(&self) -> MutexGuard<'_, HashMap<Day, T>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn space(&self) -> Namespace {
        Namespace {
            plugin: self.name.to_owned(),
            area: "server".to_owned(),
            domain: String::new(),
        }
    }

    /// Writes what was counted since the last time; what cannot be written is counted on.
    pub(crate) async fn write(&self, store: &Store) {
        let fresh = std::mem::take(&mut *self.fresh());
        for (key, seen) in fresh {
            match self.add(store, &key, &seen).await {
                Ok(true) => {}
                Ok(false) => self.fresh().entry(key).or_default().add(seen),
                // More than the store keeps of one: it is not told.
                Err(Error::TooLarge { .. }) => {
                    tracing::warn!(
                        kind = self.name,
                        domain = key.domain,
                        "too much to be reported"
                    );
                }
                Err(error) => {
                    tracing::warn!(kind = self.name, %error, "what is to be reported could not be written");
                    self.fresh().entry(key).or_default().add(seen);
                }
            }
        }
    }

    async fn add(&self, store: &Store, key: &Day, seen: &T) -> Result<bool> {
        for _ in 0..TRIES {
            let (version, mut kept) = self.get(store, key).await?;
            kept.seen.add(seen.clone());
            if self.put(store, key, version, &kept).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn get(&self, store: &Store, key: &Day) -> Result<(u64, Kept<T>)> {
        let found = store.kv().get(&self.space(), &key.key()).await?;
        Ok(found.map_or((0, Kept::default()), |found| {
            let kept = serde_json::from_slice(&found.value).unwrap_or_default();
            (found.version, kept)
        }))
    }

    async fn put(&self, store: &Store, key: &Day, version: u64, kept: &Kept<T>) -> Result<bool> {
        let value = serde_json::to_vec(kept).unwrap_or_default();
        let set = store
            .kv()
            .compare_and_set(&self.space(), &key.key(), version, &value, Some(KEPT))
            .await?;
        Ok(set.is_some())
    }

    /// Days and domains with counts in the store, before a day if one is given.
    pub(crate) async fn days(&self, store: &Store, before: Option<&str>) -> Result<Vec<Day>> {
        let (mut days, mut after) = (Vec::new(), None);
        loop {
            let keys = store
                .kv()
                .keys(&self.space(), "", after.as_deref(), LISTED)
                .await?;
            let found = keys.iter().filter_map(|key| Day::of_key(key));
            days.extend(found.filter(|day| before.is_none_or(|before| *day.day < *before)));
            match keys.last() {
                Some(last) if keys.len() == LISTED => after = Some(last.clone()),
                _ => return Ok(days),
            }
        }
    }

    /// What was counted.
    pub(crate) async fn read(&self, store: &Store, key: &Day) -> Result<Option<T>> {
        let (version, kept) = self.get(store, key).await?;
        Ok((version > 0).then_some(kept.seen))
    }

    /// What was counted, to be told by this host; none if there is nothing, or another host is at it.
    pub(crate) async fn claim(&self, store: &Store, key: &Day) -> Result<Option<T>> {
        let (version, mut kept) = self.get(store, key).await?;
        let now = now_millis();
        if version == 0 || kept.claimed > now {
            return Ok(None);
        }
        kept.claimed = now.saturating_add(CLAIM);
        let ours = self.put(store, key, version, &kept).await?;
        Ok(ours.then_some(kept.seen))
    }

    /// It has been told.
    pub(crate) async fn done(&self, store: &Store, key: &Day) -> Result<()> {
        store.kv().delete(&self.space(), &key.key()).await
    }
}
