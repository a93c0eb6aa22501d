//! Images of mailboxes, kept for the next start.

use super::Operation;
use super::buffers::signed;
use super::transaction::Transaction;
use crate::database::Value;
use crate::statement::Sql;
use crate::{AccountId, MailboxId, Result};

// Nothing is kept of a mailbox that is gone or older, and a newer one may be kept already. On SQLite only: see `Store::keep_images`.
static KEEP: Sql = Sql::new(
    "INSERT INTO images (mailbox, modseq, octets) SELECT m.id, $2, $3 FROM mailboxes m WHERE m.id = $1 AND m.highest_modseq >= $2
     ON CONFLICT (mailbox) DO UPDATE SET modseq = excluded.modseq, octets = excluded.octets WHERE images.modseq <= excluded.modseq",
);
static FORGET: Sql = Sql::new("DELETE FROM images WHERE mailbox = $1");

/// Keeps an image.
#[derive(Debug)]
pub(crate) struct KeepImage {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) modseq: u64,
    /// Empty once it was tried: they are held once only, and a commit that fails is tried again without them.
    pub(crate) octets: Vec<u8>,
}

impl Operation for KeepImage {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    fn weight(&self) -> usize {
        self.octets.len()
    }

    fn is_dispensable(&self) -> bool {
        true
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let account = transaction.heads.account(self.account)?;
        account.mailbox(self.mailbox)?;
        let octets = std::mem::take(&mut self.octets);
        if octets.is_empty() {
            return Ok(());
        }
        let values = vec![
            self.mailbox.0.into(),
            signed(self.modseq).into(),
            Value::Blob(octets),
        ];
        transaction.execute(&KEEP, values).await?;
        Ok(())
    }
}

/// Forgets the image of a mailbox.
pub(super) async fn forget(transaction: &mut Transaction, mailbox: MailboxId) -> Result<()> {
    transaction.execute(&FORGET, vec![mailbox.0.into()]).await?;
    Ok(())
}
