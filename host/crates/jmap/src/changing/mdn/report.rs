//! A notification as a message (RFC 8098 §3): what people read, what programs read, and perhaps what it is about.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use waxwing_message::{AddressItem, header, value};

use super::super::ask::{Begun, Piece};
use super::super::compose::{Content, Part, Writer, folded, phrase, text, written_date};
use super::object::Mdn;
use crate::id::{BlobId, ContentId};
use crate::set_error::SetError;

/// What is said of the message that a notification is about.
#[derive(Debug, Default)]
pub(super) struct Original {
    /// With its angle brackets.
    pub(super) message_id: Option<String>,
    pub(super) references: Option<String>,
    pub(super) subject: String,
    /// RFC 8098 §2.3: whom it was sent to at first.
    pub(super) recipient: Option<String>,
    /// The addresses of To and Cc.
    pub(super) recipients: Vec<String>,
}

impl Original {
    /// From its header.
    pub(super) fn of(head: &[u8]) -> Self {
        let mut original = Self::default();
        for field in header::fields(head) {
            let plain = || {
                let text = String::from_utf8_lossy(&field.unfolded()).into_owned();
                let fine = text.is_ascii() && text.len() < 900 && !text.contains(char::is_control);
                (fine && !text.is_empty()).then_some(text)
            };
            if field.is("Message-ID") {
                original.message_id = plain();
            } else if field.is("References") {
                original.references = plain();
            } else if field.is("Subject") {
                original.subject = value::text(field.value);
            } else if field.is("Original-Recipient") {
                original.recipient = plain().filter(|text| text.contains(';'));
            } else if field.is("To") || field.is("Cc") {
                let items = value::addresses(field.value).into_iter();
                original
                    .recipients
                    .extend(items.filter_map(|item| match item {
                        AddressItem::Mailbox { local, domain, .. } if !domain.is_empty() => {
                            Some(format!("{local}@{domain}"))
                        }
                        _ => None,
                    }));
            }
        }
        original
    }
}

/// Who tells whom.
#[derive(Debug)]
pub(super) struct Report {
    /// Of who tells.
    pub(super) name: String,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    /// Who had got it.
    pub(super) recipient: String,
}

impl Report {
    /// The message. `number` tells it from others of the same call.
    pub(super) fn pieces(
        &self,
        mdn: &Mdn,
        original: &Original,
        begun: &Begun,
        number: usize,
    ) -> Result<Vec<Piece>, SetError> {
        let chance: String = begun.chance.iter().map(|it| format!("{it:02x}")).collect();
        let mark = format!("{chance}.{number}");
        let from = match self.name.is_empty() {
            true => self.from.clone(),
            false => format!("{} <{}>", phrase(&self.name), self.from),
        };
        let thread = [&original.references, &original.message_id];
        let thread: Vec<&str> = thread.into_iter().flatten().map(String::as_str).collect();
        let fields = [
            ("From", from),
            ("To", self.to.join(", ")),
            ("Subject", text(&self.subject(mdn, original))),
            ("Date", written_date(begun.now)),
            ("Message-ID", format!("<{mark}@{}>", begun.host)),
            (
                "In-Reply-To",
                original.message_id.clone().unwrap_or_default(),
            ),
            ("References", thread.join(" ")),
            // RFC 3834 §5: programs do not answer it.
            ("Auto-Submitted", "auto-replied".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
        ];
        let mut head = String::new();
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            head.push_str(&field(name, value)?);
        }
        Ok(Writer::new(mark, &head).finish(&self.body(mdn, original)?))
    }

    fn subject(&self, mdn: &Mdn, original: &Original) -> String {
        let made = || format!("Disposition notification: {}", original.subject);
        let subject = mdn.subject.clone().unwrap_or_else(made);
        subject.trim().to_owned()
    }

    fn body(&self, mdn: &Mdn, original: &Original) -> Result<Part, SetError> {
        let part = |kind: &str, content| Part {
            kind: kind.to_owned(),
            fields: String::new(),
            content,
        };
        let mut parts = vec![
            part("text/plain", Content::Text(self.text(mdn, original))),
            part(
                "message/disposition-notification",
                Content::Text(self.fields(mdn, original)?),
            ),
        ];
        if mdn.original {
            let blob = BlobId::Whole(ContentId(mdn.email.0));
            parts.push(part("message/rfc822", Content::Blob(blob)));
        }
        let kind = "multipart/report; report-type=disposition-notification";
        Ok(part(kind, Content::Parts(parts)))
    }

    /// RFC 8098 §3: what people read does not promise more than is known.
    fn text(&self, mdn: &Mdn, original: &Original) -> String {
        let made = || {
            format!(
                "The message \"{}\" to {} was {}.\nThis is no guarantee that it was read or understood.\n",
                original.subject, self.recipient, mdn.disposition.kind
            )
        };
        mdn.text.clone().unwrap_or_else(made)
    }

    /// RFC 8098 §3.1.
    fn fields(&self, mdn: &Mdn, original: &Original) -> Result<String, SetError> {
        let disposition = mdn.disposition;
        let fields = [
            ("Reporting-UA", mdn.user_agent.as_deref().map(text)),
            ("Original-Recipient", original.recipient.clone()),
            ("Final-Recipient", Some(typed(&self.recipient))),
            ("Original-Message-ID", original.message_id.clone()),
            (
                "Disposition",
                Some(format!(
                    "{}/{}; {}",
                    disposition.action, disposition.sending, disposition.kind
                )),
            ),
        ];
        let mut written = String::new();
        for (name, value) in fields {
            if let Some(value) = value {
                written.push_str(&field(name, &value)?);
            }
        }
        for (name, value) in &mdn.extensions {
            written.push_str(&field(name, &text(value))?);
        }
        Ok(written)
    }

    /// What the server says of it.
    pub(super) fn object(&self, mdn: &Mdn, original: &Original) -> Map<String, Value> {
        let object = json!({
            "subject": self.subject(mdn, original),
            "textBody": self.text(mdn, original),
            "includeOriginalMessage": false,
            "reportingUA": null,
            "mdnGateway": null,
            "originalRecipient": original.recipient,
            "finalRecipient": typed(&self.recipient),
            "originalMessageId": original.message_id,
            "error": null,
            "extensionFields": null,
        });
        match object {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

/// An address with its type (RFC 8098 §3.2.4; RFC 6533 §3 for one that is not ASCII, as utf-8-addr-xtext).
fn typed(address: &str) -> String {
    if address.is_ascii() {
        return format!("rfc822; {address}");
    }
    let mut written = String::from("utf-8; ");
    for c in address.chars() {
        match c.is_ascii_graphic() && !matches!(c, '\\' | '+' | '=') {
            true => written.push(c),
            false => {
                let _ = write!(written, "\\x{{{:X}}}", u32::from(c));
            }
        }
    }
    written
}

fn field(name: &str, value: &str) -> Result<String, SetError> {
    let field = folded(name, value);
    field.ok_or_else(|| SetError::Forbidden(format!("{name} has a word that is too long")))
}
