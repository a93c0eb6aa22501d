//! Ids (RFC 8620 §1.2): numbers of the answering side, each behind a letter of its kind, so that one is not taken for another.

use std::fmt;

/// Longest id, in octets (RFC 8620 §1.2).
const MAX_ID: usize = 255;

/// Whether a text can be an id: 1 to 255 letters, digits, `-` and `_` (RFC 8620 §1.2).
#[must_use]
pub fn is_id(text: &str) -> bool {
    let safe = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(safe)
}

/// A number as it is written here: no sign, no zeros before it.
fn number(text: &str) -> Option<u64> {
    let found: u64 = text.parse().ok()?;
    (found.to_string() == text).then_some(found)
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The id that is written like this.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                number(text.strip_prefix($letter)?).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $letter, self.0)
            }
        }
    };
}

numbered!(
    /// An account.
    AccountId,
    'A'
);
numbered!(
    /// What a message or an upload holds, as the store numbers it.
    ContentId,
    'B'
);

numbered!(
    /// An identity (RFC 8621 §6).
    IdentityId,
    'I'
);
numbered!(
    /// A submission of an email (RFC 8621 §7).
    SubmissionId,
    'S'
);
numbered!(
    /// An email: EMAILID of IMAP (RFC 8474 §5.1). All messages of one content are one email.
    EmailId,
    'M'
);
numbered!(
    /// A thread: THREADID of IMAP (RFC 8474 §5.2).
    ThreadId,
    'T'
);
numbered!(
    /// A mailbox: MAILBOXID of IMAP (RFC 8474 §4).
    MailboxId,
    'F'
);

numbered!(
    /// A push subscription.
    PushSubscriptionId,
    'S'
);

/// How the octets of a part are written in its message (RFC 2045 §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As they are.
    Identity,
    /// `base64`
    Base64,
    /// `quoted-printable`
    QuotedPrintable,
}

impl Encoding {
    const ALL: [Self; 3] = [Self::Identity, Self::Base64, Self::QuotedPrintable];

    const fn letter(self) -> &'static str {
        match self {
            Self::Identity => "i",
            Self::Base64 => "b",
            Self::QuotedPrintable => "q",
        }
    }
}

/// Octets that a client may download (RFC 8620 §6): a content, or a part of one. Whoever may read a content may read any piece of it, so
/// that a part needs no entry anywhere: its id says where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobId {
    /// All of it.
    Whole(ContentId),
    /// What the octets from `start` to before `end` are when they are decoded.
    Part {
        /// Of what.
        content: ContentId,
        /// The first octet.
        start: u64,
        /// One past the last.
        end: u64,
        /// How they are written.
        encoding: Encoding,
    },
}

impl BlobId {
    /// The id that is written like this.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some(part) = text.strip_prefix('P') else {
            return ContentId::parse(text).map(Self::Whole);
        };
        let mut fields = part.split('-');
        let mut next = || fields.next();
        let (content, start, end) = (number(next()?)?, number(next()?)?, number(next()?)?);
        let letter = next()?;
        let encoding = Encoding::ALL
            .into_iter()
            .find(|known| known.letter() == letter)?;
        let over = next().is_some() || end < start;
        (!over).then_some(Self::Part {
            content: ContentId(content),
            start,
            end,
            encoding,
        })
    }

    /// The content that it is, or is a part of.
    #[must_use]
    pub const fn content(self) -> ContentId {
        match self {
            Self::Whole(content) | Self::Part { content, .. } => content,
        }
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(content) => content.fmt(f),
            Self::Part {
                content,
                start,
                end,
                encoding,
            } => write!(f, "P{}-{start}-{end}-{}", content.0, encoding.letter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for text in [
            "B17",
            "P17-0-20-i",
            "P17-5-5-b",
            "P1-0-18446744073709551615-q",
        ] {
            assert_eq!(BlobId::parse(text).unwrap().to_string(), text);
        }
        for other in [
            "",
            "B",
            "B017",
            "B+1",
            "b1",
            "A1",
            "P1",
            "P1-2-1-i",
            "P1-1-2-x",
            "P1-1-2-i-",
            "P1-01-2-i",
            "B18446744073709551616",
        ] {
            assert_eq!(BlobId::parse(other), None, "{other}");
        }
        assert_eq!(AccountId::parse("A3"), Some(AccountId(3)));
    }

    #[test]
    fn an_id_is_short_and_of_safe_characters() {
        assert!(is_id("a-_Z9") && is_id(&"x".repeat(255)));
        assert!(
            !is_id("") && !is_id(&"x".repeat(256)) && !is_id("a b") && !is_id("ä") && !is_id("#a")
        );
    }
}
