//! Sections of a message, as in `BODY[1.2.HEADER]` (RFC 3501 §6.4.5), to ranges of its octets.

use crate::summary::{Body, Part, Span, Summary};

/// What stands between the brackets of `BODY[…]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// Part numbers, outermost first; empty for the message itself.
    pub path: Vec<u32>,
    /// What of that part.
    pub text: SectionText,
}

/// What of a part a section names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SectionText {
    /// The whole message, or the body of the part.
    #[default]
    All,
    /// `HEADER`: of the message, or of the message that the part holds.
    Header,
    /// `HEADER.FIELDS (names)`, or `HEADER.FIELDS.NOT (names)`.
    HeaderFields {
        /// Field names.
        names: Vec<String>,
        /// All but these.
        not: bool,
    },
    /// `TEXT`: the body of the message, or of the message that the part holds.
    Text,
    /// `MIME`: the header of the part.
    Mime,
}

/// Where a section is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The octets.
    pub span: Span,
    /// They are a header, and [`crate::header::select`] makes the section of them.
    pub filter: bool,
}

impl Summary {
    /// Where a section is; `None` if the message has no such part, which IMAP shows as NIL.
    #[must_use]
    pub fn locate(&self, section: &Section) -> Option<Located> {
        let plain = |span| {
            Some(Located {
                span,
                filter: false,
            })
        };
        if section.path.is_empty() {
            return match section.text {
                SectionText::All => plain(Span {
                    start: 0,
                    end: self.size,
                }),
                SectionText::Text => plain(self.root.body),
                SectionText::Header => plain(self.root.header),
                SectionText::HeaderFields { .. } => Some(Located {
                    span: self.root.header,
                    filter: true,
                }),
                // RFC 3501 §6.4.5: MIME must be prefixed by part numbers.
                SectionText::Mime => None,
            };
        }
        let part = self.root.find(&section.path)?;
        match (&section.text, &part.content) {
            (SectionText::All, _) => plain(part.body),
            (SectionText::Mime, _) => plain(part.header),
            // HEADER, HEADER.FIELDS and TEXT mean the message inside a message/rfc822 part, and nothing else has them.
            (SectionText::Header, Body::Message { part, .. }) => plain(part.header),
            (SectionText::Text, Body::Message { part, .. }) => plain(part.body),
            (SectionText::HeaderFields { .. }, Body::Message { part, .. }) => Some(Located {
                span: part.header,
                filter: true,
            }),
            _ => None,
        }
    }
}

impl Part {
    /// The part with these numbers inside this message (RFC 3501 §6.4.5): every message has a part 1, and the parts
    /// of a message/rfc822 are those of the message it holds.
    #[must_use]
    pub fn find(&self, path: &[u32]) -> Option<&Self> {
        let (&number, deeper) = path.split_first()?;
        let part = match &self.content {
            Body::Multipart(parts) => parts.get((number as usize).checked_sub(1)?)?,
            _ if number == 1 => self,
            _ => return None,
        };
        if deeper.is_empty() {
            return Some(part);
        }
        match &part.content {
            Body::Multipart(_) => part.find(deeper),
            Body::Message { part, .. } => part.find(deeper),
            Body::Leaf => None,
        }
    }
}
