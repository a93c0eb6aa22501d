//! Images that the database keeps: the first to open a mailbox after a start has one value read, and what changed since.

use std::sync::Arc;

use super::image::{Entry, Image};
use super::octets;
use crate::changes::vanished_since;
use crate::database::Value;
use crate::statement::{Dialect, Sql};
use crate::writer::images::KeepImage;
use crate::{Mailbox, MailboxId, Result, Store, UidRange};

/// Octets of the images that are kept when the store is closed.
const LAST: usize = 64 << 20;
/// Jobs that wait for the writer while an image may be one more.
const SHORT: usize = 8;

static MAILBOXES: Sql = Sql::new("SELECT mailbox FROM images ORDER BY mailbox");
static FLOOR: Sql = Sql::new("SELECT vanished_floor FROM mailboxes WHERE id = $1");
static STORED: Sql = Sql::new("SELECT modseq, octets FROM images WHERE mailbox = $1");

impl Store {
    /// Whether the database keeps images. One that several hosts share, and that may go back to what a standby had, would keep an image of
    /// what was lost and pass it off as what came in its place.
    fn keeps_images(&self) -> bool {
        self.inner.readers.dialect() == Dialect::Sqlite
    }

    /// The image that the database keeps, brought up to date. What cannot be read, or does not come to as many messages as there are, is none.
    pub(super) async fn stored_image(&self, found: &Mailbox, floor: u64) -> Result<Option<Image>> {
        if !self.keeps_images() {
            return Ok(None);
        }
        let Some((modseq, entries)) = self.stored(found.id).await? else {
            return Ok(None);
        };
        let mut image = Image::new(found.account, modseq, entries);
        image.unkept = 0;
        if modseq > found.highest_modseq {
            return Ok(None);
        }
        if modseq < found.highest_modseq {
            let Some((changed, vanished)) = self.news(found, floor, modseq).await? else {
                return Ok(None);
            };
            image.apply(changed, &vanished, found.highest_modseq);
        }
        // They differ, too, when something came after the mailbox's row was read: then it was made anew for nothing.
        let counts = (found.messages, found.unseen, found.bytes);
        Ok((image.counts() == counts).then_some(image))
    }

    /// The modification sequence and the messages of the image that the database keeps.
    async fn stored(&self, mailbox: MailboxId) -> Result<Option<(u64, Vec<Entry>)>> {
        let arguments: Vec<Value> = vec![mailbox.0.into()];
        let Some(row) = self.inner.readers.fetch_one(&STORED, arguments).await? else {
            return Ok(None);
        };
        let modseq = row.natural(0)?;
        let entries = octets::entries(&row.bytes(1)?);
        Ok(entries.map(|entries| (modseq, entries)))
    }

    /// Mailboxes of which the database keeps an image that is not as the messages are.
    pub(crate) async fn false_images(&self) -> Result<Vec<MailboxId>> {
        let mut found = Vec::new();
        for row in self.inner.readers.fetch(&MAILBOXES, Vec::new()).await? {
            let mailbox = MailboxId(row.int(0)?);
            if self.is_false(mailbox).await? {
                found.push(mailbox);
            }
        }
        Ok(found)
    }

    /// Whether an image is not as the messages were. What changes while this is read has a higher modification sequence than the image, which
    /// is read first; removals, which are read last, tell of what is no more.
    async fn is_false(&self, mailbox: MailboxId) -> Result<bool> {
        let Some((modseq, kept)) = self.stored(mailbox).await? else {
            return Ok(false);
        };
        let now = self.all_entries(mailbox).await?;
        let readers = &self.inner.readers;
        let gone = vanished_since(readers, mailbox, modseq).await?;
        let floor = readers.fetch_one(&FLOOR, vec![mailbox.0.into()]).await?;
        let Some(floor) = floor.map(|row| row.natural(0)).transpose()? else {
            return Ok(false);
        };
        let same = |entry: &Entry| of_uid(&kept, entry.flags.uid) == Some(entry);
        let mut old = now.iter().filter(|entry| entry.flags.modseq <= modseq);
        let is_known = |entry: &Entry| {
            of_uid(&now, entry.flags.uid).is_some() || UidRange::any_holds(&gone, entry.flags.uid)
        };
        // An image from before the floor is made use of no more.
        Ok(modseq >= floor && !(old.all(same) && kept.iter().all(is_known)))
    }

    /// Keeps an image that differs much from the one that is kept, beside what else goes on: one at a time, and while little else waits.
    pub(super) fn keep_if_due(&self, mailbox: MailboxId, image: &Image) {
        let inner = &self.inner;
        if !self.keeps_images()
            || !image.is_due(inner.config.image_messages)
            || inner.writer.waiting() > SHORT
        {
            return;
        }
        let Ok(turn) = Arc::clone(&inner.keeping).try_lock_owned() else {
            return;
        };
        inner.images.is_kept(mailbox, image.modseq);
        let (store, image) = (self.clone(), image.clone());
        tokio::spawn(async move {
            let keep = keep(mailbox, &image);
            drop(image);
            if let Err(error) = store.inner.writer.write(keep).await {
                tracing::debug!(%error, mailbox = mailbox.0, "an image is not kept now");
            }
            drop(turn);
        });
    }

    /// Keeps the images that changed, as far as there is room for them, those of mailboxes that were used last first.
    pub(crate) async fn keep_images(&self) -> Result<()> {
        if !self.keeps_images() {
            return Ok(());
        }
        let mut octets = 0;
        let least = self.inner.config.image_messages;
        for (mailbox, image) in self.inner.images.unkept(least) {
            let keep = keep(mailbox, &image);
            octets += keep.octets.len();
            if octets > LAST {
                break;
            }
            match self.inner.writer.write(keep).await {
                // The mailbox is gone.
                Err(crate::Error::NoSuchMailbox(_) | crate::Error::NoSuchAccount(_)) => {}
                other => other?,
            }
        }
        Ok(())
    }
}

fn of_uid(entries: &[Entry], uid: u32) -> Option<&Entry> {
    let place = entries.binary_search_by_key(&uid, |entry| entry.flags.uid);
    entries.get(place.ok()?)
}

fn keep(mailbox: MailboxId, image: &Image) -> KeepImage {
    KeepImage {
        account: image.account,
        mailbox,
        modseq: image.modseq,
        octets: octets::octets(image.entries()),
    }
}
