//! What policy answers: owned, checked values in the terms of mail, never of WebAssembly.
//!
//! Invariant: the code of a reply fits the outcome that carries it.

mod outbound;

use std::time::Duration;

use waxwing_mail::{Address, Identity, Reply, ReversePath};

use crate::services::{Limits, Usage};

/// What POP3 tells of the maildrop before anybody has logged in (RFC 2449 §6.5, §6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaildropTerms {
    /// Days after which messages may be removed; none: never.
    pub expire_days: Option<u32>,
    /// Seconds after a login in which another one may be refused.
    pub login_delay: u32,
}

impl MaildropTerms {
    /// What two steps want, together: the shorter time to keep, and the longer delay.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        let days = [self.expire_days, other.expire_days];
        Self {
            expire_days: days.into_iter().flatten().min(),
            login_delay: self.login_delay.max(other.login_delay),
        }
    }

    /// As the ledger and the workbench tell it; nothing, if nothing was wished.
    pub(crate) fn told(self) -> Option<String> {
        let days = self
            .expire_days
            .map_or("never".to_owned(), |days| days.to_string());
        (self != Self::default()).then(|| format!("tell-maildrop {days} {}", self.login_delay))
    }
}

pub use outbound::{
    DkimKey, NextHop, OutboundOutcome, Plan, RelayHost, ResultOutcome, SubmitFate, SubmitOutcome,
    TlsPolicy,
};

/// To go on or not, before the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on; the recipient is accepted.
    Pass,
    /// Say this (4yz or 5yz) and go on.
    Refuse(Reply),
    /// Say this and close.
    Disconnect(Reply),
}

/// What became of a login. Wait for `delay` before telling it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// Right.
    Success {
        /// Who it is.
        identity: Identity,
        /// How long to wait.
        delay: Duration,
    },
    /// Wrong, or not allowed: indistinguishable for the client, unless policy gives a text.
    Refused {
        /// For the user.
        text: Option<String>,
        /// How long to wait.
        delay: Duration,
    },
    /// Wrong; but the password is right, and a one-time code is wanted with it. For a client that asks for codes by themselves; to any other it
    /// has to look like [`LoginOutcome::Refused`].
    CodeMissing {
        /// How long to wait.
        delay: Duration,
    },
    /// Nobody could say: try again later.
    Unavailable {
        /// For the user.
        text: String,
        /// How long to wait.
        delay: Duration,
    },
}

/// Whose password a client is to prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// This account's; or nobody's, which is not to be seen. Wait for `delay` before going on.
    Of {
        /// The account's address, or else the name that policy looked for: the same for all spellings of it.
        account: Result<String, String>,
        /// The login is refused, whatever is proved, and has to look like a wrong password.
        refused: bool,
        /// How long to wait.
        delay: Duration,
    },
    /// The login is over; never [`LoginOutcome::Success`].
    Ended(LoginOutcome),
}

/// For what room is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A message arrives.
    Deliver,
    /// APPEND and COPY.
    Append,
    /// A blob is uploaded.
    Upload,
    /// A message is sent.
    Send,
}

/// The room that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// The account, by its address.
    pub account: &'a str,
    /// Whether the administrator set a limit for it.
    pub limited: bool,
    /// What for.
    pub operation: Operation,
    /// What it holds.
    pub current: Usage,
    /// What is to come.
    pub adding: Usage,
}

/// Whether there is room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaOutcome {
    /// There is.
    Allow,
    /// Over, but there may be room later; the text is for the user.
    OverTemporary(String),
    /// Over; the text is for the user.
    Over(String),
    /// Nobody could say.
    Unavailable(Reply),
}

/// What an account counts against, as a step of `quota-limits` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRoot {
    /// Its name.
    pub name: String,
    /// What is held of it, if that is not what the account holds.
    pub held: Option<Usage>,
    /// What may be held; what is left out is not limited.
    pub limits: Limits,
}

/// What happens to a message for the recipients of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Deliver.
    Deliver,
    /// Deliver as junk.
    Junk,
    /// Keep aside; the text says why.
    Quarantine(String),
    /// Refuse for good (5yz).
    Refuse(Reply),
    /// Refuse for now (4yz).
    Defer(Reply),
    /// Say 250 and drop.
    Discard,
}

