//! Who mail is from: SPF, DKIM, ARC, DMARC and iprev over a resolver that the host hands in.
//!
//! Standards: RFC 7208, 6376, 8617, 7489, 8601.
//! Invariants: no sockets and no clock but for deadlines; whatever a message or a record asks for is bounded in number, in size and in time.
//! Not here: what follows from a result. That is policy.

pub mod arc;
mod canonical;
mod check;
pub mod dkim;
pub mod dmarc;
pub mod dns;
pub mod fields;
pub mod iprev;
mod message;
pub mod report;
pub mod spf;
mod tags;
mod verdict;

pub use check::{Envelope, EnvelopeResults, Limits, Results, check_envelope, check_message};
pub use message::{Field, Message};
pub use verdict::Verdict;
