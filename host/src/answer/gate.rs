//! The policy of one connection, for every protocol: may it be served, who is it, how much may it keep.

use std::net::SocketAddr;
use std::sync::Arc;

use waxwing_mail::{Identity, Reply};
use waxwing_sasl::Credentials;
use waxwing_store::{Account, PasswordCheck};

use super::Caller;
use crate::telemetry::Reference;
use crate::transport::TlsFacts;
use crate::wiring::Parts;

/// What becomes of a connection.
pub(crate) enum Admission {
    Pass,
    /// Never: 5yz.
    Refused(Reply),
    /// Not now: 4yz.
    Deferred(Reply),
}

/// What becomes of a login.
pub(crate) enum Login {
    In {
        identity: Identity,
        account: Arc<Account>,
    },
    Wrong,
    Blocked(Reply),
    Disconnect(Reply),
    Unavailable(Reference),
}

/// Why no more may be kept.
pub(crate) enum Over {
    /// A limit, with a sentence for the user.
    Limit { temporary: bool, text: String },
    /// It could not be found out.
    Unavailable(Reference),
}

/// A connection's policy.
pub(crate) struct Gate {
    parts: Arc<Parts>,
    caller: Caller,
}

impl Gate {
    pub(crate) fn new(parts: &Arc<Parts>, caller: Caller) -> Self {
        Self {
            parts: Arc::clone(parts),
            caller,
        }
    }

    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// The session's number.
    pub(crate) fn session(&self) -> u64 {
        self.caller.id
    }

    pub(crate) fn client(&self) -> SocketAddr {
        self.caller.client
    }

    pub(crate) fn tls(&self) -> Option<&TlsFacts> {
        self.caller.tls.as_deref()
    }

    pub(crate) fn secured(&mut self, facts: TlsFacts) {
        self.caller.tls = Some(Box::new(facts));
    }

    pub(crate) async fn connect(&mut self) -> Admission {
        Admission::Pass
    }

    pub(crate) async fn login(
        &mut self,
        mechanism: &'static str,
        credentials: Credentials,
    ) -> Login {
        match self
            .parts
            .store
            .directory()
            .verify_password(&credentials.user, &credentials.password)
            .await
        {
            Ok(PasswordCheck::Right(account)) => {
                let identity = Identity {
                    account: account.address.as_str().into(),
                    authorised_as: account.address.as_str().into(),
                    mechanism: mechanism.into(),
                };
                Login::In { identity, account }
            }
            Ok(_) => Login::Wrong,
            Err(error) => Login::Unavailable(Reference::log(
                "a login could not be decided",
                self.session(),
                &error,
            )),
        }
    }

    /// Whether an account may keep so much more, by APPEND or COPY.
    pub(crate) async fn room(
        &mut self,
        _account: &Account,
        _bytes: u64,
        _messages: u64,
    ) -> Result<(), Over> {
        Ok(())
    }
}
