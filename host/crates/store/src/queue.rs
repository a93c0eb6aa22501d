//! Mail on its way out: what waits, who is at it, and what became of it.
//!
//! A queued message has legs, one for each destination among its recipients. The leg is what is scheduled, leased and
//! tried: one connection, one transaction, its recipients together; each recipient keeps an outcome of its own. A row
//! for each recipient alone would lease what belongs together one by one; a row for the message alone could not wait
//! for one destination while it is sent to another.
//!
//! Invariants:
//! - a message is queued with the local deliveries of the same transaction, in one commit ([`Store::submit`]);
//! - a lease that ends makes the leg due again: a worker that dies loses its lease, not the mail;
//! - an outcome and the notifications that follow from it are one commit ([`Store::settle`]); if these cannot be stored, the
//!   outcome is, with what is owed; a settlement that comes again, because nobody knew how it ended, brings none again;
//! - a leg ends with its last recipient that is open or of which something is owed, a message with its last leg;
//! - what is owed beside open recipients gets a leg of its own, which nobody holds or removes.
//!
//! Not here: when to try again, where to, and what to tell the sender (crate `queue` and the policy).

mod list;
#[cfg(test)]
mod plans;
mod work;

use bytes::Bytes;

use crate::{BlobId, LegId};

pub use self::list::{
    LegState, ListedRecipient, QueueAction, QueueAttempt, QueueDepth, QueueEntry, QueueFilter,
    QueuePage,
};
pub use self::work::{Leased, Owed, RecipientOutcome, Settled, Settlement};

/// Most recipients of one queued message.
pub const MAX_QUEUED_RECIPIENTS: usize = 10_000;
/// Longest text kept of what a remote server said, in bytes; the rest is cut off.
pub const MAX_SAID: usize = 2000;
/// Largest context of a queued message, in bytes.
pub const MAX_CONTEXT: usize = 64 * 1024;

/// What a failure notice shall return of the message (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum ReturnContent {
    /// The sender did not say.
    #[default]
    NotAsked,
    /// `RET=FULL`
    Full,
    /// `RET=HDRS`
    Headers,
}

/// How the content may be sent (RFC 6152, RFC 3030).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum BodyKind {
    /// `BODY=7BIT`
    #[default]
    SevenBit,
    /// `BODY=8BITMIME`
    EightBit,
    /// `BODY=BINARYMIME`
    Binary,
}

/// When a message is to be delivered at the latest (RFC 2852).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeliverBy {
    /// The moment, milliseconds of Unix time.
    pub at: i64,
    /// After it: give up and return the message (`R`), or notify and go on (`N`).
    pub give_up: bool,
    /// The sender asked for traces (`T`).
    pub trace: bool,
}

/// Which notifications a recipient's sender asked for (RFC 3461 §4.1), as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Notify(pub u8);

impl Notify {
    /// Nothing was asked: failures are told, and delays may be.
    pub const NOT_ASKED: Notify = Notify(0);
    /// `NEVER`
    pub const NEVER: Notify = Notify(1);
    /// `SUCCESS`
    pub const SUCCESS: Notify = Notify(2);
    /// `FAILURE`
    pub const FAILURE: Notify = Notify(4);
    /// `DELAY`
    pub const DELAY: Notify = Notify(8);
}

/// What came with MAIL, for a message that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueEnvelope {
    /// The id given in the reply; several queued messages may have it.
    pub queue_id: String,
    /// The reverse path without `<>`; empty for the null path.
    pub sender: String,
    /// `RET`
    pub ret: ReturnContent,
    /// `ENVID`, as xtext was decoded; empty if none.
    pub envid: String,
    /// `BODY`
    pub body: BodyKind,
    /// `SMTPUTF8`
    pub smtp_utf8: bool,
    /// `REQUIRETLS` (RFC 8689)
    pub require_tls: bool,
    /// `MT-PRIORITY` (RFC 6710), -9 to 9; others are cut to that.
    pub priority: i8,
    /// `BY`
    pub deliver_by: Option<DeliverBy>,
    /// When it came, milliseconds of Unix time.
    pub received: i64,
    /// When it is given up, milliseconds of Unix time.
    pub expires: i64,
    /// Whatever the caller wants to have again with each attempt; opaque here, at most [`MAX_CONTEXT`].
    pub context: String,
}

/// A recipient of a message that is to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecipient {
    /// The forward path without `<>`.
    pub address: String,
    /// What it is scheduled under: the domain as a rule, or a route that the policy named. Recipients of one
    /// destination are tried together.
    pub destination: String,
    /// `NOTIFY`
    pub notify: Notify,
    /// `ORCPT` with its type, as xtext was decoded; empty if none.
    pub orcpt: String,
}

/// A message to be queued.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The bytes of the message. Kept once with local copies of the same bytes.
    pub content: Bytes,
    /// What came with MAIL.
    pub envelope: QueueEnvelope,
    /// Its recipients; not empty.
    pub recipients: Vec<NewRecipient>,
    /// When it is to be tried first, milliseconds of Unix time: now, or later by RFC 4865.
    pub due: i64,
    /// Whether it waits for an operator.
    pub held: bool,
}

/// A queued message with what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMessage {
    /// What came with MAIL.
    pub envelope: QueueEnvelope,
    /// Bytes of the content.
    pub size: u64,
    /// The content.
    pub blob: BlobId,
}

/// A recipient that is open still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRecipient {
    /// Its number in the message.
    pub number: u32,
    /// The forward path without `<>`.
    pub address: String,
    /// `NOTIFY`
    pub notify: Notify,
    /// `ORCPT`, empty if none.
    pub orcpt: String,
    /// What was last said of it; empty before the first attempt.
    pub said: String,
    /// When its sender was told that it has to wait, milliseconds of Unix time; 0: not yet.
    pub delay_told: i64,
}

/// What has become of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RecipientState {
    /// It is to be tried (again).
    Open,
    /// The next host has taken it.
    Relayed,
    /// Given up.
    Failed,
    /// An operator removed it.
    Removed,
}

impl RecipientState {
    pub(crate) fn code(self) -> i64 {
        match self {
            RecipientState::Open => 0,
            RecipientState::Relayed => 1,
            RecipientState::Failed => 2,
            RecipientState::Removed => 3,
        }
    }

    pub(crate) fn of_code(code: i64) -> RecipientState {
        match code {
            1 => RecipientState::Relayed,
            2 => RecipientState::Failed,
            3 => RecipientState::Removed,
            _ => RecipientState::Open,
        }
    }
}

/// A text of bounded length.
pub(crate) fn bounded(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit))
        .unwrap_or_default()
}

/// Under whose name legs are leased with the commit that queues them, and until when, milliseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTerms {
    /// The worker.
    pub owner: String,
    /// When the lease ends.
    pub until: i64,
}

/// What [`Store::submit`](crate::Store::submit) did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Submitted {
    /// The local copies, one a target, in order.
    pub stored: Vec<crate::Stored>,
    /// The legs that were queued.
    pub legs: Vec<LegId>,
    /// Those of them that were leased at once.
    pub leased: Vec<Leased>,
}
