//! POP3 server session: bytes in, steps out.
//!
//! Standards: RFC 1939 (POP3), RFC 2449 (CAPA, response codes, pipelining), RFC 2595 (STLS),
//! RFC 3206 (`AUTH`, `SYS/TEMP`, `SYS/PERM`), RFC 5034 (AUTH with SASL), RFC 6856 (UTF8).
//!
//! Invariants: no I/O and no clock; no bytes make it panic; what a peer can make large is
//! bounded ([`Limits`]); a message passes through in chunks and is never held whole; nothing is
//! removed unless the client says QUIT (RFC 1939 §6).
//!
//! Not here: APOP (needs passwords in the clear on the server), LANG (RFC 6856 §3: there is one language), and an
//! exclusive lock: the store serves several readers, so a session works on the snapshot it took at login
//! (RFC 1939 §4 asks for the lock to protect exactly that: numbers that do not move).

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

mod ask;
mod command;
mod internationalized;
mod maildrop;
mod options;
mod reply;
mod session;
mod transfer;

pub use ask::{Answer, Ask, AuthFailure, Failure, Terms, Welcome};
pub use maildrop::{Entry, Maildrop};
pub use options::{Limits, Options, Tls};
pub use session::Pop3Session;
