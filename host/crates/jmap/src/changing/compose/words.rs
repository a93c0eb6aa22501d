//! Text in header fields: encoded words, quoted strings, parameters, and the folding of lines.

use std::fmt::Write as _;

/// Octets of a line that should not be exceeded, and that may not be (RFC 5322 §2.1.1).
const LINE: usize = 78;
const MAX_LINE: usize = 998;
/// What an encoded word can hold (RFC 2047 §2: 75 octets with what is around it).
const ENCODED: usize = 75 - "=?utf-8?B?".len() - "?=".len();
/// Longest word that is written as it is where it could be encoded.
const MAX_WORD: usize = 200;
/// Octets of a parameter's value in a line (RFC 2231 §3).
const PARAMETER: usize = 60;

/// A whole field, folded where its value has white space. None if a line would be too long all the same.
pub(crate) fn folded(name: &str, value: &str) -> Option<String> {
    let mut field = format!("{name}:");
    let mut column = field.len();
    let mut rest = value.trim_matches([' ', '\t']);
    let mut first = true;
    while !rest.is_empty() {
        // White space, and what follows it.
        let word = rest.trim_start_matches([' ', '\t']);
        let space = rest.len() - word.len();
        let end = word.find([' ', '\t']).unwrap_or(word.len());
        let (piece, behind) = rest.split_at_checked(space + end)?;
        if first {
            field.push(' ');
            column += 1;
        } else if column + piece.len() > LINE {
            field.push_str("\r\n");
            column = 0;
        }
        field.push_str(piece);
        column += piece.len();
        if column > MAX_LINE {
            return None;
        }
        (rest, first) = (behind, false);
    }
    field.push_str("\r\n");
    Some(field)
}

/// Whether a word of a text has to be encoded. What looks like an encoded word has to be, or it would be decoded.
fn is_odd(word: &str) -> bool {
    !word.is_ascii() || word.contains("=?") || word.len() > MAX_WORD
}

/// An unstructured text: what needs it is encoded, from the first word of the kind to the last.
pub(crate) fn text(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let padded = text.starts_with(' ') || text.ends_with(' ');
    let (first, last) = if padded || text.contains('\t') {
        (0, words.len() - 1)
    } else {
        let first = words.iter().position(|word| is_odd(word));
        let last = words.iter().rposition(|word| is_odd(word));
        match (first, last) {
            (Some(first), Some(last)) => (first, last),
            _ => return text.to_owned(),
        }
    };
    let part = |words: Option<&[&str]>| words.unwrap_or_default().join(" ");
    let (before, behind) = (part(words.get(..first)), part(words.get(last + 1..)));
    let mut written = before;
    if first > 0 {
        written.push(' ');
    }
    written.push_str(&encoded(&part(words.get(first..=last))));
    if last + 1 < words.len() {
        written.push(' ');
        written.push_str(&behind);
    }
    written
}

/// A name before an address (RFC 5322 §3.2.5): atoms, a quoted string, or encoded words.
pub(crate) fn phrase(name: &str) -> String {
    let atom = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    let plain = name.split(' ').all(|word| !word.is_empty());
    if is_odd(name) {
        encoded(name)
    } else if plain && name.chars().all(atom) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text as encoded words, with a space between them that belongs to none of them.
fn encoded(text: &str) -> String {
    let odd = text.chars().filter(|c| !c.is_ascii()).count();
    let mut words: Vec<String> = Vec::new();
    // Where most can be read as it is, the other way would be shorter at best.
    if odd * 2 <= text.chars().count() {
        let mut word = String::new();
        for c in text.chars() {
            let next = q(c);
            if word.len() + next.len() > ENCODED {
                words.push(format!("=?utf-8?Q?{word}?="));
                word.clear();
            }
            word.push_str(&next);
        }
        words.push(format!("=?utf-8?Q?{word}?="));
    } else {
        // RFC 2047 §5: no character is split.
        let most = ENCODED / 4 * 3;
        let mut rest = text;
        while !rest.is_empty() {
            let (word, behind) = rest.split_at(rest.floor_char_boundary(most));
            words.push(format!("=?utf-8?B?{}?=", base64(word.as_bytes())));
            rest = behind;
        }
    }
    words.join(" ")
}

/// RFC 2047 §4.2 and §5 (3): what may stand for itself in every place.
fn q(c: char) -> String {
    if c == ' ' {
        return "_".into();
    }
    if c.is_ascii_alphanumeric() || "!*+-/".contains(c) {
        return c.to_string();
    }
    let mut octets = [0; 4];
    let mut text = String::new();
    for octet in c.encode_utf8(&mut octets).bytes() {
        let _ = write!(text, "={octet:02X}");
    }
    text
}

/// RFC 4648 §4.
fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for chunk in octets.chunks(3) {
        let octet = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for place in 0..4 {
            if place > chunk.len() {
                text.push('=');
                continue;
            }
            let digit = (bits >> (18 - 6 * place)) & 63;
            let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(char::from(digit));
        }
    }
    text
}

