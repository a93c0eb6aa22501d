//! What a transaction changes that images of mailboxes can take in by themselves, once it is committed.

use std::collections::HashSet;

use crate::MailboxId;
use crate::images::Change;

#[derive(Debug, Default)]
pub(super) struct ForImages {
    /// In the order of the changes.
    changes: Vec<Change>,
    /// Mailboxes that messages left: their images are brought up to date by who asks for them next.
    left: HashSet<MailboxId>,
}

impl ForImages {
    pub(super) fn push(&mut self, change: Change) {
        if !self.left.contains(&change.mailbox()) {
            self.changes.push(change);
        }
    }

    /// Messages leave a mailbox, perhaps under the modification sequence that others came with.
    pub(super) fn leave(&mut self, mailbox: MailboxId) {
        self.changes.retain(|change| change.mailbox() != mailbox);
        self.left.insert(mailbox);
    }

    pub(super) fn take(&mut self) -> Vec<Change> {
        self.left.clear();
        std::mem::take(&mut self.changes)
    }
}
