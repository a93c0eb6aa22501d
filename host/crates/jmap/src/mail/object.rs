//! An email as JSON (RFC 8621 §4.1).

use serde_json::{Map, Value, json};
use waxwing_message::{AddressItem, Decoded, Part, Summary, value};

use super::body::{Flat, Node, charset};
use super::body_value::body_value;
use super::date;
use super::emails::{Email, Emails};
use super::form::message_ids;
use super::header::{headers, mailboxes, sent};
use super::shape::{PartProperty, Property, Shape};
use crate::error::MethodError;
use crate::id::{BlobId, ContentId, Encoding, ThreadId};
use crate::json::weight;
use crate::room::Room;

/// What is known of an email.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    /// As the account has it; none of one that is only parsed.
    pub(super) email: Option<(&'k Email, &'k Emails)>,
    pub(super) blob: BlobId,
    /// The content that its octets are a stretch of and where they begin there, if they are there as they are.
    pub(super) within: Option<(ContentId, u64)>,
    /// Octets of the message.
    pub(super) size: u64,
    pub(super) summary: Option<&'k Summary>,
    /// The message, or as much of it as is needed.
    pub(super) raw: &'k [u8],
}

/// The email with what is wanted of it.
///
/// # Errors
/// `requestTooLarge` for more than a response may hold.
pub(super) fn object(
    known: Known<'_>,
    shape: &Shape,
    room: &Room,
) -> Result<Map<String, Value>, MethodError> {
    let root = known.summary.map(|summary| Node::of(&summary.root));
    let flat = root.as_ref().map(Flat::of).unwrap_or_default();
    let writer = Writer {
        known,
        shape,
        room,
        root: root.as_ref(),
        flat,
    };
    let mut object = Map::new();
    for (name, property) in &shape.properties {
        let value = writer.property(property)?;
        room.take(name.len() + weight(&value))?;
        object.insert(name.clone(), value);
    }
    Ok(object)
}

struct Writer<'w> {
    known: Known<'w>,
    shape: &'w Shape,
    room: &'w Room,
    root: Option<&'w Node<'w>>,
    flat: Flat<'w>,
}

