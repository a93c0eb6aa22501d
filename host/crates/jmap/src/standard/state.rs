//! States (RFC 8620 §1.6.3, §5.1): what everything in an account has come to is told by its modification sequence, whichever protocol changed it.

use std::fmt;

use serde_json::Value;

/// The state of a type, or of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct State(pub(crate) u64);

impl State {
    /// The state that is written like this.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let found = Self(text.parse().ok()?);
        (found.to_string() == text).then_some(found)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<State> for Value {
    fn from(state: State) -> Self {
        state.to_string().into()
    }
}
