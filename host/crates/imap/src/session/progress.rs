//! How far a command is that takes its time (RFC 9585).
//!
//! Invariant: nothing is said of what is quickly done, nor more often than every few seconds.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::encode::{Out, string};

/// RFC 9585 §4: often enough that no client gives up, and no more.
const EVERY: Duration = Duration::from_secs(10);

/// How much of a command is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// So many of so many.
    Of(u32, u32),
    /// It is not known how much there is.
    Something,
}

/// When the client last heard of the running command.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// When the session was last given anything.
    now: Option<Instant>,
    since: Option<Instant>,
    /// Something was said that must not wait in a buffer.
    urgent: bool,
}

impl Progress {
    pub(crate) fn is_now(&mut self, now: Instant) {
        self.now = Some(now);
    }

    /// When the session was last given anything.
    pub(crate) fn now(&self) -> Option<Instant> {
        self.now
    }

    /// A command begins.
    pub(crate) fn begin(&mut self) {
        self.since = self.now;
    }

    /// Says how much of the command is done, if it is time to.
    pub(crate) fn tell(&mut self, out: &mut Out, tag: &str, done: Done) {
        let (Some(now), Some(since)) = (self.now, self.since) else {
            return;
        };
        if now.saturating_duration_since(since) < EVERY {
            return;
        }
        self.since = Some(now);
        self.urgent = true;
        out.extend_from_slice(b"* OK [INPROGRESS");
        // A tag may have what ends the code in it: then nothing is said of what it is about.
        if !tag.contains(']') {
            out.extend_from_slice(b" (");
            string(out, tag.as_bytes());
            match done {
                // RFC 9585 §4: what is done is less than what is to be done.
                Done::Of(done, all) if all > 0 => {
                    let _ = write!(out, " {} {all})", done.min(all - 1));
                }
                _ => out.extend_from_slice(b" NIL NIL)"),
            }
        }
        out.extend_from_slice(b"] still at work\r\n");
    }

    /// Whether what is written is to be sent at once.
    pub(crate) fn take_urgent(&mut self) -> bool {
        std::mem::take(&mut self.urgent)
    }
}
