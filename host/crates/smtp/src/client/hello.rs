//! From the peer's greeting to where messages can be sent.
//!
//! Standards: RFC 5321 §3.1, §3.2 (HELO where EHLO is not known), RFC 2033 §4.1, RFC 3207 §4, RFC 4954 §4.

use waxwing_mail::{Reply, limits};
use waxwing_sasl::{ClientExchange, SaslError};

use super::config::{Protocol, TlsUse};
use super::failure::{Cause, Lack, Stage};
use super::offers::Offers;
use super::{ClientSession, Expected, Phase};

impl ClientSession {
    pub(super) fn greeted(&mut self, reply: Reply) {
        match reply.code.get() {
            220 => self.hello(),
            // RFC 5321 §3.1: a 554, and what else is no.
            400.. => self.give_up(Stage::Greeting, Cause::Reply(reply)),
            _ => self.lost_at(Stage::Greeting, Cause::Nonsense),
        }
    }

    pub(super) fn hello(&mut self) {
        let verb = match self.config.protocol {
            Protocol::Smtp => "EHLO",
            Protocol::Lmtp => "LHLO",
        };
        let command = format!("{verb} {}", self.config.hostname);
        self.send(&command, Expected::Hello);
    }

    pub(super) fn helloed(&mut self, reply: Reply) {
        match reply.code.get() {
            250 => {
                self.offers = Offers::read(&reply.text, self.offers.tls);
                self.arranged();
            }
            // RFC 5321 §3.2: servers that do not know EHLO. There is nothing before LHLO.
            500.. if self.config.protocol == Protocol::Smtp => {
                let command = format!("HELO {}", self.config.hostname);
                self.send(&command, Expected::Helo);
            }
            400.. => self.give_up(Stage::Hello, Cause::Reply(reply)),
            _ => self.lost_at(Stage::Hello, Cause::Nonsense),
        }
    }

    pub(super) fn heloed(&mut self, reply: Reply) {
        match reply.code.get() {
            250 => {
                self.offers = Offers {
                    tls: self.offers.tls,
                    ..Offers::default()
                };
                self.arranged();
            }
            400.. => self.give_up(Stage::Hello, Cause::Reply(reply)),
            _ => self.lost_at(Stage::Hello, Cause::Nonsense),
        }
    }

    /// What the peer offers is known: TLS first, then the login, then messages.
    fn arranged(&mut self) {
        match self.config.tls {
            TlsUse::Required | TlsUse::Opportunistic if !self.offers.tls => {
                if self.offers.starttls {
                    return self.send("STARTTLS", Expected::StartTls);
                }
                if self.config.tls == TlsUse::Required {
                    return self.give_up(Stage::StartTls, Cause::Lacks(Lack::StartTls));
                }
            }
            _ => {}
        }
        self.log_in();
    }

    pub(super) fn tls_answered(&mut self, reply: Reply) {
        match reply.code.get() {
            220 => {
                // RFC 3207 §4.2: whatever came behind the reply in clear was put there by somebody else.
                self.input.clear();
                self.phase = Phase::StartTls;
            }
            400.. if self.config.tls == TlsUse::Opportunistic => self.log_in(),
            400.. => self.give_up(Stage::StartTls, Cause::Reply(reply)),
            _ => self.lost_at(Stage::StartTls, Cause::Nonsense),
        }
    }

    fn log_in(&mut self) {
        let Some(login) = self.config.login.as_ref().filter(|_| !self.logged_in) else {
            return self.next();
        };
        let secure = self.offers.tls || self.config.clear_passwords;
        let channel = self.channel.as_ref();
        let Some(mechanism) = ClientExchange::choose(&self.offers.auth, secure, channel.is_some())
        else {
            return self.give_up(Stage::Auth, Cause::Lacks(Lack::Auth));
        };
        let begin = |initial: bool| {
            let start = if initial {
                ClientExchange::start
            } else {
                ClientExchange::start_without
            };
            let (response, exchange) = start(mechanism, login, channel)?;
            let command = match response {
                Some(response) => format!("AUTH {mechanism} {response}"),
                None => format!("AUTH {mechanism}"),
            };
            Ok::<_, SaslError>((command, exchange))
        };
        // RFC 4954 §4: an initial response that makes the command too long is sent after it.
        let begun = match begin(true) {
            Ok((command, _)) if command.len() + 2 > limits::COMMAND_LINE => begin(false),
            begun => begun,
        };
        match begun {
            Ok((command, exchange)) => self.send(&command, Expected::Auth(Box::new(exchange))),
            Err(_) => self.give_up(Stage::Auth, Cause::Lacks(Lack::Auth)),
        }
    }

    pub(super) fn auth_answered(&mut self, exchange: ClientExchange, reply: Reply) {
        match reply.code.get() {
            235 => match exchange.succeeded() {
                Ok(()) => {
                    self.logged_in = true;
                    self.next();
                }
                Err(_) => self.give_up(Stage::Auth, Cause::Impostor),
            },
            334 => match exchange.respond(&reply.text) {
                Ok((response, exchange)) => {
                    self.send(&response, Expected::Auth(Box::new(exchange)));
                }
                Err(SaslError::Impostor) => self.give_up(Stage::Auth, Cause::Impostor),
                // RFC 4954 §4: `*` cancels.
                Err(_) => self.send("*", Expected::AuthCancelled),
            },
            400.. => self.give_up(Stage::Auth, Cause::Reply(reply)),
            _ => self.lost_at(Stage::Auth, Cause::Nonsense),
        }
    }
}
