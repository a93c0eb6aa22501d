//! `MDN/parse` (RFC 9007 §2.2).

use serde::Deserialize;
use serde_json::{Map, Value, json};
use waxwing_message::{Body, Part, Summary, header, value};

use super::object::Disposition;
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::json::weight;
use crate::mail::{email_parse, email_query};
use crate::methods::{Arguments, read};
use crate::standard::distinct;

/// Blobs that one call parses: each is read whole, and an email looked for.
const MAX_BLOBS: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parse {
    account_id: String,
    blob_ids: Vec<String>,
}

/// Parses some.
pub(in super::super) async fn parse(
    arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let parse: Parse = read(arguments)?;
    let account = context.account(&parse.account_id)?.id;
    let ids = distinct(&parse.blob_ids, &context.limits)?;
    if ids.len() > MAX_BLOBS {
        return Err(MethodError::RequestTooLarge);
    }
    let mut parsed = Map::new();
    let (mut not_parsable, mut not_found): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for id in ids {
        let Some((blob, octets)) = email_parse::content_of(account, &id, context).await? else {
            not_found.push(id);
            continue;
        };
        let Some(mut mdn) = notification(&email_parse::octets_of(blob, &octets)) else {
            not_parsable.push(id);
            continue;
        };
        let about = mdn.get("originalMessageId").and_then(Value::as_str);
        let email = match about.map(str::to_owned) {
            Some(message_id) => with_id(&parse.account_id, &message_id, context).await?,
            None => Value::Null,
        };
        mdn.insert("forEmailId".into(), email);
        let mdn = Value::Object(mdn);
        context.room.take(weight(&mdn))?;
        parsed.insert(id, mdn);
    }
    let list = |ids: Vec<String>| Some(ids).filter(|ids| !ids.is_empty());
    let mut result = Map::new();
    result.insert("accountId".into(), parse.account_id.into());
    let parsed = Some(parsed).filter(|parsed| !parsed.is_empty());
    result.insert("parsed".into(), parsed.into());
    result.insert("notParsable".into(), list(not_parsable).into());
    result.insert("notFound".into(), list(not_found).into());
    Ok(result)
}

/// The email that has a Message-ID; null if there is none. What is named so is whatever has the field, as a search finds it.
async fn with_id(account: &str, message_id: &str, context: &Context) -> Result<Value, MethodError> {
    let query = json!({
        "accountId": account, "filter": { "header": ["Message-ID", message_id] }, "limit": 1,
    });
    let Value::Object(query) = query else {
        return Err(mistaken());
    };
    match email_query::query(query, context).await {
        Ok(found) => {
            let ids = found.get("ids").and_then(Value::as_array);
            let first = ids.and_then(|ids| ids.first());
            Ok(first.cloned().unwrap_or_default())
        }
        // It is longer than what is looked for.
        Err(MethodError::UnsupportedFilter) => Ok(Value::Null),
        Err(error) => Err(error),
    }
}

/// The object that a message is, if it is a notification (RFC 8098 §3), but for the email that it is for.
fn notification(raw: &[u8]) -> Option<Map<String, Value>> {
    let summary = Summary::read(raw);
    let root = &summary.root;
    let kind = root.param("report-type").unwrap_or_default();
    if !root.is("multipart", "report") || !kind.eq_ignore_ascii_case("disposition-notification") {
        return None;
    }
    let Body::Multipart(parts) = &root.content else {
        return None;
    };
    let is_report = |part: &&Part| {
        part.is("message", "disposition-notification")
            || part.is("message", "global-disposition-notification")
    };
    let report = parts.iter().find(is_report)?.decoded(raw);
    let text = parts.first().and_then(|part| part.text_value(raw));
    let original = parts.iter().any(|part| part.is("message", "rfc822"));
    let subject = summary.envelope.subject.as_deref().map(value::text);
    let mut mdn = fields(&report)?;
    mdn.insert("subject".into(), subject.into());
    let text = text.map(|text| text.text.replace("\r\n", "\n"));
    mdn.insert("textBody".into(), text.into());
    mdn.insert("includeOriginalMessage".into(), original.into());
    Some(mdn)
}

/// The fields of a report. None without those that it has to have.
fn fields(report: &[u8]) -> Option<Map<String, Value>> {
    let mut mdn = Map::new();
    for name in [
        "reportingUA",
        "mdnGateway",
        "originalRecipient",
        "originalMessageId",
        "error",
        "extensionFields",
    ] {
        mdn.insert(name.into(), Value::Null);
    }
    let mut errors: Vec<Value> = Vec::new();
    let mut extensions = Map::new();
    for field in header::fields(report) {
        let text = value::text(field.value).trim().to_owned();
        let name = match String::from_utf8_lossy(field.name)
            .to_ascii_lowercase()
            .as_str()
        {
            "reporting-ua" => "reportingUA",
            "mdn-gateway" => "mdnGateway",
            "original-recipient" => "originalRecipient",
            "final-recipient" => "finalRecipient",
            "original-message-id" => "originalMessageId",
            "disposition" => {
                mdn.insert("disposition".into(), disposition(&text)?);
                continue;
            }
            "error" => {
                errors.push(text.into());
                continue;
            }
            _ => {
                let name = String::from_utf8_lossy(field.name).into_owned();
                extensions.insert(name, text.into());
                continue;
            }
        };
        mdn.insert(name.into(), text.into());
    }
    if !errors.is_empty() {
        mdn.insert("error".into(), errors.into());
    }
    if !extensions.is_empty() {
        mdn.insert("extensionFields".into(), extensions.into());
    }
    let whole = mdn.contains_key("disposition") && mdn.contains_key("finalRecipient");
    whole.then_some(mdn)
}

/// RFC 8098 §3.2.6; what modifies it is left out.
fn disposition(text: &str) -> Option<Value> {
    let (mode, kind) = text.split_once(';')?;
    let (action, sending) = mode.split_once('/')?;
    let kind = kind.split('/').next().unwrap_or_default();
    let read = Disposition::of(action.trim(), sending.trim(), kind.trim())?;
    Some(json!({ "actionMode": read.action, "sendingMode": read.sending, "type": read.kind }))
}
