//! A generation: one immutable snapshot of policy file, plugins and settings.

use std::sync::Arc;

use crate::hook::Hook;
use crate::step::Step;

/// One snapshot of the policy. Sessions and transactions hold the one they began with.
#[derive(Debug)]
pub struct Generation {
    number: u64,
    since: u64,
    steps: Vec<Arc<Step>>,
    by_hook: [Box<[Arc<Step>]>; Hook::ALL.len()],
}

impl Generation {
    /// Its number; 0 is the empty policy.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn new(number: u64, since: u64, steps: Vec<Arc<Step>>) -> Self {
        let by_hook = Hook::ALL.map(|hook| {
            steps
                .iter()
                .filter(|step| step.hooks.contains(&hook))
                .cloned()
                .collect()
        });
        Self {
            number,
            since,
            steps,
            by_hook,
        }
    }

    /// The policy that decides nothing.
    pub(crate) fn empty() -> Self {
        Self::new(0, crate::capability::unix_ms(), Vec::new())
    }

    /// When it began to serve, in milliseconds since 1970.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// All steps in their order.
    pub(crate) fn steps(&self) -> &[Arc<Step>] {
        &self.steps
    }

    /// The steps of a hook in their order.
    pub(crate) fn at(&self, hook: Hook) -> &[Arc<Step>] {
        self.by_hook.get(hook.index()).map_or(&[], |steps| steps)
    }
}
