//! `/get` (RFC 8620 §5.1).

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::State;
use crate::error::MethodError;
use crate::limits::Limits;
use crate::methods::Arguments;

/// The arguments of a `/get` that has no others.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Get {
    pub(crate) account_id: String,
    /// All of them if there are none.
    #[serde(default)]
    pub(crate) ids: Option<Vec<String>>,
    /// All of them if there are none.
    #[serde(default)]
    pub(crate) properties: Option<Vec<String>>,
}

/// Ids, each once.
///
/// # Errors
/// `requestTooLarge`.
pub(crate) fn distinct(ids: &[String], limits: &Limits) -> Result<Vec<String>, MethodError> {
    if ids.len() > limits.objects_in_get {
        return Err(MethodError::RequestTooLarge);
    }
    let mut seen = HashSet::with_capacity(ids.len());
    let first = ids.iter().filter(|id| seen.insert(id.as_str()));
    Ok(first.cloned().collect())
}

/// The properties that are wanted of all that a type has; `id` is always among them.
///
/// # Errors
/// `invalidArguments` for one that it does not have.
pub(crate) fn chosen(
    wanted: Option<&[String]>,
    all: &[&'static str],
) -> Result<HashSet<&'static str>, MethodError> {
    let Some(wanted) = wanted else {
        return Ok(all.iter().copied().collect());
    };
    let known = |name: &String| {
        let found = all.iter().copied().find(|known| known == name);
        found.ok_or_else(|| unknown_property(name))
    };
    let mut chosen: HashSet<_> = wanted.iter().map(known).collect::<Result<_, _>>()?;
    chosen.insert("id");
    Ok(chosen)
}

/// A property that a type does not have.
pub(crate) fn unknown_property(name: &str) -> MethodError {
    MethodError::InvalidArguments(format!("there is no property {name:?}"))
}

/// What a `/get` comes to.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) state: State,
    pub(crate) list: Vec<Map<String, Value>>,
    pub(crate) not_found: Vec<String>,
}

impl Got {
    #[expect(
        clippy::wrong_self_convention,
        reason = "as all that becomes arguments; this is large, and made to be"
    )]
    pub(crate) fn to_arguments(self, account: String) -> Arguments {
        let list: Vec<Value> = self.list.into_iter().map(Value::Object).collect();
        let mut arguments = Map::new();
        arguments.insert("accountId".into(), account.into());
        arguments.insert("state".into(), self.state.into());
        arguments.insert("list".into(), list.into());
        arguments.insert("notFound".into(), self.not_found.into());
        arguments
    }
}
