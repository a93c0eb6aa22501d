//! The questions a request asks, and their answers. All owned data; one ask is outstanding at a time.
//!
//! Every ask may be answered with [`Answer::Failed`]. An answer of the wrong kind is a failure of the server's; it never panics.

use crate::blob::{BlobAnswer, BlobAsk};
use crate::changing::{ChangeAnswer, ChangeAsk, SendAnswer, SendAsk};
use crate::id::{AccountId, ContentId};
use crate::mail::{MailAnswer, MailAsk};
use crate::push_subscription::{PushAnswer, PushAsk};
use crate::quota::QuotaRoot;

/// What a request asks of the store and the policy behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Give an account contents that another one has, as if they had been uploaded. Both accounts are of those that the request's
    /// [`Viewer`](crate::Viewer) may see. → [`Answer::Copied`]
    CopyContents {
        /// Whose they are.
        from: AccountId,
        /// Who gets them.
        to: AccountId,
        /// Which.
        contents: Vec<ContentId>,
    },
    /// Something of the mail of an account. → [`Answer::Mail`]
    Mail(MailAsk),
    /// Something to be changed in an account. → [`Answer::Change`]
    Change(ChangeAsk),
    /// Something of identities and submissions. → [`Answer::Send`]
    Send(SendAsk),
    /// Of contents. → [`Answer::Blob`]
    Blob(BlobAsk),
    /// Of push subscriptions. → [`Answer::Push`]
    Push(PushAsk),
    /// What an account may hold. → [`Answer::Quotas`]
    Quotas {
        /// Which.
        account: AccountId,
    },
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// For each content in the order asked, whether it was there.
    Copied(Vec<bool>),
    /// See [`MailAsk`].
    Mail(MailAnswer),
    /// See [`ChangeAsk`].
    Change(ChangeAnswer),
    /// See [`SendAsk`].
    Send(SendAnswer),
    /// See [`Ask::Blob`].
    Blob(BlobAnswer),
    /// See [`Ask::Push`].
    Push(PushAnswer),
    /// See [`Ask::Quotas`].
    Quotas(Vec<QuotaRoot>),
    /// The question cannot be answered.
    Failed(Failure),
}

/// Why a question cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There is no memory for the answer at the moment.
    Busy,
    /// Not now.
    Unavailable {
        /// Under which the operator finds the cause.
        reference: String,
    },
    /// Of a change: it may have been made, and it may not.
    Uncertain {
        /// Under which the operator finds the cause.
        reference: String,
    },
}
