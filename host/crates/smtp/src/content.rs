//! The content after DATA: where it ends, its dots unstuffed, and what is wrong with it.
//!
//! Standards: RFC 5321 §4.1.1.4 (only `<CRLF>.<CRLF>` ends it), §4.5.2 (transparency), §2.3.8 (no bare CR or LF).
//! Invariants: a bare CR or LF neither ends a line nor lets a dot end the content; every octet is looked at once but for
//! two at the seams; what comes out is a slice of what went in unless dots had to go.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

/// Why content cannot be taken. The greatest is told, which does not depend on how the input was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    LineTooLong,
    BareNewline,
    TooBig,
}

/// Bounds on content, in octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most that is taken.
    pub(crate) size: u64,
    /// How much beyond that is read.
    pub(crate) excess: u64,
    /// The longest line with its CRLF.
    pub(crate) line: u64,
}

/// What a piece of input came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// Content to hand on; may be empty, more is to come.
    Some(Bytes),
    /// The last of the content.
    End(Bytes),
    /// More than [`Bounds::excess`] beyond what is taken.
    Endless,
}

/// A decoder for the content of one message.
#[derive(Debug)]
pub(crate) struct Decoder {
    bounds: Bounds,
    /// Octets of content so far.
    size: u64,
    /// Octets of the present line so far, 0 at its start.
    line: u64,
    fault: Option<Fault>,
}

/// What a scan over one piece found.
struct Scan {
    /// How far the content of this piece reaches in the buffer, dots taken out.
    kept: usize,
    /// How far the buffer was read.
    read: usize,
    ended: bool,
}

impl Decoder {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            size: 0,
            line: 0,
            fault: None,
        }
    }

    /// What is wrong with the content up to here.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Octets of content so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Takes what can be told from `input`; leaves in it what follows the content, or the last two octets if it takes
    /// the next to tell what they are. Content with a fault is read and not handed on.
    pub(crate) fn decode(&mut self, input: &mut BytesMut) -> Decoded {
        let scan = self.scan(input);
        let mut content = input.split_to(scan.read);
        content.truncate(scan.kept);
        self.size = self.size.saturating_add(content.len() as u64);
        if self.size > self.bounds.size {
            self.note(Fault::TooBig);
            if self.size > self.bounds.size.saturating_add(self.bounds.excess) {
                return Decoded::Endless;
            }
        }
        let content = if self.fault.is_some() {
            Bytes::new()
        } else {
            content.freeze()
        };
        if scan.ended {
            Decoded::End(content)
        } else {
            Decoded::Some(content)
        }
    }

    fn scan(&mut self, input: &mut BytesMut) -> Scan {
        let mut at = 0;
        // Content from `from` on is not yet in its place; it is where it belongs until a first dot is taken out.
        let mut kept = 0;
        let mut from = 0;
        let ended = loop {
            if self.line == 0 && input.get(at) == Some(&b'.') {
                match (input.get(at + 1), input.get(at + 2)) {
                    (Some(b'\r'), Some(b'\n')) => {
                        kept = shift(input, from, at, kept);
                        from = at + 3;
                        at = from;
                        break true;
                    }
                    // `.` or `.` CR at the end: the next octet decides.
                    (None, _) | (Some(b'\r'), None) => break false,
                    // RFC 5321 §4.5.2: a first dot is deleted if other characters follow.
                    _ => {
                        kept = shift(input, from, at, kept);
                        at += 1;
                        from = at;
                    }
                }
            }
            let rest = input.get(at..).unwrap_or_default();
            let Some(found) = memchr2(b'\r', b'\n', rest) else {
                self.grow_line(rest.len());
                at = input.len();
                break false;
            };
            match (rest.get(found), rest.get(found + 1)) {
                (Some(b'\r'), Some(b'\n')) => {
                    self.grow_line(found + 2);
                    self.line = 0;
                    at += found + 2;
                }
                (Some(b'\r'), None) => {
                    self.grow_line(found);
                    at += found;
                    break false;
                }
                _ => {
                    self.note(Fault::BareNewline);
                    self.grow_line(found + 1);
                    at += found + 1;
                }
            }
        };
        if !ended {
            kept = shift(input, from, at, kept);
        }
        Scan {
            kept,
            read: at,
            ended,
        }
    }

    fn note(&mut self, fault: Fault) {
        self.fault = self.fault.max(Some(fault));
    }

    fn grow_line(&mut self, octets: usize) {
        self.line = self.line.saturating_add(octets as u64);
        if self.line > self.bounds.line {
            self.note(Fault::LineTooLong);
        }
    }
}

/// Moves `from..to` down to `kept`, and says where the kept content ends then.
fn shift(input: &mut BytesMut, from: usize, to: usize, kept: usize) -> usize {
    if from != kept && from < to {
        input.copy_within(from..to, kept);
    }
    kept + (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        size: 100,
        excess: 10,
        line: 50,
    };

    fn decode(input: &[u8]) -> (Decoded, Vec<u8>, Option<Fault>) {
        let mut input = BytesMut::from(input);
        let mut decoder = Decoder::new(BOUNDS);
        let decoded = decoder.decode(&mut input);
        (decoded, input.to_vec(), decoder.fault())
    }

    #[test]
    fn content_is_a_slice_of_the_input() {
        let mut input = BytesMut::from(&b"a\r\nb\r\n.\r\nQUIT\r\n"[..]);
        let start = input.as_ptr();
        let Decoded::End(content) = Decoder::new(BOUNDS).decode(&mut input) else {
            panic!("no end")
        };
        assert_eq!(
            (content.as_ptr(), &content[..]),
            (start, &b"a\r\nb\r\n"[..])
        );
        assert_eq!(input, "QUIT\r\n");
    }

    #[test]
    fn what_cannot_be_told_yet_stays() {
        assert_eq!(decode(b"a\r").1, b"\r");
        assert_eq!(decode(b"a\r\n.").1, b".");
        assert_eq!(decode(b"a\r\n.\r").1, b".\r");
        assert_eq!(decode(b"a\r\n..").1, b"");
        assert_eq!(decode(b"a.").1, b"");
    }

    #[test]
    fn dots_are_taken_out() {
        let (decoded, _, fault) = decode(b"..\r\n.a\r\nb.\r\n...\r\n.\r\n");
        assert_eq!(
            decoded,
            Decoded::End(Bytes::from_static(b".\r\na\r\nb.\r\n..\r\n"))
        );
        assert_eq!(fault, None);
    }

    #[test]
    fn faults_are_ranked() {
        assert_eq!(decode(&[b'x'; 51]).2, Some(Fault::LineTooLong));
        assert_eq!(
            decode(&[&b"a\nb"[..], &[b'x'; 60]].concat()).2,
            Some(Fault::BareNewline)
        );
        assert_eq!(
            decode(&[&b"a\rb"[..], &[b'x'; 100]].concat()).2,
            Some(Fault::TooBig)
        );
        assert_eq!(decode(&[b'x'; 111]).0, Decoded::Endless);
    }
}
