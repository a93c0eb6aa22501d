//! A message's text, decoded part by part: for search, and the first words for the preview.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use crate::fields;
use crate::summary::{Body, Part};

/// Octets of a part that are decoded at most.
const MAX_DECODED: usize = 8 << 20;
/// Octets of a part that the preview is made of.
const PREVIEW_SOURCE: usize = 2048;
/// Characters of a preview (RFC 8970 §3.1).
const PREVIEW_LENGTH: usize = 200;

/// The decoded text parts of a message in order, those of messages inside it too; HTML without its tags.
#[derive(Debug)]
pub struct Texts<'a> {
    raw: &'a [u8],
    ahead: Vec<&'a Part>,
}

impl Part {
    /// The text parts in it, this one among them. `raw` are the octets of the message.
    #[must_use]
    pub fn texts<'a>(&'a self, raw: &'a [u8]) -> Texts<'a> {
        Texts {
            raw,
            ahead: vec![self],
        }
    }

    /// The headers of the messages inside it, as octets of the message `raw`.
    #[must_use]
    pub fn inner_headers<'a>(&'a self, raw: &'a [u8]) -> Vec<&'a [u8]> {
        let mut headers = Vec::new();
        let mut ahead = vec![self];
        while let Some(part) = ahead.pop() {
            match &part.content {
                Body::Leaf => {}
                Body::Multipart(parts) => ahead.extend(parts.iter().rev()),
                Body::Message { part, .. } => {
                    headers.push(part.header.of(raw));
                    ahead.push(part);
                }
            }
        }
        headers
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        while let Some(part) = self.ahead.pop() {
            match &part.content {
                Body::Multipart(parts) => self.ahead.extend(parts.iter().rev()),
                Body::Message { part, .. } => self.ahead.push(part),
                Body::Leaf if part.media_type.eq_ignore_ascii_case("text") => {
                    let octets = part.body.of(self.raw);
                    return Some(decode(part, octets.get(..MAX_DECODED).unwrap_or(octets)));
                }
                Body::Leaf => {}
            }
        }
        None
    }
}

/// Decodes the encoded words of an unstructured field value (RFC 2047).
#[must_use]
pub fn decode_words(value: &[u8]) -> String {
    fields::unstructured(value)
}

/// Upper and lower case made one, for comparison. A text in another folds to a text in that other's folded form.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.to_lowercase();
    // The only letter whose lower case depends on what stands around it.
    if lower.contains('ς') {
        lower.replace('ς', "σ")
    } else {
        lower
    }
}

/// Whether `text` contains `needle`, which is folded already.
#[must_use]
pub fn contains_folded(text: &str, needle: &str) -> bool {
    needle.is_empty() || memchr::memmem::find(fold(text).as_bytes(), needle.as_bytes()).is_some()
}

/// The text of a text part of which `octets` are the body or its beginning.
fn decode(part: &Part, octets: &[u8]) -> String {
    let text = source(part, octets);
    if part.media_subtype.eq_ignore_ascii_case("html") {
        html_to_text(&text)
    } else {
        text
    }
}

/// The text of a text part as its author wrote it, HTML with its tags.
fn source(part: &Part, octets: &[u8]) -> String {
    let plain = transfer_decode(part, octets);
    let charset = part.param("charset").unwrap_or_default();
    // What claims to be ASCII and is not, is UTF-8 wherever it can be.
    if charset.eq_ignore_ascii_case("us-ascii")
        && let Ok(text) = std::str::from_utf8(&plain)
    {
        return text.to_owned();
    }
    match charset_decoder(charset.as_bytes()) {
        Some(decoder) if !plain.is_ascii() || !is_superset_of_ascii(charset) => decoder(&plain),
        _ => match std::str::from_utf8(&plain) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(&plain).into_owned(),
        },
    }
}

/// The octets without their transfer encoding (RFC 2045 §6); as they are where that fails.
fn transfer_decode<'a>(part: &Part, octets: &'a [u8]) -> Cow<'a, [u8]> {
    if part.encoding.eq_ignore_ascii_case("base64") {
        base64_decode(octets).map_or(Cow::Borrowed(octets), Cow::Owned)
    } else if part.encoding.eq_ignore_ascii_case("quoted-printable") {
        quoted_printable_decode(octets).map_or(Cow::Borrowed(octets), Cow::Owned)
    } else {
        Cow::Borrowed(octets)
    }
}

