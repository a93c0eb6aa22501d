//! A message of 8-bit or binary parts as one of 7-bit lines, for servers without 8BITMIME.
//!
//! Standards: RFC 6152 §3 (the conversion), RFC 2045 §6 (encodings), RFC 2046 §5.1, §5.2 (which types may have them),
//! RFC 1847 §2.1 (what is signed is not touched), RFC 3030 §3 (no information is lost, no encoding within another),
//! RFC 1428 §3 (text of nobody knows which charset).
//! Invariants: what comes out has no octet over 127 and no NUL, and each part decodes to what it was; a part that needs no
//! conversion keeps its octets. Whoever signs does so afterwards (RFC 6376 §5.3): a DKIM signature does not survive.

mod encode;

use crate::build::MAX_PARTS;
use crate::header;
use crate::summary::{Body, Part, Span, Summary};

/// The longest line in octets, without its CRLF (RFC 5321 §4.5.3.1.6).
const LINE: usize = 998;

/// Why a message cannot be converted; it goes back to its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconvertible {
    /// 8-bit octets in a header, which is SMTPUTF8's affair or nobody's, or the octet 0.
    #[error("a header has 8-bit octets")]
    Header,
    /// 8-bit octets in what is signed or encrypted (RFC 1847 §2.1, §2.2).
    #[error("a signed or encrypted part has 8-bit octets")]
    Sealed,
    /// A part says that it is encoded, and is not; or its type may not be encoded; or it lies too deep.
    #[error("a part cannot be encoded")]
    Part,
}

/// The message with every part in 7 bits.
///
/// # Errors
/// It cannot be done without losing something.
pub fn seven_bit(raw: &[u8]) -> Result<Vec<u8>, Unconvertible> {
    let summary = Summary::read(raw);
    // Parts beyond the bound are in no part's range, and would be taken for what stands between parts.
    if count(&summary.root) >= MAX_PARTS && !is_plain(raw) {
        return Err(Unconvertible::Part);
    }
    let mut converter = Converter {
        raw,
        out: Vec::with_capacity(raw.len() + raw.len() / 8),
        at: 0,
        versioned: header::fields(summary.root.header.of(raw))
            .any(|field| field.is("MIME-Version")),
    };
    converter.part(&summary.root, true)?;
    converter.between(raw.len());
    Ok(converter.out)
}

struct Converter<'a> {
    raw: &'a [u8],
    out: Vec<u8>,
    /// How far the message has been copied.
    at: usize,
    /// The message says that it is of MIME.
    versioned: bool,
}

