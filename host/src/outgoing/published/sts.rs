//! Policies of MTA-STS: looked up, fetched over HTTPS, and kept over restarts for as long as they say.
//!
//! Standards: RFC 8461 §3 (discovery), §5.1 (what applies), §10.2 (refreshing).
//! Invariant: a policy that is valid still applies, whatever the DNS or the web say of it meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as Turn;
use tokio::time::Instant;
use waxwing_auth::dns::Lookups;
use waxwing_auth::mta_sts::{self, MAX_POLICY, Mode, StsPolicy, StsRecord};
use waxwing_policy::HttpRequest;
use waxwing_store::Namespace;

use super::Sts;
use crate::answer::now_millis;
use crate::fetch::Client;
use crate::wiring::Parts;

/// Policies that are held in memory.
const DOMAINS: usize = 10_000;
/// RFC 8461 §3.3: a minute for a fetch.
const FETCH: Duration = Duration::from_secs(60);
/// RFC 8461 §3.3: five minutes at least before it is tried again.
const AGAIN: Duration = Duration::from_secs(300);
/// RFC 8461 §10.2: policies are fetched anew once a day.
const FRESH: i64 = 86_400_000;
/// How long the DNS may take.
const LOOK_UP: Duration = Duration::from_secs(10);

/// The policies that are known.
#[derive(Default)]
pub(in crate::outgoing) struct Cache(Mutex<HashMap<String, Slot>>);

/// What is known of a domain.
#[derive(Clone, Default)]
struct Slot {
    kept: Option<Kept>,
    /// One may be kept in the store, which could not be read.
    unread: bool,
    /// When a policy was last fetched in vain.
    failed: Option<Instant>,
    /// Held by whoever fetches it.
    turn: Arc<Turn<()>>,
}

/// A policy as it is kept in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The id of its record.
    id: String,
    /// When it was fetched, milliseconds of Unix time.
    fetched: i64,
    /// Its file.
    file: String,
}

/// How long a policy is good for, milliseconds.
fn lasts(policy: &StsPolicy) -> i64 {
    i64::try_from(policy.max_age)
        .unwrap_or(0)
        .saturating_mul(1000)
}

/// What a look at a domain's policy came to.
pub(in crate::outgoing) struct Looked {
    /// What applies.
    pub(in crate::outgoing) sts: Sts,
    /// There should be a policy, or a newer one, and it could not be fetched just now.
    pub(in crate::outgoing) failed: bool,
}

impl Kept {
    /// The policy, until its time is over.
    fn policy(&self, now: i64) -> Option<Arc<StsPolicy>> {
        let policy = StsPolicy::parse(self.file.as_bytes()).ok()?;
        (self.lasts(now) && policy.mode != Mode::None).then(|| Arc::new(policy))
    }

    /// Whether its time is not over.
    fn lasts(&self, now: i64) -> bool {
        let policy = StsPolicy::parse(self.file.as_bytes());
        policy.is_ok_and(|policy| now < self.fetched.saturating_add(lasts(&policy)))
    }

    /// Whether it need not be fetched again yet: well before its time is over, or there would be none for a while.
    fn is_fresh(&self, now: i64) -> bool {
        let policy = StsPolicy::parse(self.file.as_bytes());
        let fresh = policy.map_or(0, |policy| FRESH.min(lasts(&policy) / 2));
        now < self.fetched.saturating_add(fresh)
    }
}

