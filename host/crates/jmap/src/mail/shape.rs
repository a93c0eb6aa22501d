//! What of an email is wanted (RFC 8621 §4.1, §4.2): the properties of `Email/get` and `Email/parse`.

use std::collections::HashSet;

use serde::Deserialize;

use super::header::HeaderProperty;
use crate::error::MethodError;
use crate::standard::unknown_property;

/// Properties that one call may ask for, of emails and of their parts: each header field is looked for by itself.
const MAX_PROPERTIES: usize = 128;

/// A property of an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Property {
    Id,
    BlobId,
    ThreadId,
    MailboxIds,
    Keywords,
    Size,
    ReceivedAt,
    MessageId,
    InReplyTo,
    References,
    Sender,
    From,
    To,
    Cc,
    Bcc,
    ReplyTo,
    Subject,
    SentAt,
    HasAttachment,
    Preview,
    Headers,
    Header(HeaderProperty),
    BodyStructure,
    BodyValues,
    TextBody,
    HtmlBody,
    Attachments,
}

/// In the order of RFC 8621 §4.2's defaults, which are all but the last two.
const PROPERTIES: [(&str, Property); 26] = [
    ("id", Property::Id),
    ("blobId", Property::BlobId),
    ("threadId", Property::ThreadId),
    ("mailboxIds", Property::MailboxIds),
    ("keywords", Property::Keywords),
    ("size", Property::Size),
    ("receivedAt", Property::ReceivedAt),
    ("messageId", Property::MessageId),
    ("inReplyTo", Property::InReplyTo),
    ("references", Property::References),
    ("sender", Property::Sender),
    ("from", Property::From),
    ("to", Property::To),
    ("cc", Property::Cc),
    ("bcc", Property::Bcc),
    ("replyTo", Property::ReplyTo),
    ("subject", Property::Subject),
    ("sentAt", Property::SentAt),
    ("hasAttachment", Property::HasAttachment),
    ("preview", Property::Preview),
    ("bodyValues", Property::BodyValues),
    ("textBody", Property::TextBody),
    ("htmlBody", Property::HtmlBody),
    ("attachments", Property::Attachments),
    ("bodyStructure", Property::BodyStructure),
    ("headers", Property::Headers),
];
/// How many of them there are by default.
const DEFAULT: usize = 24;
/// How many of the first ones say where a message is, and have no default where one is only parsed (RFC 8621 §4.9).
const METADATA: usize = 7;

impl Property {
    /// Whether the list of emails tells it.
    const fn is_known(&self) -> bool {
        matches!(
            self,
            Self::Id
                | Self::BlobId
                | Self::ThreadId
                | Self::MailboxIds
                | Self::Keywords
                | Self::Size
                | Self::ReceivedAt
        )
    }

    /// Whether it has to be looked for in the header.
    const fn is_of_header(&self) -> bool {
        matches!(self, Self::Headers | Self::Header(_))
    }

    /// Whether it has parts in it.
    const fn is_of_body(&self) -> bool {
        matches!(
            self,
            Self::BodyStructure | Self::TextBody | Self::HtmlBody | Self::Attachments
        )
    }
}

/// A property of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartProperty {
    PartId,
    BlobId,
    Size,
    Name,
    Type,
    Charset,
    Disposition,
    Cid,
    Language,
    Location,
    SubParts,
    Headers,
    Header(HeaderProperty),
}

/// In the order of RFC 8621 §4.2's defaults, which are all but the last two.
const PART_PROPERTIES: [(&str, PartProperty); 12] = [
    ("partId", PartProperty::PartId),
    ("blobId", PartProperty::BlobId),
    ("size", PartProperty::Size),
    ("name", PartProperty::Name),
    ("type", PartProperty::Type),
    ("charset", PartProperty::Charset),
    ("disposition", PartProperty::Disposition),
    ("cid", PartProperty::Cid),
    ("language", PartProperty::Language),
    ("location", PartProperty::Location),
    ("subParts", PartProperty::SubParts),
    ("headers", PartProperty::Headers),
];
const PART_DEFAULT: usize = 10;

/// The arguments that `Email/get` and `Email/parse` share.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wishes {
    properties: Option<Vec<String>>,
    body_properties: Option<Vec<String>>,
    fetch_text_body_values: bool,
    #[serde(rename = "fetchHTMLBodyValues")]
    fetch_html_body_values: bool,
    fetch_all_body_values: bool,
    max_body_value_bytes: u64,
}

