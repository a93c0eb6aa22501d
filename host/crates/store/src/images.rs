//! Mailboxes that were opened lately, as they were at a modification sequence: whoever opens one again, or asks for flags, sizes and dates,
//! has only that read which changed since. Summaries that were asked for are kept with them. Large ones are kept in the database, too, for
//! the next start.
//!
//! Invariants: an image is never older than the modification sequence it carries, and may be newer, so that what is read again on top of it
//! changes nothing; who asks gets what the database has at that moment, since the mailbox's row is read first, or no commit has begun since
//! it was read last; all images together stay within their room.

mod image;
mod kept;
mod octets;
mod stored;
mod summaries;
#[cfg(test)]
mod tests;

pub(crate) use image::{Came, Change, Entry, Flagged, Image};
pub(crate) use kept::Images;
pub(crate) use summaries::Ahead;

use std::collections::HashSet;

use crate::changes::{CHANGED, NEWEST, vanished_since};
use crate::database::Value;
use crate::mailboxes::{MAILBOX_BY_ID, mailbox_of_row};
use crate::statement::{Dialect, Sql};
use crate::{AccountId, BlobId, Error, Mailbox, MailboxId, Message, Result, Store, UidRange};

/// Octets of all images together: a million and a half of messages.
const ROOM: usize = 128 << 20;
/// Octets of an image beyond which it takes no summaries, and of a summary beyond which it is not kept.
const SUMMARIES_ROOM: usize = ROOM / 16 * 7;
const SUMMARY: usize = 4096;
/// Octets of an image beside its messages.
const IMAGE: usize = 256;

/// Messages that are read at a time.
const LINES: i64 = 20_000;
// One row of lines: for each row that comes from SQLite's thread two threads wait for each other. What may hold spaces is last.
static PACKED: Sql = Sql::new(
    "SELECT coalesce(string_agg(l.line, $3 ORDER BY l.uid), ''), count(*), coalesce(max(l.uid), 0)
     FROM (SELECT uid, uid || ' ' || modseq || ' ' || flags || ' ' || internal_date || ' ' || size || ' ' || blob || ' ' || internal_offset
       || ' ' || saved || ' ' || created || ' ' || thread || ' ' || keywords AS line FROM messages WHERE mailbox = $1 AND uid > $2 ORDER BY uid LIMIT $4) AS l",
);

impl Store {
    /// The mailbox's row and all its messages as they are now; read whole if it was not opened lately.
    ///
    /// # Errors
    /// `NoSuchMailbox`, also for one that cannot be selected.
    pub(crate) async fn image(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<(Mailbox, Image)> {
        let rest = self.at_rest();
        let (mut found, floor) = self.mailbox_and_floor(account, mailbox).await?;
        if let Some(image) = self.caught_up(&mut found, floor).await? {
            self.inner.images.settle(mailbox, image.modseq, rest);
            self.keep_if_due(mailbox, &image);
            return Ok((found, image));
        }
        let image = match self.stored_image(&found, floor).await? {
            Some(image) => image,
            None => {
                let entries = self.all_entries(mailbox).await?;
                Image::new(account, found.highest_modseq, entries)
            }
        };
        self.inner.images.put(mailbox, image.clone());
        self.keep_if_due(mailbox, &image);
        Ok((found, image))
    }

    /// Which of these contents messages of the mailbox have.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub(crate) async fn blobs_in(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        blobs: &HashSet<BlobId>,
    ) -> Result<Vec<BlobId>> {
        let (_, image) = self.image(account, mailbox).await?;
        let known = image.entries().iter().map(|entry| entry.blob);
        Ok(known.filter(|blob| blobs.contains(blob)).collect())
    }

