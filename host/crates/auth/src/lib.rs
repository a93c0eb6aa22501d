//! Who mail is from: SPF, DKIM and ARC over a resolver that the host hands in.
//!
//! Standards: RFC 7208, 6376, 8617.
//! Invariants: no sockets and no clock but for deadlines; whatever a message or a record asks for is bounded in number, in size and in time.
//! Not here: what follows from a result. That is policy.

pub mod arc;
mod canonical;
pub mod dkim;
pub mod dns;
mod message;
pub mod spf;
mod tags;
mod verdict;

pub use message::{Field, Message};
pub use verdict::Verdict;
