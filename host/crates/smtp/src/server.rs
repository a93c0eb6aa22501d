//! The server's side of a session.
//!
//! Standards: RFC 5321 §4.1.4 (order of commands), §4.5.3.2 (timeouts), RFC 2920 §3.2 (replies to a pipelined group go
//! out together), RFC 3207 §4.2 (what came before TLS counts for nothing).
//! Invariants: a command is read only when the one before is answered; replies leave in the order of the commands;
//! once closed, nothing more is read or said.

mod chunks;
mod greeting;
mod login;
mod offers;
mod pace;
mod parameters;
mod transaction;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use waxwing_mail::{Envelope, Identity, Recipient, Reply, limits};
use waxwing_sasl::{Channel, Exchange, KeysWanted, Mechanism, Proven};
use waxwing_session::{Counts, Cut, LineError, Lines, Session, Step};

use crate::ask::{Answer, Ask, Decision, Peer};
use crate::command::{self, Verb};
use crate::config::Config;
use crate::content::Decoder;
use crate::replies;
use chunks::{Chunk, Chunked};
use pace::Pace;

/// Replies beyond this many octets leave before the group of commands is at its end.
const FLUSH: usize = 4096;

/// One connection's conversation, from the greeting to the close.
pub struct ServerSession {
    config: Arc<Config>,
    input: Lines,
    output: Vec<u8>,
    phase: Phase,
    /// The question to hand out next.
    ask: Option<Ask>,
    peer: Peer,
    /// The transaction that MAIL opened, while no other phase holds it.
    transaction: Option<Box<Transaction>>,
    /// What of the connection mechanisms may build on.
    channel: Channel,
    /// XCLIENT is obeyed.
    trusted: bool,
    /// A moment, and the time that it was.
    clock: Option<(Instant, Timestamp)>,
    /// The last moment heard of.
    now: Instant,
    /// When the present phase has lasted too long.
    deadline: Instant,
    errors: u32,
    /// All commands and errors, whatever they led to.
    counts: Counts,
    /// The bound that ended the session.
    limit: Option<&'static str>,
    /// When the session has gone on for too long if nobody logs in.
    end: Instant,
    /// Commands, and those among them that lead to no message by themselves, since the last message.
    commands: u32,
    idle_commands: u32,
    shutting_down: bool,
    /// More came during an ask than is kept.
    flooded: bool,
}

/// What the next input, or the next answer, is for.
enum Phase {
    Command,
    /// The greeting said no: RFC 5321 §3.1 leaves only QUIT.
    Refused,
    Exchange(Mechanism, Exchange),
    /// An exchange whose client is let in, and has yet to take the server's own proof.
    Confirming(Box<Identity>, Exchange),
    Content(Box<Content>),
    Chunk(Box<Chunk>),
    Asked(Asked),
    /// STARTTLS was answered; the driver has not been told.
    StartTls,
    Handshake,
    Closed,
}

/// MAIL to the end of the content.
struct Transaction {
    envelope: Envelope,
    /// When all of it must be there.
    end: Instant,
    /// BDAT has begun.
    chunked: Option<Chunked>,
}

/// The content that is being received after DATA.
struct Content {
    decoder: Decoder,
    pace: Pace,
}

/// The ask whose answer is due, and what the answer is for.
enum Asked {
    Connect,
    Greeting(Box<Greeting>),
    Login,
    /// The keys for an exchange.
    Keys(Mechanism, Box<KeysWanted>),
    /// A login whose proof was wrong: a yes is none.
    Unproved,
    /// A login whose proof was right: a yes goes with the server's own.
    Proved(Proven),
    /// A login by a token.
    Token(Mechanism),
    Sender(Box<Envelope>),
    Recipient(Box<Recipient>),
    Data,
    /// The first chunk, which is being sent already.
    Chunk(Box<Chunk>),
    Message {
        recipients: usize,
    },
    /// XCLIENT, with the greeting that it passed on.
    Client(Option<Box<Greeting>>),
    /// The greeting that XCLIENT passed on.
    ClientGreeting(Box<Greeting>),
    /// Followed by the greeting that ended the transaction, if one did.
    Abandon(Option<Box<Greeting>>),
}

/// EHLO, LHLO or HELO.
struct Greeting {
    name: Box<str>,
    esmtp: bool,
}

