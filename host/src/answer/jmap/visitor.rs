//! Who is at a connection: nobody yet, or an account, for as long as the same is said of it.
//!
//! A login costs a hash of a password and calls of plugins. A connection that has proved who it is, as one of IMAP, stays so while each request
//! says the same; after a while it is asked again, since nothing tells it that a password was changed. A browser is known by its cookie
//! (`browser.rs`), which is looked up each time.

mod browser;
mod cookie;

use std::net::IpAddr;
use std::sync::{Arc, Mutex as Plain, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use waxwing_jmap::{LimitName, Limits, Problem};
use waxwing_mail::Identity;
use waxwing_mail::Reply;
use waxwing_policy::QuotaRoot;
use waxwing_session::Counts;
use waxwing_store::Account;

pub(crate) use self::browser::{LoginsEnded, Shown};
use super::authorization;
use super::meter::Meter;
use super::refusal::Refusal;
use super::turns::{Full, Kind, Turn};
use crate::answer::Caller;
use crate::answer::gate::{Admission, Gate, Login};
use crate::config::Tls;
use crate::transport::TlsFacts;
use crate::wiring::Parts;

/// How long a proof holds.
const PROVED: Duration = Duration::from_secs(600);
/// How long a connection may take that nobody is known at.
const STRANGER: Duration = Duration::from_secs(60);
/// How long after the last request of somebody who is known.
const KNOWN: Duration = Duration::from_secs(600);
/// Streams of events of an account.
const MAX_EVENTS: u32 = 20;
/// WebSockets of an account: each may hold a whole request before it is a request.
const MAX_SOCKETS: u32 = 4;
/// Exports of an account, and imports: each has a thread while it lasts.
const MAX_EXPORTS: u32 = 1;
/// Push subscriptions of an account whose codes are on their way.
const MAX_VERIFICATIONS: u32 = 32;

/// A connection and who is at it.
pub(crate) struct Visitor {
    pub(super) parts: Arc<Parts>,
    pub(super) client: IpAddr,
    pub(super) limits: Arc<Limits>,
    basic: bool,
    bearer: bool,
    /// Whether secrets may be sent here.
    private: bool,
    tls: bool,
    pub(super) meter: Arc<Meter>,
    ends: Plain<Instant>,
    /// The login of the cookie by which somebody is known.
    login: Plain<Option<i64>>,
    state: Mutex<State>,
}

struct State {
    gate: Gate,
    /// What policy says of the connection, once it was asked.
    admitted: Option<bool>,
    known: Option<Known>,
}

struct Known {
    /// Of what was said, which is not kept.
    digest: [u8; 32],
    account: Arc<Account>,
    until: Instant,
}

impl Visitor {
    /// Somebody who has just connected.
    pub(crate) fn new(parts: &Arc<Parts>, caller: Caller, secured: Option<TlsFacts>) -> Self {
        let listener = &caller.door.listener;
        let (basic, bearer) = authorization::allowed(&listener.mechanisms);
        let tls = listener.tls == Tls::Implicit;
        let (private, client) = (tls || listener.plaintext_auth, caller.client.ip());
        let mut gate = Gate::new(parts, caller);
        if let Some(facts) = secured {
            gate.secured(facts);
        }
        Self {
            parts: Arc::clone(parts),
            client,
            limits: Arc::new(super::limits(&parts.config)),
            basic,
            bearer,
            private,
            tls,
            meter: Arc::default(),
            ends: Plain::new(Instant::now() + STRANGER),
            login: Plain::default(),
            state: Mutex::new(State {
                gate,
                admitted: None,
                known: None,
            }),
        }
    }

    /// When the connection is cut, as far as is known now.
    pub(crate) fn ends(&self) -> Instant {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody who is known is there.
    pub(crate) fn stays(&self) {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + KNOWN;
    }

    /// What counts the octets that come.
    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// The server as the client has reached it.
    pub(super) fn origin(&self, headers: &HeaderMap) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        // What a client says of the host comes back to itself only.
        let host = super::text(headers, header::HOST).unwrap_or(&self.parts.config.hostname);
        format!("{scheme}://{host}")
    }

    /// Whether secrets may be sent here.
    pub(crate) fn is_private(&self) -> bool {
        self.private
    }

    /// The server as a client reaches it under TLS, if it does.
    pub(crate) fn secure_origin(&self) -> Option<String> {
        super::secure_origin(&self.parts)
    }

    /// A turn of an account, if it has not too many.
    pub(super) fn turn(&self, account: &Account, kind: Kind) -> Result<Turn, Refusal> {
        let (most, name) = match kind {
            Kind::Request => (
                self.limits.concurrent_requests,
                LimitName::ConcurrentRequests,
            ),
            Kind::Upload => (self.limits.concurrent_upload, LimitName::ConcurrentUpload),
            Kind::Events => (MAX_EVENTS, LimitName::ConcurrentRequests),
            Kind::Socket => (MAX_SOCKETS, LimitName::ConcurrentRequests),
            Kind::Export | Kind::Import => (MAX_EXPORTS, LimitName::ConcurrentRequests),
            Kind::Verification => (MAX_VERIFICATIONS, LimitName::ConcurrentRequests),
        };
        let turn = self.parts.turns.take(account.id, kind, most);
        turn.map_err(|full| match full {
            Full::Account => Problem::Limit(name).into(),
            Full::Server => Refusal::Busy,
        })
    }

    /// The policy of a request of somebody who is known.
    pub(super) async fn gate(&self, account: &Account) -> Gate {
        let identity = identity(account);
        self.state.lock().await.gate.of_request(identity)
    }

    /// What an account may hold, as policy has it.
    pub(super) async fn quota_limits(&self, account: &Account) -> Result<Vec<QuotaRoot>, Reply> {
        let mut state = self.state.lock().await;
        state.gate.policy().quota_limits(&account.address).await
    }

    /// Whose the request is.
    pub(super) async fn identify(&self, headers: &HeaderMap) -> Result<Arc<Account>, Refusal> {
        if !self.private {
            // RFC 8620 §8.1: nothing without TLS.
            return Err(Problem::Status(403, "nothing is told without TLS".into()).into());
        }
        if !headers.contains_key(header::AUTHORIZATION) && self.secret(headers).is_some() {
            return Ok(self.by_cookie(headers).await?.0);
        }
        let unknown = || match cookie::names_itself(headers) {
            // A page asks for a password by itself; a browser that is challenged would do so, too.
            true => Refusal::LoginEnded,
            false => Refusal::Unauthorized {
                basic: self.basic,
                bearer: self.bearer,
            },
        };
        let said = super::text(headers, header::AUTHORIZATION).ok_or_else(unknown)?;
        let digest: [u8; 32] = Sha256::digest(said).into();
        let mut state = self.state.lock().await;
        if let Some(known) = &state.known
            && known.digest == digest
            && Instant::now() < known.until
        {
            self.stays();
            return Ok(Arc::clone(&known.account));
        }
        self.forget(&mut state);
        let (mechanism, offer) = authorization::read(said)
            .filter(|(mechanism, _)| match *mechanism {
                "BASIC" => self.basic,
                _ => self.bearer,
            })
            .ok_or_else(unknown)?;
        state.admit().await?;
        let account = match state.gate.login(mechanism, offer).await {
            Login::In { account, .. } => account,
            failed => {
                let did = Counts {
                    commands: 1,
                    errors: 1,
                };
                let within = state.gate.spent(did, 0);
                return Err(match failed {
                    _ if !within => too_often(),
                    Login::Blocked(text) => Problem::Status(403, text).into(),
                    Login::Unavailable(reference) => {
                        let text = format!("try again later (reference {reference})");
                        Problem::Status(503, text).into()
                    }
                    Login::Wrong | Login::In { .. } => unknown(),
                });
            }
        };
        state.known = Some(Known {
            digest,
            account: Arc::clone(&account),
            until: Instant::now() + PROVED,
        });
        self.stays();
        Ok(account)
    }
}

/// Why somebody without an account is not even asked who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Secrets are not to be sent here.
    Clear,
    /// Policy does not serve the connection.
    Refused,
    /// Too much came from there lately.
    TooOften,
}

