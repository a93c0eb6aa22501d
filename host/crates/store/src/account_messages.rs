//! All messages of an account at once, from the images of its mailboxes; and the threads of those that came before threads were kept.

use bytes::Bytes;

use crate::images::Image;
use crate::statement::{Rows, Sql};
use crate::visible::{Eyes, Visible};
use crate::writer::threads::NameThreads;
use crate::{AccountId, BlobId, Error, Flags, MailboxId, Result, Store};

static SUMMARIES_OF: Sql = Sql::new(
    "SELECT r.i, b.summary FROM {1: i i, blob i} AS r CROSS JOIN blobs b WHERE b.id = r.blob",
);

/// How often an account is read that changes all the time.
const TRIES: usize = 5;

/// A message where it is.
#[derive(Debug, Clone, Copy)]
pub struct MessageIn<'a> {
    /// In which mailbox.
    pub mailbox: MailboxId,
    /// Its UID there.
    pub uid: u32,
    /// Its system flags.
    pub flags: Flags,
    /// Its keywords.
    pub keywords: &'a [String],
    /// Its content.
    pub blob: BlobId,
    /// Octets of the content.
    pub size: u64,
    /// Which conversation it belongs to; 0: it was not said.
    pub thread: i64,
    /// Internal date, milliseconds of Unix time.
    pub internal_date: i64,
}

/// All messages of an account.
#[derive(Debug)]
pub struct AccountMessages {
    /// The account's modification sequence before they were read.
    pub state: u64,
    images: Vec<(MailboxId, Image)>,
}

impl AccountMessages {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.images.iter().map(|(_, image)| image.count()).sum()
    }

    /// Each of them that was there at the state. What came while they were read is told of as what came since; who had it from here, and
    /// asked what changed since the state, would not be told when it goes.
    pub fn each(&self) -> impl Iterator<Item = MessageIn<'_>> {
        let (state, images) = (self.state, self.images.iter());
        images.flat_map(move |(mailbox, image)| image.messages_in(*mailbox, state))
    }
}

impl Store {
    /// All messages of an account, as they are now.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn account_messages(&self, account: AccountId) -> Result<AccountMessages> {
        self.messages_for(account, Eyes(None)).await
    }

    /// The messages of an account that somebody may read, with the state of all that is seen of it.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn visible_messages(
        &self,
        account: AccountId,
        visible: &Visible,
    ) -> Result<AccountMessages> {
        self.messages_for(account, Eyes(Some(visible))).await
    }

    async fn messages_for(&self, account: AccountId, eyes: Eyes<'_>) -> Result<AccountMessages> {
        // One that is moved meanwhile may be in neither mailbox when that is read: then it is read again, as long as that helps.
        let mut found = self.read_messages(account, eyes).await?;
        for _again in 1..TRIES {
            if self.seen_state(account, eyes).await?.0 == found.state {
                break;
            }
            found = self.read_messages(account, eyes).await?;
        }
        Ok(found)
    }

    async fn read_messages(&self, account: AccountId, eyes: Eyes<'_>) -> Result<AccountMessages> {
        let state = self.seen_state(account, eyes).await?.0;
        let mut images = Vec::new();
        for mailbox in self.mailboxes(account).await? {
            if !mailbox.selectable || !eyes.read(mailbox.id) {
                continue;
            }
            match self.image(account, mailbox.id).await {
                Ok((_, image)) => images.push((mailbox.id, image)),
                // It went meanwhile.
                Err(Error::NoSuchMailbox(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(AccountMessages { state, images })
    }

    /// The summaries that were given with these contents; none of one that is gone.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn summaries_of(&self, blobs: &[BlobId]) -> Result<Vec<Option<Bytes>>> {
        let mut asked = Rows::default();
        for (i, blob) in (0..).zip(blobs) {
            asked.row().int(i).int(blob.0);
        }
        let mut found: Vec<Option<Bytes>> = vec![None; blobs.len()];
        let rows = self.inner.readers.fetch(&SUMMARIES_OF, vec![asked.into()]);
        for row in rows.await? {
            let slot = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
            if let Some(slot) = found.get_mut(slot) {
                *slot = Some(row.bytes(1)?.into());
            }
        }
        Ok(found)
    }

    /// Says of messages of a mailbox, by their UIDs, which thread they belong to, where that was not said when they came.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn name_threads(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        threads: Vec<(u32, i64)>,
    ) -> Result<()> {
        let named = self.inner.writer.write(NameThreads {
            account,
            mailbox,
            threads,
        });
        named.await?;
        self.inner.images.forget(mailbox);
        Ok(())
    }
}
