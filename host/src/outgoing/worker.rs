//! What is due is leased and handed to jobs, one a connection; between, the worker sleeps until something is due.
//!
//! Invariants: what is leased is renewed while it is worked on, and given back when the server ends; no more connections than
//! are configured, and none that the limits of a destination do not allow.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use waxwing_queue::limiter::{Admission, Limiter, Limits};
use waxwing_queue::schedule::Schedule;
use waxwing_store::{LeaseId, Leased, LegId};

use super::courier::Tried;
use super::entry::millis;
use super::job::{self, BATCH};
use crate::answer::now_millis;
use crate::shutdown::{self, Phase};
use crate::wiring::Parts;

/// Destinations that are remembered.
const DESTINATIONS: usize = 10_000;
/// The longest sleep: hosts that died, and connections of the store that broke, tell nobody.
const LONGEST: Duration = Duration::from_secs(60);
/// How often the depth of the queue is counted.
const COUNTED: Duration = Duration::from_secs(5);

/// What the jobs share.
pub(super) struct Worker {
    pub(super) parts: Arc<Parts>,
    pub(super) phase: watch::Receiver<Phase>,
    /// Under which name legs are leased.
    owner: String,
    limiter: Mutex<Limiter>,
    /// What is leased now.
    leased: Mutex<HashMap<LegId, LeaseId>>,
    /// A connection is free again.
    freed: Notify,
}

/// Runs the queue until the server ends; whoever is sending finishes, or is cut with the rest.
pub(crate) async fn run(parts: Arc<Parts>) {
    let worker = Arc::new(Worker::new(parts));
    let mut jobs = JoinSet::new();
    let mut phase = worker.phase.clone();
    tokio::select! {
        () = work(&worker, &mut jobs) => {}
        () = worker.upkeep() => {}
        () = shutdown::draining(&mut phase) => {}
    }
    let ended = async { while jobs.join_next().await.is_some() {} };
    tokio::select! {
        () = ended => {}
        () = worker.upkeep() => {}
        () = shutdown::stopping(&mut phase) => {}
    }
    jobs.shutdown().await;
    worker.give_all_back().await;
}

async fn work(worker: &Arc<Worker>, jobs: &mut JoinSet<()>) {
    let mut news = worker.parts.store.queue_news();
    loop {
        while jobs.try_join_next().is_some() {}
        news.mark_unchanged();
        let most = worker.parts.config.queue.connections as usize;
        let taken = match most.saturating_sub(jobs.len()) {
            0 => Vec::new(),
            free => worker.take(free).await,
        };
        let full = jobs.len() >= most;
        for (destination, legs) in by_destination(taken) {
            jobs.spawn(Arc::clone(worker).work_on(destination, legs));
        }
        let idle = if full { LONGEST } else { worker.idle().await };
        metrics::gauge!("waxwing_queue_connections").set(jobs.len() as f64);
        tokio::select! {
            () = tokio::time::sleep(idle) => {}
            _ = news.changed() => {}
            () = worker.freed.notified() => {}
        }
    }
}

/// Legs by what they are scheduled under, at most a batch in each piece.
fn by_destination(legs: Vec<Leased>) -> Vec<(String, VecDeque<Leased>)> {
    let mut pieces: Vec<(String, VecDeque<Leased>)> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    for leg in legs {
        let room = open
            .get(&leg.destination)
            .and_then(|at| pieces.get_mut(*at));
        match room.filter(|(_, piece)| piece.len() < BATCH) {
            Some((_, piece)) => piece.push_back(leg),
            None => {
                open.insert(leg.destination.clone(), pieces.len());
                pieces.push((leg.destination.clone(), [leg].into()));
            }
        }
    }
    pieces
}

impl Worker {
    fn new(parts: Arc<Parts>) -> Self {
        let owner = format!("{} {}", parts.config.hostname, std::process::id());
        let limiter = Limiter::new(parts.config.queue.connections, DESTINATIONS);
        Self {
            phase: parts.shutdown.phase(),
            owner,
            limiter: Mutex::new(limiter),
            leased: Mutex::default(),
            freed: Notify::new(),
            parts,
        }
    }

