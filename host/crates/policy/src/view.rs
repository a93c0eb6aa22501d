//! The message as the steps of a transaction see it: read once, when the first of them asks, and shared by all.
//!
//! Standards: RFC 5322 (header), RFC 2045 to 2047, 2183, 2231 (MIME).
//!
//! Invariants: nothing is computed before it is asked for, nothing twice; what is asked of the header costs what the header costs, however
//! large the body; what a message can make large is bounded here (fields, parts, decoded text, links); ranges lie inside the message.

mod edited;
mod links;
mod parts;
mod patterns;
mod spelled;
mod tokens;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use waxwing_message::{AddressItem, Part, Span, decode_words, header};

use crate::outcome::HeaderEdit;

pub(crate) use links::Link;
pub(crate) use parts::PartView;
pub(crate) use patterns::{Hit, Pattern, PatternCache, PatternSet, PatternSetBuilder, Scope};

/// Header fields that are indexed; what lies behind them is seen through `read` only.
pub(crate) const MAX_FIELDS: usize = 1000;
/// Octets of decoded text that a message's text scopes hold in all.
pub(crate) const MAX_TEXT: usize = 8 << 20;
/// Links that are found in a message.
pub(crate) const MAX_LINKS: usize = 1000;

/// A message under judgement.
pub(crate) struct MessageView {
    raw: Bytes,
    fields: OnceLock<Vec<FieldView>>,
    authors: OnceLock<Vec<String>>,
    parts: OnceLock<Vec<PartView>>,
    tokens: OnceLock<Vec<u64>>,
    text: OnceLock<String>,
    links: OnceLock<Vec<Link>>,
    sha256: OnceLock<[u8; 32]>,
    /// For a message whose header was edited: the one that it was, and the edits.
    edited: Option<Edited>,
}

/// What lies over a message.
struct Edited {
    base: Arc<MessageView>,
    edits: Vec<HeaderEdit>,
}

/// A header field and, once somebody asked, its decoded value.
#[derive(Clone, Debug)]
pub(crate) struct FieldView {
    /// Its name as it is written; what is not UTF-8 as U+FFFD.
    pub(crate) name: String,
    /// Where its value lies; none if an edit gave it.
    raw_value: Option<Span>,
    value: OnceLock<String>,
}

impl std::fmt::Debug for MessageView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the content.
        f.debug_struct("MessageView")
            .field("size", &self.raw.len())
            .finish_non_exhaustive()
    }
}

impl MessageView {
    /// A view of a whole message. Nothing is read yet.
    #[must_use]
    pub(crate) fn new(raw: Bytes) -> Self {
        Self {
            raw,
            fields: OnceLock::new(),
            authors: OnceLock::new(),
            parts: OnceLock::new(),
            tokens: OnceLock::new(),
            text: OnceLock::new(),
            links: OnceLock::new(),
            sha256: OnceLock::new(),
            edited: None,
        }
    }

    /// The same message with its header edited; all but the header is shared. `edits` are all that there are, not only those that are new.
    #[must_use]
    pub(crate) fn edited(self: &Arc<Self>, edits: &[HeaderEdit]) -> Self {
        let base = match &self.edited {
            Some(edited) => edited.base.clone(),
            None => self.clone(),
        };
        let mut view = Self::new(self.raw.clone());
        view.edited = Some(Edited {
            base,
            edits: edits.to_vec(),
        });
        view
    }

    /// The message without edits, which everything but the header is read from.
    fn base(&self) -> &Self {
        self.edited.as_ref().map_or(self, |edited| &edited.base)
    }

    /// The octets of the message.
    #[must_use]
    pub(crate) fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Where the body begins.
    #[must_use]
    pub(crate) fn body_offset(&self) -> usize {
        header::end(&self.raw)
    }

    /// Octets `offset..offset + length`, fewer at the end.
    #[must_use]
    pub(crate) fn read(&self, offset: u64, length: usize) -> &[u8] {
        slice(&self.raw, offset, length)
    }

    /// The header fields, top first, at most [`MAX_FIELDS`].
    pub(crate) fn fields(&self) -> &[FieldView] {
        self.fields.get_or_init(|| {
            if let Some(Edited { base, edits, .. }) = &self.edited {
                return edited::fields(base, edits);
            }
            let block = self.raw.get(..self.body_offset()).unwrap_or_default();
            header::fields(block)
                .take(MAX_FIELDS)
                .map(|field| FieldView {
                    name: String::from_utf8_lossy(field.name).into_owned(),
                    raw_value: Some(span_within(block, field.value)),
                    value: OnceLock::new(),
                })
                .collect()
        })
    }

