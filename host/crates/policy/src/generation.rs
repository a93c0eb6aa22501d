//! A generation: one immutable snapshot of policy file, plugins and settings.

/// One snapshot of the policy. Sessions and transactions hold the one they began with.
#[derive(Debug)]
pub struct Generation {
    number: u64,
}

impl Generation {
    /// Its number; 0 is the empty policy.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn empty() -> Self {
        Self { number: 0 }
    }
}
