//! Whether a generation drifts: a plugin that refuses everything never traps, so what a new generation comes to is held against what the one
//! before came to.
//!
//! Invariant: chance takes nothing back. A share must rise both by what the policy allows and by more than chance explains; the test is strict since it is
//! made after every transaction.

use std::fmt;

use crate::policy_file::Drift;
use crate::tally::{Kind, Totals};

/// Standard errors that a difference must have; five are met by chance once in some millions of tests.
const STRICT: f64 = 5.0;
/// The same for failures, which no kind of mail excuses; so many there must be.
const STRICT_FAULTS: f64 = 1.5;
const LEAST_FAULTS: u32 = 6;
/// Samples of the generation before without which nothing is compared.
const LEAST_BEFORE: u32 = 20;
/// Samples after which a generation is what serves, and what mail does to it is the mail's doing.
const PROBATION: u32 = 1000;
/// By how much a share must rise before any transaction: those who guess passwords and flood listeners must not choose the policy.
const BEFORE_TRANSACTIONS: f64 = 0.9;
/// Microseconds a transaction that nobody misses, however many times slower they are.
const LEAST_SLOWER: f64 = 400.0;

/// Why a generation is to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason(String);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Holds `new` against `old`.
pub(crate) fn judge(limits: &Drift, kind: Kind, new: &Totals, old: &Totals) -> Option<Reason> {
    let probation = limits.min_transactions..PROBATION;
    if !limits.enabled || !probation.contains(&new.count) || old.count < LEAST_BEFORE {
        return None;
    }
    let least = match kind {
        Kind::Transactions => 0.0,
        Kind::Connections | Kind::Logins => BEFORE_TRANSACTIONS,
    };
    let shares = [
        ("refusals", new.refused, old.refused, limits.refusals),
        ("deferrals", new.deferred, old.deferred, limits.deferrals),
        ("junk", new.junk, old.junk, limits.junk),
    ];
    let risen = shares
        .into_iter()
        .find(|(_, of_new, of_old, rise)| {
            new.share(*of_new) - old.share(*of_old) > rise.max(least)
                && errors_apart(new, *of_new, old, *of_old) > STRICT
        })
        .map(|(what, of_new, of_old, _)| told(what, kind, new, of_new, old, of_old));
    risen
        .or_else(|| failing(limits, kind, new, old))
        .or_else(|| moved(limits, kind, new, old))
        .or_else(|| slower(limits, kind, new, old))
        .map(Reason)
}

fn failing(limits: &Drift, kind: Kind, new: &Totals, old: &Totals) -> Option<String> {
    let rise = new.share(new.faulted) - old.share(old.faulted);
    let apart = errors_apart(new, new.faulted, old, old.faulted);
    (new.faulted >= LEAST_FAULTS && rise > limits.faults && apart > STRICT_FAULTS)
        .then(|| told("failures", kind, new, new.faulted, old, old.faulted))
}

fn moved(limits: &Drift, kind: Kind, new: &Totals, old: &Totals) -> Option<String> {
    if new.scored < limits.min_transactions || old.scored < LEAST_BEFORE {
        return None;
    }
    let ((mean, variance), (before, variance_before)) = (new.score(), old.score());
    let error = (variance / f64::from(new.scored) + variance_before / f64::from(old.scored)).sqrt();
    let difference = (mean - before).abs();
    (difference > limits.score && difference > STRICT * error).then(|| {
        format!(
            "mean score {before:.1} -> {mean:.1} of {} {}",
            new.scored,
            kind.as_str()
        )
    })
}

fn slower(limits: &Drift, kind: Kind, new: &Totals, old: &Totals) -> Option<String> {
    // Logins wait for the verification of passwords, which is as slow as the machine is busy.
    if kind == Kind::Logins || new.mean_micros() - old.mean_micros() < LEAST_SLOWER {
        return None;
    }
    let ((mean, variance), (before, variance_before)) = (new.log_time(), old.log_time());
    let error = (variance / f64::from(new.count) + variance_before / f64::from(old.count)).sqrt();
    let difference = mean - before;
    (difference > limits.slowdown.max(1.0).ln() && difference > STRICT * error).then(|| {
        format!(
            "time of the steps {:.0} -> {:.0} µs a piece in {} {}",
            before.exp(),
            mean.exp(),
            new.count,
            kind.as_str()
        )
    })
}

