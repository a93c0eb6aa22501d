//! One connection's worth of work: the legs of a destination, one after the other, while there are any that are due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;
use waxwing_policy::Outbound;
use waxwing_queue::attempt::{Failure, Fate};
use waxwing_queue::limiter::{Limits, Rate};
use waxwing_store::{Leased, LegId, QueueAction, QueueFilter};

use super::courier::{Courier, Next, Parcel};
use super::deposit::{self, HERE};
use super::places::{Hand, Place, Taken};
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
    /// The leg that has the next turn, if it was looked at beside the last one.
    ahead: Option<Box<Ready>>,
    /// The place of the last leg, if that one was begun with it.
    place: Option<Place<'a>>,
}

/// A leg that policy has been asked about.
struct Ready {
    taken: Taken,
    ended: Ended,
    policy: Outbound,
    planned: Planned,
}

/// Sends legs of one destination until none is due, or no connection to it is to be had.
pub(super) async fn run(worker: Arc<Worker>, destination: String, mut hand: Hand) {
    let mut job = Job {
        worker: &worker,
        destination: &destination,
        courier: Courier::new(&worker.parts),
        settling: JoinSet::new(),
        ahead: None,
        place: None,
    };
    let sending = worker.fresh().sends(&destination);
    loop {
        while let Some(turn) = job.next(&mut hand) {
            if let Some(until) = Box::pin(job.turn(turn, &mut hand)).await {
                let ahead = job.ahead.take();
                let ahead = ahead.iter().map(|ready| &**ready.taken.leg());
                let left = hand.lay_down();
                worker.fresh().fall_behind(&destination);
                worker.give_back(ahead.chain(&left), until).await;
                return job.done().await;
            }
        }
        hand.add(worker.more(&destination, BATCH).await);
        // A line that is up is worth a wait: the next message needs no other then.
        if hand.is_empty() && !(job.courier.is_up() && sending.linger().await) {
            return job.done().await;
        }
    }
}

/// Whose turn it is.
enum Turn {
    /// A leg as it was leased.
    Leg(Taken),
    Ready(Box<Ready>),
}

impl Turn {
    fn taken(&self) -> &Taken {
        match self {
            Self::Leg(taken) => taken,
            Self::Ready(ready) => &ready.taken,
        }
    }
}

impl Job<'_> {
    fn next(&mut self, hand: &mut Hand) -> Option<Turn> {
        let ahead = self.ahead.take().map(Turn::Ready);
        ahead.or_else(|| hand.next().map(Turn::Leg))
    }

    /// A leg has its turn. If the destination takes no more just now: when it does.
    async fn turn(&mut self, turn: Turn, hand: &mut Hand) -> Option<i64> {
        if *self.worker.phase.borrow() != Phase::Serving {
            let now = now_millis();
            self.worker.give_back([&**turn.taken().leg()], now).await;
            return Some(now);
        }
        let ready = match turn {
            Turn::Ready(ready) => *ready,
            Turn::Leg(taken) => self.ready(taken).await?,
        };
        self.one(ready, hand).await
    }

    /// Asks policy about a leg. None: there is nothing to be sent.
    async fn ready(&self, taken: Taken) -> Option<Ready> {
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
        Some(Ready {
            taken,
            ended,
            policy,
            planned,
        })
    }

    /// One leg: sent and settled, while the next one is looked at.
    async fn one(&mut self, ready: Ready, hand: &mut Hand) -> Option<i64> {
        let Ready {
            taken,
            mut ended,
            mut policy,
            planned,
        } = ready;
        self.look_ahead(&planned, hand).await;
        let went = self.send(&planned, &mut ended, &mut policy).await;
        if went == Went::Lost {
            taken.done();
            return None;
        }
        let end = finish(Arc::clone(self.worker), taken, ended, policy, planned.held);
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

    /// Asks policy about the next leg, where it can be begun with the end of one that is planned like this.
    async fn look_ahead(&mut self, planned: &Planned, hand: &mut Hand) {
        if let [_] = planned.groups.as_slice()
            && self.ahead.is_none()
            && hand.is_ordinary()
            && let Some(taken) = hand.next()
        {
            self.ahead = self.ready(taken).await.map(Box::new);
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
            let place = match self.place.take() {
                Some(place) => Ok(place),
                None => worker.places.admit(self.destination, limits),
            };
            let mut place = match place {
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
            // Each message counts where they are counted: there it has its turn first. What was tried before goes alone: a host that cannot
            // bear commands behind content may have taken it, and is not to take it again and again.
            let alone = limits.rate.is_some() || leg.attempts > 0;
            let ahead = self.ahead.as_ref().filter(|_| !alone);
            let next = ahead.and_then(|ahead| ahead.behind(&group.route));
            let tried = self.courier.send(&group.route, parcel, next).await;
            if tried.unreached {
                place.missed();
            }
            self.place = Some(place).filter(|_| self.courier.has_begun());
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

impl Ready {
    /// What of it can be begun with the end of a message that goes this way: all of it, or nothing.
    fn behind(&self, way: &Way) -> Option<Next<'_>> {
        let [group] = self.planned.groups.as_slice() else {
            return None;
        };
        let leg = self.ended.leg();
        let whole = group.recipients.len() == leg.recipients.len();
        (whole && group.route == *way).then_some(Next {
            leg,
            recipients: &group.recipients,
        })
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
