//! DMARC: whether SPF or DKIM speak for the author's domain, and what that asks for if neither does.
//!
//! Standards: RFC 7489; of its successor RFC 9989 the walk up the tree, `np=`, `psd=` and `t=`.
//! Invariants: a walk asks for eight names at most, a message has four authors' domains at most; a record is read as far as it can be
//! (RFC 7489 §6.3).
//!
//! The organizational domain is found by the walk and not by the public suffix list: a list in a server is as old as the server, a walk
//! knows what domains say today, and zones of a test can serve it.

mod evaluate;
pub mod external;
mod record;
mod walk;

pub use evaluate::{DmarcOutcome, authors, evaluate};
pub use record::{DmarcRecord, Policy, Psd, ReportUri};
