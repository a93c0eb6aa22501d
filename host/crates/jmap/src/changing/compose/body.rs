//! Bodies: the tree of parts as the octets of a message, blobs left for the other side to put in.

use std::fmt::Write as _;

use super::super::ask::{Carried, Piece};
use crate::id::BlobId;

/// Octets of an encoded line (RFC 2045 §6.7).
const ENCODED_LINE: usize = 76;
/// Octets of a line that needs no encoding (RFC 5322 §2.1.1).
const LINE: usize = 998;

/// A part: its header fields, whole, but for what its encoding and its boundary are; and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// `Content-Type` without parameters that are found out here.
    pub(crate) kind: String,
    /// The other fields.
    pub(crate) fields: String,
    pub(crate) content: Content,
}

impl Part {
    /// Whether a field of this name is among the other fields.
    pub(crate) fn has_field(&self, wanted: &str) -> bool {
        let names = self.fields.split("\r\n");
        let mut names = names.filter_map(|line| line.split_once(':'));
        names.any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    }
}

/// What a part holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A text.
    Text(String),
    /// A blob.
    Blob(BlobId),
    /// Other parts.
    Parts(Vec<Part>),
}

/// Writes a tree.
#[derive(Debug)]
pub(crate) struct Writer {
    /// What no part can have in it: nobody knows it before.
    mark: String,
    boundaries: usize,
    pieces: Vec<Piece>,
    octets: Vec<u8>,
}

impl Writer {
    /// Begins with a message's header fields.
    pub(crate) fn new(mark: String, fields: &str) -> Self {
        Self {
            mark,
            boundaries: 0,
            pieces: Vec::new(),
            octets: fields.as_bytes().to_vec(),
        }
    }

    fn put(&mut self, text: &str) {
        self.octets.extend_from_slice(text.as_bytes());
    }

    /// The message with its root part. RFC 5322 §3.5: its last line need not end, and does not where a text does not.
    pub(crate) fn finish(mut self, part: &Part) -> Vec<Piece> {
        self.part(part);
        self.flush();
        self.pieces
    }

    fn flush(&mut self) {
        if !self.octets.is_empty() {
            let octets = std::mem::take(&mut self.octets);
            self.pieces.push(Piece::Octets(octets));
        }
    }

    fn part(&mut self, part: &Part) {
        match &part.content {
            Content::Text(text) => self.text(part, text),
            Content::Blob(blob) => {
                self.put(&field(&part.kind));
                self.put(&part.fields);
                self.flush();
                let message = part.kind.to_ascii_lowercase().starts_with("message/");
                let carried = if message {
                    Carried::Message
                } else {
                    Carried::Base64
                };
                self.pieces.push(Piece::Blob(*blob, carried));
            }
            Content::Parts(parts) => self.parts(part, parts),
        }
    }

    fn parts(&mut self, part: &Part, parts: &[Part]) {
        // RFC 2045 §6.7: `=_` is in no quoted-printable and no base64 text.
        let boundary = format!("=_{}_{}", self.mark, self.boundaries);
        self.boundaries += 1;
        self.put(&field(&format!("{}; boundary=\"{boundary}\"", part.kind)));
        self.put(&part.fields);
        self.put("\r\n");
        for (number, part) in parts.iter().enumerate() {
            self.delimiter(number == 0, &boundary, "");
            self.part(part);
        }
        self.delimiter(parts.is_empty(), &boundary, "--");
    }

    /// RFC 2046 §5.1.1: the line end before a boundary belongs to it.
    fn delimiter(&mut self, first: bool, boundary: &str, end: &str) {
        // A blob brings its line end along.
        if !first && !self.octets.is_empty() {
            self.put("\r\n");
        }
        self.put(&format!("--{boundary}{end}\r\n"));
    }

    fn text(&mut self, part: &Part, text: &str) {
        let is_text = part.kind.to_ascii_lowercase().starts_with("text/");
        let text = match is_text {
            true => lines(text),
            false => text.to_owned(),
        };
        let text_is_ascii = text.is_ascii();
        let (encoding, written) = if is_plain(&text) {
            ("7bit", text)
        } else {
            ("quoted-printable", quoted_printable(&text))
        };
        let charset = match (is_text, text_is_ascii) {
            (true, true) => "; charset=us-ascii",
            (true, false) => "; charset=utf-8",
            (false, _) => "",
        };
        self.put(&field(&format!("{}{charset}", part.kind)));
        self.put(&part.fields);
        self.put(&format!(
            "Content-Transfer-Encoding: {encoding}\r\n\r\n{written}"
        ));
    }
}

