//! Texts as they are compared (RFC 5255 §4.6): those that their charset explains as text, the others as octets.

use std::borrow::Cow;

use mail_parser::parsers::MessageStream;

use crate::casemap::casemap;
use crate::charset::{REPLACEMENT, convert, lossy};
use crate::fields;

/// Where octets that are no text stand for a while: characters of a private use, one for each of 256.
const PRIVATE: u32 = 0xf700;
/// Octets of a field that are looked at for what they were before they were decoded.
const MAX_FIELD: usize = 32 * 1024;

/// A text of a message without its MIME encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// It was in a charset that is known.
    Text(String),
    /// It was not; the octets before anybody tried.
    Octets(Vec<u8>),
}

impl Decoded {
    /// Octets that are UTF-8 if they are text.
    #[must_use]
    pub fn utf_8(octets: &[u8]) -> Self {
        match std::str::from_utf8(octets) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Octets(octets.to_vec()),
        }
    }

    /// A name of an [`AddressItem`](crate::AddressItem).
    #[must_use]
    pub fn name(name: &str) -> Self {
        match name.contains("=?") {
            true => Self::field(name.as_bytes()),
            false => Self::Text(name.to_owned()),
        }
    }

    /// The value of an unstructured field, its encoded words (RFC 2047) decoded.
    #[must_use]
    pub fn field(value: &[u8]) -> Self {
        let text = fields::unstructured(value);
        if text.is_ascii() || !text.contains(REPLACEMENT) {
            return Self::Text(text);
        }
        from_words(&words(value))
    }

    /// As far as it is text.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Octets(octets) => lossy(octets),
        }
    }

    /// What it is in octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Octets(octets) => octets,
        }
    }

    /// The same with something done to it that leaves alone what is not ASCII.
    #[must_use]
    pub fn map(self, change: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(change(&text)),
            Self::Octets(octets) => Self::Octets(unprotect(&change(&protect(&octets)))),
        }
    }
}

/// A text that is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    exact: String,
    mapped: String,
}

impl Sought {
    /// The text as the client wrote it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            exact: text.to_owned(),
            mapped: casemap(text),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    /// Octets that it takes.
    #[must_use]
    pub fn takes(&self) -> usize {
        self.exact.len() + self.mapped.len()
    }

    /// As the client wrote it.
    #[must_use]
    pub fn exact(&self) -> &str {
        &self.exact
    }

    /// As texts are compared: a text that holds it, mapped, holds this. So do the octets of one that could not be decoded, as
    /// [`Decoded::shown`].
    #[must_use]
    pub fn mapped(&self) -> &str {
        &self.mapped
    }

    /// Whether a text holds it: by i;unicode-casemap, and by i;octet where it is no text (RFC 5255 §4.6).
    #[must_use]
    pub fn is_in(&self, text: &Decoded) -> bool {
        let holds =
            |hay: &[u8], needle: &str| memchr::memmem::find(hay, needle.as_bytes()).is_some();
        self.is_empty()
            || match text {
                Decoded::Text(text) => holds(casemap(text).as_bytes(), &self.mapped),
                Decoded::Octets(octets) => holds(octets, &self.exact),
            }
    }
}

/// A stretch of a field's value: what is between encoded words, or one or more of these one behind another in a charset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stretch<'a> {
    /// `None` between encoded words.
    pub(crate) charset: Option<&'a str>,
    pub(crate) octets: Vec<u8>,
}

impl Stretch<'_> {
    pub(crate) fn text(&self) -> Option<String> {
        match self.charset {
            Some(charset) => {
                let converted = convert(charset, &self.octets);
                converted.whole.then_some(converted.text)
            }
            None => String::from_utf8(self.octets.clone()).ok(),
        }
    }
}

fn from_words(stretches: &[Stretch<'_>]) -> Decoded {
    match stretches.iter().map(Stretch::text).collect() {
        Some(text) => Decoded::Text(text),
        None => Decoded::Octets(stretches.iter().flat_map(|it| it.octets.clone()).collect()),
    }
}

/// Takes a field's value apart, unfolded and trimmed.
pub(crate) fn words(value: &[u8]) -> Vec<Stretch<'_>> {
    let mut rest = value.get(..MAX_FIELD).unwrap_or(value).trim_ascii();
    let mut stretches: Vec<Stretch<'_>> = Vec::new();
    while !rest.is_empty() {
        let word = memchr::memmem::find_iter(rest, b"=?")
            .find_map(|at| encoded_word(rest.get(at..)?).map(|word| (at, word)));
        let (between, word) = match word {
            Some((at, word)) => (rest.get(..at).unwrap_or_default(), Some(word)),
            None => (rest, None),
        };
        rest = word.as_ref().map_or(b"".as_slice(), |word| word.behind);
        // RFC 2047 §6.2: white space between two encoded words is none.
        let gap = word.is_some() && between.trim_ascii().is_empty();
        let after_word = stretches.last().is_some_and(|last| last.charset.is_some());
        let nothing = between.is_empty() || gap && after_word;
        if !nothing {
            let unfolded = between
                .iter()
                .filter(|octet| !matches!(octet, 0 | b'\r' | b'\n'));
            stretches.push(Stretch {
                charset: None,
                octets: unfolded.copied().collect(),
            });
        }
        let Some(word) = word else { continue };
        match stretches.last_mut() {
            // Some split characters where words end.
            Some(last)
                if last
                    .charset
                    .is_some_and(|it| it.eq_ignore_ascii_case(word.charset)) =>
            {
                last.octets.extend(word.octets);
            }
            _ => stretches.push(Stretch {
                charset: Some(word.charset),
                octets: word.octets,
            }),
        }
    }
    stretches
}