    /// The decoded value of a field of this message: unfolded, encoded words read (RFC 2047).
    pub(crate) fn value<'a>(&self, field: &'a FieldView) -> &'a str {
        field
            .value
            .get_or_init(|| decode_words(field.octets(&self.raw)).trim().to_owned())
    }

    /// The value's octets as they lie.
    #[must_use]
    pub(crate) fn raw_value<'a>(&'a self, field: &'a FieldView) -> &'a [u8] {
        field.octets(&self.raw)
    }

    /// The fields of this name in any case, top first.
    pub(crate) fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = (u32, &'a FieldView)> {
        (0..)
            .zip(self.fields())
            .filter(move |(_, field)| field.name.eq_ignore_ascii_case(name))
    }

    /// The decoded value of the topmost field of this name.
    pub(crate) fn first<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.named(name).next().map(|(_, field)| self.value(field))
    }

    /// The authors' addresses as `local@domain` (RFC 5322 §3.6.2).
    pub(crate) fn authors(&self) -> &[String] {
        self.authors.get_or_init(|| match &self.edited {
            None => {
                let block = self.raw.get(..self.body_offset()).unwrap_or_default();
                authors(block)
            }
            Some(_) => edited::authors(self),
        })
    }

    /// The Message-ID without its brackets.
    pub(crate) fn message_id(&self) -> Option<String> {
        let id = self.first("Message-ID")?;
        let id = id.trim().trim_start_matches('<').trim_end_matches('>');
        (!id.is_empty()).then(|| id.to_owned())
    }

    /// The parts in the order in which they stand; the message itself is part 0.
    pub(crate) fn parts(&self) -> &[PartView] {
        let base = self.base();
        base.parts
            .get_or_init(|| parts::flatten(Part::read(&self.raw)))
    }

    /// The text of all text parts, HTML reduced to what a reader sees, at most [`MAX_TEXT`] octets.
    pub(crate) fn text(&self) -> &str {
        let base = self.base();
        base.text.get_or_init(|| {
            let mut all = String::new();
            for part in self.parts() {
                let Some(text) = part.text(&self.raw) else {
                    continue;
                };
                if !all.is_empty() {
                    all.push('\n');
                }
                all.push_str(head(text, MAX_TEXT.saturating_sub(all.len())));
                if all.len() >= MAX_TEXT {
                    break;
                }
            }
            all
        })
    }

    /// The links in the order in which they stand, at most [`MAX_LINKS`].
    pub(crate) fn links(&self) -> &[Link] {
        let base = self.base();
        base.links.get_or_init(|| {
            let mut found = Vec::new();
            for (number, part) in (0..).zip(self.parts()) {
                let Some(source) = part.source(&self.raw) else {
                    continue;
                };
                if part.is_html() {
                    let seen = part.text(&self.raw).unwrap_or_default();
                    links::of_html(source, seen, number, &mut found);
                } else {
                    links::of_text(source, number, &mut found);
                }
            }
            found
        })
    }

    /// SHA-256 of the whole message.
    pub(crate) fn sha256(&self) -> &[u8; 32] {
        let base = self.base();
        base.sha256.get_or_init(|| Sha256::digest(&self.raw).into())
    }

    /// The message as hashed features; see `message.tokens` in the contract.
    pub(crate) fn tokens(&self) -> &[u64] {
        self.tokens.get_or_init(|| tokens::of(self))
    }
}

impl FieldView {
    /// The value's octets, in a message of these.
    fn octets<'a>(&'a self, raw: &'a [u8]) -> &'a [u8] {
        match self.raw_value {
            Some(span) => span.of(raw),
            None => self.value.get().map_or(&[], |value| value.as_bytes()),
        }
    }
}

/// The addresses that From has in a header.
fn authors(header: &[u8]) -> Vec<String> {
    let address = |item| match item {
        AddressItem::Mailbox { local, domain, .. } if domain.is_empty() => Some(local),
        AddressItem::Mailbox { local, domain, .. } => Some(format!("{local}@{domain}")),
        _ => None,
    };
    let from = waxwing_message::authors(header);
    from.into_iter().filter_map(address).collect()
}

