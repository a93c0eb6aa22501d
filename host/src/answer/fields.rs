//! Header fields as they came: what is found in them, and which are forged and go. (Policy's own fields and edits are
//! the policy crate's affair.)
//!
//! Standards: RFC 5322 §2.2 (fields, folding), RFC 8601 §5 (forged Authentication-Results), RFC 5321 §6.3 (loops), RFC 8689 §3
//! (TLS-Required).
//! Invariants: octets that stay are never changed; one pass over the header, whatever its shape.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use waxwing_auth::fields::claims_id;
use waxwing_message::header::MAX_HEADER;

/// The longest Message-ID that is kept, in octets.
const MESSAGE_ID: usize = 250;
/// The longest References, in octets.
const REFERENCES: usize = 4000;

/// What one pass over the header found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// Received fields.
    pub(crate) hops: usize,
    /// The first Message-ID, without its brackets; empty if there is none.
    pub(crate) message_id: String,
    /// What stands in References, unfolded; empty if it is not there, or longer than an answer could hand it on.
    pub(crate) references: String,
    /// TLS-Required: No (RFC 8689 §3).
    pub(crate) tls_optional: bool,
}

impl Header {
    /// Reads the header of `content`.
    pub(crate) fn read(content: &[u8]) -> Self {
        let mut header = Self::default();
        for field in fields(content) {
            let Some((name, value)) = split(content.get(field).unwrap_or_default()) else {
                continue;
            };
            if name.eq_ignore_ascii_case(b"Received") {
                header.hops += 1;
            } else if header.message_id.is_empty() && name.eq_ignore_ascii_case(b"Message-ID") {
                header.message_id = message_id(value);
            } else if header.references.is_empty() && name.eq_ignore_ascii_case(b"References") {
                header.references = references(value);
            } else if name.eq_ignore_ascii_case(b"TLS-Required") {
                header.tls_optional = value.trim_ascii().eq_ignore_ascii_case(b"No");
            }
        }
        header
    }
}

/// `top`, then the content without the results that claim to be ours: `authserv_id` is the name under which this
/// server reports (RFC 8601 §2.5).
pub(crate) fn assemble(top: &str, content: &[u8], authserv_id: &str) -> Bytes {
    let mut whole = BytesMut::with_capacity(top.len() + content.len());
    whole.extend_from_slice(top.as_bytes());
    let mut from = 0;
    for range in fields(content).filter(|range| forged(content, range, authserv_id)) {
        whole.extend_from_slice(content.get(from..range.start).unwrap_or_default());
        from = range.end;
    }
    whole.extend_from_slice(content.get(from..).unwrap_or_default());
    whole.freeze()
}

/// The queue id of a message that came here and was filed, and where what this server wrote on top of it ends; none for other contents.
/// Whoever writes such fields themselves names a message of their own, or none.
pub(crate) fn arrival(content: &[u8]) -> Option<(String, usize)> {
    let mut top = None;
    for range in fields(content) {
        let field = content.get(range.clone()).unwrap_or_default();
        let (name, value) = split(field)?;
        let ours = [
            &b"Return-Path"[..],
            b"Authentication-Results",
            b"Received-SPF",
        ];
        let marks = [&b"X-Waxwing-Score"[..], b"X-Waxwing-Verdict"];
        let is = |known: &&[u8]| name.eq_ignore_ascii_case(known);
        match &mut top {
            None if name.eq_ignore_ascii_case(b"Received") => {
                top = Some((queue_id(value)?, range.end));
            }
            None if ours.iter().any(is) => {}
            Some((_, end)) if marks.iter().any(is) => *end = range.end,
            _ => break,
        }
    }
    top
}

/// What stands behind `id` in a Received field (RFC 5321 §4.4).
fn queue_id(value: &[u8]) -> Option<String> {
    let value = String::from_utf8_lossy(value);
    let mut words = value.split_ascii_whitespace();
    words.find(|word| *word == "id")?;
    let id = words.next()?.trim_end_matches(';');
    (!id.is_empty()).then(|| id.to_owned())
}

fn forged(content: &[u8], field: &Range<usize>, authserv_id: &str) -> bool {
    split(content.get(field.clone()).unwrap_or_default()).is_some_and(|(name, value)| {
        name.eq_ignore_ascii_case(b"Authentication-Results") && claims_id(value, authserv_id)
    })
}

/// Whether content begins with a header or with the empty line that ends one. If it does not, what is put on top of it would go on in it:
/// a line that begins with a blank continues the field before it (RFC 5322 §2.2.3).
pub(crate) fn begins_well(content: &[u8]) -> bool {
    let line = content.split(|byte| *byte == b'\r').next();
    let Some(line) = line.filter(|line| !line.is_empty()) else {
        return true;
    };
    // What some programs leave on top of a message is no field, and the header goes on after it.
    line.starts_with(b"From ")
        || split(line).is_some_and(|(name, _)| {
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic())
        })
}

/// The ranges of all fields, folded lines and line ends included, up to the empty line.
fn fields(content: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let content = content.get(..MAX_HEADER).unwrap_or(content);
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        loop {
            let rest = content.get(at..).unwrap_or_default();
            let begins = rest.first().copied();
            // RFC 5322 §2.2.3: a line that begins with a blank goes on with the field.
            let folded = matches!(begins, Some(b' ' | b'\t')) && at > start;
            let empty = rest.starts_with(b"\r\n") || begins.is_none();
            if at > start && !folded || empty {
                return (at > start).then_some(start..at);
            }
            at += rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(rest.len(), |end| end + 1);
        }
    })
}

