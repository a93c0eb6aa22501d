//! Uploads (RFC 8620 §6): contents that no message has yet, each known to its account only and kept for a while.
//!
//! Invariants: an account's uploads stay within a bound of their own, beside its quota, the oldest making room for a new one; what a
//! message takes over stays when the upload goes.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use crate::messages::MAX_SUMMARY;
use crate::statement::{Rows, Sql};
use crate::writer::uploads::{TakeOver, Upload};
use crate::{AccountId, BlobId, Error, MailboxId, Result, Store};

/// Uploads of an account at a time.
pub const MAX_UPLOADS: usize = 1000;

static UPLOADED: Sql = Sql::new(
    "SELECT r.blob FROM {2: blob i} AS r CROSS JOIN uploads u WHERE u.account = $1 AND u.blob = r.blob",
);

impl Store {
    /// Keeps a content for an account, with its summary. With all other uploads it takes `room` bytes at most: the oldest go. It is kept for
    /// the configured time if nothing needs its room.
    ///
    /// # Errors
    /// `NoSuchAccount`, `TooLarge`, `Full`.
    pub async fn upload(
        &self,
        account: AccountId,
        content: Bytes,
        summary: Vec<u8>,
        room: u64,
    ) -> Result<BlobId> {
        let sizes = [
            ("upload", content.len(), self.inner.config.max_content),
            ("summary", summary.len(), MAX_SUMMARY),
        ];
        if let Some((what, size, limit)) = sizes.into_iter().find(|(_, size, limit)| size > limit) {
            return Err(Error::TooLarge { what, size, limit });
        }
        let (hash, file) = self.hashed(&content).await?;
        let upload = Upload {
            account,
            content,
            hash,
            file,
            summary,
            room,
        };
        self.inner.writer.write(upload).await
    }

    /// Keeps a content that another account has for this one, too, as if it had brought it itself; false if it is not there any more.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn take_over(&self, account: AccountId, blob: BlobId, room: u64) -> Result<bool> {
        let take = TakeOver {
            account,
            blob,
            room,
        };
        self.inner.writer.write(take).await
    }

    /// Which of these contents an account has, as uploads or in messages.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn which_has(
        &self,
        account: AccountId,
        blobs: &HashSet<BlobId>,
    ) -> Result<HashSet<BlobId>> {
        let asked = Rows::of_ints(blobs.iter().map(|blob| blob.0));
        let arguments = vec![account.0.into(), asked.into()];
        let rows = self.inner.readers.fetch(&UPLOADED, arguments).await?;
        let mut found: HashSet<BlobId> = rows
            .iter()
            .map(|row| Ok(BlobId(row.int(0)?)))
            .collect::<Result<_>>()?;
        for mailbox in self.mailboxes(account).await? {
            if found.len() == blobs.len() {
                break;
            }
            if mailbox.selectable {
                found.extend(self.blobs_in(account, mailbox.id, blobs).await?);
            }
        }
        Ok(found)
    }

    /// The mailboxes in which messages of an account have these contents, each with the thread that the message says; one that has a content
    /// twice is there twice.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn uses(
        &self,
        account: AccountId,
        blobs: &HashSet<BlobId>,
    ) -> Result<HashMap<BlobId, Vec<(MailboxId, i64)>>> {
        let mut found: HashMap<BlobId, Vec<(MailboxId, i64)>> = HashMap::new();
        for mailbox in self.mailboxes(account).await? {
            if !mailbox.selectable {
                continue;
            }
            match self.image(account, mailbox.id).await {
                Ok((_, image)) => {
                    for stay in image.stays().filter(|stay| blobs.contains(&stay.blob)) {
                        let places = found.entry(stay.blob).or_default();
                        places.push((mailbox.id, stay.thread));
                    }
                }
                // It went meanwhile.
                Err(Error::NoSuchMailbox(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
