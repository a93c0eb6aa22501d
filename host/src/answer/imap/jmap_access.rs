//! Whether who has logged in by IMAP can log in by JMAP with the same, and where (RFC 9698 §3).
//!
//! It is said only where it can be known: JMAP is served under TLS, there it takes what was shown here, and what was shown is good for it by
//! what the store knows of it. A one-time code is used up, a certificate is not asked for there, and somebody who acts for somebody else has
//! no way to say so.

use waxwing_sasl::Offer;
use waxwing_store::{Scope, ShownSecret};

use super::super::gate::{Gate, Login};
use super::super::jmap::{SessionResource, session_resource};

/// What a client has shown to log in, kept until it is known who it is.
pub(super) enum Shown {
    Password(String),
    /// That it knows the account's own password.
    Proof,
    Token(String),
    Nothing,
}

impl Shown {
    pub(super) fn of(offer: &Offer) -> Self {
        match offer {
            Offer::Password(pair) => Self::Password(pair.password.clone()),
            Offer::Proof(_) => Self::Proof,
            Offer::Token(token) => Self::Token(token.token.clone()),
            Offer::External(_) => Self::Nothing,
        }
    }

    /// Where who has logged in with it can do so by JMAP.
    pub(super) async fn session(self, gate: &Gate, login: &Login) -> Option<String> {
        let Login::In { identity, account } = login else {
            return None;
        };
        if identity.account != identity.authorised_as {
            return None;
        }
        let parts = gate.parts();
        let SessionResource {
            url,
            passwords,
            tokens,
        } = session_resource(parts)?;
        let secret = match &self {
            Self::Password(password) if passwords => ShownSecret::Password(password),
            Self::Proof if passwords => ShownSecret::Password(""),
            Self::Token(token) if tokens => ShownSecret::Token(token),
            _ => return None,
        };
        let directory = parts.store.directory();
        let opens = directory.opens(&account.address, secret, Scope::Jmap).await;
        // Who is let in is let in without it.
        opens.unwrap_or(false).then_some(url)
    }
}