fn split(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = field.iter().position(|byte| *byte == b':')?;
    // RFC 5322 §4.5: blanks before the colon are obsolete, and still seen.
    Some((
        field.get(..colon)?.trim_ascii_end(),
        field.get(colon + 1..)?,
    ))
}

fn message_id(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let inner = value
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(value.trim(), |(id, _)| id);
    inner
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .take(MESSAGE_ID)
        .collect()
}

fn references(value: &[u8]) -> String {
    if value.len() > REFERENCES || !value.is_ascii() {
        return String::new();
    }
    let value = String::from_utf8_lossy(value);
    let ids: Vec<&str> = value.split_ascii_whitespace().collect();
    ids.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_forged(content: &str) -> String {
        String::from_utf8(assemble("", content.as_bytes(), "mx.waxwing.example").to_vec()).unwrap()
    }

    #[test]
    fn fields_are_counted_and_found() {
        let content = "Received: a\r\n\tfolded: Received: x\r\nreceived : b\r\nMessage-Id:\r\n <one@two>\r\nReferences: <a@b>\r\n\t<c@d>\r\nSubject: x\r\n\r\nReceived: body\r\n";
        let header = Header::read(content.as_bytes());
        assert_eq!(header.references, "<a@b> <c@d>");
        let long = format!("References: {}\r\n\r\n", "<a@b> ".repeat(1000));
        assert_eq!(Header::read(long.as_bytes()).references, "");
        assert_eq!((header.hops, header.message_id.as_str()), (2, "one@two"));
    }

    #[test]
    fn what_came_is_known_by_what_was_written_on_top_of_it() {
        let top = "Return-Path: <a@b>\r\nAuthentication-Results: mx; none\r\nReceived: from h ([192.0.2.1])\r\n\tby mx with ESMTP\r\n\tid 01KB0000000000000;\r\n\tdate\r\nX-Waxwing-Score: 1\r\n";
        let whole = format!(
            "{top}Received: from x id other; date\r\nX-Waxwing-Verdict: y\r\nSubject: z\r\n\r\nbody"
        );
        assert_eq!(
            arrival(whole.as_bytes()),
            Some(("01KB0000000000000".to_owned(), top.len()))
        );
        for draft in [
            "Subject: x\r\nReceived: a id b; c\r\n\r\n",
            "",
            "\r\n",
            "Received: from x\r\n\r\n",
        ] {
            assert_eq!(arrival(draft.as_bytes()), None, "{draft:?}");
        }
    }

    #[test]
    fn forged_fields_go_with_their_folded_lines() {
        let forged = "authentication-results: mx.waxwing.example; none\r\n\tmore\r\n";
        let content = format!("A: 1\r\n{forged}B: 2\r\n{forged}\r\n{forged}");
        assert_eq!(
            without_forged(&content),
            format!("A: 1\r\nB: 2\r\n\r\n{forged}")
        );
        assert_eq!(
            assemble("top\r\n", content.as_bytes(), "other"),
            format!("top\r\n{content}")
        );
    }

    #[test]
    fn results_of_our_name_go_and_those_of_others_stay() {
        let ours = [
            "mx.waxwing.example; spf=pass",
            "\r\n MX.waxwing.example;\r\n dkim=pass",
            "(hi (\\)there)) mx.waxwing.example 1; none",
            "\"mx.waxwing.example\"; x",
            // What cannot be read, a lenient reader might take for ours.
            "(unclosed other",
        ];
        for value in ours {
            assert_eq!(
                without_forged(&format!("Authentication-Results: {value}\r\nB: 2\r\n\r\n")),
                "B: 2\r\n\r\n",
                "{value}"
            );
        }
        for value in [
            "mx.waxwing.example.evil; spf=pass",
            "other; mx.waxwing.example",
            "(mx.waxwing.example) other;",
        ] {
            let content = format!("Authentication-Results: {value}\r\n\r\n");
            assert_eq!(without_forged(&content), content);
        }
    }

    #[test]
    fn a_beginning_that_is_no_header_is_told() {
        for well in [
            "",
            "\r\n",
            "\r\nbody",
            "A: 1",
            "Subject : x\r\n",
            "From me Thu\r\nA: 1",
        ] {
            assert!(begins_well(well.as_bytes()), "{well:?}");
        }
        for ill in [
            "\tX-Verdict: good",
            " a: b",
            "Hello",
            "Dear all: hi",
            ": x",
            "\u{e4}: x",
        ] {
            assert!(!begins_well(ill.as_bytes()), "{ill:?}");
        }
    }

    #[test]
    fn odd_headers_lose_nothing() {
        for content in [
            "",
            "\r\n",
            "no colon\r\n\r\nbody",
            "A: 1",
            " starts folded\r\nA: 1\r\n\r\n",
            "A: 1\r\nno colon\r\n more\r\n",
            "\n\r\n",
        ] {
            assert_eq!(without_forged(content), content);
            let ranges: Vec<_> = fields(content.as_bytes()).collect();
            assert!(
                ranges.windows(2).all(|pair| pair[0].end == pair[1].start),
                "{content:?}: {ranges:?}"
            );
        }
    }
}
