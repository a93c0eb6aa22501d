//! Legs on the short way: from the session that queues a message to the jobs that send it, without a look into the database.
//!
//! The commit that queues them leases them, so that nothing is durable later than on the long way; what dies here is taken up by
//! somebody when its lease has ended, as what is sent. Invariants: what waits here is bounded in number, and its contents where all are
//! that were just queued; for a destination that is known to have something due in the database, nothing goes this way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use waxwing_store::{LeaseTerms, Leased, Outgoing};

use super::deposit::HERE;
use super::places::Places;
use crate::answer::now_millis;

/// Legs of one destination that wait here.
const MAX_WAITING: usize = 64;
/// Destinations of which it is known that some of their legs wait in the database. Beyond, all of them count as such.
const MAX_BEHIND: usize = 10_000;
/// How long a line that is up waits for more to send, before its goodbye.
const LINGER: Duration = Duration::from_millis(500);

/// See the head of this file.
pub(crate) struct Fresh {
    places: Arc<Places>,
    /// Legs that wait here or are promised to.
    most: usize,
    state: Mutex<State>,
    /// Something waits that no line waited for.
    arrived: Notify,
}

#[derive(Default)]
struct State {
    /// Whose the legs are, and for how long, milliseconds; none while no worker runs.
    worker: Option<(String, i64)>,
    stocks: HashMap<String, Stock>,
    /// Legs that wait or are promised.
    total: usize,
    /// Lines that wait.
    lingering: usize,
    /// Destinations of which something waits in the database; none: any may.
    behind: Option<HashSet<String>>,
}

/// What is here for a destination.
#[derive(Default)]
struct Stock {
    legs: VecDeque<Leased>,
    /// Legs that are being queued.
    promised: usize,
    /// Jobs that send to it.
    jobs: u32,
    /// Their lines that have nothing to send; the last to come is the first to be called.
    lines: Vec<oneshot::Sender<()>>,
}

/// That a message's legs may come here when they are queued, leased on these terms.
pub(crate) struct Promise<'a> {
    fresh: &'a Fresh,
    destinations: Vec<String>,
    pub(crate) terms: LeaseTerms,
}

/// A job that sends to a destination.
pub(super) struct Sending<'a>(&'a Fresh, &'a str);

impl Fresh {
    pub(super) fn new(places: Arc<Places>, most: usize) -> Self {
        Self {
            places,
            most,
            state: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a worker takes what comes. What waited in the database before it started is not known.
    pub(super) fn open(&self, owner: &str, lease: i64) {
        let mut state = self.state();
        state.worker = Some((owner.to_owned(), lease));
        state.behind = None;
    }

    /// Nothing comes here any more, and no line waits for it.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.worker = None;
        for stock in state.stocks.values_mut() {
            stock.lines.clear();
        }
    }

    /// Lets messages that are to be queued come here, all of them or none.
    pub(crate) fn ask(&self, messages: &[Outgoing]) -> Option<Promise<'_>> {
        let now = now_millis();
        // What waits for its time or for somebody passes nobody, and nobody passes it.
        let due = |message: &&Outgoing| !message.held && message.due <= now;
        let due_now = messages.iter().filter(due).count();
        if due_now == 0 {
            return None;
        }
        let destinations = destinations(messages);
        let fits = due_now == messages.len()
            && !destinations.iter().any(|destination| destination == HERE);
        let shut = {
            let limiter = self.places.limiter();
            destinations.iter().any(|name| limiter.is_shut(name, now))
        };
        let mut state = self.state();
        let (owner, lease) = state.worker.clone()?;
        let room = state.total + destinations.len() <= self.most
            && destinations.iter().all(|name| state.has_room(name));
        if !fits || shut || !room {
            state.fall_behind(&destinations);
            return None;
        }
        state.total += destinations.len();
        for name in &destinations {
            state.stocks.entry(name.clone()).or_default().promised += 1;
        }
        Some(Promise {
            fresh: self,
            destinations,
            terms: LeaseTerms {
                owner,
                until: now.saturating_add(lease),
            },
        })
    }

    /// Waits until there is something that no line waited for.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Destinations of which something waits here that another job may send, each with how many jobs there are.
    pub(super) fn waiting(&self) -> Vec<(String, u32)> {
        let state = self.state();
        let stocks = state.stocks.iter();
        let stocks = stocks.filter(|(_, stock)| !stock.legs.is_empty());
        stocks
            .map(|(name, stock)| (name.clone(), stock.jobs))
            .collect()
    }

