//! Connecting, EHLO, HELO, LHLO, STARTTLS and XCLIENT.
//!
//! Standards: RFC 5321 §3.1, §3.2, §4.1.1.1; RFC 2033 §4.1 (LHLO, and neither HELO nor EHLO); RFC 3207 §4;
//! Postfix's XCLIENT.

use waxwing_mail::limits;
use waxwing_sasl::Channel;

use super::{Asked, Greeting, Phase, ServerSession, refusal};
use crate::ask::{Answer, Ask, Decision, Peer};
use crate::command::Verb;
use crate::config::Mode;
use crate::replies;
use crate::xclient::Client;

impl ServerSession {
    pub(super) fn connected(&mut self, decision: Decision) {
        match decision {
            _ if self.shutting_down => self.close(&replies::shutting_down(&self.config.hostname)),
            Decision::Pass => {
                self.reply(&replies::greeting(&self.config.hostname, self.config.mode));
            }
            // RFC 5321 §3.1: after a 554 the server waits for QUIT. After a 4yz that would tell the peer, which has
            // to give up on the next 503, that its mail is unwanted for good; so that closes.
            Decision::Refuse(reply) if reply.code.is_permanent() => {
                self.reply(&reply);
                self.phase = Phase::Refused;
            }
            Decision::Refuse(reply) | Decision::Disconnect(reply) => self.close(&refusal(reply)),
        }
    }

    pub(super) fn greet(&mut self, verb: Verb, argument: &str) {
        let lmtp = self.config.mode == Mode::Delivery;
        if lmtp != (verb == Verb::Lhlo) {
            return self.error(&replies::unknown_command());
        }
        let printable = argument
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace());
        if argument.is_empty() || argument.len() > limits::DOMAIN || !printable {
            return self.error(&replies::name_yourself());
        }
        let greeting = Box::new(Greeting {
            name: argument.into(),
            esmtp: verb != Verb::Helo,
        });
        let ask = Ask::Ehlo {
            name: greeting.name.to_string(),
            esmtp: greeting.esmtp,
        };
        self.ask(ask, Asked::Greeting(greeting));
    }

    /// RFC 5321 §4.1.4: EHLO in a transaction is a RSET, too; one that is refused leaves everything as it was.
    pub(super) fn greeted(&mut self, greeting: Box<Greeting>, decision: Decision) {
        if !self.passed(decision) {
            return;
        }
        if self.transaction.take().is_some() {
            return self.ask(Ask::Abandon, Asked::Abandon(Some(greeting)));
        }
        self.welcome(*greeting);
    }

    pub(super) fn welcome(&mut self, greeting: Greeting) {
        self.peer.helo = greeting.name;
        self.peer.esmtp = greeting.esmtp;
        if !greeting.esmtp {
            return self.reply(&replies::hello(&self.config.hostname));
        }
        self.reply(&replies::extensions(
            &self.config.hostname,
            &self.keywords(),
        ));
    }

    pub(super) fn start_tls(&mut self) {
        if self.peer.tls {
            return self.error(&replies::tls_already_on());
        }
        if !self.config.starttls {
            return self.error(&replies::tls_not_offered());
        }
        if self.transaction.is_some() {
            return self.error(&replies::tls_in_transaction());
        }
        self.reply(&replies::begin_tls());
        // RFC 3207 §4.2: what was sent in clear before the handshake is not to be trusted.
        self.input.clear();
        self.phase = Phase::StartTls;
    }

    pub(super) fn xclient(&mut self, argument: &str) {
        if !self.trusted {
            return self.error(&replies::not_implemented());
        }
        if self.transaction.is_some() {
            return self.error(&replies::xclient_in_transaction());
        }
        match Client::parse(argument) {
            Some(client) => {
                let greeting = client.helo.clone().map(|name| {
                    Box::new(Greeting {
                        name,
                        esmtp: !client.plain_smtp,
                    })
                });
                self.ask(Ask::Client(Box::new(client)), Asked::Client(greeting));
            }
            None => self.error(&replies::xclient_syntax()),
        }
    }

    /// The session begins anew, with the greeting; a HELO that the proxy passed on counts as said.
    pub(super) fn client_decided(&mut self, greeting: Option<Box<Greeting>>, answer: Answer) {
        let identity = match answer {
            Answer::Authenticated(identity) => Some(Box::new(identity)),
            Answer::Decision(Decision::Pass) => None,
            Answer::Decision(decision) => return self.connected(decision),
            Answer::AuthFailed(_) | Answer::Delivered(_) | Answer::Keys(_) => {
                return self.reply(&replies::internal_error());
            }
        };
        // The certificate and the end of the channel are the proxy's.
        self.channel = Channel::default();
        self.peer = Peer {
            tls: self.peer.tls,
            identity,
            ..Peer::default()
        };
        let Some(greeting) = greeting else {
            return self.connected(Decision::Pass);
        };
        let ask = Ask::Ehlo {
            name: greeting.name.to_string(),
            esmtp: greeting.esmtp,
        };
        self.ask(ask, Asked::ClientGreeting(greeting));
    }

    pub(super) fn client_greeting_decided(&mut self, greeting: Greeting, decision: Decision) {
        if matches!(decision, Decision::Pass) {
            self.peer.helo = greeting.name;
            self.peer.esmtp = greeting.esmtp;
        }
        self.connected(decision);
    }
}
