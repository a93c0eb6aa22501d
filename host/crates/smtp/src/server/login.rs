//! AUTH.
//!
//! Standards: RFC 7628 §3.2.3 (tokens that are not taken); RFC 4954 §4 (exchange, cancelling, line length, once a session, not in a transaction), §6 (replies).

use waxwing_mail::{Identity, limits};
use waxwing_sasl::{Exchange, KeysWanted, Mechanism, Offer, Progress, Proven, SaslError};
use waxwing_session::LineError;

use super::{Asked, Phase, ServerSession, refusal};
use crate::ask::{Answer, Ask, AuthFailure};
use crate::replies;

impl ServerSession {
    pub(super) fn auth(&mut self, argument: &str) {
        if !self.peer.esmtp {
            return self.error(&replies::greet_first(self.config.mode));
        }
        if !self.config.auth {
            return self.error(&replies::auth_not_offered());
        }
        if self.peer.identity.is_some() {
            return self.error(&replies::already_logged_in());
        }
        if self.transaction.is_some() {
            return self.error(&replies::auth_in_transaction());
        }
        if !self.peer.tls && !self.config.plaintext_auth {
            return self.error(&replies::auth_needs_tls());
        }
        let mut words = argument.split(' ').filter(|word| !word.is_empty());
        let (Some(name), initial, None) = (words.next(), words.next(), words.next()) else {
            return self.error(&replies::auth_syntax());
        };
        let Some(mechanism) = Mechanism::parse(name).filter(|it| self.offers_mechanism(*it)) else {
            return self.error(&replies::unknown_mechanism());
        };
        self.auth_progress(
            mechanism,
            Exchange::start(mechanism, initial.map(str::as_bytes)),
        );
    }

    /// Reads one response of an exchange, if it is there; says whether there may be more to do.
    pub(super) fn auth_line(&mut self) -> bool {
        let Some(line) = self.input.next_line(limits::AUTH_LINE) else {
            return false;
        };
        let phase = std::mem::replace(&mut self.phase, Phase::Command);
        let (Phase::Exchange(_, exchange) | Phase::Confirming(_, exchange)) = &phase else {
            return false;
        };
        self.restart(self.config.timeouts.command);
        let unreadable = exchange.unreadable();
        let line = match line {
            Ok(line) => Ok(line),
            Err(LineError::TooLong) => Err(unreadable),
            Err(fault) => {
                self.line_fault(fault, &replies::response_too_long());
                return true;
            }
        };
        match phase {
            Phase::Exchange(mechanism, exchange) => {
                let progress = line.and_then(|line| exchange.respond(&line));
                self.auth_progress(mechanism, progress);
            }
            Phase::Confirming(identity, exchange) => {
                self.confirmed(identity, line.and_then(|line| exchange.respond(&line)));
            }
            other => self.phase = other,
        }
        true
    }

    /// The client has taken the server's proof, or has not: what let it in cannot be undone, so then the session ends.
    fn confirmed(&mut self, identity: Box<Identity>, progress: Result<Progress, SaslError>) {
        if progress == Ok(Progress::Confirmed) {
            self.peer.identity = Some(identity);
            self.reply(&replies::logged_in());
        } else {
            self.close(&replies::auth_cancelled());
        }
    }

    fn auth_progress(&mut self, mechanism: Mechanism, progress: Result<Progress, SaslError>) {
        match progress {
            Ok(Progress::Challenge { text, exchange }) => {
                self.reply(&replies::challenge(text));
                self.phase = Phase::Exchange(mechanism, exchange);
            }
            Ok(Progress::Done(offer)) => {
                let asked = match &offer {
                    Offer::Token(_) => Asked::Token(mechanism),
                    offer if offer.is_disproved() => Asked::Unproved,
                    _ => Asked::Login,
                };
                self.ask(Ask::Authenticate { mechanism, offer }, asked);
            }
            Ok(Progress::Proved { offer, proven }) => {
                self.ask(
                    Ask::Authenticate { mechanism, offer },
                    Asked::Proved(proven),
                );
            }
            Ok(Progress::Keys(wanted)) => {
                let user = wanted.user().to_owned();
                self.ask(
                    Ask::Keys { mechanism, user },
                    Asked::Keys(mechanism, Box::new(wanted)),
                );
            }
            Err(SaslError::Cancelled) => self.error(&replies::auth_cancelled()),
            Err(SaslError::Base64) => self.error(&replies::not_base64()),
            Err(SaslError::Refused) => self.error(&replies::wrong_credentials()),
            Ok(Progress::Confirmed)
            | Err(SaslError::Malformed | SaslError::Impostor | SaslError::Unconfirmed) => {
                self.error(&replies::malformed_response());
            }
            Err(SaslError::TooLong) => self.error(&replies::response_too_long()),
        }
    }

    pub(super) fn keys_given(&mut self, mechanism: Mechanism, wanted: KeysWanted, answer: Answer) {
        match answer {
            Answer::Keys(part) => self.auth_progress(mechanism, wanted.keys(*part)),
            Answer::Authenticated(_) => self.reply(&replies::auth_unavailable()),
            other => self.login_decided(other),
        }
    }

    pub(super) fn unproved_decided(&mut self, answer: Answer) {
        match answer {
            Answer::Authenticated(_) => self.error(&replies::wrong_credentials()),
            other => self.login_decided(other),
        }
    }

    /// The server shows its own proof to whom policy lets in, and to nobody else: it tells that the client's was right.
    pub(super) fn proved_decided(&mut self, proven: Proven, answer: Answer) {
        let Answer::Authenticated(identity) = answer else {
            return self.login_decided(answer);
        };
        let (text, exchange) = proven.confirm();
        self.reply(&replies::challenge(text));
        self.phase = Phase::Confirming(Box::new(identity), exchange);
    }

    /// RFC 7628 §3.2.3: a client whose token is not taken is told why, and answers, before it is told no.
    pub(super) fn token_decided(&mut self, mechanism: Mechanism, answer: Answer) {
        match answer {
            Answer::AuthFailed(AuthFailure::Credentials) => {
                self.auth_progress(mechanism, Ok(Exchange::refuse(mechanism)));
            }
            other => self.login_decided(other),
        }
    }

    pub(super) fn login_decided(&mut self, answer: Answer) {
        match answer {
            Answer::Authenticated(identity) => {
                self.peer.identity = Some(Box::new(identity));
                self.reply(&replies::logged_in());
            }
            Answer::AuthFailed(AuthFailure::Credentials) => {
                self.error(&replies::wrong_credentials());
            }
            Answer::AuthFailed(AuthFailure::Refused(reply)) => self.error(&refusal(reply)),
            Answer::AuthFailed(AuthFailure::Disconnect(reply)) => self.close(&refusal(reply)),
            Answer::AuthFailed(AuthFailure::Unavailable)
            | Answer::Decision(_)
            | Answer::Keys(_)
            | Answer::Delivered(_) => {
                self.reply(&replies::auth_unavailable());
            }
        }
    }
}
