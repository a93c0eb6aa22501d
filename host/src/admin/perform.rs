//! A request done, and what it changes written down.
//!
//! Invariants: what changes something is in the audit log before it is begun, and is not begun if it cannot be written there; what became of
//! it follows. What only looks is not written down.

use serde_json::Value;
use waxwing_store::{AuditAt, AuditEntry, Store};

use super::audit::{self, Deed};
use super::execute::execute;
use super::mail::MailRequest;
use super::{Failure, Request};
use crate::config::Config;
use crate::wiring::Parts;

/// Who asks, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) who: String,
    pub(crate) origin: String,
}

impl Actor {
    pub(crate) fn new(who: impl Into<String>, origin: impl Into<String>) -> Self {
        Self {
            who: who.into(),
            origin: origin.into(),
        }
    }
}

/// Does a request for somebody; `running` is the server that it was sent to, if it was.
pub(crate) async fn perform(
    store: &Store,
    config: &Config,
    running: Option<&Parts>,
    actor: &Actor,
    request: Request,
) -> Result<Value, Failure> {
    let begun = match audit::deed(&request) {
        Some(deed) => Some(begin(store, actor, deed).await?),
        None => None,
    };
    let running = running.map(|parts| (parts, actor.who.as_str()));
    let answer = execute(store, config, running, request).await;
    if let Some(at) = begun {
        end(store, at, &answer).await;
    }
    answer
}

/// Writes down that somebody begins to move the mail of an account; what is moved is not.
pub(crate) async fn mail_begun(
    store: &Store,
    actor: &Actor,
    request: &MailRequest,
) -> Result<(), Failure> {
    if let Some(deed) = audit::mail_deed(request) {
        let at = begin(store, actor, deed).await?;
        end(store, at, &Ok(Value::Null)).await;
    }
    Ok(())
}

async fn begin(store: &Store, actor: &Actor, deed: Deed) -> Result<AuditAt, Failure> {
    let detail = match deed.detail {
        Value::Null => String::new(),
        detail => detail.to_string(),
    };
    let entry = AuditEntry {
        who: actor.who.clone(),
        origin: actor.origin.clone(),
        action: deed.action.to_owned(),
        subject: deed.subject,
        detail,
    };
    Ok(store.audit(&entry).await?)
}

async fn end(store: &Store, at: AuditAt, answer: &Result<Value, Failure>) {
    let outcome = match answer {
        Ok(_) => "done".to_owned(),
        Err(failure) => format!("failed: {failure}"),
    };
    if let Err(error) = store.audited(at, &outcome).await {
        tracing::error!(%error, outcome, "what became of a change could not be written into the audit log");
    }
}
