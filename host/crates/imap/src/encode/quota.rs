//! QUOTA and QUOTAROOT responses (RFC 9208 §4.2).

use crate::ask::QuotaRoot;
use crate::encode::core::{Out, number, string};
use crate::encode::mailbox::mailbox;
use crate::types::{MailboxName, NameForm};

/// RFC 9208 §5.1: STORAGE counts in units of so many octets.
const UNIT: u64 = 1024;
/// RFC 9208 §3.1.2: usage and limit are integers of 63 bits.
const MOST: u64 = i64::MAX.unsigned_abs();

/// `* QUOTA root (…)`
pub(crate) fn quota(out: &mut Out, root: &QuotaRoot) {
    out.extend_from_slice(b"* QUOTA ");
    string(out, root.name.as_bytes());
    out.extend_from_slice(b" (");
    // Both are rounded up: what is full is shown as full, and a limit that lets something in is never 0.
    let storage = root.bytes_limit.map(|limit| {
        let units = |octets: u64| octets.div_ceil(UNIT);
        ("STORAGE", units(root.bytes), units(limit))
    });
    let message = root
        .messages_limit
        .map(|limit| ("MESSAGE", root.messages, limit));
    // RFC 9208 §4.2.1: what is not named is not limited.
    for (place, (name, usage, limit)) in storage.into_iter().chain(message).enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
        for value in [usage, limit] {
            out.push(b' ');
            number(out, value.min(MOST));
        }
    }
    out.extend_from_slice(b")\r\n");
}

/// `* QUOTAROOT mailbox root…`
pub(crate) fn quota_root(out: &mut Out, name: &MailboxName, form: NameForm, roots: &[QuotaRoot]) {
    out.extend_from_slice(b"* QUOTAROOT ");
    mailbox(out, name, form);
    for root in roots {
        out.push(b' ');
        string(out, root.name.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(root: &QuotaRoot) -> String {
        let mut out = Out::new();
        quota(&mut out, root);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn units_are_rounded_up_and_numbers_have_63_bits() {
        let mut root = QuotaRoot {
            name: "a b".into(),
            bytes: 1025,
            bytes_limit: Some(1),
            messages: u64::MAX,
            messages_limit: Some(0),
        };
        let expected = "* QUOTA \"a b\" (STORAGE 2 1 MESSAGE 9223372036854775807 0)\r\n";
        assert_eq!(told(&root), expected);
        (root.bytes_limit, root.messages_limit) = (None, None);
        assert_eq!(told(&root), "* QUOTA \"a b\" ()\r\n");
    }
}
