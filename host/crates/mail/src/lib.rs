//! The vocabulary of mail that every other part speaks: addresses, paths, envelopes, replies, trace fields.
//!
//! Standards: RFC 5321 (paths, replies, trace), RFC 6531 and RFC 5890 (international addresses), RFC 3463 and
//! RFC 5248 (enhanced status), RFC 3461 and RFC 6533 (reports that are asked for), RFC 3848 and RFC 6531 §4.3 (`with` keywords), RFC 5598 (names).
//! Invariants: a value of these types is valid; no I/O, no clock, no failure other than a typed error.
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

mod address;
mod domain;
mod dsn;
mod envelope;
mod identity;
pub mod limits;
mod path;
mod queue_id;
mod reply;
mod trace;
pub mod xtext;

pub use address::{Address, AddressError};
pub use domain::{Domain, DomainError};
pub use dsn::{EnvelopeId, Notify, OriginalRecipient, Return};
pub use envelope::{Body, ByMode, DeliverBy, Envelope, Param, Recipient, Release};
pub use identity::{Identity, Protocol};
pub use path::{ForwardPath, PathError, ReversePath};
pub use queue_id::QueueId;
pub use reply::{EnhancedStatus, Reply, ReplyCode};
pub use trace::{Received, With, return_path};
