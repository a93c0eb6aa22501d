//! `credentials`: what a client offered to prove who it is. Passwords never reach the recorder.

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::waxwing::policy::credentials::{
    Credentials, CredentialsError, Host, HostCredentials, Verification,
};
use crate::services;
use crate::state::State;

impl Host for State {}

impl HostCredentials for State {
    fn mechanism(&mut self, _: Resource<Credentials>) -> Result<String> {
        self.host_call("credentials.mechanism", (), |state, ()| {
            Ok(state.credentials()?.mechanism.clone())
        })
    }

    fn user(&mut self, _: Resource<Credentials>) -> Result<String> {
        self.host_call("credentials.user", (), |state, ()| {
            Ok(state.credentials()?.user.clone())
        })
    }

    fn authorise_as(&mut self, _: Resource<Credentials>) -> Result<String> {
        self.host_call("credentials.authorise-as", (), |state, ()| {
            Ok(state.credentials()?.authorise_as.clone())
        })
    }

    async fn verify(
        &mut self,
        _: Resource<Credentials>,
        user: String,
    ) -> Result<std::result::Result<Verification, CredentialsError>> {
        self.enter()?;
        let offered = self.credentials()?.clone();
        let services = self.shared.services.clone();
        let answer = match services.verify(&user, &offered.password).await {
            Ok(services::Verification::Account(account)) => Ok(Verification::Account(account)),
            Ok(services::Verification::Wrong) => Ok(Verification::Wrong),
            Ok(services::Verification::Unknown) => Ok(Verification::Unknown),
            Err(error) => Err(CredentialsError::Unavailable(error.to_string())),
        };
        self.record("credentials.verify", &user, &answer);
        Ok(answer)
    }

    fn password(&mut self, _: Resource<Credentials>) -> Result<String> {
        self.enter()?;
        let password = self.credentials()?.password.clone();
        self.record("credentials.password", &(), &"(not recorded)");
        Ok(password)
    }

    fn drop(&mut self, _: Resource<Credentials>) -> Result<()> {
        Ok(())
    }
}
