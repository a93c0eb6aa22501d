//! How much trials may take: a small share of the processors, so that no message notices what they cost.
//!
//! Invariants: a transaction is tried out whole or not at all, and so is what a connection asks before any; the first ones are, whatever they cost, so that
//! there is something to compare; beyond the share, trials see a sample, and what they do not see is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Transactions of a generation that are tried out in any case.
const FIRST: u64 = 100;
/// Of each processor.
const SHARE: f64 = 0.02;
/// What a transaction that is tried out costs beside its calls: copies of what the real steps see, and a row of the ledger, which the store
/// writes when nobody measures.
pub(crate) const BESIDE: Duration = Duration::from_micros(120);
/// Seconds that are saved up while there is little mail.
const MOST: f64 = 0.1;
/// Seconds that are owed at most: a trial that hung is no reason to try nothing for long.
const LEAST: f64 = -1.0;

/// What is left for trials.
#[derive(Debug)]
pub(crate) struct Share {
    begun: AtomicU64,
    left: Mutex<Left>,
    /// Seconds that come to it in a second.
    rate: f64,
}

#[derive(Debug)]
struct Left {
    seconds: f64,
    at: Instant,
}

impl Left {
    fn fill(&mut self, rate: f64, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.seconds = (self.seconds + passed * rate).min(MOST);
        self.at = now;
    }
}

impl Share {
    pub(crate) fn new(processors: usize, now: Instant) -> Self {
        let processors = u32::try_from(processors).unwrap_or(u32::MAX);
        Self {
            begun: AtomicU64::new(0),
            left: Mutex::new(Left {
                seconds: MOST,
                at: now,
            }),
            rate: SHARE * f64::from(processors),
        }
    }

    /// Whether one more is tried out.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        if self.begun.load(Ordering::Relaxed) < FIRST {
            self.begun.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        let mut left = self.left();
        left.fill(self.rate, now);
        left.seconds > 0.0
    }

    /// What a trial took.
    pub(crate) fn charge(&self, took: Duration, now: Instant) {
        let mut left = self.left();
        left.fill(self.rate, now);
        left.seconds = (left.seconds - took.as_secs_f64()).max(LEAST);
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// Of so many transactions, one a millisecond, each of which takes `cost` to try out: how many are.
    fn tried(share: &Share, transactions: u32, cost: Duration, begin: Instant) -> u32 {
        (0..transactions).fold(0, |tried, n| {
            let now = begin + MILLISECOND * n;
            let admitted = share.admits(now);
            if admitted {
                share.charge(cost, now);
            }
            tried + u32::from(admitted)
        })
    }

    #[test]
    fn what_costs_little_is_tried_out_each_time_and_what_costs_much_now_and_then() {
        let begin = Instant::now();
        let share = || Share::new(2, begin);
        // 2 % of two processors are 40 µs of each millisecond.
        assert_eq!(tried(&share(), 10_000, MILLISECOND / 30, begin), 10_000);
        let dear = tried(&share(), 10_000, MILLISECOND, begin);
        assert!((400..=700).contains(&dear), "{dear} of 10000");
    }

    #[test]
    fn the_first_are_tried_out_whatever_they_cost() {
        let begin = Instant::now();
        let share = Share::new(1, begin);
        assert_eq!(tried(&share, 100, Duration::from_secs(1), begin), 100);
        assert_eq!(tried(&share, 100, Duration::from_secs(1), begin), 0);
        // What is owed is paid within a minute.
        assert!(share.admits(begin + Duration::from_secs(60)));
    }
}
