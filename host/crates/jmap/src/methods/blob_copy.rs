//! `Blob/copy` (RFC 8620 §6.3).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Arguments;
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::BlobId;
use crate::set_error::SetError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Copy {
    from_account_id: String,
    account_id: String,
    blob_ids: Vec<String>,
}

pub(super) async fn call(copy: Copy, context: &Context) -> Result<Arguments, MethodError> {
    if copy.blob_ids.len() > context.limits.objects_in_set {
        return Err(MethodError::RequestTooLarge);
    }
    let from = context
        .viewer
        .account(&copy.from_account_id)
        .ok_or(MethodError::FromAccountNotFound)?;
    let to = context.writable(&copy.account_id)?;
    let wanted: Vec<(&String, Option<BlobId>)> = copy
        .blob_ids
        .iter()
        .map(|text| (text, BlobId::parse(text)))
        .collect();
    let contents: Vec<_> = wanted
        .iter()
        .filter_map(|(_, blob)| blob.map(BlobId::content))
        .collect();
    let count = contents.len();
    let there = if contents.is_empty() {
        Vec::new()
    } else {
        let ask = Ask::CopyContents {
            from: from.id,
            to: to.id,
            contents,
        };
        let Answer::Copied(there) = context.ask(ask).await? else {
            return Err(mistaken());
        };
        there
    };
    if there.len() != count {
        return Err(mistaken());
    }
    let mut there = there.into_iter();
    let (mut copied, mut not_copied) = (Map::new(), Map::new());
    for (text, blob) in wanted {
        // What an id says does not depend on the account: the copy has the same.
        if blob.is_some() && there.next() == Some(true) {
            copied.insert(text.clone(), text.as_str().into());
        } else {
            not_copied.insert(text.clone(), SetError::NotFound.to_json());
        }
    }
    let mut result = Map::new();
    result.insert("fromAccountId".into(), copy.from_account_id.into());
    result.insert("accountId".into(), copy.account_id.into());
    result.insert("copied".into(), or_null(copied));
    result.insert("notCopied".into(), or_null(not_copied));
    Ok(result)
}

/// RFC 8620 §6.3: null if there are none.
fn or_null(members: Map<String, Value>) -> Value {
    if members.is_empty() {
        Value::Null
    } else {
        Value::Object(members)
    }
}
