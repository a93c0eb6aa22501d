//! Who is told when: one host of a store tells all subscriptions, each by a task of its own that waits for what happens in its account.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use waxwing_jmap::DataType;
use waxwing_store::{Error, PushSubscription, PushUpdate};

use super::post::{self, Outcome};
use crate::answer::jmap::news::{Moment, News, Told};
use crate::shutdown::draining;
use crate::turn::Turn;
use crate::wiring::Parts;

/// How often what other hosts have changed is looked for.
const LOOK: Duration = Duration::from_secs(15);
/// How long the turn is kept without being taken again.
const TURN: Duration = Duration::from_secs(60);
/// After a message that was not taken; doubled each time, up to the second.
const FIRST: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_secs(3600);
/// Messages on their way at a time.
const MANY: usize = 64;

/// Tells for as long as the server serves.
pub(crate) async fn run(parts: Arc<Parts>) {
    let mut phase = parts.shutdown.phase();
    let mut turn = Turn::new(&parts, "push");
    let mut following = Following::new(&parts);
    loop {
        match turn.take(TURN).await {
            Ok(true) => match parts.store.live_push_subscriptions().await {
                Ok(all) => following.all(all),
                Err(error) => tracing::warn!(%error, "push subscriptions cannot be read"),
            },
            // Another host tells.
            Ok(false) => following.all(Vec::new()),
            Err(error) => tracing::warn!(%error, "whose turn it is to tell is not known"),
        }
        tokio::select! {
            () = draining(&mut phase) => return,
            () = parts.push.changed.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// The tasks, by the numbers of their subscriptions.
struct Following {
    parts: Arc<Parts>,
    room: Arc<Semaphore>,
    tasks: JoinSet<()>,
    known: HashMap<i64, (PushSubscription, AbortHandle)>,
}

impl Following {
    fn new(parts: &Arc<Parts>) -> Self {
        Self {
            parts: Arc::clone(parts),
            room: Arc::new(Semaphore::new(MANY)),
            tasks: JoinSet::new(),
            known: HashMap::new(),
        }
    }

    /// Follows these and no others.
    fn all(&mut self, subscriptions: Vec<PushSubscription>) {
        while self.tasks.try_join_next().is_some() {}
        let mut before = std::mem::take(&mut self.known);
        for subscription in subscriptions {
            // What was told last is the task's own to know.
            let same = |known: &PushSubscription| {
                let told = subscription.told.clone();
                PushSubscription {
                    told,
                    ..known.clone()
                } == subscription
            };
            let entry = match before.remove(&subscription.id) {
                Some((known, task)) if same(&known) => (subscription, task),
                other => {
                    if let Some((_, task)) = other {
                        task.abort();
                    }
                    let room = Arc::clone(&self.room);
                    let follower = follow(Arc::clone(&self.parts), room, subscription.clone());
                    (subscription, self.tasks.spawn(follower))
                }
            };
            self.known.insert(entry.0.id, entry);
        }
        before.into_values().for_each(|(_, task)| task.abort());
    }
}

/// Tells one subscription, until it is over.
async fn follow(parts: Arc<Parts>, room: Arc<Semaphore>, of: PushSubscription) {
    if let Err(error) = told(&parts, &room, &of).await {
        tracing::warn!(%error, subscription = of.id, "a push subscription cannot be followed");
    }
}

async fn told(parts: &Arc<Parts>, room: &Semaphore, of: &PushSubscription) -> Result<(), Error> {
    let (store, directory) = (&parts.store, parts.store.directory());
    let Some(account) = directory.account_by_id(of.account).await? else {
        return Ok(());
    };
    let mut since = Moment::read(&of.told);
    let mut wait = FIRST;
    loop {
        let wanted = super::wanted(of.types.as_deref());
        let mut news = News::open(parts, &account, wanted, Some(since.clone())).await?;
        let refused = loop {
            let Some(change) = news.next().await else {
                return Ok(());
            };
            if super::now() >= of.expires {
                return Ok(());
            }
            // RFC 8620 §7.2: with the login goes what it had subscribed to.
            if !store.holds(&account, of.credential).await? {
                store.remove_push_subscription(of.account, of.id).await?;
                return Ok(());
            }
            let Ok(_place) = room.acquire().await else {
                return Ok(());
            };
            let object = change.change.to_json();
            match post::send(parts, of, &object, urgency(&change)).await {
                Outcome::Taken => {
                    wait = FIRST;
                    since = change.until;
                    let update = PushUpdate {
                        told: Some(since.to_string()),
                        ..PushUpdate::default()
                    };
                    let kept = store.update_push_subscription(of.account, of.id, update);
                    if !kept.await? {
                        return Ok(());
                    }
                }
                Outcome::Gone => {
                    store.remove_push_subscription(of.account, of.id).await?;
                    return Ok(());
                }
                Outcome::Later(after) => break after,
            }
        };
        // What happens meanwhile is told with what was not taken.
        tokio::time::sleep(refused.unwrap_or(Duration::ZERO).max(wait)).await;
        wait = (wait * 2).min(LONGEST);
    }
}

/// RFC 8030 §5.3: a client that sleeps is woken for new mail.
fn urgency(told: &Told) -> &'static str {
    let mut types = told.change.types.iter();
    let new = types.any(|(kind, _)| *kind == DataType::EmailDelivery);
    if new { "high" } else { "normal" }
}