/// What of each email is wanted.
#[derive(Debug)]
pub(super) struct Shape {
    /// By the names that the client gave.
    pub(super) properties: Vec<(String, Property)>,
    pub(super) parts: Vec<(String, PartProperty)>,
    /// Parts that have others tell them although nobody said which properties are wanted: a `bodyStructure` would be nothing without.
    pub(super) sub_parts: bool,
    pub(super) text_values: bool,
    pub(super) html_values: bool,
    pub(super) all_values: bool,
    pub(super) most: u64,
}

impl Shape {
    /// Of `Email/get`.
    ///
    /// # Errors
    /// `invalidArguments`.
    pub(super) fn of_get(wishes: Wishes) -> Result<Self, MethodError> {
        let mut shape = Self::read(wishes, 0)?;
        let id = ("id".to_owned(), Property::Id);
        if !shape.properties.contains(&id) {
            shape.properties.push(id);
        }
        Ok(shape)
    }

    /// Of `Email/parse`.
    ///
    /// # Errors
    /// `invalidArguments`.
    pub(super) fn of_parse(wishes: Wishes) -> Result<Self, MethodError> {
        Self::read(wishes, METADATA)
    }

    fn read(wishes: Wishes, first: usize) -> Result<Self, MethodError> {
        let properties = names(
            wishes.properties,
            &PROPERTIES,
            first..DEFAULT,
            Property::Header,
        )?;
        let sub_parts = wishes.body_properties.is_none();
        let parts = names(
            wishes.body_properties,
            &PART_PROPERTIES,
            0..PART_DEFAULT,
            PartProperty::Header,
        )?;
        Ok(Self {
            properties,
            parts,
            sub_parts,
            text_values: wishes.fetch_text_body_values,
            html_values: wishes.fetch_html_body_values,
            all_values: wishes.fetch_all_body_values,
            most: wishes.max_body_value_bytes,
        })
    }

    /// Whether what is kept of messages has to be looked at.
    pub(super) fn needs_summary(&self) -> bool {
        let mut properties = self.properties.iter();
        properties.any(|(_, property)| !property.is_known())
    }

    /// Whether the header has to be looked at.
    pub(super) fn needs_header(&self) -> bool {
        let mut properties = self.properties.iter();
        properties.any(|(_, property)| property.is_of_header())
    }

    /// Whether the values of parts are wanted.
    pub(super) fn needs_values(&self) -> bool {
        let wanted = self.text_values || self.html_values || self.all_values;
        let mut properties = self.properties.iter();
        wanted && properties.any(|(_, property)| *property == Property::BodyValues)
    }

    /// Whether parts are wanted, and of them what only their octets tell.
    pub(super) fn needs_octets(&self) -> bool {
        self.has_parts()
            && self.parts.iter().any(|(_, property)| {
                matches!(property, PartProperty::Headers | PartProperty::Header(_))
            })
    }

    /// Whether parts are wanted, and of them how large each is.
    pub(super) fn needs_sizes(&self) -> bool {
        let mut parts = self.parts.iter();
        self.has_parts() && parts.any(|(_, property)| *property == PartProperty::Size)
    }

    fn has_parts(&self) -> bool {
        let mut properties = self.properties.iter();
        properties.any(|(_, property)| property.is_of_body())
    }
}

/// The properties of these names, each once, or the default ones.
fn names<P: Clone>(
    wanted: Option<Vec<String>>,
    known: &[(&'static str, P)],
    default: std::ops::Range<usize>,
    header: impl Fn(HeaderProperty) -> P,
) -> Result<Vec<(String, P)>, MethodError> {
    let Some(wanted) = wanted else {
        let default = known.get(default).unwrap_or_default().iter();
        return Ok(default
            .map(|(name, property)| ((*name).to_owned(), property.clone()))
            .collect());
    };
    if wanted.len() > MAX_PROPERTIES {
        return Err(MethodError::InvalidArguments(format!(
            "there are more than {MAX_PROPERTIES} properties"
        )));
    }
    let mut seen = HashSet::new();
    let mut properties = Vec::with_capacity(wanted.len());
    for name in wanted {
        if !seen.insert(name.clone()) {
            continue;
        }
        let property = match name.strip_prefix("header:") {
            Some(rest) => HeaderProperty::parse(rest).map(&header),
            None => known
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, property)| property.clone()),
        };
        let property = property.ok_or_else(|| unknown_property(&name))?;
        properties.push((name, property));
    }
    Ok(properties)
}
