//! What SMTP, submission and LMTP sessions ask, answered from policy and store.
//!
//! Invariants: one transaction is judged by the generation that was current at its MAIL; a 250 after the content
//! follows the store's fsync.

mod deliver;
mod forms;
mod onward;
mod origin;
mod record;
pub(crate) mod respond;
pub(crate) mod submit;
mod success;
mod told;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use waxwing_mail::{EnhancedStatus, Envelope, ForwardPath, QueueId, Recipient, Reply};
use waxwing_policy::{Transaction, TransactionFacts};
use waxwing_session::Counts;
use waxwing_smtp::{Answer, Ask, AuthFailure, Client, Decision, Message, ServerSession, replies};
use waxwing_store::NewRecord;

use self::origin::{Claim, Origin};
use super::complete;
use super::fields;
use super::gate::{Admission, Busy, Gate, Login};
use super::{Caller, Settings};
use crate::budget::Content;
use crate::config::{Service, Tls};
use crate::drive::{Answering, Answers};
use crate::telemetry::Reference;
use crate::transport::TlsFacts;
use crate::wiring::Parts;

/// The session of a connection.
pub(crate) fn session(parts: &Arc<Parts>, caller: &Caller) -> ServerSession {
    let tls = caller.door.listener.tls == Tls::Implicit;
    let config = match &caller.door.settings {
        Settings::Smtp(config) => Arc::clone(config),
        _ => super::smtp_settings(&caller.door.listener, &parts.config),
    };
    let session = ServerSession::new(config, tls, Instant::now()).at(jiff::Timestamp::now());
    if caller.door.listener.trusts_xclient(caller.client.ip()) {
        session.trusting()
    } else {
        session
    }
}

/// Answers the asks of one session.
pub(crate) struct SmtpAnswers {
    gate: Gate,
    /// The name that the peer greeted with last.
    helo: Box<str>,
    /// From MAIL to its end; boxed, since most of a session's life there is none.
    running: Option<Box<Running>>,
    /// What is kept with the message that comes next.
    record: Option<NewRecord>,
}

/// A transaction that is running.
struct Running {
    queue_id: QueueId,
    policy: Transaction,
    /// Who the message is from, where that is checked.
    origin: Option<Origin>,
    content: Content,
    /// What MAIL said of the size, in octets.
    declared_size: Option<u64>,
    /// The session does not make room for others meanwhile.
    _busy: Busy,
    /// The envelope's recipients in their order, as policy knows them.
    recipients: Vec<Routed>,
}

/// An accepted recipient, and where it leads.
struct Routed {
    led: Led,
    recipient: Recipient,
    /// It is one of a domain that is served here: who else gets the message through it, gets it forwarded.
    local: bool,
}

/// Where a recipient leads.
#[derive(Debug)]
struct Led {
    /// Its number in policy.
    number: u32,
    targets: Vec<waxwing_policy::Target>,
    /// Octets that each account among them was found to have room for.
    room: u64,
}

impl Routed {
    /// Whether it leads to a mailbox here.
    fn has_account(&self) -> bool {
        self.led
            .targets
            .iter()
            .any(|target| matches!(target, waxwing_policy::Target::Account(_)))
    }

    /// Whether a message that is held back waits under this address, and not under those that it leads to: RFC 3461 §5.2.3 and
    /// §5.2.7.3 have its sender told here that it was led on, which is when it is released.
    fn waits_here(&self) -> bool {
        let elsewhere =
            |target: &&waxwing_policy::Target| matches!(target, waxwing_policy::Target::Forward(_));
        self.has_account() || self.local && self.led.targets.iter().filter(elsewhere).count() > 1
    }
}

impl SmtpAnswers {
    pub(crate) fn new(parts: &Arc<Parts>, caller: Caller) -> Self {
        Self::of_gate(Gate::new(parts, caller))
    }

    fn of_gate(gate: Gate) -> Self {
        Self {
            gate,
            helo: Box::default(),
            running: None,
            record: None,
        }
    }

