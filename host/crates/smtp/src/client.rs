//! The client's side of a session: SMTP to other servers and smart hosts, LMTP to those that keep mail.
//!
//! Standards: RFC 5321 §3.3, §4.1.4 (order), §4.5.3.2 (timeouts), §4.5.4.1 (one session, many messages); RFC 2920 (groups
//! of commands, which the next message may begin in), RFC 3207 §4.2, RFC 3030 (BDAT), RFC 2033 (LMTP); the parameters of `message.rs`.
//! Invariants: every message that was handed in gets one [`Outcome`] with a fate for each recipient; what a peer says is
//! bounded; nothing is sent that could end content early; nothing is believed that came before TLS. A peer that speaks
//! out of turn is left as soon as that is noticed: a reply too many would be taken for that to the content.
//! Not here: which server to speak to, certificates, when to try again: the caller's.

mod ahead;
mod ask;
mod config;
mod content;
mod encoder;
mod failure;
mod hello;
mod message;
mod offers;
mod reading;
mod running;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use waxwing_mail::{Reply, limits};
use waxwing_sasl::{ChannelBinding, ClientExchange};
use waxwing_session::{Cut, Lines, Session, Step};

pub use ask::{Answer, Ask, Outcome, Outgoing};
pub use config::{ClientConfig, ClientTimeouts, Protocol, TlsUse};
pub use failure::{Cause, Failure, Fate, Lack, Stage};
pub use offers::Offers;

use reading::{Nonsense, Reading};
use running::Running;

/// One connection's conversation, from the peer's greeting to the close.
///
/// The driver of a client differs from a server's in this: it shakes hands as the TLS client at [`Step::StartTls`], and
/// tells the session with [`ClientSession::disconnected`] that the connection broke.
pub struct ClientSession {
    config: ClientConfig,
    input: Lines,
    reading: Reading,
    output: Vec<u8>,
    phase: Phase,
    /// The question to hand out next.
    ask: Option<Ask>,
    /// Commands whose replies are due, in their order.
    expected: VecDeque<Expected>,
    offers: Offers,
    channel: Option<ChannelBinding>,
    logged_in: bool,
    running: Option<Box<Running>>,
    /// The message that was begun behind the end of the one that is running.
    ahead: Option<Box<Running>>,
    /// Messages so far, for the peer's MAILMAX.
    messages: u32,
    /// A transaction may be open at the peer.
    needs_reset: bool,
    /// The connection is of no more use.
    broken: bool,
    /// The last message was, or is to be, the last.
    leaving: bool,
    now: Instant,
    deadline: Instant,
}

/// What the session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The driver is to be told to shake hands.
    StartTls,
    /// It shakes hands.
    Handshake,
    /// Replies.
    Talking,
    /// What to do next.
    Next,
    /// A piece of content, of at most so many octets.
    Content(usize),
    /// That the caller has noted an outcome or a failure.
    Noted,
    Closed,
}

/// The command that a reply is to.
#[derive(Debug)]
enum Expected {
    Greeting,
    /// EHLO or LHLO.
    Hello,
    Helo,
    StartTls,
    Auth(Box<ClientExchange>),
    /// `*` was sent.
    AuthCancelled,
    Mail,
    /// Of this index among the recipients.
    Rcpt(usize),
    Data,
    /// A chunk that is not the last.
    Chunk,
    /// The content; by LMTP that of one recipient.
    Content(Option<usize>),
    /// The dot that ends content which nobody wanted (RFC 2920 §3.1).
    Nothing,
    Rset,
    Quit,
}

impl ClientSession {
    /// A session on a connection that has just been made.
    #[must_use]
    pub fn new(config: ClientConfig, now: Instant) -> Self {
        let implicit = config.tls == TlsUse::Implicit;
        let deadline = now + config.timeouts.greeting;
        Self {
            config,
            input: Lines::new(),
            reading: Reading::default(),
            output: Vec::new(),
            phase: if implicit {
                Phase::StartTls
            } else {
                Phase::Talking
            },
            ask: None,
            expected: VecDeque::from([Expected::Greeting]),
            offers: Offers::default(),
            channel: None,
            logged_in: false,
            running: None,
            ahead: None,
            messages: 0,
            needs_reset: false,
            broken: false,
            leaving: false,
            now,
            deadline,
        }
    }

    /// What the TLS connection is known by (RFC 9266), for SCRAM-SHA-256-PLUS; to be told before [`Session::secured`].
    pub fn bind(&mut self, channel: ChannelBinding) {
        self.channel = Some(channel);
    }

    /// The connection is gone, or never came to be secured. What is to be told of it follows by [`Session::step`].
    pub fn disconnected(&mut self) {
        self.lost(Cause::Closed);
    }

