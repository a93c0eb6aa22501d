//! How fast content must come: each piece in its time, all of it in a time, and not slower than a rate.

use std::time::{Duration, Instant};

use crate::config::{Limits, Timeouts};

/// The time that content has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    begun: Instant,
    /// When all of it must be there.
    end: Instant,
    octets: u64,
    /// Octets that must come each second; 0: any.
    rate: u64,
    /// How long it may be slower, in all.
    slack: Duration,
    /// From one piece to the next.
    piece: Duration,
}

impl Pace {
    /// Content that begins now and must be there at `end`.
    pub(super) fn new(limits: &Limits, timeouts: &Timeouts, now: Instant, end: Instant) -> Self {
        Self {
            begun: now,
            end,
            octets: 0,
            rate: limits.rate,
            slack: timeouts.slack,
            piece: timeouts.data_block,
        }
    }

    /// When all of it must be there.
    pub(super) fn end(&self) -> Instant {
        self.end
    }

    /// So many octets came; gives when the next ones must have.
    pub(super) fn came(&mut self, octets: usize, now: Instant) -> Instant {
        self.octets = self.octets.saturating_add(octets as u64);
        let soonest = self.end.min(now + self.piece);
        self.caught_up().map_or(soonest, |slow| slow.min(soonest))
    }

    /// Whether the rate, and not a pause, is why the time is over.
    pub(super) fn too_slow(&self, now: Instant) -> bool {
        self.caught_up().is_some_and(|moment| moment <= now)
    }

    /// When what has come will be too little.
    fn caught_up(&self) -> Option<Instant> {
        let worth = Duration::from_millis(self.octets.saturating_mul(1000).checked_div(self.rate)?);
        self.begun.checked_add(self.slack.saturating_add(worth))
    }
}
