//! `Email/import` (RFC 8621 §4.8).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Created;
use super::ask::{ChangeAsk, Refusal};
use super::placing::{self, book, refused};
use super::set::{Outcome, begin, creation_ids, resolved, within};
use crate::context::Context;
use crate::error::MethodError;
use crate::id::{AccountId, BlobId};
use crate::methods::Arguments;
use crate::set_error::SetError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Import {
    account_id: String,
    #[serde(default)]
    if_in_state: Option<String>,
    emails: BTreeMap<String, Map<String, Value>>,
}

pub(super) async fn call(
    import: Import,
    context: &Context,
    created: &mut Created,
) -> Result<Arguments, MethodError> {
    let account = context.writable(&import.account_id)?.id;
    within(import.emails.len(), context)?;
    creation_ids(import.emails.keys())?;
    let begun = begin(account, import.if_in_state.as_deref(), context).await?;
    let mut outcome = Outcome::new(import.account_id, begun.state);
    for (name, object) in import.emails {
        let made = match read(account, object, created) {
            Ok(ask) => {
                let refused = |refusal| match refusal {
                    // RFC 8621 §4.8: so are keywords and mailboxes that cannot be.
                    Refusal::TooManyKeywords => {
                        SetError::property("keywords", "there are too many")
                    }
                    refusal => refused(refusal, Some("blobId")),
                };
                placing::store(ask, refused, &mut outcome, context).await?
            }
            Err(error) => Err(error),
        };
        book(&name, made, &mut outcome, created);
    }
    Ok(outcome.into_creations())
}

fn read(
    account: AccountId,
    mut object: Map<String, Value>,
    created: &Created,
) -> Result<ChangeAsk, SetError> {
    let blob = object.remove("blobId");
    let blob = blob.as_ref().and_then(Value::as_str);
    let blob = blob.and_then(|name| resolved(name, created));
    let blob = blob
        .and_then(BlobId::parse)
        .ok_or_else(|| SetError::property("blobId", "there is no such blob"));
    let placing = placing::take(&mut object, created);
    let unknown: Vec<String> = object.keys().cloned().collect();
    let unknown = match unknown.is_empty() {
        true => None,
        false => Some(SetError::InvalidProperties(
            unknown,
            "an import has no such property".into(),
        )),
    };
    let errors = [
        blob.as_ref().err(),
        placing.as_ref().err(),
        unknown.as_ref(),
    ];
    if let Some(error) = placing::together(errors.into_iter().flatten()) {
        return Err(error);
    }
    Ok(ChangeAsk::Import {
        account,
        blob: blob?,
        placing: placing?,
    })
}
