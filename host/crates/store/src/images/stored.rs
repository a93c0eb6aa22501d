//! Images that the database keeps: the first to open a mailbox after a start has one value read, and what changed since.

use super::image::Image;
use super::octets;
use crate::database::Value;
use crate::statement::Sql;
use crate::writer::images::KeepImage;
use crate::{Mailbox, MailboxId, Result, Store};

/// Octets of the images that are kept when the store is closed.
const LAST: usize = 64 << 20;

static STORED: Sql = Sql::new("SELECT modseq, octets FROM images WHERE mailbox = $1");

impl Store {
    /// The image that the database keeps. What cannot be read is none.
    pub(super) async fn stored_image(&self, found: &Mailbox) -> Result<Option<Image>> {
        let arguments: Vec<Value> = vec![found.id.0.into()];
        let Some(row) = self.inner.readers.fetch_one(&STORED, arguments).await? else {
            return Ok(None);
        };
        let modseq = row.natural(0)?;
        let entries = octets::entries(&row.bytes(1)?);
        Ok(entries.map(|entries| {
            let mut image = Image::new(found.account, modseq, entries);
            image.unkept = 0;
            image
        }))
    }

    /// Keeps an image that differs much from the one that is kept, beside what else goes on.
    pub(super) fn keep_if_due(&self, mailbox: MailboxId, image: &Image) {
        if !image.is_due(self.inner.config.image_messages) {
            return;
        }
        self.inner.images.is_kept(mailbox, image.modseq);
        let (store, image) = (self.clone(), image.clone());
        tokio::spawn(async move {
            let keep = keep(mailbox, &image);
            drop(image);
            if !store.inner.writer.write_behind(keep) {
                tracing::debug!(mailbox = mailbox.0, "an image is not kept now");
            }
        });
    }

    /// Keeps the images that changed, as far as there is room for them, those of mailboxes that were used last first.
    pub(crate) async fn keep_images(&self) -> Result<()> {
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

fn keep(mailbox: MailboxId, image: &Image) -> KeepImage {
    KeepImage {
        account: image.account,
        mailbox,
        modseq: image.modseq,
        octets: octets::octets(image.entries()),
    }
}
