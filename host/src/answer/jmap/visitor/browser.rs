//! Somebody at a browser: logged in by a password once, and known by a cookie from then on.
//!
//! Invariants: what a cookie stands for is looked up with each request, so that a login that was ended is over at once; each login has a
//! secret of its own, whatever the browser had before; a cookie counts only if a page of ours sent it.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use waxwing_jmap::Problem;
use waxwing_sasl::{Credentials, Offer};
use waxwing_session::Counts;
use waxwing_store::{Account, Error, SecretId, WebLogin, typed_code};

use super::super::refusal::Refusal;
use super::super::{text, unavailable};
use super::{Known, PROVED, State, Visitor, cookie, too_often};
use crate::answer::gate::Login;

/// How often a connection looks whether its login was ended by another host.
const LOOKED_FOR: Duration = Duration::from_secs(60);
/// Labels of a host's name that are looked at.
const LABELS: usize = 10;

/// Tells all connections of this process that logins have ended.
#[derive(Debug)]
pub(crate) struct LoginsEnded(watch::Sender<u64>);

impl Default for LoginsEnded {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl LoginsEnded {
    /// Some have.
    pub(crate) fn tell(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// What somebody shows of being the account's owner.
#[derive(serde::Deserialize)]
pub(crate) struct Shown {
    password: String,
    /// The one-time code, where one is wanted, or a recovery code in its place.
    #[serde(default)]
    code: String,
}

impl Visitor {
    /// The secret of the request's cookie.
    pub(in super::super) fn secret<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        cookie::secret(headers, self.tls)
    }

    /// The field that tells a browser to forget.
    pub(in super::super) fn cleared(&self) -> HeaderValue {
        cookie::clear(self.tls)
    }

    /// Refuses what no page of ours has asked for.
    pub(in super::super) async fn check_page(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let own = cookie::is_own(headers, &self.origin(headers));
        self.check_place(headers, own).await
    }

    async fn check_place(&self, headers: &HeaderMap, own: bool) -> Result<(), Refusal> {
        if !self.private {
            return Err(Problem::Status(403, "nothing is told without TLS".into()).into());
        }
        if !own {
            return Err(Refusal::named(
                403,
                "otherPage",
                "only pages of this server may ask for that",
            ));
        }
        // Under TLS the certificate has shown whose the name is. In clear any name may have been made to lead here.
        let host = text(headers, header::HOST).unwrap_or_default();
        if self.tls || self.is_own_host(host).await? {
            return Ok(());
        }
        let text = "this server is not known by that name";
        // RFC 9110 §15.5.20.
        Err(Problem::Status(421, text.into()).into())
    }

    /// Whether a host's name is one of ours: an address, this machine, the server, or in a domain that is served here.
    async fn is_own_host(&self, host: &str) -> Result<bool, Refusal> {
        let host = host.to_ascii_lowercase();
        let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => host
                .rsplit_once(':')
                .map_or(host.as_str(), |(name, _)| name),
        };
        let name = name.trim_end_matches('.');
        if name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || name == self.parts.config.hostname
        {
            return Ok(true);
        }
        let mut below = Some(name);
        for _ in 0..LABELS {
            let Some(domain) = below else { break };
            let found = self.parts.store.directory().domain(domain).await;
            let failed = |error| unavailable("a domain could not be looked up", &error);
            if found.map_err(failed)?.is_some() {
                return Ok(true);
            }
            below = domain.split_once('.').map(|(_, rest)| rest);
        }
        Ok(false)
    }

    /// Whose the cookie is, and its login.
    pub(in super::super) async fn by_cookie(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Arc<Account>, WebLogin), Refusal> {
        self.check_page(headers).await?;
        self.by_secret(headers).await
    }