impl ServerSession {
    /// A session with a peer that has just connected; `tls` if the connection began with TLS.
    #[must_use]
    pub fn new(config: Arc<Config>, tls: bool, now: Instant) -> Self {
        let deadline = now + config.timeouts.command;
        let end = now + config.timeouts.session;
        Self {
            config,
            input: Lines::new(),
            output: Vec::new(),
            phase: Phase::Asked(Asked::Connect),
            ask: Some(Ask::Connect),
            peer: Peer {
                tls,
                ..Peer::default()
            },
            transaction: None,
            channel: Channel::default(),
            trusted: false,
            clock: None,
            now,
            deadline,
            errors: 0,
            counts: Counts::default(),
            limit: None,
            end,
            commands: 0,
            idle_commands: 0,
            shutting_down: false,
            flooded: false,
        }
    }

    /// Tells the session that the moment of [`ServerSession::new`] was this time: for FUTURERELEASE.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.clock = Some((self.now, time));
        self
    }

    /// The peer may say for whom it speaks (XCLIENT).
    #[must_use]
    pub fn trusting(mut self) -> Self {
        self.trusted = true;
        self
    }

    /// The time of the last moment heard of, if the session was told any.
    fn time(&self) -> Option<Timestamp> {
        let (moment, time) = self.clock?;
        time.checked_add(self.now.saturating_duration_since(moment))
            .ok()
    }

    /// Reads one command if one is there; says whether there may be more to do.
    fn command(&mut self) -> bool {
        if self.shutting_down && self.transaction.is_none() {
            self.close(&replies::shutting_down(&self.config.hostname));
            return true;
        }
        match self.input.next_line(limits::AUTH_LINE) {
            None => return false,
            Some(_) if self.outlived() => self.end_for("session", &replies::session_too_long()),
            Some(Ok(line)) => self.line(&line),
            Some(Err(fault)) => self.line_fault(fault, &replies::command_too_long()),
        }
        true
    }

    /// Nobody has logged in for as long as that may be, and nothing is under way.
    fn outlived(&self) -> bool {
        self.now >= self.end && self.transaction.is_none() && self.peer.identity.is_none()
    }

    fn line(&mut self, line: &[u8]) {
        self.restart(self.config.timeouts.command);
        self.commands += 1;
        self.counts.commands = self.counts.commands.saturating_add(1);
        if self.commands > self.config.limits.commands {
            return self.end_for("commands", &replies::too_many_commands());
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return self.error(&replies::command_not_utf8());
        };
        let (verb, argument) = command::split(text);
        // RFC 5321 §4.5.3.1.4: the limit counts the CRLF.
        if line.len() + 2 > verb.longest() {
            return self.error(&replies::command_too_long());
        }
        if matches!(self.phase, Phase::Refused) {
            return match verb {
                Verb::Quit => self.close(&replies::goodbye(&self.config.hostname)),
                _ => self.error(&replies::not_welcome()),
            };
        }
        self.dispatch(verb, argument);
    }

    fn dispatch(&mut self, verb: Verb, argument: &str) {
        if leads_to_nothing(verb) {
            self.idle_commands += 1;
            if self.idle_commands > self.config.limits.idle_commands {
                return self.end_for("commands", &replies::too_many_commands());
            }
        }
        if !argument.is_empty()
            && matches!(verb, Verb::Data | Verb::Rset | Verb::Quit | Verb::StartTls)
        {
            return self.error(&replies::no_argument());
        }
        match verb {
            Verb::Ehlo | Verb::Helo | Verb::Lhlo => self.greet(verb, argument),
            Verb::StartTls => self.start_tls(),
            Verb::Auth => self.auth(argument),
            Verb::Mail => self.mail(argument),
            Verb::Rcpt => self.rcpt(argument),
            Verb::Data => self.data(),
            Verb::Bdat => self.bdat(argument),
            Verb::Rset => self.rset(),
            Verb::Noop => self.reply(&replies::noop()),
            Verb::Quit => self.close(&replies::goodbye(&self.config.hostname)),
            Verb::Vrfy if argument.is_empty() => self.error(&replies::verify_whom()),
            Verb::Vrfy => self.reply(&replies::not_verified()),
            Verb::Help => self.reply(&replies::help(self.config.mode)),
            Verb::XClient => self.xclient(argument),
            Verb::NotImplemented => self.error(&replies::not_implemented()),
            Verb::Unknown => self.error(&replies::unknown_command()),
        }
    }

    /// Answers a line that is none.
    fn line_fault(&mut self, fault: LineError, too_long: &Reply) {
        self.restart(self.config.timeouts.command);
        match fault {
            LineError::TooLong => self.error(too_long),
            // RFC 5321 §2.3.8. What follows may have been put there by somebody else through a client that takes
            // such newlines for text, so none of it is obeyed.
            LineError::BareNewline => self.close(&replies::bare_newline_in_command()),
            LineError::Endless => self.end_for("line", &replies::endless_line()),
        }
    }

    fn reply(&mut self, reply: &Reply) {
        reply.write(&mut self.output);
    }

    /// Replies to a mistake of the peer's, of which it may make so many.
    fn error(&mut self, reply: &Reply) {
        self.reply(reply);
        self.errors += 1;
        self.counts.errors = self.counts.errors.saturating_add(1);
        if self.errors >= self.config.limits.errors {
            self.end_for("errors", &replies::too_many_errors());
        }
    }

    /// Closes for a bound of this session's.
    fn end_for(&mut self, limit: &'static str, reply: &Reply) {
        self.limit = Some(limit);
        self.close(reply);
    }

    fn close(&mut self, reply: &Reply) {
        self.reply(reply);
        self.phase = Phase::Closed;
        self.input.clear();
        self.transaction = None;
    }

    fn ask(&mut self, ask: Ask, asked: Asked) {
        self.ask = Some(ask);
        self.phase = Phase::Asked(asked);
    }

    fn restart(&mut self, timeout: Duration) {
        self.deadline = self.now + timeout;
        // What happens between MAIL and the end of the content is a part of the time that all of it may take.
        if let Some(transaction) = &self.transaction {
            let chunks = transaction.chunked.as_ref().map(|chunked| chunked.end);
            self.deadline = self.deadline.min(transaction.end);
            self.deadline = chunks.map_or(self.deadline, |end| end.min(self.deadline));
        }
    }

    /// What a decision comes to: `true` if it passed, else it has been answered.
    fn passed(&mut self, decision: Decision) -> bool {
        match decision {
            Decision::Pass => return true,
            Decision::Refuse(reply) => self.reply(&refusal(reply)),
            Decision::Disconnect(reply) => self.close(&refusal(reply)),
        }
        false
    }

    fn answered(&mut self, asked: Asked, answer: Answer) {
        match (asked, answer) {
            (Asked::Connect, Answer::Decision(decision)) => self.connected(decision),
            (Asked::Greeting(greeting), Answer::Decision(decision)) => {
                self.greeted(greeting, decision);
            }
            (Asked::Sender(envelope), Answer::Decision(decision)) => {
                self.sender_decided(*envelope, decision);
            }
            (Asked::Recipient(recipient), Answer::Decision(decision)) => {
                self.recipient_decided(*recipient, decision);
            }
            (Asked::Data, Answer::Decision(decision)) => self.content_decided(decision),
            (Asked::Chunk(chunk), Answer::Decision(decision)) => {
                self.first_chunk_decided(*chunk, decision);
            }
            // The octets of the chunk come all the same.
            (Asked::Chunk(chunk), _) => {
                self.first_chunk_decided(*chunk, Decision::Refuse(replies::internal_error()));
            }
            (Asked::Client(greeting), answer) => self.client_decided(greeting, answer),
            (Asked::ClientGreeting(greeting), Answer::Decision(decision)) => {
                self.client_greeting_decided(*greeting, decision);
            }
            (Asked::Login, answer) => self.login_decided(answer),
            (Asked::Keys(mechanism, wanted), answer) => {
                self.keys_given(mechanism, *wanted, answer);
            }
            (Asked::Unproved, answer) => self.unproved_decided(answer),
            (Asked::Proved(proven), answer) => self.proved_decided(proven, answer),
            (Asked::Token(mechanism), answer) => self.token_decided(mechanism, answer),
            (Asked::Message { recipients }, answer) => self.message_decided(recipients, answer),
            (Asked::Abandon(None), _) => {}
            (Asked::Abandon(Some(greeting)), _) => self.welcome(*greeting),
            (Asked::Connect | Asked::ClientGreeting(_), _) => {
                self.close(&replies::internal_error());
            }
            (Asked::Greeting(_) | Asked::Sender(_) | Asked::Recipient(_) | Asked::Data, _) => {
                self.reply(&replies::internal_error());
            }
        }
    }

    /// What can be done without waiting; `None` if only the peer or an answer can bring the session on.
    fn progress(&mut self) -> Option<Step<Ask>> {
        loop {
            if let Some(ask) = self.ask.take() {
                return Some(Step::Ask(ask));
            }
            if self.output.len() >= FLUSH {
                return Some(self.flush());
            }
            match self.phase {
                Phase::Command | Phase::Refused => {
                    if !self.command() {
                        return None;
                    }
                }
                Phase::Exchange(..) | Phase::Confirming(..) => {
                    if !self.auth_line() {
                        return None;
                    }
                }
                Phase::Content(_) => {
                    if self.input.is_empty() {
                        return None;
                    }
                    let before = self.input.len();
                    let content = self.content();
                    if !content.is_empty() {
                        return Some(Step::Content(content));
                    }
                    if matches!(self.phase, Phase::Content(_)) && self.input.len() == before {
                        return None;
                    }
                }
                Phase::Chunk(_) => {
                    let content = self.chunk()?;
                    if !content.is_empty() {
                        return Some(Step::Content(content));
                    }
                }
                Phase::Asked(_) | Phase::StartTls | Phase::Handshake | Phase::Closed => {
                    return None;
                }
            }
        }
    }

    fn flush(&mut self) -> Step<Ask> {
        Step::Write(Bytes::from(std::mem::take(&mut self.output)))
    }
}