/// The field of a type, which has no part that is too long for a line.
fn field(kind: &str) -> String {
    super::folded("Content-Type", kind).unwrap_or_default()
}

/// A text with line ends as messages have them (RFC 2046 §4.1.1).
fn lines(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    unified.replace('\n', "\r\n")
}

/// Whether a text can be sent as it is.
fn is_plain(text: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_graphic() || b" \t".contains(&octet);
    let mut lines = text.split("\r\n");
    lines.all(|line| line.len() <= LINE && line.bytes().all(allowed))
}

/// RFC 2045 §6.7.
fn quoted_printable(text: &str) -> String {
    let mut written = String::with_capacity(text.len() * 2);
    for (number, line) in text.split("\r\n").enumerate() {
        if number > 0 {
            written.push_str("\r\n");
        }
        let mut column = 0;
        for (at, octet) in line.bytes().enumerate() {
            let last = at + 1 == line.len();
            // (3): no white space at the end of a line.
            let plain = match octet {
                b' ' | b'\t' => !last,
                b'=' => false,
                octet => octet.is_ascii_graphic(),
            };
            let width = if plain { 1 } else { 3 };
            // (5): room for the `=` that says that the line goes on.
            if column + width > ENCODED_LINE - usize::from(!last) {
                written.push_str("=\r\n");
                column = 0;
            }
            if plain {
                written.push(char::from(octet));
            } else {
                let _ = write!(written, "={octet:02X}");
            }
            column += width;
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waxwing_message::{Body, Summary};

    use super::*;

    fn leaf(text: &str) -> Part {
        Part {
            kind: "text/plain".into(),
            fields: String::new(),
            content: Content::Text(text.into()),
        }
    }

    fn octets(part: &Part) -> Vec<u8> {
        let pieces = Writer::new("mark".into(), "").finish(part);
        let octets = pieces.into_iter().map(|piece| match piece {
            Piece::Octets(octets) => octets,
            Piece::Blob(..) => panic!("there is no blob"),
        });
        octets.flatten().collect()
    }

    #[test]
    fn a_text_that_can_be_sent_stays() {
        let plain = String::from_utf8(octets(&leaf("one\n\n-- \nme"))).unwrap();
        let end = "7bit\r\n\r\none\r\n\r\n-- \r\nme";
        assert!(plain.ends_with(end), "{plain}");
        let long = octets(&leaf(&"x".repeat(1000)));
        assert!(String::from_utf8_lossy(&long).contains("quoted-printable"));
    }

    #[test]
    fn parts_are_between_boundaries() {
        let both = Part {
            kind: "multipart/mixed".into(),
            fields: String::new(),
            content: Content::Parts(vec![leaf("a\n"), leaf("b")]),
        };
        let text = String::from_utf8(octets(&both)).unwrap();
        assert!(text.contains("\r\n\r\na\r\n\r\n--=_mark_0\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\nb\r\n--=_mark_0--\r\n"), "{text}");
        let summary = Summary::read(text.as_bytes());
        assert!(matches!(&summary.root.content, Body::Multipart(parts) if parts.len() == 2));
    }

    /// RFC 2045 §6.7 backwards.
    fn decoded(text: &str) -> String {
        let text = text.replace("=\r\n", "");
        let mut octets = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, behind @ ..] = rest {
            rest = behind;
            if *first == b'=' {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                octets.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[2..];
            } else {
                octets.push(*first);
            }
        }
        String::from_utf8(octets).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "[a-z =\tä日\n.]{0,300}") {
            let text = lines(&text);
            let written = quoted_printable(&text);
            prop_assert!(written.is_ascii() && written.split("\r\n").all(|line| line.len() <= 76));
            prop_assert!(written.split("\r\n").all(|line| !line.ends_with([' ', '\t'])));
            prop_assert_eq!(decoded(&written), text);
        }
    }
}
