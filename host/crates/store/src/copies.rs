//! Copies and moves of messages (RFC 3501 §6.4.7, RFC 6851), and one put in the place of another (RFC 8508): all or none, with one commit.

use crate::writer::copy::Copy;
use crate::writer::deliver::DeliverAll;
use crate::writer::expunge::Expunge;
use crate::writer::replace::Replace;
use crate::{AccountId, Delivery, FlagScope, Flags, MailboxId, Result, Store, Stored, UidRange};

/// What a copy or move did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the mailbox copied to.
    pub uid_validity: u32,
    /// Pairs of old and new UID, ascending by both.
    pub uids: Vec<(u32, u32)>,
}

/// Where messages are copied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyTo {
    /// Whose mailbox; what comes into it counts for this account.
    pub account: AccountId,
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Which flags go along.
    pub keep: FlagScope,
}

impl CopyTo {
    /// Of the account that the messages are of, with all their flags.
    fn within(account: AccountId, mailbox: MailboxId) -> Self {
        Self {
            account,
            mailbox,
            keep: FlagScope::ALL,
        }
    }
}

impl Store {
    /// Copies messages with flags, keywords and internal date to another mailbox of the same account (RFC 3501 §6.4.7).
    /// All or none.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn copy(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[UidRange],
        to: MailboxId,
    ) -> Result<Copied> {
        let to = CopyTo::within(account, to);
        self.copy_to(account, from, uids, to).await
    }

    /// Copies messages to a mailbox of whatever account, which they count for.
    ///
    /// # Errors
    /// `NoSuchMailbox`, `NoSuchAccount`.
    pub async fn copy_to(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[UidRange],
        to: CopyTo,
    ) -> Result<Copied> {
        self.copy_or_move(account, from, uids, to, false).await
    }

    /// Moves messages to another mailbox of the same account in one commit (RFC 6851).
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn move_messages(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[UidRange],
        to: MailboxId,
    ) -> Result<Copied> {
        let to = CopyTo::within(account, to);
        self.move_to(account, from, uids, to).await
    }

    /// Moves messages to a mailbox of whatever account, in one commit.
    ///
    /// # Errors
    /// `NoSuchMailbox`, `NoSuchAccount`.
    pub async fn move_to(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[UidRange],
        to: CopyTo,
    ) -> Result<Copied> {
        self.copy_or_move(account, from, uids, to, true).await
    }

    async fn copy_or_move(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[UidRange],
        to: CopyTo,
        moving: bool,
    ) -> Result<Copied> {
        let copy = Copy {
            account,
            from,
            uids: uids.to_vec(),
            to,
            moving,
        };
        self.inner.writer.write(copy).await
    }

    /// Stores a message and removes another, or does neither: `None` if that one is not there.
    ///
    /// # Errors
    /// As [`Store::deliver`]; `NoSuchMailbox` for that of the message that goes.
    pub async fn replace(
        &self,
        delivery: Delivery,
        (account, mailbox, uid): (AccountId, MailboxId, u32),
    ) -> Result<Option<Stored>> {
        let comes = self.prepare(delivery, Vec::new()).await?;
        let goes = Expunge {
            account,
            mailbox,
            uids: vec![UidRange::one(uid)],
            having: Flags::NONE,
        };
        let replace = Replace {
            comes: DeliverAll(vec![comes]),
            goes,
            went: false,
        };
        let accepted = self.inner.writer.write(replace).await?;
        Ok(accepted.and_then(|accepted| accepted.stored.into_iter().next()))
    }
}
