//! How often it is looked for news in mailboxes that are not selected: each look is at all of them, and a busy account has many changes a second.
//!
//! Invariant: the first of several changes is told at once, and the last one soon.

use std::time::{Duration, Instant};

/// Changes within this time of a look are seen by the next one.
const GATHERED: Duration = Duration::from_millis(200);

/// When it was looked, and when it is to be.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    looked: Option<Instant>,
    /// There is something to see then.
    due: Option<Instant>,
}

impl Gathering {
    /// Whether it is time to look; if not, it will be.
    pub(crate) fn may_look(&mut self, now: Option<Instant>) -> bool {
        let next = self.looked.and_then(|looked| looked.checked_add(GATHERED));
        self.due = next.filter(|next| now.is_none_or(|now| now < *next));
        self.due.is_none()
    }

    /// It was looked.
    pub(crate) fn looked(&mut self, now: Option<Instant>) {
        self.looked = now;
    }

    /// When it is time to look, if there is something to see.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it is time to look now.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }
}
