//! The methods that read mail (RFC 8621).

mod ask;
mod body;
mod body_value;
mod changes;
mod date;
mod email_filter;
pub(crate) mod email_get;
pub(crate) mod email_parse;
pub(crate) mod email_query;
mod email_sort;
mod emails;
mod form;
mod header;
pub(crate) mod mailbox;
mod mailbox_query;
mod mailboxes;
mod object;
mod shape;
mod snippet;
mod thread;
mod words;

use crate::context::Context;
use crate::error::MethodError;
use crate::methods::{Arguments, read};

pub(crate) use self::date::parse_utc;

pub use self::ask::{Changes, Kind, MailAnswer, MailAsk};
pub use self::email_filter::TextKey;
pub use self::emails::{Email, Emails, Gathering, Message, Place, SystemKeywords};
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
    /// `Email/get` (RFC 8621 §4.2)
    EmailGet,
    /// `Email/query` (RFC 8621 §4.4)
    EmailQuery,
    /// `Email/queryChanges` (RFC 8621 §4.5)
    EmailQueryChanges,
    /// `Email/parse` (RFC 8621 §4.9)
    EmailParse,
    /// `SearchSnippet/get` (RFC 8621 §5.1)
    SnippetGet,
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
            "Email/get" => Self::EmailGet,
            "Email/query" => Self::EmailQuery,
            "Email/queryChanges" => Self::EmailQueryChanges,
            "Email/parse" => Self::EmailParse,
            "SearchSnippet/get" => Self::SnippetGet,
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
        Method::EmailGet => email_get::get(arguments, context).await,
        Method::EmailQuery => email_query::query(arguments, context).await,
        Method::EmailQueryChanges => email_query::changes(arguments, context).await,
        Method::EmailParse => email_parse::parse(arguments, context).await,
        Method::SnippetGet => snippet::get(read(arguments)?, context).await,
        Method::ThreadGet => thread::get(read(arguments)?, context).await,
    }
}
