//! A generation: one immutable snapshot of policy file, plugins and settings, and what it came to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::UnboundedSender;

use crate::comparison::Comparisons;
use crate::drift;
use crate::hook::Hook;
use crate::ledger::Roster;
use crate::lineup::{self, Who};
use crate::policy_file::{Drift, Mode};
use crate::step::Step;
use crate::tally::{Baseline, Kind, Sample, Tally};

/// One snapshot of the policy. Sessions and transactions hold the one they began with.
#[derive(Debug)]
pub struct Generation {
    core: Arc<Core>,
    by_hook: [Box<[Arc<Step>]>; Hook::ALL.len()],
    /// The same generation as each combination of its canaries' sides sees it; empty without canaries, and in those themselves.
    lineups: Box<[Arc<Self>]>,
    /// Which canaries run here, by their place among all.
    sides: usize,
}

/// What all line-ups of a generation share.
#[derive(Debug)]
pub(crate) struct Core {
    number: u64,
    since: u64,
    steps: Vec<Arc<Step>>,
    roster: Arc<Roster>,
    canaries: Vec<Arc<Step>>,
    watch: Watched,
    tally: Tally,
    comparisons: Comparisons,
}

/// How a generation is watched.
#[derive(Debug)]
pub(crate) struct Watched {
    /// What it may differ by.
    pub(crate) drift: Drift,
    /// From what; none where nothing served before.
    pub(crate) baseline: Option<Baseline>,
    /// Whether it may be taken back by itself.
    pub(crate) judged: bool,
    /// Who is told.
    pub(crate) alarms: Option<UnboundedSender<Alarm>>,
    /// It is told once.
    pub(crate) told: AtomicBool,
}

/// Something that the policy has to act on.
#[derive(Debug)]
pub(crate) enum Alarm {
    /// A generation drifts.
    Drifts { number: u64, reason: drift::Reason },
    /// A step of a generation keeps failing.
    KeepsFailing {
        number: u64,
        step: Arc<Step>,
        last: String,
    },
}

