//! `Email/parse` (RFC 8621 §4.9).

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use waxwing_message::{Part, Span, Summary};

use super::ask::{MailAnswer, MailAsk};
use super::email_get::wishes;
use super::object::{Known, object};
use super::shape::Shape;
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, BlobId, Encoding};
use crate::methods::{Arguments, read};
use crate::standard::distinct;

/// Blobs that one call parses: each is read whole.
const MAX_BLOBS: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parse {
    account_id: String,
    blob_ids: Vec<String>,
}

pub(super) async fn parse(
    mut arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let shape = Shape::of_parse(wishes(&mut arguments)?)?;
    let parse: Parse = read(arguments)?;
    let account = context.account(&parse.account_id)?.id;
    let ids = distinct(&parse.blob_ids, &context.limits)?;
    if ids.len() > MAX_BLOBS {
        return Err(MethodError::RequestTooLarge);
    }
    let mut parsed = Map::new();
    let (mut not_parsable, mut not_found): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for id in ids {
        let Some((blob, octets)) = content_of(account, &id, context).await? else {
            not_found.push(id);
            continue;
        };
        let raw = octets_of(blob, &octets);
        let summary = Summary::read(&raw);
        // Octets that have no header field at all are no message.
        if waxwing_message::header::fields(summary.root.header.of(&raw))
            .next()
            .is_none()
        {
            not_parsable.push(id);
            continue;
        }
        let known = Known {
            email: None,
            blob,
            within: within(blob),
            size: raw.len() as u64,
            summary: Some(&summary),
            raw: &raw,
        };
        let object = object(known, &shape, &context.room)?;
        parsed.insert(id, object.into());
    }
    let list = |ids: Vec<String>| match ids.is_empty() {
        true => Value::Null,
        false => ids.into(),
    };
    let parsed = match parsed.is_empty() {
        true => Value::Null,
        false => parsed.into(),
    };
    let mut result = Map::new();
    result.insert("accountId".into(), parse.account_id.into());
    result.insert("parsed".into(), parsed);
    result.insert("notParsable".into(), list(not_parsable));
    result.insert("notFound".into(), list(not_found));
    Ok(result)
}

/// The content that a blob is of, whole; none if there is none of this id in the account.
pub(crate) async fn content_of(
    account: AccountId,
    id: &str,
    context: &Context,
) -> Result<Option<(BlobId, Bytes)>, MethodError> {
    let Some(blob) = BlobId::parse(id) else {
        return Ok(None);
    };
    let content = blob.content();
    let ask = MailAsk::Blob { account, content };
    let Answer::Mail(MailAnswer::Octets(mut found)) = context.ask(Ask::Mail(ask)).await? else {
        return Err(mistaken());
    };
    Ok(found.pop().flatten().map(|octets| (blob, octets)))
}

/// What a blob is, out of the content that it is of.
pub(crate) fn octets_of(blob: BlobId, content: &[u8]) -> Vec<u8> {
    let BlobId::Part {
        start,
        end,
        encoding,
        ..
    } = blob
    else {
        return content.to_vec();
    };
    let at = |offset: u64| u32::try_from(offset.min(content.len() as u64)).unwrap_or(u32::MAX);
    let encoding = match encoding {
        Encoding::Identity => "",
        Encoding::Base64 => "base64",
        Encoding::QuotedPrintable => "quoted-printable",
    };
    let part = Part {
        body: Span {
            start: at(start),
            end: at(end),
        },
        encoding: encoding.to_owned(),
        ..Part::default()
    };
    part.decoded(content).into_owned()
}

/// Where the parts of the message that a blob is are to be found.
fn within(blob: BlobId) -> Option<(crate::id::ContentId, u64)> {
    match blob {
        BlobId::Whole(content) => Some((content, 0)),
        BlobId::Part {
            content,
            start,
            encoding: Encoding::Identity,
            ..
        } => Some((content, start)),
        BlobId::Part { .. } => None,
    }
}