struct EncodedWord<'a> {
    charset: &'a str,
    octets: Vec<u8>,
    behind: &'a [u8],
}

/// `encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="`
fn encoded_word(text: &[u8]) -> Option<EncodedWord<'_>> {
    let inner = text.strip_prefix(b"=?")?;
    let (charset, inner) = split_once(inner, b'?')?;
    let (encoding, inner) = split_once(inner, b'?')?;
    let end = memchr::memmem::find(inner, b"?=")?;
    let (encoded, behind) = inner.split_at_checked(end)?;
    let charset = std::str::from_utf8(charset).ok()?;
    let (charset, _) = charset.split_once('*').unwrap_or((charset, ""));
    let word = [encoded, b"?="].concat();
    let mut stream = MessageStream::new(&word);
    let octets = match encoding {
        b"b" | b"B" => stream.decode_base64_word(),
        b"q" | b"Q" => stream.decode_quoted_printable_word(),
        _ => None,
    }?;
    Some(EncodedWord {
        charset,
        octets,
        behind: behind.get(2..)?,
    })
}

fn split_once(text: &[u8], by: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(by, text)?;
    let (before, behind) = text.split_at_checked(at)?;
    Some((before, behind.get(1..)?))
}

/// Octets as a text in which what is not UTF-8 is one character for each octet.
pub(crate) fn protect(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().copied().map(private));
    }
    text
}

/// The character that stands for an octet.
pub(crate) fn private(octet: u8) -> char {
    char::from_u32(PRIVATE + u32::from(octet)).unwrap_or(REPLACEMENT)
}

/// The octets of a text in which some stand for others, the rest in UTF-8.
pub(crate) fn unprotect(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    for c in text.chars() {
        match stands_for(c) {
            Some(octet) => octets.push(octet),
            None => octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    octets
}

/// The octet that a character stands for.
pub(crate) fn stands_for(c: char) -> Option<u8> {
    u8::try_from(u32::from(c).checked_sub(PRIVATE)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn octets(octets: &[u8]) -> Decoded {
        Decoded::Octets(octets.to_vec())
    }

    #[test]
    fn fields_are_decoded_or_left_alone() {
        for (value, decoded) in [
            (b"plain".as_slice(), Decoded::Text("plain".into())),
            (
                b"=?koi8-r?b?4czFy9PFyg==?=",
                Decoded::Text("Алексей".into()),
            ),
            (b"=?utf-8?q?a=D0=C0?=", octets(b"a\xd0\xc0")),
            (
                b"x =?utf-8?q?=D0=C0_?= =?koi8-r?q?=E1?= y\r\n z\r\n",
                octets(b"x \xd0\xc0 \xe1 y z"),
            ),
            // A character that two words share.
            (
                b"=?utf-8?q?=C3?=\r\n =?UTF-8?q?=BC?=",
                Decoded::Text("ü".into()),
            ),
            (b"J\xf6rg", octets(b"J\xf6rg")),
            (
                "wei\u{fffd}".as_bytes(),
                Decoded::Text("wei\u{fffd}".into()),
            ),
            (b"=?utf-8?q?=EF=BF=BD?=", Decoded::Text("\u{fffd}".into())),
            (
                b"=?x-none?q?a=FF?= =?utf-8?x?a?= =?",
                octets(b"a\xff =?utf-8?x?a?= =?"),
            ),
        ] {
            assert_eq!(Decoded::field(value), decoded, "{}", lossy(value));
        }
    }

    #[test]
    fn a_text_is_found_where_it_is() {
        let holds = |needle: &str, text: &Decoded| Sought::new(needle).is_in(text);
        let text = Decoded::Text("Grüße an ΟΔΟΣΑ".into());
        for needle in ["", "GRÜ", "gru\u{308}", "ße", "οδος"] {
            assert!(holds(needle, &text), "{needle}");
        }
        assert!(!holds("SS", &text));
        let none = octets(b"Gr\xfc\xdfe \xc3\xbc");
        for (needle, found) in [
            ("Gr", true),
            ("gr", false),
            ("ü", true),
            ("Ü", false),
            ("", true),
        ] {
            assert_eq!(holds(needle, &none), found, "{needle}");
        }
        assert_eq!(none.clone().map(str::to_owned), none);
    }

    proptest! {
        #[test]
        fn what_is_in_octets_is_in_what_is_shown_of_them(
            before in prop::collection::vec(any::<u8>(), 0..6), needle in "\\PC{0,3}", behind in prop::collection::vec(any::<u8>(), 0..6)
        ) {
            let text = octets(&[&before, needle.as_bytes(), &behind].concat());
            let sought = Sought::new(&needle);
            prop_assert!(sought.is_in(&text));
            prop_assert!(casemap(&text.shown()).contains(sought.mapped()));
        }

        #[test]
        fn any_field_is_decoded(value in prop::collection::vec(any::<u8>(), 0..40), word in "=\\?(utf-8|x|koi8-r\\*a)\\?[bqBQx]\\?[=A-F0-9]{0,9}\\?=") {
            let _ = Decoded::field(&[value.as_slice(), word.as_bytes(), &value].concat());
        }
    }
}