    /// Takes legs of a destination, at most so many.
    pub(super) fn take(&self, destination: &str, most: usize) -> Vec<Leased> {
        let mut state = self.state();
        let Some(stock) = state.stocks.get_mut(destination) else {
            return Vec::new();
        };
        let taken: Vec<Leased> = stock.legs.drain(..most.min(stock.legs.len())).collect();
        state.total -= taken.len();
        state.tidy(destination);
        taken
    }

    /// Whether something may be due in the database for a destination.
    pub(super) fn is_behind(&self, destination: &str) -> bool {
        let state = self.state();
        let behind = state.behind.as_ref();
        behind.is_none_or(|behind| behind.contains(destination))
    }

    /// Something is due in the database for a destination.
    pub(super) fn fall_behind(&self, destination: &str) {
        self.state().fall_behind(&[destination.to_owned()]);
    }

    /// Nothing that is due waits in the database for a destination.
    pub(super) fn caught_up(&self, destination: &str) {
        if let Some(behind) = &mut self.state().behind {
            behind.remove(destination);
        }
    }

    /// Nothing that is due waits in the database, but perhaps for these destinations.
    pub(super) fn caught_up_but_for(&self, closed: Vec<String>) {
        self.state().behind = Some(closed.into_iter().collect());
    }

    /// A job begins to send to a destination.
    pub(super) fn sends<'a>(&'a self, destination: &'a str) -> Sending<'a> {
        let mut state = self.state();
        let stock = state.stocks.entry(destination.to_owned()).or_default();
        stock.jobs += 1;
        Sending(self, destination)
    }
}

impl Sending<'_> {
    /// Waits a while for something to send over a line that is up. True: there may be something.
    pub(super) async fn linger(&self) -> bool {
        let Self(fresh, destination) = self;
        let called = {
            let mut state = fresh.state();
            if state.worker.is_none() || state.lingering >= fresh.most / 2 {
                return false;
            }
            let Some(stock) = state.stocks.get_mut(*destination) else {
                return false;
            };
            if !stock.legs.is_empty() {
                return true;
            }
            let (line, called) = oneshot::channel();
            stock.lines.push(line);
            state.lingering += 1;
            called
        };
        // However it ends: it waits no more.
        let _gone = Lingering(fresh, destination);
        matches!(tokio::time::timeout(LINGER, called).await, Ok(Ok(())))
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if let Some(stock) = state.stocks.get_mut(self.1) {
            stock.jobs -= 1;
        }
        state.tidy(self.1);
    }
}

/// A line that waits.
struct Lingering<'a>(&'a Fresh, &'a str);

impl Drop for Lingering<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.lingering -= 1;
        if let Some(stock) = state.stocks.get_mut(self.1) {
            stock.lines.retain(|line| !line.is_closed());
        }
    }
}

impl State {
    fn has_room(&self, destination: &str) -> bool {
        let behind = self.behind.as_ref();
        behind.is_some_and(|behind| !behind.contains(destination))
            && self
                .stocks
                .get(destination)
                .is_none_or(|stock| stock.legs.len() + stock.promised < MAX_WAITING)
    }

    /// What is queued now for these destinations waits in the database.
    fn fall_behind(&mut self, destinations: &[String]) {
        if let Some(behind) = &mut self.behind {
            behind.extend(destinations.iter().cloned());
        }
        self.behind.take_if(|behind| behind.len() > MAX_BEHIND);
    }

    fn tidy(&mut self, destination: &str) {
        let idle = |stock: &Stock| stock.legs.is_empty() && stock.promised == 0 && stock.jobs == 0;
        if self.stocks.get(destination).is_some_and(idle) {
            self.stocks.remove(destination);
        }
    }
}

impl Promise<'_> {
    /// They are queued.
    pub(crate) fn keep(self, legs: Vec<Leased>) {
        self.fresh.places.note(&legs);
        let mut state = self.fresh.state();
        for leased in legs {
            state.total += 1;
            let stock = state.stocks.entry(leased.destination.clone()).or_default();
            stock.legs.push_back(leased);
            let mut called = false;
            while !called && let Some(line) = stock.lines.pop() {
                called = line.send(()).is_ok();
            }
            if !called {
                self.fresh.arrived.notify_one();
            }
        }
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        let mut state = self.fresh.state();
        state.total -= self.destinations.len();
        for name in &self.destinations {
            if let Some(stock) = state.stocks.get_mut(name) {
                stock.promised -= 1;
            }
            state.tidy(name);
        }
    }
}

/// What the messages are scheduled under; each makes a leg.
fn destinations(messages: &[Outgoing]) -> Vec<String> {
    let mut all = Vec::new();
    for message in messages {
        let names = message.recipients.iter().map(|to| to.destination.as_str());
        let names: HashSet<&str> = names.collect();
        all.extend(names.into_iter().map(str::to_owned));
    }
    all
}

#[cfg(test)]
mod tests;
