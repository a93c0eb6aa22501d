//! `/changes` (RFC 8620 §5.2).

use serde::Deserialize;
use serde_json::Map;

use super::State;
use crate::error::MethodError;
use crate::methods::Arguments;

/// The arguments of a `/changes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Changes {
    pub(crate) account_id: String,
    since_state: String,
    #[serde(default)]
    max_changes: Option<u64>,
}

impl Changes {
    /// Since when.
    ///
    /// # Errors
    /// `cannotCalculateChanges` for what never was a state.
    pub(crate) fn since(&self) -> Result<State, MethodError> {
        State::parse(&self.since_state).ok_or(MethodError::CannotCalculateChanges)
    }

    /// How many at most, if it is said.
    ///
    /// # Errors
    /// `invalidArguments` for none at all.
    pub(crate) fn most(&self) -> Result<Option<usize>, MethodError> {
        most(self.max_changes)
    }
}

/// A number of changes, which is to be above 0.
pub(super) fn most(wanted: Option<u64>) -> Result<Option<usize>, MethodError> {
    if wanted == Some(0) {
        return Err(MethodError::InvalidArguments(
            "maxChanges is greater than 0".into(),
        ));
    }
    Ok(wanted.map(|most| usize::try_from(most).unwrap_or(usize::MAX)))
}

/// What a `/changes` comes to.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) until: State,
    /// More has changed since.
    pub(crate) more: bool,
    pub(crate) created: Vec<String>,
    pub(crate) updated: Vec<String>,
    pub(crate) destroyed: Vec<String>,
}

impl Changed {
    #[expect(
        clippy::wrong_self_convention,
        reason = "as all that becomes arguments; this is large, and made to be"
    )]
    pub(crate) fn to_arguments(self, account: String, since: State) -> Arguments {
        let mut arguments = Map::new();
        arguments.insert("accountId".into(), account.into());
        arguments.insert("oldState".into(), since.into());
        arguments.insert("newState".into(), self.until.into());
        arguments.insert("hasMoreChanges".into(), self.more.into());
        arguments.insert("created".into(), self.created.into());
        arguments.insert("updated".into(), self.updated.into());
        arguments.insert("destroyed".into(), self.destroyed.into());
        arguments
    }
}
