//! What the methods of identities and submissions ask (RFC 8621 §6, §7).

use serde_json::Value;

use super::ask::{Piece, Refusal};
use super::vacation::{Vacation, VacationNow};
use crate::id::{AccountId, EmailId, IdentityId, SubmissionId, ThreadId};
use crate::mail::Changes;

/// A type of what is kept with an account beside its mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// `Identity`
    Identity,
    /// `EmailSubmission`
    Submission,
}

/// What a request asks of identities and submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendAsk {
    /// All identities. → [`SendAnswer::Identities`]
    Identities {
        /// Whose.
        account: AccountId,
    },
    /// Keep an identity; of a new one, if the account may send under its address. → [`SendAnswer::Kept`]
    PutIdentity {
        /// Whose.
        account: AccountId,
        /// Which; none: a new one.
        id: Option<IdentityId>,
        /// Its properties.
        identity: Identity,
    },
    /// Remove an identity. → [`SendAnswer::Kept`]
    RemoveIdentity {
        /// Whose.
        account: AccountId,
        /// Which.
        id: IdentityId,
    },
    /// What changed of a type. → [`SendAnswer::Changes`]
    Changes {
        /// Whose.
        account: AccountId,
        /// Of what.
        kind: Kept,
        /// The state after which it changed.
        since: u64,
        /// How many changes are told at most.
        most: Option<usize>,
    },
    /// Submissions that are still known. → [`SendAnswer::Submissions`]
    Submissions {
        /// Whose.
        account: AccountId,
        /// Which; none: all.
        which: Option<Vec<SubmissionId>>,
        /// Whether it is to be told what has become of recipients.
        status: bool,
    },
    /// What an email says of who sends it to whom. → [`SendAnswer::Sendable`]
    Sendable {
        /// Whose.
        account: AccountId,
        /// Which.
        email: EmailId,
    },
    /// Send an email. → [`SendAnswer::Kept`]
    Submit {
        /// Whose.
        account: AccountId,
        /// What.
        email: EmailId,
        /// Its thread.
        thread: ThreadId,
        /// Under which identity.
        identity: IdentityId,
        /// From whom to whom.
        envelope: Envelope,
    },
    /// Put a message together and send it; nothing of it is kept. → [`SendAnswer::Notified`]
    Notify {
        /// Whose.
        account: AccountId,
        /// Its octets, in order.
        pieces: Vec<Piece>,
        /// From whom to whom.
        envelope: Envelope,
    },
    /// Call back what was sent. → [`SendAnswer::Kept`]
    Cancel {
        /// Whose.
        account: AccountId,
        /// What.
        id: SubmissionId,
    },
    /// Forget that something was sent. → [`SendAnswer::Kept`]
    Forget {
        /// Whose.
        account: AccountId,
        /// What.
        id: SubmissionId,
    },
    /// What is answered while somebody is away. → [`SendAnswer::Vacation`]
    Vacation {
        /// Whose.
        account: AccountId,
    },
    /// Answer this from now on. → [`SendAnswer::Kept`]
    PutVacation {
        /// Whose.
        account: AccountId,
        /// What.
        vacation: Vacation,
    },
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendAnswer {
    /// The state, and the identities.
    Identities(u64, Vec<(IdentityId, Identity)>),
    /// The state, and the submissions.
    Submissions(u64, Vec<Submission>),
    /// What changed; none if that cannot be told.
    Changes(Option<Changes>),
    /// What an email says; none if there is none.
    Sendable(Option<Sendable>),
    /// What is answered while somebody is away.
    Vacation(VacationNow),
    /// What became of something that is kept.
    Kept(Result<KeptChange, NotKept>),
    /// What became of a message that is not.
    Notified(Result<(), NotKept>),
}

/// What became of something that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptChange {
    /// Its number.
    pub id: u64,
    /// The state before.
    pub before: u64,
    /// The state after.
    pub after: u64,
    /// Of what is sent: when, milliseconds of Unix time.
    pub send_at: i64,
    /// Whether it may still be called back.
    pub pending: bool,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotKept {
    /// As of others.
    Refused(Refusal),
    /// The account may not send under that address, and why.
    Address(String),
    /// It may not use that return address, and why.
    Sender(String),
    /// What is said with the addresses is not understood, and why.
    Parameters(String),
    /// These recipients are refused, and why the first is.
    Recipients(Vec<String>, String),
    /// The authors of the message are refused, and why.
    Authors(String),
    /// The message is no good, and why.
    Message(String),
    /// It may not be sent now, and why.
    Sending(String),
    /// It is on its way.
    Gone,
}

/// Under which somebody sends (RFC 8621 §6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `name`
    pub name: String,
    /// `email`
    pub email: String,
    /// `replyTo`
    pub reply_to: Value,
    /// `bcc`
    pub bcc: Value,
    /// `textSignature`
    pub text_signature: String,
    /// `htmlSignature`
    pub html_signature: String,
    /// `mayDelete`
    pub may_delete: bool,
}

/// What an email says of who sends it to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sendable {
    /// Its thread.
    pub thread: u64,
    /// Its octets.
    pub size: u64,
    /// The addresses of each Sender field.
    pub senders: Vec<Vec<String>>,
    /// The addresses of each From field.
    pub authors: Vec<Vec<String>>,
    /// The addresses of all To, Cc and Bcc fields.
    pub recipients: Vec<String>,
    /// Octets that a message may have.
    pub most_octets: u64,
    /// Recipients that a message may have.
    pub most_recipients: u64,
}

/// An address with what is said with it (RFC 8621 §7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// The address.
    pub email: String,
    /// Names and values of parameters, without xtext; none: null.
    pub parameters: Option<Vec<(String, Option<String>)>>,
}

/// From whom to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The return address; empty for none.
    pub mail_from: Addressed,
    /// The recipients.
    pub rcpt_to: Vec<Addressed>,
}

/// Whether something that was sent may still be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// It may.
    Pending,
    /// It may not.
    Final,
    /// It was.
    Canceled,
}

impl Undo {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Final => "final",
            Self::Canceled => "canceled",
        }
    }
}

/// What became of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It waits.
    Queued,
    /// It is in the mailbox.
    Yes,
    /// It never will be.
    No,
    /// It was handed on.
    Unknown,
}

impl Delivered {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Something that was sent (RFC 8621 §7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its id.
    pub id: SubmissionId,
    /// Under which identity.
    pub identity: IdentityId,
    /// What.
    pub email: EmailId,
    /// Its thread.
    pub thread: ThreadId,
    /// From whom to whom.
    pub envelope: Envelope,
    /// When, milliseconds of Unix time.
    pub send_at: i64,
    /// Whether it may be called back.
    pub undo: Undo,
    /// Of each recipient what was last said of it, and what has become of it.
    pub status: Vec<(String, String, Delivered)>,
}
