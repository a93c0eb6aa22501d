//! Quotas (RFC 9425): what an account may hold, and what it holds.
//!
//! There is no log of quotas: a state says what they were, so that what changed since follows from the state itself.

mod changes;
mod object;
mod query;
mod state;

use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::AccountId;
use crate::methods::{Arguments, read};
use crate::standard::{Get, chosen, distinct};

pub use self::object::QuotaRoot;
use self::object::{PROPERTIES, Quota};
use self::state::State;

/// The state of the quotas of an account, as `Quota/get` gives it and as it is pushed.
#[must_use]
pub fn quota_state(roots: &[QuotaRoot]) -> String {
    State::of(&object::quotas(roots)).to_string()
}

/// A method of quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `Quota/get` (RFC 9425 §4.1)
    Get,
    /// `Quota/changes` (RFC 9425 §4.2)
    Changes,
    /// `Quota/query` (RFC 9425 §4.3)
    Query,
    /// `Quota/queryChanges` (RFC 9425 §4.4)
    QueryChanges,
}

impl Method {
    /// The method of a name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "Quota/get" => Self::Get,
            "Quota/changes" => Self::Changes,
            "Quota/query" => Self::Query,
            "Quota/queryChanges" => Self::QueryChanges,
            _ => return None,
        })
    }
}

/// Makes a call.
pub(crate) async fn call(
    method: Method,
    arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    match method {
        Method::Get => get(read(arguments)?, context).await,
        Method::Changes => changes::call(read(arguments)?, context).await,
        Method::Query => query::query(arguments, context).await,
        Method::QueryChanges => query::changes(read(arguments)?, context).await,
    }
}

/// The quotas of an account, by their ids.
async fn quotas(account: AccountId, context: &Context) -> Result<Vec<Quota>, MethodError> {
    match context.ask(Ask::Quotas { account }).await? {
        Answer::Quotas(roots) => Ok(object::quotas(&roots)),
        _ => Err(mistaken()),
    }
}

async fn get(get: Get, context: &Context) -> Result<Arguments, MethodError> {
    let account = context.account(&get.account_id)?.id;
    let properties = chosen(get.properties.as_deref(), &PROPERTIES)?;
    let ids = get.ids.as_deref();
    let ids = ids.map(|ids| distinct(ids, &context.limits)).transpose()?;
    let quotas = quotas(account, context).await?;
    let (list, missing) = match ids {
        None => (quotas.iter().collect(), Vec::new()),
        Some(ids) => {
            let (mut list, mut missing) = (Vec::new(), Vec::new());
            for id in ids {
                match quotas.iter().find(|quota| quota.id == id) {
                    Some(quota) => list.push(quota),
                    None => missing.push(id),
                }
            }
            (list, missing)
        }
    };
    let list: Vec<_> = list
        .into_iter()
        .map(|quota| quota.to_json(&properties))
        .collect();
    let mut result = Arguments::new();
    result.insert("accountId".into(), get.account_id.into());
    result.insert("state".into(), State::of(&quotas).to_string().into());
    result.insert("list".into(), list.into());
    result.insert("notFound".into(), missing.into());
    Ok(result)
}
