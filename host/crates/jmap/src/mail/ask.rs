//! What the methods that read mail ask.

use std::sync::Arc;

use bytes::Bytes;

use super::email_filter::TextKey;
use super::emails::{Emails, Place};
use super::mailboxes::Mailboxes;
use crate::id::{AccountId, ContentId, EmailId};

/// A type of what an account has (RFC 8621 §2, §3, §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `Mailbox`
    Mailbox,
    /// `Thread`
    Thread,
    /// `Email`
    Email,
}

/// What a request asks of an account's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailAsk {
    /// The modification sequence of the account, which is the state of all of its types. → [`MailAnswer::State`]
    State {
        /// Whose.
        account: AccountId,
    },
    /// All mailboxes of the account. → [`MailAnswer::Mailboxes`]
    Mailboxes {
        /// Whose.
        account: AccountId,
    },
    /// All emails of the account. → [`MailAnswer::Emails`]
    Emails {
        /// Whose.
        account: AccountId,
    },
    /// The summaries of emails, in their order. → [`MailAnswer::Octets`]
    Summaries {
        /// Whose.
        account: AccountId,
        /// Which, and where one of the messages of each is.
        emails: Vec<(EmailId, Place)>,
    },
    /// Contents of emails, or their beginnings, in their order. → [`MailAnswer::Octets`]
    Contents {
        /// Whose.
        account: AccountId,
        /// Which, all of them of emails that the account has.
        contents: Vec<ContentId>,
        /// So many octets of each are enough.
        most: u64,
    },
    /// A content that the account may have, in a message or as an upload. → [`MailAnswer::Octets`], of one item
    Blob {
        /// Whose.
        account: AccountId,
        /// Which.
        content: ContentId,
    },
    /// Which of these emails surely lack a text, as far as an index knows. → [`MailAnswer::Absent`]
    Sift {
        /// Whose.
        account: AccountId,
        /// Where a message of each is.
        places: Vec<Place>,
        /// Of each needle, 64 at most, the texts, mapped, that a message which has it holds all of.
        needles: Vec<Vec<String>>,
    },
    /// Which keys match the texts of contents. → [`MailAnswer::Matched`]
    Texts {
        /// Whose.
        account: AccountId,
        /// Which, all of them of emails that the account has, and how large each is.
        contents: Vec<(ContentId, u64)>,
        /// What is looked for, 64 at most.
        keys: Vec<TextKey>,
    },
    /// What changed of a type. → [`MailAnswer::Changes`]
    Changes {
        /// Whose.
        account: AccountId,
        /// Of what.
        kind: Kind,
        /// The state after which it changed.
        since: u64,
        /// The list ends before there are more than so many.
        most: Option<usize>,
    },
}

impl MailAsk {
    /// Whose mail it is about.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        match self {
            Self::State { account }
            | Self::Mailboxes { account }
            | Self::Emails { account }
            | Self::Summaries { account, .. }
            | Self::Contents { account, .. }
            | Self::Blob { account, .. }
            | Self::Sift { account, .. }
            | Self::Texts { account, .. }
            | Self::Changes { account, .. } => *account,
        }
    }
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailAnswer {
    /// A state.
    State(u64),
    /// Mailboxes.
    Mailboxes(Arc<Mailboxes>),
    /// Emails.
    Emails(Arc<Emails>),
    /// Octets, in the order asked; none where there are none.
    Octets(Vec<Option<Bytes>>),
    /// Of each email, bit n if it lacks needle n; shorter, or empty, where nothing is known.
    Absent(Vec<u64>),
    /// Of each content, bit n if key n matches; none of one that is gone.
    Matched(Vec<Option<u64>>),
    /// What changed; none if that cannot be told.
    Changes(Option<Changes>),
}

/// What changed of a type, by the numbers of its ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The state that it leads to.
    pub until: u64,
    /// Whether more has changed since.
    pub more: bool,
    /// What was not there and is.
    pub created: Vec<u64>,
    /// What was there, still is, and is not as it was.
    pub updated: Vec<u64>,
    /// What was there and is not.
    pub destroyed: Vec<u64>,
    /// Of mailboxes: nothing of those that were there has changed but how much is in them.
    pub only_counts: bool,
}
