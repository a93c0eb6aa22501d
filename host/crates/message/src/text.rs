//! A message's text, decoded part by part: for search, and the first words for the preview.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use crate::charset::convert;
use crate::decoded::Decoded;
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

impl Iterator for Texts<'_> {
    type Item = Decoded;

    fn next(&mut self) -> Option<Decoded> {
        while let Some(part) = self.ahead.pop() {
            match &part.content {
                Body::Multipart(parts) => self.ahead.extend(parts.iter().rev()),
                Body::Message { part, .. } => self.ahead.push(part),
                Body::Leaf if part.media_type.eq_ignore_ascii_case("text") => {
                    return Some(searched(part, part.body.of(self.raw)));
                }
                Body::Leaf => {}
            }
        }
        None
    }
}

/// Decodes the encoded words of an unstructured field value (RFC 2047), as far as they can be.
#[must_use]
pub fn decode_words(value: &[u8]) -> String {
    fields::unstructured(value)
}

/// The text of a text part as it is searched: its charset is left only if all of the text is of it (RFC 5255 §4.6).
fn searched(part: &Part, octets: &[u8]) -> Decoded {
    let looked_at = octets.get(..MAX_DECODED);
    let plain = transfer_decode(part, looked_at.unwrap_or(octets));
    let mut converted = convert(charset(part), &plain);
    if looked_at.is_some() {
        // What is cut off may have begun.
        converted.cut();
    }
    let decoded = converted.or_octets(&plain);
    if part.media_subtype.eq_ignore_ascii_case("html") {
        decoded.map(html_to_text)
    } else {
        decoded
    }
}

/// The text of a text part of which `octets` are the body or its beginning, as far as it can be decoded.
fn decode(part: &Part, octets: &[u8]) -> String {
    let text = source(part, octets);
    if part.media_subtype.eq_ignore_ascii_case("html") {
        html_to_text(&text)
    } else {
        text
    }
}

/// The text of a text part as its author wrote it, HTML with its tags, as far as it can be decoded.
fn source(part: &Part, octets: &[u8]) -> String {
    convert(charset(part), &transfer_decode(part, octets)).text
}

fn charset(part: &Part) -> &str {
    part.param("charset").unwrap_or_default()
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

/// The text of a part, and what is to be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextValue {
    /// As its author wrote it, HTML with its tags.
    pub text: String,
    /// Something in it could not be decoded: of its charset, or by its transfer encoding.
    pub problem: bool,
    /// It is longer than what is looked at.
    pub cut: bool,
}

impl Part {
    /// The decoded text of this part of the message `raw`, from at most 8 MiB of its body; none if it is no text.
    #[must_use]
    pub fn text_value(&self, raw: &[u8]) -> Option<TextValue> {
        let is_text =
            matches!(self.content, Body::Leaf) && self.media_type.eq_ignore_ascii_case("text");
        if !is_text {
            return None;
        }
        let octets = self.body.of(raw);
        let looked_at = octets.get(..MAX_DECODED);
        let cut = looked_at.is_some() && octets.len() > MAX_DECODED;
        let octets = looked_at.map_or(octets, |some| if cut { whole_lines(some) } else { some });
        let plain = transfer_decode(self, octets);
        let encoded = self.is_transfer_encoded();
        // What is decoded is never the octets themselves: then decoding has failed.
        let undecoded = encoded && matches!(plain, Cow::Borrowed(_)) && !octets.is_empty();
        let mut converted = convert(charset(self), &plain);
        if cut {
            converted.cut();
        }
        Some(TextValue {
            problem: !converted.whole || undecoded || !self.is_encoding_known(),
            text: converted.text,
            cut,
        })
    }

    /// Whether its body is written in another way than it is.
    #[must_use]
    pub fn is_transfer_encoded(&self) -> bool {
        let encoding = &self.encoding;
        encoding.eq_ignore_ascii_case("base64") || encoding.eq_ignore_ascii_case("quoted-printable")
    }

    /// Whether how its body is written is one of the ways of RFC 2045 §6.1.
    fn is_encoding_known(&self) -> bool {
        let plain = ["", "7bit", "8bit", "binary"];
        let is = |known: &&str| self.encoding.eq_ignore_ascii_case(known);
        self.is_transfer_encoded() || plain.iter().any(is)
    }
}

