//! The session: which phase it is in, and what each line does there.
//!
//! Standards: RFC 1939 §3 to §6 (states), RFC 2449 §6.6 (pipelining), RFC 2595 §4 (STLS).
//! Invariants: a phase is a type of its own and is consumed by what ends it; one ask is outstanding at a time; what was said is
//! sent before anything is asked, read or closed.

mod authorization;
mod transaction;

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use waxwing_sasl::{Channel, Exchange, KeysWanted, Mechanism, Proven, SaslError};
use waxwing_session::{Counts, Cut, LineError, Lines, Session, Step};

use crate::ask::{Answer, Ask, Terms, Welcome};
use crate::maildrop::OpenMaildrop;
use crate::options::{Options, Tls};
use crate::reply;
use transaction::Work;

/// Replies are gathered up to this many octets before they are written.
const WRITE: usize = 16 * 1024;

/// A POP3 server session.
pub struct Pop3Session {
    options: Arc<Options>,
    phase: Phase,
    lines: Lines,
    output: BytesMut,
    /// What comes right after the output that is being written.
    next: Option<Step<Ask>>,
    /// An ask is out.
    asked: bool,
    tls: Tls,
    /// The client wants UTF-8 (RFC 6856 §2.1).
    utf8: bool,
    /// What CAPA tells of the maildrop.
    terms: Terms,
    /// What of the connection mechanisms may build on.
    channel: Channel,
    /// When the peer was heard last, or the server finished a piece of work for it.
    heard: Instant,
    /// The time for logging in runs from here: from the beginning, later by what the server took for itself.
    login_since: Instant,
    failed_logins: u8,
    /// Lines that made no sense, since login or the last command that made sense after it.
    mistakes: u8,
    /// What the client did, failed logins left out.
    counts: Counts,
    /// The bound that ended the session.
    limit: Option<&'static str>,
    /// The server is going down.
    leaving: bool,
}

/// Where the conversation stands (RFC 1939 §3).
enum Phase {
    /// Nobody said anything; policy has to be asked.
    Connecting,
    /// AUTHORIZATION: nobody is logged in.
    Authorization(Option<User>),
    /// AUTHORIZATION, in an exchange: the next line is a response (RFC 5034 §4).
    Exchanging(Mechanism, Exchange),
    /// The keys for an exchange are asked for.
    Keying(Mechanism, KeysWanted),
    /// An offer is out to be judged.
    Authenticating(Judging),
    /// A proof that is right is out to be judged.
    Proving(Mechanism, Proven),
    /// The maildrop is asked for.
    Opening,
    /// TRANSACTION.
    Transaction(Box<OpenMaildrop>, Work),
    /// UPDATE: removals are out to be done (RFC 1939 §6).
    Updating,
    /// The handshake runs; what the peer sends is the driver's.
    Handshaking,
    /// It is over.
    Closed,
}

/// What the answer about an offer is for.
#[derive(Clone, Copy)]
struct Judging {
    /// A yes counts for nothing.
    disproved: bool,
    /// It is a token, of this mechanism.
    token: Option<Mechanism>,
}

/// The name given by USER.
type User = Box<str>;

impl Pop3Session {
    /// A session at its beginning: its first step asks whether the peer is welcome.
    #[must_use]
    pub fn new(options: Arc<Options>, now: Instant) -> Self {
        Pop3Session {
            phase: Phase::Connecting,
            lines: Lines::new(),
            output: BytesMut::new(),
            next: None,
            asked: false,
            tls: options.tls,
            utf8: false,
            terms: Terms::default(),
            channel: Channel::default(),
            heard: now,
            login_since: now,
            failed_logins: 0,
            mistakes: 0,
            counts: Counts::default(),
            limit: None,
            leaving: false,
            options,
        }
    }

