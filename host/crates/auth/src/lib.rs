//! Who mail is from, over a resolver that the host hands in: SPF, DKIM, ARC, DMARC and iprev; signing and sealing; reports; and what MTA-STS and
//! DANE say of the hosts that mail goes to.
//!
//! Standards: RFC 7208 (SPF), 6376 (DKIM), 8617 (ARC), 7489 and 9989 (DMARC), 8601 (results), 8460 (TLS reports), 8461 (MTA-STS), 7672 (DANE).
//! Invariants: no sockets, and no clock but for deadlines: the time comes with the call; whatever a message, a record or a report asks for is
//! bounded in number, in size and in time.
//! Not here: what follows from a result. That is policy.
//!
//! mail-auth does the arithmetic of signatures. It asks a resolver of its own for everything else, which zones of tests cannot stand for, so
//! that evaluation is written here.

pub mod arc;
mod canonical;
mod check;
pub mod dane;
pub mod dkim;
pub mod dmarc;
pub mod dns;
pub mod fields;
pub mod iprev;
mod message;
pub mod mta_sts;
pub mod report;
pub mod spf;
mod tags;
mod verdict;

pub use check::{Envelope, EnvelopeResults, Limits, Results, check_envelope, check_message};
pub use message::{Field, Message};
pub use verdict::Verdict;
