//! SMTP replies as values: a code, an enhanced status and a text.
//!
//! Standards: RFC 5321 §4.2 (codes, lines), RFC 2034 (enhanced status in replies), RFC 3463 (its syntax), RFC 6531 §3.7.4.
//! Invariants: a reply prints as whole lines of at most 512 octets and never as a line that its maker did not mean.

use std::borrow::Cow;
use std::fmt;

use crate::limits;

/// A three-digit reply code, 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyCode(u16);

impl ReplyCode {
    /// The code, if it is one that RFC 5321 §4.2 allows.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 200 && code <= 599 {
            Some(Self(code))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether it says yes: 2yz or 3yz.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 < 400
    }

    /// Whether the peer should try again: 4yz.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        self.0 >= 400 && self.0 < 500
    }

    /// Whether the peer should give up: 5yz.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        self.0 >= 500
    }
}

/// `class.subject.detail` of RFC 3463.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnhancedStatus(pub u8, pub u16, pub u16);

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// One reply, of one or more lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The code.
    pub code: ReplyCode,
    /// The enhanced status; absent in greetings, 354 and the answers to HELO and EHLO (RFC 2034 §4).
    pub enhanced: Option<EnhancedStatus>,
    /// The text; `\n` starts another line. What is not printable becomes a blank when it is written.
    pub text: Cow<'static, str>,
}

impl Reply {
    /// A reply of parts. A code outside 200 to 599 becomes 451: a bad value must not break the dialogue.
    #[must_use]
    pub fn new(
        code: u16,
        enhanced: Option<EnhancedStatus>,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        let code = ReplyCode::new(code).unwrap_or(ReplyCode(451));
        // RFC 2034 §4: the class is the first digit of the code.
        let enhanced = enhanced.filter(|e| u16::from(e.0) == code.0 / 100);
        Self {
            code,
            enhanced,
            text: text.into(),
        }
    }

    /// Appends the reply as it goes over the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            write_number(self.code.0, out);
            out.push(if lines.peek().is_some() { b'-' } else { b' ' });
            let mut room = limits::REPLY_LINE - 6;
            if let Some(EnhancedStatus(class, subject, detail)) = self.enhanced {
                let before = out.len();
                for (number, end) in [(class.into(), b'.'), (subject, b'.'), (detail, b' ')] {
                    write_number(number, out);
                    out.push(end);
                }
                room = room.saturating_sub(out.len() - before);
            }
            write_text(line, room, out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Decimal digits, without the machinery of formatting: every command writes four such numbers.
fn write_number(number: u16, out: &mut Vec<u8>) {
    if number >= 10 {
        write_number(number / 10, out);
    }
    out.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
}

/// RFC 5321 §4.2: `textstring`, with UTF-8 as RFC 6531 §3.7.4 allows; cut between characters to what fits.
fn write_text(line: &str, room: usize, out: &mut Vec<u8>) {
    if line.len() <= room && line.bytes().all(|octet| (b' '..=b'~').contains(&octet)) {
        return out.extend_from_slice(line.as_bytes());
    }
    let start = out.len();
    for c in line.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if out.len() - start + c.len_utf8() > room {
            break;
        }
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.0)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        write!(f, " {}", self.text)
    }
}