    async fn decide(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Connect => Answer::Decision(admitted(self.gate.connect().await)),
            Ask::Ehlo { name, esmtp } => {
                self.helo = name.as_str().into();
                Answer::Decision(decision(self.gate.policy().ehlo(&name, esmtp).await))
            }
            Ask::Keys { mechanism, user } => match self.gate.keys(mechanism, user).await {
                Ok(part) => Answer::Keys(Box::new(part)),
                Err(login) => logged_in(login),
            },
            Ask::Authenticate { mechanism, offer } => {
                logged_in(self.gate.login(mechanism.as_str(), offer).await)
            }
            Ask::Client(client) => self.client(*client).await,
            Ask::MailFrom(envelope) => Answer::Decision(self.mail(*envelope).await),
            Ask::RcptTo(recipient) => {
                let decision = self.recipient(*recipient).await;
                if matches!(&decision, Decision::Refuse(reply) if reply.code.is_permanent()) {
                    self.gate.refused_recipient();
                }
                Answer::Decision(decision)
            }
            Ask::Data => Answer::Decision(match &mut self.running {
                Some(running) => decision(running.policy.data().await),
                None => Decision::Refuse(replies::internal_error()),
            }),
            Ask::Message(message) => Answer::Delivered(self.message(*message).await),
            Ask::Abandon => {
                self.running = None;
                Answer::Decision(Decision::Pass)
            }
        }
    }

    /// A peer that is trusted speaks for another client: to policy it is a connection of that client's.
    async fn client(&mut self, client: Client) -> Answer {
        self.gate.speak_for(&client);
        let decision = admitted(self.gate.connect().await);
        match (decision, client.login) {
            (Decision::Pass, Some(login)) => {
                match self.gate.vouched_for(&login, "XCLIENT").await {
                    Login::In { identity, .. } => Answer::Authenticated(identity),
                    Login::Unavailable(reference) => Answer::Decision(Decision::Refuse(
                        replies::unavailable(&reference.to_string()),
                    )),
                    // RFC 3463 §3.8: X.7.1.
                    Login::Wrong | Login::Blocked(_) => Answer::Decision(Decision::Refuse(
                        Reply::new(550, Some(EnhancedStatus(5, 7, 1)), "Nobody here"),
                    )),
                }
            }
            (decision, _) => Answer::Decision(decision),
        }
    }

    async fn mail(&mut self, envelope: Envelope) -> Decision {
        if self.gate.pressed() {
            return Decision::Refuse(replies::no_space());
        }
        let now = u64::try_from(super::now_millis()).unwrap_or(0);
        let queue_id = QueueId::new(now, rand::random());
        let parts = Arc::clone(self.gate.parts());
        let declared_size = envelope.declared_size;
        let claim = self.claim(&envelope);
        let facts = TransactionFacts {
            queue_id: queue_id.to_string(),
            sender: envelope.sender,
            params: envelope.params,
            declared_size,
            smtputf8: envelope.smtputf8,
        };
        let mut policy = self
            .gate
            .policy()
            .transaction(parts.policy.current(), facts);
        let decided = decision(policy.mail_from().await);
        if matches!(decided, Decision::Pass) {
            self.running = Some(Box::new(Running {
                queue_id,
                policy,
                origin: claim.map(|claim| Origin::begin(&parts, claim)),
                content: Content::new(&parts.budget, self.gate.caller().client.ip()),
                declared_size,
                _busy: self.gate.busy(),
                recipients: Vec::new(),
            }));
        }
        decided
    }

    /// What is to be checked of a message's origin: nothing of who has logged in, since that says who it is.
    fn claim(&self, envelope: &Envelope) -> Option<Claim> {
        let caller = self.gate.caller();
        let checked = caller.door.listener.check_origin && !self.gate.logged_in();
        checked.then(|| {
            let receiver = &self.gate.parts().config.hostname;
            let (client, utf8) = (caller.client.ip(), envelope.smtputf8);
            Claim::new(client, &self.helo, &envelope.sender, receiver, utf8)
        })
    }

    async fn recipient(&mut self, recipient: Recipient) -> Decision {
        let Some(running) = &mut self.running else {
            return Decision::Refuse(replies::internal_error());
        };
        if !self.gate.spent_recipient() {
            return Decision::Refuse(replies::too_many_recipients_lately());
        }
        if let Some(origin) = &mut running.origin {
            origin.tell_early(&mut running.policy);
        }
        let found = match qualified(recipient, self.gate.parts()).await {
            Ok(found) => found,
            Err(error) => {
                let reference = Reference::log(
                    "a recipient's domain could not be looked up",
                    self.gate.session(),
                    &error,
                );
                return Decision::Refuse(replies::unavailable(&reference.to_string()));
            }
        };
        let (recipient, local) = found;
        let number = u32::try_from(running.recipients.len()).unwrap_or(u32::MAX);
        let routed = match self.gate.parts().outgoing.rewritten(&recipient) {
            // An address that was made here for forwarded mail holds its own proof, and leads back (SRS).
            Some(Ok(first)) => {
                running.policy.admit(&recipient);
                Ok(Led {
                    number,
                    targets: vec![waxwing_policy::Target::Forward(first)],
                    room: 0,
                })
            }
            Some(Err(reply)) => return Decision::Refuse(reply),
            None => {
                let decided = decision(running.policy.rcpt_to(&recipient).await);
                if !matches!(decided, Decision::Pass) {
                    return decided;
                }
                let size = running.declared_size;
                deliver::route(&self.gate, &mut running.policy, number, size).await
            }
        };
        match routed {
            Ok(led) => {
                running.recipients.push(Routed {
                    led,
                    recipient,
                    local,
                });
                Decision::Pass
            }
            Err(reply) => {
                running.policy.withdraw();
                Decision::Refuse(reply)
            }
        }
    }

    async fn message(&mut self, message: Message) -> Vec<Reply> {
        let lmtp = self.gate.caller().door.listener.service == Service::Lmtp;
        let recipients = message.envelope.recipients.len();
        // RFC 2033 §4.2: LMTP answers for each recipient.
        let all_alike = |reply: Reply| vec![reply; if lmtp { recipients } else { 1 }];
        let Some(mut running) = self.running.take() else {
            return all_alike(replies::internal_error());
        };
        let Some((mut content, reservation)) = running.content.take() else {
            metrics::counter!("waxwing_limits_hit_total", "limit" => "content-memory", "scope" => "message").increment(1);
            tracing::warn!(
                session = self.gate.session(),
                size = message.size,
                "no memory for a message; limits.content-memory is in use"
            );
            return all_alike(replies::no_space());
        };
        if !fields::begins_well(&content) {
            // Without a header all of it is the body: our fields would take its first lines in.
            content = [b"\r\n", content.as_ref()].concat().into();
        }
        // What comes over HTTP is submitted, too.
        let service = self.gate.caller().door.listener.service;
        if matches!(service, Service::Submission | Service::Http) {
            content = complete::complete(content, &self.gate.parts().config.hostname);
        }
        let record = self.record.take();
        let delivered = deliver::deliver(&self.gate, *running, message, (content, record));
        let replies = Box::pin(delivered).await;
        drop(reservation);
        if lmtp {
            replies
        } else {
            vec![deliver::for_all(replies)]
        }
    }
}

