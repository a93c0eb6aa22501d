//! Mailbox names and attributes (RFC 3501 §5.1), and how asks name mailboxes and contents.

use std::fmt;

use crate::ask::StatusData;
use crate::types::{Rights, SpecialUse};

/// The hierarchy separator.
pub(super) const SEPARATOR: char = '/';

/// Longest mailbox name, in octets of UTF-8.
const MAX_NAME: usize = 512;

/// How the answering side names a selected mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MailboxId(pub i64);

/// How the answering side names the content of a message; opaque here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ContentRef(pub i64);

/// How mailbox names are written on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameForm {
    /// Modified UTF-7 (RFC 3501 §5.1.3).
    #[default]
    ModifiedUtf7,
    /// UTF-8 (RFC 9051 §5.1), in Normalization Form C when they are created.
    Utf8,
}

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
    /// Not UTF-8, where names are in UTF-8.
    #[error("the mailbox name is not UTF-8")]
    Utf8,
    /// Not in Normalization Form C (RFC 5198 §2).
    #[error("the mailbox name is not in Unicode's Normalization Form C")]
    Denormal,
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
            // RFC 6855 §3: nor line and paragraph separators.
            .any(|c| c.is_control() || matches!(c, '%' | '*' | '\u{2028}' | '\u{2029}'))
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

    /// Whether it is `root` or below it.
    #[must_use]
    pub fn is_within(&self, root: &Self) -> bool {
        let rest = self.0.strip_prefix(&root.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATOR))
    }

    /// The level above it, if there is one.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once(SEPARATOR)?;
        Some(Self(parent.to_owned()))
    }

    /// Whether it is in the namespace of others' mailboxes (RFC 2342).
    #[must_use]
    pub fn is_of_others(&self) -> bool {
        self.0.split(SEPARATOR).next() == Some("Other users")
    }

    /// Whose it is by its name, if it is in the namespace of others' mailboxes.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        let mut levels = self.0.split(SEPARATOR);
        levels.next().filter(|first| *first == "Other users")?;
        levels.next()
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
    /// What this session may do in it; [`Rights::ALL`] in a mailbox of its own.
    pub rights: Rights,
    /// Its numbers, if it can be selected (RFC 5819).
    pub status: StatusData,
}

impl MailboxInfo {
    /// Whether it is there and may not be read (RFC 4314 §4).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.exists && self.selectable && !self.rights.has(Rights::READ)
    }
}