    /// Does the next piece of work. `None`: there is more to do, or to say.
    fn advance(&mut self) -> Option<Step<Ask>> {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Connecting => {
                self.phase = Phase::Connecting;
                self.ask(Ask::Connect)
            }
            Phase::Transaction(maildrop, Work::Line) => {
                self.line(Phase::Transaction(maildrop, Work::Line))
            }
            Phase::Transaction(maildrop, work) => self.work(maildrop, work),
            phase @ (Phase::Authorization(_) | Phase::Exchanging(..)) => self.line(phase),
            Phase::Closed => Some(Step::Close),
            // These wait for an answer or a handshake.
            phase @ (Phase::Keying(..)
            | Phase::Authenticating(_)
            | Phase::Proving(..)
            | Phase::Opening
            | Phase::Updating
            | Phase::Handshaking) => {
                self.phase = phase;
                Some(Step::Read)
            }
        }
    }

    /// Takes the next line of the peer in a phase that reads lines.
    fn line(&mut self, phase: Phase) -> Option<Step<Ask>> {
        if self.leaving {
            // The answer to whatever the peer is about to say, QUIT included: nothing is removed then (RFC 1939 §6).
            self.say(reply::GOING_DOWN);
            return None;
        }
        let limits = &self.options.limits;
        let limit = if let Phase::Exchanging(..) = phase {
            limits.sasl_line
        } else {
            limits.line
        };
        let line = match self.lines.next_line(limit) {
            None => {
                self.phase = phase;
                return Some(Step::Read);
            }
            Some(line) => line,
        };
        self.counts.commands = self.counts.commands.saturating_add(1);
        match line {
            Ok(line) => match phase {
                Phase::Authorization(user) => self.authorization(user, &line),
                Phase::Exchanging(mechanism, exchange) => self.response(mechanism, exchange, &line),
                Phase::Transaction(maildrop, _) => self.transaction(maildrop, &line),
                other => {
                    self.phase = other;
                    Some(Step::Read)
                }
            },
            Err(LineError::Endless) => {
                self.limit = Some("line");
                self.say(reply::LINE_TOO_LONG);
                None
            }
            Err(error) => {
                // A broken line ends an exchange: it was its response.
                self.phase = match phase {
                    Phase::Exchanging(mechanism, exchange) => {
                        if exchange.unreadable() == SaslError::Unconfirmed {
                            return self.progress(mechanism, Err(SaslError::Unconfirmed));
                        }
                        Phase::Authorization(None)
                    }
                    phase => phase,
                };
                self.bad(if error == LineError::TooLong {
                    reply::LINE_TOO_LONG
                } else {
                    reply::BARE_NEWLINE
                });
                None
            }
        }
    }

    fn say(&mut self, line: &str) {
        // RFC 1939 §3: replies are printable ASCII; RFC 6856 §2: until the client says UTF8.
        if self.utf8 || line.is_ascii() {
            reply::push(&mut self.output, line);
        } else {
            reply::push(
                &mut self.output,
                &line.replace(|c: char| !c.is_ascii(), "?"),
            );
        }
    }

    /// Says octets of a message: small ones together with what is said around them, large ones without a copy.
    fn say_octets(&mut self, octets: Bytes) {
        if octets.len() < WRITE {
            self.output.extend_from_slice(&octets);
        } else {
            self.next = Some(Step::Write(octets));
        }
    }

    /// All that was said and not written yet; an idle session keeps no buffer.
    fn write(&mut self) -> Step<Ask> {
        Step::Write(std::mem::take(&mut self.output).freeze())
    }

    fn ask(&mut self, ask: Ask) -> Option<Step<Ask>> {
        self.asked = true;
        Some(Step::Ask(ask))
    }

    /// Answers a line that makes no sense, and the last of too many.
    fn bad(&mut self, line: &str) {
        self.say(line);
        self.counts.errors = self.counts.errors.saturating_add(1);
        self.mistakes = self.mistakes.saturating_add(1);
        if self.mistakes >= self.options.limits.bad_commands {
            self.limit = Some("errors");
            self.say(reply::TOO_MANY_MISTAKES);
            self.phase = Phase::Closed;
        }
    }

    fn say_capabilities(&mut self) {
        self.say(reply::CAPABILITIES);
        reply::capabilities(&mut self.output, &self.options, self.tls, self.channel);
        self.say(&reply::expire(self.terms));
        if self.terms.login_delay > 0 {
            self.say(&reply::login_delay(self.terms));
        }
        self.say(reply::END);
    }

    fn welcome(&mut self, welcome: &Welcome) {
        match welcome {
            Welcome::Pass(terms) => {
                self.terms = *terms;
                let greeting = reply::greeting(&self.options.host);
                self.say(&greeting);
                self.phase = Phase::Authorization(None);
            }
            Welcome::Refuse(text) => self.say(&reply::refused(text)),
            Welcome::Defer(text) => self.say(&reply::deferred(text)),
        }
    }

    /// Takes the answer to the ask of a phase that is gone; `Phase::Closed` is what stays where none is set.
    fn take_answer(&mut self, phase: Phase, answer: Answer) {
        match (phase, answer) {
            (Phase::Connecting, Answer::Welcome(welcome)) => self.welcome(&welcome),
            (Phase::Connecting, Answer::Failed(failure)) => self.say(&reply::failed(&failure)),
            (Phase::Keying(mechanism, wanted), answer) => self.keyed(mechanism, wanted, answer),
            (Phase::Authenticating(judging), answer) => self.authenticated(judging, answer),
            (Phase::Proving(mechanism, proven), answer) => self.proved(mechanism, proven, answer),
            (Phase::Opening, answer) => self.opened(answer),
            (Phase::Transaction(maildrop, work), answer) => self.worked(maildrop, work, answer),
            (Phase::Updating, Answer::Updated) => self.say(reply::BYE),
            (Phase::Updating, Answer::Failed(failure)) => self.say(&reply::not_removed(&failure)),
            _ => self.say(reply::OUT_OF_STEP),
        }
    }
}

