//! The contract of a protocol conversation that performs no I/O and reads no clock, line framing for it, and the header
//! that a proxy puts before it.
//!
//! The driver, one loop for every protocol, does this: call [`Session::step`] until it says [`Step::Read`], then wait
//! for bytes, for the [deadline](Session::deadline) or for news, hand them in, and go on stepping.
//!
//! Invariants: no call fails or panics, whatever the peer sends; one ask is outstanding at a time; how the bytes were
//! cut into calls of [`Session::receive`] changes nothing that comes out.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

mod lines;
pub mod proxy;

pub use lines::{LineError, Lines};

use std::time::Instant;

use bytes::Bytes;

/// A protocol conversation without I/O.
pub trait Session {
    /// A question for the server. Owned data: the driver may carry it to another thread.
    type Ask;
    /// What the server decided.
    type Answer;

    /// Takes bytes from the peer. Meant for after [`Step::Read`]; what arrives while an ask is out is kept up to a
    /// limit of the session's, beyond which it ends the conversation.
    fn receive(&mut self, bytes: &[u8], now: Instant);

    /// What to do next. To be called until it says [`Step::Read`] or [`Step::Close`].
    ///
    /// After [`Step::Ask`] the next call must be [`Session::answer`]; a `step` before it gives [`Step::Read`].
    fn step(&mut self) -> Step<Self::Ask>;

    /// The answer to the outstanding ask. `now` restarts the peer's clock: the server's own time is not the peer's.
    fn answer(&mut self, answer: Self::Answer, now: Instant);

    /// When [`Session::expire`] is to be called, unless bytes come first. `None` while the server itself is at work.
    fn deadline(&self) -> Option<Instant>;

    /// The deadline may have passed; the session compares for itself and says goodbye if it has.
    fn expire(&mut self, now: Instant);

    /// The TLS connection, which stands or is about to be told of by [`Session::secured`], has a channel binding
    /// (RFC 9266): mechanisms that are tied to it may be offered.
    fn bound(&mut self) {}

    /// So may what builds on the client's certificate: it has shown one that says who it is.
    fn certified(&mut self) {}

    /// The TLS handshake that [`Step::StartTls`] asked for has ended well.
    fn secured(&mut self, now: Instant);

    /// Something that the session waits for outside the socket changed (IMAP IDLE).
    fn wake(&mut self) {}

    /// The server is going down: finish the running transaction, then say so and close.
    fn shutdown(&mut self);

    /// The server waits no longer: say so if this is a place where it can be said, and close. No ask is outstanding from here on.
    fn cut(&mut self, why: Cut);

    /// Which bound of a single conversation ended it, if one did, as metrics name it.
    fn limit(&self) -> Option<&'static str> {
        None
    }

    /// What the peer did since the beginning.
    fn counts(&self) -> Counts {
        Counts::default()
    }
}

/// Why a conversation is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server goes down.
    Shutdown,
    /// Others need the room.
    Crowded,
    /// The peer, or its network, did too much.
    Excess,
}

/// What a peer did in a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands, also those that were in error.
    pub commands: u32,
    /// Commands that were in error, and failed logins.
    pub errors: u32,
}

/// What the driver is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<A> {
    /// Send this to the peer. What comes in consecutive writes may be gathered.
    Write(Bytes),
    /// Message content, decoded of its transfer form; belongs to the transaction that is running.
    Content(Bytes),
    /// Decide, and call [`Session::answer`].
    Ask(A),
    /// All is sent: shake hands, as the side of TLS that the session is of, then call [`Session::secured`]. What the peer sent in clear before
    /// has been thrown away; so must the driver with what it holds (RFC 3207 §4.2). A failed handshake ends it all.
    StartTls,
    /// All is sent: compress from here on, and decompress what comes (RFC 4978).
    Compress,
    /// Nothing to do until bytes, the deadline, or news arrive.
    Read,
    /// All is sent: close the connection.
    Close,
}