    /// Sends a command, without its CRLF, and waits for its reply.
    fn send(&mut self, command: &str, expected: Expected) {
        if self.expected.is_empty() && !self.input.is_empty() {
            self.expected.push_back(expected);
            return self.lost(Cause::Nonsense);
        }
        self.output.extend_from_slice(command.as_bytes());
        self.output.extend_from_slice(b"\r\n");
        self.expect(expected);
    }

    fn expect(&mut self, expected: Expected) {
        self.expected.push_back(expected);
        self.phase = Phase::Talking;
        self.restart();
    }

    /// RFC 5321 §4.5.3.2: each reply has its time, from the last thing that happened.
    fn restart(&mut self) {
        let timeouts = &self.config.timeouts;
        let timeout = match self.expected.front() {
            Some(Expected::Greeting) => timeouts.greeting,
            Some(Expected::Mail | Expected::Rset) => timeouts.mail,
            Some(Expected::Rcpt(_)) => timeouts.rcpt,
            Some(Expected::Data) => timeouts.data,
            Some(Expected::Chunk) => timeouts.block,
            Some(Expected::Content(_) | Expected::Nothing) => timeouts.content,
            Some(Expected::Quit) => timeouts.quit,
            _ => timeouts.command,
        };
        self.deadline = self.now + timeout;
    }

    fn ask(&mut self, ask: Ask, phase: Phase) {
        self.ask = Some(ask);
        self.phase = phase;
    }

    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.ask = None;
        self.input.clear();
        self.expected.clear();
    }

    /// Nothing more can be said or heard: what is not settled failed by this.
    fn lost(&mut self, cause: Cause) {
        self.lost_at(self.stage(), cause);
    }

    /// The same, of something whose reply has come.
    fn lost_at(&mut self, stage: Stage, cause: Cause) {
        if matches!(self.phase, Phase::Closed | Phase::Noted) {
            self.broken = true;
            return;
        }
        self.broken = true;
        self.output.clear();
        self.expected.clear();
        if self.running.is_some() {
            self.fail_rest(&Failure { stage, cause });
            self.finish();
        } else if self.messages == 0 && !matches!(self.phase, Phase::Next) && !self.leaving {
            self.ask(Ask::Failed(Failure { stage, cause }), Phase::Noted);
        } else {
            self.close();
        }
    }

    /// The connection cannot be used for messages; it is left politely.
    fn give_up(&mut self, stage: Stage, cause: Cause) {
        self.leaving = true;
        self.ask(Ask::Failed(Failure { stage, cause }), Phase::Noted);
    }

    /// What is going on, for a failure.
    fn stage(&self) -> Stage {
        match self.expected.front() {
            Some(Expected::Greeting) if self.phase == Phase::Talking => Stage::Greeting,
            Some(Expected::Greeting) => Stage::StartTls,
            Some(Expected::Hello | Expected::Helo) => Stage::Hello,
            Some(Expected::StartTls) => Stage::StartTls,
            Some(Expected::Auth(_) | Expected::AuthCancelled) => Stage::Auth,
            Some(Expected::Mail) => Stage::Mail,
            Some(Expected::Rcpt(_)) => Stage::Rcpt,
            Some(Expected::Data) => Stage::Data,
            Some(Expected::Chunk | Expected::Content(_) | Expected::Nothing) => Stage::Content,
            Some(Expected::Rset | Expected::Quit) => Stage::Mail,
            None => match self.phase {
                Phase::StartTls | Phase::Handshake => Stage::StartTls,
                Phase::Content(_) => Stage::Content,
                _ => Stage::Mail,
            },
        }
    }

    /// Reads one reply if one is there; says whether there may be more to do.
    fn read(&mut self) -> bool {
        match self.reading.next(&mut self.input) {
            None => return false,
            Some(Ok(reply)) => self.replied(reply),
            Some(Err(Nonsense)) => self.lost(Cause::Nonsense),
        }
        true
    }

    fn replied(&mut self, reply: Reply) {
        let Some(expected) = self.expected.pop_front() else {
            // Nobody asked. RFC 5321 §3.8: at most it is a 421 that says goodbye.
            return self.lost(Cause::Nonsense);
        };
        if reply.code.get() == 421 && !matches!(expected, Expected::Quit) {
            // RFC 5321 §3.8, §4.2.1: to any command, and the peer closes.
            self.expected.push_front(expected);
            return self.lost(Cause::Reply(reply));
        }
        self.restart();
        match expected {
            Expected::Greeting => self.greeted(reply),
            Expected::Hello => self.helloed(reply),
            Expected::Helo => self.heloed(reply),
            Expected::StartTls => self.tls_answered(reply),
            Expected::Auth(exchange) => self.auth_answered(*exchange, reply),
            Expected::AuthCancelled => self.give_up(Stage::Auth, Cause::Nonsense),
            Expected::Mail => self.mail_answered(reply),
            Expected::Rcpt(index) => self.rcpt_answered(index, reply),
            Expected::Data => self.data_answered(reply),
            Expected::Chunk => self.chunk_answered(reply),
            Expected::Content(recipient) => self.content_answered(recipient, reply),
            Expected::Nothing => self.transaction_ended(),
            Expected::Rset if reply.code.is_positive() => self.next(),
            Expected::Rset => self.quit(),
            Expected::Quit => self.close(),
        }
    }

    /// Asks for the next message, or leaves.
    fn next(&mut self) {
        let full = self
            .offers
            .mail_max
            .is_some_and(|most| self.messages >= most);
        if self.leaving || full {
            return self.quit();
        }
        self.ask(Ask::Next(Box::new(self.offers.clone())), Phase::Next);
    }

    fn quit(&mut self) {
        self.leaving = true;
        self.send("QUIT", Expected::Quit);
    }

    /// The caller knows what became of the last message, or of the connection.
    fn noted(&mut self) {
        self.phase = Phase::Talking;
        if self.ahead.is_some() {
            self.go_ahead();
        } else if self.broken {
            self.close();
        } else if self.needs_reset && !self.leaving {
            self.needs_reset = false;
            // RFC 5321 §4.1.1.5: whatever is open at the peer is closed.
            self.send("RSET", Expected::Rset);
        } else {
            self.next();
        }
    }

    fn flush(&mut self) -> Step<Ask> {
        Step::Write(Bytes::from(std::mem::take(&mut self.output)))
    }
}

