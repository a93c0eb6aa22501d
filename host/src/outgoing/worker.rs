//! What is due is leased and handed to jobs, one a connection; between, the worker sleeps until something is due.
//!
//! Invariants: what is leased is renewed while it is worked on, and given back when the server ends; no more connections than
//! are configured, and none that the limits of a destination do not allow; no more jobs than connections, and each has the
//! content of one message at most in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use waxwing_store::{LeaseId, Leased, LegId};

use super::entry::millis;
use super::fresh::Fresh;
use super::job::{self, BATCH};
use super::places::{Hand, Places};
use crate::answer::now_millis;
use crate::shutdown::{self, Phase};
use crate::wiring::Parts;

/// The longest sleep: hosts that died, and connections of the store that broke, tell nobody.
const LONGEST: Duration = Duration::from_secs(60);
/// How often the depth of the queue is counted.
const COUNTED: Duration = Duration::from_secs(5);

/// What the jobs share.
pub(super) struct Worker {
    pub(super) parts: Arc<Parts>,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) places: Arc<Places>,
    /// Under which name legs are leased.
    owner: String,
}

/// Runs the queue until the server ends; whoever is sending finishes, or is cut with the rest.
pub(crate) async fn run(parts: Arc<Parts>) {
    let worker = Arc::new(Worker::new(parts));
    let mut jobs = JoinSet::new();
    let mut phase = worker.phase.clone();
    worker.take_over().await;
    let lease = millis(worker.parts.config.queue.lease.duration());
    worker.fresh().open(&worker.owner, lease);
    tokio::select! {
        () = work(&worker, &mut jobs) => {}
        () = worker.upkeep() => {}
        () = shutdown::draining(&mut phase) => {}
    }
    worker.fresh().close();
    let ended = async { while jobs.join_next().await.inspect(told).is_some() {} };
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
        while jobs.try_join_next().inspect(told).is_some() {}
        news.mark_unchanged();
        let most = worker.parts.config.queue.connections as usize;
        worker.take_fresh(jobs, most);
        // A leg for each place that is free: nothing waits leased for a place. Jobs lease more of what is due for their destination.
        let taken = match most.saturating_sub(jobs.len()) {
            0 => Vec::new(),
            free => worker.take(free).await,
        };
        for (destination, legs) in by_destination(taken) {
            worker.start(jobs, destination, legs);
        }
        let full = jobs.len() >= most;
        let idle = if full { LONGEST } else { worker.idle().await };
        metrics::gauge!("waxwing_queue_connections").set(jobs.len() as f64);
        tokio::select! {
            () = tokio::time::sleep(idle) => {}
            _ = news.changed() => {}
            () = worker.fresh().arrived() => {}
            Some(ended) = jobs.join_next() => told(&ended),
        }
    }
}

