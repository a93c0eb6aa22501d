//! Legs on the short way: from the session that queues a message to the jobs that send it, without a look into the database.
//!
//! The commit that queues them leases them, so that nothing is durable later than on the long way; what dies here is taken up by
//! somebody when its lease has ended, as what is sent. Invariants: what waits here is bounded, in number and octets; nothing goes this
//! way past what waits in the database for the same destination.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use waxwing_store::{LeaseTerms, Leased, Outgoing};

use super::deposit::HERE;
use super::places::Places;
use crate::answer::now_millis;

/// The largest content that is kept in memory until it is sent.
const MAX_CONTENT: usize = 64 * 1024;
/// Legs of one destination that wait here.
const MAX_WAITING: usize = 64;
/// Destinations of which it is known that some of their legs wait in the database. Beyond, all of them count as such.
const MAX_BEHIND: usize = 10_000;
/// How long a line that is up waits for more to send, before its goodbye.
pub(super) const LINGER: Duration = Duration::from_millis(500);

/// See the head of this file.
pub(crate) struct Fresh {
    places: Arc<Places>,
    /// Legs that wait here or are promised to, and lines that wait for them.
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
    legs: VecDeque<Leg>,
    /// Legs that are being queued.
    promised: usize,
    /// Lines that have nothing to send; the last to come is the first to be called.
    lines: Vec<oneshot::Sender<()>>,
}

/// A leg, with the content if that is at hand.
pub(super) struct Leg {
    pub(super) leased: Leased,
    pub(super) content: Option<Bytes>,
}

/// That a message's legs may come here when they are queued.
pub(crate) struct Promise<'a> {
    fresh: &'a Fresh,
    destinations: Vec<String>,
    /// The content of all of them, if it is one.
    content: Option<Bytes>,
}

impl From<Leased> for Leg {
    fn from(leased: Leased) -> Self {
        Self {
            leased,
            content: None,
        }
    }
}

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

    /// Nothing comes here any more.
    pub(super) fn close(&self) {
        self.state().worker = None;
    }

    /// Lets messages that are to be queued come here, all of them or none.
    pub(crate) fn ask(&self, messages: &mut [Outgoing]) -> Option<Promise<'_>> {
        let now = now_millis();
        // What waits for its time or for somebody passes nobody, and nobody passes it.
        let due = |message: &&Outgoing| !message.held && message.due <= now;
        let due_now = messages.iter().filter(due).count();
        if due_now == 0 {
            return None;
        }
        let destinations = destinations(messages);
        let fits = due_now == messages.len()
            && !destinations.iter().any(|name| name == HERE)
            && messages
                .iter()
                .all(|message| message.content.len() <= MAX_CONTENT);
        let terms = self.promise(&destinations, fits, now)?;
        for message in &mut *messages {
            message.lease = Some(terms.clone());
        }
        let content = match messages {
            [one] => Some(one.content.clone()),
            _ => None,
        };
        Some(Promise {
            fresh: self,
            destinations,
            content,
        })
    }

    fn promise(&self, destinations: &[String], fits: bool, now: i64) -> Option<LeaseTerms> {
        let shut = {
            let limiter = self.places.limiter();
            destinations.iter().any(|name| limiter.is_shut(name, now))
        };
        let mut state = self.state();
        let (owner, lease) = state.worker.clone()?;
        let room = state.total + destinations.len() <= self.most
            && destinations.iter().all(|name| state.has_room(name));
        if !fits || shut || !room {
            state.fall_behind(destinations);
            return None;
        }
        state.total += destinations.len();
        for name in destinations {
            state.stocks.entry(name.clone()).or_default().promised += 1;
        }
        Some(LeaseTerms {
            owner,
            until: now.saturating_add(lease),
        })
    }

    /// Waits until there is something that no line waited for.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Destinations of which something waits here, and how much.
    pub(super) fn waiting(&self) -> Vec<(String, usize)> {
        let state = self.state();
        let stocks = state.stocks.iter();
        let stocks = stocks.filter(|(_, stock)| !stock.legs.is_empty());
        stocks
            .map(|(name, stock)| (name.clone(), stock.legs.len()))
            .collect()
    }

    /// Takes legs of a destination, at most so many.
    pub(super) fn take(&self, destination: &str, most: usize) -> Vec<Leg> {
        let mut state = self.state();
        let Some(stock) = state.stocks.get_mut(destination) else {
            return Vec::new();
        };
        let taken: Vec<Leg> = stock.legs.drain(..most.min(stock.legs.len())).collect();
        state.total -= taken.len();
        state.tidy(destination);
        taken
    }

    /// Nothing that is due waits in the database for a destination.
    pub(super) fn caught_up(&self, destination: &str) {
        if let Some(behind) = &mut self.state().behind {
            behind.remove(destination);
        }
    }

    /// Nothing that is due waits in the database, but for these destinations.
    pub(super) fn caught_up_but_for(&self, closed: &[String]) {
        let mut state = self.state();
        let known = state.behind.take();
        let still = closed.iter().filter(|name| {
            let known = known.as_ref();
            known.is_none_or(|known| known.contains(*name))
        });
        state.behind = Some(still.cloned().collect());
    }

    /// Waits a while for something to send over a line that is up. There may be something afterwards, whatever ended the wait.
    pub(super) async fn linger(&self, destination: &str) {
        let called = {
            let mut state = self.state();
            if state.worker.is_none() || state.lingering >= self.most / 2 {
                return;
            }
            state.lingering += 1;
            let (line, called) = oneshot::channel();
            let stock = state.stocks.entry(destination.to_owned()).or_default();
            stock.lines.push(line);
            called
        };
        // However it ends: it waits no more.
        let _gone = Lingering(self, destination);
        let _called = tokio::time::timeout(LINGER, called).await;
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
        state.tidy(self.1);
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
        let idle =
            |stock: &Stock| stock.legs.is_empty() && stock.promised == 0 && stock.lines.is_empty();
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
            stock.legs.push_back(Leg {
                leased,
                content: self.content.clone(),
            });
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
