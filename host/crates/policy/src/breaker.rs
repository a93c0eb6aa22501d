//! The breakers of a step: a step that keeps failing is not asked any more, its `on-error` decides at once, and now and then one call is let through
//! to see whether it has come to its senses.
//!
//! Invariant: while nothing fails a call costs one read of a number that nobody writes.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::hook::Hook;

/// Failures in a row, or among the last hundred calls, that open it.
const IN_A_ROW: u32 = 10;
const OF_A_HUNDRED: u32 = 20;
/// How long it stays open at first; twice as long each time that the call let through fails, up to the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// Whether a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is.
    Call,
    /// It is not: the breaker is open.
    Open,
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Calls are made.
    Closed,
    /// None is.
    Open,
    /// One is, to see.
    HalfOpen,
}

impl Position {
    /// The word in listings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// The breakers of a step, one a hook: a hook that always fails must not hide behind others that never do.
#[derive(Debug, Default)]
pub(crate) struct Breakers([Breaker; Hook::ALL.len()]);

impl Breakers {
    pub(crate) fn of(&self, hook: Hook) -> &Breaker {
        let [first, ..] = &self.0;
        // Every hook has its place.
        self.0.get(hook.index()).unwrap_or(first)
    }

    /// The hooks whose breaker is not closed.
    pub(crate) fn broken(&self) -> impl Iterator<Item = (Hook, Position)> {
        let all = Hook::ALL.into_iter();
        all.map(move |hook| (hook, self.of(hook).position()))
            .filter(|(_, position)| *position != Position::Closed)
    }
}

/// The breaker of one hook of a step.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// Failures that are remembered; 0 while all is well, and then nothing below is looked at.
    failures: AtomicU32,
    /// Somebody has yet to be told that it opened.
    untold: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The last hundred calls, the newest in the lowest bit; a failure is a one.
    last: u128,
    in_a_row: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    wait: Duration,
    /// A call was let through and has not come back.
    probing: bool,
}

const HUNDRED: u128 = (1 << 100) - 1;

impl Breaker {
    /// Whether a call may be made now.
    pub(crate) fn admit(&self, now: Instant) -> Admission {
        if self.failures.load(Ordering::Relaxed) == 0 {
            return Admission::Call;
        }
        let mut inner = self.inner();
        let Some(open) = &mut inner.open else {
            return Admission::Call;
        };
        // A call that was abandoned never comes back: after as long again another one is let through.
        if now < open.until || (open.probing && now < open.until + open.wait) {
            return Admission::Open;
        }
        if open.probing {
            open.until = now;
        }
        open.probing = true;
        Admission::Call
    }

    /// A call came back; gives whether this closed the breaker.
    pub(crate) fn well(&self) -> bool {
        if self.failures.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut inner = self.inner();
        if inner.open.as_ref().is_some_and(|open| open.probing) {
            *inner = Inner::default();
            self.failures.store(0, Ordering::Relaxed);
            return true;
        }
        inner.last = (inner.last << 1) & HUNDRED;
        inner.in_a_row = 0;
        let failures = if inner.open.is_some() {
            1
        } else {
            inner.last.count_ones()
        };
        self.failures.store(failures, Ordering::Relaxed);
        false
    }

    /// A call failed by the step's own fault; gives whether this opened the breaker.
    pub(crate) fn failed(&self, now: Instant) -> bool {
        let mut inner = self.inner();
        inner.last = ((inner.last << 1) | 1) & HUNDRED;
        inner.in_a_row += 1;
        self.failures
            .store(inner.last.count_ones(), Ordering::Relaxed);
        if let Some(open) = &mut inner.open {
            if open.probing {
                open.wait = (open.wait * 2).min(LONGEST);
                open.until = now + open.wait;
                open.probing = false;
            }
            return false;
        }
        if inner.in_a_row < IN_A_ROW && inner.last.count_ones() < OF_A_HUNDRED {
            return false;
        }
        inner.open = Some(Open {
            until: now + FIRST,
            wait: FIRST,
            probing: false,
        });
        self.untold.store(true, Ordering::Relaxed);
        true
    }

    /// Whether it opened since this was asked last: told once.
    pub(crate) fn opened(&self) -> bool {
        self.untold.load(Ordering::Relaxed) && self.untold.swap(false, Ordering::Relaxed)
    }

    /// How it stands, for listings.
    pub(crate) fn position(&self) -> Position {
        match &self.inner().open {
            None => Position::Closed,
            Some(open) if open.probing => Position::HalfOpen,
            Some(_) => Position::Open,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_in_a_row_open_it_and_one_good_call_closes_it() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 1..IN_A_ROW {
            assert!(!breaker.failed(now));
            assert_eq!(breaker.admit(now), Admission::Call);
        }
        assert!(breaker.failed(now));
        assert!(breaker.opened() && !breaker.opened());
        assert_eq!(breaker.admit(now), Admission::Open);
        assert_eq!(breaker.position(), Position::Open);

        let later = now + FIRST;
        assert_eq!(breaker.admit(later), Admission::Call);
        assert_eq!(breaker.position(), Position::HalfOpen);
        assert_eq!(breaker.admit(later), Admission::Open, "one at a time");
        assert!(breaker.well());
        assert_eq!(breaker.position(), Position::Closed);
        assert_eq!(breaker.admit(later), Admission::Call);
    }

    #[test]
    fn each_failed_probe_doubles_the_wait() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        for _ in 0..IN_A_ROW {
            breaker.failed(now);
        }
        let mut wait = FIRST;
        for _ in 0..12 {
            assert_eq!(
                breaker.admit(now + wait - Duration::from_millis(1)),
                Admission::Open
            );
            now += wait;
            assert_eq!(breaker.admit(now), Admission::Call);
            assert!(!breaker.failed(now), "it is open already");
            wait = (wait * 2).min(LONGEST);
        }
        assert_eq!(wait, LONGEST);
    }

    #[test]
    fn a_fifth_of_the_last_hundred_opens_it_and_less_does_not() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for call in 0..1000 {
            if call % 6 == 0 {
                assert!(!breaker.failed(now), "{call}");
            } else {
                breaker.well();
            }
        }
        let opened = (0..100).any(|call| {
            if call % 4 == 0 {
                breaker.failed(now)
            } else {
                breaker.well()
            }
        });
        assert!(opened);
    }

    #[test]
    fn a_probe_that_never_comes_back_does_not_keep_it_open() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..IN_A_ROW {
            breaker.failed(now);
        }
        assert_eq!(breaker.admit(now + FIRST), Admission::Call);
        assert_eq!(breaker.admit(now + FIRST + FIRST), Admission::Call);
    }
}
