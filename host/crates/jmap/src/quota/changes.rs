//! `Quota/changes` (RFC 9425 §4.2).

use serde::Deserialize;
use serde_json::json;

use super::state::State;
use crate::context::Context;
use crate::error::MethodError;
use crate::methods::Arguments;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Changes {
    account_id: String,
    since_state: String,
    #[serde(default)]
    max_changes: Option<u64>,
}

/// What became of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    Created,
    Updated,
    Destroyed,
}

/// What became of each quota between two states.
pub(super) fn between(since: &State, now: &State) -> Vec<(String, Became)> {
    let here = now.0.iter().filter_map(|(id, is)| match since.0.get(id) {
        None => Some((id.clone(), Became::Created)),
        Some(was) if was != is => Some((id.clone(), Became::Updated)),
        Some(_) => None,
    });
    let gone = since.0.keys().filter(|id| !now.0.contains_key(*id));
    here.chain(gone.map(|id| (id.clone(), Became::Destroyed)))
        .collect()
}

pub(super) async fn call(changes: Changes, context: &Context) -> Result<Arguments, MethodError> {
    let account = context.account(&changes.account_id)?.id;
    if changes.max_changes == Some(0) {
        let text = "maxChanges is greater than 0";
        return Err(MethodError::InvalidArguments(text.into()));
    }
    let since = State::parse(&changes.since_state).ok_or(MethodError::CannotCalculateChanges)?;
    let now = State::of(&super::quotas(account, context).await?);
    let mut all = between(&since, &now);
    let most = changes.max_changes.unwrap_or(u64::MAX);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let more = all.len() > most;
    all.truncate(most);
    // The state that these changes, and no others, lead to.
    let mut until = since.clone();
    for (id, _) in &all {
        match now.0.get(id) {
            Some(is) => until.0.insert(id.clone(), *is),
            None => until.0.remove(id),
        };
    }
    let ids = |wanted| {
        let found = all.iter().filter(|(_, became)| *became == wanted);
        found.map(|(id, _)| id.as_str()).collect::<Vec<_>>()
    };
    let updated = ids(Became::Updated);
    let limit = |state: &State, id: &str| state.0.get(id).map(|quota| quota.limit);
    let same = |id: &&str| limit(&since, id) == limit(&now, id);
    let only_used = !updated.is_empty() && updated.iter().all(same);
    let result = json!({
        "accountId": changes.account_id,
        "oldState": changes.since_state,
        "newState": until.to_string(),
        "hasMoreChanges": more,
        "created": ids(Became::Created),
        "updated": updated,
        "destroyed": ids(Became::Destroyed),
        "updatedProperties": only_used.then_some(["used"]),
    });
    Ok(result.as_object().cloned().unwrap_or_default())
}