/// HTML reduced to what a reader sees.
#[must_use]
pub fn html_text(html: &str) -> String {
    html_to_text(html)
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
    fn what_claims_to_be_ascii_may_be_utf_8() {
        for head in ["", "Content-Type: text/plain; charset=us-ascii\r\n"] {
            let raw = format!("{head}\r\nGrüße 漢字\r\n");
            let root = Part::read(raw.as_bytes());
            let texts: Vec<Decoded> = root.texts(raw.as_bytes()).collect();
            assert_eq!(texts, [Decoded::Text("Grüße 漢字\r\n".into())]);
        }
        // And what is not, is of the charset that most such mail is in.
        for head in ["", "Content-Type: text/plain\r\n"] {
            let latin = [head.as_bytes(), b"\r\nGr\xfc\xdfe\r\n"].concat();
            let texts: Vec<Decoded> = Part::read(&latin).texts(&latin).collect();
            assert_eq!(texts, [Decoded::Text("Grüße\r\n".into())]);
        }
    }

    #[test]
    fn what_is_not_of_its_charset_stays_octets() {
        let texts = |head: &str, body: &[u8]| -> Vec<Decoded> {
            let raw = [b"Content-Type: ", head.as_bytes(), b"\r\n\r\n", body].concat();
            Part::read(&raw).texts(&raw).collect()
        };
        assert_eq!(
            texts("text/plain; charset=utf-8", b"Gr\xfc\xdfe"),
            [Decoded::Octets(b"Gr\xfc\xdfe".into())]
        );
        assert_eq!(
            texts(
                "text/html; charset=x-none",
                b"<p>Gr\xfc\xdfe &amp; &uuml;</p>"
            ),
            [Decoded::Octets(b"Gr\xfc\xdfe & \xc3\xbc\n".into())]
        );
        assert_eq!(
            texts("text/plain; charset=shift_jis", b"a\x81"),
            [Decoded::Octets(b"a\x81".into())]
        );
        // Where the charset is not known, but the octets say what they are.
        assert_eq!(
            texts("text/plain; charset=x-none", "Grüße".as_bytes()),
            [Decoded::Text("Grüße".into())]
        );
        // A character that is cut off is nobody's mistake.
        let long = ["ü".repeat(MAX_DECODED / 2).as_bytes(), b"a"].concat();
        let cut = [b"a", long.as_slice()].concat();
        for body in [long, cut] {
            let texts = texts("text/plain; charset=utf-8", &body);
            assert!(matches!(texts.as_slice(), [Decoded::Text(_)]));
        }
    }

    #[test]
    fn values_tell_what_is_wrong_with_them() {
        let value = |head: &str, body: &[u8]| {
            let raw = [head.as_bytes(), b"\r\n\r\n", body].concat();
            Part::read(&raw).text_value(&raw)
        };
        for (head, body, text, problem) in [
            (
                "Content-Type: text/plain; charset=utf-8",
                "Gr\u{fc}".as_bytes(),
                "Gr\u{fc}",
                false,
            ),
            (
                "Content-Type: text/html; charset=iso-8859-1",
                b"<p>\xfc",
                "<p>\u{fc}",
                false,
            ),
            (
                "Content-Type: text/plain; charset=utf-8",
                b"Gr\xfc",
                "Gr\u{fffd}",
                true,
            ),
            (
                "Content-Type: text/plain; charset=x-none",
                b"\xfc",
                "\u{fffd}",
                true,
            ),
            (
                "Content-Transfer-Encoding: base64",
                b"R3L8",
                "Gr\u{fc}",
                false,
            ),
            ("Content-Transfer-Encoding: base64", b"*", "*", true),
            ("Content-Transfer-Encoding: x-uuencode", b"abc", "abc", true),
            ("Content-Transfer-Encoding: base64", b"", "", false),
        ] {
            let found = value(head, body).unwrap();
            assert_eq!(
                (found.text.as_str(), found.problem, found.cut),
                (text, problem, false),
                "{head}"
            );
        }
        assert_eq!(value("Content-Type: image/png", b"x"), None);
        let long = "z\u{fc}\r\n".repeat(MAX_DECODED / 5 + 9);
        let found = value("Content-Type: text/plain; charset=utf-8", long.as_bytes()).unwrap();
        assert!(found.cut && !found.problem && found.text.len() <= MAX_DECODED);
    }
}
