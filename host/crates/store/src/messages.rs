//! Messages: delivery, reading, flags, copies, moves, removal.
//!
//! Every write is durable when its call returns. UIDs of a mailbox strictly ascend and are never used again; every
//! change takes a new modification sequence of the account.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::blob_files::BlobFile;
use crate::database::Value;
use crate::flags::join_keywords;
use crate::images::Entry;
use crate::shared::lock;
use crate::statement::{Rows, Sql};
use crate::writer::deliver::{Deliver, DeliverAll};
use crate::writer::expunge::Expunge;
use crate::writer::flags::StoreFlags;
use crate::writer::mailboxes::SawRecent;
use crate::writer::queue::enqueue::Enqueue;
use crate::{
    AccountId, BlobId, Changes, Error, FlagChange, FlagScope, Flags, LedgerRow, Mailbox, MailboxId,
    Result, SpecialUse, Store,
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
    /// The zone that the internal date is shown in, minutes east of UTC.
    pub internal_offset: i16,
    /// Which conversation it belongs to; 0: it is not said.
    pub thread: i64,
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

    /// Whether ascending ranges hold a UID.
    pub fn any_holds(ranges: &[UidRange], uid: u32) -> bool {
        let next = ranges.partition_point(|range| range.last < uid);
        ranges.get(next).is_some_and(|range| range.first <= uid)
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
    /// The zone that the internal date is shown in, minutes east of UTC.
    pub internal_offset: i16,
    /// When it was saved in this mailbox (RFC 8514), milliseconds of Unix time; of old messages the internal date.
    pub saved: i64,
    /// Bytes of the content.
    pub size: u64,
    /// The content.
    pub blob: BlobId,
    /// Which conversation it belongs to; 0: it was not said.
    pub thread: i64,
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
    /// Those that this call changed, with the modification sequences that they had before, ascending by UID.
    pub replaced: Vec<(u32, u64)>,
    /// Messages left alone because of `unchanged_since` (RFC 7162: MODIFIED), ascending by UID.
    pub modified: Vec<MessageFlags>,
}

/// Most targets of one delivery.
const MAX_TARGETS: usize = 10_000;
/// Largest summary, in bytes.
pub(crate) const MAX_SUMMARY: usize = 4 * 1024 * 1024;

static FETCH: Sql = Sql::new(
    "SELECT m.uid, m.modseq, m.flags, m.keywords, m.internal_date, m.size, m.blob, m.internal_offset, m.saved, m.created, m.thread
     FROM {2: first i, last i} AS r CROSS JOIN messages m WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last ORDER BY m.uid",
);
static FETCH_SUMMARY: Sql = Sql::new(
    "SELECT m.uid, m.modseq, m.flags, m.keywords, m.internal_date, m.size, m.blob, m.internal_offset, m.saved, m.created, m.thread, b.summary
     FROM {2: first i, last i} AS r CROSS JOIN messages m JOIN blobs b ON b.id = m.blob
     WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last ORDER BY m.uid",
);

/// When a message was saved, by its columns; the internal date where that was not kept yet.
pub(crate) fn saved(internal_date: i64, saved: i64) -> i64 {
    if saved == 0 { internal_date } else { saved }
}

/// Ranges as rows: ascending, none touching another, so that no message is found twice.
pub(crate) fn ranges_of(ranges: &[UidRange]) -> Rows {
    let mut sorted: Vec<UidRange> = ranges
        .iter()
        .filter(|range| range.first <= range.last)
        .copied()
        .collect();
    sorted.sort_unstable_by_key(|range| range.first);
    let mut rows = Rows::default();
    let mut open: Option<UidRange> = None;
    for range in sorted {
        open = Some(match open {
            Some(before) if range.first <= before.last.saturating_add(1) => UidRange {
                first: before.first,
                last: before.last.max(range.last),
            },
            Some(before) => {
                rows.row()
                    .int(i64::from(before.first))
                    .int(i64::from(before.last));
                range
            }
            None => range,
        });
    }
    if let Some(last) = open {
        rows.row()
            .int(i64::from(last.first))
            .int(i64::from(last.last));
    }
    rows
}

impl Store {
    /// Stores a message in all targets, and its ledger row. Returns after the commit is on disk, one entry a target.
    ///
    /// # Errors
    /// `NoSuchAccount`, `NoSuchMailbox`, `TooLarge`, `InvalidName` (a keyword), `Full`; nothing is stored then.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Vec<Stored>> {
        let prepared = self.prepare(delivery, Vec::new()).await?;
        self.inner.writer.write(prepared).await
    }

    /// Stores several forms of a message, or nothing of any: with one commit. One entry a target, in order.
    ///
    /// # Errors
    /// As [`Store::deliver`].
    pub async fn deliver_all(&self, deliveries: Vec<Delivery>) -> Result<Vec<Stored>> {
        let mut prepared = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            prepared.push(self.prepare(delivery, Vec::new()).await?);
        }
        Ok(self.inner.writer.write(DeliverAll(prepared)).await?.stored)
    }

    /// Stores several messages, each of its own, or none: with one commit (RFC 3502). One entry a target, in order.
    ///
    /// # Errors
    /// As [`Store::deliver`].
    pub async fn deliver_each(&self, deliveries: Vec<Delivery>) -> Result<Vec<Stored>> {
        let mut prepared = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let mut message = self.prepare(delivery, Vec::new()).await?;
            message.alone = true;
            prepared.push(message);
        }
        Ok(self.inner.writer.write(DeliverAll(prepared)).await?.stored)
    }

    /// Everything that needs no place in the writer's line: bounds, hash, the file of a large content.
    pub(crate) async fn prepare(
        &self,
        delivery: Delivery,
        queued: Vec<Enqueue>,
    ) -> Result<Deliver> {
        let config = &self.inner.config;
        let sizes = [
            ("message", delivery.content.len(), config.max_content),
            ("summary", delivery.summary.len(), MAX_SUMMARY),
            ("list of targets", delivery.targets.len(), MAX_TARGETS),
        ];
        if let Some((what, size, limit)) = sizes.into_iter().find(|(_, size, limit)| size > limit) {
            return Err(Error::TooLarge { what, size, limit });
        }
        let targets = delivery.targets.into_iter().map(|target| {
            let keywords = join_keywords(&target.keywords)?;
            Ok((target, keywords))
        });
        let targets: Vec<(Target, String)> = targets.collect::<Result<_>>()?;
        let content = delivery.content;
        let unkept = targets.is_empty() && queued.is_empty();
        let (hash, file) = if unkept {
            (Sha256::digest(&content).into(), None)
        } else {
            self.hashed(&content).await?
        };
        Ok(Deliver {
            content,
            hash,
            file,
            names_file: true,
            summary: delivery.summary,
            targets,
            alone: false,
            queued,
            internal_date: delivery.internal_date,
            internal_offset: delivery.internal_offset,
            thread: delivery.thread,
            ledger: delivery.ledger,
        })
    }

    /// The hash of a content that is to be kept, and the file of a large one.
    pub(crate) async fn hashed(&self, content: &Bytes) -> Result<([u8; 32], Option<BlobFile>)> {
        if content.len() <= self.inner.config.inline_limit {
            return Ok((Sha256::digest(content).into(), None));
        }
        let (files, bytes) = (self.inner.files.clone(), content.clone());
        let write =
            move || Ok::<_, Error>((Sha256::digest(&bytes).into(), Some(files.write(&bytes)?)));
        tokio::task::spawn_blocking(write)
            .await
            .map_err(|_| Error::Closed)?
    }

    /// Opens a mailbox: its state and all its messages' flags. With `read_write` the messages stop being recent for others.
    ///
    /// # Errors
    /// `NoSuchMailbox`, also for one that cannot be selected.
    pub async fn select(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        read_write: bool,
    ) -> Result<Snapshot> {
        let (mut found, image) = self.image(account, mailbox).await?;
        let messages = image.flags();
        // Two statements: what was delivered or removed between them belongs to the mailbox's state as well.
        if let Some(last) = messages.last() {
            found.uid_next = found.uid_next.max(last.uid.saturating_add(1));
        }
        found.messages = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        found.unseen = u32::try_from(
            messages
                .iter()
                .filter(|m| !m.flags.contains(Flags::SEEN))
                .count(),
        )
        .unwrap_or(u32::MAX);
        let recent_from = self.recent_from(&found, read_write);
        Ok(Snapshot {
            mailbox: found,
            messages,
            recent_from,
        })
    }

    /// From which UID on messages are recent for the session that opens the mailbox now.
    fn recent_from(&self, mailbox: &Mailbox, read_write: bool) -> u32 {
        if read_write {
            self.shown(mailbox, mailbox.uid_next)
        } else {
            self.recent_mark(mailbox)
        }
    }

    /// A session that has the mailbox open for writing is told of these changes: from the UID returned on the messages
    /// are recent for it, and for no other session.
    pub fn take_recent(&self, changes: &Changes) -> u32 {
        self.shown(&changes.mailbox, changes.uid_next())
    }

    /// The messages below `up_to` were shown to a session; returns from which UID on it was the first.
    fn shown(&self, mailbox: &Mailbox, up_to: u32) -> u32 {
        let mut marks = lock(&self.inner.recent);
        let known = marks.get(&mailbox.id).copied().unwrap_or(0);
        let recent_from = known.max(mailbox.recent_from);
        if up_to > recent_from {
            if marks.len() > 100_000 {
                marks.clear();
            }
            marks.insert(mailbox.id, up_to);
            let mark = SawRecent {
                account: mailbox.account,
                mailbox: mailbox.id,
                up_to,
            };
            if !self.inner.writer.write_behind(mark) {
                tracing::debug!(mailbox = mailbox.id.0, "the recent mark is only in memory");
            }
        }
        recent_from
    }

    /// The mark as it is now; the database is told of it a little later.
    pub(crate) fn recent_mark(&self, mailbox: &Mailbox) -> u32 {
        let marks = lock(&self.inner.recent);
        let known = marks.get(&mailbox.id).copied().unwrap_or(0);
        known.max(mailbox.recent_from)
    }

    /// Messages of these UIDs, ascending; UIDs that are not there are left out. Ask for some hundreds at a time when
    /// `with_summary`.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn fetch(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[UidRange],
        with_summary: bool,
    ) -> Result<Vec<Message>> {
        if let Some(found) = self.imaged(account, mailbox, uids, with_summary).await? {
            return if with_summary {
                self.summarised(mailbox, found).await
            } else {
                Ok(found)
            };
        }
        let sql = if with_summary { &FETCH_SUMMARY } else { &FETCH };
        let arguments = vec![mailbox.0.into(), Value::from(ranges_of(uids))];
        let rows = self.inner.readers.fetch(sql, arguments).await?;
        self.mailbox_and_floor(account, mailbox).await?;
        let message = |row: &crate::database::Row| {
            let mut message = Entry::of_row(row)?.message();
            if with_summary {
                message.summary = row.bytes(11)?.into();
            }
            Ok(message)
        };
        rows.iter().map(message).collect()
    }

    /// Changes flags and keywords of the messages of these UIDs; UIDs that are not there are left out.
    ///
    /// # Errors
    /// `NoSuchMailbox`; `InvalidName` or `TooLarge` for keywords.
    pub async fn store_flags(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[UidRange],
        change: FlagChange,
    ) -> Result<FlagsChanged> {
        self.store_flags_within(account, mailbox, uids, change, FlagScope::ALL)
            .await
    }

    /// The same, of the flags that `scope` covers; the others stay as they are.
    ///
    /// # Errors
    /// As [`Store::store_flags`].
    pub async fn store_flags_within(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[UidRange],
        change: FlagChange,
        scope: FlagScope,
    ) -> Result<FlagsChanged> {
        join_keywords(&change.keywords)?;
        self.inner
            .writer
            .write(StoreFlags {
                account,
                mailbox,
                uids: uids.to_vec(),
                change,
                scope,
            })
            .await
    }

    /// Removes messages of these UIDs; with `deleted_only` those that have `\Deleted`. Returns the UIDs removed, ascending.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn expunge(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[UidRange],
        deleted_only: bool,
    ) -> Result<Vec<u32>> {
        let having = if deleted_only {
            Flags::DELETED
        } else {
            Flags::NONE
        };
        self.inner
            .writer
            .write(Expunge {
                account,
                mailbox,
                uids: uids.to_vec(),
                having,
            })
            .await
    }
}
