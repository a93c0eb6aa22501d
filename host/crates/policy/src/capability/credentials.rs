//! `credentials`: what a client offered to prove who it is. Passwords never reach the recorder.

use wasmtime::component::Resource;
use waxwing_mail::Protocol;

use crate::bindings::waxwing::policy::credentials::{
    Credentials, CredentialsError, Host, HostCredentials, Verification,
};
use crate::facts::Offered;
use crate::services::{self, Entry, ServiceError, Services};
use crate::state::State;

/// What stands for a password that was not said: no protocol carries it, and no table of users has it, as it may have an empty one.
const NO_PASSWORD: &str = "\0";

impl Host for State {}

/// Whether what was offered is of the account `user`.
async fn verification(
    services: &dyn Services,
    user: &str,
    offered: &Offered,
    protocol: Protocol,
    trial: bool,
) -> Result<services::Verification, ServiceError> {
    use services::Verification;
    match offered {
        Offered::Password(password) => services.verify(user, password, protocol).await,
        Offered::Sought(name) => {
            // The first step that looks for an account says how it is called; a shadow step says nothing that counts.
            if !trial {
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
            Ok(state.credentials()?.mechanism.clone())
        })
    }

    fn user(&mut self, _: Resource<Credentials>) -> wasmtime::Result<String> {
        self.host_call("credentials.user", (), |state, ()| {
            Ok(state.credentials()?.user.clone())
        })
    }

    fn authorise_as(&mut self, _: Resource<Credentials>) -> wasmtime::Result<String> {
        self.host_call("credentials.authorise-as", (), |state, ()| {
            Ok(state.credentials()?.authorise_as.clone())
        })
    }

    async fn verify(
        &mut self,
        _: Resource<Credentials>,
        user: String,
    ) -> wasmtime::Result<Result<Verification, CredentialsError>> {
        self.enter()?;
        let offered = self.credentials()?.clone();
        let protocol = self.connection()?.facts.protocol;
        let trial = self.context.trial;
        let services = self.shared.services.clone();
        let found = verification(&*services, &user, &offered.offered, protocol, trial).await;
        let answer = match found {
            Ok(services::Verification::Account(account)) => Ok(Verification::Account(account)),
            Ok(services::Verification::Wrong) => Ok(Verification::Wrong),
            Ok(services::Verification::Unknown) => Ok(Verification::Unknown),
            Err(error) => Err(CredentialsError::Unavailable(error.to_string())),
        };
        self.record("credentials.verify", &user, &answer);
        Ok(answer)
    }

    fn password(&mut self, _: Resource<Credentials>) -> wasmtime::Result<String> {
        self.enter()?;
        let offered = &self.credentials()?.offered;
        let password = offered.password().unwrap_or(NO_PASSWORD).to_owned();
        self.record("credentials.password", &(), &"(not recorded)");
        Ok(password)
    }

    fn drop(&mut self, _: Resource<Credentials>) -> wasmtime::Result<()> {
        Ok(())
    }
}