/// What a job died of is written down; what it had is taken up by somebody when its leases have ended.
pub(super) fn told(ended: &Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a job of the queue has died, which is a mistake in this server; its messages are tried again");
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
        Self {
            phase: parts.shutdown.phase(),
            places: Arc::clone(&parts.outgoing.places),
            owner,
            parts,
        }
    }

    /// What was under way when the server before died is not waited for.
    async fn take_over(&self) {
        let lasts = millis(self.parts.config.queue.lease.duration());
        match self.parts.store.end_dead_leases(lasts).await {
            Ok(0) => {}
            Ok(legs) => tracing::info!(
                legs,
                "queued messages were under way when the server ended; they are due again"
            ),
            // They are when their leases have ended.
            Err(error) => tracing::error!(%error, "leases of the queue could not be ended"),
        }
    }

    fn lease_end(&self) -> i64 {
        now_millis().saturating_add(millis(self.parts.config.queue.lease.duration()))
    }

    pub(super) fn fresh(&self) -> &Fresh {
        &self.parts.outgoing.fresh
    }

    /// A job for these legs of a destination.
    fn start(
        self: &Arc<Self>,
        jobs: &mut JoinSet<()>,
        destination: String,
        legs: VecDeque<Leased>,
    ) {
        let hand = Hand::new(Arc::clone(&self.places), legs);
        jobs.spawn(Box::pin(job::run(Arc::clone(self), destination, hand)));
    }

    /// Jobs for what has just been queued and no job waits for, as many as destinations may have.
    fn take_fresh(self: &Arc<Self>, jobs: &mut JoinSet<()>, most: usize) {
        let usual = self.parts.config.queue.connections_per_destination;
        for (destination, at_work) in self.fresh().waiting() {
            let allowed = self.places.limiter().most_connections(&destination);
            for _ in at_work..allowed.unwrap_or(usual) {
                if jobs.len() >= most {
                    return;
                }
                let legs = self.fresh().take(&destination, BATCH);
                if legs.is_empty() {
                    break;
                }
                self.start(jobs, destination.clone(), legs.into());
            }
        }
    }

    /// Leases what is due, so many legs.
    async fn take(&self, most: usize) -> Vec<Leased> {
        let closed = self.places.limiter().closed(now_millis());
        let until = self.lease_end();
        let leased = self
            .parts
            .store
            .lease(&self.owner, until, most, &closed)
            .await;
        // Fewer than could be: that was all.
        if leased.as_ref().is_ok_and(|leased| leased.len() < most) {
            self.fresh().caught_up_but_for(closed);
        }
        self.note(leased)
    }

    /// More for a destination: what waits in the database waits longer than what has just been queued.
    pub(super) async fn more(&self, destination: &str, most: usize) -> Vec<Leased> {
        if *self.phase.borrow() != Phase::Serving {
            return Vec::new();
        }
        if self.fresh().is_behind(destination) {
            let legs = self.lease_for(destination, most).await;
            if !legs.is_empty() {
                return legs;
            }
            self.fresh().caught_up(destination);
        }
        self.fresh().take(destination, most)
    }

    /// Leases more of what is due for a destination.
    async fn lease_for(&self, destination: &str, most: usize) -> Vec<Leased> {
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
                self.places.note(&legs);
                legs
            }
            Err(error) => {
                tracing::error!(%error, "the queue could not be read");
                Vec::new()
            }
        }
    }

    /// Returns legs without an attempt, to be taken again at a moment.
    pub(super) async fn give_back(&self, legs: impl IntoIterator<Item = &Leased>, until: i64) {
        let mut by_lease: HashMap<LeaseId, Vec<(LegId, i64)>> = HashMap::new();
        for leg in legs {
            self.places.forget(leg.leg, leg.lease);
            by_lease
                .entry(leg.lease)
                .or_default()
                .push((leg.leg, until));
        }
        self.return_all(by_lease).await;
    }

    async fn give_all_back(&self) {
        let now = now_millis();
        let left = self.places.drain().into_iter();
        let at_once = |legs: Vec<LegId>| legs.into_iter().map(|leg| (leg, now)).collect();
        self.return_all(left.map(|(lease, legs)| (lease, at_once(legs))).collect())
            .await;
    }

    async fn return_all(&self, by_lease: HashMap<LeaseId, Vec<(LegId, i64)>>) {
        for (lease, legs) in by_lease {
            // What is not given back comes back with the end of its lease.
            if let Err(error) = self.parts.store.give_back(lease, &legs).await {
                tracing::warn!(%error, "queued messages could not be given back");
            }
        }
    }

    /// How long nothing is to be done, unless news come.
    async fn idle(&self) -> Duration {
        let now = now_millis();
        let closed = self.places.limiter().closed(now);
        let due = match self.parts.store.next_due(&closed).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "the queue could not be read");
                return LONGEST;
            }
        };
        let open = self.places.limiter().next_open(now);
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
        let until = self.lease_end();
        for (lease, legs) in self.places.at_work() {
            match self.parts.store.renew_lease(lease, &legs, until).await {
                Ok(kept) => self.places.renewed(lease, &legs, &kept, until),
                Err(error) => {
                    tracing::warn!(%error, "leases of the queue could not be renewed");
                }
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
