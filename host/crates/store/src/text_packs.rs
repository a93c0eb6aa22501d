//! What is known of messages' texts, some hundred messages a pack: the search index.
//!
//! Invariants: a pack is opaque here and never a source of truth: with any of them gone, a search finds the same; packs of a mailbox do not
//! overlap, and go with it; what is said of a message stays true, since the message of a UID never changes.

use bytes::Bytes;

use crate::database::Row;
use crate::statement::Sql;
use crate::writer::text_packs::{Forget, ForgetOlder, Put};
use crate::{AccountId, BlobId, MailboxId, Result, Store, UidRange};

/// Packs that are read at once.
const TOGETHER: i64 = 8;
/// Mailboxes that are looked through at once.
const MAILBOXES: i64 = 200;

static READ: Sql = Sql::new(
    "SELECT first, last, messages, octets FROM text_packs WHERE mailbox = $1 AND version = $2 AND first > $3 AND first <= $4 AND last >= $5
     ORDER BY first LIMIT $6",
);
static OUTLINES: Sql = Sql::new(
    "SELECT first, last, messages FROM text_packs WHERE mailbox = $1 AND version = $2 ORDER BY first",
);
static LIVING: Sql = Sql::new(
    "SELECT p.first, (SELECT count(*) FROM messages m WHERE m.mailbox = p.mailbox AND m.uid BETWEEN p.first AND p.last)
     FROM text_packs p WHERE p.mailbox = $1 AND p.version = $2 ORDER BY p.first",
);
static SOURCES: Sql = Sql::new(
    "SELECT uid, blob, size FROM messages WHERE mailbox = $1 AND uid > $2 ORDER BY uid LIMIT $3",
);
static PACKINGS: Sql = Sql::new(
    "SELECT m.id, m.account, m.uid_next, m.messages,
     (SELECT coalesce(max(p.last), 0) FROM text_packs p WHERE p.mailbox = m.id),
     (SELECT CAST(coalesce(sum(p.messages), 0) AS BIGINT) FROM text_packs p WHERE p.mailbox = m.id)
     FROM mailboxes m WHERE m.id > $1 AND m.selectable = 1 ORDER BY m.id LIMIT $2",
);

/// Which messages a pack is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackOutline {
    /// From its first UID to its last.
    pub uids: UidRange,
    /// How many messages.
    pub messages: u32,
}

/// A pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPack {
    /// Which messages it is about.
    pub outline: PackOutline,
    /// What is known of them.
    pub octets: Bytes,
}

/// A change of a mailbox's packs.
#[derive(Debug, Clone)]
pub struct TextPackChange {
    /// Whose mailbox.
    pub account: AccountId,
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// How the pack was made.
    pub version: i64,
    /// The packs that it replaces, ascending.
    pub replaced: Vec<UidRange>,
    /// The pack; none if what it would be about is gone.
    pub pack: Option<TextPack>,
}

/// A message that is to be known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackSource {
    /// Its UID.
    pub uid: u32,
    /// Its content.
    pub blob: BlobId,
    /// Bytes of the content.
    pub size: u64,
}

/// How far packs follow a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// Whose mailbox.
    pub account: AccountId,
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// The UID that the next message gets.
    pub uid_next: u32,
    /// Messages in the mailbox.
    pub messages: u64,
    /// The highest UID that a pack is about; 0: there are no packs.
    pub packed_to: u32,
    /// Messages that packs are about, those among them that are gone.
    pub packed: u64,
}

impl Store {
    /// Packs of a mailbox that are of this version, about messages `among`, and begin above UID `after`: the first of them, ascending. Ask
    /// again after the last one's first UID, until there are none.
    pub async fn text_packs(
        &self,
        mailbox: MailboxId,
        version: i64,
        among: UidRange,
        after: u32,
    ) -> Result<Vec<TextPack>> {
        let arguments = vec![
            mailbox.0.into(),
            version.into(),
            i64::from(after).into(),
            i64::from(among.last).into(),
            i64::from(among.first).into(),
            TOGETHER.into(),
        ];
        let rows = self.inner.readers.fetch(&READ, arguments).await?;
        let pack = |row: &Row| {
            Ok(TextPack {
                outline: outline(row)?,
                octets: row.bytes(3)?.into(),
            })
        };
        rows.iter().map(pack).collect()
    }

