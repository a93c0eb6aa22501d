//! The credentials of one login, and what the directory said of them: it is asked once about each name, whoever asks.
//!
//! Invariant: what is good once (a one-time code) is used up by the first step that counts, and is good for the others of this
//! login; a step that is tried out uses up nothing.

use std::collections::HashMap;

use tokio::sync::Mutex;
use waxwing_mail::Protocol;

use crate::facts::LoginAttempt;
use crate::services::{Aim, ServiceError, Services, Verification};

/// The credentials that a step is asked about.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) attempt: LoginAttempt,
    /// What the directory said of the password, by the name that it was asked about, in lower case as the directory has it.
    known: Mutex<HashMap<String, Verification>>,
}

impl From<LoginAttempt> for Credentials {
    fn from(attempt: LoginAttempt) -> Self {
        Self {
            attempt,
            known: Mutex::default(),
        }
    }
}

impl Credentials {
    /// Whether the password is that of `user`.
    pub(crate) async fn verify(
        &self,
        services: &dyn Services,
        user: &str,
        password: &str,
        protocol: Protocol,
        aim: Aim,
    ) -> Result<Verification, ServiceError> {
        let name = user.to_lowercase();
        if aim == Aim::Trial {
            return self.look(services, &name, password, protocol).await;
        }
        let mut known = self.known.lock().await;
        if let Some(found) = known.get(&name) {
            return Ok(found.clone());
        }
        let found = services.verify(user, password, protocol, aim).await?;
        known.insert(name, found.clone());
        Ok(found)
    }

    /// Whether the password was right for one who was asked about, and only a code was missing.
    pub(crate) async fn lacks_code(&self) -> bool {
        let known = self.known.lock().await;
        known
            .values()
            .any(|found| *found == Verification::CodeMissing)
    }

    /// What a step that counts was told, or would be.
    async fn look(
        &self,
        services: &dyn Services,
        name: &str,
        password: &str,
        protocol: Protocol,
    ) -> Result<Verification, ServiceError> {
        // A step that counts must not wait for this one.
        let known = self.known.try_lock().ok();
        if let Some(found) = known.and_then(|known| known.get(name).cloned()) {
            return Ok(found);
        }
        let found = services
            .verify(name, password, protocol, Aim::Trial)
            .await?;
        if found != Verification::Wrong {
            return Ok(found);
        }
        // It was right, perhaps, and used up meanwhile by a step that counts, which tells when it is done.
        let known = self.known.lock().await;
        Ok(known.get(name).cloned().unwrap_or(found))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::facts::Offered;
    use crate::memory::MemoryServices;

    const LOGIN: Aim = Aim::Login(IpAddr::V4(Ipv4Addr::LOCALHOST));
    const ALICE: &str = "alice@example.org";

    fn credentials() -> Credentials {
        Credentials::from(LoginAttempt {
            mechanism: "PLAIN".to_owned(),
            user: ALICE.to_owned(),
            authorise_as: String::new(),
            offered: Offered::Password("own123456".to_owned()),
        })
    }

    fn services() -> MemoryServices {
        let services = MemoryServices::new();
        services.add_account(ALICE, "own");
        services.add_once("own123456");
        services
    }

    async fn ask(of: &Credentials, services: &MemoryServices, aim: Aim) -> Verification {
        let asked = of.verify(services, ALICE, "own123456", Protocol::Imap, aim);
        asked.await.unwrap()
    }

    #[tokio::test]
    async fn all_steps_of_a_login_share_what_is_good_once() {
        let (services, login) = (services(), credentials());
        let right = Verification::Account(ALICE.to_owned());
        for aim in [Aim::Trial, LOGIN, Aim::Trial, LOGIN] {
            assert_eq!(ask(&login, &services, aim).await, right, "{aim:?}");
        }
        // It is used up for the next login.
        for aim in [Aim::Trial, LOGIN] {
            let found = ask(&credentials(), &services, aim).await;
            assert_eq!(found, Verification::Wrong, "{aim:?}");
        }
    }

    #[tokio::test]
    async fn a_trial_uses_up_nothing() {
        let (services, right) = (services(), Verification::Account(ALICE.to_owned()));
        for _ in 0..2 {
            let found = ask(&credentials(), &services, Aim::Trial).await;
            assert_eq!(found, right);
        }
        assert_eq!(ask(&credentials(), &services, LOGIN).await, right);
    }

    #[tokio::test]
    async fn a_directory_that_does_not_answer_is_asked_again() {
        let (services, login) = (services(), credentials());
        services.set_unavailable(true);
        let asked = login.verify(&services, ALICE, "own123456", Protocol::Imap, LOGIN);
        assert!(asked.await.is_err());
        services.set_unavailable(false);
        let right = Verification::Account(ALICE.to_owned());
        assert_eq!(ask(&login, &services, LOGIN).await, right);
    }
}
