//! The threads of messages that came before threads were kept. No modification sequence is taken: nobody was told of them without one.

use super::Operation;
use super::images;
use super::transaction::Transaction;
use crate::statement::{Rows, Sql};
use crate::{AccountId, MailboxId, Result};

// As SET_FLAGS: row by row.
static NAME_THREADS: Sql = Sql::new(
    "INSERT INTO messages (mailbox, uid, blob, modseq, flags, changed, size, internal_date, internal_offset, thread, keywords)
     SELECT m.mailbox, m.uid, m.blob, m.modseq, m.flags, m.changed, m.size, m.internal_date, m.internal_offset, r.thread, m.keywords
     FROM {2: uid i, thread i} AS r CROSS JOIN messages m WHERE m.mailbox = $1 AND m.uid = r.uid AND m.thread = 0
     ON CONFLICT (mailbox, uid) DO UPDATE SET thread = excluded.thread",
);

/// Says of messages which thread they belong to.
#[derive(Debug)]
pub(crate) struct NameThreads {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) threads: Vec<(u32, i64)>,
}

impl Operation for NameThreads {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let account = transaction.heads.account(self.account)?;
        account.mailbox(self.mailbox)?;
        let mut rows = Rows::default();
        for (uid, thread) in &self.threads {
            rows.row().int(i64::from(*uid)).int(*thread);
        }
        let arguments = vec![self.mailbox.0.into(), rows.into()];
        transaction.execute(&NAME_THREADS, arguments).await?;
        // What is kept of the mailbox has them without.
        images::forget(transaction, self.mailbox).await
    }
}
