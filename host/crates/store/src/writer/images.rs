//! Images of mailboxes, kept for the next start.

use super::Operation;
use super::buffers::signed;
use super::transaction::Transaction;
use crate::database::Value;
use crate::statement::Sql;
use crate::{AccountId, MailboxId, Result};

// Nothing is kept of a mailbox that is gone, and another host may have kept a newer one.
static KEEP: Sql = Sql::new(
    "INSERT INTO images (mailbox, modseq, octets) SELECT m.id, $2, $3 FROM mailboxes m WHERE m.id = $1
     ON CONFLICT (mailbox) DO UPDATE SET modseq = excluded.modseq, octets = excluded.octets WHERE images.modseq < excluded.modseq",
);
static FORGET: Sql = Sql::new("DELETE FROM images WHERE mailbox = $1");

/// Keeps an image.
#[derive(Debug)]
pub(crate) struct KeepImage {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) modseq: u64,
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

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let account = transaction.heads.account(self.account)?;
        account.mailbox(self.mailbox)?;
        transaction.check_room(self.octets.len()).await?;
        let values = vec![
            self.mailbox.0.into(),
            signed(self.modseq).into(),
            Value::Blob(self.octets.clone()),
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
