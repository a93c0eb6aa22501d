//! The keys of an issuer, kept: one fetch at a time, and whoever can do with what is known does not wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use tokio::sync::Mutex as Turn;

use super::OauthError;

/// Keys are fetched again after so long.
const KEPT: Duration = Duration::from_secs(3600);
/// Not sooner than after so long, whatever keys tokens name.
const PAUSE: Duration = Duration::from_secs(60);

/// What is known of the keys.
#[derive(Default)]
pub(super) struct KeyCache {
    known: Mutex<Known>,
    /// Held by whoever fetches them.
    turn: Turn<()>,
}

#[derive(Clone, Default)]
struct Known {
    set: Option<Set>,
    /// When they were last asked for, with or without success.
    asked: Option<Instant>,
}

#[derive(Clone)]
struct Set {
    keys: Arc<JwkSet>,
    fetched: Instant,
}

impl Known {
    /// The keys, if the one that is wanted is among them, and whether they are fresh.
    fn serves(&self, wanted: Option<&str>, now: Instant) -> Option<(Arc<JwkSet>, bool)> {
        let set = self.set.as_ref()?;
        let lacks = wanted.is_some_and(|kid| set.keys.find(kid).is_none());
        (!lacks).then(|| {
            (
                Arc::clone(&set.keys),
                now.saturating_duration_since(set.fetched) < KEPT,
            )
        })
    }

    fn keys(self) -> Option<Arc<JwkSet>> {
        self.set.map(|set| set.keys)
    }
}

impl KeyCache {
    /// The keys, by `fetch` if they are old or do not have the one that is wanted; `None` if there are none, and they were asked for
    /// in vain just now.
    ///
    /// # Errors
    /// Those of `fetch`, where no keys are known.
    pub(super) async fn get(
        &self,
        wanted: Option<&str>,
        now: Instant,
        fetch: impl Future<Output = Result<JwkSet, OauthError>>,
    ) -> Result<Option<Arc<JwkSet>>, OauthError> {
        let known = self.known().serves(wanted, now);
        let _turn = match known {
            Some((keys, true)) => return Ok(Some(keys)),
            // Old ones are better than waiting for somebody else's fetch.
            Some((keys, false)) => match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(Some(keys)),
            },
            None => self.turn.lock().await,
        };
        let known = self.known().clone();
        // Somebody else has just fetched them, or has tried to.
        let lately = |asked| now.saturating_duration_since(asked) < PAUSE;
        if known.asked.is_some_and(lately) {
            return Ok(known.keys());
        }
        let fetched = fetch.await;
        self.keep(fetched, now)
    }

    fn keep(
        &self,
        fetched: Result<JwkSet, OauthError>,
        now: Instant,
    ) -> Result<Option<Arc<JwkSet>>, OauthError> {
        let mut known = self.known();
        known.asked = Some(now);
        match fetched {
            Ok(keys) => {
                let keys = Arc::new(keys);
                known.set = Some(Set {
                    keys: Arc::clone(&keys),
                    fetched: now,
                });
                Ok(Some(keys))
            }
            Err(error) if known.set.is_some() => {
                tracing::warn!(%error, "the issuer's old keys stay in use");
                Ok(known.clone().keys())
            }
            Err(error) => Err(error),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    fn set(kid: &str) -> JwkSet {
        let x = "ezBp53qwdZbdFX2gRHCD59DiD9oYPpqVlLbQN2Ih4rs";
        let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x }] });
        serde_json::from_value(keys).unwrap()
    }

    fn in_vain() -> impl Future<Output = Result<JwkSet, OauthError>> {
        ready(Err(super::super::failed(
            "https://issuer.example",
            &"asked in vain",
        )))
    }

    fn names(found: Result<Option<Arc<JwkSet>>, OauthError>) -> Vec<String> {
        let set = found.unwrap().expect("keys");
        let keys = set.keys.iter();
        keys.filter_map(|key| key.common.key_id.clone()).collect()
    }

    #[tokio::test]
    async fn who_has_a_known_key_does_not_wait_for_a_fetch() {
        let (cache, begin) = (Arc::new(KeyCache::default()), Instant::now());
        let first = cache.get(Some("a"), begin, ready(Ok(set("a")))).await;
        assert_eq!(names(first), ["a"]);
        // A token names a key that is not known, and the issuer does not answer.
        let (begun, begins) = oneshot::channel();
        let slow = Arc::clone(&cache);
        let waiting = tokio::spawn(async move {
            let fetch = async {
                begun.send(()).unwrap();
                pending().await
            };
            let found = slow.get(Some("b"), begin + PAUSE, fetch).await;
            found.map(|_| ())
        });
        begins.await.unwrap();
        for wanted in [Some("a"), None] {
            let found = cache.get(wanted, begin + PAUSE, pending()).await;
            assert_eq!(names(found), ["a"]);
        }
        // Not even if they are old.
        let found = cache.get(Some("a"), begin + KEPT, pending()).await;
        assert_eq!(names(found), ["a"]);
        waiting.abort();
    }

    #[tokio::test]
    async fn many_that_need_a_new_key_make_one_fetch() {
        let (cache, begin) = (KeyCache::default(), Instant::now());
        let (fetches, gate) = (AtomicUsize::new(0), Semaphore::new(0));
        let fetch = || async {
            fetches.fetch_add(1, Ordering::Relaxed);
            gate.acquire().await.unwrap().forget();
            Ok(set("a"))
        };
        let (one, two, three, ()) = tokio::join!(
            cache.get(Some("a"), begin, fetch()),
            cache.get(Some("a"), begin, fetch()),
            cache.get(Some("lost"), begin, fetch()),
            async { gate.add_permits(2) },
        );
        for found in [one, two, three] {
            assert_eq!(names(found), ["a"]);
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        // What nobody has is looked for once in a while, however often it is named.
        for (at, asked) in [(Duration::ZERO, 1), (PAUSE / 2, 1), (PAUSE, 2), (PAUSE, 2)] {
            let found = cache.get(Some("lost"), begin + at, fetch()).await;
            assert_eq!(names(found), ["a"]);
            assert_eq!(fetches.load(Ordering::Relaxed), asked);
        }
    }

    #[tokio::test]
    async fn an_issuer_that_is_away_is_not_asked_all_the_time() {
        let (cache, begin) = (KeyCache::default(), Instant::now());
        assert!(cache.get(None, begin, in_vain()).await.is_err());
        assert!(cache.get(None, begin, pending()).await.unwrap().is_none());
        let found = cache.get(None, begin + PAUSE, ready(Ok(set("a")))).await;
        assert_eq!(names(found), ["a"]);
        // What is known stays in use, however long it is away.
        let later = begin + 2 * KEPT;
        assert_eq!(names(cache.get(Some("a"), later, in_vain()).await), ["a"]);
        assert_eq!(names(cache.get(Some("a"), later, pending()).await), ["a"]);
    }
}
