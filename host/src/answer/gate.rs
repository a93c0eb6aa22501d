//! The policy of one connection, for every protocol: may it be served, who is it, how much may it keep.

mod login;
mod standing;

use std::sync::Arc;

use waxwing_mail::{EnhancedStatus, Identity, Protocol, Reply};
use waxwing_policy::{
    ConnectionFacts, Decision, MailboxChange, MailboxEvent, MaildropTerms, Operation,
    PolicySession, QuotaOutcome, Room, Usage,
};
use waxwing_smtp::Client;
use waxwing_store::Account;

use self::login::Keyed;
pub(crate) use self::login::Login;
pub(crate) use self::standing::Busy;
use super::Caller;
use crate::config::Service;
use crate::telemetry::Reference;
use crate::transport::TlsFacts;
use crate::wiring::Parts;

/// What becomes of a connection.
pub(crate) enum Admission {
    Pass,
    /// No; the session may go on to say goodbye.
    Refused(Reply),
    /// No, and the connection ends.
    Disconnected(Reply),
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
    policy: PolicySession,
    /// The account that is logged in.
    account: Option<Arc<str>>,
    /// It is of one request of somebody who is, and neither comes nor goes.
    of_request: bool,
    /// Whose password is about to be proved.
    keyed: Option<Keyed>,
    /// What the last login lacked was a one-time code.
    code_missing: bool,
}

impl Gate {
    pub(crate) fn new(parts: &Arc<Parts>, caller: Caller) -> Self {
        let policy = PolicySession::new(parts.policy.current(), facts(&caller));
        Self {
            parts: Arc::clone(parts),
            caller,
            policy,
            account: None,
            of_request: false,
            keyed: None,
            code_missing: false,
        }
    }

    /// The policy of one request, of somebody who is known at this connection: whoever else is known there while the request is worked on has
    /// gates of their own.
    pub(crate) fn of_request(&self, identity: Identity) -> Self {
        let Caller {
            id,
            door,
            client,
            local,
            tls,
            seat,
        } = &self.caller;
        let caller = Caller {
            id: *id,
            door: Arc::clone(door),
            client: *client,
            local: *local,
            tls: tls.clone(),
            seat: Arc::clone(seat),
        };
        let mut policy = PolicySession::new(self.parts.policy.current(), facts(&caller));
        policy.logged_in(identity);
        Self {
            parts: Arc::clone(&self.parts),
            caller,
            policy,
            account: None,
            of_request: true,
            keyed: None,
            code_missing: false,
        }
    }

    /// From here on the peer speaks for another client: what was known of who it is, is forgotten.
    pub(crate) fn speak_for(&mut self, client: &Client) {
        self.logged_out();
        let ends = [
            (&mut self.caller.client, client.address, client.port),
            (
                &mut self.caller.local,
                client.destination,
                client.destination_port,
            ),
        ];
        for (end, address, port) in ends {
            if let Some(address) = address {
                end.set_ip(address.to_canonical());
            }
            if let Some(port) = port {
                end.set_port(port);
            }
        }
        if let Some(tls) = &mut self.caller.tls {
            // Of the proxy, and not of whom it speaks for.
            tls.certified.clear();
            tls.channel = None;
        }
        self.policy = PolicySession::new(self.parts.policy.current(), facts(&self.caller));
    }

    /// Tells policy of something that happened in a mailbox of `account`.
    pub(crate) fn tell(&self, account: &str, change: impl FnOnce() -> MailboxChange) {
        self.parts.policy.tell(|| MailboxEvent {
            at: u64::try_from(super::now_millis()).unwrap_or(0),
            account: account.into(),
            protocol: self.protocol(),
            session: self.caller.id.to_string(),
            change: change(),
        });
    }

    /// Whoever was logged in is so no longer.
    pub(crate) fn logged_out(&mut self) {
        if let Some(account) = self.account.take() {
            self.tell(&account, || MailboxChange::Logout);
            self.caller.seat.stranger(false);
        }
    }

    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn policy(&mut self) -> &mut PolicySession {
        &mut self.policy
    }

    /// Whether somebody has logged in.
    pub(crate) fn logged_in(&self) -> bool {
        self.of_request || self.account.is_some()
    }

    /// The session's number.
    pub(crate) fn session(&self) -> u64 {
        self.caller.id
    }

