//! What SMTP, submission and LMTP sessions ask, answered from policy and store.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use waxwing_mail::Reply;
use waxwing_smtp::{Answer, Ask, AuthFailure, Decision, Message, ServerSession, replies};
use waxwing_store::{Delivery, Flags, Place, Resolution, Target};

use super::gate::{Admission, Gate, Login};
use super::{Caller, Settings};
use crate::budget::Content;
use crate::config::Tls;
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
    content: Option<Box<Content>>,
}

impl SmtpAnswers {
    pub(crate) fn new(parts: &Arc<Parts>, caller: Caller) -> Self {
        Self {
            gate: Gate::new(parts, caller),
            content: None,
        }
    }

    async fn decide(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Connect => Answer::Decision(match self.gate.connect().await {
                Admission::Pass => Decision::Pass,
                Admission::Refused(reply) | Admission::Deferred(reply) => {
                    Decision::Disconnect(reply)
                }
            }),
            Ask::Authenticate {
                mechanism,
                credentials,
            } => match self.gate.login(mechanism.as_str(), credentials).await {
                Login::In { identity, .. } => Answer::Authenticated(identity),
                Login::Wrong => Answer::AuthFailed(AuthFailure::Credentials),
                Login::Blocked(reply) => Answer::AuthFailed(AuthFailure::Refused(reply)),
                Login::Disconnect(reply) => Answer::AuthFailed(AuthFailure::Disconnect(reply)),
                Login::Unavailable(_) => Answer::AuthFailed(AuthFailure::Unavailable),
            },
            Ask::Ehlo { .. } | Ask::MailFrom(_) | Ask::RcptTo(_) => {
                Answer::Decision(Decision::Pass)
            }
            Ask::Message(message) => Answer::Delivered(vec![self.message(*message).await]),
            Ask::Abandon => {
                self.content = None;
                Answer::Decision(Decision::Pass)
            }
        }
    }

    async fn message(&mut self, message: Message) -> Reply {
        let Some((content, _reservation)) =
            self.content.take().and_then(|mut content| content.take())
        else {
            return replies::no_space();
        };
        let store = &self.gate.parts().store;
        let mut targets = Vec::new();
        for recipient in &message.envelope.recipients {
            let Some(address) = recipient.path.address() else {
                continue;
            };
            if let Ok(Resolution::Account(account)) = store
                .directory()
                .resolve(&crate::admin::plain(address))
                .await
            {
                targets.push(Target {
                    account: account.id,
                    mailbox: Place::Inbox,
                    flags: Flags::NONE,
                    keywords: Vec::new(),
                });
            }
        }
        let summary = super::summary(&content).await;
        let delivery = Delivery {
            content,
            summary,
            targets,
            internal_date: super::now_millis(),
            ledger: None,
        };
        match store.deliver(delivery).await {
            Ok(_) => replies::queued("x"),
            Err(error) => replies::unavailable(
                &Reference::log("a message could not be stored", self.gate.session(), &error)
                    .to_string(),
            ),
        }
    }
}

impl Answers<ServerSession> for SmtpAnswers {
    fn answer(&mut self, ask: Ask) -> Answering<'_, Answer> {
        Box::pin(self.decide(ask))
    }

    fn content(&mut self, bytes: Bytes) {
        let budget = &self.gate.parts().budget;
        self.content
            .get_or_insert_with(|| Box::new(Content::new(budget)))
            .push(bytes);
    }

    fn secured(&mut self, facts: TlsFacts) {
        self.gate.secured(facts);
    }
}
