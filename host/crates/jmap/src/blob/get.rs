//! `Blob/get` (RFC 9404 §4.2).

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{BlobAnswer, BlobAsk, BlobPiece, DigestAlgorithm, Octets, named};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::BlobId;
use crate::methods::Arguments;

/// Octets that one call gives, before they are base64.
const MAX_OCTETS: u64 = 8 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    account_id: String,
    ids: Vec<String>,
    #[serde(default)]
    properties: Option<Vec<String>>,
    #[serde(default)]
    offset: Option<u64>,
    #[serde(default)]
    length: Option<u64>,
}

/// What is wanted of each blob.
#[derive(Debug, Default)]
struct Wanted {
    text: bool,
    base64: bool,
    /// As text if it is one.
    either: bool,
    size: bool,
    digests: Vec<DigestAlgorithm>,
}

impl Wanted {
    fn read(properties: Option<&[String]>) -> Result<Self, MethodError> {
        let mut wanted = Self::default();
        let Some(properties) = properties else {
            // RFC 9404 §4.2.1: these are the default.
            wanted.either = true;
            wanted.size = true;
            return Ok(wanted);
        };
        for property in properties {
            match property.as_str() {
                "id" => {}
                "data" => wanted.either = true,
                "data:asText" => wanted.text = true,
                "data:asBase64" => wanted.base64 = true,
                "size" => wanted.size = true,
                other => {
                    let name = other.strip_prefix("digest:");
                    let algorithm = name.and_then(DigestAlgorithm::parse).ok_or_else(|| {
                        MethodError::InvalidArguments(format!("there is no property {other:?}"))
                    })?;
                    if !wanted.digests.contains(&algorithm) {
                        wanted.digests.push(algorithm);
                    }
                }
            }
        }
        Ok(wanted)
    }

    const fn data(&self) -> bool {
        self.text || self.base64 || self.either
    }
}

pub(super) async fn call(
    get: Get,
    context: &Context,
    created: &BTreeMap<String, String>,
) -> Result<Arguments, MethodError> {
    if get.ids.len() > context.limits.objects_in_get {
        return Err(MethodError::RequestTooLarge);
    }
    let account = context.account(&get.account_id)?.id;
    let wanted = Wanted::read(get.properties.as_deref())?;
    let (mut list, mut not_found) = (Vec::<Value>::new(), Vec::<Value>::new());
    let (mut seen, mut left) = (HashSet::new(), MAX_OCTETS);
    let mut digested = context.limits.size_upload.saturating_mul(4);
    for text in &get.ids {
        let id = named(text, created).unwrap_or(text);
        if !seen.insert(id) {
            continue;
        }
        let Some(blob) = BlobId::parse(id) else {
            not_found.push(id.into());
            continue;
        };
        let ask = BlobAsk::Read {
            account,
            piece: BlobPiece {
                blob,
                offset: get.offset.unwrap_or(0),
                length: get.length,
            },
            most: if wanted.data() { left } else { 0 },
            digests: wanted.digests.clone(),
        };
        let found = match context.ask(Ask::Blob(ask)).await? {
            Answer::Blob(BlobAnswer::Octets(found)) => found,
            Answer::Blob(BlobAnswer::TooMuch) => return Err(MethodError::RequestTooLarge),
            _ => return Err(mistaken()),
        };
        let Some(found) = found else {
            not_found.push(id.into());
            continue;
        };
        if wanted.data() {
            let octets = found.octets.as_ref().ok_or(MethodError::RequestTooLarge)?;
            left = left.saturating_sub(octets.len() as u64);
        }
        if !wanted.digests.is_empty() {
            digested = digested
                .checked_sub(found.size)
                .ok_or(MethodError::RequestTooLarge)?;
        }
        list.push(object(id, &found, &get, &wanted)?);
    }
    let mut result = Map::new();
    result.insert("accountId".into(), get.account_id.into());
    result.insert("list".into(), list.into());
    result.insert("notFound".into(), not_found.into());
    Ok(result)
}

fn object(id: &str, found: &Octets, get: &Get, wanted: &Wanted) -> Result<Value, MethodError> {
    let mut object = Map::new();
    object.insert("id".into(), id.into());
    if found.digests.len() != wanted.digests.len() {
        return Err(mistaken());
    }
    for (algorithm, digest) in wanted.digests.iter().zip(&found.digests) {
        let name = format!("digest:{}", algorithm.as_str());
        object.insert(name, STANDARD.encode(digest).into());
    }
    if wanted.size {
        object.insert("size".into(), found.size.into());
    }
    if let Some(octets) = found.octets.as_ref().filter(|_| wanted.data()) {
        let text = std::str::from_utf8(octets).ok();
        if wanted.text || (wanted.either && text.is_some()) {
            object.insert("data:asText".into(), text.into());
        }
        if wanted.base64 || (wanted.either && text.is_none()) {
            object.insert("data:asBase64".into(), STANDARD.encode(octets).into());
        }
        if text.is_none() && (wanted.text || wanted.either) {
            object.insert("isEncodingProblem".into(), true.into());
        }
    }
    // RFC 9404 §4.2: the piece ends behind the end, or begins there.
    let end = get.offset.unwrap_or(0).checked_add(get.length.unwrap_or(0));
    if end.is_none_or(|end| end > found.size) {
        object.insert("isTruncated".into(), true.into());
    }
    Ok(Value::Object(object))
}