/// The beginning of a text, at most `length` octets, cut between characters.
#[must_use]
pub(crate) fn head(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Octets `offset..offset + length`, fewer at the end.
fn slice(octets: &[u8], offset: u64, length: usize) -> &[u8] {
    let start = usize::try_from(offset)
        .unwrap_or(usize::MAX)
        .min(octets.len());
    let end = start.saturating_add(length).min(octets.len());
    octets.get(start..end).unwrap_or_default()
}

/// Where `inner`, which is a slice of `outer`, lies in it.
fn span_within(outer: &[u8], inner: &[u8]) -> Span {
    let start = (inner.as_ptr() as usize).saturating_sub(outer.as_ptr() as usize);
    let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        start: clamp(start),
        end: clamp(start.saturating_add(inner.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"From: Ann <ann@example.org>\r\nSubject: =?utf-8?q?gr=C3=BC?=\r\n  =?utf-8?q?n?=\r\n\
        Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/html\r\n\r\n<p>Click <a href=\"https://EXAMPLE.net/x\">here</a> http://plain.example/</p>\r\n\
        --b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=\"a.zip\"\r\n\r\nUEsDBA==\r\n--b--\r\n";

    #[test]
    fn headers_are_decoded_and_found_in_any_case() {
        let view = MessageView::new(Bytes::from_static(MAIL));
        assert_eq!(view.first("subject"), Some("grün"));
        assert_eq!(view.message_id().as_deref(), Some("1@example.org"));
        assert_eq!(view.authors(), ["ann@example.org"]);
        assert_eq!(view.fields().len(), 5);
        assert!(view.first("To").is_none());
    }

    #[test]
    fn the_authors_are_those_of_every_field() {
        let mail = b"From: ann@example.org\r\nSubject: x\r\nFrom: bob@example.net\r\n\r\n";
        let view = MessageView::new(Bytes::from_static(mail));
        assert_eq!(view.authors(), ["ann@example.org", "bob@example.net"]);
    }

    #[test]
    fn authors_are_found_whatever_other_fields_hold() {
        // A summary spends more on a short address than the header has octets: there is no room left behind these.
        let lists = ["To", "Cc", "Bcc", "Reply-To"];
        let lists = lists.map(|name| format!("{name}: {}a@b\r\n", "a@b,".repeat(1999)));
        let texts = [
            ("Subject", 32_700),
            ("References", 32_700),
            ("In-Reply-To", 9_500),
        ];
        let texts = texts.map(|(name, length)| format!("{name}: {}\r\n", "x".repeat(length)));
        let name = "n".repeat(300);
        let from = format!("From: {name} <ann@example.org>, bob@example.net\r\n\r\n");
        let raw = lists.concat() + &texts.concat() + &from;
        assert!(raw.len() < 128 << 10, "what the plugin senders takes");
        let view = MessageView::new(Bytes::from(raw));
        assert_eq!(view.authors(), ["ann@example.org", "bob@example.net"]);
    }

    #[test]
    fn parts_links_and_text_are_found() {
        let view = MessageView::new(Bytes::from_static(MAIL));
        let types: Vec<&str> = view
            .parts()
            .iter()
            .map(|part| part.content_type())
            .collect();
        assert_eq!(types, ["multipart/mixed", "text/html", "application/zip"]);
        let zip = view.parts().last().unwrap();
        assert_eq!(zip.filename(), Some("a.zip"));
        assert_eq!(&*zip.decoded(view.raw()), b"PK\x03\x04");
        assert!(view.text().contains("Click"));
        assert!(!view.text().contains("<p>"));
        let link = view.links().first().unwrap();
        assert_eq!(
            (link.host.as_str(), link.anchor().as_deref()),
            ("example.net", Some("here"))
        );
        assert!(view.links().iter().any(|link| link.host == "plain.example"));
    }

    #[test]
    fn edits_lie_over_the_header_and_share_the_rest() {
        let view = Arc::new(MessageView::new(Bytes::from_static(MAIL)));
        let mut edits = vec![
            HeaderEdit::Add {
                name: "Subject".into(),
                value: "on top".into(),
            },
            HeaderEdit::Change {
                name: "subject".into(),
                nth: 1,
                value: "blau".into(),
            },
            HeaderEdit::Remove {
                name: "Message-ID".into(),
                nth: None,
            },
        ];
        let once = Arc::new(view.edited(&edits));
        let values: Vec<&str> = once
            .named("Subject")
            .map(|(_, field)| once.value(field))
            .collect();
        assert_eq!(values, ["on top", "blau"]);
        assert!(once.message_id().is_none());
        assert_eq!(once.authors(), ["ann@example.org"]);
        edits.push(HeaderEdit::Change {
            name: "From".into(),
            nth: 0,
            value: "Bob <bob@example.net>".into(),
        });
        let twice = once.edited(&edits);
        assert_eq!(twice.authors(), ["bob@example.net"]);
        assert_eq!(twice.text().as_ptr(), view.text().as_ptr());
        assert_eq!(view.first("subject"), Some("grün"));
    }

    #[test]
    fn any_octets_have_a_view() {
        for raw in [
            &b""[..],
            b"\n",
            b"\xff\xfe\r\n\r\n",
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x",
        ] {
            let view = MessageView::new(Bytes::copy_from_slice(raw));
            let _ = (
                view.text(),
                view.links(),
                view.parts(),
                view.fields(),
                view.read(5, 9),
            );
        }
    }
}
