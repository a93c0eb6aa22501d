//! The figures of a step: handles kept, so that a call looks nothing up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use crate::fault::Fault;
use crate::hook::Hook;
use crate::status::HookCost;

const HOOKS: usize = Hook::ALL.len();

/// Every outcome that `waxwing_plugin_calls_total` tells apart.
const OUTCOMES: [&str; 34] = [
    "pass",
    "accept",
    "defer",
    "reject",
    "disconnect",
    "delay",
    "refuse",
    "success",
    "failure",
    "discard",
    "quarantine",
    "deliver",
    "junk",
    "targets",
    "over-temporary",
    "over",
    "done",
    "hold",
    "send",
    "later",
    "retry",
    "give-up",
    "unavailable",
    "internal",
    "trap",
    "deadline",
    "cpu",
    "memory",
    "limit",
    "nonsense",
    "overload",
    "init",
    "broken",
    "other",
];

/// What happened in a step.
pub(crate) struct Meters {
    calls: [[OnceLock<Counter>; OUTCOMES.len()]; HOOKS],
    seconds: [OnceLock<Histogram>; HOOKS],
    /// Calls and microseconds of each hook.
    spent: [[AtomicU64; 2]; HOOKS],
    faults: AtomicU64,
    in_a_row: AtomicU64,
    last_fault: Mutex<Option<String>>,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            calls: [const { [const { OnceLock::new() }; OUTCOMES.len()] }; HOOKS],
            seconds: [const { OnceLock::new() }; HOOKS],
            spent: [const { [const { AtomicU64::new(0) }; 2] }; HOOKS],
            faults: AtomicU64::new(0),
            in_a_row: AtomicU64::new(0),
            last_fault: Mutex::new(None),
        }
    }

    /// A call has been answered, or has failed.
    pub(crate) fn count(
        &self,
        step: &str,
        digest: &str,
        hook: Hook,
        outcome: Result<&'static str, &Fault>,
        took: Duration,
    ) {
        let word = outcome.unwrap_or_else(Fault::word);
        let place = OUTCOMES
            .iter()
            .position(|known| *known == word)
            .unwrap_or(OUTCOMES.len() - 1);
        if let Some(cell) = self.calls.get(hook.index()).and_then(|row| row.get(place)) {
            let counter = cell.get_or_init(|| {
                counter!("waxwing_plugin_calls_total", "plugin" => step.to_owned(), "hook" => hook.as_str(), "outcome" => word)
            });
            counter.increment(1);
        }
        if let Some(cell) = self.seconds.get(hook.index()) {
            let histogram = cell
                .get_or_init(|| histogram!("waxwing_plugin_seconds", "plugin" => step.to_owned(), "hook" => hook.as_str()));
            histogram.record(took.as_secs_f64());
        }
        if let Some([calls, microseconds]) = self.spent.get(hook.index()) {
            let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            calls.fetch_add(1, Ordering::Relaxed);
            microseconds.fetch_add(took, Ordering::Relaxed);
        }
        match outcome {
            Ok(_) => self.well(),
            Err(fault) => self.failed(step, digest, hook, fault),
        }
    }

    fn well(&self) {
        // Mostly 0 already: a read that all cores share costs less than a write.
        if self.in_a_row.load(Ordering::Relaxed) > 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
    }

    /// Each failure is an event.
    pub(crate) fn failed(&self, step: &str, digest: &str, hook: Hook, fault: &Fault) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        self.in_a_row.fetch_add(1, Ordering::Relaxed);
        // An open breaker was told when it opened.
        if *fault != Fault::Broken {
            tracing::warn!(step, %hook, digest, %fault, "a policy step failed");
        }
        *self
            .last_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(format!("{hook}: {fault}"));
    }

    pub(crate) fn calls(&self) -> u64 {
        let calls = |[calls, _]: &[AtomicU64; 2]| calls.load(Ordering::Relaxed);
        self.spent.iter().map(calls).sum()
    }

    pub(crate) fn microseconds(&self) -> u64 {
        let spent = |[_, microseconds]: &[AtomicU64; 2]| microseconds.load(Ordering::Relaxed);
        self.spent.iter().map(spent).sum()
    }

    /// What each hook cost that was called.
    pub(crate) fn costs(&self) -> Vec<HookCost> {
        let cost = |(hook, [calls, microseconds]): (Hook, &[AtomicU64; 2])| HookCost {
            hook: hook.as_str(),
            calls: calls.load(Ordering::Relaxed),
            microseconds: microseconds.load(Ordering::Relaxed),
        };
        Hook::ALL
            .into_iter()
            .zip(&self.spent)
            .map(cost)
            .filter(|cost| cost.calls > 0)
            .collect()
    }

    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    pub(crate) fn in_a_row(&self) -> u64 {
        self.in_a_row.load(Ordering::Relaxed)
    }

    pub(crate) fn last_fault(&self) -> Option<String> {
        self.last_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
