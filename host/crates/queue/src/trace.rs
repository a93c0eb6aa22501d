//! Mail that goes round in circles (RFC 5321 §6.3).

/// Most Received fields of a message that is sent on. RFC 5321 §6.3 asks for at least 100.
pub const MAX_RECEIVED: usize = 100;
/// Most bytes of a header that are looked at.
const MAX_HEADER: usize = 1024 * 1024;

/// How many Received fields the header of a message has. Stops at the first empty line, and after 1 MiB.
pub fn received_count(message: &[u8]) -> usize {
    let header = message.get(..MAX_HEADER).unwrap_or(message);
    let mut count = 0;
    for line in header.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        count += usize::from(is_received(line));
    }
    count
}

/// RFC 5322 §4.5: white space before the colon is obsolete, and understood.
fn is_received(line: &[u8]) -> bool {
    let Some((name, rest)) = line.split_at_checked(b"Received".len()) else {
        return false;
    };
    name.eq_ignore_ascii_case(b"Received") && rest.trim_ascii_start().starts_with(b":")
}

/// Whether a message has passed so many hosts that it must be going in circles: 5.4.6.
pub fn is_looping(message: &[u8]) -> bool {
    received_count(message) > MAX_RECEIVED
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn received_fields_are_counted() {
        let message = b"Received: from a\r\n by b; now\r\nreceived : from c\r\nReceived-SPF: pass\r\nX: Received: no\r\n\r\nReceived: body\r\n";
        assert_eq!(received_count(message), 2);
        assert!(!is_looping(message));
        assert!(!is_looping(&b"Received: x\r\n".repeat(100)));
        assert!(is_looping(&b"Received: x\r\n".repeat(101)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(message in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(received_count(&message) <= message.len());
        }
    }
}
