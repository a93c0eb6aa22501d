//! The runner: a dialogue against a [`Wire`].
//!
//! Invariant: it knows no protocol and no transport; a wire that never blocks without end makes it end.

use std::fmt;

use crate::escape::escape;
use crate::parse::{Dialogue, Line, LineKind};
use crate::pattern::Pattern;

/// What carries octets to a server, or to a session, and lines back.
pub trait Wire {
    /// Sends octets.
    ///
    /// # Errors
    /// Why it could not.
    fn send(&mut self, octets: &[u8]) -> Result<(), String>;

    /// The next line from the server.
    ///
    /// # Errors
    /// No line came in time, or the connection broke.
    fn line(&mut self) -> Result<Received, String>;

    /// Shakes hands as a TLS client.
    ///
    /// # Errors
    /// The server was not ready for it, or the handshake failed.
    fn secure(&mut self) -> Result<(), String>;

    /// Ends the client's side.
    fn hangup(&mut self);

    /// Does what reaches inside: moves the clock, wakes, shuts down. False if this wire cannot.
    fn reach_in(&mut self, _what: &LineKind) -> bool {
        false
    }

    /// Debug texts of the asks since the last call, or `None` if this wire does not see asks.
    fn asks(&mut self) -> Option<Vec<String>> {
        None
    }
}

/// What a wire has received.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A line, without its CRLF.
    Line(Vec<u8>),
    /// The server has closed the connection.
    Closed,
    /// Nothing, and nothing will come before something is sent. Only wires in memory know that.
    Nothing,
}

/// Where a dialogue and a server disagree.
#[derive(Debug)]
pub struct Mismatch {
    /// File.
    pub name: String,
    /// Line number in the file.
    pub line: usize,
    /// What was expected and what came.
    pub reason: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.name, self.line, self.reason)
    }
}

/// Holds the server behind a wire to a dialogue.
///
/// # Errors
/// The first mismatch.
pub fn run(dialogue: &Dialogue, wire: &mut dyn Wire) -> Result<(), Mismatch> {
    let mut runner = Runner {
        wire,
        asks: Vec::new(),
        pushed_back: None,
        closed: false,
    };
    let mut lines = dialogue.lines.iter().peekable();
    let mut last = 1;
    while let Some(line) = lines.next() {
        last = line.number;
        let next = lines.peek().map(|line| &line.kind);
        runner
            .play(line, next)
            .map_err(|reason| mismatch(dialogue, line.number, reason))?;
    }
    runner
        .finish()
        .map_err(|reason| mismatch(dialogue, last, reason))
}

fn mismatch(dialogue: &Dialogue, line: usize, reason: String) -> Mismatch {
    Mismatch {
        name: dialogue.name.clone(),
        line,
        reason,
    }
}

struct Runner<'a> {
    wire: &'a mut dyn Wire,
    asks: Vec<String>,
    pushed_back: Option<Received>,
    closed: bool,
}

impl Runner<'_> {
    fn play(&mut self, line: &Line, next: Option<&LineKind>) -> Result<(), String> {
        match &line.kind {
            LineKind::Client(octets) => self.client(octets, next),
            LineKind::Server(pattern) => self.server(pattern),
            LineKind::ServerAny(pattern) => self.server_any(pattern, next),
            LineKind::Ask(pattern) => self.ask(pattern),
            LineKind::Tls => self.quiet().and_then(|()| self.wire.secure()),
            LineKind::Close => self.close(),
            LineKind::Hangup => {
                self.wire.hangup();
                self.closed = true;
                Ok(())
            }
            LineKind::Wait(_) | LineKind::Wake | LineKind::Shutdown | LineKind::Cut(_) => {
                self.quiet()?;
                self.wire
                    .reach_in(&line.kind)
                    .then_some(())
                    .ok_or_else(|| "this wire cannot do that".to_owned())
            }
        }
    }

    /// Consecutive client lines go out as one; the wire is flushed by the last of them.
    fn client(&mut self, octets: &[u8], next: Option<&LineKind>) -> Result<(), String> {
        self.quiet()?;
        if self.closed {
            return Err("the server has closed already".to_owned());
        }
        self.wire.send(octets)?;
        if !matches!(next, Some(LineKind::Client(_))) {
            self.wire.send(&[])?;
        }
        Ok(())
    }

    fn server(&mut self, pattern: &Pattern) -> Result<(), String> {
        match self.next()? {
            Received::Line(line) if pattern.matches(&line) => Ok(()),
            other => Err(format!(
                "expected  S: {}\n    received {}",
                pattern.text(),
                describe(&other)
            )),
        }
    }

    fn server_any(&mut self, pattern: &Pattern, next: Option<&LineKind>) -> Result<(), String> {
        loop {
            let received = self.next()?;
            let is_next = match (&received, next) {
                (Received::Line(line), Some(LineKind::Server(next))) => next.matches(line),
                (Received::Line(_), _) => false,
                _ => true,
            };
            if is_next {
                self.pushed_back = Some(received);
                return Ok(());
            }
            if !matches!(&received, Received::Line(line) if pattern.matches(line)) {
                return Err(format!(
                    "expected  S* {}\n    received {}",
                    pattern.text(),
                    describe(&received)
                ));
            }
        }
    }

    fn ask(&mut self, pattern: &Pattern) -> Result<(), String> {
        let Some(new) = self.wire.asks() else {
            return Ok(());
        };
        self.asks.extend(new);
        match self.asks.iter().position(|ask| pattern.matches_text(ask)) {
            Some(at) => {
                self.asks.drain(..=at);
                Ok(())
            }
            None => Err(format!(
                "no ask fits  A: {}\n    asked were {:#?}",
                pattern.text(),
                self.asks
            )),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        match self.next()? {
            Received::Closed => {
                self.closed = true;
                Ok(())
            }
            other => Err(format!(
                "expected the server to close\n    received {}",
                describe(&other)
            )),
        }
    }

    fn next(&mut self) -> Result<Received, String> {
        self.pushed_back.take().map_or_else(|| self.wire.line(), Ok)
    }

    /// Nothing unexpected may be waiting, as far as the wire can tell.
    fn quiet(&mut self) -> Result<(), String> {
        if self.wire.asks().map(|new| self.asks.extend(new)).is_none() || self.closed {
            return Ok(());
        }
        match self.next()? {
            Received::Nothing => Ok(()),
            other => Err(format!(
                "before this line the server sent, unexpected, {}",
                describe(&other)
            )),
        }
    }

    fn finish(&mut self) -> Result<(), String> {
        self.quiet()
            .map_err(|reason| format!("at the end: {reason}"))
    }
}

fn describe(received: &Received) -> String {
    match received {
        Received::Line(line) => format!(" S: {}", escape(line)),
        Received::Closed => "the end: the server closed".to_owned(),
        Received::Nothing => "nothing".to_owned(),
    }
}
