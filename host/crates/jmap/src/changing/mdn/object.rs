//! An MDN object that a client gives (RFC 9007 §2).

use serde_json::{Map, Value};

use super::super::Created;
use super::super::compose::clean;
use super::super::identity::is_address;
use super::super::set::resolved;
use crate::id::EmailId;
use crate::set_error::SetError;

/// Longest text of a field, and of what people read, in octets.
const MAX_FIELD: usize = 900;
const MAX_TEXT: usize = 64 * 1024;
/// Fields of a report that the RFCs do not have.
const MAX_EXTENSIONS: usize = 20;

/// A notification that is to be.
#[derive(Debug)]
pub(super) struct Mdn {
    pub(super) email: EmailId,
    pub(super) subject: Option<String>,
    pub(super) text: Option<String>,
    /// Whether the message comes with it.
    pub(super) original: bool,
    pub(super) user_agent: Option<String>,
    pub(super) disposition: Disposition,
    /// An address of the account.
    pub(super) final_recipient: Option<String>,
    pub(super) extensions: Vec<(String, String)>,
}

/// What was done with a message, and by whom (RFC 8098 §3.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) action: &'static str,
    pub(super) sending: &'static str,
    pub(super) kind: &'static str,
}

const ACTIONS: [&str; 2] = ["manual-action", "automatic-action"];
const SENDINGS: [&str; 2] = ["mdn-sent-manually", "mdn-sent-automatically"];
const KINDS: [&str; 4] = ["deleted", "dispatched", "displayed", "processed"];

impl Disposition {
    /// Of three words, in any case.
    pub(super) fn of(action: &str, sending: &str, kind: &str) -> Option<Self> {
        fn one(known: &[&'static str], word: &str) -> Option<&'static str> {
            let mut known = known.iter().copied();
            known.find(|known| known.eq_ignore_ascii_case(word))
        }
        Some(Self {
            action: one(&ACTIONS, action)?,
            sending: one(&SENDINGS, sending)?,
            kind: one(&KINDS, kind)?,
        })
    }

    fn read(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        let word = |name: &str| members.get(name)?.as_str();
        let read = Self::of(word("actionMode")?, word("sendingMode")?, word("type")?);
        read.filter(|_| members.len() == 3)
    }

    /// Whether nobody looked at it before it was sent.
    pub(super) fn is_automatic(self) -> bool {
        self.sending == "mdn-sent-automatically"
    }
}

/// Reads an object.
pub(super) fn read(given: &Map<String, Value>, created: &Created) -> Result<Mdn, SetError> {
    let mut wrong: Vec<String> = Vec::new();
    let (mut email, mut disposition) = (None, None);
    let (mut subject, mut text, mut user_agent, mut final_recipient) = (None, None, None, None);
    let (mut original, mut extensions) = (false, Vec::new());
    for (name, value) in given {
        let line = |most: usize| match value {
            Value::Null => Some(None),
            value => {
                let text = value.as_str().filter(|text| text.len() <= most);
                text.and_then(clean).map(|text| Some(text.to_owned()))
            }
        };
        let read = match name.as_str() {
            "forEmailId" => value.as_str().map(|id| email = Some(id)),
            "subject" => line(MAX_FIELD).map(|it| subject = it),
            "textBody" => body(value).map(|it| text = it),
            "includeOriginalMessage" => match value {
                Value::Null => Some(()),
                value => value.as_bool().map(|it| original = it),
            },
            "reportingUA" => line(MAX_FIELD).map(|it| user_agent = it),
            "disposition" => Disposition::read(value).map(|it| disposition = Some(it)),
            "finalRecipient" => match value {
                Value::Null => Some(()),
                value => value
                    .as_str()
                    .and_then(address)
                    .map(|it| final_recipient = Some(it)),
            },
            "extensionFields" => fields(value).map(|it| extensions = it),
            // What the server says may be said to be nothing.
            "mdnGateway" | "originalRecipient" | "originalMessageId" | "error" => {
                value.is_null().then_some(())
            }
            _ => None,
        };
        if read.is_none() {
            wrong.push(name.clone());
        }
    }
    let missing = [
        ("forEmailId", email.is_none()),
        ("disposition", disposition.is_none()),
    ];
    for (name, missing) in missing {
        if missing && !wrong.iter().any(|it| it == name) {
            wrong.push(name.to_owned());
        }
    }
    match (email, disposition) {
        (Some(id), Some(disposition)) if wrong.is_empty() => Ok(Mdn {
            email: resolved(id, created)
                .and_then(EmailId::parse)
                .ok_or(SetError::NotFound)?,
            subject,
            text,
            original,
            user_agent,
            disposition,
            final_recipient,
            extensions,
        }),
        _ => {
            let why = "a property is missing, not of its type, or the server's to say";
            Err(SetError::InvalidProperties(wrong, why.into()))
        }
    }
}

/// What people read.
fn body(value: &Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        value => {
            let text = value.as_str().filter(|text| text.len() <= MAX_TEXT)?;
            let bad = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
            (!text.contains(bad)).then(|| Some(text.to_owned()))
        }
    }
}

/// An address, with or without its type (RFC 8098 §3.2.4).
pub(super) fn address(text: &str) -> Option<String> {
    let address = match text.split_once(';') {
        Some((kind, address)) => {
            let kind = kind.trim();
            let known = ["rfc822", "utf-8"].into_iter();
            known
                .clone()
                .any(|known| known.eq_ignore_ascii_case(kind))
                .then_some(address)?
        }
        None => text,
    };
    let address = address.trim();
    is_address(address).then(|| address.to_owned())
}

/// Fields that the RFCs do not have (RFC 8098 §3.3: their names begin with X-).
fn fields(value: &Value) -> Option<Vec<(String, String)>> {
    let members = match value {
        Value::Null => return Some(Vec::new()),
        value => value.as_object()?,
    };
    let token = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    let field = |(name, value): (&String, &Value)| {
        let extension = name
            .get(..2)
            .is_some_and(|it| it.eq_ignore_ascii_case("X-"));
        let named = extension && (3..=76).contains(&name.len()) && name.bytes().all(token);
        let value = value.as_str().filter(|it| it.len() <= MAX_FIELD)?;
        named.then_some((name.clone(), clean(value)?.to_owned()))
    };
    let fields: Option<Vec<_>> = members.iter().map(field).collect();
    fields.filter(|fields| fields.len() <= MAX_EXTENSIONS)
}
