//! Replies, put together from their lines.
//!
//! Standards: RFC 5321 §4.2, §4.2.1 (lines of one reply), RFC 2034 §4 (enhanced statuses).
//! Invariants: a reply that never ends, or is endlessly long, is none.

use waxwing_mail::{EnhancedStatus, Reply};
use waxwing_session::Lines;

use super::REPLY_LINE;

/// The most lines of a reply.
const LINES: usize = 256;
/// What is kept of a reply's text, in octets.
const TEXT: usize = 16 << 10;

/// What came is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonsense;

/// A reply that is being read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    code: Option<u16>,
    enhanced: Option<EnhancedStatus>,
    text: String,
    lines: usize,
}

impl Reading {
    /// The next whole reply, if it is there.
    pub(super) fn next(&mut self, input: &mut Lines) -> Option<Result<Reply, Nonsense>> {
        loop {
            let Ok(line) = input.next_line(REPLY_LINE)? else {
                return Some(Err(Nonsense));
            };
            match self.line(&line) {
                Ok(true) => {
                    let done = std::mem::take(self);
                    // The code was checked when it was read.
                    let code = done.code.unwrap_or(451);
                    return Some(Ok(Reply::new(code, done.enhanced, done.text)));
                }
                Ok(false) => {}
                Err(nonsense) => return Some(Err(nonsense)),
            }
        }
    }

    /// Takes a line; says whether it was the last.
    fn line(&mut self, line: &[u8]) -> Result<bool, Nonsense> {
        let (digits, rest) = line.split_at_checked(3).ok_or(Nonsense)?;
        let code = code(digits).ok_or(Nonsense)?;
        let last = match rest.first() {
            // RFC 5321 §4.2: a code alone is to be taken, too.
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err(Nonsense),
        };
        self.lines += 1;
        // RFC 5321 §4.2.1: each line has the same code.
        if self.lines > LINES || self.code.is_some_and(|first| first != code) {
            return Err(Nonsense);
        }
        let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default()).into_owned();
        self.keep(code, &text);
        self.code = Some(code);
        Ok(last)
    }

    fn keep(&mut self, code: u16, text: &str) {
        let (enhanced, text) = split_status(code, text);
        if self.code.is_none() {
            self.enhanced = enhanced;
        } else {
            self.push('\n');
        }
        for c in text.chars() {
            self.push(if c.is_control() { ' ' } else { c });
        }
    }

    fn push(&mut self, c: char) {
        if self.text.len() < TEXT {
            self.text.push(c);
        }
    }
}

/// RFC 5321 §4.2: `Reply-code = %x32-35 %x30-35 %x30-39`; the second digit is not held to it.
fn code(digits: &[u8]) -> Option<u16> {
    let (b'2'..=b'5', true) = (*digits.first()?, digits.iter().all(u8::is_ascii_digit)) else {
        return None;
    };
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Takes an enhanced status off the front of a line's text, if one of the code's class is there.
fn split_status(code: u16, text: &str) -> (Option<EnhancedStatus>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut numbers = word.split('.');
    let parsed = (
        numbers.next(),
        numbers.next(),
        numbers.next(),
        numbers.next(),
    );
    let (Some(class), Some(subject), Some(detail), None) = parsed else {
        return (None, text);
    };
    let number = |text: &str| -> Option<u16> {
        let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    match (class.parse::<u8>(), number(subject), number(detail)) {
        (Ok(class), Some(subject), Some(detail)) if u16::from(class) == code / 100 => {
            (Some(EnhancedStatus(class, subject, detail)), rest)
        }
        _ => (None, text),
    }
}
