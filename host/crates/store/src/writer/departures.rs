//! What leaves an account is written down: messages by what they were, mailboxes by their number.
//!
//! A message with \Deleted is not there any more (RFC 8621 §4.1.1): it leaves when it is marked so and not when it is removed, and comes anew
//! when the mark is taken away.

use super::buffers::signed;
use super::transaction::Transaction;
use crate::messages::ranges_of;
use crate::statement::Sql;
use crate::{AccountId, BlobId, Flags, MailboxId, Result, UidRange};

/// Messages in one row.
const MANY: usize = 1000;
/// The part of a mailbox that goes itself.
const ITSELF: i64 = -1;

// The floor does not sink, whatever the clock did.
static FORGET_DEPARTURES: Sql = Sql::new(
    "UPDATE accounts SET departed_floor = CASE WHEN o.modseq > departed_floor THEN o.modseq ELSE departed_floor END
     FROM (SELECT account, max(modseq) AS modseq FROM departures WHERE at < $1 GROUP BY account) AS o WHERE accounts.id = o.account",
);
static SWEEP_DEPARTURES: Sql = Sql::new("DELETE FROM departures WHERE at < $1");
pub(super) static DELETE_DEPARTURES: Sql = Sql::new("DELETE FROM departures WHERE account = $1");
static HIDDEN: Sql = Sql::new(
    "SELECT m.uid, m.blob, m.size, m.created, m.thread FROM {2: first i, last i} AS r CROSS JOIN messages m
     WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last ORDER BY m.uid",
);
static SHOWN: Sql = Sql::new(
    "UPDATE messages SET created = $3 WHERE mailbox = $1 AND uid IN
     (SELECT m.uid FROM {2: first i, last i} AS r CROSS JOIN messages m WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last)",
);
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
    let there = rows
        .iter()
        .filter(|row| !row.flags.contains(Flags::DELETED));
    let rows: Vec<&Leaving> = there.collect();
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

/// Messages of a mailbox come to have other flags, under the account's current modification sequence: each with what it had and has.
pub(super) async fn marked(
    transaction: &mut Transaction,
    account: AccountId,
    mailbox: MailboxId,
    marks: &[(u32, Flags, Flags)],
) -> Result<()> {
    let with = |had: bool| {
        let has = move |(_, before, after): &&(u32, Flags, Flags)| {
            before.contains(Flags::DELETED) == had && after.contains(Flags::DELETED) != had
        };
        UidRange::compress(marks.iter().filter(has).map(|(uid, _, _)| *uid))
    };
    let (hidden, shown) = (with(false), with(true));
    if !hidden.is_empty() {
        let arguments = vec![mailbox.0.into(), ranges_of(&hidden).into()];
        let rows = transaction.fetch(&HIDDEN, arguments).await?;
        let leaving = rows.iter().map(|row| {
            Ok(Leaving {
                uid: row.number(0)?,
                flags: Flags::NONE,
                blob: BlobId(row.int(1)?),
                size: row.natural(2)?,
                created: row.int(3)?,
                thread: row.int(4)?,
            })
        });
        let leaving: Vec<Leaving> = leaving.collect::<Result<_>>()?;
        left(transaction, account, mailbox, &leaving)?;
    }
    if !shown.is_empty() {
        let modseq = signed(transaction.heads.account(account)?.modseq);
        let arguments = vec![mailbox.0.into(), ranges_of(&shown).into(), modseq.into()];
        transaction.execute(&SHOWN, arguments).await?;
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
