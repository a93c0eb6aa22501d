//! Who mail is from: SPF over a resolver that the host hands in.
//!
//! Standards: RFC 7208.
//! Invariants: no sockets, no clock and no chance but what is handed in; whatever a message or a record asks for is bounded in number, in
//! size and in time.
//! Not here: what follows from a result. That is policy.

pub mod dns;
pub mod spf;
