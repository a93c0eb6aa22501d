//! When a leg is tried again.
//!
//! RFC 5321 §4.5.4.1: the interval should be at least 30 minutes, shorter while there is a chance that the trouble is
//! short (greylisting), and a message is given up after 4 to 5 days. Waits grow from `first` by `factor` to `longest`;
//! jitter keeps what failed together from coming back together.

use std::time::Duration;

use crate::seed::Numbers;

/// How waits grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The wait after the first attempt.
    pub first: Duration,
    /// By how many per cent of the one before each wait is; below 100 counts as 100.
    pub factor: u32,
    /// The longest wait.
    pub longest: Duration,
    /// By how many per cent at most a wait is made shorter or longer; above 50 counts as 50.
    pub jitter: u32,
}

impl Default for Schedule {
    /// 2, 4, 8, … minutes to 4 hours, a tenth more or less.
    fn default() -> Schedule {
        Schedule {
            first: Duration::from_secs(120),
            factor: 200,
            longest: Duration::from_secs(4 * 3600),
            jitter: 10,
        }
    }
}

/// What follows an attempt that left something open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again then, milliseconds of Unix time.
    At(i64),
    /// The message has expired: give up.
    GiveUp,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Schedule {
    /// The wait after the given number of attempts (1 after the first), at least a second. `seed` decides the jitter;
    /// the leg's number is a good one.
    pub fn wait(&self, attempts: u32, seed: u64) -> Duration {
        let longest = millis(self.longest).max(1000);
        let mut wait = millis(self.first).clamp(1000, longest);
        for _ in 1..attempts {
            if wait >= longest {
                break;
            }
            let grown = wait.saturating_mul(u64::from(self.factor.max(100))) / 100;
            // A factor of 100 grows nothing: no need to count to billions.
            if grown == wait {
                break;
            }
            wait = grown.min(longest);
        }
        let jitter = (wait / 100).saturating_mul(u64::from(self.jitter.min(50)));
        let mut numbers = Numbers::new(seed ^ (u64::from(attempts) << 48));
        let moved = (wait - jitter).saturating_add(numbers.below(jitter.saturating_mul(2) + 1));
        Duration::from_millis(moved.max(1000))
    }

    /// What follows an attempt at `now`, the `attempts`th, of a message that expires. The last attempt is at its expiry,
    /// not a whole wait before: a message gets all the time that it was promised.
    pub fn next(&self, attempts: u32, seed: u64, now: i64, expires: i64) -> Next {
        if now >= expires {
            return Next::GiveUp;
        }
        let wait = i64::try_from(self.wait(attempts, seed).as_millis()).unwrap_or(i64::MAX);
        Next::At(now.saturating_add(wait).min(expires))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_to_the_longest() {
        let schedule = Schedule {
            jitter: 0,
            ..Schedule::default()
        };
        let minutes = |attempts| schedule.wait(attempts, 7).as_secs() / 60;
        assert_eq!(
            [1, 2, 3, 7, 8, 9, u32::MAX].map(minutes),
            [2, 4, 8, 128, 240, 240, 240]
        );
    }

    #[test]
    fn the_last_attempt_is_at_the_expiry() {
        let schedule = Schedule::default();
        assert_eq!(schedule.next(20, 1, 1000, 5000), Next::At(5000));
        assert_eq!(schedule.next(20, 1, 5000, 5000), Next::GiveUp);
    }

    #[test]
    fn what_failed_together_comes_back_apart() {
        let schedule = Schedule::default();
        let mut waits: Vec<_> = (0..100).map(|seed| schedule.wait(5, seed)).collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 90, "{}", waits.len());
    }

    proptest! {
        #[test]
        fn waits_are_bounded(first: u32, factor: u32, longest: u32, jitter: u32, attempts: u32, seed: u64) {
            let schedule = Schedule {
                first: Duration::from_millis(first.into()),
                factor,
                longest: Duration::from_millis(longest.into()),
                jitter,
            };
            let wait = schedule.wait(attempts, seed);
            prop_assert!(wait >= Duration::from_secs(1));
            prop_assert!(wait <= schedule.longest.max(Duration::from_secs(1)) * 3 / 2);
            prop_assert_eq!(wait, schedule.wait(attempts, seed));
        }

        #[test]
        fn a_next_attempt_is_in_the_future_and_not_after_the_expiry(attempts: u32, seed: u64, now: i64, expires: i64) {
            if let Next::At(at) = Schedule::default().next(attempts, seed, now, expires) {
                prop_assert!(now < at && at <= expires);
            } else {
                prop_assert!(now >= expires);
            }
        }
    }
}