/// By how many standard errors two shares differ: the two-proportion z test with a pooled estimate.
fn errors_apart(new: &Totals, of_new: u32, old: &Totals, of_old: u32) -> f64 {
    let (n, m) = (f64::from(new.count.max(1)), f64::from(old.count.max(1)));
    let pooled = (f64::from(of_new) + f64::from(of_old)) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    let rise = new.share(of_new) - old.share(of_old);
    if error > 0.0 { rise / error } else { 0.0 }
}

fn told(what: &str, kind: Kind, new: &Totals, of_new: u32, old: &Totals, of_old: u32) -> String {
    format!(
        "{what} {:.0} % -> {:.0} % of {} {}",
        100.0 * old.share(of_old),
        100.0 * new.share(of_new),
        new.count,
        kind.as_str()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::tally::{Fate, Sample, Window};

    fn passing() -> Sample {
        Sample {
            score: Some(1.0),
            took: Duration::from_micros(150),
            ..Sample::default()
        }
    }

    /// After how many samples a generation is taken back, and why.
    fn taken_back(old: &Totals, mut next: impl FnMut(u32) -> Sample) -> Option<(u32, String)> {
        let window = Window::default();
        (1..=1000).find_map(|number| {
            let totals = window.add(next(number));
            let reason = judge(&Drift::default(), Kind::Transactions, &totals, old)?;
            Some((number, reason.to_string()))
        })
    }

    fn before(count: u32) -> Totals {
        let window = Window::default();
        (0..count).for_each(|_| {
            window.add(passing());
        });
        window.totals()
    }

    #[test]
    fn what_is_plainly_bad_is_taken_back_within_two_hundred() {
        for old in [before(30), before(1000)] {
            let refusing = |_| Sample {
                fate: Fate::Refused,
                score: None,
                ..passing()
            };
            let slow = |_| Sample {
                took: Duration::from_micros(1500),
                ..passing()
            };
            let trapping = |number: u32| Sample {
                fate: if number.is_multiple_of(10) {
                    Fate::Deferred
                } else {
                    Fate::Passed
                },
                faulted: number.is_multiple_of(10),
                ..passing()
            };
            let scoring = |_| Sample {
                score: Some(9.0),
                ..passing()
            };
            let (after, why) = taken_back(&old, refusing).unwrap();
            assert!(after <= 200, "{after}");
            assert_eq!(why, "refusals 0 % -> 100 % of 60 transactions");
            let (after, why) = taken_back(&old, slow).unwrap();
            assert!(
                after <= 200 && why.contains("150 -> 1500 µs"),
                "{after} {why}"
            );
            let (after, why) = taken_back(&old, scoring).unwrap();
            assert!(
                after <= 200 && why.starts_with("mean score 1.0 -> 9.0"),
                "{after} {why}"
            );
            let (after, why) = taken_back(&old, trapping).unwrap();
            assert!(
                after <= 200 && why.starts_with("failures 0 % -> 10 %"),
                "{after} {why}"
            );
        }
    }

    #[test]
    fn chance_takes_nothing_back() {
        let mut random = StdRng::seed_from_u64(7);
        let mut draw = |_| {
            let fate = match random.random_range(0..10) {
                0 | 1 => Fate::Refused,
                2 => Fate::Deferred,
                3..=5 => Fate::Junk,
                _ => Fate::Passed,
            };
            Sample {
                fate,
                score: Some(random.random_range(-2.0..12.0)),
                faulted: random.random_range(0..200) == 0,
                took: Duration::from_micros(random.random_range(50..3000)),
            }
        };
        for _ in 0..40 {
            let window = Window::default();
            for number in 0..100 {
                window.add(draw(number));
            }
            assert_eq!(taken_back(&window.totals(), &mut draw), None);
        }
    }

    #[test]
    fn without_anything_before_nothing_is_judged() {
        let refusing = |_| Sample {
            fate: Fate::Refused,
            ..passing()
        };
        assert_eq!(taken_back(&before(10), refusing), None);
        let off = Drift {
            enabled: false,
            ..Drift::default()
        };
        assert_eq!(
            judge(&off, Kind::Transactions, &before(90), &before(90)),
            None
        );
    }
}
