//! Which messages need UTF-8 mode (RFC 6856 §2.1): those that RFC 6532 alone allows, with addresses that ASCII has no form for.

/// The fields that addresses stand in.
const FIELDS: [&str; 12] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-from",
    "resent-sender",
    "resent-reply-to",
    "resent-to",
    "resent-cc",
    "resent-bcc",
];

/// Whether a message has such an address in as much of its header as is here.
///
/// Deviation from RFC 6856 §2.1: other octets outside ASCII, in a subject or a body, go to clients without UTF-8 mode as they are.
/// Such mail has been sent since long before there was one, its clients show it, and a form of it in ASCII would be another message.
pub(crate) fn has_address(start: &[u8]) -> bool {
    let mut inside = false;
    for line in start.split(|octet| *octet == b'\n') {
        match line {
            [] | [b'\r'] => return false,
            // RFC 5322 §2.2.3: the field before goes on.
            [b' ' | b'\t', ..] => {}
            _ => inside = is_one(line),
        }
        if inside && !line.is_ascii() && std::str::from_utf8(line).is_ok_and(names_one) {
            return true;
        }
    }
    false
}

fn is_one(line: &[u8]) -> bool {
    let end = memchr::memchr(b':', line).unwrap_or(0);
    let name = line.get(..end).unwrap_or_default().trim_ascii_end();
    FIELDS
        .iter()
        .any(|field| name.eq_ignore_ascii_case(field.as_bytes()))
}

/// Whether a word with `@` in it is not of ASCII.
fn names_one(line: &str) -> bool {
    line.split(|c: char| c.is_ascii_whitespace() || "<>(),:;\"".contains(c))
        .any(|word| word.contains('@') && !word.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_and_names_do_not() {
        for text in [
            "From: <zoë@x.test>\r\n\r\n",
            "Subject: x\r\nTo: a@b.test,\r\n\tb@grün.test\r\n\r\n",
            "cc: Zoë <zoë@x.test>\n\n",
        ] {
            assert!(has_address(text.as_bytes()), "{text}");
        }
        for text in [
            "From: Zoë <zoe@x.test>\r\nSubject: an zoë@x.test\r\n\r\n",
            "From: <a@x.test>\r\n\r\nTo: zoë@x.test\r\n",
            "X-From: zoë@x.test\r\n\r\n",
            "",
        ] {
            assert!(!has_address(text.as_bytes()), "{text}");
        }
        assert!(
            !has_address(b"From: <zo\xeb@x.test>\r\n\r\n"),
            "that is Latin-1"
        );
    }
}
