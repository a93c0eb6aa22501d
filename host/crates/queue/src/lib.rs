//! What is to be decided about mail on its way out, without doing any of it: when to try again, which hosts to try, what
//! an attempt means, what the sender is told.
//!
//! Standards: RFC 5321 §4.5.4 (queueing), §5 (address resolution), §6.3 (loops); RFC 7505 (null MX); RFC 3461, 3464, 6533
//! (delivery status notifications); RFC 3834 (automatic answers).
//! Invariants: no I/O, no clock, no chance: the caller gives the time and a seed, the same input gives the same output;
//! no input panics; what a peer can make large is bounded.
//! Not here: rows and leases (`store`), sockets and look-ups (`host`), an administrator's opinion (the policy), which
//! may overrule every schedule and limit of this crate.
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

pub mod attempt;
pub mod dsn;
pub mod grouping;
pub mod limiter;
pub mod next_hop;
pub mod schedule;
mod seed;
pub mod srs;
pub mod trace;
