//! `Blob/lookup` (RFC 9404 §4.3): where contents are used.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{BlobAnswer, BlobAsk, Uses, named};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, BlobId, ContentId};
use crate::methods::Arguments;

/// The types whose objects are found.
pub(crate) const TYPES: [&str; 3] = ["Mailbox", "Thread", "Email"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Lookup {
    account_id: String,
    type_names: Vec<String>,
    ids: Vec<String>,
}

pub(super) async fn call(
    lookup: Lookup,
    context: &Context,
    created: &BTreeMap<String, String>,
) -> Result<Arguments, MethodError> {
    if lookup.ids.len() > context.limits.objects_in_get {
        return Err(MethodError::RequestTooLarge);
    }
    let account = context.account(&lookup.account_id)?.id;
    let types: BTreeSet<&str> = lookup.type_names.iter().map(String::as_str).collect();
    if let Some(unknown) = types.iter().find(|name| !TYPES.contains(name)) {
        return Err(MethodError::UnknownDataType((*unknown).to_owned()));
    }
    let named = |text| named(text, created).unwrap_or(text);
    let mut ids: Vec<&str> = Vec::with_capacity(lookup.ids.len());
    for text in &lookup.ids {
        let id = named(text);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let parsed = ids.iter().filter_map(|id| BlobId::parse(id));
    let uses = uses_of(account, parsed.map(BlobId::content).collect(), context).await?;
    let (mut list, mut not_found) = (Vec::<Value>::new(), Vec::<Value>::new());
    for id in ids {
        match BlobId::parse(id).and_then(|blob| uses.get(&blob.content())) {
            Some(uses) => list.push(json!({"id": id, "matchedIds": matched(uses, &types)})),
            None => not_found.push(id.into()),
        }
    }
    let mut result = Map::new();
    result.insert("accountId".into(), lookup.account_id.into());
    result.insert("list".into(), list.into());
    result.insert("notFound".into(), not_found.into());
    Ok(result)
}

/// RFC 9404 §4.3: each type that was asked for is there, be its list empty.
fn matched(uses: &Uses, types: &BTreeSet<&str>) -> Map<String, Value> {
    let of = |name: &str| match name {
        "Mailbox" => &uses.mailboxes,
        "Thread" => &uses.threads,
        _ => &uses.emails,
    };
    let lists = types
        .iter()
        .map(|name| ((*name).to_owned(), of(name).clone().into()));
    lists.collect()
}

/// What uses each of these contents, of those that are there.
pub(crate) async fn uses_of(
    account: AccountId,
    contents: BTreeSet<ContentId>,
    context: &Context,
) -> Result<HashMap<ContentId, Uses>, MethodError> {
    if contents.is_empty() {
        return Ok(HashMap::new());
    }
    let contents: Vec<ContentId> = contents.into_iter().collect();
    let ask = BlobAsk::Uses {
        account,
        contents: contents.clone(),
    };
    let Answer::Blob(BlobAnswer::Uses(found)) = context.ask(Ask::Blob(ask)).await? else {
        return Err(mistaken());
    };
    if found.len() != contents.len() {
        return Err(mistaken());
    }
    let found = contents.into_iter().zip(found);
    Ok(found
        .filter_map(|(content, uses)| Some((content, uses?)))
        .collect())
}