impl Generation {
    /// Its number; 0 is the empty policy.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.core.number
    }

    pub(crate) fn new(number: u64, since: u64, steps: Vec<Arc<Step>>, watch: Watched) -> Self {
        let canaries: Vec<Arc<Step>> = steps
            .iter()
            .filter(|step| matches!(step.config.mode, Mode::Canary(_)))
            .cloned()
            .collect();
        let comparisons = Comparisons::new(&steps);
        let infos = steps.iter().map(|step| step.shared.info.clone()).collect();
        let roster = Arc::new(Roster::new(infos));
        let core = Arc::new(Core {
            number,
            since,
            steps,
            roster,
            canaries,
            watch,
            tally: Tally::default(),
            comparisons,
        });
        let count = core.canaries.len();
        let lineups = if count == 0 {
            Box::default()
        } else {
            (0..1 << count)
                .map(|sides| Arc::new(Self::lineup(&core, sides)))
                .collect()
        };
        Self {
            lineups,
            ..Self::lineup(&core, 0)
        }
    }

    fn lineup(core: &Arc<Core>, sides: usize) -> Self {
        let by_hook =
            Hook::ALL.map(|hook| lineup::of(&core.steps, |step| core.runs(step, sides), hook));
        Self {
            core: core.clone(),
            by_hook,
            lineups: Box::default(),
            sides,
        }
    }

    /// The policy that decides nothing.
    pub(crate) fn empty() -> Self {
        Self::new(
            0,
            crate::capability::unix_ms(),
            Vec::new(),
            Watched::unwatched(Drift::default()),
        )
    }

    /// This generation as it is for somebody: with the canaries on whose side they fall, always the same.
    pub(crate) fn side_of(self: &Arc<Self>, who: impl FnOnce() -> Who) -> Arc<Self> {
        if self.lineups.is_empty() {
            return self.clone();
        }
        let who = who();
        let canaries = self.core.canaries.iter().enumerate();
        let sides = canaries
            .filter(|(_, step)| who.falls_to(step))
            .fold(0, |sides, (place, _)| sides | 1 << place);
        self.lineups.get(sides).unwrap_or(self).clone()
    }

    /// Its steps, as ledgers tell of them.
    pub(crate) fn roster(&self) -> &Arc<Roster> {
        &self.core.roster
    }

    /// When it began to serve, in milliseconds since 1970.
    pub(crate) fn since(&self) -> u64 {
        self.core.since
    }

    /// All steps in their order.
    pub(crate) fn steps(&self) -> &[Arc<Step>] {
        &self.core.steps
    }

    /// The steps of a hook in their order.
    pub(crate) fn at(&self, hook: Hook) -> &[Arc<Step>] {
        self.by_hook.get(hook.index()).map_or(&[], |steps| steps)
    }

    /// Whether a step decides at any of these hooks.
    pub(crate) fn decides_at(&self, hooks: &[Hook]) -> bool {
        hooks
            .iter()
            .flat_map(|hook| self.at(*hook))
            .any(|step| step.config.mode != Mode::Shadow)
    }

    /// What all line-ups share.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Counts what a transaction, a connection or a login came to; tells if the generation drifts.
    pub(crate) fn ended(&self, kind: Kind, sample: Sample) {
        let core = &self.core;
        let totals = core.tally.add(kind, sample);
        if kind == Kind::Transactions && !core.canaries.is_empty() {
            core.comparisons.side(&core.canaries, self.sides, sample);
        }
        let Some(baseline) = core.watch.baseline.as_ref().filter(|_| core.watch.judged) else {
            return;
        };
        if let Some(reason) = drift::judge(&core.watch.drift, kind, &totals, baseline.of(kind)) {
            core.alarm(|| Alarm::Drifts {
                number: core.number,
                reason,
            });
        }
    }

    /// The breaker of a step opened in a call of this generation.
    pub(crate) fn keeps_failing(&self, step: &Arc<Step>, last: &str) {
        if let Some(alarms) = &self.core.watch.alarms {
            // Nobody listens once the policy is gone.
            let _ = alarms.send(Alarm::KeepsFailing {
                number: self.core.number,
                step: step.clone(),
                last: last.to_owned(),
            });
        }
    }
}

impl Core {
    /// Whether a step runs on these sides: a canary if it is picked, what it replaces if not.
    fn runs(&self, step: &Step, sides: usize) -> bool {
        let picked = |place: usize| sides >> place & 1 == 1;
        let mut canaries = self.canaries.iter().enumerate();
        match step.config.mode {
            Mode::Shadow => true,
            Mode::Canary(_) => {
                canaries.any(|(place, canary)| std::ptr::eq(&**canary, step) && picked(place))
            }
            Mode::Enforce => !canaries.any(|(place, canary)| {
                picked(place) && canary.config.replaces.as_deref() == Some(&*step.config.name)
            }),
        }
    }

    fn alarm(&self, alarm: impl FnOnce() -> Alarm) {
        if let Some(alarms) = &self.watch.alarms
            && !self.watch.told.swap(true, Ordering::Relaxed)
        {
            // Nobody listens once the policy is gone.
            let _ = alarms.send(alarm());
        }
    }

    /// What its trial steps came to.
    pub(crate) fn comparisons(&self) -> &Comparisons {
        &self.comparisons
    }

    /// What the next generation is held against.
    pub(crate) fn baseline(&self) -> Baseline {
        self.tally
            .baseline(&self.watch.baseline.unwrap_or_default())
    }

    /// What it is held against itself.
    pub(crate) fn held_against(&self) -> Option<Baseline> {
        self.watch.baseline
    }

    /// Whether it may be taken back by itself.
    pub(crate) fn is_judged(&self) -> bool {
        self.watch.judged
    }

    /// What it may differ by from the one before.
    pub(crate) fn drift(&self) -> &Drift {
        &self.watch.drift
    }
}

impl Watched {
    /// Held against nothing, told to nobody.
    pub(crate) fn unwatched(drift: Drift) -> Self {
        Self {
            drift,
            baseline: None,
            judged: false,
            alarms: None,
            told: AtomicBool::new(false),
        }
    }
}
