//! One connection's worth of work: the legs of a destination, one after the other, while there are any that are due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;
use waxwing_policy::Outbound;
use waxwing_queue::attempt::{Failure, Fate};
use waxwing_queue::limiter::{Limits, Rate};
use waxwing_store::{Leased, LegId, QueueAction, QueueFilter};

use super::courier::{Courier, Parcel};
use super::deposit::{self, HERE};
use super::places::{Hand, Taken};
use super::plan::{Planned, Way, plan};
use super::settle::{Ended, Written, settle};
use super::worker::{Worker, told};
use super::{entry, facts, owed};
use crate::answer::now_millis;
use crate::shutdown::Phase;

/// Legs that a connection takes at a time.
pub(super) const BATCH: usize = 10;
/// Legs of a connection whose end is being written down while it sends the next one. Each of them comes twice if the power fails.
const UNSETTLED: usize = 1;
/// How long a leg waits after trouble of our own.
const TROUBLE: i64 = 60_000;

/// A connection, and what is going on over it.
struct Job<'a> {
    worker: &'a Arc<Worker>,
    destination: &'a str,
    courier: Courier<'a>,
    /// What came of legs is being written down.
    settling: JoinSet<()>,
}

/// Sends legs of one destination until none is due, or no connection to it is to be had.
pub(super) async fn run(worker: Arc<Worker>, destination: String, mut hand: Hand) {
    let mut job = Job {
        worker: &worker,
        destination: &destination,
        courier: Courier::new(&worker.parts),
        settling: JoinSet::new(),
    };
    loop {
        while let Some(taken) = hand.next() {
            if let Some(until) = job.turn(taken).await {
                worker.give_back(&hand.lay_down(), until).await;
                return job.done().await;
            }
        }
        hand.add(worker.more(&destination, BATCH).await);
        if hand.is_empty() {
            return job.done().await;
        }
    }
}

