//! The part of an account that somebody else sees: some of its mailboxes, and the mail of some of these.
//!
//! Its state is that of the latest change in it, so that what happens beside it does not change it. How much that was shows once something
//! in it changes, since the numbers are those of the account: of what else, and where, it says nothing. What
//! leaves a mailbox raises the mailbox's own modification sequence, and who sees other mailboxes than before is told so by whoever asks here:
//! of two moments of one and the same part everything is known that is known of two moments of the account.

use std::collections::BTreeMap;

use crate::account_log::MAILBOX_MOMENTS;
use crate::{AccountId, MailboxId, Result, Store};

/// The mailboxes of an account that somebody may know of.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Visible(BTreeMap<MailboxId, bool>);

impl Visible {
    /// These, each with whether its mail may be read.
    pub fn of(mailboxes: impl IntoIterator<Item = (MailboxId, bool)>) -> Self {
        Self(mailboxes.into_iter().collect())
    }

    /// Whether it may be known that a mailbox is there.
    #[must_use]
    pub fn has(&self, mailbox: MailboxId) -> bool {
        self.0.contains_key(&mailbox)
    }

    /// Whether the mail of a mailbox may be read.
    #[must_use]
    pub fn reads(&self, mailbox: MailboxId) -> bool {
        self.0.get(&mailbox) == Some(&true)
    }
}

/// Who looks at an account: its owner at all of it, or somebody at a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eyes<'v>(pub(crate) Option<&'v Visible>);

impl Eyes<'_> {
    pub(crate) fn know(self, mailbox: MailboxId) -> bool {
        self.0.is_none_or(|visible| visible.has(mailbox))
    }

    pub(crate) fn read(self, mailbox: MailboxId) -> bool {
        self.0.is_none_or(|visible| visible.reads(mailbox))
    }

    pub(crate) const fn see_all(self) -> bool {
        self.0.is_none()
    }
}

impl Store {
    /// The modification sequence of the latest change in a part of an account; 0 where the part is empty.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn visible_state(&self, account: AccountId, visible: &Visible) -> Result<u64> {
        let rows = self
            .inner
            .readers
            .fetch(&MAILBOX_MOMENTS, vec![account.0.into()]);
        let mut state = 0;
        for row in &rows.await? {
            let mailbox = MailboxId(row.int(0)?);
            if !visible.has(mailbox) {
                continue;
            }
            state = state.max(row.natural(1)?).max(row.natural(2)?);
            // That mail comes and goes is only for those to know who may read it.
            if visible.reads(mailbox) {
                state = state.max(row.natural(3)?);
            }
        }
        Ok(state)
    }

    /// The state and the floor for whoever looks.
    pub(crate) async fn seen_state(
        &self,
        account: AccountId,
        eyes: Eyes<'_>,
    ) -> Result<(u64, u64)> {
        match eyes.0 {
            None => self.state_and_floor(account).await,
            Some(visible) => {
                let now = self.visible_state(account, visible).await?;
                Ok((now, self.state_and_floor(account).await?.1))
            }
        }
    }
}
