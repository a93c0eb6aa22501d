//! `credentials`: what a client offered to prove who it is. Passwords never reach the recorder.

use wasmtime::component::Resource;
use waxwing_mail::Protocol;

use crate::bindings::waxwing::policy::credentials::{
    Credentials, CredentialsError, Host, HostCredentials, Verification,
};
use crate::facts::Offered;
use crate::services::{self, Aim, Entry, ServiceError, Services};
use crate::state::State;
use crate::verified;

/// What stands for a password that was not said. No protocol carries the NUL, and what a table of users may hold that was not made with
/// care, an empty text or even a NUL, is not the number, which is another one each time: it is equal to nothing.
fn no_password() -> String {
    format!("\0{:032x}", rand::random::<u128>())
}

impl Host for State {}

/// Whether what was offered is of the account `user`.
async fn verification(
    services: &dyn Services,
    user: &str,
    credentials: &verified::Credentials,
    protocol: Protocol,
    aim: Aim,
) -> Result<services::Verification, ServiceError> {
    use services::Verification;
    match &credentials.attempt.offered {
        Offered::Password(password) => {
            credentials
                .verify(services, user, password, protocol, aim)
                .await
        }
        Offered::Sought(name) => {
            // The first step that looks for an account says how it is called; a shadow step says nothing that counts.
            if aim != Aim::Trial {
                let _first = name.set(user.to_owned());
            }
            let Ok(address) = user.parse() else {
                return Ok(Verification::Unknown);
            };
            Ok(match services.look_up(&address).await? {
                // Another spelling is nobody's: it would be shown this account's salt, and be counted apart.
                Entry::Account(account) if account.eq_ignore_ascii_case(user) => {
                    Verification::Account(account)
                }
                Entry::Account(_) | Entry::Alias(_) | Entry::None => Verification::Unknown,
            })
        }
        Offered::Proof { account, proved } if account.eq_ignore_ascii_case(user) => {
            Ok(if *proved {
                Verification::Account(account.clone())
            } else {
                Verification::Wrong
            })
        }
        Offered::Vouched(Some(account)) if account.eq_ignore_ascii_case(user) => {
            Ok(Verification::Account(account.clone()))
        }
        Offered::Proof { .. } | Offered::Vouched(_) => Ok(Verification::Unknown),
    }
}

impl HostCredentials for State {
    fn mechanism(&mut self, _: Resource<Credentials>) -> wasmtime::Result<String> {
        self.host_call("credentials.mechanism", (), |state, ()| {
            Ok(state.credentials()?.attempt.mechanism.clone())
        })
    }

    fn user(&mut self, _: Resource<Credentials>) -> wasmtime::Result<String> {
        self.host_call("credentials.user", (), |state, ()| {
            Ok(state.credentials()?.attempt.user.clone())
        })
    }

    fn authorise_as(&mut self, _: Resource<Credentials>) -> wasmtime::Result<String> {
        self.host_call("credentials.authorise-as", (), |state, ()| {
            Ok(state.credentials()?.attempt.authorise_as.clone())
        })
    }

    async fn verify(
        &mut self,
        _: Resource<Credentials>,
        user: String,
    ) -> wasmtime::Result<Result<Verification, CredentialsError>> {
        self.enter()?;
        let credentials = self.credentials()?.clone();
        let facts = &self.connection()?.facts;
        let (protocol, client) = (facts.protocol, facts.client.ip());
        let aim = if self.context.trial {
            Aim::Trial
        } else {
            Aim::Login(client)
        };
        let services = self.shared.services.clone();
        let found = verification(&*services, &user, &credentials, protocol, aim).await;
        let answer = match found {
            Ok(services::Verification::Account(account)) => Ok(Verification::Account(account)),
            Ok(services::Verification::Wrong | services::Verification::CodeMissing) => {
                Ok(Verification::Wrong)
            }
            Ok(services::Verification::Unknown) => Ok(Verification::Unknown),
            Err(error) => Err(CredentialsError::Unavailable(error.to_string())),
        };
        self.record("credentials.verify", &user, &answer);
        Ok(answer)
    }

    fn password(&mut self, _: Resource<Credentials>) -> wasmtime::Result<String> {
        self.enter()?;
        let offered = &self.credentials()?.attempt.offered;
        let password = offered.password().map_or_else(no_password, str::to_owned);
        self.record("credentials.password", &(), &"(not recorded)");
        Ok(password)
    }

    fn drop(&mut self, _: Resource<Credentials>) -> wasmtime::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_was_not_said_is_equal_to_nothing() {
        assert!(no_password().starts_with('\0'));
        assert_ne!(no_password(), no_password());
    }
}
