//! `Blob/upload` (RFC 9404 §4.1): contents put together from texts, base64, and pieces of others.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{BlobAnswer, BlobAsk, BlobPiece, named};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, BlobId};
use crate::methods::Arguments;
use crate::set_error::{SetError, of_one};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Upload {
    account_id: String,
    create: BTreeMap<String, Value>,
}

/// What one creation says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    data: Vec<Value>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// A source of octets: exactly one of a text, a base64 and a blob.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Source {
    #[serde(default, rename = "data:asText")]
    text: Option<String>,
    #[serde(default, rename = "data:asBase64")]
    base64: Option<String>,
    #[serde(default)]
    blob_id: Option<String>,
    #[serde(default)]
    offset: Option<u64>,
    #[serde(default)]
    length: Option<u64>,
}

pub(super) async fn call(
    upload: Upload,
    context: &Context,
    created: &mut BTreeMap<String, String>,
) -> Result<Arguments, MethodError> {
    if upload.create.len() > context.limits.objects_in_set {
        return Err(MethodError::RequestTooLarge);
    }
    let account = context.writable(&upload.account_id)?.id;
    let (mut made, mut not_made) = (Map::new(), Map::new());
    for (creation, object) in upload.create {
        let one = create(object, account, context, created).await;
        match of_one(one, !made.is_empty())? {
            Ok((blob, object)) => {
                created.insert(creation.clone(), blob);
                made.insert(creation, object);
            }
            Err(error) => {
                not_made.insert(creation, error.to_json());
            }
        }
    }
    let mut result = Map::new();
    let or_null = |map: Map<String, Value>| Some(map).filter(|map| !map.is_empty());
    result.insert("accountId".into(), upload.account_id.into());
    result.insert("created".into(), or_null(made).into());
    result.insert("notCreated".into(), or_null(not_made).into());
    Ok(result)
}

/// Makes one; the outer error is of the call.
async fn create(
    object: Value,
    account: AccountId,
    context: &Context,
    created: &BTreeMap<String, String>,
) -> Result<Result<(String, Value), SetError>, MethodError> {
    let object = match serde_json::from_value::<Object>(object) {
        Ok(object) => object,
        Err(error) => return Ok(Err(SetError::property("data", error.to_string()))),
    };
    let limits = &context.limits;
    if object.data.len() > limits.data_sources {
        return Ok(Err(SetError::TooLarge(None)));
    }
    let mut whole = BytesMut::new();
    for source in object.data {
        let left = limits.size_blob_set.saturating_sub(whole.len() as u64);
        let octets = match octets(source, left, account, context, created).await? {
            Ok(octets) if octets.len() as u64 <= left => octets,
            Ok(_) => return Ok(Err(SetError::TooLarge(None))),
            Err(error) => return Ok(Err(error)),
        };
        whole.extend_from_slice(&octets);
    }
    let size = whole.len();
    let octets = whole.freeze();
    let ask = BlobAsk::Keep { account, octets };
    let Answer::Blob(BlobAnswer::Kept(content)) = context.ask(Ask::Blob(ask)).await? else {
        return Err(mistaken());
    };
    let blob = BlobId::Whole(content).to_string();
    let told = json!({"id": blob, "type": object.kind, "size": size});
    Ok(Ok((blob, told)))
}

/// The octets of a source, of which there may be `left`.
async fn octets(
    source: Value,
    left: u64,
    account: AccountId,
    context: &Context,
    created: &BTreeMap<String, String>,
) -> Result<Result<Bytes, SetError>, MethodError> {
    let source = match serde_json::from_value::<Source>(source) {
        Ok(source) => source,
        Err(error) => return Ok(Err(SetError::property("data", error.to_string()))),
    };
    let range = source.offset.is_some() || source.length.is_some();
    let (id, offset) = match (source.text, source.base64, source.blob_id) {
        (Some(text), None, None) if !range => return Ok(Ok(text.into())),
        (None, Some(base64), None) if !range => {
            let decoded = STANDARD.decode(base64).map(Bytes::from);
            return Ok(
                decoded.map_err(|_| SetError::property("data", "what is to be base64 is none"))
            );
        }
        (None, None, Some(id)) => (id, source.offset.unwrap_or(0)),
        _ => {
            return Ok(Err(SetError::property(
                "data",
                "a source is one text, base64 or blob",
            )));
        }
    };
    let Some(blob) = named(&id, created).and_then(BlobId::parse) else {
        return Ok(Err(missing(&id)));
    };
    if source.length.is_some_and(|length| length > left) {
        return Ok(Err(SetError::TooLarge(None)));
    }
    let ask = BlobAsk::Read {
        account,
        piece: BlobPiece {
            blob,
            offset,
            length: source.length,
        },
        most: left,
        digests: Vec::new(),
    };
    let found = match context.ask(Ask::Blob(ask)).await? {
        Answer::Blob(BlobAnswer::Octets(found)) => found,
        Answer::Blob(BlobAnswer::TooMuch) => return Ok(Err(SetError::TooLarge(None))),
        _ => return Err(mistaken()),
    };
    let Some(found) = found else {
        return Ok(Err(missing(&id)));
    };
    // RFC 9404 §4.1.1: a piece that is not there as a whole is no piece.
    let end = offset.checked_add(source.length.unwrap_or(0));
    if end.is_none_or(|end| end > found.size) {
        return Ok(Err(SetError::property(
            "data",
            "the piece ends behind the blob",
        )));
    }
    Ok(found.octets.ok_or(SetError::TooLarge(None)))
}

fn missing(id: &str) -> SetError {
    SetError::BlobNotFound(vec![id.to_owned()])
}