    /// All messages, from the database.
    async fn all_entries(&self, mailbox: MailboxId) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut last = 0;
        loop {
            let arguments = vec![mailbox.0.into(), last.into(), "\n".into(), LINES.into()];
            let row = self.inner.readers.fetch_one(&PACKED, arguments).await?;
            let row = row.ok_or_else(|| Error::Corrupt("a count has no row".to_owned()))?;
            for line in row.text(0)?.lines() {
                let entry = Entry::of_line(line);
                entries.push(entry.ok_or_else(|| Error::Corrupt(format!("a message is {line}")))?);
            }
            last = row.int(2)?;
            if row.int(1)? < LINES {
                return Ok(entries);
            }
        }
    }

    /// The messages of these UIDs, if the mailbox was opened lately; if asked for, with the summaries that are known.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub(crate) async fn imaged(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[UidRange],
        with_summary: bool,
    ) -> Result<Option<Vec<Message>>> {
        let rest = self.at_rest();
        match self.inner.images.get(mailbox) {
            None => return Ok(None),
            Some(image) if image.is_settled(account, rest) => {
                return Ok(Some(image.messages(uids, with_summary)));
            }
            Some(_) => {}
        }
        let (mut found, floor) = self.mailbox_and_floor(account, mailbox).await?;
        let Some(image) = self.caught_up(&mut found, floor).await? else {
            return Ok(None);
        };
        self.inner.images.settle(mailbox, image.modseq, rest);
        Ok(Some(image.messages(uids, with_summary)))
    }

    /// What images are settled by, where nobody but this process commits anything. A commit can be seen before whoever asked for it is
    /// answered, and by then somebody may have been told of it: so while one is under way, every mailbox's row is read.
    fn at_rest(&self) -> Option<u64> {
        let ours = self.inner.readers.dialect() == Dialect::Sqlite;
        ours.then(|| self.inner.images.at_rest()).flatten()
    }

    /// The mailbox, and the modification sequence since which its tombstones are whole.
    pub(crate) async fn mailbox_and_floor(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<(Mailbox, u64)> {
        let arguments = vec![account.0.into(), mailbox.0.into()];
        let row = self
            .inner
            .readers
            .fetch_one(&MAILBOX_BY_ID, arguments)
            .await?;
        let row = row.ok_or_else(|| Error::NoSuchMailbox(mailbox.to_string()))?;
        let found = mailbox_of_row(&row)?;
        if !found.selectable {
            return Err(Error::NoSuchMailbox(mailbox.to_string()));
        }
        Ok((found, row.natural(13)?))
    }

    /// The image as of now, if there is one that what changed since can be told of; the mailbox's row as of then.
    async fn caught_up(&self, found: &mut Mailbox, mut floor: u64) -> Result<Option<Image>> {
        let mailbox = found.id;
        let Some(mut image) = self.inner.images.get(mailbox) else {
            return Ok(None);
        };
        if image.modseq > found.highest_modseq {
            // Another has caught up, or changed something, since the row was read.
            (*found, floor) = self.mailbox_and_floor(found.account, mailbox).await?;
        }
        if image.modseq == found.highest_modseq {
            return Ok(Some(image));
        }
        // If the database has gone back, by a restore or to a standby that was behind, no image of it holds.
        let news = match image.modseq > found.highest_modseq {
            true => None,
            false => self.news(found, floor, image.modseq).await?,
        };
        self.inner.images.take(mailbox, image.modseq);
        let Some((changed, vanished)) = news else {
            return Ok(None);
        };
        image.apply(changed, &vanished, found.highest_modseq);
        self.inner.images.put(mailbox, image.clone());
        Ok(Some(image))
    }

    /// What changed and what is gone after a modification sequence, if all of that is known.
    async fn news(
        &self,
        found: &Mailbox,
        floor: u64,
        since: u64,
    ) -> Result<Option<(Vec<Entry>, Vec<UidRange>)>> {
        if since < floor {
            return Ok(None);
        }
        let changed = self.entries_since(found.id, since).await?;
        let vanished = vanished_since(&self.inner.readers, found.id, since).await?;
        // Tombstones may have been swept between the two statements.
        let (_, floor) = self.mailbox_and_floor(found.account, found.id).await?;
        Ok((since >= floor).then_some((changed, vanished)))
    }

    /// Messages with a higher modification sequence, ascending by UID. Those whose flags were changed are in an index; the others have the
    /// one that they came with, which rises with the UID. So they are read from the newest down to the first that is no newer: below it
    /// all came earlier.
    pub(crate) async fn entries_since(&self, mailbox: MailboxId, since: u64) -> Result<Vec<Entry>> {
        let after = i64::try_from(since).unwrap_or(i64::MAX);
        let readers = &self.inner.readers;
        let arguments = vec![mailbox.0.into(), after.into()];
        let rows = readers.fetch(&CHANGED, arguments).await?;
        let mut changed: Vec<Entry> = rows.iter().map(Entry::of_row).collect::<Result<_>>()?;
        let (mut below, mut count) = (i64::from(u32::MAX) + 1, 32);
        'reading: loop {
            let arguments: Vec<Value> = vec![mailbox.0.into(), below.into(), count.into()];
            let rows = readers.fetch(&NEWEST, arguments).await?;
            for row in &rows {
                below = row.int(0)?;
                let entry = Entry::of_row(row)?;
                if entry.flags.modseq <= since {
                    break 'reading;
                }
                changed.push(entry);
            }
            if i64::try_from(rows.len()).unwrap_or(i64::MAX) < count {
                break;
            }
            count = (count * 4).min(8192);
        }
        // Those whose flags were changed, between the two statements perhaps, are found by both.
        changed
            .sort_unstable_by_key(|entry| (entry.flags.uid, std::cmp::Reverse(entry.flags.modseq)));
        changed.dedup_by_key(|entry| entry.flags.uid);
        Ok(changed)
    }
}
