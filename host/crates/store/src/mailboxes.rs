//! Mailboxes of an account (RFC 3501 §5.1).
//!
//! Paths are UTF-8 with `/` between levels. INBOX is matched without case when it is the first level.
//! A name that only exists because it has children has `selectable == false`.

use crate::{AccountId, Error, MailboxId, Result, Store};

/// What a mailbox is for (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpecialUse {
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// A mailbox with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its number.
    pub id: MailboxId,
    /// Whose it is.
    pub account: AccountId,
    /// Its path, `Archive/2026`.
    pub path: String,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether the path is subscribed.
    pub subscribed: bool,
    /// False: only a level with children (`\Noselect`).
    pub selectable: bool,
    /// RFC 3501 §2.3.1.1; rises with every re-creation.
    pub uid_validity: u32,
    /// The UID of the next message.
    pub uid_next: u32,
    /// The highest modification sequence of a message in it, expunged ones included; at least 1 (RFC 7162 §3.1.2).
    pub highest_modseq: u64,
    /// Messages in it.
    pub messages: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Bytes of all messages.
    pub bytes: u64,
    /// Messages from this UID on have not been shown to a read-write session (`\Recent`), best effort.
    pub recent_from: u32,
}

/// Longest mailbox path, in bytes.
pub const MAX_PATH: usize = 512;
/// Most levels of a mailbox path.
pub const MAX_DEPTH: usize = 32;
/// Most mailboxes of an account.
pub const MAX_MAILBOXES: usize = 4096;

impl Store {
    /// All mailboxes of an account by path, INBOX first.
    pub async fn mailboxes(&self, _account: AccountId) -> Result<Vec<Mailbox>> {
        Err(Error::Closed)
    }

    /// The mailbox at a path.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn mailbox(&self, _account: AccountId, _path: &str) -> Result<Mailbox> {
        Err(Error::Closed)
    }

    /// The mailbox of a number, if it belongs to the account.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn mailbox_by_id(&self, _account: AccountId, _mailbox: MailboxId) -> Result<Mailbox> {
        Err(Error::Closed)
    }

    /// Creates a mailbox and the levels above it that are missing (RFC 3501 §6.3.3). A trailing `/` is ignored.
    ///
    /// # Errors
    /// `AlreadyExists`; `InvalidName`; `TooLarge` (too many mailboxes).
    pub async fn create_mailbox(
        &self,
        _account: AccountId,
        _path: &str,
        _special_use: Option<SpecialUse>,
    ) -> Result<Mailbox> {
        Err(Error::Closed)
    }

    /// Deletes a mailbox and its messages. One with children stays as a level that cannot be selected (RFC 3501 §6.3.4).
    ///
    /// # Errors
    /// `NoSuchMailbox`; `NotAllowed` for INBOX, and for a level with children that cannot be selected already.
    pub async fn delete_mailbox(&self, _account: AccountId, _path: &str) -> Result<()> {
        Err(Error::Closed)
    }

    /// Renames a mailbox and what is below it. Renaming INBOX moves its messages into a new mailbox and leaves INBOX
    /// empty, its children untouched (RFC 3501 §6.3.5). Missing levels above the new path are made.
    ///
    /// # Errors
    /// `NoSuchMailbox`; `AlreadyExists`; `InvalidName`; `NotAllowed` (below itself).
    pub async fn rename_mailbox(&self, _account: AccountId, _from: &str, _to: &str) -> Result<()> {
        Err(Error::Closed)
    }

    /// Subscribes a path or takes it back; the mailbox need not exist (RFC 3501 §6.3.6).
    pub async fn set_subscribed(
        &self,
        _account: AccountId,
        _path: &str,
        _subscribed: bool,
    ) -> Result<()> {
        Err(Error::Closed)
    }

    /// All subscribed paths, whether the mailbox exists or not (RFC 3501 §6.3.9).
    pub async fn subscriptions(&self, _account: AccountId) -> Result<Vec<String>> {
        Err(Error::Closed)
    }
}
