//! What is kept of a message beside its octets.
//!
//! Strings that IMAP passes on as they are in the header (subject, message-ids) are octets, unfolded, without NUL, CR and LF; what
//! mail-parser decodes (names, parameters) is UTF-8.

/// A range of the message's octets: `start..end`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// First octet.
    pub start: u32,
    /// One past the last octet.
    pub end: u32,
}

impl Span {
    /// Number of octets.
    #[must_use]
    pub fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The octets of `raw` that it names; empty where `raw` is shorter.
    #[must_use]
    pub fn of(self, raw: &[u8]) -> &[u8] {
        raw.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// All that is known of a message without looking at it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Octets of the whole message.
    pub size: u32,
    /// The fields of RFC 3501's ENVELOPE.
    pub envelope: Envelope,
    /// The References field, unfolded, for threading.
    pub references: Vec<u8>,
    /// The tree of parts.
    pub root: Part,
    /// The first words of the text, decoded, white space collapsed, at most 200 characters (RFC 8970).
    pub preview: String,
}

/// When the Date field says the message was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Seconds since 1970, UTC.
    pub timestamp: i64,
    /// Minutes east of UTC that the field states.
    pub offset: i16,
}

impl Sent {
    /// Days since 1970 of the date as it is written in the field (RFC 3501 §6.4.4 disregards time and zone).
    #[must_use]
    pub fn day(self) -> i64 {
        self.timestamp
            .saturating_add(i64::from(self.offset) * 60)
            .div_euclid(86_400)
    }
}

/// The header fields of an ENVELOPE (RFC 3501 §7.4.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Date as written; may be there without a value, as the others.
    pub date: Option<Vec<u8>>,
    /// Date understood.
    pub sent: Option<Sent>,
    /// Subject, with its encoded words.
    pub subject: Option<Vec<u8>>,
    /// From.
    pub from: Vec<AddressItem>,
    /// Sender; empty when absent (IMAP then shows From).
    pub sender: Vec<AddressItem>,
    /// Reply-To; empty when absent (IMAP then shows From).
    pub reply_to: Vec<AddressItem>,
    /// To.
    pub to: Vec<AddressItem>,
    /// Cc.
    pub cc: Vec<AddressItem>,
    /// Bcc.
    pub bcc: Vec<AddressItem>,
    /// In-Reply-To.
    pub in_reply_to: Option<Vec<u8>>,
    /// Message-ID with its angle brackets.
    pub message_id: Option<Vec<u8>>,
}

/// An element of an address list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressItem {
    /// A mailbox.
    Mailbox {
        /// Display name, decoded; may be empty. One that cannot be decoded is an encoded word; see [`Decoded::name`](crate::Decoded::name).
        name: String,
        /// The source route (RFC 5322 §4.4), `@one,@two`; nearly always empty.
        route: String,
        /// What stands before the last `@`.
        local: String,
        /// What stands behind it; empty if there is none.
        domain: String,
    },
    /// A group begins; its members follow. Its name is as that of a mailbox.
    GroupStart(String),
    /// The group ends.
    GroupEnd,
}

/// A MIME parameter, decoded (RFC 2231, RFC 2047); the name is lower-case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A part of a message: the message itself, a part of a multipart, or what a message/rfc822 holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The header with the empty line that ends it.
    pub header: Span,
    /// The body, still in its transfer encoding.
    pub body: Span,
    /// Line ends in the body.
    pub lines: u32,
    /// Media type as written, e.g. `text`.
    pub media_type: String,
    /// Media subtype as written, e.g. `plain`.
    pub media_subtype: String,
    /// Parameters of Content-Type.
    pub params: Vec<Param>,
    /// Content-ID with its angle brackets.
    pub id: Vec<u8>,
    /// Content-Description.
    pub description: Vec<u8>,
    /// Content-Transfer-Encoding as written; empty when absent (7BIT).
    pub encoding: String,
    /// Content-MD5.
    pub md5: Vec<u8>,
    /// Content-Disposition; empty when absent.
    pub disposition: String,
    /// Parameters of Content-Disposition.
    pub disposition_params: Vec<Param>,
    /// Content-Language.
    pub languages: Vec<String>,
    /// Content-Location.
    pub location: Vec<u8>,
    /// What it holds.
    pub content: Body,
}

/// What a part holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Body {
    /// Octets of some media type.
    #[default]
    Leaf,
    /// The parts of a multipart, at least one.
    Multipart(Vec<Part>),
    /// A message/rfc822.
    Message {
        /// Its envelope.
        envelope: Box<Envelope>,
        /// Its header and body.
        part: Box<Part>,
    },
}

impl Part {
    /// Whether the media type is this, in any case.
    #[must_use]
    pub fn is(&self, media_type: &str, media_subtype: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
            && self.media_subtype.eq_ignore_ascii_case(media_subtype)
    }

    /// Whether something is true of it or of a part in it; messages inside are not looked into.
    #[must_use]
    pub fn has(&self, test: &impl Fn(&Self) -> bool) -> bool {
        let inner = match &self.content {
            Body::Multipart(parts) => parts.as_slice(),
            Body::Leaf | Body::Message { .. } => &[],
        };
        test(self) || inner.iter().any(|part| part.has(test))
    }

    /// The value of a Content-Type parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|param| param.name.eq_ignore_ascii_case(name))
            .map(|param| param.value.as_str())
    }

    /// Whether it asks to be shown as an attachment.
    #[must_use]
    pub fn is_attachment(&self) -> bool {
        self.disposition.eq_ignore_ascii_case("attachment")
    }
}
