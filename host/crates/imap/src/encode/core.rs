//! Strings, numbers and dates on the wire (RFC 3501 §4, §9).

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::parse::MONTHS;
use crate::types::InternalDate;

/// Longest string that is written in quotes; longer ones go as literals.
const MAX_QUOTED: usize = 1_000;
/// Octets of UTF-8 in one encoded word: RFC 2047 §2 allows 75 characters in all.
const WORD: usize = 42;

/// A buffer of output.
pub(crate) type Out = Vec<u8>;

/// Writes a number.
pub(crate) fn number(out: &mut Out, number: impl Into<u64>) {
    out.extend_from_slice(itoa::Buffer::new().format(number.into()).as_bytes());
}

/// `string`: quoted where that is possible, else a literal.
pub(crate) fn string(out: &mut Out, octets: &[u8]) {
    if octets.len() <= MAX_QUOTED && is_printable(octets) {
        out.push(b'"');
        let mut rest = octets;
        while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
            let (before, special) = rest.split_at(at);
            out.extend_from_slice(before);
            out.push(b'\\');
            let (special, behind) = special.split_at(1);
            out.extend_from_slice(special);
            rest = behind;
        }
        out.extend_from_slice(rest);
        out.push(b'"');
        return;
    }
    let clean: Vec<u8> = octets.iter().copied().filter(|&octet| octet != 0).collect();
    literal(out, clean.len() as u64);
    out.extend_from_slice(&clean);
}

/// Whether all are printable ASCII. Looks at all of them, several at once.
fn is_printable(octets: &[u8]) -> bool {
    let printable = octets.iter().map(|octet| matches!(octet, b' '..=b'~'));
    printable.fold(true, |all, this| all & this)
}

/// The head of a literal of so many octets.
pub(crate) fn literal(out: &mut Out, length: u64) {
    let _ = write!(out, "{{{length}}}\r\n");
}

/// `nstring`, where no octets mean NIL.
pub(crate) fn nstring(out: &mut Out, octets: &[u8]) {
    if octets.is_empty() {
        out.extend_from_slice(b"NIL");
    } else {
        string(out, octets);
    }
}

/// A string that was decoded, back in the form of a header: what is not printable ASCII as encoded words (RFC 2047).
pub(crate) fn header_string(out: &mut Out, text: &str) {
    if is_printable(text.as_bytes()) {
        return string(out, text.as_bytes());
    }
    let mut words = String::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > WORD {
            push_word(&mut words, &mut word);
        }
        word.push(c);
    }
    push_word(&mut words, &mut word);
    string(out, words.as_bytes());
}

fn push_word(words: &mut String, word: &mut String) {
    if !words.is_empty() {
        words.push(' ');
    }
    words.push_str("=?utf-8?B?");
    STANDARD.encode_string(word.as_bytes(), words);
    words.push_str("?=");
    word.clear();
}

/// `date-time`, in UTC.
pub(crate) fn internal_date(out: &mut Out, date: InternalDate) {
    let timestamp =
        jiff::Timestamp::from_second(date.local_seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let (sign, zone) = (
        if date.offset < 0 { '-' } else { '+' },
        date.offset.unsigned_abs(),
    );
    let time = timestamp.to_zoned(jiff::tz::TimeZone::UTC);
    let month = usize::try_from(time.month() - 1)
        .ok()
        .and_then(|index| MONTHS.get(index))
        .unwrap_or(&"Jan");
    let _ = write!(
        out,
        "\"{:02}-{month}-{:04} {:02}:{:02}:{:02} {sign}{:02}{:02}\"",
        time.day(),
        time.year(),
        time.hour(),
        time.minute(),
        time.second(),
        zone / 60,
        zone % 60
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::Parser;

    proptest! {
        #[test]
        fn strings_come_back(octets in proptest::collection::vec(1u8.., 0..2000)) {
            let mut out = Out::new();
            string(&mut out, &octets);
            let mut parser = Parser::new(&out);
            prop_assert_eq!(parser.astring(), Ok(octets));
            prop_assert!(parser.is_done());
        }

        #[test]
        fn dates_come_back(seconds in 0i64..4_000_000_000, offset in -1439i16..1440) {
            let mut out = Out::new();
            let date = InternalDate { seconds, offset };
            internal_date(&mut out, date);
            prop_assert_eq!(Parser::new(&out).date_time(), Ok(date));
        }

        #[test]
        fn decoded_text_comes_back(text in "\\PC{1,80}") {
            let mut out = Out::new();
            header_string(&mut out, &text);
            let wire = Parser::new(&out).astring().unwrap();
            prop_assert!(wire.is_ascii());
            if !text.is_ascii() {
                prop_assert_eq!(waxwing_message::decode_words(&wire), text);
            }
        }
    }
}
