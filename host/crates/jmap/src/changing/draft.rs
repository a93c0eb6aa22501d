//! An Email object that a client gives, as the message that it is to be (RFC 8621 §4.6).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ask::{Begun, Piece};
use super::compose::{
    Content, Part, Property, Writer, convenient, folded, is_header, value_of, written_date,
};
use super::draft_body;
use crate::set_error::SetError;

/// A message that is to be.
#[derive(Debug)]
pub(super) struct Draft {
    /// Names and values of its header fields, in the order that they are written in.
    fields: Vec<(String, String)>,
    body: Part,
    /// The ids of the blobs that its parts are, as the client gave them; some may be of none.
    pub(super) blobs: Vec<String>,
}

/// The order of the fields that are written first.
const ORDER: [&str; 11] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
];

/// Properties that are wrong, and what is wrong with the first.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    properties: BTreeSet<String>,
    text: Option<String>,
}

impl Wrong {
    pub(super) fn add(&mut self, property: &str, text: &str) {
        self.properties.insert(property.to_owned());
        self.text.get_or_insert_with(|| text.to_owned());
    }

    fn error(self) -> Option<SetError> {
        let text = self.text?;
        let properties = self.properties.into_iter().collect();
        Some(SetError::InvalidProperties(properties, text))
    }
}

/// Fields of a message or a part, each given once.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) written: Vec<(String, String)>,
    /// Names in lower case.
    pub(super) names: BTreeSet<String>,
}

impl Fields {
    /// Takes a property. RFC 8621 §4.6: no two are the same field.
    pub(super) fn take(&mut self, property: &Property, value: &Value) -> Result<(), &'static str> {
        let values = value_of(property, value).ok_or("its value is not of its type")?;
        if values.is_empty() {
            return Ok(());
        }
        if !self.names.insert(property.field.to_ascii_lowercase()) {
            return Err("another property is the same header field");
        }
        for value in values {
            if folded(&property.field, &value).is_none() {
                return Err("a word of it is longer than a line can be");
            }
            self.written.push((property.field.clone(), value));
        }
        Ok(())
    }
}

/// Reads an object, of which `mailboxIds`, `keywords` and `receivedAt` were taken before.
pub(super) fn read(mut object: Map<String, Value>) -> Result<Draft, SetError> {
    let mut wrong = Wrong::default();
    let mut fields = Fields::default();
    let body_properties = draft_body::take(&mut object);
    for (name, value) in &object {
        if let Err(text) = field(name, value, &mut fields) {
            wrong.add(name, text);
        }
    }
    let (body, blobs) = draft_body::read(&body_properties, &fields.names, &mut wrong);
    if let Some(error) = wrong.error() {
        return Err(error);
    }
    let place = |name: &str| {
        let known = ORDER
            .iter()
            .position(|known| name.eq_ignore_ascii_case(known));
        known.unwrap_or(ORDER.len())
    };
    // Fields of one name stay in their order.
    fields.written.sort_by_key(|(name, _)| place(name));
    Ok(Draft {
        fields: fields.written,
        body,
        blobs,
    })
}

fn field(name: &str, value: &Value, fields: &mut Fields) -> Result<(), &'static str> {
    let property = match convenient(name) {
        Some(property) => property,
        None if is_header(name) => {
            let parsed = Property::parse(name);
            parsed.ok_or("a header field cannot be given like this")?
        }
        None => return Err("an email that is created has no such property"),
    };
    let lower = property.field.to_ascii_lowercase();
    if lower.starts_with("content-") {
        return Err("a field of the content is a property of its part");
    }
    if lower == "mime-version" {
        return Err("it is the server's to say");
    }
    fields.take(&property, value)
}

impl Draft {
    /// The message. `number` tells it from others of the same call.
    pub(super) fn pieces(&self, begun: &Begun, number: usize) -> Result<Vec<Piece>, SetError> {
        let chance: String = begun.chance.iter().map(|it| format!("{it:02x}")).collect();
        let mark = format!("{chance}.{number}");
        let mut head = String::new();
        let mut put = |name: &str, value: &str| {
            let field = folded(name, value);
            let field = field.ok_or_else(|| SetError::property(name, "a word is too long"))?;
            head.push_str(&field);
            Ok::<_, SetError>(())
        };
        for (name, value) in &self.fields {
            put(name, value)?;
        }
        let has = |wanted: &str| {
            let mut names = self.fields.iter().map(|(name, _)| name);
            names.any(|name| name.eq_ignore_ascii_case(wanted)) || self.body.has_field(wanted)
        };
        // RFC 8621 §4.6: both are added where they are missing.
        if !has("Date") {
            put("Date", &written_date(begun.now))?;
        }
        if !has("Message-ID") {
            put("Message-ID", &format!("<{mark}@{}>", begun.host))?;
        }
        put("MIME-Version", "1.0")?;
        Ok(Writer::new(mark, &head).finish(&self.body))
    }
}

/// A part that holds others.
pub(super) fn multipart(kind: &str, parts: Vec<Part>) -> Part {
    Part {
        kind: kind.to_owned(),
        fields: String::new(),
        content: Content::Parts(parts),
    }
}