impl Job<'_> {
    /// A leg has its turn. If the destination takes no more just now: when it does.
    async fn turn(&mut self, taken: Taken) -> Option<i64> {
        if *self.worker.phase.borrow() == Phase::Serving {
            return self.one(taken).await;
        }
        let now = now_millis();
        self.worker.give_back([&**taken.leg()], now).await;
        Some(now)
    }

    /// One leg: planned, sent, settled.
    async fn one(&mut self, taken: Taken) -> Option<i64> {
        let (worker, leg) = (self.worker, taken.leg());
        if !leg.owed.is_empty() {
            let told = owed::tell(worker, leg).await;
            if told == Written::Lost || leg.recipients.is_empty() {
                taken.done();
                return None;
            }
        }
        let now = now_millis();
        let too_late_by_now = is_too_late(leg, now);
        if leg.destination == HERE && !too_late_by_now {
            deposit::deposit(worker, leg, now).await;
            taken.done();
            return None;
        }
        let mut policy = Outbound::new(worker.parts.policy.current(), facts::outbound(leg));
        let mut ended = Ended::new(leg, now);
        if too_late_by_now {
            (0..leg.recipients.len()).for_each(|place| ended.decided(place, too_late()));
            settle(worker, &mut ended, &mut policy, false).await;
            taken.done();
            return None;
        }
        let planned = plan(&mut policy, leg, now).await;
        decide(&planned, &mut ended, leg, now);
        let went = self.send(&planned, &mut ended, &mut policy).await;
        if went == Went::Lost {
            taken.done();
            return None;
        }
        let end = finish(Arc::clone(worker), taken, ended, policy, planned.held);
        match went {
            // What did not come to a host is written down before the next has its turn: it may be the destination that is left alone.
            Went::On if self.courier.is_up() => self.settle_beside(end).await,
            _ => end.await,
        }
        match went {
            Went::NotNow(until) => Some(until),
            Went::On | Went::Lost => None,
        }
    }

    /// Sends to one group after the other. What came of each is written down before the next has its turn: whoever takes over
    /// from a server that dies between them sends to nobody again.
    async fn send(&mut self, planned: &Planned, ended: &mut Ended, policy: &mut Outbound) -> Went {
        let (worker, leg) = (self.worker, &*Arc::clone(ended.leg()));
        let mut read: Option<Bytes> = None;
        for (number, group) in planned.groups.iter().enumerate() {
            if number > 0 && settle(worker, ended, policy, true).await == Written::Lost {
                return Went::Lost;
            }
            if !worker.places.holds(leg) {
                tracing::warn!(leg = leg.leg.0, "a lease has ended while it was worked on");
                // Who was not tried does not wait for those who were.
                ended.retry_by(now_millis());
                return Went::On;
            }
            let limits = limits(worker, &group.route);
            let mut place = match worker.places.admit(self.destination, limits) {
                Ok(place) => place,
                Err(until) => {
                    ended.retry_by(until);
                    return Went::NotNow(until);
                }
            };
            // Not before: what waits for a connection is not held in memory.
            let content = match read.take() {
                Some(content) => content,
                None => match worker.parts.store.queued_content(leg.message.blob).await {
                    Ok(content) => content,
                    Err(error) => {
                        tracing::error!(leg = leg.leg.0, %error, "a queued message could not be read");
                        ended.retry_by(now_millis().saturating_add(TROUBLE));
                        return Went::On;
                    }
                },
            };
            let begun = Instant::now();
            let parcel = Parcel {
                leg,
                content: &content,
                recipients: &group.recipients,
            };
            let tried = self.courier.send(&group.route, parcel).await;
            if tried.unreached {
                place.missed();
            }
            drop(place);
            read = Some(content);
            ended.tried(tried, &group.route.plan, begun.elapsed());
        }
        Went::On
    }

    /// Writes down what came of a leg while the next has its turn. The wait for the disk is most of what a message takes.
    async fn settle_beside(&mut self, end: impl Future<Output = ()> + Send + 'static) {
        // It is large, and a spawn moves what it is given more than once.
        self.settling.spawn(Box::pin(end));
        while self.settling.len() > UNSETTLED {
            self.settling.join_next().await.inspect(told);
        }
    }

    /// Says goodbye, and waits for what is not yet written down.
    async fn done(mut self) {
        self.courier.done().await;
        while self.settling.join_next().await.inspect(told).is_some() {}
    }
}

/// What policy has decided without an attempt.
fn decide(planned: &Planned, ended: &mut Ended, leg: &Leased, now: i64) {
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
    let expires = leg.message.envelope.expires;
    for (place, wait) in &planned.later {
        // Policy can put off as often as it likes, and not for ever.
        if now >= expires {
            ended.decided(*place, put_off_too_long());
        } else {
            let at = now.saturating_add(entry::millis(*wait));
            ended.retry_by(at.min(expires));
        }
    }
}

/// How far the groups of a leg have come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Went {
    /// All of them had their turn.
    On,
    /// The destination takes no more before this moment.
    NotNow(i64),
    /// Somebody else has the leg.
    Lost,
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

fn put_off_too_long() -> Fate {
    Fate::Permanent(Failure {
        // RFC 3463 §3.5: delivery time expired.
        status: "4.4.7".to_owned(),
        said: "it was put off until its time in the queue was over".to_owned(),
        by_server: false,
    })
}

/// What was done of the leg is written down; without that it is as if it had not been looked at.
async fn finish(
    worker: Arc<Worker>,
    taken: Taken,
    mut ended: Ended,
    mut policy: Outbound,
    held: Option<String>,
) {
    let leg = taken.leg();
    if ended.is_something() {
        settle(&worker, &mut ended, &mut policy, false).await;
    } else {
        let until = ended.retry_at().unwrap_or(now_millis() + TROUBLE);
        worker.give_back([&**leg], until).await;
    }
    if let Some(reason) = held {
        hold(&worker, leg.leg, &reason).await;
    }
    taken.done();
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
