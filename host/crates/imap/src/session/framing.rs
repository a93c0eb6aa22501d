//! From received octets to whole commands (RFC 3501 §2.2, RFC 7888): lines, literals, the message of APPEND.
//!
//! Invariants: memory is bounded by the limits; a literal is judged by its announced size before any of it is taken;
//! how the octets were cut changes nothing.

use bytes::Bytes;
use waxwing_session::{LineError, Lines};

use crate::config::Limits;
use crate::encode::texts::{self, Response};
use crate::parse::{Literal, SyntaxError, append_head, literal_at_end, tag};
use crate::session::job::Waiting;
use crate::types::{AppendHead, NameForm};

/// A command of a client that has not logged in has no reason to be longer.
const MAX_BEFORE_LOGIN: usize = 8 * 1024;
/// Pieces in which a message is passed on.
const PIECE: usize = 64 * 1024;

/// What the input is.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    input: Lines,
    /// The command so far: its lines and literals as they stand.
    command: Vec<u8>,
    /// How mailbox names are written.
    names: NameForm,
    mode: Mode,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A command, or the rest of one behind a literal.
    #[default]
    Command,
    /// This many octets of a literal belong to the command.
    Literal(usize),
    /// This many octets are thrown away, then the line that they belong to.
    Discard(u64),
    /// The rest of a line that nobody wants.
    DiscardLine,
    /// A line that is not a command.
    Line,
    /// This many octets of a message, then a line.
    Message(u64),
    /// Nothing is taken until further notice.
    Nothing,
}

/// What has arrived.
#[derive(Debug)]
pub(crate) enum Event {
    /// A whole command.
    Command(Vec<u8>),
    /// The client waits for leave to send a literal.
    Continue,
    /// APPEND up to its message.
    Append {
        tag: String,
        head: Result<AppendHead, SyntaxError>,
        /// None only where the message is put together from parts.
        literal: Option<Literal>,
    },
    /// A piece of a message.
    Content(Bytes),
    /// A line that belongs to a begun command.
    Line(Bytes),
    /// A command that cannot be taken; its rest is thrown away.
    Refused {
        tag: Option<String>,
        response: Response,
    },
    /// A line that does not end: nothing sensible can follow.
    Endless,
    /// A literal that the client sends unasked and that is too large to throw away.
    LiteralTooLarge,
}

