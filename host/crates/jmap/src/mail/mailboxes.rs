//! The mailboxes of an account, as JMAP has them (RFC 8621 §2).

use serde_json::{Value, json};

use crate::id::MailboxId;

/// What a mailbox is for (RFC 8621 §2: role).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `inbox`
    Inbox,
    /// `drafts`
    Drafts,
    /// `sent`
    Sent,
    /// `archive`
    Archive,
    /// `junk`
    Junk,
    /// `trash`
    Trash,
    /// `flagged`
    Flagged,
    /// `all`
    All,
}

impl Role {
    /// As it is written: special uses (RFC 6154 §2) in small letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Drafts => "drafts",
            Self::Sent => "sent",
            Self::Archive => "archive",
            Self::Junk => "junk",
            Self::Trash => "trash",
            Self::Flagged => "flagged",
            Self::All => "all",
        }
    }

    /// Where a mailbox of this role stands among others: in the order above, and before those that have none.
    const fn order(self) -> u32 {
        self as u32 + 1
    }

    /// The role that is written like this.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Inbox,
            Self::Drafts,
            Self::Sent,
            Self::Archive,
            Self::Junk,
            Self::Trash,
            Self::Flagged,
            Self::All,
        ];
        all.into_iter().find(|role| role.name() == name)
    }
}

/// The place of those without a role.
const LAST: u32 = 100;

/// The place of a mailbox that was given none.
fn usual_order(role: Option<Role>) -> u32 {
    role.map_or(LAST, Role::order)
}

/// What somebody may do with a mailbox (RFC 8621 §2: MailboxRights).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailboxRights {
    /// `mayReadItems`
    pub read_items: bool,
    /// `mayAddItems`
    pub add_items: bool,
    /// `mayRemoveItems`
    pub remove_items: bool,
    /// `maySetSeen`
    pub set_seen: bool,
    /// `maySetKeywords`
    pub set_keywords: bool,
    /// `mayCreateChild`
    pub create_child: bool,
    /// `mayRename`
    pub rename: bool,
    /// `mayDelete`
    pub delete: bool,
    /// `maySubmit`
    pub submit: bool,
}

impl MailboxRights {
    pub(crate) fn to_json(self) -> Value {
        json!({
            "mayReadItems": self.read_items,
            "mayAddItems": self.add_items,
            "mayRemoveItems": self.remove_items,
            "maySetSeen": self.set_seen,
            "maySetKeywords": self.set_keywords,
            "mayCreateChild": self.create_child,
            "mayRename": self.rename,
            "mayDelete": self.delete,
            "maySubmit": self.submit,
        })
    }
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// Its name, without those above it.
    pub name: String,
    /// The mailbox that it is in.
    pub parent: Option<MailboxId>,
    /// What it is for.
    pub role: Option<Role>,
    /// Whether its owner wants to see it.
    pub subscribed: bool,
    /// What may be done with it.
    pub rights: MailboxRights,
    /// The place among others that it was given, if it was.
    pub sort_order: Option<u32>,
}

impl Mailbox {
    /// RFC 8621 §2: sortOrder. It follows from the role where none was given.
    pub(crate) fn order(&self) -> u32 {
        self.sort_order.unwrap_or_else(|| usual_order(self.role))
    }
}

/// All mailboxes of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailboxes {
    /// The state of which they are; they may be newer.
    pub state: u64,
    /// All of them.
    pub list: Vec<Mailbox>,
}

impl Mailboxes {
    pub(crate) fn get(&self, id: MailboxId) -> Option<&Mailbox> {
        self.list.iter().find(|mailbox| mailbox.id == id)
    }

    /// The mailbox and those that it is in, the innermost first.
    pub(crate) fn lineage<'m>(&'m self, of: &'m Mailbox) -> impl Iterator<Item = &'m Mailbox> {
        // More levels than there are mailboxes would be a circle.
        let up = |mailbox: &&'m Mailbox| self.get(mailbox.parent?);
        std::iter::successors(Some(of), up).take(self.list.len())
    }
}
