//! The clock of `hook-tick`: calls each step that has a `tick` once an interval.
//!
//! Invariants: calls of a step of one name never overlap, not even over a reload; a call runs in the generation that served when it began; an
//! interval is never less than the step asked for, and the first begins at a time drawn at random.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::capability::unix_ms;
use crate::generation::Generation;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::observe::beside;
use crate::policy::Policy;
use crate::state::Context;

/// How long the clock sleeps where nothing is due; it is woken by a new generation.
const IDLE: Duration = Duration::from_secs(3600);

/// When each step is due.
#[derive(Default)]
struct Clock {
    due: HashMap<Arc<str>, Due>,
    running: HashSet<Arc<str>>,
}

struct Due {
    interval: Duration,
    next: Instant,
}

/// Ticks for ever.
pub(crate) async fn run(policy: &Policy) {
    let mut clock = Clock::default();
    let mut calls: JoinSet<Arc<str>> = JoinSet::new();
    let mut changed = policy.generations();
    loop {
        let generation = {
            changed.borrow_and_update();
            policy.current()
        };
        clock.follow(&generation, Instant::now());
        for name in clock.ripe(Instant::now()) {
            calls.spawn(call(generation.clone(), name));
        }
        let next = clock.next().unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            () = sleep_until(next) => {}
            Some(done) = calls.join_next() => match done {
                Ok(name) => { clock.running.remove(&name); }
                // Not known whose it was: a call that panics is a fault of the server's, and no step may stop for it.
                Err(_) => clock.running.clear(),
            },
            Ok(()) = changed.changed() => {}
        }
    }
}

async fn call(generation: Arc<Generation>, name: Arc<str>) -> Arc<str> {
    let due = unix_ms();
    let step = generation
        .at(Hook::Tick)
        .iter()
        .find(|step| step.shared.name == name);
    if let Some(step) = step {
        beside(&generation, step, Context::default(), &Ask::Tick(due)).await;
    }
    name
}

impl Clock {
    /// Takes over the steps of a generation: those that stay keep their time.
    fn follow(&mut self, generation: &Generation, now: Instant) {
        let steps = generation.at(Hook::Tick);
        let wanted = |name: &Arc<str>, due: &mut Due| {
            steps
                .iter()
                .any(|step| step.shared.name == *name && step.config.tick == Some(due.interval))
        };
        self.due.retain(wanted);
        for step in steps {
            let Some(interval) = step.config.tick else {
                continue;
            };
            self.due
                .entry(step.shared.name.clone())
                .or_insert_with(|| Due {
                    interval,
                    next: now + rand::rng().random_range(Duration::ZERO..=interval),
                });
        }
    }

    /// The steps that are due and do not run; they are due again after their interval.
    fn ripe(&mut self, now: Instant) -> Vec<Arc<str>> {
        let mut ripe = Vec::new();
        for (name, due) in &mut self.due {
            if due.next > now {
                continue;
            }
            // A tick that was missed, because the last call still runs or the machine slept, is not made up for.
            due.next = now + due.interval;
            if self.running.insert(name.clone()) {
                ripe.push(name.clone());
            }
        }
        ripe
    }

    fn next(&self) -> Option<Instant> {
        self.due.values().map(|due| due.next).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(next: Instant) -> (Clock, Arc<str>) {
        let name: Arc<str> = "step".into();
        let mut clock = Clock::default();
        let interval = Duration::from_secs(60);
        clock.due.insert(name.clone(), Due { interval, next });
        (clock, name)
    }

    #[test]
    fn a_step_is_due_once_an_interval() {
        let now = Instant::now();
        let (mut clock, name) = clock(now);
        assert_eq!(clock.ripe(now), std::slice::from_ref(&name));
        clock.running.remove(&name);
        assert!(clock.ripe(now + Duration::from_secs(59)).is_empty());
        assert_eq!(clock.next(), Some(now + Duration::from_secs(60)));
        assert_eq!(clock.ripe(now + Duration::from_secs(60)), [name]);
    }

    #[test]
    fn calls_never_overlap_and_what_was_missed_is_not_made_up_for() {
        let now = Instant::now();
        let (mut clock, name) = clock(now);
        assert_eq!(clock.ripe(now).len(), 1);
        // It still runs.
        assert!(clock.ripe(now + Duration::from_secs(200)).is_empty());
        clock.running.remove(&name);
        assert!(clock.ripe(now + Duration::from_secs(201)).is_empty());
        assert_eq!(clock.ripe(now + Duration::from_secs(260)).len(), 1);
    }
}
