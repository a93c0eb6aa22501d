//! What leaves an account is written down: messages by what they were, mailboxes by their number.

use super::buffers::signed;
use super::transaction::Transaction;
use crate::statement::Sql;
use crate::{AccountId, BlobId, Flags, MailboxId, Result};

/// Messages in one row.
const MANY: usize = 1000;
/// The part of a mailbox that goes itself.
const ITSELF: i64 = -1;

static FORGET_DEPARTURES: Sql = Sql::new(
    "UPDATE accounts SET departed_floor = o.modseq FROM (SELECT account, max(modseq) AS modseq FROM departures WHERE at < $1 GROUP BY account) AS o
     WHERE accounts.id = o.account",
);
static SWEEP_DEPARTURES: Sql = Sql::new("DELETE FROM departures WHERE at < $1");
pub(super) static DELETE_DEPARTURES: Sql = Sql::new("DELETE FROM departures WHERE account = $1");
static CREATED: Sql = Sql::new("SELECT created FROM mailboxes WHERE id = $1");

/// A message that leaves a mailbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    pub(super) uid: u32,
    pub(super) size: u64,
    pub(super) flags: Flags,
    pub(super) blob: BlobId,
    pub(super) created: i64,
    pub(super) thread: i64,
}

/// Messages leave a mailbox, under the account's current modification sequence.
pub(super) fn left(
    transaction: &mut Transaction,
    account: AccountId,
    mailbox: MailboxId,
    rows: &[Leaving],
) -> Result<()> {
    let modseq = signed(transaction.heads.account(account)?.modseq);
    for (part, rows) in (0..).zip(rows.chunks(MANY)) {
        let lines: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {} {}", row.blob.0, row.created, row.thread))
            .collect();
        let ends = [account.0, modseq, mailbox.0, part];
        let at = transaction.now;
        transaction
            .buffers
            .departure(ends, 0, at, &lines.join("\n"));
    }
    Ok(())
}

/// A mailbox goes, under the account's current modification sequence; its row is still there.
pub(super) async fn went(
    transaction: &mut Transaction,
    account: AccountId,
    mailbox: MailboxId,
) -> Result<()> {
    let rows = transaction.fetch(&CREATED, vec![mailbox.0.into()]).await?;
    let created = rows.first().map_or(Ok(0), |row| row.int(0))?;
    let modseq = signed(transaction.heads.account(account)?.modseq);
    let ends = [account.0, modseq, mailbox.0, ITSELF];
    let at = transaction.now;
    transaction.buffers.departure(ends, created, at, "");
    Ok(())
}

/// Forgets what left before a moment.
pub(super) async fn sweep(transaction: &mut Transaction, before: i64) -> Result<()> {
    let forgotten = transaction.execute(&FORGET_DEPARTURES, vec![before.into()]);
    if forgotten.await? > 0 {
        transaction
            .execute(&SWEEP_DEPARTURES, vec![before.into()])
            .await?;
    }
    Ok(())
}
