//! The values of single header fields, for whoever asks for one by its name.

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::build::Budget;
use crate::decoded::Decoded;
use crate::fields;
use crate::header::Field;
use crate::summary::{AddressItem, Sent};

/// The address list that a field's value is (RFC 5322 §3.4), as far as it is one.
#[must_use]
pub fn addresses(value: &[u8]) -> Vec<AddressItem> {
    let mut items = Vec::new();
    fields::addresses(&field(value), &mut items, &mut Budget::of(value));
    items
}

/// The moment that a field's value is (RFC 5322 §3.3), if it is one.
#[must_use]
pub fn date(value: &[u8]) -> Option<Sent> {
    fields::sent(&field(value))
}

/// The text that a field's value is, as it is read: unfolded, its encoded words (RFC 2047) decoded as far as they can be, without control
/// characters, in Normalization Form C.
#[must_use]
pub fn text(value: &[u8]) -> String {
    readable(&Decoded::field(value))
}

/// A decoded text as it is read.
#[must_use]
pub fn readable(text: &Decoded) -> String {
    let shown = text.shown();
    let printed = |c: &char| !c.is_control() || *c == '\t';
    let text: String = shown
        .trim_start_matches(' ')
        .chars()
        .filter(printed)
        .collect();
    if is_nfc(&text) {
        return text;
    }
    text.nfc().collect()
}

fn field(value: &[u8]) -> Field<'_> {
    Field {
        name: b"",
        value,
        raw: value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_they_are_read() {
        for (value, read) in [
            (b"  plain\r\n".as_slice(), "plain"),
            (b" folded\r\n here\r\n", "folded here"),
            (b" =?utf-8?q?a=00=07b=0Ac?=\r\n", "abc"),
            // RFC 8621 §4.1.2.2: Normalization Form C.
            ("u\u{308}ber".as_bytes(), "\u{fc}ber"),
            (b" =?utf-8?q?u=CC=88ber?= x", "\u{fc}ber x"),
            (b"a\xffb", "a\u{fffd}b"),
            (b"", ""),
        ] {
            assert_eq!(text(value), read);
        }
    }

    #[test]
    fn dates_and_addresses_are_read_as_far_as_they_are_some() {
        let sent = date(b" Fri, 21 Nov 1997 09:55:06 -0600\r\n").unwrap();
        assert_eq!((sent.timestamp, sent.offset), (880_127_706, -360));
        assert_eq!(date(b" yesterday\r\n"), None);
        assert_eq!(addresses(b" \r\n"), []);
        assert_eq!(addresses(b" a@example.org, <b@example.org>").len(), 2);
    }
}
