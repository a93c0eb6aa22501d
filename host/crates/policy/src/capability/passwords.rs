//! `passwords`: hashing, for plugins with user tables of their own. The recorder sees neither passwords nor hashes.

use wasmtime::Result;

use crate::bindings::waxwing::policy::passwords::{Host, PasswordsError};
use crate::services::ServiceError;
use crate::state::State;

/// Octets of a password, and of a stored hash.
const MAX_PASSWORD: usize = 1024;
const MAX_STORED: usize = 1024;

type Answer<T> = std::result::Result<T, PasswordsError>;

impl Host for State {
    async fn hash(&mut self, password: String) -> Result<Answer<String>> {
        self.enter()?;
        let services = self.shared.services.clone();
        let answer = if password.len() > MAX_PASSWORD {
            Err(PasswordsError::TooLong)
        } else {
            services.hash_password(&password).await.map_err(failed)
        };
        self.record("passwords.hash", &(), &answer.as_ref().map(|_| ()));
        Ok(answer)
    }

    async fn verify(&mut self, password: String, stored: String) -> Result<Answer<bool>> {
        self.enter()?;
        let services = self.shared.services.clone();
        let answer = if password.len() > MAX_PASSWORD {
            Err(PasswordsError::TooLong)
        } else if stored.len() > MAX_STORED {
            Err(PasswordsError::Unsupported("the hash is too long".into()))
        } else {
            services
                .password_matches(&stored, &password)
                .await
                .map_err(failed)
        };
        self.record("passwords.verify", &(), &answer);
        Ok(answer)
    }
}

fn failed(error: ServiceError) -> PasswordsError {
    match error {
        ServiceError::TooLarge => PasswordsError::TooLong,
        ServiceError::Unsupported(text) => PasswordsError::Unsupported(text),
        ServiceError::Unavailable(text) => PasswordsError::Unavailable(text),
    }
}