impl Converter<'_> {
    fn part(&mut self, part: &Part, root: bool) -> Result<(), Unconvertible> {
        self.between(part.header.start as usize);
        if !is_plain(part.header.of(self.raw)) {
            return Err(Unconvertible::Header);
        }
        match &part.content {
            Body::Multipart(children) if is_sealed(part) => {
                if children.iter().any(|child| !is_plain(self.whole(child)))
                    || !is_plain(part.body.of(self.raw))
                {
                    return Err(Unconvertible::Sealed);
                }
                self.copy(part.body.end as usize);
            }
            Body::Multipart(children) => {
                self.header(part, Some("7bit"), false);
                for child in children {
                    self.part(child, false)?;
                }
                self.between(part.body.end as usize);
            }
            // RFC 2046 §5.2.1: the message inside is converted, not the part encoded.
            Body::Message { part: inner, .. } => {
                self.header(part, Some("7bit"), false);
                self.part(inner, false)?;
            }
            Body::Leaf => self.leaf(part, root)?,
        }
        Ok(())
    }

    fn leaf(&mut self, part: &Part, root: bool) -> Result<(), Unconvertible> {
        let body = part.body.of(self.raw);
        let encoded = match part.encoding.to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => false,
            // What is encoded already is in 7 bits, or a lie.
            _ if is_plain(body) => true,
            _ => return Err(Unconvertible::Part),
        };
        if encoded || fits(body) {
            self.header(part, Some("7bit").filter(|_| !encoded), false);
            self.copy(part.body.end as usize);
            return Ok(());
        }
        let kind = media_type(part.header.of(self.raw));
        // RFC 2046 §5.1, §5.2.2: composite types have no encoding. Such a leaf is one that could not be looked into.
        let composite = ["multipart/", "message/rfc822", "message/partial"];
        if composite.iter().any(|it| kind.starts_with(it)) {
            return Err(Unconvertible::Part);
        }
        let text = kind.is_empty() || kind.starts_with("text/");
        let encoding = if text { "quoted-printable" } else { "base64" };
        if root && !self.versioned {
            self.out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        }
        self.header(part, Some(encoding), kind.is_empty());
        if text {
            encode::quoted_printable(body, &mut self.out);
        } else {
            encode::base64(body, &mut self.out);
            // The last part of a message has its line end, those before it have their delimiter's.
            if part.body.end as usize == self.raw.len() {
                self.out.extend_from_slice(b"\r\n");
            }
        }
        self.at = part.body.end as usize;
        Ok(())
    }

    /// Writes the header of a part with this encoding in place of another, of one that is longer than 7 bits, or of none if
    /// the body is encoded now. `untyped`: what the text is in is not said.
    fn header(&mut self, part: &Part, encoding: Option<&str>, untyped: bool) {
        let header = part.header.of(self.raw);
        let old = header::fields(header).find(|field| field.is("Content-Transfer-Encoding"));
        let Some(encoding) = encoding.filter(|it| *it != "7bit" || old.is_some()) else {
            return self.copy(part.header.end as usize);
        };
        let field = format!("Content-Transfer-Encoding: {encoding}\r\n");
        let (before, after) = match old {
            Some(old) => {
                let start = offset(header, old.raw);
                let (before, rest) = header.split_at(start);
                (before, rest.get(old.raw.len()..).unwrap_or_default())
            }
            None => {
                // Before the empty line.
                let blank = if header.ends_with(b"\r\n") { 2 } else { 1 };
                header.split_at(header.len().saturating_sub(blank))
            }
        };
        self.out.extend_from_slice(before);
        if untyped {
            // RFC 1428 §3.
            self.out
                .extend_from_slice(b"Content-Type: text/plain; charset=unknown-8bit\r\n");
        }
        self.out.extend_from_slice(field.as_bytes());
        self.out.extend_from_slice(after);
        self.at = part.header.end as usize;
    }

    fn whole(&self, part: &Part) -> &[u8] {
        let span = Span {
            start: part.header.start,
            end: part.body.end,
        };
        span.of(self.raw)
    }

    fn copy(&mut self, end: usize) {
        let octets = self.raw.get(self.at..end).unwrap_or_default();
        self.out.extend_from_slice(octets);
        self.at = self.at.max(end);
    }

    /// Copies what stands between parts, which nobody reads (RFC 2046 §5.1.1), in 7 bits.
    fn between(&mut self, end: usize) {
        let octets = self.raw.get(self.at..end).unwrap_or_default();
        let clean = |octet: &u8| {
            if octet.is_ascii() && *octet != 0 {
                *octet
            } else {
                b'?'
            }
        };
        self.out.extend(octets.iter().map(clean));
        self.at = self.at.max(end);
    }
}

/// How many parts there are, from this one down.
fn count(part: &Part) -> usize {
    1 + match &part.content {
        Body::Multipart(children) => children.iter().map(count).sum(),
        Body::Message { part, .. } => count(part),
        Body::Leaf => 0,
    }
}

/// RFC 1847: what is inside is not to be touched.
fn is_sealed(part: &Part) -> bool {
    part.is("multipart", "signed") || part.is("multipart", "encrypted")
}

fn is_plain(octets: &[u8]) -> bool {
    octets.is_ascii() && !octets.contains(&0)
}

/// RFC 2045 §2.7: 7-bit lines that end with CRLF and are not too long.
fn fits(body: &[u8]) -> bool {
    if !is_plain(body) {
        return false;
    }
    let mut lines = body.split(|octet| *octet == b'\n').peekable();
    while let Some(line) = lines.next() {
        let text = match line.strip_suffix(b"\r") {
            Some(text) if lines.peek().is_some() => text,
            None if lines.peek().is_none() => line,
            _ => return false,
        };
        if text.len() > LINE || text.contains(&b'\r') {
            return false;
        }
    }
    true
}

/// `type/subtype` in lower case as the header has it, whatever was made of the part; empty if it says nothing.
fn media_type(header: &[u8]) -> String {
    let field = header::fields(header).find(|field| field.is("Content-Type"));
    let value = field.map(|field| field.unfolded()).unwrap_or_default();
    let end = value
        .iter()
        .position(|octet| matches!(octet, b';' | b'('))
        .unwrap_or(value.len());
    let text = String::from_utf8_lossy(value.get(..end).unwrap_or_default());
    text.split_ascii_whitespace()
        .collect::<String>()
        .to_ascii_lowercase()
}

/// Where a slice of `whole` begins in it.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize)
        .saturating_sub(whole.as_ptr() as usize)
        .min(whole.len())
}