impl Verdict {
    /// The word for it in the ledger, in header fields and in the contract.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Junk => "junk",
            Self::Quarantine(_) => "quarantine",
            Self::Refuse(_) => "reject",
            Self::Defer(_) => "defer",
            Self::Discard => "discard",
        }
    }
}

/// What became of the content.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageOutcome {
    /// The verdict for each domain of the recipients, in the order of their first recipient.
    pub verdicts: Vec<(String, Verdict)>,
    /// Changes to the header, in the order in which the plugins asked for them.
    pub edits: Vec<HeaderEdit>,
    /// Tags that the plugins put on the message.
    pub tags: Vec<(String, String)>,
    /// The reverse-path as the plugins left it.
    pub sender: ReversePath,
    /// Recipients that the plugins added.
    pub added: Vec<AddedRecipient>,
    /// The numbers of the recipients that the plugins took out.
    pub removed: Vec<u32>,
    /// Whether any step looked at the message: if so it gets the score's header fields.
    pub scored: bool,
    /// The sum of the ledger.
    pub score: f64,
    /// Names and scores of the findings, in the order in which they were found.
    pub symbols: Vec<(String, f64)>,
}

/// A recipient that a plugin added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedRecipient {
    /// The number by which policy knows it.
    pub number: u32,
    /// Where the message goes.
    pub address: Address,
}

impl MessageOutcome {
    /// The verdict for a recipient's domain; `deliver` for one that was not asked about.
    #[must_use]
    pub fn verdict(&self, domain: &str) -> &Verdict {
        self.verdicts
            .iter()
            .find(|(name, _)| name == domain)
            .map_or(&Verdict::Deliver, |(_, verdict)| verdict)
    }
}

/// Whether the sender is told of a failure or a delay (RFC 3464).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notice {
    /// As NOTIFY= asked (RFC 3461), or as is usual.
    #[default]
    AsAsked,
    /// Yes.
    Always,
    /// No.
    Never,
}

impl Notice {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AsAsked => "as asked",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// One change to the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// A field on top.
    Add {
        /// The field's name.
        name: String,
        /// Its value, unfolded UTF-8.
        value: String,
    },
    /// Another value for the `nth` field of this name.
    Change {
        /// The field's name.
        name: String,
        /// Counted from 0 at the top.
        nth: u32,
        /// The new value, unfolded UTF-8.
        value: String,
    },
    /// Away with the `nth` field of this name, or with all.
    Remove {
        /// The field's name.
        name: String,
        /// Counted from 0 at the top.
        nth: Option<u32>,
    },
}

/// Where a recipient leads, after aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the account of this address.
    Account(String),
    /// On to this address.
    Forward(Address),
    /// Nowhere, silently.
    Drop,
    /// Nowhere: a reply of 4yz or 5yz says so.
    Refuse(Reply),
}

/// Which mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxRef {
    /// By its path.
    Path {
        /// `/` between the levels.
        path: String,
        /// Create it if it does not exist; otherwise INBOX takes its place.
        create: bool,
    },
    /// By its special use, such as `\Junk`; INBOX if there is none.
    SpecialUse(String),
    /// INBOX.
    Inbox,
}

/// One copy of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filing {
    /// Where it goes.
    pub mailbox: MailboxRef,
    /// System flags (`\Seen`) and keywords.
    pub flags: Vec<String>,
}

/// An automatic answer, as a step wishes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Who it is from.
    pub author: Address,
    /// Its subject.
    pub subject: String,
    /// The body as a text.
    pub text: Option<String>,
    /// The body as HTML; one of the two is there.
    pub html: Option<String>,
    /// How long nobody gets another one of this handle.
    pub period: std::time::Duration,
    /// What counts as the same answer.
    pub handle: String,
    /// How many the account gives a day at most.
    pub most_a_day: u32,
}

/// What becomes of one account's copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliverOutcome {
    /// File these copies; at least one.
    File(Vec<Filing>),
    /// Drop it, silently.
    Discard,
    /// A reply of 4yz or 5yz.
    Refuse(Reply),
}

/// One change to the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EnvelopeEdit {
    /// One more recipient.
    AddRecipient(Address),
    /// One less, by its number.
    RemoveRecipient(u32),
    /// Another reverse-path.
    ChangeSender(ReversePath),
}
