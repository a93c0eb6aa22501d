//! `Email/copy` (RFC 8621 §4.7), as RFC 8620 §5.4 has copies between accounts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Created;
use super::ask::ChangeAsk;
use super::placing::{self, book, refused};
use super::set::{Outcome, begin, creation_ids, resolved, within};
use crate::context::Context;
use crate::error::MethodError;
use crate::id::{AccountId, EmailId};
use crate::methods::Arguments;
use crate::set_error::SetError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Copy {
    from_account_id: String,
    #[serde(default)]
    if_from_in_state: Option<String>,
    account_id: String,
    #[serde(default)]
    if_in_state: Option<String>,
    create: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    on_success_destroy_original: bool,
    #[serde(default)]
    destroy_from_if_in_state: Option<String>,
}

pub(super) async fn call(
    copy: Copy,
    context: &Context,
    created: &mut Created,
) -> Result<Arguments, MethodError> {
    let from = context.account(&copy.from_account_id);
    let from = from.map_err(|_| MethodError::FromAccountNotFound)?.id;
    let account = context.writable(&copy.account_id)?.id;
    if from == account {
        let text = "copies are made between different accounts";
        return Err(MethodError::InvalidArguments(text.into()));
    }
    within(copy.create.len(), context)?;
    creation_ids(copy.create.keys())?;
    if copy.if_from_in_state.is_some() {
        begin(from, copy.if_from_in_state.as_deref(), context).await?;
    }
    let begun = begin(account, copy.if_in_state.as_deref(), context).await?;
    let mut outcome = Outcome::new(copy.account_id, begun.state);
    let mut originals = Vec::new();
    for (name, object) in copy.create {
        let made = match read((from, account), object, created) {
            Ok((email, ask)) => {
                let refused = |refusal| refused(refusal, None);
                let stored = placing::store(ask, refused, &mut outcome, context).await?;
                if stored.is_ok() {
                    originals.push(email.to_string());
                }
                stored
            }
            Err(error) => Err(error),
        };
        book(&name, made, &mut outcome, created);
    }
    if copy.on_success_destroy_original && !originals.is_empty() {
        // RFC 8620 §5.4: one call, after this response and before the next method.
        let destroy = json!({
            "accountId": copy.from_account_id,
            "ifInState": copy.destroy_from_if_in_state,
            "destroy": originals,
        });
        context.follow("Email/set", destroy);
    }
    let mut arguments = outcome.into_creations();
    arguments.insert("fromAccountId".into(), copy.from_account_id.into());
    Ok(arguments)
}

fn read(
    (from, account): (AccountId, AccountId),
    mut object: Map<String, Value>,
    created: &Created,
) -> Result<(EmailId, ChangeAsk), SetError> {
    let id = object.remove("id");
    let id = id.as_ref().and_then(Value::as_str);
    let id = id.ok_or_else(|| SetError::property("id", "it says which email is copied"))?;
    let email = resolved(id, created).and_then(EmailId::parse);
    let email = email.ok_or(SetError::NotFound)?;
    let keywords = object.get("keywords").is_some_and(|value| !value.is_null());
    let placing = placing::take(&mut object, created)?;
    if !object.is_empty() {
        let wrong = object.keys().cloned().collect();
        let text = "of a copy only mailboxIds, keywords and receivedAt are given";
        return Err(SetError::InvalidProperties(wrong, text.into()));
    }
    let ask = ChangeAsk::CopyEmail {
        from,
        email,
        account,
        placing,
        keywords,
    };
    Ok((email, ask))
}
