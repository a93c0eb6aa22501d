//! How a connection stands with the limits: what is counted for it, whether it may be told to leave, and what policy learns of that.

use std::sync::Arc;
use std::time::Instant;

use waxwing_policy::Observed;
use waxwing_session::Counts;

use super::Gate;
use crate::pressure::Pressure;
use crate::rates::Spent;
use crate::sessions::Seat;

/// While it lasts the session is about something: a login, a transaction.
pub(crate) struct Busy(Option<Arc<Seat>>);

impl Gate {
    /// What is known before the client has said anything.
    pub(super) fn observe_arrival(&mut self) {
        let crowd = self.caller.seat.crowd;
        let (pressure, _) = self.parts.gauges.now();
        let lately = self
            .parts
            .rates
            .lately(&self.caller.seat.origin, Instant::now());
        for (what, value) in [
            (Observed::SessionsOfAddress, crowd.address.into()),
            (Observed::SessionsOfNetwork, crowd.network.into()),
            (Observed::Pressure, pressure as u64),
            (Observed::ErrorsOfAddress, lately.errors.into()),
            (Observed::RefusedOfAddress, lately.refused.into()),
        ] {
            self.policy.observe(what, value);
        }
    }

    /// The client spoke before it was greeted.
    pub(crate) fn early(&mut self, octets: usize) {
        if octets > 0 {
            self.policy.observe(Observed::EarlyOctets, octets as u64);
            let listener = self.caller.door.listener.name.clone();
            metrics::counter!("waxwing_early_talkers_total", "listener" => listener).increment(1);
        }
    }

    /// Counts what the client did; false if it is more than strangers may.
    pub(crate) fn spent(&mut self, did: Counts, octets: u64) -> bool {
        for (what, value) in [
            (Observed::Commands, did.commands.into()),
            (Observed::Errors, did.errors.into()),
            (Observed::Octets, octets),
        ] {
            self.policy.observe(what, value);
        }
        self.spend(Spent {
            commands: did.commands,
            errors: did.errors,
            octets,
            ..Spent::default()
        })
    }

    /// Counts a recipient; false if it is one more than strangers may name.
    pub(crate) fn spent_recipient(&self) -> bool {
        self.spend(Spent {
            recipients: 1,
            ..Spent::default()
        })
    }

    /// Counts a recipient that was refused for good, for policy to look at when the client comes again.
    pub(crate) fn refused_recipient(&self) {
        self.spend(Spent {
            refused: 1,
            ..Spent::default()
        });
    }

    fn spend(&self, spent: Spent) -> bool {
        let seat = &self.caller.seat;
        self.logged_in()
            || self
                .parts
                .rates
                .spend(&seat.origin, spent, Instant::now())
                .is_ok()
    }

    /// Whether room is too short for a message of this client's.
    pub(crate) fn pressed(&self) -> bool {
        let class = if self.logged_in() {
            Pressure::Exhausted
        } else {
            Pressure::Short
        };
        self.parts.gauges.refuses(class).is_some()
    }

    /// The client is about something until the value is dropped.
    pub(crate) fn busy(&self) -> Busy {
        let stranger = !self.logged_in();
        Busy(stranger.then(|| {
            self.caller.seat.stranger(true);
            Arc::clone(&self.caller.seat)
        }))
    }
}

impl Busy {
    /// The client is known from here on, and what it is about makes no difference.
    pub(super) fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(seat) = &self.0 {
            seat.stranger(false);
        }
    }
}
