//! Where a message that is created, imported or copied goes, and what is told of it then.

use serde_json::{Map, Value, json};

use super::Created;
use super::ask::{ChangeAnswer, ChangeAsk, Placing, Refusal, StoredEmail};
use super::labels;
use super::set::Outcome;
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::BlobId;
use crate::set_error::SetError;

/// The properties of where it goes, taken out of an object.
pub(super) fn take(
    object: &mut Map<String, Value>,
    created: &Created,
) -> Result<Placing, SetError> {
    let mailboxes = labels::mailboxes(object.remove("mailboxIds").as_ref(), created);
    let keywords = labels::keywords(object.remove("keywords").as_ref());
    let received = received(object.remove("receivedAt").as_ref());
    // RFC 8620 §5.3: all that are wrong are named.
    let errors = [
        mailboxes.as_ref().err(),
        keywords.as_ref().err(),
        received.as_ref().err(),
    ];
    if let Some(all) = together(errors.into_iter().flatten()) {
        return Err(all);
    }
    Ok(Placing {
        mailboxes: mailboxes?,
        keywords: keywords?,
        received: received?,
    })
}

/// Errors as one: all properties that are wrong, if nothing else is.
pub(super) fn together<'e>(errors: impl Iterator<Item = &'e SetError>) -> Option<SetError> {
    let mut found: Option<(Vec<String>, String)> = None;
    for error in errors {
        let SetError::InvalidProperties(names, text) = error else {
            return Some(error.clone());
        };
        match &mut found {
            None => found = Some((names.clone(), text.clone())),
            Some((all, _)) => {
                let new = names.iter().filter(|name| !all.contains(name));
                let new: Vec<String> = new.cloned().collect();
                all.extend(new);
            }
        }
    }
    found.map(|(names, text)| SetError::InvalidProperties(names, text))
}

/// RFC 8620 §1.4: a UTCDate.
fn received(value: Option<&Value>) -> Result<Option<i64>, SetError> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_str(),
    };
    let date = text.and_then(utc_date);
    let date = date.ok_or_else(|| SetError::property("receivedAt", "it is a date in UTC"));
    date.map(Some)
}

/// The moment of a UTCDate, in milliseconds of Unix time.
pub(super) fn utc_date(text: &str) -> Option<i64> {
    let date = text.strip_suffix('Z')?;
    let digits = date.contains('T') && !date.contains(['z', 't', ' ', '[', '+']);
    let parsed: jiff::Timestamp = digits.then(|| text.parse().ok()).flatten()?;
    Some(parsed.as_millisecond())
}

/// Has a message stored; what was created, or why not.
pub(super) async fn store(
    ask: ChangeAsk,
    refused: impl FnOnce(Refusal) -> SetError,
    outcome: &mut Outcome,
    context: &Context,
) -> Result<Result<Map<String, Value>, SetError>, MethodError> {
    if let Some(stuck) = outcome.stuck() {
        return Ok(stuck);
    }
    let stored = match context.ask(Ask::Change(ask)).await {
        Ok(Answer::Change(ChangeAnswer::Stored(stored))) => Ok(stored.map_err(refused)),
        Ok(_) => Err(mistaken()),
        Err(error) => Err(error),
    };
    let stored = outcome.step(stored)?;
    Ok(stored.map(|stored| {
        outcome.went(stored.before, stored.after);
        described(&stored)
    }))
}

/// RFC 8621 §4.6: what the response tells of an email that was created.
fn described(stored: &StoredEmail) -> Map<String, Value> {
    let object = json!({
        "id": stored.email.to_string(),
        "blobId": BlobId::Whole(stored.content).to_string(),
        "threadId": stored.thread.to_string(),
        "size": stored.size,
    });
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Books what became of one creation.
pub(super) fn book(
    name: &str,
    made: Result<Map<String, Value>, SetError>,
    outcome: &mut Outcome,
    created: &mut Created,
) {
    match made {
        Ok(object) => {
            if let Some(id) = object.get("id").and_then(Value::as_str) {
                created.insert(name.to_owned(), id.to_owned());
            }
            outcome.created.insert(name.to_owned(), object.into());
        }
        Err(error) => outcome.not_created(name, &error),
    }
}

/// The error of a refusal; `blob` is the property that names what a message is made of.
pub(super) fn refused(refusal: Refusal, blob: Option<&str>) -> SetError {
    match refusal {
        Refusal::NotFound => SetError::NotFound,
        Refusal::NoSuchMailbox => SetError::property("mailboxIds", "there is no such mailbox"),
        Refusal::Nowhere => SetError::property("mailboxIds", "an email is in one mailbox at least"),
        Refusal::TooManyKeywords => SetError::TooManyKeywords,
        Refusal::Keyword => SetError::property("keywords", "a keyword is too long"),
        Refusal::OverQuota(text) => SetError::OverQuota(text),
        Refusal::TooLarge(_) => SetError::TooLarge(None),
        Refusal::NoSuchBlobs(blobs) => match blob {
            Some(property) => SetError::property(property, "there is no such blob"),
            None => SetError::BlobNotFound(blobs.iter().map(ToString::to_string).collect()),
        },
        Refusal::NoMessage(text) => SetError::InvalidEmail(Vec::new(), text),
        // Of mailboxes, which have errors of their own.
        Refusal::NoParent
        | Refusal::NameTaken
        | Refusal::Name(_)
        | Refusal::RoleTaken
        | Refusal::TooMany
        | Refusal::Inbox
        | Refusal::HasChild
        | Refusal::HasEmail => SetError::Forbidden("this cannot be done".into()),
        Refusal::Busy => {
            SetError::RateLimit("the server has no memory for this now; try again later".into())
        }
    }
}