impl Writer<'_> {
    fn property(&self, property: &Property) -> Result<Value, MethodError> {
        Ok(match property {
            Property::BlobId => self.known.blob.to_string().into(),
            Property::Size => self.known.size.into(),
            Property::ThreadId => self.thread(),
            Property::Id | Property::MailboxIds | Property::Keywords | Property::ReceivedAt => {
                self.metadata(property)
            }
            Property::Headers => headers(self.header()),
            Property::Header(property) => property.of(self.header()),
            Property::BodyStructure => match self.root {
                Some(root) => self.part(root)?,
                None => Value::Null,
            },
            Property::BodyValues => self.values()?,
            Property::TextBody => self.parts(&self.flat.text)?,
            Property::HtmlBody => self.parts(&self.flat.html)?,
            Property::Attachments => self.parts(&self.flat.attachments)?,
            Property::HasAttachment => self.flat.has_attachment().into(),
            other => self
                .known
                .summary
                .map_or(Value::Null, |summary| of_summary(other, summary)),
        })
    }

    /// RFC 8621 §4.9: of a message that is only parsed there is none of this.
    fn metadata(&self, property: &Property) -> Value {
        let Some((email, emails)) = self.known.email else {
            return Value::Null;
        };
        let set = |names: &mut dyn Iterator<Item = String>| -> Value {
            let members: Map<String, Value> = names.map(|name| (name, true.into())).collect();
            members.into()
        };
        match property {
            Property::Id => email.id.to_string().into(),
            Property::MailboxIds => set(&mut email.mailboxes().map(|id| id.to_string())),
            Property::Keywords => {
                let keywords = emails.keywords(email).iter();
                set(&mut keywords.map(ToString::to_string))
            }
            _ => date::utc(email.received).into(),
        }
    }

    fn thread(&self) -> Value {
        let of_email = self.known.email.map(|(email, _)| email.thread);
        let told = || {
            let thread = self.known.summary?.thread();
            Some(ThreadId(thread.unsigned_abs()))
        };
        of_email
            .or_else(told)
            .map_or(Value::Null, |thread| thread.to_string().into())
    }

    fn header(&self) -> &[u8] {
        let root = self.known.summary.map(|summary| &summary.root);
        root.map_or(&[], |root| root.header.of(self.known.raw))
    }

    fn parts(&self, nodes: &[&Node<'_>]) -> Result<Value, MethodError> {
        nodes.iter().map(|node| self.part(node)).collect()
    }

    fn part(&self, node: &Node<'_>) -> Result<Value, MethodError> {
        let mut object = Map::new();
        for (name, property) in &self.shape.parts {
            let value = match property {
                PartProperty::SubParts if node.id.is_some() => Value::Null,
                PartProperty::SubParts => self.sub_parts(node)?,
                property => self.part_property(node, property),
            };
            // What is inside was counted where it was made.
            if *property != PartProperty::SubParts {
                self.room.take(name.len() + weight(&value))?;
            }
            object.insert(name.clone(), value);
        }
        if self.shape.sub_parts && node.id.is_none() {
            object.insert("subParts".into(), self.sub_parts(node)?);
        }
        Ok(object.into())
    }

    fn sub_parts(&self, node: &Node<'_>) -> Result<Value, MethodError> {
        node.children.iter().map(|child| self.part(child)).collect()
    }

    fn part_property(&self, node: &Node<'_>, property: &PartProperty) -> Value {
        let part = node.part;
        let text = |octets: &[u8]| match octets {
            [] => Value::Null,
            octets => value::text(octets).into(),
        };
        match property {
            PartProperty::PartId => node.id.clone().into(),
            PartProperty::BlobId => self.blob(node).into(),
            PartProperty::Size => self.size(part).into(),
            PartProperty::Name => node.name().into(),
            PartProperty::Type => node.media_type().into(),
            PartProperty::Charset => charset(node).into(),
            PartProperty::Disposition => match part.disposition.as_str() {
                "" => Value::Null,
                disposition => disposition.to_ascii_lowercase().into(),
            },
            PartProperty::Cid => cid(&part.id).into(),
            PartProperty::Language => match part.languages.as_slice() {
                [] => Value::Null,
                languages => json!(languages),
            },
            PartProperty::Location => text(&part.location),
            PartProperty::SubParts => Value::Null,
            PartProperty::Headers => headers(part.header.of(self.known.raw)),
            PartProperty::Header(property) => property.of(part.header.of(self.known.raw)),
        }
    }

    /// Deviation from RFC 8621 §4.1.4: null of the parts of a message that is itself written in another way than it is (which RFC 2046 §5.2.1
    /// forbids): where they are cannot be said.
    fn blob(&self, node: &Node<'_>) -> Option<String> {
        let (content, from) = self.known.within?;
        node.id.as_ref()?;
        let encoding = match node.part.encoding.to_ascii_lowercase().as_str() {
            "base64" => Encoding::Base64,
            "quoted-printable" => Encoding::QuotedPrintable,
            _ => Encoding::Identity,
        };
        let body = node.part.body;
        let blob = BlobId::Part {
            content,
            start: from + u64::from(body.start),
            end: from + u64::from(body.end),
            encoding,
        };
        Some(blob.to_string())
    }

    fn size(&self, part: &Part) -> usize {
        if part.is_transfer_encoded() {
            return part.decoded(self.known.raw).len();
        }
        part.body.len() as usize
    }

    /// The values of the parts that are asked for (RFC 8621 §4.2), each once.
    fn values(&self) -> Result<Value, MethodError> {
        let (shape, flat) = (self.shape, &self.flat);
        let all = self.root.filter(|_| shape.all_values).map(Node::leaves);
        let all = all.unwrap_or_default();
        let lists = [
            (shape.text_values, &flat.text),
            (shape.html_values, &flat.html),
            (shape.all_values, &all),
        ];
        let mut values = Map::new();
        let wanted = lists.iter().filter(|(wanted, _)| *wanted);
        for node in wanted.flat_map(|(_, list)| list.iter()) {
            let Some(id) = node.id.as_ref().filter(|id| !values.contains_key(*id)) else {
                continue;
            };
            if let Some(value) = body_value(node.part, self.known.raw, shape.most) {
                self.room.take(weight(&value))?;
                values.insert(id.clone(), value);
            }
        }
        Ok(values.into())
    }
}

/// What is kept of a message.
fn of_summary(property: &Property, summary: &Summary) -> Value {
    let envelope = &summary.envelope;
    let addresses = |items: &[AddressItem]| match items {
        [] => Value::Null,
        items => mailboxes(items).into(),
    };
    let ids = |octets: Option<&Vec<u8>>| octets.and_then(|octets| message_ids(octets)).into();
    match property {
        Property::MessageId => ids(envelope.message_id.as_ref()),
        Property::InReplyTo => ids(envelope.in_reply_to.as_ref()),
        Property::References => ids(Some(&summary.references)),
        Property::Sender => addresses(&envelope.sender),
        Property::From => addresses(&envelope.from),
        Property::To => addresses(&envelope.to),
        Property::Cc => addresses(&envelope.cc),
        Property::Bcc => addresses(&envelope.bcc),
        Property::ReplyTo => addresses(&envelope.reply_to),
        Property::Subject => {
            let subject = envelope.subject.as_deref().map(Decoded::field);
            subject.map(|subject| value::readable(&subject)).into()
        }
        Property::SentAt => envelope.sent.map_or(Value::Null, sent),
        Property::Preview => summary.preview.as_str().into(),
        _ => Value::Null,
    }
}