impl Part {
    /// The body of this part of the message `raw` without its transfer encoding.
    #[must_use]
    pub fn decoded<'a>(&self, raw: &'a [u8]) -> Cow<'a, [u8]> {
        transfer_decode(self, self.body.of(raw))
    }

    /// The decoded text of this part of the message `raw` as its author wrote it (HTML with its tags), from at most
    /// 8 MiB of its body; none if it is no text.
    #[must_use]
    pub fn source_text(&self, raw: &[u8]) -> Option<String> {
        let octets = self.body.of(raw);
        let is_text =
            matches!(self.content, Body::Leaf) && self.media_type.eq_ignore_ascii_case("text");
        is_text.then(|| source(self, octets.get(..MAX_DECODED).unwrap_or(octets)))
    }
}

/// HTML reduced to what a reader sees.
#[must_use]
pub fn html_text(html: &str) -> String {
    html_to_text(html)
}

/// Charsets whose texts may look like ASCII and are something else.
fn is_superset_of_ascii(charset: &str) -> bool {
    let charset = charset.to_ascii_lowercase();
    !["utf-7", "utf7", "utf-16", "utf-32", "iso-2022", "hz-gb"]
        .iter()
        .any(|other| charset.starts_with(other))
}

/// The first words of the message for a list of messages.
pub(crate) fn preview(root: &Part, raw: &[u8]) -> String {
    let Some(part) = shown(root) else {
        return String::new();
    };
    let octets = part.body.of(raw);
    let octets = octets.get(..PREVIEW_SOURCE).map_or(octets, whole_lines);
    let mut preview = String::new();
    let mut length = 0;
    for word in decode(part, octets).split_whitespace() {
        let gap = usize::from(length > 0);
        let room = PREVIEW_LENGTH.saturating_sub(length + gap);
        if room == 0 {
            break;
        }
        if gap > 0 {
            preview.push(' ');
        }
        preview.extend(word.chars().filter(|c| !c.is_control()).take(room));
        length += gap + word.chars().count();
    }
    preview
}

/// Cuts at the last line end, so that encodings stay whole.
fn whole_lines(octets: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'\n', octets).map_or(octets.len(), |at| at + 1);
    octets.get(..end).unwrap_or(octets)
}

/// The text part that a reader sees first: the first text/plain that is no attachment, else the first text/html.
fn shown(root: &Part) -> Option<&Part> {
    let mut html = None;
    let mut ahead = vec![root];
    while let Some(part) = ahead.pop() {
        match &part.content {
            Body::Multipart(parts) => ahead.extend(parts.iter().rev()),
            Body::Leaf if part.is_attachment() => {}
            Body::Leaf if part.is("text", "plain") => return Some(part),
            Body::Leaf if part.is("text", "html") => html = html.or(Some(part)),
            _ => {}
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_folds_alike_wherever_it_stands() {
        // A sigma at the end of a word has a lower case of its own.
        assert!(contains_folded("ΟΔΟΣΑ", &fold("ΟΔΟΣ")));
        assert!(contains_folded("οδος", &fold("ΟΔΟΣ")));
        // Texts may become longer.
        assert!(contains_folded("İSTANBUL", &fold("İs")));
        assert!(contains_folded("STRASSE Straße", "straße"));
    }

    #[test]
    fn what_claims_to_be_ascii_may_be_utf_8() {
        for head in ["", "Content-Type: text/plain; charset=us-ascii\r\n"] {
            let raw = format!("{head}\r\nGrüße 漢字\r\n");
            let root = Part::read(raw.as_bytes());
            let texts: Vec<String> = root.texts(raw.as_bytes()).collect();
            assert_eq!(texts, ["Grüße 漢字\r\n"]);
        }
        let latin = b"\r\nGr\xfc\xdfe\r\n";
        let texts: Vec<String> = Part::read(latin).texts(latin).collect();
        assert_eq!(texts.len(), 1);
        assert!(texts.first().is_some_and(|text| text.starts_with("Gr")));
    }
}