impl Session for Pop3Session {
    type Ask = Ask;
    type Answer = Answer;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        if matches!(self.phase, Phase::Closed | Phase::Handshaking) {
            return;
        }
        self.heard = now;
        self.lines.push(bytes);
        if self.asked && self.lines.len() > self.options.limits.pending {
            self.lines.clear();
            self.limit = Some("backlog");
            self.say(reply::TOO_MUCH);
            self.phase = Phase::Closed;
            self.next = None;
            self.asked = false;
        }
    }

    fn step(&mut self) -> Step<Ask> {
        if self.next.is_some() && !self.output.is_empty() {
            return self.write();
        }
        if let Some(step) = self.next.take() {
            return step;
        }
        if self.asked {
            return Step::Read;
        }
        let step = loop {
            if let Some(step) = self.advance() {
                break step;
            }
            if self.output.len() >= WRITE {
                return self.write();
            }
        };
        if self.output.is_empty() {
            return step;
        }
        // Read and Close come back by themselves, and more may have happened until then.
        self.next = (!matches!(step, Step::Read | Step::Close)).then_some(step);
        self.write()
    }

    fn answer(&mut self, answer: Answer, now: Instant) {
        if !std::mem::take(&mut self.asked) {
            return;
        }
        let taken = now.saturating_duration_since(self.heard);
        self.login_since = self.login_since.checked_add(taken).unwrap_or(now);
        self.heard = now;
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        self.take_answer(phase, answer);
    }

    fn deadline(&self) -> Option<Instant> {
        if self.asked {
            return None;
        }
        let limits = &self.options.limits;
        match self.phase {
            Phase::Transaction(..) | Phase::Updating | Phase::Closed => {
                self.heard.checked_add(limits.idle)
            }
            // Before login what the peer sends does not give it more time.
            _ => self.login_since.checked_add(limits.login),
        }
    }

    fn expire(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.limit = Some("time");
            // RFC 1939 §3: close without removing any message and without a response.
            self.phase = Phase::Closed;
            self.output.clear();
            self.next = None;
        }
    }

    fn bound(&mut self) {
        self.channel.bound = true;
    }

    fn certified(&mut self) {
        self.channel.certified = true;
    }

    fn secured(&mut self, now: Instant) {
        if let Phase::Handshaking = self.phase {
            self.heard = now;
            self.tls = Tls::Active;
            self.phase = Phase::Authorization(None);
        }
    }

    fn shutdown(&mut self) {
        self.leaving = true;
    }

    fn cut(&mut self, why: Cut) {
        let sayable = match &self.phase {
            Phase::Handshaking | Phase::Closed => false,
            Phase::Transaction(_, work) => !work.amid_reply(),
            _ => true,
        };
        self.asked = false;
        self.next = None;
        self.phase = Phase::Closed;
        if sayable {
            self.say(match why {
                Cut::Shutdown => reply::GOING_DOWN,
                Cut::Crowded => reply::CROWDED,
                Cut::Excess => reply::EXCESS,
            });
        }
    }

    fn limit(&self) -> Option<&'static str> {
        self.limit
    }

    fn counts(&self) -> Counts {
        let failed = u32::from(self.failed_logins);
        Counts {
            commands: self.counts.commands,
            errors: self.counts.errors.saturating_add(failed),
        }
    }
}

#[cfg(test)]
mod tests;
