//! What a client has to say for itself at the end of an exchange.

use crate::credentials::Credentials;
use crate::oauth::Token;

/// What is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// A password.
    Password(Credentials),
    /// A password that was proved and not said, or was not proved.
    Proof(Proof),
    /// An access token.
    Token(Token),
    /// What the connection shows already; as whom to act, empty: as whom it shows.
    External(String),
}

impl Offer {
    /// Whether an exchange found out already that it is not enough. Policy is to know of it; its yes counts for nothing.
    #[must_use]
    pub fn is_disproved(&self) -> bool {
        matches!(self, Self::Proof(proof) if !proof.proved)
    }
}

/// What a proof by SCRAM came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Who says so: the authentication identity.
    pub user: String,
    /// The authorisation identity; empty means the user itself.
    pub authorise_as: String,
    /// It knows the password. Not so is a failed login, of which policy is to be told, too.
    pub proved: bool,
}
