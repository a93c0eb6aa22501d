//! Object identifiers (RFC 8474): numbers of the answering side, each behind a letter of its kind, so that they cannot be
//! taken for something else (§8.1).

use std::fmt;

use crate::types::MailboxId;

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The identifier that is written like this, case included (RFC 8474 §7).
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let id = Self(text.strip_prefix($letter)?.parse().ok()?);
                (id.to_string() == text).then_some(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $letter, self.0)
            }
        }
    };
}

object_id!(
    /// What all copies of a message share (RFC 8474 §5.1); the answering side gives a number to one content only.
    EmailId,
    'M'
);
object_id!(
    /// What the messages of a conversation share (RFC 8474 §5.2).
    ThreadId,
    'T'
);

/// As MAILBOXID (RFC 8474 §4).
impl fmt::Display for MailboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{EmailId, ThreadId};

    #[test]
    fn identifiers_are_read_as_they_are_written() {
        assert_eq!(EmailId::parse("M17"), Some(EmailId(17)));
        for other in ["m17", "M017", "M+17", "M", "17", "T17", "M17a"] {
            assert_eq!(EmailId::parse(other), None, "{other}");
        }
        assert_eq!(ThreadId::parse("T17"), Some(ThreadId(17)));
    }
}
