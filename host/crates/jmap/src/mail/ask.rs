//! What the methods that read mail ask.

use std::sync::Arc;

use super::emails::Emails;
use super::mailboxes::Mailboxes;
use crate::id::AccountId;

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

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailAnswer {
    /// A state.
    State(u64),
    /// Mailboxes.
    Mailboxes(Arc<Mailboxes>),
    /// Emails.
    Emails(Arc<Emails>),
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
