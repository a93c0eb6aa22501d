//! What the jobs of a worker have between them: connections to destinations, and legs that are leased.
//!
//! Invariant: what a job has ends with the job, whatever ended it: its connection is free again, and its leases are renewed no
//! longer, so that somebody takes up what it left.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waxwing_queue::limiter::{Admission, Limiter, Limits};
use waxwing_queue::schedule::Schedule;
use waxwing_store::{LeaseId, Leased, LegId};

use super::entry::millis;
use crate::answer::now_millis;

/// See the head of this file.
pub(super) struct Places {
    limiter: Mutex<Limiter>,
    leases: Mutex<HashMap<LegId, Lease>>,
}

/// A leg is ours.
struct Lease {
    id: LeaseId,
    /// When that ends if nothing is done about it, milliseconds of Unix time.
    until: i64,
    /// A job has it; else it was left by one that ended before its time.
    at_work: bool,
}

/// A connection to a destination, for a message.
pub(super) struct Place<'a> {
    places: &'a Places,
    destination: &'a str,
    reached: bool,
}

/// The legs of a job that have not had their turn.
pub(super) struct Hand {
    places: Arc<Places>,
    legs: VecDeque<Leased>,
}

/// A leg that is worked on, until what came of it is written down.
pub(super) struct Taken {
    places: Arc<Places>,
    leg: Arc<Leased>,
}

impl Places {
    /// For so many connections in all, and so many destinations that are remembered.
    pub(super) fn new(connections: u32, destinations: usize) -> Self {
        Self {
            limiter: Mutex::new(Limiter::new(connections, destinations)),
            leases: Mutex::default(),
        }
    }

    pub(super) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<LegId, Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to a destination, and a message over it; or when to ask again, milliseconds of Unix time.
    pub(super) fn admit<'a>(
        &'a self,
        destination: &'a str,
        limits: Limits,
    ) -> Result<Place<'a>, i64> {
        let now = now_millis();
        match self.limiter().admit(destination, now, limits) {
            Admission::Go => Ok(Place {
                places: self,
                destination,
                reached: true,
            }),
            Admission::Busy => Err(now),
            Admission::Wait(until) => Err(until),
        }
    }

    /// Leaves a destination alone that could not be reached: until one of its messages is tried again, and not longer than its
    /// misses in a row are worth, so that an old message's long wait does not hold up new ones.
    pub(super) fn back_off(&self, destination: &str, retry_at: i64) {
        let mut limiter = self.limiter();
        let misses = limiter.misses(destination);
        let wait = Schedule::default().wait(misses.max(1), u64::from(misses));
        let most = now_millis().saturating_add(millis(wait));
        limiter.back_off(destination, retry_at.min(most));
    }

    /// These were leased just now.
    pub(super) fn note(&self, legs: &[Leased]) {
        self.leases().extend(legs.iter().map(|leg| {
            let lease = Lease {
                id: leg.lease,
                until: leg.until,
                at_work: true,
            };
            (leg.leg, lease)
        }));
    }

    /// A leg is settled, or given back. If another job leased it meanwhile, that is not touched.
    pub(super) fn forget(&self, leg: LegId, id: LeaseId) {
        let mut leases = self.leases();
        if leases.get(&leg).is_some_and(|lease| lease.id == id) {
            leases.remove(&leg);
        }
    }

    /// Nobody works on these any more: their leases are not renewed.
    fn leave<'a>(&self, legs: impl IntoIterator<Item = &'a Leased>) {
        let mut leases = self.leases();
        for leg in legs {
            if let Some(lease) = leases
                .get_mut(&leg.leg)
                .filter(|lease| lease.id == leg.lease)
            {
                lease.at_work = false;
            }
        }
    }

    /// Whether a leg is leased still: nobody else can have it.
    pub(super) fn holds(&self, leg: &Leased) -> bool {
        let leases = self.leases();
        let lease = leases.get(&leg.leg).filter(|lease| lease.id == leg.lease);
        lease.is_some_and(|lease| lease.until > now_millis())
    }

    /// What is to be renewed, by its lease.
    pub(super) fn at_work(&self) -> HashMap<LeaseId, Vec<LegId>> {
        let mut by_lease: HashMap<LeaseId, Vec<LegId>> = HashMap::new();
        for (leg, lease) in self.leases().iter().filter(|(_, lease)| lease.at_work) {
            by_lease.entry(lease.id).or_default().push(*leg);
        }
        by_lease
    }

    /// Of these legs those were renewed, until this moment; the others are somebody else's by now.
    pub(super) fn renewed(&self, id: LeaseId, asked: &[LegId], kept: &[LegId], until: i64) {
        let mut leases = self.leases();
        for leg in asked {
            let Some(lease) = leases.get_mut(leg).filter(|lease| lease.id == id) else {
                continue;
            };
            if kept.contains(leg) {
                lease.until = until;
            } else {
                leases.remove(leg);
            }
        }
    }

    /// Forgets all that is leased.
    pub(super) fn drain(&self) -> HashMap<LeaseId, Vec<LegId>> {
        let mut by_lease: HashMap<LeaseId, Vec<LegId>> = HashMap::new();
        for (leg, lease) in self.leases().drain() {
            by_lease.entry(lease.id).or_default().push(leg);
        }
        by_lease
    }
}