    /// What is spoken.
    pub(crate) fn protocol(&self) -> Protocol {
        protocol(self.caller.door.listener.service)
    }

    /// The connection is under TLS now.
    pub(crate) fn secured(&mut self, facts: TlsFacts) {
        self.policy.secured(tls_facts(&facts));
        self.caller.tls = Some(Box::new(facts));
    }

    /// Whether the connection is served.
    pub(crate) async fn connect(&mut self) -> Admission {
        self.observe_arrival();
        match self.policy.connect().await {
            Decision::Pass => {
                // Who cannot wait for the greeting shows in this time.
                let delay = self.policy.greeting_delay();
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                Admission::Pass
            }
            Decision::Refuse(reply) => Admission::Refused(reply),
            Decision::Disconnect(reply) => Admission::Disconnected(reply),
        }
    }

    /// What policy wants told of the maildrop.
    pub(crate) fn maildrop(&self) -> MaildropTerms {
        self.policy.maildrop()
    }

    /// Whether an account may keep so much more, by APPEND or COPY.
    pub(crate) async fn room(
        &mut self,
        account: &Account,
        bytes: u64,
        messages: u64,
    ) -> Result<(), Over> {
        let current = self.parts.store.usage(account.id).await;
        let current = current.map_err(|error| {
            Over::Unavailable(Reference::log(
                "the usage could not be read",
                self.caller.id,
                &error,
            ))
        })?;
        let current = Usage {
            bytes: current.bytes,
            messages: current.messages,
        };
        let room = Room {
            account: &account.address,
            limited: is_limited(account),
            operation: Operation::Append,
            current,
            adding: Usage { bytes, messages },
        };
        over(self.policy.quota(&room).await, self.caller.id)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // However the connection ended.
        self.logged_out();
    }
}

/// Whether the administrator set a limit for an account.
pub(crate) fn is_limited(account: &Account) -> bool {
    account.quota.bytes.is_some() || account.quota.messages.is_some()
}

/// The outcome of a quota hook, as a result.
pub(crate) fn over(outcome: QuotaOutcome, session: u64) -> Result<(), Over> {
    match outcome {
        QuotaOutcome::Allow => Ok(()),
        QuotaOutcome::Over(text) => Err(Over::Limit {
            temporary: false,
            text,
        }),
        QuotaOutcome::OverTemporary(text) => Err(Over::Limit {
            temporary: true,
            text,
        }),
        QuotaOutcome::Unavailable(reply) => {
            let reference = Reference::new();
            tracing::warn!(%reference, session, reason = %reply, "the quota could not be decided");
            Err(Over::Unavailable(reference))
        }
    }
}

impl Over {
    /// For SMTP: RFC 5321 §4.2.3 552 and 452, RFC 3463 §3.3 (mailbox full).
    pub(crate) fn reply(self) -> Reply {
        match self {
            Self::Limit {
                temporary: false,
                text,
            } => Reply::new(552, Some(EnhancedStatus(5, 2, 2)), text),
            Self::Limit {
                temporary: true,
                text,
            } => Reply::new(452, Some(EnhancedStatus(4, 2, 2)), text),
            Self::Unavailable(reference) => {
                waxwing_smtp::replies::unavailable(&reference.to_string())
            }
        }
    }
}

/// What policy is told of a connection.
fn facts(caller: &Caller) -> ConnectionFacts {
    ConnectionFacts {
        id: caller.id.to_string(),
        protocol: protocol(caller.door.listener.service),
        listener: Arc::clone(&caller.door.name),
        client: caller.client,
        local: caller.local,
        tls: caller.tls.as_deref().map(tls_facts),
    }
}

fn tls_facts(facts: &TlsFacts) -> waxwing_policy::TlsFacts {
    waxwing_policy::TlsFacts {
        version: facts.version.to_owned(),
        cipher: facts.cipher.clone(),
        server_name: facts.server_name.clone(),
    }
}

fn protocol(service: Service) -> Protocol {
    match service {
        Service::Smtp | Service::Metrics => Protocol::Smtp,
        Service::Submission => Protocol::Submission,
        Service::Lmtp => Protocol::Lmtp,
        Service::Imap => Protocol::Imap,
        Service::Pop3 => Protocol::Pop3,
        // Who logs in over HTTP does so for JMAP.
        Service::Http => Protocol::Jmap,
    }
}
