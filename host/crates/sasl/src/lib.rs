//! SASL exchanges, without I/O, as SMTP, IMAP and POP3 share them: the server's side, and a client's.
//!
//! Standards: RFC 4422 (SASL, EXTERNAL), RFC 4616 (PLAIN), draft-murchison-sasl-login (LOGIN), RFC 5802, RFC 7677 and RFC 9266
//! (SCRAM-SHA-256, with channel binding), RFC 7628 (OAUTHBEARER), Google's XOAUTH2, RFC 4954 §4, RFC 9051 §6.2.2 and
//! RFC 5034 §4 (base64 lines, `=` for an empty initial response, `*` to cancel).
//! Invariants: sizes are bounded; a password, a key or a token is never printed; of what is verified here the policy
//! still has the last word, and a client learns nothing of its proof before it.
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

mod client;
mod credentials;
mod exchange;
mod mechanism;
mod oauth;
mod offer;
mod scram;

/// A name as names are compared (RFC 4013, as stored strings); `None` if it cannot be one.
#[must_use]
pub fn prepared(name: &str) -> Option<String> {
    stringprep::saslprep(name)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

pub use client::{ClientExchange, Login};
pub use credentials::{Credentials, is_allowed};
pub use exchange::{Exchange, KeysWanted, Progress, Proven, SaslError, ServerPart};
pub use mechanism::{Channel, Mechanism};
pub use oauth::Token;
pub use offer::{Offer, Proof};
pub use scram::{ChannelBinding, ScramKeys};