    async fn work_on(self: Arc<Self>, destination: String, legs: VecDeque<Leased>) {
        job::run(Arc::clone(&self), destination, legs).await;
        self.freed.notify_one();
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leased(&self) -> MutexGuard<'_, HashMap<LegId, LeaseId>> {
        self.leased.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease_end(&self) -> i64 {
        now_millis().saturating_add(millis(self.parts.config.queue.lease.duration()))
    }

    /// Leases what is due, for so many connections.
    async fn take(&self, connections: usize) -> Vec<Leased> {
        let closed = self.limiter().closed(now_millis());
        let most = connections.saturating_mul(BATCH);
        let leased = self
            .parts
            .store
            .lease(&self.owner, self.lease_end(), most, &closed);
        self.note(leased.await)
    }

    /// Leases more of what is due for a destination.
    pub(super) async fn more(&self, destination: &str, most: usize) -> Vec<Leased> {
        if *self.phase.borrow() != Phase::Serving {
            return Vec::new();
        }
        let until = self.lease_end();
        let leased = self
            .parts
            .store
            .lease_for(destination, &self.owner, until, most);
        self.note(leased.await)
    }

    fn note(&self, leased: waxwing_store::Result<Vec<Leased>>) -> Vec<Leased> {
        match leased {
            Ok(legs) => {
                self.leased()
                    .extend(legs.iter().map(|leg| (leg.leg, leg.lease)));
                legs
            }
            Err(error) => {
                tracing::error!(%error, "the queue could not be read");
                Vec::new()
            }
        }
    }

    /// A leg is settled, or given back.
    pub(super) fn forget(&self, leg: LegId) {
        self.leased().remove(&leg);
    }

    /// Returns legs without an attempt, to be taken again at a moment.
    pub(super) async fn give_back(&self, legs: VecDeque<Leased>, until: i64) {
        let mut by_lease: HashMap<LeaseId, Vec<(LegId, i64)>> = HashMap::new();
        for leg in &legs {
            self.forget(leg.leg);
            by_lease
                .entry(leg.lease)
                .or_default()
                .push((leg.leg, until));
        }
        self.return_all(by_lease).await;
    }

    async fn give_all_back(&self) {
        let now = now_millis();
        let mut by_lease: HashMap<LeaseId, Vec<(LegId, i64)>> = HashMap::new();
        for (leg, lease) in self.leased().drain() {
            by_lease.entry(lease).or_default().push((leg, now));
        }
        self.return_all(by_lease).await;
    }

    async fn return_all(&self, by_lease: HashMap<LeaseId, Vec<(LegId, i64)>>) {
        for (lease, legs) in by_lease {
            // What is not given back comes back with the end of its lease.
            if let Err(error) = self.parts.store.give_back(lease, &legs).await {
                tracing::warn!(%error, "queued messages could not be given back");
            }
        }
    }

    /// Asks for a connection and a message to a destination.
    pub(super) fn admit(&self, destination: &str, limits: Limits) -> Admission {
        self.limiter().admit(destination, now_millis(), limits)
    }

    /// Ends what [`Worker::admit`] allowed.
    pub(super) fn done(&self, destination: &str, tried: &Tried) {
        self.limiter().done(destination, !tried.unreached);
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

    /// How long nothing is to be done, unless news come.
    async fn idle(&self) -> Duration {
        let now = now_millis();
        let closed = self.limiter().closed(now);
        let due = match self.parts.store.next_due(&closed).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "the queue could not be read");
                return LONGEST;
            }
        };
        let open = self.limiter().next_open(now);
        let next = due.into_iter().chain(open).min();
        let wait = next.map(|at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0)));
        wait.unwrap_or(LONGEST).min(LONGEST)
    }

    /// Renews leases and counts the queue; never ends.
    async fn upkeep(&self) {
        let mut renewals = tokio::time::interval(self.parts.config.queue.lease.duration() / 3);
        let mut counts = tokio::time::interval(COUNTED);
        loop {
            tokio::select! {
                _ = renewals.tick() => self.renew().await,
                _ = counts.tick() => self.count().await,
            }
        }
    }

    async fn renew(&self) {
        let mut by_lease: HashMap<LeaseId, Vec<LegId>> = HashMap::new();
        for (leg, lease) in self.leased().iter() {
            by_lease.entry(*lease).or_default().push(*leg);
        }
        let until = self.lease_end();
        for (lease, legs) in by_lease {
            if let Err(error) = self.parts.store.renew_lease(lease, &legs, until).await {
                tracing::warn!(%error, "leases of the queue could not be renewed");
            }
        }
    }

    async fn count(&self) {
        if let Ok(depth) = self.parts.store.queue_depth().await {
            metrics::gauge!("waxwing_queue_depth").set(depth.waiting as f64);
            metrics::gauge!("waxwing_queue_held").set(depth.held as f64);
        }
    }
}
