//! Codes for whoever has lost his authenticator.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;
use waxwing_store::{AuditEntry, Error};

use super::super::refusal::Refusal;
use super::super::visitor::{Shown, Visitor};
use super::{Owner, asked, failed, told};

pub(super) async fn make(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (owner, shown, _) = asked::<Shown>(&visitor, request).await?;
    visitor.prove(&owner.account, &shown).await?;
    let made = visitor
        .parts
        .store
        .make_recovery_codes(&owner.account.address);
    fresh(&visitor, &owner, made, |_| {
        Refusal::named(400, "invalid", "no one-time code is wanted")
    })
    .await
}

/// New codes in the place of those before, told to the owner; it is written down before that there are new ones. `refused` is what is
/// answered where there are to be none.
pub(super) async fn fresh(
    visitor: &Visitor,
    owner: &Owner,
    made: impl Future<Output = Result<Vec<String>, Error>>,
    refused: impl FnOnce(&'static str) -> Refusal,
) -> Result<Response, Refusal> {
    let store = &visitor.parts.store;
    let address = &owner.account.address;
    let entry = AuditEntry {
        who: address.clone(),
        origin: visitor.client.to_string(),
        action: "recovery-codes-make".to_owned(),
        subject: address.clone(),
        detail: String::new(),
    };
    let at = store.audit(&entry).await.map_err(failed)?;
    let made = made.await;
    let outcome = match &made {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("failed: {error}"),
    };
    store.audited(at, &outcome).await.map_err(failed)?;
    let codes = made.map_err(|error| match error {
        Error::NotAllowed(why) => refused(why),
        error => failed(error),
    })?;
    Ok(told(&json!({ "recoveryCodes": codes })))
}