    /// All packs of a mailbox that are of this version, ascending.
    pub async fn text_pack_outlines(
        &self,
        mailbox: MailboxId,
        version: i64,
    ) -> Result<Vec<PackOutline>> {
        let arguments = vec![mailbox.0.into(), version.into()];
        let rows = self.inner.readers.fetch(&OUTLINES, arguments).await?;
        rows.iter().map(outline).collect()
    }

    /// Of each pack its first UID and how many of its messages are still there, ascending.
    pub async fn text_packs_living(
        &self,
        mailbox: MailboxId,
        version: i64,
    ) -> Result<Vec<(u32, u32)>> {
        let arguments = vec![mailbox.0.into(), version.into()];
        let rows = self.inner.readers.fetch(&LIVING, arguments).await?;
        let living = |row: &Row| Ok((row.number(0)?, row.number(1)?));
        rows.iter().map(living).collect()
    }

    /// Messages of a mailbox above a UID, ascending, so many at most.
    pub async fn pack_sources(
        &self,
        mailbox: MailboxId,
        above: u32,
        count: u32,
    ) -> Result<Vec<PackSource>> {
        let arguments = vec![
            mailbox.0.into(),
            i64::from(above).into(),
            i64::from(count).into(),
        ];
        let rows = self.inner.readers.fetch(&SOURCES, arguments).await?;
        let source = |row: &Row| {
            Ok(PackSource {
                uid: row.number(0)?,
                blob: BlobId(row.int(1)?),
                size: row.natural(2)?,
            })
        };
        rows.iter().map(source).collect()
    }

    /// Changes packs. False: the packs about these messages are not those that were to be replaced; nothing was changed.
    ///
    /// # Errors
    /// `NoSuchAccount`, `NoSuchMailbox`; `Full`.
    pub async fn put_text_pack(&self, change: TextPackChange) -> Result<bool> {
        self.inner.writer.write(Put(change)).await
    }

    /// Forgets what is known of a mailbox's texts.
    ///
    /// # Errors
    /// As [`Self::put_text_pack`].
    pub async fn forget_text_packs(&self, account: AccountId, mailbox: MailboxId) -> Result<()> {
        self.inner.writer.write(Forget { account, mailbox }).await?;
        self.inner.shared.mailbox_changed(account, mailbox);
        Ok(())
    }

    /// Forgets packs of versions below this one, some at a time; false when there are no more of them.
    pub async fn forget_older_text_packs(&self, version: i64) -> Result<bool> {
        self.inner.writer.write(ForgetOlder { version }).await
    }

    /// How far packs follow the mailboxes of higher numbers than `after`, ascending, some of them; none when there are no more.
    pub async fn packings(&self, after: MailboxId) -> Result<Vec<Packing>> {
        let arguments = vec![after.0.into(), MAILBOXES.into()];
        let rows = self.inner.readers.fetch(&PACKINGS, arguments).await?;
        let packing = |row: &Row| {
            Ok(Packing {
                mailbox: MailboxId(row.int(0)?),
                account: AccountId(row.int(1)?),
                uid_next: row.number(2)?,
                messages: row.natural(3)?,
                packed_to: row.number(4)?,
                packed: row.natural(5)?,
            })
        };
        rows.iter().map(packing).collect()
    }

    /// The mailboxes that commits of this host changed since this was asked last, in no order. When there are very many, some are left out.
    pub fn changed_mailboxes(&self) -> Vec<(AccountId, MailboxId)> {
        self.inner.shared.take_changed().into_iter().collect()
    }

    /// Has a mailbox be among [those that were changed](Self::changed_mailboxes).
    pub fn mailbox_changed(&self, account: AccountId, mailbox: MailboxId) {
        self.inner.shared.mailbox_changed(account, mailbox);
    }
}

fn outline(row: &Row) -> Result<PackOutline> {
    Ok(PackOutline {
        uids: UidRange {
            first: row.number(0)?,
            last: row.number(1)?,
        },
        messages: row.number(2)?,
    })
}
