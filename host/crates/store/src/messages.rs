//! Messages: delivery, reading, flags, copies, moves, removal.
//!
//! Every write is durable when its call returns. UIDs of a mailbox strictly ascend and are never used again; every
//! change takes a new modification sequence of the account.

use bytes::Bytes;

use crate::{
    AccountId, BlobId, Error, FlagChange, Flags, LedgerRow, Mailbox, MailboxId, Result, SpecialUse,
    Store,
};

/// Where in an account a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// INBOX.
    Inbox,
    /// The mailbox of this number; [`Error::NoSuchMailbox`] if it is gone.
    Id(MailboxId),
    /// The mailbox at this path; if there is none it is made when `create`, else [`Error::NoSuchMailbox`].
    Path {
        /// The path.
        path: String,
        /// Whether to make it.
        create: bool,
    },
    /// The mailbox for this use, else INBOX.
    Use(SpecialUse),
}

/// One place that a message is delivered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whose mailbox.
    pub account: AccountId,
    /// Which mailbox.
    pub mailbox: Place,
    /// Its first flags.
    pub flags: Flags,
    /// Its first keywords.
    pub keywords: Vec<String>,
}

/// A message to be stored: from SMTP, LMTP or APPEND.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The bytes of the message.
    pub content: Bytes,
    /// What readers need without parsing it again; opaque here.
    pub summary: Vec<u8>,
    /// Where it goes; stored in all of them or in none. With none only the ledger row is written.
    pub targets: Vec<Target>,
    /// The internal date, milliseconds of Unix time.
    pub internal_date: i64,
    /// What to write into the ledger in the same commit.
    pub ledger: Option<LedgerRow>,
}

/// A message that was stored, one for each target in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub mailbox: MailboxId,
    /// The mailbox's UIDVALIDITY.
    pub uid_validity: u32,
    /// The message's UID.
    pub uid: u32,
    /// Its modification sequence.
    pub modseq: u64,
    /// Its content.
    pub blob: BlobId,
}

/// UIDs from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UidRange {
    /// The first UID.
    pub first: u32,
    /// The last UID.
    pub last: u32,
}

impl UidRange {
    /// Every UID.
    pub const ALL: UidRange = UidRange {
        first: 1,
        last: u32::MAX,
    };

    /// One UID.
    pub const fn one(uid: u32) -> UidRange {
        UidRange {
            first: uid,
            last: uid,
        }
    }

    /// Ascending UIDs as as few ranges as possible.
    pub fn compress(uids: impl IntoIterator<Item = u32>) -> Vec<UidRange> {
        let mut ranges: Vec<UidRange> = Vec::new();
        for uid in uids {
            match ranges.last_mut() {
                Some(range) if range.last.checked_add(1) == Some(uid) => range.last = uid,
                _ => ranges.push(UidRange::one(uid)),
            }
        }
        ranges
    }
}

/// A message's UID, flags and modification sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFlags {
    /// Its UID.
    pub uid: u32,
    /// Its modification sequence.
    pub modseq: u64,
    /// Its system flags.
    pub flags: Flags,
    /// Its keywords.
    pub keywords: Vec<String>,
}

/// A message without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// UID, flags, modification sequence.
    pub flags: MessageFlags,
    /// Internal date, milliseconds of Unix time.
    pub internal_date: i64,
    /// Bytes of the content.
    pub size: u64,
    /// The content.
    pub blob: BlobId,
    /// The summary given at delivery; empty unless asked for.
    pub summary: Bytes,
}

/// A mailbox and the messages in it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its messages, ascending by UID.
    pub messages: Vec<MessageFlags>,
    /// Messages from this UID on are `\Recent` for this session: no read-write session saw them before. Best effort:
    /// the mark is kept in memory first and may go back after a crash.
    pub recent_from: u32,
}

/// What a change of flags did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagsChanged {
    /// The messages that exist and were allowed to change, as they are now, ascending by UID; those that had the
    /// flags already keep their modification sequence.
    pub messages: Vec<MessageFlags>,
    /// Messages left alone because of `unchanged_since` (RFC 7162: MODIFIED).
    pub modified: Vec<u32>,
}

/// What a copy or move did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the mailbox copied to.
    pub uid_validity: u32,
    /// Pairs of old and new UID, ascending by both.
    pub uids: Vec<(u32, u32)>,
}

impl Store {
    /// Stores a message in all targets, and its ledger row. Returns after the commit is on disk, one entry a target.
    ///
    /// # Errors
    /// `NoSuchAccount`, `NoSuchMailbox`, `TooLarge`, `InvalidName` (a keyword), `Full`; nothing is stored then.
    pub async fn deliver(&self, _delivery: Delivery) -> Result<Vec<Stored>> {
        Err(Error::Closed)
    }

    /// Opens a mailbox: its state and all its messages' flags. With `read_write` the messages stop being recent for others.
    ///
    /// # Errors
    /// `NoSuchMailbox`, also for one that cannot be selected.
    pub async fn select(
        &self,
        _account: AccountId,
        _mailbox: MailboxId,
        _read_write: bool,
    ) -> Result<Snapshot> {
        Err(Error::Closed)
    }

    /// Messages of these UIDs, ascending; UIDs that are not there are left out. Ask for some hundreds at a time when
    /// `with_summary`.
    pub async fn fetch(
        &self,
        _account: AccountId,
        _mailbox: MailboxId,
        _uids: &[UidRange],
        _with_summary: bool,
    ) -> Result<Vec<Message>> {
        Err(Error::Closed)
    }

    /// Changes flags and keywords of the messages of these UIDs; UIDs that are not there are left out.
    pub async fn store_flags(
        &self,
        _account: AccountId,
        _mailbox: MailboxId,
        _uids: &[UidRange],
        _change: FlagChange,
    ) -> Result<FlagsChanged> {
        Err(Error::Closed)
    }

    /// Copies messages with flags, keywords and internal date to another mailbox of the same account (RFC 3501 §6.4.7).
    /// All or none.
    pub async fn copy(
        &self,
        _account: AccountId,
        _from: MailboxId,
        _uids: &[UidRange],
        _to: MailboxId,
    ) -> Result<Copied> {
        Err(Error::Closed)
    }

    /// Moves messages to another mailbox of the same account in one commit (RFC 6851).
    pub async fn move_messages(
        &self,
        _account: AccountId,
        _from: MailboxId,
        _uids: &[UidRange],
        _to: MailboxId,
    ) -> Result<Copied> {
        Err(Error::Closed)
    }

    /// Removes messages of these UIDs; with `deleted_only` those that have `\Deleted`. Returns the UIDs removed, ascending.
    pub async fn expunge(
        &self,
        _account: AccountId,
        _mailbox: MailboxId,
        _uids: &[UidRange],
        _deleted_only: bool,
    ) -> Result<Vec<u32>> {
        Err(Error::Closed)
    }
}
