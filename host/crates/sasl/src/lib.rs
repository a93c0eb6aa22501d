//! The server's side of SASL exchanges, without I/O, as SMTP, IMAP and POP3 share them.
//!
//! Standards: RFC 4422 (SASL), RFC 4616 (PLAIN), draft-murchison-sasl-login (LOGIN), RFC 4954 §4, RFC 9051 §6.2.2 and
//! RFC 5034 §4 (base64 lines, `=` for an empty initial response, `*` to cancel).
//! Invariants: sizes are bounded; a password is never printed; nothing is verified here: that is the policy's.
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

mod credentials;
mod exchange;

pub use credentials::Credentials;
pub use exchange::{Exchange, Mechanism, Progress, SaslError};