/// A parameter of a field, with the semicolon before it (RFC 2045 §5.1, RFC 2231 §3 and §4).
pub(crate) fn parameter(name: &str, value: &str) -> String {
    if value.is_ascii() && value.len() <= PARAMETER {
        return format!("; {name}={}", quoted(value));
    }
    let attribute = |c: u8| c.is_ascii_alphanumeric() || b"!#$&+-.^_`{|}~".contains(&c);
    let mut pieces: Vec<String> = vec![String::new()];
    for octet in value.bytes() {
        let next = match attribute(octet) {
            true => char::from(octet).to_string(),
            false => format!("%{octet:02X}"),
        };
        match pieces.last_mut() {
            Some(last) if last.len() + next.len() <= PARAMETER => last.push_str(&next),
            _ => pieces.push(next),
        }
    }
    if let [only] = pieces.as_slice() {
        return format!("; {name}*=utf-8''{only}");
    }
    let mut text = String::new();
    for (number, piece) in pieces.iter().enumerate() {
        let charset = if number == 0 { "utf-8''" } else { "" };
        let _ = write!(text, "; {name}*{number}*={charset}{piece}");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waxwing_message::decode_words;

    use super::*;

    #[test]
    fn lines_are_folded_at_white_space() {
        let long = "word ".repeat(40);
        let field = folded("Subject", &long).unwrap();
        assert!(field.lines().count() > 2 && field.lines().all(|line| line.len() <= 78));
        let unfolded = format!("Subject: {}", long.trim_end());
        assert_eq!(field.replace("\r\n", ""), unfolded);
        assert_eq!(folded("X", "").unwrap(), "X:\r\n");
        assert_eq!(folded("X", &"x".repeat(2000)), None);
    }

    #[test]
    fn names_are_atoms_strings_or_encoded() {
        for (name, written) in [
            ("Alice Example", "Alice Example"),
            ("Example, Alice", "\"Example, Alice\""),
            ("A \"B\" \\", "\"A \\\"B\\\" \\\\\""),
            ("Jörg", "=?utf-8?Q?J=C3=B6rg?="),
            ("日本", "=?utf-8?B?5pel5pys?="),
        ] {
            assert_eq!(phrase(name), written);
        }
        assert!(phrase("=?utf-8?Q?x?=").starts_with("=?utf-8?Q?=3D=3F"));
    }

    #[test]
    fn parameters_are_quoted_or_encoded() {
        assert_eq!(parameter("name", "a b.txt"), "; name=\"a b.txt\"");
        let encoded = "; name*=utf-8''%C3%A4%20b.txt";
        assert_eq!(parameter("name", "ä b.txt"), encoded);
        let long = parameter("filename", &"ä".repeat(30));
        assert!(long.starts_with("; filename*0*=utf-8''%C3") && long.contains("; filename*1*=%"));
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was_written(words in prop::collection::vec("[a-zA-Z0-9äßЖ日?=_.,]{1,30}", 1..20)) {
            let subject = words.join(" ");
            let field = folded("Subject", &text(&subject)).unwrap();
            prop_assert!(field.is_ascii() && field.lines().all(|line| line.len() <= 998));
            let unfolded = field.replace("\r\n", "");
            let value = unfolded.strip_prefix("Subject: ").unwrap();
            prop_assert_eq!(decode_words(value.as_bytes()), subject);
        }
    }
}