impl Place<'_> {
    /// The destination could not be reached.
    pub(super) fn missed(&mut self) {
        self.reached = false;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.places.limiter().done(self.destination, self.reached);
    }
}

impl Hand {
    pub(super) fn new(places: Arc<Places>, legs: VecDeque<Leased>) -> Self {
        Self { places, legs }
    }

    /// The next leg that nobody else has.
    pub(super) fn next(&mut self) -> Option<Taken> {
        while let Some(leg) = self.legs.pop_front() {
            if self.places.holds(&leg) {
                return Some(Taken {
                    places: Arc::clone(&self.places),
                    leg: Arc::new(leg),
                });
            }
            tracing::warn!(leg = leg.leg.0, "a lease has ended before its turn");
            self.places.forget(leg.leg, leg.lease);
        }
        None
    }

    /// Whether the next leg is to be sent, and nothing else is to be done about it first.
    pub(super) fn is_ordinary(&self) -> bool {
        let next = self.legs.front();
        next.is_some_and(|leg| leg.owed.is_empty() && leg.message.envelope.deliver_by.is_none())
    }

    /// With these, too.
    pub(super) fn add(&mut self, legs: Vec<Leased>) {
        self.legs.extend(legs);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    /// All that is left, to be given back.
    pub(super) fn lay_down(&mut self) -> Vec<Leased> {
        self.legs.drain(..).collect()
    }
}

impl Drop for Hand {
    /// A job that ends as it should has nothing any more.
    fn drop(&mut self) {
        self.places.leave(&self.legs);
    }
}

impl Taken {
    pub(super) fn leg(&self) -> &Arc<Leased> {
        &self.leg
    }

    /// Nothing is left to be done.
    pub(super) fn done(self) {
        self.places.forget(self.leg.leg, self.leg.lease);
    }
}

impl Drop for Taken {
    /// What is done is forgotten by now.
    fn drop(&mut self) {
        self.places.leave([&*self.leg]);
    }
}

#[cfg(test)]
mod tests {
    use waxwing_store::{BlobId, QueueEnvelope, QueuedMessage};

    use super::*;

    const LIMITS: Limits = Limits {
        connections: 1,
        rate: None,
    };

    fn leased(number: i64, until: i64) -> Leased {
        Leased {
            leg: LegId(number),
            lease: LeaseId(1),
            until,
            destination: "remote.example".to_owned(),
            attempts: 0,
            message: QueuedMessage {
                envelope: QueueEnvelope::default(),
                size: 1,
                blob: BlobId(1),
            },
            recipients: Vec::new(),
            owed: Vec::new(),
        }
    }

    /// Places with these legs, and a hand that has them.
    fn hand(legs: Vec<Leased>) -> (Arc<Places>, Hand) {
        let places = Arc::new(Places::new(1, 10));
        places.note(&legs);
        let hand = Hand::new(Arc::clone(&places), legs.into());
        (places, hand)
    }

    #[tokio::test]
    async fn a_job_that_panics_leaves_its_place_and_its_leases() {
        let (places, mut hand) = hand(vec![leased(1, i64::MAX), leased(2, i64::MAX)]);
        let shared = Arc::clone(&places);
        let job = tokio::spawn(async move {
            let taken = hand.next().unwrap();
            let _place = shared.admit(&taken.leg().destination, LIMITS);
            tokio::task::yield_now().await;
            panic!("a mistake of a job");
        });
        assert!(job.await.unwrap_err().is_panic());
        assert!(places.admit("remote.example", LIMITS).is_ok());
        assert!(
            places.at_work().is_empty(),
            "nobody renews what nobody works on"
        );
        // The server gives them back when it ends, if they have not been taken up until then.
        assert_eq!(places.drain().values().flatten().count(), 2);
    }

    #[test]
    fn what_somebody_else_has_is_not_worked_on() {
        let ours = leased(1, i64::MAX);
        let (places, mut hand) = hand(vec![ours.clone(), leased(2, i64::MAX), leased(3, 0)]);
        places.renewed(LeaseId(1), &[LegId(1), LegId(2)], &[LegId(1)], i64::MAX - 1);
        let taken = hand.next().unwrap();
        assert_eq!(taken.leg().leg, LegId(1));
        assert!(hand.next().is_none(), "one was taken over, one has ended");
        assert!(
            places.holds(&ours),
            "it is not written down what came of it"
        );
        taken.done();
        assert!(!places.holds(&ours) && places.drain().is_empty());
    }
}