impl Cache {
    /// The policy that applies to a domain, if one does.
    pub(in crate::outgoing) async fn policy(
        &self,
        parts: &Parts,
        client: &Client,
        domain: &str,
    ) -> Looked {
        let deadline = Instant::now() + LOOK_UP;
        let lookups = Lookups::new(parts.resolver.as_ref(), deadline, 1);
        let record = mta_sts::look_up(domain, &lookups).await;
        let mut slot = self.slot(parts, domain).await;
        let now = now_millis();
        let mut failed = false;
        let named = matches!(record, StsRecord::Id(_));
        let turn = Arc::clone(&slot.turn);
        let wanted = match record {
            StsRecord::Id(id) if slot.wants(&id, now) => {
                let turn = turn.lock().await;
                // Somebody else may have fetched it meanwhile.
                slot = self.slot(parts, domain).await;
                slot.wants(&id, now).then_some((id, turn))
            }
            _ => None,
        };
        if let Some((id, _turn)) = wanted {
            match fetch(client, domain, parts.config.queue.private_hosts).await {
                Ok(file) => {
                    let kept = Kept {
                        id,
                        fetched: now,
                        file,
                    };
                    keep(parts, domain, &kept).await;
                    slot.kept = Some(kept);
                    slot.unread = false;
                    slot.failed = None;
                }
                Err(reason) => {
                    tracing::warn!(domain, reason, "a policy of MTA-STS could not be fetched");
                    slot.failed = Some(Instant::now());
                    failed = true;
                }
            }
            self.put(domain, slot.clone());
        }
        Looked {
            sts: slot.applies(named, now),
            failed,
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, from memory or else from the store.
    async fn slot(&self, parts: &Parts, domain: &str) -> Slot {
        if let Some(slot) = self.slots().get(domain) {
            return slot.clone();
        }
        let kept = match parts.store.kv().get(&space(), domain).await {
            Ok(found) => found.and_then(|found| serde_json::from_slice(&found.value).ok()),
            Err(error) => {
                tracing::warn!(domain, %error, "a policy of MTA-STS could not be read");
                return Slot {
                    unread: true,
                    ..Slot::default()
                };
            }
        };
        let slot = Slot {
            kept,
            ..Slot::default()
        };
        self.slots_with_room()
            .entry(domain.to_owned())
            .or_insert(slot)
            .clone()
    }

    /// What could not be read is not known: it would stand before what is in the store.
    fn put(&self, domain: &str, slot: Slot) {
        if !slot.unread {
            self.slots_with_room().insert(domain.to_owned(), slot);
        }
    }

    fn slots_with_room(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        let mut slots = self.slots();
        // The store has them all: to begin anew costs a look there.
        if slots.len() >= DOMAINS {
            slots.clear();
        }
        slots
    }
}

impl Slot {
    /// What applies, to a domain that says in the DNS that it has a policy or does not.
    fn applies(&self, named: bool, now: i64) -> Sts {
        match &self.kept {
            // What lapsed and cannot be fetched anew is as good as what never could.
            Some(kept) if named && !kept.lasts(now) => Sts::Unfetched,
            Some(kept) => kept.policy(now).map_or(Sts::Nothing, Sts::Policy),
            None if self.unread => Sts::Unread,
            None if named => Sts::Unfetched,
            None => Sts::Nothing,
        }
    }

    /// Whether the policy of this id is to be fetched.
    fn wants(&self, id: &str, now: i64) -> bool {
        let known = self.kept.as_ref();
        let fresh = known.is_some_and(|kept| kept.id == id && kept.is_fresh(now));
        let lately = self.failed.is_some_and(|failed| failed.elapsed() < AGAIN);
        !fresh && !lately
    }
}

/// No plugin is called so.
fn space() -> Namespace {
    Namespace {
        plugin: ":mta-sts".to_owned(),
        area: "server".to_owned(),
        domain: String::new(),
    }
}

async fn keep(parts: &Parts, domain: &str, kept: &Kept) {
    let Ok(value) = serde_json::to_vec(kept) else {
        return;
    };
    let lasts = StsPolicy::parse(kept.file.as_bytes()).map_or(0, |policy| policy.max_age);
    let lasts = Some(Duration::from_secs(lasts.max(1)));
    let space = space();
    let set = parts.store.kv().set(&space, domain, &value, lasts);
    if let Err(error) = set.await {
        tracing::warn!(domain, %error, "a policy of MTA-STS could not be kept");
    }
}

/// The policy's file, in the form in which it is kept.
async fn fetch(client: &Client, domain: &str, private: bool) -> Result<String, String> {
    let url = mta_sts::policy_url(domain);
    let (host, path) = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or("the domain makes no URL")?;
    let request = HttpRequest {
        secure: true,
        host: host.to_owned(),
        port: 443,
        method: "GET".to_owned(),
        target: format!("/{path}"),
        headers: Vec::new(),
        body: Bytes::new(),
        timeout: FETCH,
        max_response: MAX_POLICY,
        private,
    };
    let response = client.fetch(request).await;
    let response = response.map_err(|failure| format!("{host}: {failure:?}"))?;
    // RFC 8461 §3.3: only 200 counts; redirects are not followed.
    if response.status != 200 {
        return Err(format!("{host} answered {}", response.status));
    }
    let text = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("content-type")
            && value
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/plain"))
    };
    // RFC 8461 §3.2: a site where strangers put pages need not let them put policies.
    if !response.headers.iter().any(text) {
        return Err(format!("{host} answered no text/plain"));
    }
    let policy = StsPolicy::parse(&response.body).map_err(|error| error.to_string())?;
    Ok(policy.to_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(file: &str) -> Kept {
        Kept {
            id: "1".to_owned(),
            fetched: 1000,
            file: file.to_owned(),
        }
    }

    #[test]
    fn a_policy_lasts_as_long_as_it_says() {
        let kept = kept("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 60\n");
        assert!(kept.policy(60_999).is_some());
        assert!(kept.policy(61_000).is_none());
    }

    #[test]
    fn a_policy_of_none_is_none() {
        assert!(
            kept("version: STSv1\nmode: none\nmax_age: 60\n")
                .policy(1001)
                .is_none()
        );
    }

    #[test]
    fn what_the_store_could_not_say_is_not_no_policy() {
        let unread = Slot {
            unread: true,
            ..Slot::default()
        };
        assert_eq!(unread.applies(true, 1001), Sts::Unread);
        let cache = Cache::default();
        cache.put("remote.example", unread.clone());
        assert!(cache.slots().is_empty(), "the store is asked again");
        let fetched = Slot {
            kept: Some(kept(
                "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 60\n",
            )),
            ..unread
        };
        assert!(matches!(fetched.applies(true, 1001), Sts::Policy(_)));
        // It lapsed: there should be one, or it is gone.
        let late = 1000 + 60_000;
        assert_eq!(fetched.applies(true, late), Sts::Unfetched);
        assert_eq!(fetched.applies(false, late), Sts::Nothing);
        let none = Slot {
            kept: Some(kept("version: STSv1\nmode: none\nmax_age: 60\n")),
            ..Slot::default()
        };
        assert_eq!(none.applies(true, 1001), Sts::Nothing);
        assert_eq!(Slot::default().applies(true, 1001), Sts::Unfetched);
        assert_eq!(Slot::default().applies(false, 1001), Sts::Nothing);
    }

    #[test]
    fn what_changed_or_is_old_is_fetched_and_what_failed_waits() {
        let mut slot = Slot {
            kept: Some(kept(
                "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 604800\n",
            )),
            ..Slot::default()
        };
        let short = Slot {
            kept: Some(kept(
                "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 60\n",
            )),
            ..Slot::default()
        };
        // Before its time is over, or there would be none.
        assert!(!short.wants("1", 30_999) && short.wants("1", 31_000));
        assert!(!slot.wants("1", 1001));
        assert!(slot.wants("2", 1001));
        assert!(slot.wants("1", 1000 + FRESH));
        slot.failed = Some(Instant::now());
        assert!(!slot.wants("2", 1001));
        assert!(Slot::default().wants("1", 0));
    }
}
