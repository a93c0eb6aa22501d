//! SMTP, message submission and LMTP as sessions without I/O.
//!
//! Standards: RFC 5321, 6409, 2033 (the protocols); 1870 (SIZE), 2034 (ENHANCEDSTATUSCODES), 2920 (PIPELINING),
//! 3207 (STARTTLS), 4954 (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8), 3030 (CHUNKING, BINARYMIME), 3461 (DSN),
//! 8689 (REQUIRETLS), 9422 (LIMITS), 4865 (FUTURERELEASE), 2852 (DELIVERBY), 6710 (MT-PRIORITY); Postfix's XCLIENT.
//! Invariants: the session keeps the protocol and decides nothing else; lines and content end with CRLF and nothing
//! else; all that a peer can make large or long is bounded by [`Config`]; an idle session holds under a kilobyte.
//! Not here: TLS, trace fields, storage, and whether anything is wanted: those answer its [asks](Ask).
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
mod chunks;
pub mod client;
mod command;
mod config;
mod content;
pub mod replies;
mod server;
mod xclient;

pub use ask::{Answer, Ask, AuthFailure, Decision, Message, Peer};
pub use config::{Config, Extensions, Limits, Mode, Timeouts};
pub use server::ServerSession;
pub use xclient::Client;
