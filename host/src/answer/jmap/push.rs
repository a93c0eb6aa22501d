//! Push subscriptions (RFC 8620 §7.2): kept in the store, told by one host of it.
//!
//! The files: `encrypted` (what only the client can read), `vapid` (who it is from), `post` (a message on its way), `sender` (who is told when).
//! Invariants: nothing is sent but over TLS, nor to an address that is not of the internet; until a client has repeated its code, nothing but
//! the code is.

mod encrypted;
mod post;
mod sender;
mod vapid;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Notify, OnceCell, Semaphore};
use waxwing_jmap::{NewPush, PushAnswer, PushAsk, PushChange, PushRefused, Subscription, Wanted};
use waxwing_sasl::Offer;
use waxwing_store::{
    Account, Error, PushKeys, PushSubscription, PushUpdate, SecretId, ShownSecret, Store,
};

use self::post::{Outcome, Target};
pub(crate) use self::sender::run;
use self::vapid::Vapid;
use super::asks::Asks;
use super::authorization;
use super::mail::unsigned;
use super::news::News;
use super::turns::{Kind, Turn};
use super::visitor::Visitor;
use crate::config::Config;
use crate::dns::Resolver;
use crate::fetch::Client;
use crate::shutdown::draining;
use crate::wiring::Parts;

/// How long a subscription is good if its client does not say; RFC 8620 §7.2: at least 48 hours, and better 7 days.
const USUAL: Duration = Duration::from_secs(7 * 24 * 3600);
/// And how long at most.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// When a code that was not taken is sent again.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(600),
];

/// Codes on their way at a time, of all accounts.
const CODES: usize = 16;

/// What is needed to tell clients.
pub(crate) struct Push {
    client: Client,
    vapid: OnceCell<Vapid>,
    /// Subscriptions were made or changed here.
    changed: Notify,
    /// For codes to be sent.
    room: Semaphore,
}

impl Push {
    /// With the proxy by which other web servers are reached, if there is one.
    pub(crate) fn new(config: &Config, resolver: Arc<Resolver>) -> Self {
        Self {
            client: Client::new(resolver).through(&config.queue.https_proxy),
            vapid: OnceCell::new(),
            changed: Notify::new(),
            room: Semaphore::new(CODES),
        }
    }

    /// What messages are signed with, the same on all hosts of a store.
    async fn vapid(&self, parts: &Parts) -> Option<&Vapid> {
        let loaded = self.vapid.get_or_try_init(|| Vapid::load(parts)).await;
        loaded
            .inspect_err(|error| tracing::warn!(%error, "push messages cannot be signed"))
            .ok()
    }
}

/// The public key of what messages are signed with (RFC 9749 §3).
pub(super) async fn application_server_key(parts: &Parts) -> Option<String> {
    let vapid = parts.push.vapid(parts).await?;
    Some(vapid.public.clone())
}

/// Who has made a request: another secret is another client (RFC 8620 §7.2).
async fn credential(
    visitor: &Visitor,
    account: &Account,
    headers: &HeaderMap,
) -> Result<SecretId, Error> {
    let said = super::text(headers, header::AUTHORIZATION);
    let offer = said.and_then(authorization::read).map(|(_, offer)| offer);
    let shown = match &offer {
        Some(Offer::Token(token)) => ShownSecret::Token(&token.token),
        Some(Offer::Password(pair)) => ShownSecret::Password(&pair.password),
        // A browser is known by what it got for the password, and for as long as that is good.
        _ => ShownSecret::Cookie(visitor.secret(headers).unwrap_or_default()),
    };
    let store = &visitor.parts.store;
    store.directory().secret(&account.address, shown).await
}

