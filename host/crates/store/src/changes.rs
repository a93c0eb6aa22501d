//! The change log: what happened after a modification sequence, and notice that something did.

use tokio::sync::watch;

use crate::{AccountId, Error, Mailbox, MailboxId, MessageFlags, Result, Store, UidRange};

/// What changed in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The mailbox now; use `mailbox.highest_modseq` as the next `since`.
    pub mailbox: Mailbox,
    /// Messages that are new or have other flags, ascending by UID.
    pub changed: Vec<MessageFlags>,
    /// UIDs expunged since, ascending ranges; may name UIDs that the caller never knew.
    pub vanished: Vec<UidRange>,
    /// False: tombstones as old as `since` are gone, `vanished` lacks some. Compare with a fresh [`Store::select`].
    pub complete: bool,
}

impl Store {
    /// What changed in a mailbox after a modification sequence. Cheap when nothing did.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn changes(
        &self,
        _account: AccountId,
        _mailbox: MailboxId,
        _since: u64,
    ) -> Result<Changes> {
        Err(Error::Closed)
    }

    /// A receiver that changes after each commit that touched the account; the value is the account's modification
    /// sequence. On PostgreSQL it tells of this host's commits.
    pub fn subscribe(&self, _account: AccountId) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}
