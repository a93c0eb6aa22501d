//! What a notification returns of the message: all of it, or its header, bounded and safe to put into a part.

/// Largest message returned whole, in bytes. Above it only the header is.
pub const MAX_RETURNED: usize = 64 * 1024;
/// Most bytes of a header that is returned alone.
const MAX_HEADER: usize = 32 * 1024;
/// RFC 5322 §2.1.1: characters of a line.
const MAX_LINE: usize = 998;

/// What the sender asked to have returned (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReturnContent {
    /// It did not say: the header.
    #[default]
    NotAsked,
    /// `RET=FULL`
    Full,
    /// `RET=HDRS`
    Headers,
}

/// The last part of the report.
pub(super) struct Returned {
    pub(super) content_type: &'static str,
    pub(super) octets: Vec<u8>,
    pub(super) eight_bit: bool,
}

/// `failed`: the report tells of a failure; otherwise the header is enough (RFC 3461 §4.3). `utf8`: the message is one of
/// SMTPUTF8.
pub(super) fn returned(
    original: &[u8],
    asked: ReturnContent,
    failed: bool,
    utf8: bool,
) -> Returned {
    let whole = asked == ReturnContent::Full
        && failed
        && original.len() <= MAX_RETURNED
        && is_text(original);
    let octets = match whole {
        true => original.to_vec(),
        false => header_of(original),
    };
    // RFC 6533 §4: message/global and message/global-headers where the header may be UTF-8.
    let content_type = match (whole, utf8) {
        (true, false) => "message/rfc822",
        (true, true) => "message/global",
        (false, false) => "text/rfc822-headers",
        (false, true) => "message/global-headers",
    };
    Returned {
        content_type,
        eight_bit: !octets.is_ascii(),
        octets,
    }
}

/// Whether octets can stand in a part as they are: lines of bounded length, CRLF at their ends and nowhere else, no NUL.
fn is_text(octets: &[u8]) -> bool {
    let mut rest = octets;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let (line, after) = match end {
            Some(at) => (rest.get(..at), rest.get(at + 2..)),
            None => (Some(rest), None),
        };
        let line = line.unwrap_or_default();
        if line.len() > MAX_LINE || line.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return false;
        }
        rest = after.unwrap_or_default();
    }
    true
}

/// The header, its lines made safe, cut after a whole line.
fn header_of(message: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    for line in message.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || header.len() + line.len().min(MAX_LINE) + 2 > MAX_HEADER {
            break;
        }
        let kept = line.iter().filter(|byte| !matches!(byte, 0 | b'\r'));
        header.extend(kept.take(MAX_LINE));
        header.extend_from_slice(b"\r\n");
    }
    header
}

/// The Message-ID of a message, if its header has one of a line and of bounded length.
pub(super) fn message_id(message: &[u8]) -> Option<String> {
    let header = header_of(message);
    let line = header.split(|byte| *byte == b'\n').find(|line| {
        let name = line.get(..11).unwrap_or_default();
        name.eq_ignore_ascii_case(b"message-id:")
    })?;
    let id = std::str::from_utf8(line.get(11..)?).ok()?.trim();
    let inner = id.strip_prefix('<')?.strip_suffix('>')?;
    let plain = inner
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'));
    (plain && inner.len() <= 250).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MESSAGE: &[u8] = b"Subject: x\r\nMessage-ID: <1@a.example>\r\n\r\nbody\r\n";

    #[test]
    fn as_much_as_was_asked_for() {
        let of = |asked, failed, utf8| returned(MESSAGE, asked, failed, utf8);
        assert_eq!(of(ReturnContent::Full, true, false).octets, MESSAGE);
        assert_eq!(
            of(ReturnContent::Full, true, true).content_type,
            "message/global"
        );
        let header = b"Subject: x\r\nMessage-ID: <1@a.example>\r\n";
        for (asked, failed) in [
            (ReturnContent::Headers, true),
            (ReturnContent::NotAsked, true),
            (ReturnContent::Full, false),
        ] {
            let part = of(asked, failed, false);
            assert_eq!(
                (part.octets.as_slice(), part.content_type),
                (&header[..], "text/rfc822-headers")
            );
        }
        assert_eq!(message_id(MESSAGE).as_deref(), Some("<1@a.example>"));
        assert_eq!(message_id(b"Message-ID: <a b>\r\n"), None);
    }

    #[test]
    fn what_is_large_or_binary_is_not_returned_whole() {
        let large = [b"S: x\r\n\r\n".to_vec(), b"line\r\n".repeat(20_000)].concat();
        for message in [large.as_slice(), b"S: x\r\n\r\na\nb", b"S: x\r\n\r\n\0"] {
            assert_eq!(
                returned(message, ReturnContent::Full, true, false).octets,
                b"S: x\r\n"
            );
        }
    }

    proptest! {
        #[test]
        fn headers_are_text_and_bounded(message in prop::collection::vec(any::<u8>(), 0..3000)) {
            let header = header_of(&message);
            prop_assert!(is_text(&header) && header.len() <= MAX_HEADER);
            let _ = message_id(&message);
        }
    }
}
