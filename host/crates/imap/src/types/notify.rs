//! What NOTIFY asks for (RFC 5465).

use crate::types::{FetchItem, MailboxName};

/// `NOTIFY`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyCommand {
    /// `NONE`
    None,
    /// `SET`
    Set {
        /// `STATUS`: how the mailboxes are now is to be told.
        status: bool,
        /// Of which mailboxes what is to be told.
        groups: Vec<EventGroup>,
    },
    /// Of an event that is not known.
    Unsupported,
}

/// Events of some mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventGroup {
    /// Of which.
    pub mailboxes: MailboxFilter,
    /// Which events.
    pub events: Events,
}

/// Which mailboxes are meant (RFC 5465 §6). Names that cannot be those of mailboxes are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxFilter {
    /// The one that is selected.
    Selected {
        /// `SELECTED-DELAYED`: numbers stay until a command that allows them to change.
        delayed: bool,
    },
    /// `PERSONAL`, and `INBOXES`: mail may be filed into any of them.
    Personal,
    /// `SUBSCRIBED`
    Subscribed,
    /// `SUBTREE`: these and all below them.
    Subtree(Vec<MailboxName>),
    /// `SUBTREE-ONE`, of ESEARCH (RFC 7377 §2.2): these and those right below them.
    SubtreeOne(Vec<MailboxName>),
    /// `MAILBOXES`
    Mailboxes(Vec<MailboxName>),
}

/// Events that are told of (RFC 5465 §5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// `MessageNew` and `MessageExpunge`, which go together.
    pub messages: bool,
    /// `FlagChange`
    pub flags: bool,
    /// `MailboxName`
    pub names: bool,
    /// `SubscriptionChange`
    pub subscriptions: bool,
    /// `MailboxMetadataChange`
    pub mailbox_metadata: bool,
    /// `ServerMetadataChange`, which is about no mailbox.
    pub server_metadata: bool,
    /// What is fetched of messages that come into the selected mailbox.
    pub fetched: Vec<FetchItem>,
}

impl Events {
    /// Both of these.
    pub fn add(&mut self, other: &Self) {
        self.messages |= other.messages;
        self.flags |= other.flags;
        self.names |= other.names;
        self.subscriptions |= other.subscriptions;
        self.mailbox_metadata |= other.mailbox_metadata;
        self.server_metadata |= other.server_metadata;
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !(self.of_mailboxes() || self.mailbox_metadata || self.server_metadata)
    }

    /// Whether they are told of by comparing mailboxes with what the client knows.
    #[must_use]
    pub fn of_mailboxes(&self) -> bool {
        self.messages || self.flags || self.names || self.subscriptions
    }
}

impl EventGroup {
    /// How many mailboxes it names.
    #[must_use]
    pub fn names(&self) -> usize {
        self.mailboxes.names()
    }
}

impl MailboxFilter {
    /// How many mailboxes it names.
    #[must_use]
    pub fn names(&self) -> usize {
        match self {
            Self::Subtree(names) | Self::SubtreeOne(names) | Self::Mailboxes(names) => names.len(),
            Self::Selected { .. } | Self::Personal | Self::Subscribed => 0,
        }
    }

    /// Whether a mailbox that is not the selected one is meant.
    #[must_use]
    pub fn means(&self, name: &MailboxName, subscribed: bool) -> bool {
        match self {
            Self::Selected { .. } => false,
            // RFC 5465 §6.2: not the mailboxes of others.
            Self::Personal => !name.is_of_others(),
            Self::Subscribed => subscribed,
            Self::Subtree(roots) => roots.iter().any(|root| name.is_within(root)),
            Self::SubtreeOne(roots) => {
                let parent = name.parent();
                roots
                    .iter()
                    .any(|root| name == root || parent.as_ref() == Some(root))
            }
            Self::Mailboxes(names) => names.contains(name),
        }
    }
}