impl Framing {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.input.push(bytes);
    }

    /// Octets that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.input.len()
    }

    /// Whether a command has begun to arrive.
    pub(crate) fn inside_command(&self) -> bool {
        !self.command.is_empty() || !matches!(self.mode, Mode::Command | Mode::Line)
    }

    /// What comes next belongs to a begun command.
    pub(crate) fn expect(&mut self, waiting: &Waiting) {
        self.mode = match waiting {
            Waiting::Handshake => Mode::Nothing,
            Waiting::Done | Waiting::Response(..) => Mode::Line,
            Waiting::Message { size, .. } => Mode::Message(*size),
            Waiting::Url { size, .. } => Mode::Message(*size),
        };
    }

    pub(crate) fn back_to_commands(&mut self) {
        self.mode = Mode::Command;
    }

    /// The client sends a literal of a refused command all the same; `false` if it is too large to throw away.
    pub(crate) fn discard(&mut self, literal: Literal, limit: u64) -> bool {
        if !literal.non_synchronising {
            // RFC 7888 §4: told NO or BAD instead of "+", the client does not send it.
            self.mode = Mode::Command;
            return true;
        }
        self.mode = Mode::Discard(literal.length);
        literal.length <= limit
    }

    /// The next thing that has wholly arrived.
    pub(crate) fn next(
        &mut self,
        limits: &Limits,
        logged_in: bool,
        names: NameForm,
    ) -> Option<Event> {
        self.names = names;
        loop {
            match self.mode {
                Mode::Nothing => return None,
                Mode::Command => {
                    let line = self.input.next_line(limits.line)?;
                    if let Some(event) = self.line(line, limits, logged_in) {
                        return Some(event);
                    }
                }
                Mode::Literal(left) => self.literal(left)?,
                Mode::Discard(left) => self.discard_some(left)?,
                Mode::DiscardLine => {
                    let line = self.input.next_line(limits.line)?;
                    self.mode = Mode::Command;
                    let drained = match line {
                        Ok(line) => literal_at_end(&line)
                            .is_none_or(|literal| self.discard(literal, limits.message)),
                        Err(_) => !self.input.announces(),
                    };
                    if !drained {
                        return Some(Event::LiteralTooLarge);
                    }
                }
                Mode::Line => {
                    return Some(match self.input.next_line(limits.line)? {
                        Ok(line) => Event::Line(line),
                        Err(LineError::Endless) => Event::Endless,
                        Err(_) if self.input.announces() => Event::LiteralTooLarge,
                        // No exchange has such a line: let it see one that is wrong.
                        Err(_) => Event::Line(Bytes::from_static(b"\0")),
                    });
                }
                Mode::Message(0) => self.mode = Mode::Line,
                Mode::Message(left) => {
                    let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
                    let piece = self.input.take(wanted);
                    self.mode = Mode::Message(left.saturating_sub(piece.len() as u64));
                    return (!piece.is_empty()).then_some(Event::Content(piece));
                }
            }
        }
    }

    /// Takes what has arrived of a literal; `None` if more must come.
    fn literal(&mut self, left: usize) -> Option<()> {
        let piece = self.input.take(left);
        self.command.extend_from_slice(&piece);
        let left = left - piece.len();
        self.mode = if left == 0 {
            Mode::Command
        } else {
            Mode::Literal(left)
        };
        (left == 0).then_some(())
    }

    fn discard_some(&mut self, left: u64) -> Option<()> {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        let left = left.saturating_sub(self.input.take(wanted).len() as u64);
        self.mode = if left == 0 {
            Mode::DiscardLine
        } else {
            Mode::Discard(left)
        };
        (left == 0).then_some(())
    }

    /// A line of a command: the last one, or one that announces a literal.
    fn line(
        &mut self,
        line: Result<Bytes, LineError>,
        limits: &Limits,
        logged_in: bool,
    ) -> Option<Event> {
        let line = match line {
            Ok(line) => line,
            Err(LineError::Endless) => return Some(Event::Endless),
            // How many octets follow that are no commands was lost with the line.
            Err(_) if self.input.announces() => return Some(Event::LiteralTooLarge),
            Err(error) => {
                let response = match error {
                    LineError::BareNewline => texts::LINE_END,
                    _ => texts::LINE_TOO_LONG,
                };
                return Some(self.refuse(response));
            }
        };
        let (bound, drain) = if logged_in {
            (limits.command, limits.message)
        } else {
            (
                limits.command.min(MAX_BEFORE_LOGIN),
                MAX_BEFORE_LOGIN as u64,
            )
        };
        let begins = self.command.len();
        self.command.extend_from_slice(&line);
        if self.command.len() > bound {
            let refused = self.refuse(texts::LINE_TOO_LONG);
            return Some(self.drain(literal_at_end(&line), drain, refused));
        }
        let literal = literal_at_end(&line);
        if let Some(event) = self.append(literal, begins) {
            return Some(event);
        }
        let Some(literal) = literal else {
            return Some(Event::Command(std::mem::take(&mut self.command)));
        };
        if literal.length > (bound - self.command.len()) as u64 {
            let refused = self.refuse(texts::LITERAL_TOO_LARGE);
            return Some(self.drain(Some(literal), drain, refused));
        }
        self.command.extend_from_slice(b"\r\n");
        self.mode = Mode::Literal(usize::try_from(literal.length).unwrap_or(0));
        (!literal.non_synchronising).then_some(Event::Continue)
    }

    /// APPEND is dealt with when its message is announced, not when it is all there.
    fn append(&mut self, literal: Option<Literal>, begins: usize) -> Option<Event> {
        let end = literal.map_or(self.command.len(), |literal| begins + literal.at);
        let before = self.command.get(..end)?;
        let (name, rest) = tag(before)?;
        let head = append_head(rest.strip_prefix(b" ")?, self.names, literal.is_some())?;
        let tag = name.to_owned();
        self.command = Vec::new();
        self.mode = match literal {
            Some(_) => Mode::Nothing,
            None => Mode::Command,
        };
        Some(Event::Append { tag, head, literal })
    }

    /// What is said of a refused command, whose literal may come all the same.
    fn drain(&mut self, literal: Option<Literal>, limit: u64, refused: Event) -> Event {
        if literal.is_none_or(|literal| self.discard(literal, limit)) {
            refused
        } else {
            Event::LiteralTooLarge
        }
    }

    fn refuse(&mut self, response: Response) -> Event {
        let command = std::mem::take(&mut self.command);
        self.mode = Mode::Command;
        Event::Refused {
            tag: tag(&command).map(|(tag, _)| tag.to_owned()),
            response,
        }
    }
}
