//! What a generation came to: the last so many transactions, connections and logins, each a few numbers.
//!
//! Invariant: bounded, and cheap enough to be kept for every transaction: one short lock at its end.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Samples that are kept; older ones make room.
const KEPT: usize = 1000;
/// Fewer samples than these say too little of a generation: what it followed is counted with it.
const ENOUGH: u32 = 200;

/// What became of a transaction, a connection or a login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Accepted as it should be.
    #[default]
    Passed,
    /// Accepted as junk, or kept aside.
    Junk,
    /// Refused for now.
    Deferred,
    /// Refused for good.
    Refused,
}

/// One of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) fate: Fate,
    /// None where nothing was scored.
    pub(crate) score: Option<f64>,
    /// A step failed by its own fault.
    pub(crate) faulted: bool,
    /// What the steps took.
    pub(crate) took: Duration,
}

/// Sums over samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) count: u32,
    pub(crate) refused: u32,
    pub(crate) deferred: u32,
    pub(crate) junk: u32,
    pub(crate) faulted: u32,
    pub(crate) scored: u32,
    score: f64,
    score_squared: f64,
    micros: f64,
    log: f64,
    log_squared: f64,
}

impl Totals {
    fn add(&mut self, sample: &Sample, times: f64) {
        let one = |counter: &mut u32, counts: bool| {
            if counts && times > 0.0 {
                *counter += 1;
            } else if counts {
                *counter = counter.saturating_sub(1);
            }
        };
        one(&mut self.count, true);
        one(&mut self.refused, sample.fate == Fate::Refused);
        one(&mut self.deferred, sample.fate == Fate::Deferred);
        one(&mut self.junk, sample.fate == Fate::Junk);
        one(&mut self.faulted, sample.faulted);
        one(&mut self.scored, sample.score.is_some());
        let score = sample.score.unwrap_or(0.0);
        self.score += times * score;
        self.score_squared += times * score * score;
        let micros = sample.took.as_secs_f64() * 1e6;
        self.micros += times * micros;
        // Times are skewed: a few slow ones must not speak for the rest.
        let log = micros.max(1.0).ln();
        self.log += times * log;
        self.log_squared += times * log * log;
    }

    /// One more.
    pub(crate) fn count(&mut self, sample: &Sample) {
        self.add(sample, 1.0);
    }

    /// These with `others` added.
    pub(crate) fn with(&self, others: &Self) -> Self {
        Self {
            count: self.count + others.count,
            refused: self.refused + others.refused,
            deferred: self.deferred + others.deferred,
            junk: self.junk + others.junk,
            faulted: self.faulted + others.faulted,
            scored: self.scored + others.scored,
            score: self.score + others.score,
            score_squared: self.score_squared + others.score_squared,
            micros: self.micros + others.micros,
            log: self.log + others.log,
            log_squared: self.log_squared + others.log_squared,
        }
    }

    /// The mean score with its variance; 0 where nothing was scored.
    pub(crate) fn score(&self) -> (f64, f64) {
        moments(self.score, self.score_squared, self.scored)
    }

    /// The mean of the logarithm of the microseconds, with its variance.
    pub(crate) fn log_time(&self) -> (f64, f64) {
        moments(self.log, self.log_squared, self.count)
    }

    /// Mean microseconds.
    pub(crate) fn mean_micros(&self) -> f64 {
        self.micros / f64::from(self.count.max(1))
    }

    /// A counter as a share of all.
    pub(crate) fn share(&self, of: u32) -> f64 {
        f64::from(of) / f64::from(self.count.max(1))
    }
}

fn moments(sum: f64, squares: f64, count: u32) -> (f64, f64) {
    let count = f64::from(count.max(1));
    let mean = sum / count;
    // Rounding may leave a variance a little below 0.
    (mean, (squares / count - mean * mean).max(0.0))
}

/// The last samples and their sums.
#[derive(Debug, Default)]
pub(crate) struct Window {
    inner: Mutex<Samples>,
}

#[derive(Debug, Default)]
struct Samples {
    last: VecDeque<Sample>,
    totals: Totals,
}

impl Window {
    /// Adds a sample; gives the sums with it.
    pub(crate) fn add(&self, sample: Sample) -> Totals {
        let mut samples = self.samples();
        if samples.last.len() == KEPT
            && let Some(oldest) = samples.last.pop_front()
        {
            samples.totals.add(&oldest, -1.0);
        }
        samples.last.push_back(sample);
        samples.totals.add(&sample, 1.0);
        samples.totals
    }

    /// The sums.
    pub(crate) fn totals(&self) -> Totals {
        self.samples().totals
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told apart: who gets no further than the greeting never has a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Transactions,
    Connections,
    Logins,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Transactions, Self::Connections, Self::Logins];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Connections => "connections",
            Self::Logins => "logins",
        }
    }
}

/// Everything that a generation came to.
#[derive(Debug, Default)]
pub(crate) struct Tally([Window; Kind::ALL.len()]);

/// What a generation is held against: by kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Baseline([Totals; Kind::ALL.len()]);

impl Tally {
    pub(crate) fn add(&self, kind: Kind, sample: Sample) -> Totals {
        self.of(kind).add(sample)
    }

    pub(crate) fn of(&self, kind: Kind) -> &Window {
        let [transactions, connections, logins] = &self.0;
        match kind {
            Kind::Transactions => transactions,
            Kind::Connections => connections,
            Kind::Logins => logins,
        }
    }

    /// What the next generation is held against: this one, and what this one was held against where it was too short to tell.
    pub(crate) fn baseline(&self, before: &Baseline) -> Baseline {
        Baseline(Kind::ALL.map(|kind| {
            let own = self.of(kind).totals();
            if own.count >= ENOUGH {
                own
            } else {
                own.with(before.of(kind))
            }
        }))
    }
}

impl Baseline {
    pub(crate) fn of(&self, kind: Kind) -> &Totals {
        let [transactions, connections, logins] = &self.0;
        match kind {
            Kind::Transactions => transactions,
            Kind::Connections => connections,
            Kind::Logins => logins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(fate: Fate, score: f64, micros: u64) -> Sample {
        Sample {
            fate,
            score: Some(score),
            faulted: false,
            took: Duration::from_micros(micros),
        }
    }

    #[test]
    fn old_samples_make_room() {
        let window = Window::default();
        for _ in 0..KEPT {
            window.add(sample(Fate::Refused, 9.0, 1000));
        }
        for _ in 0..KEPT {
            window.add(sample(Fate::Passed, 1.0, 100));
        }
        let totals = window.totals();
        assert_eq!((totals.count, totals.refused), (1000, 0));
        assert!((totals.score().0 - 1.0).abs() < 1e-6);
        assert!((totals.mean_micros() - 100.0).abs() < 1e-3);
        assert!(totals.log_time().1 < 1e-6);
    }

    #[test]
    fn a_short_generation_is_judged_with_what_it_followed() {
        let (first, second) = (Tally::default(), Tally::default());
        for _ in 0..300 {
            first.add(Kind::Transactions, sample(Fate::Passed, 0.0, 1));
        }
        second.add(Kind::Transactions, sample(Fate::Refused, 0.0, 1));
        let baseline = second.baseline(&first.baseline(&Baseline::default()));
        let totals = baseline.of(Kind::Transactions);
        assert_eq!((totals.count, totals.refused), (301, 1));
    }
}
