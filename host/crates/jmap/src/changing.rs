//! The methods that change what an account has (RFC 8620 §5.3, §5.4; RFC 8621).

mod ask;
mod compose;
mod draft;
mod draft_body;
mod email_copy;
mod email_import;
mod email_set;
mod identity;
mod kept;
mod labels;
mod mailbox_set;
mod mdn;
mod placing;
mod sending;
mod set;
mod submission;
mod submission_set;
mod vacation;

use std::collections::BTreeMap;

use crate::capability::Capability;
use crate::context::Context;
use crate::error::MethodError;
use crate::methods::{Arguments, read};

pub use self::ask::{
    Begun, Carried, ChangeAnswer, ChangeAsk, EmailChange, EmailsChanged, InMailboxes, Keywords,
    MailboxShape, Piece, Placing, Refusal, Shaped, StoredEmail,
};

pub use self::compose::Letter;
pub use self::vacation::{Vacation, VacationNow};

pub use self::sending::{
    Addressed, Delivered, Envelope, Identity, Kept, KeptChange, NotKept, SendAnswer, SendAsk,
    Sendable, Submission, Undo,
};

/// Ids by the names that the client gave what it created.
pub(crate) type Created = BTreeMap<String, String>;

/// A method that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `Email/set` (RFC 8621 §4.6)
    EmailSet,
    /// `Email/copy` (RFC 8621 §4.7)
    EmailCopy,
    /// `Email/import` (RFC 8621 §4.8)
    EmailImport,
    /// `Mailbox/set` (RFC 8621 §2.5)
    MailboxSet,
    /// `Identity/get` (RFC 8621 §6.1)
    IdentityGet,
    /// `Identity/set` (RFC 8621 §6.3)
    IdentitySet,
    /// `Identity/changes`, `EmailSubmission/changes` (RFC 8621 §6.2, §7.2)
    Changes(Kept),
    /// `EmailSubmission/get` (RFC 8621 §7.1)
    SubmissionGet,
    /// `EmailSubmission/query` (RFC 8621 §7.3)
    SubmissionQuery,
    /// `EmailSubmission/queryChanges` (RFC 8621 §7.4)
    SubmissionQueryChanges,
    /// `EmailSubmission/set` (RFC 8621 §7.5)
    SubmissionSet,
    /// `VacationResponse/get` (RFC 8621 §8.1)
    VacationGet,
    /// `VacationResponse/set` (RFC 8621 §8.2)
    VacationSet,
    /// `MDN/send` (RFC 9007 §2.1)
    MdnSend,
    /// `MDN/parse` (RFC 9007 §2.2)
    MdnParse,
}

impl Method {
    /// The method of a name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "Email/set" => Self::EmailSet,
            "Email/copy" => Self::EmailCopy,
            "Email/import" => Self::EmailImport,
            "Mailbox/set" => Self::MailboxSet,
            "Identity/get" => Self::IdentityGet,
            "Identity/changes" => Self::Changes(Kept::Identity),
            "Identity/set" => Self::IdentitySet,
            "EmailSubmission/get" => Self::SubmissionGet,
            "EmailSubmission/changes" => Self::Changes(Kept::Submission),
            "EmailSubmission/query" => Self::SubmissionQuery,
            "EmailSubmission/queryChanges" => Self::SubmissionQueryChanges,
            "EmailSubmission/set" => Self::SubmissionSet,
            "VacationResponse/get" => Self::VacationGet,
            "VacationResponse/set" => Self::VacationSet,
            "MDN/send" => Self::MdnSend,
            "MDN/parse" => Self::MdnParse,
            _ => return None,
        })
    }

    /// The capability that a client has to use.
    pub(crate) const fn capability(self) -> Capability {
        match self {
            Self::EmailSet | Self::EmailCopy | Self::EmailImport | Self::MailboxSet => {
                Capability::Mail
            }
            Self::IdentityGet
            | Self::IdentitySet
            | Self::Changes(_)
            | Self::SubmissionGet
            | Self::SubmissionQuery
            | Self::SubmissionQueryChanges
            | Self::SubmissionSet => Capability::Submission,
            Self::VacationGet | Self::VacationSet => Capability::VacationResponse,
            Self::MdnSend | Self::MdnParse => Capability::Mdn,
        }
    }
}

/// Makes a call.
pub(crate) async fn call(
    method: Method,
    arguments: Arguments,
    context: &Context,
    created: &mut Created,
) -> Result<Arguments, MethodError> {
    match method {
        Method::EmailSet => email_set::call(set::Set::read(arguments)?, context, created).await,
        Method::EmailCopy => email_copy::call(read(arguments)?, context, created).await,
        Method::IdentityGet => identity::get(read(arguments)?, context).await,
        Method::IdentitySet => identity::set(set::Set::read(arguments)?, context, created).await,
        Method::Changes(kind) => kept::changes(kind, read(arguments)?, context).await,
        Method::SubmissionGet => submission::get(read(arguments)?, context).await,
        Method::SubmissionQuery => submission::query(arguments, context).await,
        Method::SubmissionQueryChanges => submission::query_changes(arguments, context).await,
        Method::MdnSend => mdn::send(read(arguments)?, context, created).await,
        Method::MdnParse => mdn::parse(arguments, context).await,
        Method::SubmissionSet => submission_set::call(arguments, context, created).await,
        Method::VacationGet => vacation::get(read(arguments)?, context).await,
        Method::VacationSet => vacation::set(set::Set::read(arguments)?, context).await,
        Method::MailboxSet => mailbox_set::call(arguments, context, created).await,
        Method::EmailImport => email_import::call(read(arguments)?, context, created).await,
    }
}
