//! Text in parameters of commands, where neither blanks, `=` nor `+` may stand as they are.
//!
//! Standards: RFC 3461 §4 (`xtext`), RFC 6533 §3 (`utf-8-addr-xtext`, `utf-8-addr-unitext`).
//! Invariants: decoding what was encoded gives the text again; what is encoded has no octet that ends a parameter.

use std::fmt::Write as _;

/// `xtext = *( xchar / hexchar )`: for any text; what is not ASCII is encoded octet by octet.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'!'..=b'~' if octet != b'+' && octet != b'=' => encoded.push(char::from(octet)),
            // Writing to a string cannot fail.
            _ => {
                let _infallible = write!(encoded, "+{octet:02X}");
            }
        }
    }
    encoded
}

/// The text of an `xtext`; `None` if it is none, or is not of UTF-8.
/// Deviation from RFC 3461 §4: lower-case hexadecimal digits are taken too, since some clients write them.
#[must_use]
pub fn decode(xtext: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(xtext.len());
    let mut rest = xtext.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'+' => octets.push(hex(rest.next()?)? << 4 | hex(rest.next()?)?),
            b'!'..=b'~' if octet != b'=' => octets.push(octet),
            _ => return None,
        }
    }
    String::from_utf8(octets).ok()
}

/// The text as `utf-8-addr-unitext`, or with `ascii` as `utf-8-addr-xtext`, for servers without SMTPUTF8.
#[must_use]
pub fn encode_unitext(text: &str, ascii: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        let plain = match c {
            // QCHAR = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e
            '!'..='~' => !matches!(c, '\\' | '+' | '='),
            _ => !c.is_ascii() && !ascii && !c.is_control(),
        };
        if plain {
            encoded.push(c);
        } else {
            let _infallible = write!(encoded, "\\x{{{:02X}}}", u32::from(c));
        }
    }
    encoded
}

/// The text of any of the forms of RFC 6533 §3; `None` if it is none of them.
#[must_use]
pub fn decode_unitext(encoded: &str) -> Option<String> {
    let mut text = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(c) = rest.chars().next() {
        if let Some(point) = rest.strip_prefix("\\x{") {
            let (digits, after) = point.split_once('}')?;
            // HEXPOINT: two to six digits.
            let digit = |b: u8| b.is_ascii_hexdigit();
            if !(2..=6).contains(&digits.len()) || !digits.bytes().all(digit) {
                return None;
            }
            text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
            rest = after;
        } else {
            // QUCHAR has no CTL, SP, `\`, `+` and `=`.
            if c.is_control() || matches!(c, ' ' | '\\' | '+' | '=') {
                return None;
            }
            text.push(c);
            rest = rest.get(c.len_utf8()..)?;
        }
    }
    Some(text)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