/// For who is no account, but brings a token of administration.
impl Visitor {
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    pub(crate) fn client(&self) -> IpAddr {
        self.client
    }

    /// Whether secrets may be sent here, and policy serves the connection.
    pub(crate) async fn admitted(&self) -> Result<(), Closed> {
        if !self.private {
            return Err(Closed::Clear);
        }
        let mut state = self.state.lock().await;
        match state.admitted {
            Some(true) => Ok(()),
            Some(false) => Err(Closed::Refused),
            None => match state.admit().await {
                Ok(()) => Ok(()),
                Err(_) if state.admitted.is_some() => Err(Closed::Refused),
                Err(_) => Err(Closed::TooOften),
            },
        }
    }

    /// What was said of who asks was wrong; false if that was once too often.
    pub(crate) async fn missed(&self) -> bool {
        let did = Counts {
            commands: 1,
            errors: 1,
        };
        self.state.lock().await.gate.spent(did, 0)
    }

    /// Whoever asks is known, and may stay.
    pub(crate) async fn welcome(&self) {
        self.state.lock().await.gate.caller().seat.known();
        self.stays();
    }
}

impl State {
    /// What policy says of the connection; it is asked once, before the first login.
    async fn admit(&mut self) -> Result<(), Refusal> {
        let did = Counts {
            commands: 1,
            errors: 0,
        };
        if !self.gate.spent(did, 0) {
            return Err(too_often());
        }
        let admitted = match self.admitted {
            Some(admitted) => admitted,
            None => matches!(self.gate.connect().await, Admission::Pass),
        };
        self.admitted = Some(admitted);
        if admitted {
            return Ok(());
        }
        Err(Problem::Status(403, "this connection is not served".into()).into())
    }
}

/// Who an account is to policy.
pub(super) fn identity(account: &Account) -> Identity {
    let address: Box<str> = account.address.as_str().into();
    Identity {
        account: address.clone(),
        authorised_as: address,
        mechanism: "HTTP".into(),
    }
}

fn too_often() -> Refusal {
    Problem::Status(429, "too often; try again later".into()).into()
}
