//! Whose mailboxes a question is about.

use crate::types::MailboxName;

/// Whose mailboxes are meant beside the account's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Others {
    /// Everybody's.
    All,
    /// Those of some owners.
    Of {
        /// Their names, as they stand in those of the mailboxes.
        owners: Vec<String>,
        /// And those who have a mailbox that is subscribed.
        subscribed: bool,
    },
}

impl Others {
    /// Nobody's.
    pub(crate) const NONE: Self = Self::Of {
        owners: Vec::new(),
        subscribed: false,
    };

    /// Those among which a mailbox is.
    pub(crate) fn around(mailbox: &MailboxName) -> Self {
        Self::Of {
            owners: mailbox.owner().map(str::to_owned).into_iter().collect(),
            subscribed: false,
        }
    }
}
