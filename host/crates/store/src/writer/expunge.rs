//! Removing messages: EXPUNGE (RFC 3501 §6.4.3, RFC 4315 §2.1), POP3's DELE, the end of a mailbox.

use super::Operation;
use super::departures::{self, Leaving};
use super::transaction::Transaction;
use crate::messages::ranges_of;
use crate::statement::{Rows, Sql};
use crate::{AccountId, BlobId, Flags, MailboxId, Result, UidRange};

static DOOMED: Sql = Sql::new(
    "SELECT m.uid, m.blob, m.flags, m.size, m.created, m.thread FROM {2: first i, last i} AS r CROSS JOIN messages m
     WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last AND (m.flags & $3) = $3 ORDER BY m.uid",
);
static DELETE_MESSAGES: Sql = Sql::new(
    "DELETE FROM messages WHERE mailbox = $1 AND uid IN (SELECT r.uid FROM {2: uid i} AS r)",
);

/// A removal.
#[derive(Debug)]
pub(crate) struct Expunge {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) uids: Vec<UidRange>,
    /// Flags that a message must have to be removed.
    pub(crate) having: Flags,
}

impl Operation for Expunge {
    type Output = Vec<u32>;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Vec<u32>> {
        transaction
            .heads
            .account(self.account)?
            .mailbox(self.mailbox)?;
        remove(transaction, self, true).await
    }
}

/// Removes all messages of a mailbox that is going away itself, what is known of their texts, and its image: no tombstones.
pub(super) async fn remove_all(
    transaction: &mut Transaction,
    account: AccountId,
    mailbox: MailboxId,
) -> Result<()> {
    let all = Expunge {
        account,
        mailbox,
        uids: vec![UidRange::ALL],
        having: Flags::NONE,
    };
    remove(transaction, &all, false).await?;
    super::images::forget(transaction, mailbox).await?;
    super::text_packs::forget(transaction, mailbox).await
}

/// Removes messages; their UIDs.
pub(super) async fn remove(
    transaction: &mut Transaction,
    expunge: &Expunge,
    tombstones: bool,
) -> Result<Vec<u32>> {
    let arguments = vec![
        expunge.mailbox.0.into(),
        ranges_of(&expunge.uids).into(),
        i64::from(expunge.having.bits()).into(),
    ];
    let rows = transaction.fetch(&DOOMED, arguments).await?;
    let mut removed = Vec::with_capacity(rows.len());
    let mut blobs = Vec::with_capacity(rows.len());
    for row in &rows {
        let flags = Flags::from_bits(u8::try_from(row.int(2)?).unwrap_or(0));
        let blob = BlobId(row.int(1)?);
        removed.push(Leaving {
            uid: row.number(0)?,
            size: row.natural(3)?,
            flags,
            blob,
            created: row.int(4)?,
            thread: row.int(5)?,
        });
        blobs.push(blob);
    }
    if removed.is_empty() {
        return Ok(Vec::new());
    }
    for blob in blobs {
        transaction.buffers.refs(blob, -1);
    }
    transaction.heads.account(expunge.account)?.next_modseq();
    remove_rows(
        transaction,
        expunge.account,
        expunge.mailbox,
        &removed,
        tombstones,
    )
    .await?;
    Ok(removed.into_iter().map(|row| row.uid).collect())
}

/// Takes rows out of a mailbox under the account's current modification sequence.
pub(super) async fn remove_rows(
    transaction: &mut Transaction,
    account: AccountId,
    mailbox: MailboxId,
    rows: &[Leaving],
    tombstones: bool,
) -> Result<()> {
    transaction.leave(mailbox);
    let now = transaction.now;
    let head = transaction.heads.account(account)?;
    let modseq = head.modseq;
    let counted: Vec<(u64, Flags)> = rows.iter().map(|row| (row.size, row.flags)).collect();
    head.remove_messages(mailbox, modseq, &counted)?;
    if tombstones {
        for range in UidRange::compress(rows.iter().map(|row| row.uid)) {
            transaction.buffers.vanished(mailbox, modseq, range, now);
        }
    }
    departures::left(transaction, account, mailbox, rows)?;
    let uids = Rows::of_ints(rows.iter().map(|row| i64::from(row.uid)));
    transaction
        .execute(&DELETE_MESSAGES, vec![mailbox.0.into(), uids.into()])
        .await?;
    Ok(())
}
