//! What SMTP, submission and LMTP sessions ask, answered from policy and store.
//!
//! Invariants: one transaction is judged by the generation that was current at its MAIL; a 250 after the content
//! follows the store's fsync.

mod deliver;
mod record;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use waxwing_mail::{EnhancedStatus, Envelope, ForwardPath, QueueId, Recipient, Reply};
use waxwing_policy::{Transaction, TransactionFacts};
use waxwing_smtp::{Answer, Ask, AuthFailure, Decision, Message, ServerSession, replies};

use super::gate::{Admission, Gate, Login};
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
    match &caller.door.settings {
        Settings::Smtp(config) => ServerSession::new(Arc::clone(config), tls, Instant::now()),
        _ => ServerSession::new(
            super::smtp_settings(&caller.door.listener, &parts.config),
            tls,
            Instant::now(),
        ),
    }
}

/// Answers the asks of one session.
pub(crate) struct SmtpAnswers {
    gate: Gate,
    /// From MAIL to its end; boxed, since most of a session's life there is none.
    running: Option<Box<Running>>,
}

/// A transaction that is running.
struct Running {
    queue_id: QueueId,
    policy: Transaction,
    content: Content,
    /// How many recipients policy has let pass.
    passed: u32,
    /// The numbers by which policy knows the envelope's recipients.
    recipients: Vec<u32>,
}

impl SmtpAnswers {
    pub(crate) fn new(parts: &Arc<Parts>, caller: Caller) -> Self {
        Self {
            gate: Gate::new(parts, caller),
            running: None,
        }
    }

    async fn decide(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Connect => Answer::Decision(match self.gate.connect().await {
                Admission::Pass => Decision::Pass,
                // RFC 5321 §3.1: a 5yz greeting waits for QUIT; a 4yz one ends it.
                Admission::Refused(reply) | Admission::Deferred(reply) => Decision::Refuse(reply),
            }),
            Ask::Ehlo { name, esmtp } => {
                Answer::Decision(decision(self.gate.policy().ehlo(&name, esmtp).await))
            }
            Ask::Authenticate {
                mechanism,
                credentials,
            } => match self.gate.login(mechanism.as_str(), credentials).await {
                Login::In { identity, .. } => Answer::Authenticated(identity),
                Login::Wrong => Answer::AuthFailed(AuthFailure::Credentials),
                // RFC 4954 §6, RFC 3463 §3.8: 535 5.7.8.
                Login::Blocked(text) => Answer::AuthFailed(AuthFailure::Refused(Reply::new(
                    535,
                    Some(EnhancedStatus(5, 7, 8)),
                    text,
                ))),
                // RFC 4954 §6: 454 4.7.0.
                Login::Unavailable(reference) => {
                    let text =
                        format!("Unable to check the login now, try again later ({reference})");
                    Answer::AuthFailed(AuthFailure::Refused(Reply::new(
                        454,
                        Some(EnhancedStatus(4, 7, 0)),
                        text,
                    )))
                }
            },
            Ask::MailFrom(envelope) => Answer::Decision(self.mail(*envelope).await),
            Ask::RcptTo(recipient) => Answer::Decision(self.recipient(*recipient).await),
            Ask::Message(message) => Answer::Delivered(self.message(*message).await),
            Ask::Abandon => {
                self.running = None;
                Answer::Decision(Decision::Pass)
            }
        }
    }

    async fn mail(&mut self, envelope: Envelope) -> Decision {
        let now = u64::try_from(super::now_millis()).unwrap_or(0);
        let queue_id = QueueId::new(now, rand::random());
        let parts = Arc::clone(self.gate.parts());
        let facts = TransactionFacts {
            queue_id: queue_id.to_string(),
            sender: envelope.sender,
            params: envelope.params,
            declared_size: envelope.declared_size,
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
                content: Content::new(&parts.budget),
                passed: 0,
                recipients: Vec::new(),
            }));
        }
        decided
    }

    async fn recipient(&mut self, recipient: Recipient) -> Decision {
        let Some(running) = &mut self.running else {
            return Decision::Refuse(replies::internal_error());
        };
        let recipient = qualified(recipient, self.gate.parts());
        let domain = recipient
            .path
            .address()
            .map(|address| address.domain().as_str().to_owned());
        let local = self
            .gate
            .parts()
            .store
            .directory()
            .domain(domain.as_deref().unwrap_or_default())
            .await;
        let local = match local {
            Ok(local) => local.is_some(),
            Err(error) => {
                let reference = Reference::log(
                    "a recipient's domain could not be looked up",
                    self.gate.session(),
                    &error,
                );
                return Decision::Refuse(replies::unavailable(&reference.to_string()));
            }
        };
        let decided = decision(running.policy.rcpt_to(&recipient).await);
        if matches!(decided, Decision::Pass) {
            let number = running.passed;
            running.passed += 1;
            if !local {
                // Policy allows relaying, but nothing is sent on from here yet.
                return Decision::Refuse(deliver::no_route());
            }
            running.recipients.push(number);
        }
        decided
    }

    async fn message(&mut self, message: Message) -> Vec<Reply> {
        let lmtp = self.gate.caller().door.listener.service == Service::Lmtp;
        let recipients = message.envelope.recipients.len();
        // RFC 2033 §4.2: LMTP answers for each recipient.
        let all_alike = |reply: Reply| vec![reply; if lmtp { recipients } else { 1 }];
        let Some(mut running) = self.running.take() else {
            return all_alike(replies::internal_error());
        };
        let Some((content, reservation)) = running.content.take() else {
            tracing::warn!(
                session = self.gate.session(),
                size = message.size,
                "no memory for a message; limits.content-memory is in use"
            );
            return all_alike(replies::no_space());
        };
        let replies = Box::pin(deliver::deliver(&self.gate, *running, message, content)).await;
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
}

fn decision(decision: waxwing_policy::Decision) -> Decision {
    match decision {
        waxwing_policy::Decision::Pass => Decision::Pass,
        waxwing_policy::Decision::Refuse(reply) => Decision::Refuse(reply),
        waxwing_policy::Decision::Disconnect(reply) => Decision::Disconnect(reply),
    }
}

/// RFC 5321 §4.1.1.3: `<Postmaster>` without a domain is the postmaster of this host.
fn qualified(mut recipient: Recipient, parts: &Parts) -> Recipient {
    if matches!(recipient.path, ForwardPath::Postmaster)
        && let Ok(address) = format!("postmaster@{}", parts.config.hostname).parse()
    {
        recipient.path = ForwardPath::Address(address);
    }
    recipient
}
