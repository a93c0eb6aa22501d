//! A dialogue file, read.

use std::time::Duration;

use waxwing_session::Cut;

use crate::escape::{expand, unescape};
use crate::pattern::Pattern;

/// One dialogue.
#[derive(Clone, Debug)]
pub struct Dialogue {
    /// Name for messages: the file's path.
    pub name: String,
    /// The first comment: what it shows.
    pub title: String,
    /// `% word rest` lines, in order.
    pub directives: Vec<(String, String)>,
    /// What happens, in order.
    pub lines: Vec<Line>,
    /// The text it was read from, for blessing.
    pub source: String,
}

/// One line of a dialogue that means something.
#[derive(Clone, Debug)]
pub struct Line {
    /// Line number in the file, from 1.
    pub number: usize,
    /// What it says.
    pub kind: LineKind,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// `C:` or `C=`: octets to the server.
    Client(Vec<u8>),
    /// `S:`: one line from the server.
    Server(Pattern),
    /// `S*`: any number of lines from the server.
    ServerAny(Pattern),
    /// `A:`: an ask of the session.
    Ask(Pattern),
    /// `T: tls`: the handshake.
    Tls,
    /// `W:`: time passes.
    Wait(Duration),
    /// `X: close`: the server closes.
    Close,
    /// `X: hangup`: the client goes away.
    Hangup,
    /// `X: wake`: news from elsewhere.
    Wake,
    /// `X: shutdown`: the server goes down.
    Shutdown,
    /// `X: cut WHY`: the server waits no longer.
    Cut(Cut),
}

impl Dialogue {
    /// Reads a dialogue.
    ///
    /// # Errors
    /// What is wrong with the text, as `name:line: reason`.
    pub fn parse(name: &str, source: &str) -> Result<Self, String> {
        let mut dialogue = Dialogue {
            name: name.to_owned(),
            title: String::new(),
            directives: Vec::new(),
            lines: Vec::new(),
            source: source.to_owned(),
        };
        for (index, text) in source.lines().enumerate() {
            let number = index + 1;
            dialogue
                .take_line(number, text)
                .map_err(|reason| format!("{name}:{number}: {reason}"))?;
        }
        dialogue
            .check()
            .map_err(|reason| format!("{name}: {reason}"))?;
        Ok(dialogue)
    }

    /// The rest of the first directive of this name.
    #[must_use]
    pub fn directive(&self, word: &str) -> Option<&str> {
        self.directives
            .iter()
            .find(|(name, _)| name == word)
            .map(|(_, rest)| rest.as_str())
    }

    /// The rests of all directives of this name.
    pub fn directives<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.directives
            .iter()
            .filter(move |(name, _)| name == word)
            .map(|(_, rest)| rest.as_str())
    }

    /// Why it cannot run against a real server: it moves the clock, reaches inside, or says so (`% offline why`).
    #[must_use]
    pub fn offline(&self) -> Option<&str> {
        let inside = |line: &Line| {
            matches!(
                line.kind,
                LineKind::Wait(_) | LineKind::Wake | LineKind::Shutdown | LineKind::Cut(_)
            )
        };
        self.directive("offline").or_else(|| {
            self.lines
                .iter()
                .any(inside)
                .then_some("it moves the clock or the server")
        })
    }

    fn take_line(&mut self, number: usize, text: &str) -> Result<(), String> {
        if text.trim().is_empty() {
            return Ok(());
        }
        if let Some(comment) = text.strip_prefix('#') {
            if self.title.is_empty() {
                self.title = comment.trim().to_owned();
            }
            return Ok(());
        }
        if let Some(directive) = text.strip_prefix('%') {
            let (word, rest) = directive
                .trim()
                .split_once(' ')
                .unwrap_or((directive.trim(), ""));
            self.directives
                .push((word.to_owned(), rest.trim().to_owned()));
            return Ok(());
        }
        let turned = match self.directive("side") {
            Some("client") => Some(turn(text)),
            _ => None,
        };
        let kind = parse_kind(turned.as_deref().unwrap_or(text))?;
        self.lines.push(Line { number, kind });
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.title.is_empty() {
            return Err("no title: the first comment says what the dialogue shows".to_owned());
        }
        for (index, line) in self.lines.iter().enumerate() {
            let next = self.lines.get(index + 1).map(|line| &line.kind);
            let any = matches!(line.kind, LineKind::ServerAny(_));
            if any && !matches!(next, Some(LineKind::Server(_) | LineKind::Close)) {
                return Err(format!(
                    "line {}: an S: line or X: close must follow S*",
                    line.number
                ));
            }
        }
        Ok(())
    }
}

/// In a dialogue that a client is held to, it is the server's lines that are sent.
fn turn(text: &str) -> String {
    match text.split_at_checked(1) {
        Some(("C", rest)) => format!("S{rest}"),
        Some(("S", rest)) => format!("C{rest}"),
        _ => text.to_owned(),
    }
}

fn parse_kind(text: &str) -> Result<LineKind, String> {
    let (sign, rest) = text.split_at_checked(2).ok_or("too short")?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    Ok(match (sign, rest) {
        ("C:", _) => LineKind::Client((expand(rest)? + "\r\n").into_bytes()),
        ("C=", _) => LineKind::Client(unescape(&expand(rest)?)?),
        ("S:", _) => LineKind::Server(Pattern::new(&expand(rest)?)),
        ("S*", _) => LineKind::ServerAny(Pattern::new(&expand(rest)?)),
        ("A:", _) => LineKind::Ask(Pattern::new(rest)),
        ("W:", _) => LineKind::Wait(parse_duration(rest)?),
        ("T:", "tls") => LineKind::Tls,
        ("X:", "close") => LineKind::Close,
        ("X:", "hangup") => LineKind::Hangup,
        ("X:", "wake") => LineKind::Wake,
        ("X:", "shutdown") => LineKind::Shutdown,
        ("X:", "cut shutdown") => LineKind::Cut(Cut::Shutdown),
        ("X:", "cut crowded") => LineKind::Cut(Cut::Crowded),
        ("X:", "cut excess") => LineKind::Cut(Cut::Excess),
        _ => return Err(format!("not a dialogue line: {text}")),
    })
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        _ => return Err(format!("not a duration (10s, 5m): {text}")),
    };
    let digits = text.get(..text.len() - 1).unwrap_or_default();
    let count: u64 = digits
        .parse()
        .map_err(|_| format!("not a duration (10s, 5m): {text}"))?;
    Ok(Duration::from_secs(count * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() -> Result<(), String> {
        let text = "# Title\n% listener pop3\n\nS: +OK <*>\nC: NOOP\nC= a\\r\\n\nS* x\nS: y\nW: 2m\nX: close\n";
        let dialogue = Dialogue::parse("t", text)?;
        assert_eq!(dialogue.title, "Title");
        assert_eq!(dialogue.directive("listener"), Some("pop3"));
        assert_eq!(dialogue.lines.len(), 7);
        assert!(dialogue.offline().is_some());
        Ok(())
    }

    #[test]
    fn mistakes_are_named() {
        let fails = |text: &str| Dialogue::parse("t", text).err().unwrap_or_default();
        assert_eq!(fails("# T\nQ: x\n"), "t:2: not a dialogue line: Q: x");
        assert_eq!(
            fails("# T\nS* x\nC: y\n"),
            "t: line 2: an S: line or X: close must follow S*"
        );
        assert_eq!(
            fails("S: x\n"),
            "t: no title: the first comment says what the dialogue shows"
        );
    }
}