impl Session for ServerSession {
    type Ask = Ask;
    type Answer = Answer;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        self.now = now;
        match &mut self.phase {
            // RFC 3207 §4.2, and nothing after the goodbye.
            Phase::StartTls | Phase::Handshake | Phase::Closed => return,
            Phase::Asked(_) if self.input.len() + bytes.len() > self.config.limits.backlog => {
                self.flooded = true;
                return;
            }
            Phase::Content(content) => {
                // RFC 5321 §4.5.3.2.5: each piece in its time, and all of it in a time too.
                self.deadline = content.pace.came(bytes.len(), now);
            }
            Phase::Chunk(chunk) => self.deadline = chunk.pace.came(bytes.len(), now),
            _ => {}
        }
        self.input.push(bytes);
    }

    fn step(&mut self) -> Step<Ask> {
        if let Some(step) = self.progress() {
            return step;
        }
        if !self.output.is_empty() {
            return self.flush();
        }
        match self.phase {
            Phase::StartTls => {
                self.phase = Phase::Handshake;
                Step::StartTls
            }
            Phase::Closed => Step::Close,
            _ => Step::Read,
        }
    }

    fn answer(&mut self, answer: Answer, now: Instant) {
        self.now = now;
        self.restart(self.config.timeouts.command);
        match std::mem::replace(&mut self.phase, Phase::Command) {
            Phase::Asked(asked) => self.answered(asked, answer),
            // Nothing was asked: the answer is to nothing.
            other => self.phase = other,
        }
        if std::mem::take(&mut self.flooded) && !matches!(self.phase, Phase::Closed) {
            self.end_for("backlog", &replies::too_fast());
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Asked(_) | Phase::Closed => None,
            _ => Some(self.deadline),
        }
    }

    fn expire(&mut self, now: Instant) {
        self.now = now;
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            let pace = match &self.phase {
                Phase::Content(content) => Some(&content.pace),
                Phase::Chunk(chunk) => Some(&chunk.pace),
                _ => None,
            };
            if pace.is_some_and(|pace| pace.too_slow(now)) {
                self.end_for("rate", &replies::too_slow());
            } else {
                self.end_for("time", &replies::timed_out());
            }
        }
    }

    fn bound(&mut self) {
        self.channel.bound = true;
    }

    fn certified(&mut self) {
        self.channel.certified = true;
    }

    fn secured(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.phase, Phase::StartTls | Phase::Handshake) {
            // RFC 3207 §4.2: back to the state after the greeting.
            self.phase = Phase::Command;
            self.peer = Peer {
                tls: true,
                ..Peer::default()
            };
            self.restart(self.config.timeouts.command);
        }
    }

    fn shutdown(&mut self) {
        self.shutting_down = true;
    }

    fn cut(&mut self, why: Cut) {
        self.ask = None;
        match self.phase {
            // Nothing can be said in clear any more, and nothing under TLS yet.
            Phase::StartTls | Phase::Handshake | Phase::Closed => self.phase = Phase::Closed,
            // RFC 5321 §4.3.2: clients must expect a 421 at any time.
            _ => self.close(&match why {
                Cut::Shutdown => replies::shutting_down(&self.config.hostname),
                Cut::Crowded => replies::crowded(),
                Cut::Excess => replies::excess(),
            }),
        }
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn limit(&self) -> Option<&'static str> {
        self.limit
    }
}

/// What a peer could say forever without getting any nearer to a message.
fn leads_to_nothing(verb: Verb) -> bool {
    !matches!(verb, Verb::Rcpt | Verb::Data | Verb::Bdat | Verb::Quit)
}

/// A refusal that refuses, whatever the server meant to say.
fn refusal(reply: Reply) -> Reply {
    if reply.code.is_positive() {
        replies::internal_error()
    } else {
        reply
    }
}
