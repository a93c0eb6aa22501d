//! Who somebody is: what a client offers is put to policy, and what policy says becomes an account.
//!
//! Standards: RFC 5802 §5.1, §9 (nonces; users that there are not), RFC 7628 §3.1 (whose token it is).
//! Invariants: a login that is refused before its proof goes its way to the end; names and accounts that there are not
//! look like those that there are.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use waxwing_mail::Identity;
use waxwing_policy::{LoginAttempt, LoginOutcome, MailboxChange, Offered, Sought};
use waxwing_sasl::{Credentials, Mechanism, Offer, Proof, ScramKeys, ServerPart};
use waxwing_store::{Account, is_own_token};

use super::Gate;
use crate::telemetry::Reference;

/// What becomes of a login.
pub(crate) enum Login {
    In {
        identity: Identity,
        account: Arc<Account>,
    },
    /// Wrong, without a word why.
    Wrong,
    /// Wrong, or not now, with a word for the user.
    Blocked(String),
    Unavailable(Reference),
}

/// What is known of a login between the keys and the proof.
pub(super) struct Keyed {
    /// Whose password it is to be: an account's address, or a name that no account has.
    account: String,
    /// It is refused, whatever is proved.
    refused: bool,
    /// What was shown.
    keys: ScramKeys,
}

impl Gate {
    /// The account that a trusted peer, or this server, has logged in before.
    pub(crate) async fn vouched_for(&mut self, login: &str, mechanism: &'static str) -> Login {
        let known = self.parts.store.directory().account(login).await;
        let account = match known {
            Ok(Some(account)) => account,
            Ok(None) => return Login::Wrong,
            Err(error) => {
                return Login::Unavailable(Reference::log(
                    "an account could not be looked up",
                    self.session(),
                    &error,
                ));
            }
        };
        let identity = Identity {
            account: account.address.as_str().into(),
            authorised_as: account.address.as_str().into(),
            mechanism: mechanism.into(),
        };
        self.policy.logged_in(identity.clone());
        self.account_of(identity).await
    }

    /// The keys of a user, real or pretended, after the time that policy lets a guesser wait; or how the login ended.
    pub(crate) async fn keys(
        &mut self,
        mechanism: Mechanism,
        user: String,
    ) -> Result<ServerPart, Login> {
        let _busy = self.busy();
        let attempt = LoginAttempt {
            mechanism: mechanism.as_str().to_owned(),
            user,
            authorise_as: String::new(),
            offered: Offered::Sought(OnceLock::new()),
        };
        let (account, refused) = match self.policy.sought(attempt).await {
            Sought::Of {
                account,
                refused,
                delay,
            } => {
                wait(delay).await;
                (account, refused)
            }
            Sought::Ended(outcome) => return Err(self.ended(outcome).await),
        };
        let directory = self.parts.store.directory();
        let known = match &account {
            Ok(address) => directory.scram_keys(address).await,
            Err(_) => Ok(None),
        };
        let (Ok(account) | Err(account)) = account;
        let keys = match known {
            Ok(Some(keys)) => keys,
            Ok(None) => directory.pretended_keys(&account),
            Err(error) => {
                return Err(self.unavailable("the keys of an account could not be read", &error));
            }
        };
        let keys = if refused {
            // The salt that was shown before, and no proof that is right: or its being right would be seen.
            ScramKeys {
                salt: keys.salt,
                iterations: keys.iterations,
                ..directory.pretended_keys(&account)
            }
        } else {
            keys
        };
        self.keyed = Some(Keyed {
            account,
            refused,
            keys: keys.clone(),
        });
        Ok(ServerPart {
            keys,
            nonce: STANDARD.encode(rand::random::<[u8; 18]>()),
            channel: self.caller.tls.as_ref().and_then(|facts| facts.channel),
        })
    }

    /// Who it is; after the time that policy lets a guesser wait.
    pub(crate) async fn login(&mut self, mechanism: &'static str, offer: Offer) -> Login {
        let busy = self.busy();
        let outcome = match self.attempt(mechanism, offer).await {
            Ok(Some(attempt)) => self.policy.login(attempt).await,
            Ok(None) => self.policy.refused_before(),
            Err(unavailable) => return unavailable,
        };
        let login = self.ended(outcome).await;
        if self.logged_in() {
            busy.over();
        }
        login
    }

    /// Whether the login that was just found wrong had the right password, and no one-time code with it. For who is asked for codes by
    /// themselves; in other protocols nobody is to know.
    pub(crate) fn lacks_code(&self) -> bool {
        self.code_missing
    }

    /// What is put to policy; `None` if it has refused already.
    async fn attempt(
        &mut self,
        mechanism: &'static str,
        offer: Offer,
    ) -> Result<Option<LoginAttempt>, Login> {
        let (user, authorise_as, offered) = match offer {
            Offer::Password(Credentials {
                authorise_as,
                user,
                password,
            }) => (user, authorise_as, Offered::Password(password)),
            Offer::Proof(Proof {
                user,
                authorise_as,
                proved,
            }) => {
                let Some(Keyed {
                    account,
                    refused: false,
                    keys,
                }) = self.keyed.take()
                else {
                    return Ok(None);
                };
                let proved = proved && self.still_has(&account, &keys).await?;
                (user, authorise_as, Offered::Proof { account, proved })
            }
            Offer::Token(token) => {
                let account = self.bearer(&token.token).await?;
                // RFC 7628 §3.1: who it is may be left to the token.
                let user = match token.user.as_str() {
                    "" => account.clone().unwrap_or_default(),
                    user => user.to_owned(),
                };
                (user, String::new(), Offered::Vouched(account))
            }
            Offer::External(wanted) => {
                let account = self.certified(&wanted).await?;
                let user = match wanted.as_str() {
                    "" => account.clone().unwrap_or_default(),
                    wanted => wanted.to_owned(),
                };
                (user, String::new(), Offered::Vouched(account))
            }
        };
        Ok(Some(LoginAttempt {
            mechanism: mechanism.to_owned(),
            user,
            authorise_as,
            offered,
        }))
    }