impl Answers<ServerSession> for SmtpAnswers {
    fn answer(&mut self, ask: Ask) -> Answering<'_, Answer> {
        Box::pin(self.decide(ask))
    }

    fn content(&mut self, bytes: Bytes) {
        if let Some(running) = &mut self.running {
            running.content.push(bytes);
        }
    }

    fn secured(&mut self, facts: TlsFacts) {
        self.gate.secured(facts);
    }

    fn early(&mut self, octets: usize) {
        self.gate.early(octets);
    }

    fn spent(&mut self, did: Counts, octets: u64) -> bool {
        self.gate.spent(did, octets)
    }
}

fn logged_in(login: Login) -> Answer {
    let failure = match login {
        Login::In { identity, .. } => return Answer::Authenticated(identity),
        Login::Wrong => AuthFailure::Credentials,
        // RFC 4954 §6, RFC 3463 §3.8: 535 5.7.8.
        Login::Blocked(text) => {
            AuthFailure::Refused(Reply::new(535, Some(EnhancedStatus(5, 7, 8)), text))
        }
        // RFC 4954 §6: 454 4.7.0.
        Login::Unavailable(reference) => {
            let text = format!("Unable to check the login now, try again later ({reference})");
            AuthFailure::Refused(Reply::new(454, Some(EnhancedStatus(4, 7, 0)), text))
        }
    };
    Answer::AuthFailed(failure)
}

fn admitted(admission: Admission) -> Decision {
    match admission {
        Admission::Pass => Decision::Pass,
        Admission::Refused(reply) => Decision::Refuse(reply),
        Admission::Disconnected(reply) => Decision::Disconnect(reply),
    }
}

fn decision(decision: waxwing_policy::Decision) -> Decision {
    match decision {
        waxwing_policy::Decision::Pass => Decision::Pass,
        waxwing_policy::Decision::Refuse(reply) => Decision::Refuse(reply),
        waxwing_policy::Decision::Disconnect(reply) => Decision::Disconnect(reply),
    }
}

/// The recipient, and whether it is one of a domain that is served here. RFC 5321 §4.1.1.3: `<Postmaster>` is the postmaster of this host:
/// of the served domain that its name is in, or else whom policy finds for the bare word.
async fn qualified(
    recipient: Recipient,
    parts: &Parts,
) -> Result<(Recipient, bool), waxwing_store::Error> {
    let directory = parts.store.directory();
    if let ForwardPath::Address(address) = &recipient.path {
        let local = directory.domain(address.domain().as_str()).await?.is_some();
        return Ok((recipient, local));
    }
    let mut name = parts.config.hostname.as_str();
    loop {
        if directory.domain(name).await?.is_some()
            && let Ok(address) = format!("postmaster@{name}").parse()
        {
            let path = ForwardPath::Address(address);
            return Ok((Recipient { path, ..recipient }, true));
        }
        match name.split_once('.') {
            Some((_, parent)) => name = parent,
            None => return Ok((recipient, true)),
        }
    }
}