    /// The same for a link of our own page, which sends no field of its own: by what browsers say of it, and no page can (Fetch Metadata).
    pub(in super::super) async fn by_cookie_of_link(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Arc<Account>, WebLogin), Refusal> {
        self.check_place(headers, cookie::is_own_link(headers))
            .await?;
        self.by_secret(headers).await
    }

    async fn by_secret(&self, headers: &HeaderMap) -> Result<(Arc<Account>, WebLogin), Refusal> {
        let secret = self.secret(headers).ok_or(Refusal::LoginEnded)?;
        let store = &self.parts.store;
        let failed = |error| unavailable("a login could not be looked up", &error);
        let found = store.use_web_login(secret).await.map_err(failed)?;
        let mut state = self.state.lock().await;
        let Some(login) = found else {
            let did = Counts {
                commands: 1,
                errors: 1,
            };
            let within = state.gate.spent(did, 0);
            return Err(if within {
                Refusal::LoginEnded
            } else {
                too_often()
            });
        };
        let digest: [u8; 32] = Sha256::digest(secret).into();
        if let Some(known) = &state.known
            && known.digest == digest
        {
            self.stays();
            return Ok((Arc::clone(&known.account), login));
        }
        self.forget(&mut state);
        state.admit().await?;
        let account = store.directory().account_by_id(login.account).await;
        let account = account.map_err(failed)?.ok_or(Refusal::LoginEnded)?;
        match state.gate.vouched_for(&account.address, "COOKIE").await {
            Login::In { account, .. } => {
                self.know(&mut state, digest, &account, login.id);
                Ok((account, login))
            }
            Login::Unavailable(reference) => Err(try_later(&reference)),
            Login::Wrong | Login::Blocked(_) => Err(Refusal::LoginEnded),
        }
    }

    fn know(&self, state: &mut State, digest: [u8; 32], account: &Arc<Account>, login: i64) {
        state.known = Some(Known {
            digest,
            account: Arc::clone(account),
            until: Instant::now() + PROVED,
        });
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = Some(login);
        self.stays();
    }

