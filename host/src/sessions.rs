//! How many sessions there are: in all, for each client address and for each network; and who makes room when there are too many.
//!
//! Invariants: a connection holds its seat from the accept to its end, or until it is told to leave; who has logged in is never
//! told to; who is about something (a transaction, a login) only for the sake of the ports where users log in; nobody in the
//! first moment, so that a flood cannot push everybody out again before a word was said.

mod places;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use self::places::{Crowd, Places};
use crate::config::{Limits, Service};
use crate::origin::{Networks, Origin};

/// The count of sessions and its limits.
#[derive(Debug)]
pub(crate) struct Sessions {
    networks: Networks,
    places: Mutex<Places>,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The server has its limit.
    Server,
    /// The client has its limit.
    Address,
    /// The client's network has its limit.
    Network,
}

/// The place of one session; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    sessions: Arc<Sessions>,
    number: u64,
    /// Whom it counts for.
    pub(crate) origin: Origin,
    /// How many sessions its address and its network had when it was taken, itself included.
    pub(crate) crowd: Crowd,
    leave: Arc<Notify>,
}

impl Sessions {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            networks: Networks::new(limits),
            places: Mutex::new(Places::new(limits)),
        })
    }

    /// Whom a client counts for.
    pub(crate) fn origin(&self, client: IpAddr) -> Origin {
        self.networks.origin(client)
    }

    /// A seat, if there is one or somebody makes room.
    pub(crate) fn admit(
        self: &Arc<Self>,
        origin: Origin,
        service: Service,
        now: Instant,
    ) -> Result<Seat, Full> {
        let leave = Arc::new(Notify::new());
        let (number, crowd) = self.lock().admit(origin, service, &leave, now)?;
        Ok(Seat {
            sessions: Arc::clone(self),
            number,
            origin,
            crowd,
            leave,
        })
    }

    /// Sessions by service, for `waxwing status`.
    pub(crate) fn by_service(&self) -> Vec<(Service, u32)> {
        self.lock().by_service()
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Somebody has logged in: the session is not told to leave.
    pub(crate) fn known(&self) {
        self.sessions.lock().known(self.number);
    }

    /// Nobody is logged in: the session may be told to leave, at once only if it is not `busy` with a login or a transaction.
    pub(crate) fn stranger(&self, busy: bool) {
        self.sessions
            .lock()
            .stranger(self.number, busy, Instant::now());
    }

    /// Resolves when the session is to leave, so that others have room.
    pub(crate) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sessions.lock().leave(self.number);
    }
}

#[cfg(test)]
mod tests;