impl Session for ClientSession {
    type Ask = Ask;
    type Answer = Answer;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        self.now = now;
        // RFC 3207 §4.2: what the peer said in clear counts for nothing; nor does what nobody waits for.
        if matches!(
            self.phase,
            Phase::StartTls | Phase::Handshake | Phase::Closed
        ) {
            return;
        }
        if self.input.len() + bytes.len() > self.config.backlog {
            return self.lost(Cause::Nonsense);
        }
        self.input.push(bytes);
    }

    fn step(&mut self) -> Step<Ask> {
        loop {
            if !self.output.is_empty() {
                return self.flush();
            }
            if let Some(ask) = self.ask.take() {
                return Step::Ask(ask);
            }
            match self.phase {
                Phase::StartTls => {
                    self.phase = Phase::Handshake;
                    return Step::StartTls;
                }
                Phase::Closed => return Step::Close,
                Phase::Talking => {
                    if !self.read() {
                        return Step::Read;
                    }
                }
                _ => return Step::Read,
            }
        }
    }

    fn answer(&mut self, answer: Answer, now: Instant) {
        self.now = now;
        // The question has been overtaken by news that are still to be told.
        if self.ask.is_some() {
            return;
        }
        match (self.phase, answer) {
            (Phase::Next, Answer::Send(outgoing)) => self.begin(*outgoing),
            (Phase::Next, _) => self.quit(),
            (Phase::Content(most), Answer::Content(piece)) => self.content_given(most, piece),
            (Phase::Content(most), Answer::Last(piece, next)) => {
                self.content_given(most, piece);
                self.begin_ahead(*next);
            }
            (Phase::Content(_), _) => self.lost(Cause::Content),
            (Phase::Noted, _) => self.noted(),
            // The connection was lost while the caller decided.
            (Phase::Closed, Answer::Send(outgoing)) => self.too_late(*outgoing),
            _ => {}
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Talking | Phase::StartTls | Phase::Handshake => Some(self.deadline),
            Phase::Next | Phase::Content(_) | Phase::Noted | Phase::Closed => None,
        }
    }

    fn expire(&mut self, now: Instant) {
        self.now = now;
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.lost(Cause::TimedOut);
        }
    }

    fn secured(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.phase, Phase::StartTls | Phase::Handshake) {
            self.offers = Offers {
                tls: true,
                ..Offers::default()
            };
            self.phase = Phase::Talking;
            self.restart();
            if self.expected.is_empty() {
                // RFC 3207 §4.2: what was known of the peer is not, and it is asked again.
                self.hello();
            }
        }
    }

    /// The running message is brought to its end, and is the last.
    fn cut(&mut self, _why: Cut) {
        self.phase = Phase::Closed;
    }

    fn shutdown(&mut self) {
        self.leaving = true;
    }
}

/// Between servers the longest reply line is 512 octets (RFC 5321 §4.5.3.1.5); longer ones are bearable.
const REPLY_LINE: usize = 4 * limits::REPLY_LINE;

/// A duration in seconds.
const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