impl Asks<'_> {
    pub(super) async fn push(&self, ask: PushAsk) -> Result<PushAnswer, Error> {
        let store = &self.visitor.parts.store;
        let credential = credential(self.visitor, self.account, self.headers).await?;
        let mut all = store.push_subscriptions(self.account.id).await?;
        let now = now();
        all.retain(|known| known.credential == credential && known.expires > now);
        let find = |id: u64| all.iter().find(|known| unsigned(known.id) == id);
        Ok(match ask {
            PushAsk::All => PushAnswer::All(all.iter().map(told).collect()),
            PushAsk::Make(new) => PushAnswer::Made(self.make(new, credential, now).await?),
            PushAsk::Change { id, change } => PushAnswer::Changed(match find(id) {
                Some(known) => self.renew(known, change, now).await?,
                None => Err(PushRefused::Missing),
            }),
            PushAsk::Remove { id } => PushAnswer::Removed(match find(id) {
                Some(known) => {
                    let removed = store.remove_push_subscription(known.account, known.id);
                    let removed = removed.await?;
                    self.visitor.parts.push.changed.notify_one();
                    removed
                }
                None => false,
            }),
        })
    }

    async fn make(
        &self,
        new: NewPush,
        credential: SecretId,
        now: i64,
    ) -> Result<Result<(u64, String), PushRefused>, Error> {
        let parts = &self.visitor.parts;
        let keys = new.keys.map(|keys| PushKeys {
            p256dh: keys.p256dh,
            auth: keys.auth,
        });
        if Target::parse(&new.url).is_none() {
            return Ok(Err(PushRefused::Url));
        }
        if keys
            .as_ref()
            .is_some_and(|keys| encrypted::seal(keys, b"").is_none())
        {
            return Ok(Err(PushRefused::Keys));
        }
        let Some(expires) = until(new.expires.as_deref(), now) else {
            return Ok(Err(PushRefused::Expires));
        };
        let wanted = wanted(new.types.as_deref());
        // A code may be sent for longer than its subscription lives: who makes and removes many has them counted all the same.
        let Ok(turn) = self.visitor.turn(self.account, Kind::Verification) else {
            return Ok(Err(PushRefused::TooMany));
        };
        let account = Arc::new(self.account.clone());
        let news = News::open(parts, &account, wanted, None).await?;
        let mut made = PushSubscription {
            id: 0,
            account: self.account.id,
            credential,
            device: new.device,
            url: new.url,
            keys,
            // RFC 8620 §7.2.2: it is not to be guessed.
            code: format!("{:032x}", rand::random::<u128>()),
            verified: false,
            expires,
            types: new.types,
            told: news.since().to_string(),
        };
        let added = parts.store.add_push_subscription(made.clone()).await?;
        let Some(id) = added else {
            return Ok(Err(PushRefused::TooMany));
        };
        made.id = id;
        tokio::spawn(verify(Arc::clone(parts), made, turn));
        Ok(Ok((unsigned(id), date(expires))))
    }

    async fn renew(
        &self,
        known: &PushSubscription,
        change: PushChange,
        now: i64,
    ) -> Result<Result<String, PushRefused>, Error> {
        if change.code.as_ref().is_some_and(|code| *code != known.code) {
            return Ok(Err(PushRefused::Code));
        }
        let expires = match &change.expires {
            None => known.expires,
            Some(wanted) => match until(wanted.as_deref(), now) {
                Some(expires) => expires,
                None => return Ok(Err(PushRefused::Expires)),
            },
        };
        let update = PushUpdate {
            verified: change.code.is_some(),
            expires: Some(expires),
            types: change.types,
            told: None,
        };
        let parts = &self.visitor.parts;
        let updated = parts
            .store
            .update_push_subscription(known.account, known.id, update);
        if !updated.await? {
            return Ok(Err(PushRefused::Missing));
        }
        parts.push.changed.notify_one();
        Ok(Ok(date(expires)))
    }
}

/// Sends the code (RFC 8620 §7.2.2), again if it is not taken.
async fn verify(parts: Arc<Parts>, made: PushSubscription, _turn: Turn) {
    let object = json!({
        "@type": "PushVerification",
        "pushSubscriptionId": id_text(&made),
        "verificationCode": made.code,
    });
    let mut phase = parts.shutdown.phase();
    let mut waits = AGAIN.into_iter();
    loop {
        let Ok(place) = parts.push.room.acquire().await else {
            return;
        };
        if !is_awaited(&parts.store, &made).await {
            return;
        }
        let outcome = post::send(&parts, &made, &object, "high").await;
        drop(place);
        let Outcome::Later(_) = outcome else {
            return;
        };
        let Some(wait) = waits.next() else {
            return;
        };
        tokio::select! {
            () = draining(&mut phase) => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Whether a subscription still waits for its code.
async fn is_awaited(store: &Store, made: &PushSubscription) -> bool {
    match store.push_subscriptions(made.account).await {
        Ok(all) => all
            .iter()
            .any(|known| known.id == made.id && !known.verified),
        Err(error) => {
            tracing::warn!(%error, "a push subscription cannot be looked up");
            false
        }
    }
}

fn id_text(subscription: &PushSubscription) -> String {
    waxwing_jmap::PushSubscriptionId(unsigned(subscription.id)).to_string()
}

fn wanted(types: Option<&[String]>) -> Wanted {
    let some = types.and_then(|types| Wanted::of(types.iter().map(String::as_str)));
    some.unwrap_or(Wanted::All)
}

fn told(known: &PushSubscription) -> Subscription {
    Subscription {
        id: unsigned(known.id),
        device: known.device.clone(),
        code: known.verified.then(|| known.code.clone()),
        expires: date(known.expires),
        types: known.types.clone(),
    }
}

/// Until when a subscription is good that is to end then; none if that is over, or no date.
fn until(wanted: Option<&str>, now: i64) -> Option<i64> {
    let after = |time: Duration| now + i64::try_from(time.as_millis()).unwrap_or(0);
    let Some(wanted) = wanted else {
        return Some(after(USUAL) / 1000 * 1000);
    };
    // RFC 8620 §1.4: a UTCDate ends with Z, in capitals.
    let written = wanted.ends_with('Z') && wanted.contains('T');
    let at = wanted.parse::<Timestamp>().ok().filter(|_| written)?;
    let at = at.as_second().checked_mul(1000)?;
    (at > now).then(|| at.min(after(LONGEST) / 1000 * 1000))
}

fn date(at: i64) -> String {
    let at = Timestamp::from_second(at / 1000).unwrap_or(Timestamp::MAX);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_dates_to_come_and_not_too_far() {
        let now = 1_700_000_000_123;
        let told = |wanted| until(wanted, now).map(date);
        assert_eq!(told(None).as_deref(), Some("2023-11-21T22:13:20Z"));
        let soon = "2023-11-15T00:00:00Z";
        assert_eq!(told(Some(soon)).as_deref(), Some(soon));
        let far = told(Some("2030-01-01T00:00:00Z"));
        assert_eq!(far.as_deref(), Some("2023-12-14T22:13:20Z"));
        for none in [
            "2023-11-14T00:00:00Z",
            "2023-11-15",
            "2023-11-15T00:00:00+01:00",
            "x",
        ] {
            assert_eq!(told(Some(none)), None, "{none}");
        }
    }
}
