//! Mailbox names and attributes (RFC 3501 §5.1), and how asks name mailboxes and contents.

use std::fmt;

use bytes::Bytes;

use crate::ask::StatusData;
use crate::types::SpecialUse;

/// The hierarchy separator.
pub(super) const SEPARATOR: char = '/';

/// Longest mailbox name, in octets of UTF-8.
const MAX_NAME: usize = 512;

/// How the answering side names a selected mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MailboxId(pub i64);

/// How the answering side names the content of a message; opaque here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ContentRef(pub Bytes);

/// Why a string is no mailbox name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or an empty level (`a//b`, a leading or trailing `/`).
    #[error("a level of the mailbox name is empty")]
    Empty,
    /// Longer than 512 octets.
    #[error("the mailbox name is too long")]
    Long,
    /// Control characters, `%` or `*`.
    #[error("the mailbox name has a character that is not allowed")]
    Character,
    /// Not modified UTF-7 (RFC 3501 §5.1.3).
    #[error("the mailbox name is not modified UTF-7")]
    Encoding,
}

/// A mailbox name in UTF-8 with `/` between levels; INBOX is upper case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(String);

impl MailboxName {
    /// INBOX.
    #[must_use]
    pub fn inbox() -> Self {
        Self(String::from("INBOX"))
    }

    /// A name that may be created: no empty levels, no control characters, no wildcards, at most 512 octets.
    ///
    /// # Errors
    /// [`NameError`] names what is wrong.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.len() > MAX_NAME {
            return Err(NameError::Long);
        }
        if name.split(SEPARATOR).any(str::is_empty) {
            return Err(NameError::Empty);
        }
        // RFC 3501 §5.1: wildcards and control characters in names make trouble for clients.
        if name
            .chars()
            .any(|c| c.is_control() || matches!(c, '%' | '*'))
        {
            return Err(NameError::Character);
        }
        // RFC 3501 §5.1: INBOX is one mailbox in any case, also as the first level.
        let (first, rest) = name.split_at(name.find(SEPARATOR).unwrap_or(name.len()));
        if first.eq_ignore_ascii_case("INBOX") {
            return Ok(Self(format!("INBOX{rest}")));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name in UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is INBOX.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A mailbox as LIST and LSUB need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxInfo {
    /// Its name.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is subscribed.
    pub subscribed: bool,
    /// Whether it can be selected; a name that only has inferiors cannot.
    pub selectable: bool,
    /// Whether it exists at all; `false` for a subscription whose mailbox was deleted.
    pub exists: bool,
    /// Its numbers, if it can be selected (RFC 5819).
    pub status: StatusData,
}