/// RFC 8621 §4.1.4: a Content-ID without angle brackets and comments.
fn cid(octets: &[u8]) -> Option<String> {
    let ids = message_ids(octets).and_then(|ids| ids.into_iter().next());
    ids.or_else(|| {
        let text = String::from_utf8_lossy(octets);
        let bare = text.trim().trim_matches(['<', '>']);
        (!bare.is_empty()).then(|| bare.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::shape::Wishes;

    fn shape(wishes: Value) -> Shape {
        let wishes: Wishes = serde_json::from_value(wishes).unwrap();
        Shape::of_parse(wishes).unwrap()
    }

    fn known<'k>(raw: &'k [u8], summary: &'k Summary) -> Known<'k> {
        let content = ContentId(7);
        Known {
            email: None,
            blob: BlobId::Whole(content),
            within: Some((content, 0)),
            size: raw.len() as u64,
            summary: Some(summary),
            raw,
        }
    }

    #[test]
    fn a_response_holds_no_more_than_there_is_room_for() {
        let raw = format!("X: {}\r\n\r\nbody\r\n", "x".repeat(1000));
        let summary = Summary::read(raw.as_bytes());
        let spellings: Vec<String> = (0..8)
            .map(|nth| format!("header:X{}", ":asText".repeat(nth % 2)))
            .chain(["header:x".to_owned(), "header:x:all".to_owned()])
            .collect();
        let shape = shape(json!({ "properties": spellings }));
        let known = known(raw.as_bytes(), &summary);
        assert!(object(known, &shape, &Room::default()).is_ok());
        assert_eq!(
            object(known, &shape, &Room::of(3000)),
            Err(MethodError::RequestTooLarge)
        );
    }

    /// Octets that look like mail here and there.
    fn octets() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop::sample::select(vec![
            "\r\n",
            "--b\r\n",
            "--b--\r\n",
            "Content-Type: multipart/alternative; boundary=b\r\n",
            "Content-Type: text/html; charset=utf-7\r\n",
            "Content-Type: message/rfc822\r\n",
            "Content-Transfer-Encoding: base64\r\n",
            "Content-Disposition: inline; filename*=x''%ff\r\n",
            "Content-ID: <\r\n",
            "Subject: =?utf-8?q?=ff?=\r\n",
            "From: a, <b@c> (d\r\n",
            "References: <a@b> (\r\n",
            "<a href='",
            "\u{fc}",
            "\0",
            "=",
            "QUJD",
        ]);
        let piece = prop_oneof![
            4 => pieces.prop_map(|piece| piece.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..9),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_octets_are_an_email(raw in octets(), most in 0u64..40) {
            let summary = Summary::read(&raw);
            let shape = shape(json!({
                "properties": ["threadId", "headers", "from", "subject", "references", "bodyStructure", "textBody", "htmlBody", "attachments", "bodyValues",
                    "hasAttachment", "header:From:asGroupedAddresses:all", "header:Subject:asText", "header:References:asMessageIds"],
                "bodyProperties": ["partId", "blobId", "size", "name", "cid", "language", "location", "headers", "subParts", "header:Content-Type:asText"],
                "fetchAllBodyValues": true, "maxBodyValueBytes": most,
            }));
            let object = object(known(&raw, &summary), &shape, &Room::default()).unwrap();
            let values = object["bodyValues"].as_object().unwrap();
            for value in values.values() {
                let text = value["value"].as_str().unwrap();
                prop_assert!(most == 0 || text.len() as u64 <= most);
            }
            // RFC 8621 §4.1.4: each part that is no multipart is shown or offered.
            let lists = ["textBody", "htmlBody", "attachments"].map(|name| object[name].as_array().unwrap().clone());
            let listed: std::collections::BTreeSet<String> = lists.iter().flatten().map(|part| part["partId"].as_str().unwrap().to_owned()).collect();
            let tree = Node::of(&summary.root);
            let leaves: std::collections::BTreeSet<String> = tree.leaves().into_iter().filter_map(|leaf| leaf.id.clone()).collect();
            prop_assert_eq!(listed, leaves);
        }
    }
}
