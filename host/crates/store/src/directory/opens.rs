//! What else a secret opens that somebody has logged in with.

use super::{Directory, Entry, find};
use crate::{CredentialKind, Result, Scope, ShownSecret};

impl Directory {
    /// Whether a secret that was just right for an account is right for another scope, too, whenever it is shown: a password with a one-time
    /// code is not, since the code is used up.
    pub async fn opens(&self, address: &str, shown: ShownSecret<'_>, scope: Scope) -> Result<bool> {
        let Entry::Account(known) = self.entry(address).await? else {
            return Ok(false);
        };
        let (held, others) = match shown {
            ShownSecret::Password(password) => (
                find(&known.held, CredentialKind::AppPassword, password),
                known.totp.is_empty(),
            ),
            // What an issuer vouches for is who it is.
            ShownSecret::Token(token) => (find(&known.held, CredentialKind::Token, token), true),
            ShownSecret::Cookie(_) => return Ok(false),
        };
        Ok(held.map_or(others, |held| held.is_good(scope, self.clock.now())))
    }
}
