//! COPY (RFC 3501 §6.4.7) and MOVE (RFC 6851).

use super::Operation;
use super::buffers::NewMessage;
use super::departures::Leaving;
use super::transaction::Transaction;
use crate::messages::ranges_of;
use crate::statement::Sql;
use crate::{AccountId, BlobId, Copied, CopyTo, FlagScope, Flags, MailboxId, Result, UidRange};

static MESSAGES_OF: Sql = Sql::new(
    "SELECT m.uid, m.blob, m.flags, m.size, m.internal_date, m.keywords, m.internal_offset, m.created, m.thread FROM {2: first i, last i} AS r CROSS JOIN messages m
     WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last ORDER BY m.uid",
);

/// A copy or a move.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) account: AccountId,
    pub(crate) from: MailboxId,
    pub(crate) uids: Vec<UidRange>,
    /// Where to, of whatever account.
    pub(crate) to: CopyTo,
    /// Whether the messages leave `from`.
    pub(crate) moving: bool,
}

impl Operation for Copy {
    type Output = Copied;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account, self.to.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Copied> {
        copy(transaction, self).await
    }
}

/// Moves all messages, as renaming INBOX does.
pub(super) async fn move_all(
    transaction: &mut Transaction,
    account: AccountId,
    from: MailboxId,
    to: MailboxId,
) -> Result<()> {
    copy(
        transaction,
        &Copy {
            account,
            from,
            uids: vec![UidRange::ALL],
            to: CopyTo {
                account,
                mailbox: to,
                keep: FlagScope::ALL,
            },
            moving: true,
        },
    )
    .await?;
    Ok(())
}

async fn copy(transaction: &mut Transaction, copy: &Copy) -> Result<Copied> {
    let CopyTo {
        account: target,
        mailbox,
        keep,
    } = copy.to;
    transaction
        .heads
        .account(copy.account)?
        .mailbox(copy.from)?;
    transaction.heads.account(target)?.mailbox(mailbox)?;
    let rows = transaction
        .fetch(
            &MESSAGES_OF,
            vec![copy.from.0.into(), ranges_of(&copy.uids).into()],
        )
        .await?;
    let account = transaction.heads.account(target)?;
    let to = account.mailbox(mailbox)?;
    to.has_room(rows.len())?;
    let mut copied = Copied {
        uid_validity: to.mailbox.uid_validity,
        uids: Vec::with_capacity(rows.len()),
    };
    if rows.is_empty() {
        return Ok(copied);
    }
    let modseq = account.next_modseq();
    if copy.moving && target != copy.account {
        transaction.heads.account(copy.account)?.next_modseq();
    }
    // RFC 8514 §3: copied and moved messages are saved now.
    let saved = transaction.now;
    let mut left = Vec::new();
    for row in &rows {
        let (uid, blob) = (row.number(0)?, BlobId(row.int(1)?));
        let flags = Flags::from_bits(u8::try_from(row.int(2)?).unwrap_or(0));
        let (size, internal_date, mut keywords) = (row.natural(3)?, row.int(4)?, row.text(5)?);
        if !keep.keywords {
            keywords.clear();
        }
        let kept = keep.of(flags);
        let (created, thread) = (row.int(7)?, row.int(8)?);
        let internal_offset = i16::try_from(row.int(6)?).unwrap_or(0);
        let (new, after) = transaction
            .heads
            .account(target)?
            .add_message(mailbox, modseq, size, kept)?;
        let message = NewMessage {
            mailbox,
            uid: new,
            blob,
            modseq,
            flags: kept.bits(),
            size,
            internal_date,
            internal_offset,
            saved,
            thread,
            keywords: &keywords,
        };
        transaction.message(after, &message);
        if copy.moving {
            left.push(Leaving {
                uid,
                size,
                flags,
                blob,
                created,
                thread,
            });
        } else {
            transaction.buffers.refs(blob, 1);
        }
        copied.uids.push((uid, new));
    }
    if copy.moving {
        // The references go over to the new rows.
        super::expunge::remove_rows(transaction, copy.account, copy.from, &left, true).await?;
    }
    Ok(copied)
}