    /// Whether the keys of an account are those that were shown: a client may take its time, and its password may be changed meanwhile.
    async fn still_has(&self, account: &str, keys: &ScramKeys) -> Result<bool, Login> {
        let known = self.parts.store.directory().scram_keys(account).await;
        known
            .map(|known| known.as_ref() == Some(keys))
            .map_err(|error| self.unavailable("the keys of an account could not be read", &error))
    }

    /// The account of a token, made here or by the issuer; none if it is not good.
    async fn bearer(&self, token: &str) -> Result<Option<String>, Login> {
        if is_own_token(token) {
            let scope = crate::services::scope(self.protocol());
            let found = self.parts.store.directory().bearer(token, scope).await;
            return match found {
                Ok(account) => Ok(account.map(|account| account.address.clone())),
                Err(error) => Err(self.unavailable("a token could not be looked up", &error)),
            };
        }
        let Some(issuer) = &self.parts.issuer else {
            return Ok(None);
        };
        let address = issuer.address(token).await.map_err(|error| {
            self.unavailable("a token could not be verified without its issuer", &error)
        })?;
        let Some(address) = address else {
            return Ok(None);
        };
        // The issuer may know people who have no account here.
        match self.parts.store.directory().account(&address).await {
            Ok(account) => Ok(account.map(|account| account.address.clone())),
            Err(error) => Err(self.unavailable("an account could not be looked up", &error)),
        }
    }

    /// The account that the client's certificate names: the one that is wanted, or the first that there is.
    async fn certified(&self, wanted: &str) -> Result<Option<String>, Login> {
        let facts = self.caller.tls.as_ref();
        let named = facts.map_or(&[][..], |facts| &facts.certified);
        let wanted = wanted.to_lowercase();
        for address in named
            .iter()
            .filter(|name| wanted.is_empty() || **name == wanted)
        {
            match self.parts.store.directory().account(address).await {
                Ok(Some(account)) => return Ok(Some(account.address.clone())),
                Ok(None) => {}
                Err(error) => {
                    return Err(self.unavailable("an account could not be looked up", &error));
                }
            }
        }
        Ok(None)
    }

    fn unavailable(&self, what: &str, error: &dyn std::error::Error) -> Login {
        Login::Unavailable(Reference::log(what, self.session(), error))
    }

    /// What a login came to, told after its delay.
    async fn ended(&mut self, outcome: LoginOutcome) -> Login {
        let (LoginOutcome::Success { delay, .. }
        | LoginOutcome::Refused { delay, .. }
        | LoginOutcome::CodeMissing { delay }
        | LoginOutcome::Unavailable { delay, .. }) = &outcome;
        wait(*delay).await;
        self.code_missing = matches!(outcome, LoginOutcome::CodeMissing { .. });
        let login = match outcome {
            LoginOutcome::Success { identity, .. } => {
                let login = self.account_of(identity).await;
                if !matches!(login, Login::In { .. }) {
                    self.policy.not_logged_in();
                }
                login
            }
            LoginOutcome::Refused {
                text: Some(text), ..
            } => Login::Blocked(text),
            LoginOutcome::Refused { text: None, .. } | LoginOutcome::CodeMissing { .. } => {
                Login::Wrong
            }
            LoginOutcome::Unavailable { text, .. } => {
                let reference = Reference::new();
                tracing::warn!(%reference, session = self.session(), reason = text, "a login could not be decided");
                Login::Unavailable(reference)
            }
        };
        let outcome = match &login {
            Login::In { .. } => "success",
            Login::Wrong | Login::Blocked(_) => "failure",
            Login::Unavailable(_) => "unavailable",
        };
        let protocol = self.caller.door.listener.service.as_str();
        metrics::counter!("waxwing_logins_total", "protocol" => protocol, "outcome" => outcome)
            .increment(1);
        login
    }

    async fn account_of(&mut self, identity: Identity) -> Login {
        match self
            .parts
            .store
            .directory()
            .account(&identity.authorised_as)
            .await
        {
            Ok(Some(account)) => {
                self.logged_out();
                self.account = Some(account.address.as_str().into());
                self.caller.seat.known();
                self.tell(&account.address, || MailboxChange::Login);
                Login::In { identity, account }
            }
            Ok(None) => {
                let reference = Reference::new();
                tracing::error!(%reference, session = self.session(), account = %identity.authorised_as, "policy let in an account that is not in the store");
                Login::Unavailable(reference)
            }
            Err(error) => Login::Unavailable(Reference::log(
                "an account could not be looked up",
                self.session(),
                &error,
            )),
        }
    }
}

async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}