    pub(super) fn forget(&self, state: &mut State) {
        state.known = None;
        state.gate.logged_out();
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Who it was is nobody any more.
    pub(in super::super) async fn log_out(&self) {
        let mut state = self.state.lock().await;
        self.forget(&mut state);
    }

    /// Logs somebody in by what he types; his account, and the field that sets the cookie.
    pub(in super::super) async fn log_in(
        &self,
        headers: &HeaderMap,
        user: &str,
        shown: &Shown,
    ) -> Result<(Arc<Account>, HeaderValue), Refusal> {
        let mut state = self.state.lock().await;
        self.forget(&mut state);
        state.admit().await?;
        let password = self.own_password(user).await?;
        let account = self.check(&mut state, user, shown).await?;
        self.begin(&mut state, headers, &account, password).await
    }

    /// Another login of the account that is logged in, with a secret of its own.
    pub(in super::super) async fn log_in_again(
        &self,
        headers: &HeaderMap,
        account: &Arc<Account>,
    ) -> Result<(Arc<Account>, HeaderValue), Refusal> {
        let mut state = self.state.lock().await;
        match state.gate.vouched_for(&account.address, "COOKIE").await {
            Login::In { account, .. } => {
                let password = self.own_password(&account.address).await?;
                self.begin(&mut state, headers, &account, password).await
            }
            Login::Unavailable(reference) => Err(try_later(&reference)),
            Login::Wrong | Login::Blocked(_) => Err(Refusal::LoginEnded),
        }
    }

    async fn own_password(&self, user: &str) -> Result<SecretId, Refusal> {
        let found = self.parts.store.directory().own_password(user).await;
        found.map_err(|error| unavailable("an account could not be looked up", &error))
    }

    async fn begin(
        &self,
        state: &mut State,
        headers: &HeaderMap,
        account: &Arc<Account>,
        password: SecretId,
    ) -> Result<(Arc<Account>, HeaderValue), Refusal> {
        let agent = text(headers, header::USER_AGENT).unwrap_or_default();
        let client = self.client.to_string();
        let store = &self.parts.store;
        let begun = store.begin_web_login(account.id, password, &client, agent);
        let (login, secret) = begun.await.map_err(|error| match error {
            Error::NotAllowed(_) => wrong(),
            error => unavailable("a login could not be kept", &error),
        })?;
        let digest: [u8; 32] = Sha256::digest(&secret).into();
        self.know(state, digest, account, login.id);
        let webmail = &self.parts.config.webmail;
        let kept = webmail.remember.then(|| webmail.login_longest.duration());
        let field = cookie::set(&secret, self.tls, kept)
            .ok_or_else(|| Problem::Status(500, "the login has no name".into()))?;
        Ok((Arc::clone(account), field))
    }

    /// Whether somebody is the owner of the account that is logged in; asked before what only he may do.
    pub(in super::super) async fn prove(
        &self,
        account: &Account,
        shown: &Shown,
    ) -> Result<(), Refusal> {
        let mut state = self.state.lock().await;
        state.admit().await?;
        let proved = self.check(&mut state, &account.address, shown).await?;
        if proved.id != account.id {
            self.forget(&mut state);
            return Err(wrong());
        }
        Ok(())
    }

    /// Puts a password to policy, as every protocol does.
    async fn check(
        &self,
        state: &mut State,
        user: &str,
        shown: &Shown,
    ) -> Result<Arc<Account>, Refusal> {
        if !self.basic {
            let text = "passwords are not taken here";
            return Err(Refusal::named(403, "blocked", text));
        }
        let code = typed_code(&shown.code);
        let password = format!("{}{code}", shown.password);
        let offer = Offer::Password(Credentials {
            authorise_as: String::new(),
            user: user.to_owned(),
            password: password.clone(),
        });
        let login = state.gate.login("WEB", offer).await;
        if let Login::In { account, .. } = login {
            let directory = self.parts.store.directory();
            let programs = directory.is_app_password(&account.address, &password).await;
            let failed = |error| unavailable("an account could not be looked up", &error);
            if !programs.map_err(failed)? {
                return Ok(account);
            }
            // It stands for a password without a code, and opens no settings.
            self.forget(state);
            state.gate.policy().not_logged_in();
            let text = "this password is for programs; log in with the account's own";
            return Err(Refusal::named(403, "appPassword", text));
        }
        let did = Counts {
            commands: 1,
            errors: 1,
        };
        let within = state.gate.spent(did, 0);
        Err(match login {
            _ if !within => too_often(),
            Login::Wrong if code.is_empty() && state.gate.lacks_code() => {
                Refusal::named(403, "codeRequired", "a one-time code is wanted, too")
            }
            Login::Blocked(text) => Refusal::named(403, "blocked", text),
            Login::Unavailable(reference) => try_later(&reference),
            Login::Wrong | Login::In { .. } => wrong(),
        })
    }

    /// Returns when the login by which this connection is known has ended elsewhere.
    pub(crate) async fn login_ended(&self) {
        let mut news = self.parts.logins_ended.0.subscribe();
        loop {
            tokio::select! {
                Ok(()) = news.changed() => {}
                () = tokio::time::sleep(LOOKED_FOR) => {}
            }
            let login = *self.login.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(login) = login else { continue };
            // Where it cannot be found out now, the next request will.
            if let Ok(false) = self.parts.store.is_web_login(login).await {
                // It may have been this very connection that has ended it, or changed it for another.
                let now = *self.login.lock().unwrap_or_else(PoisonError::into_inner);
                if now == Some(login) {
                    return;
                }
            }
        }
    }
}

fn wrong() -> Refusal {
    Refusal::named(403, "wrongPassword", "address or password are not right")
}

fn try_later(reference: &crate::telemetry::Reference) -> Refusal {
    Problem::Status(503, format!("try again later (reference {reference})")).into()
}
