//! One connection's worth of work: the legs of a destination, one after the other, while there are any that are due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use waxwing_policy::Outbound;
use waxwing_queue::attempt::{Failure, Fate};
use waxwing_queue::limiter::{Admission, Limits, Rate};
use waxwing_store::{Leased, LegId, QueueAction, QueueFilter};

use super::courier::{Courier, Parcel};
use super::deposit::{self, HERE};
use super::plan::{Planned, Way, plan};
use super::settle::{Ended, settle};
use super::worker::Worker;
use super::{entry, facts};
use crate::answer::now_millis;
use crate::shutdown::Phase;

/// Legs that a connection takes at a time.
pub(super) const BATCH: usize = 10;
/// How long a leg waits after trouble of our own.
const TROUBLE: i64 = 60_000;

/// Sends legs of one destination until none is due, or no connection to it is to be had.
pub(super) async fn run(worker: Arc<Worker>, destination: String, mut legs: VecDeque<Leased>) {
    let mut courier = Courier::new(&worker.parts);
    loop {
        while let Some(leg) = legs.pop_front() {
            if *worker.phase.borrow() != Phase::Serving {
                legs.push_front(leg);
                worker.give_back(legs, now_millis()).await;
                courier.done().await;
                return;
            }
            let went = one(&worker, &mut courier, &destination, &leg).await;
            worker.forget(leg.leg);
            if let Went::NotNow(until) = went {
                legs.push_front(leg);
                worker.give_back(legs, until).await;
                courier.done().await;
                return;
            }
        }
        legs = worker.more(&destination, BATCH).await.into();
        if legs.is_empty() {
            break;
        }
    }
    courier.done().await;
}

/// Whether there may be another.
enum Went {
    On,
    /// The destination takes no more before this moment.
    NotNow(i64),
}

/// One leg: planned, sent, settled.
async fn one(worker: &Worker, courier: &mut Courier<'_>, destination: &str, leg: &Leased) -> Went {
    let parts = &worker.parts;
    let now = now_millis();
    if leg.destination == HERE {
        deposit::deposit(worker, leg, now).await;
        return Went::On;
    }
    let mut policy = Outbound::new(parts.policy.current(), facts::outbound(leg));
    let mut ended = Ended::new(leg, now);
    if is_too_late(leg, now) {
        (0..leg.recipients.len()).for_each(|place| ended.decided(place, too_late()));
        settle(worker, ended, &mut policy).await;
        return Went::On;
    }
    let planned = plan(&mut policy, leg, now).await;
    for (place, reply) in &planned.bounced {
        let failure = Failure {
            status: reply
                .enhanced
                .map_or_else(|| "5.0.0".to_owned(), |status| status.to_string()),
            said: format!("{} {}", reply.code.get(), reply.text),
            by_server: false,
        };
        ended.decided(*place, Fate::Permanent(failure));
    }
    for (_, wait) in &planned.later {
        ended.retry_by(now.saturating_add(entry::millis(*wait)));
    }
    if !planned.groups.is_empty() {
        let content = match parts.store.blob(leg.message.blob).await {
            Ok(content) => content,
            Err(error) => {
                tracing::error!(leg = leg.leg.0, %error, "a queued message could not be read");
                worker.give_back([leg.clone()].into(), now + TROUBLE).await;
                return Went::On;
            }
        };
        for group in &planned.groups {
            let limits = limits(worker, &group.route);
            match worker.admit(destination, limits) {
                Admission::Go => {}
                Admission::Busy => return not_now(worker, ended, &mut policy, now).await,
                Admission::Wait(until) => return not_now(worker, ended, &mut policy, until).await,
            }
            let begun = Instant::now();
            let parcel = Parcel {
                leg,
                content: &content,
                recipients: &group.recipients,
            };
            let tried = courier.send(&group.route, parcel).await;
            worker.done(destination, &tried);
            ended.tried(tried, &group.route.plan, begun.elapsed());
        }
    }
    finish(worker, ended, &mut policy, &planned, leg).await;
    Went::On
}

/// RFC 2852 §4.1.4: what is to be returned is not delivered when its time is over.
fn is_too_late(leg: &Leased, now: i64) -> bool {
    let by = leg.message.envelope.deliver_by;
    by.is_some_and(|by| by.give_up && by.at <= now)
}

fn too_late() -> Fate {
    Fate::Permanent(Failure {
        // RFC 3463 §3.5: delivery time expired.
        status: "5.4.7".to_owned(),
        said: "it could not be delivered in the time that its sender gave it".to_owned(),
        by_server: false,
    })
}

/// What was done of the leg is written down; without that it is as if it had not been looked at.
async fn not_now(worker: &Worker, mut ended: Ended<'_>, policy: &mut Outbound, until: i64) -> Went {
    ended.retry_by(until);
    if ended.is_something() {
        settle(worker, ended, policy).await;
    }
    Went::NotNow(until)
}

async fn finish(
    worker: &Worker,
    ended: Ended<'_>,
    policy: &mut Outbound,
    planned: &Planned,
    leg: &Leased,
) {
    if ended.is_something() {
        settle(worker, ended, policy).await;
    } else {
        let until = ended.retry_at().unwrap_or(now_millis() + TROUBLE);
        worker.give_back([leg.clone()].into(), until).await;
    }
    if let Some(reason) = &planned.held {
        hold(worker, leg.leg, reason).await;
    }
}

async fn hold(worker: &Worker, leg: LegId, reason: &str) {
    tracing::info!(leg = leg.0, reason, "held in the queue");
    let which = QueueFilter::Leg(leg);
    let held = worker.parts.store.operate(&which, QueueAction::Hold);
    if let Err(error) = held.await {
        tracing::error!(leg = leg.0, %error, "a queued message could not be held");
    }
}

fn limits(worker: &Worker, way: &Way) -> Limits {
    let usual = worker.parts.config.queue.connections_per_destination;
    Limits {
        connections: way.plan.connections.unwrap_or(usual),
        rate: way.plan.rate.map(|messages| Rate {
            messages,
            period: Duration::from_secs(60),
        }),
    }
}
