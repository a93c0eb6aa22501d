//! A wire that leads straight into a session.
//!
//! Invariant: it drives a session as the server's driver does, and cuts the client's octets as it is told.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use bytes::Bytes;
use waxwing_session::{Session, Step};

use crate::parse::{Dialogue, LineKind};
use crate::run::{Received, Wire};

/// What passes before something is said to have happened elsewhere.
const BETWEEN_WAKES: Duration = Duration::from_secs(1);

/// What stands behind a session in a test: it opens sessions and answers their asks.
pub trait World {
    /// The protocol.
    type Session: Session<Ask: Debug>;

    /// Opens a session as the dialogue's directives want it.
    fn open(&mut self, dialogue: &Dialogue, now: Instant) -> Self::Session;

    /// Answers an ask.
    fn answer(
        &mut self,
        ask: <Self::Session as Session>::Ask,
    ) -> <Self::Session as Session>::Answer;

    /// How long the last answer took.
    fn took(&mut self) -> Duration {
        Duration::ZERO
    }

    /// The peer has gone away: whether the session was told, and may have something to say of it.
    fn hangup(&mut self, _session: &mut Self::Session) -> bool {
        false
    }

    /// Takes message content.
    fn content(&mut self, _octets: Bytes) {}
}

/// How the client's octets are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// As the dialogue has them.
    Straight,
    /// Each octet alone.
    EveryOctet,
    /// At random places, from a seed, and with answers that come late.
    Random(u64),
}

/// A session in memory.
pub struct SessionWire<W: World> {
    world: W,
    session: W::Session,
    now: Instant,
    split: Random,
    kind: Split,
    outgoing: Vec<u8>,
    received: Vec<u8>,
    lines: VecDeque<Vec<u8>>,
    asks: Vec<String>,
    waiting: Option<<W::Session as Session>::Ask>,
    handshaking: bool,
    /// The client shows a certificate when it shakes hands.
    certified: bool,
    closed: bool,
    /// The client has gone away.
    gone: bool,
}

impl<W: World> SessionWire<W> {
    /// Opens a session in its world.
    pub fn open(mut world: W, dialogue: &Dialogue, split: Split) -> Self {
        let now = Instant::now();
        let mut session = world.open(dialogue, now);
        let certified = dialogue.directive("certificate").is_some();
        if dialogue.directive("tls") == Some("implicit") {
            session.bound();
            if certified {
                session.certified();
            }
        }
        let seed = if let Split::Random(seed) = split {
            seed
        } else {
            0
        };
        let mut wire = SessionWire {
            world,
            session,
            now,
            split: Random(seed | 1),
            kind: split,
            outgoing: Vec::new(),
            received: Vec::new(),
            lines: VecDeque::new(),
            asks: Vec::new(),
            waiting: None,
            handshaking: false,
            certified,
            closed: false,
            gone: false,
        };
        wire.settle();
        wire
    }

    /// Hands one piece in, and lets the session go on.
    fn feed(&mut self, piece: &[u8], late: bool) {
        // What follows STARTTLS in clear never reaches the session again (RFC 3207 §4.2).
        if self.closed || self.handshaking {
            return;
        }
        self.session.receive(piece, self.now);
        self.pump(late);
    }

    /// Steps until the session wants bytes, or, with `late`, leaves an ask for after the next piece.
    fn pump(&mut self, late: bool) {
        if let Some(ask) = self.waiting.take() {
            self.answer(ask);
        }
        while !self.closed && !self.handshaking {
            match self.session.step() {
                Step::Write(octets) => self.received.extend_from_slice(&octets),
                Step::Content(octets) => self.world.content(octets),
                Step::Ask(ask) => {
                    self.asks.push(format!("{ask:?}"));
                    if late {
                        self.waiting = Some(ask);
                        break;
                    }
                    self.answer(ask);
                }
                Step::StartTls => self.handshaking = true,
                Step::Compress => {}
                Step::Read => break,
                Step::Close => self.closed = true,
            }
        }
        self.cut_lines();
    }

    fn answer(&mut self, ask: <W::Session as Session>::Ask) {
        let answer = self.world.answer(ask);
        self.now += self.world.took();
        self.session.answer(answer, self.now);
    }

    fn expire(&mut self) {
        let deadline = self.session.deadline();
        if deadline.is_some_and(|deadline| deadline <= self.now) {
            self.session.expire(self.now);
        }
    }

    fn settle(&mut self) {
        self.pump(false);
    }

    fn cut_lines(&mut self) {
        let mut rest = self.received.as_slice();
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let (line, after) = rest.split_at(end);
            self.lines.push_back(line.to_vec());
            rest = after.get(2..).unwrap_or_default();
        }
        self.received = rest.to_vec();
    }

    fn flush(&mut self) {
        let octets = std::mem::take(&mut self.outgoing);
        match self.kind {
            Split::Straight => self.feed(&octets, false),
            Split::EveryOctet => octets.iter().for_each(|octet| self.feed(&[*octet], false)),
            Split::Random(_) => {
                let mut rest = octets.as_slice();
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(self.split.below(rest.len().min(200)) + 1);
                    // Sessions bound what they buffer behind an ask; small talk is within every bound.
                    let late = octets.len() < 4096 && self.split.below(2) == 0;
                    self.feed(piece, late);
                    rest = after;
                }
                self.settle();
            }
        }
    }
}

impl<W: World> Wire for SessionWire<W> {
    fn send(&mut self, octets: &[u8]) -> Result<(), String> {
        if octets.is_empty() {
            self.flush();
        } else {
            self.outgoing.extend_from_slice(octets);
        }
        Ok(())
    }

    fn line(&mut self) -> Result<Received, String> {
        match self.lines.pop_front() {
            Some(line) => Ok(Received::Line(line)),
            // A server that breaks off may do so within a line.
            None if self.closed && !self.received.is_empty() => {
                Ok(Received::Line(std::mem::take(&mut self.received)))
            }
            None if !self.received.is_empty() => Err(format!(
                "a line without CRLF: {}",
                crate::escape(&std::mem::take(&mut self.received))
            )),
            None if self.closed && !self.gone => Ok(Received::Closed),
            None => Ok(Received::Nothing),
        }
    }

    fn secure(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.handshaking) {
            return Err("the session does not shake hands here".to_owned());
        }
        self.session.bound();
        if self.certified {
            self.session.certified();
        }
        self.session.secured(self.now);
        self.settle();
        Ok(())
    }

    fn hangup(&mut self) {
        self.gone = true;
        if self.world.hangup(&mut self.session) {
            // A handshake that was due fails.
            self.handshaking = false;
            self.settle();
        }
        self.closed = true;
    }

    fn reach_in(&mut self, what: &LineKind) -> bool {
        match what {
            LineKind::Wait(duration) => {
                self.now += *duration;
                self.expire();
            }
            LineKind::Wake => {
                // A while after what happened before, so that it is told for itself.
                self.now += BETWEEN_WAKES;
                self.session.wake();
                self.settle();
                self.expire();
            }
            LineKind::Shutdown => self.session.shutdown(),
            LineKind::Cut(why) => self.session.cut(*why),
            _ => return false,
        }
        self.settle();
        true
    }

    fn asks(&mut self) -> Option<Vec<String>> {
        Some(std::mem::take(&mut self.asks))
    }
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.0 % end).unwrap_or(0)
    }
}
