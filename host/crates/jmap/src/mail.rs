//! The methods that read mail (RFC 8621).

mod ask;
mod changes;
mod emails;
pub(crate) mod mailbox;
mod mailbox_query;
mod mailboxes;
mod thread;

use crate::context::Context;
use crate::error::MethodError;
use crate::methods::{Arguments, read};

pub use self::ask::{Changes, Kind, MailAnswer, MailAsk};
pub use self::emails::{Email, Emails, Gathering, Message, Place, SystemKeywords};
pub(crate) use self::mailboxes::usual_order;
pub use self::mailboxes::{Mailbox, MailboxRights, Mailboxes, Role};

/// By what emails can be sorted (RFC 8621 §4.4.2).
pub(crate) const SORT_OPTIONS: [&str; 10] = [
    "receivedAt",
    "size",
    "from",
    "to",
    "subject",
    "sentAt",
    "hasKeyword",
    "allInThreadHaveKeyword",
    "someInThreadHaveKeyword",
    "id",
];

/// A method that reads mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `Mailbox/changes`, `Thread/changes`, `Email/changes` (RFC 8621 §2.2, §3.2, §4.3)
    Changes(Kind),
    /// `Mailbox/get` (RFC 8621 §2.1)
    MailboxGet,
    /// `Mailbox/query` (RFC 8621 §2.3)
    MailboxQuery,
    /// `Mailbox/queryChanges` (RFC 8621 §2.4)
    MailboxQueryChanges,
    /// `Thread/get` (RFC 8621 §3.1)
    ThreadGet,
}

impl Method {
    /// The method of a name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "Mailbox/changes" => Self::Changes(Kind::Mailbox),
            "Thread/changes" => Self::Changes(Kind::Thread),
            "Email/changes" => Self::Changes(Kind::Email),
            "Mailbox/get" => Self::MailboxGet,
            "Mailbox/query" => Self::MailboxQuery,
            "Mailbox/queryChanges" => Self::MailboxQueryChanges,
            "Thread/get" => Self::ThreadGet,
            _ => return None,
        })
    }
}

/// Makes a call.
pub(crate) async fn call(
    method: Method,
    arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    match method {
        Method::Changes(kind) => changes::call(kind, read(arguments)?, context).await,
        Method::MailboxGet => mailbox::get(read(arguments)?, context).await,
        Method::MailboxQuery => mailbox_query::query(arguments, context).await,
        Method::MailboxQueryChanges => mailbox_query::changes(arguments, context).await,
        Method::ThreadGet => thread::get(read(arguments)?, context).await,
    }
}
