//! What a POP3 session asks, and what it may be answered.
//!
//! Invariant: one ask is outstanding at a time; each ask names the answers that fit it, and
//! [`Answer::Failed`] fits every one of them. An answer that does not fit is taken as a failure.

use bytes::Bytes;
use waxwing_sasl::{Mechanism, Offer, ServerPart};

use crate::maildrop::Maildrop;

/// A question to policy or store, as owned data.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// A peer connected: may it be served? Answered by [`Answer::Welcome`].
    Connect,
    /// The keys of a user are needed, for an exchange by SCRAM; of one that there is not, too
    /// ([`ScramKeys::pretend`](waxwing_sasl::ScramKeys::pretend)). Answered by [`Answer::Keys`] or
    /// [`Answer::NotAuthenticated`].
    Keys {
        /// By which mechanism.
        mechanism: Mechanism,
        /// Whose.
        user: String,
    },
    /// The peer has said who it is, by USER and PASS (as [`Mechanism::Plain`]) or by AUTH. Answered by
    /// [`Answer::Authenticated`], which counts for nothing where the offer [is disproved](Offer::is_disproved), or
    /// [`Answer::NotAuthenticated`].
    Authenticate {
        /// How it did.
        mechanism: Mechanism,
        /// Whom the peer claims to be, with the proof.
        offer: Offer,
    },
    /// Take the snapshot of the INBOX of the account that has just been authenticated, at most
    /// `limit` messages, the oldest first. Answered by [`Answer::Opened`].
    Open {
        /// The largest number of messages that the session will keep.
        limit: usize,
    },
    /// Octets of a message of the snapshot, from `offset`, at most `length` and at least one where
    /// `offset` lies inside the message. Answered by [`Answer::Octets`] or [`Answer::Gone`].
    Read {
        /// The message, by its UID in the INBOX.
        uid: u32,
        /// First octet wanted, from 0.
        offset: u64,
        /// The most octets wanted.
        length: u32,
    },
    /// The client said QUIT: remove and mark (RFC 1939 §6). Not asked if there is nothing to do.
    /// Answered by [`Answer::Updated`]. A UID that is gone already counts as removed.
    Update {
        /// UIDs to remove, ascending.
        remove: Vec<u32>,
        /// UIDs that were read whole and stay: they become `\Seen`. Ascending.
        seen: Vec<u32>,
    },
}

/// The answer to an [`Ask`].
#[derive(Debug)]
pub enum Answer {
    /// To [`Ask::Connect`].
    Welcome(Welcome),
    /// To [`Ask::Keys`].
    Keys(Box<ServerPart>),
    /// To [`Ask::Authenticate`]: the credentials are good.
    Authenticated,
    /// To [`Ask::Authenticate`]: they are not.
    NotAuthenticated(AuthFailure),
    /// To [`Ask::Open`].
    Opened(Maildrop),
    /// To [`Ask::Read`]: the octets at the offset asked for.
    Octets(Bytes),
    /// To [`Ask::Read`]: another session removed the message.
    Gone,
    /// To [`Ask::Update`]: all of it is done and durable.
    Updated,
    /// To any ask: it could not be done now.
    Failed(Failure),
}

/// Whether a peer is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// Greet it; CAPA tells this.
    Pass(Terms),
    /// Turn it away for good: one plain sentence, without line ends.
    Refuse(String),
    /// Turn it away for now: one plain sentence, without line ends.
    Defer(String),
}

/// What policy wants told of the maildrop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// RFC 2449 §6.7: days after which messages may be removed; none: never.
    pub expire_days: Option<u32>,
    /// RFC 2449 §6.5: seconds after a login in which another one may be refused.
    pub login_delay: u32,
}

/// Why a login failed, as far as the peer may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthFailure {
    /// Unknown account or wrong password; the peer is not told which (RFC 3206 §3: `[AUTH]`).
    Credentials,
    /// Policy forbids this login: one plain sentence, without line ends.
    Blocked(String),
    /// Could not be decided now; the reference leads the operator to the cause
    /// (RFC 3206 §4: `[SYS/TEMP]`).
    Unavailable(String),
}

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Try again later; the reference leads the operator to the cause (RFC 3206 §4: `[SYS/TEMP]`).
    Unavailable(String),
    /// It will not work before an operator acts: one plain sentence (RFC 3206 §4: `[SYS/PERM]`).
    Permanent(String),
}
