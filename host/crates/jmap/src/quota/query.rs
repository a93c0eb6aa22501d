//! `Quota/query` and `Quota/queryChanges` (RFC 9425 §4.3, §4.4).

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::changes::{Became, between};
use super::object::{Quota, TYPE};
use super::state::State;
use crate::context::Context;
use crate::error::MethodError;
use crate::methods::Arguments;
use crate::standard::{self, Comparator, Filter, FilterError, Found, Query};

/// RFC 9425 §4.3: what a quota has to be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Condition {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    resource_type: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl Condition {
    const NAMES: [&str; 4] = ["name", "scope", "resourceType", "type"];

    fn read(members: Map<String, Value>) -> Result<Filter<Self>, FilterError> {
        let unknown = members
            .keys()
            .find(|name| !Self::NAMES.contains(&name.as_str()));
        if let Some(name) = unknown {
            return Err(FilterError::Unsupported(name.clone()));
        }
        let read = serde_json::from_value(Value::Object(members)).map(Filter::Condition);
        read.map_err(|error| FilterError::Invalid(error.to_string()))
    }

    fn matches(&self, quota: &Quota) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == value)
        };
        let named = |wanted: &String| quota.name.contains(wanted);
        self.name.as_ref().is_none_or(named)
            && is(&self.scope, quota.scope())
            && is(&self.resource_type, quota.resource.as_str())
            && is(&self.kind, TYPE)
    }
}

/// By what the results are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Name,
    Used,
}

/// What is wanted, and in which order.
struct Wish {
    filter: Option<Filter<Condition>>,
    sort: Vec<(By, bool)>,
}

impl Wish {
    fn read(filter: Option<Value>, sort: Vec<Comparator>) -> Result<Self, MethodError> {
        let filter = filter
            .map(|filter| Filter::read(filter, &mut Condition::read))
            .transpose()?;
        let by = |comparator: Comparator| match comparator.property.as_str() {
            "name" => Ok((By::Name, comparator.is_ascending)),
            "used" => Ok((By::Used, comparator.is_ascending)),
            _ => Err(MethodError::UnsupportedSort),
        };
        let sort = sort.into_iter().map(by).collect::<Result<_, _>>()?;
        Ok(Self { filter, sort })
    }

    /// The ids of what matches, in order.
    fn ids(&self, mut quotas: Vec<Quota>) -> Vec<String> {
        if let Some(filter) = &self.filter {
            let holds = |quota: &Quota| {
                filter.holds(&mut |condition| Some(condition.matches(quota))) == Some(true)
            };
            quotas.retain(holds);
        }
        // They are sorted by id already, and remain so where nothing else decides.
        quotas.sort_by(|a, b| {
            let compared = self.sort.iter().map(|(by, ascending)| {
                let order = match by {
                    By::Name => a.name.cmp(&b.name),
                    By::Used => a.used.cmp(&b.used),
                };
                if *ascending { order } else { order.reverse() }
            });
            compared.fold(Ordering::Equal, Ordering::then)
        });
        quotas.into_iter().map(|quota| quota.id).collect()
    }
}

pub(super) async fn query(
    arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let query = Query::read(arguments)?;
    let account = context.account(&query.account_id)?.id;
    let wish = Wish::read(query.filter, query.sort)?;
    let quotas = super::quotas(account, context).await?;
    let state = State::of(&quotas).to_string();
    let found = Found {
        state: standard::State(0),
        can_calculate: true,
        ids: wish.ids(quotas),
    };
    let mut result = query.window.cut(query.account_id, found)?;
    // These have states of their own.
    result.insert("queryState".into(), state.into());
    Ok(result)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Changes {
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

pub(super) async fn changes(changes: Changes, context: &Context) -> Result<Arguments, MethodError> {
    let account = context.account(&changes.account_id)?.id;
    let wish = Wish::read(changes.filter, changes.sort.unwrap_or_default())?;
    let since = State::parse(&changes.since_query_state);
    let since = since.ok_or(MethodError::CannotCalculateChanges)?;
    let quotas = super::quotas(account, context).await?;
    let now = State::of(&quotas);
    let ids = wish.ids(quotas);
    let places: HashMap<&String, usize> = ids.iter().zip(0..).collect();
    let moves = wish.sort.iter().any(|(by, _)| *by == By::Used);
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for (id, became) in between(&since, &now) {
        // RFC 8620 §5.6: what may have another place is taken out and put in again. No filter asks for what changes.
        if became == Became::Updated && !moves {
            continue;
        }
        if let Some(index) = places.get(&id) {
            added.push((*index, id.clone()));
        }
        if became != Became::Created {
            removed.push(id);
        }
    }
    let many = (removed.len() + added.len()) as u64;
    if changes.max_changes.is_some_and(|most| many > most) {
        return Err(MethodError::TooManyChanges);
    }
    added.sort_unstable();
    let added: Vec<Value> = added
        .into_iter()
        .map(|(index, id)| json!({"id": id, "index": index}))
        .collect();
    let mut result = Arguments::new();
    result.insert("accountId".into(), changes.account_id.into());
    result.insert("oldQueryState".into(), changes.since_query_state.into());
    result.insert("newQueryState".into(), now.to_string().into());
    if changes.calculate_total {
        result.insert("total".into(), ids.len().into());
    }
    result.insert("removed".into(), removed.into());
    result.insert("added".into(), added.into());
    Ok(result)
}
