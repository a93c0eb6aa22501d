//! `/queryChanges` (RFC 8620 §5.6).

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Comparator, State, changes, query};
use crate::error::MethodError;
use crate::methods::Arguments;

/// The arguments of a `/queryChanges`.
#[derive(Debug)]
pub(crate) struct QueryChanges {
    pub(crate) account_id: String,
    pub(crate) filter: Option<Value>,
    pub(crate) sort: Vec<Comparator>,
    /// Since when.
    pub(crate) since: State,
    most: Option<usize>,
    calculate_total: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Standard {
    account_id: String,
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Comparator>>,
    since_query_state: String,
    #[serde(default)]
    max_changes: Option<u64>,
    // RFC 8620 §5.6: it only lets changes be left out.
    #[serde(default, rename = "upToId")]
    _up_to_id: Option<String>,
    #[serde(default)]
    calculate_total: bool,
}

impl QueryChanges {
    /// From arguments without those that only some types have.
    ///
    /// # Errors
    /// `invalidArguments`, `unsupportedSort`, `cannotCalculateChanges`.
    pub(crate) fn read(arguments: Arguments) -> Result<Self, MethodError> {
        let standard: Standard = crate::methods::read(arguments)?;
        let sort = standard.sort.unwrap_or_default();
        query::check_sort(&sort)?;
        Ok(Self {
            account_id: standard.account_id,
            filter: standard.filter,
            sort,
            most: changes::most(standard.max_changes)?,
            since: State::parse(&standard.since_query_state)
                .ok_or(MethodError::CannotCalculateChanges)?,
            calculate_total: standard.calculate_total,
        })
    }
}

/// What a `/queryChanges` comes to.
#[derive(Debug)]
pub(crate) struct QueryChanged<I> {
    pub(crate) until: State,
    /// The results as they are now.
    pub(crate) ids: Vec<I>,
    /// What may have been in the results, or elsewhere in them.
    pub(crate) touched: HashSet<I>,
}

impl<I: Eq + Hash + fmt::Display> QueryChanged<I> {
    /// As the arguments of the response: all that is touched is removed, and what of it is there now is put in again. RFC 8620 §5.6 lets
    /// more be removed than has to be, and has what is removed and still there among what is added.
    ///
    /// # Errors
    /// `tooManyChanges`.
    #[expect(
        clippy::wrong_self_convention,
        reason = "as all that becomes arguments; this is large, and made to be"
    )]
    pub(crate) fn to_arguments(self, of: &QueryChanges) -> Result<Arguments, MethodError> {
        let here = self.ids.iter().enumerate();
        let added: Vec<Value> = here
            .filter(|(_, id)| self.touched.contains(*id))
            .map(|(index, id)| json!({ "id": id.to_string(), "index": index }))
            .collect();
        let mut removed: Vec<String> = self.touched.iter().map(ToString::to_string).collect();
        removed.sort_unstable();
        if of
            .most
            .is_some_and(|most| removed.len() + added.len() > most)
        {
            return Err(MethodError::TooManyChanges);
        }
        let mut arguments = Map::new();
        arguments.insert("accountId".into(), of.account_id.as_str().into());
        arguments.insert("oldQueryState".into(), of.since.into());
        arguments.insert("newQueryState".into(), self.until.into());
        arguments.insert("removed".into(), removed.into());
        arguments.insert("added".into(), added.into());
        if of.calculate_total {
            arguments.insert("total".into(), self.ids.len().into());
        }
        Ok(arguments)
    }
}
