//! The content of BDAT: octets that are counted, checked across the seams of chunks.
//!
//! Standards: RFC 3030 §2 (text in chunks has lines that end with CRLF), §3 (BINARYMIME need not), RFC 5321 §2.3.8.
//! Invariants: how chunks and input were cut changes nothing; a fault stays.

use memchr::memchr2;

use crate::content::{Bounds, Fault};

/// What is known of the chunks of one message so far.
#[derive(Debug)]
pub(crate) struct Chunks {
    bounds: Bounds,
    /// BODY=BINARYMIME: there need be no lines.
    binary: bool,
    /// Octets so far.
    size: u64,
    /// Octets of the present line so far.
    line: u64,
    /// The last octet was a CR, and an LF must follow.
    after_cr: bool,
    fault: Option<Fault>,
}

impl Chunks {
    pub(crate) fn new(bounds: Bounds, binary: bool) -> Self {
        Self {
            bounds,
            binary,
            size: 0,
            line: 0,
            after_cr: false,
            fault: None,
        }
    }

    /// What is wrong with the content up to here.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Octets so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Takes a piece; says whether all is well up to its end, and it is to be handed on.
    pub(crate) fn take(&mut self, piece: &[u8]) -> bool {
        self.size = self.size.saturating_add(piece.len() as u64);
        if self.size > self.bounds.size {
            self.note(Fault::TooBig);
        }
        // RFC 3030 §2: text MUST have lines delimited with CRLF; only BINARYMIME lets CR and LF stand for themselves (§3).
        // A bare one in text is refused here as after DATA, or the next hop that is told with DATA could take it for an end.
        if !self.binary {
            self.scan(piece);
        }
        self.fault.is_none()
    }

    /// No more comes.
    pub(crate) fn end(&mut self) {
        if self.after_cr {
            self.note(Fault::BareNewline);
        }
    }

    fn scan(&mut self, piece: &[u8]) {
        let mut rest = piece;
        if let (true, Some((first, others))) = (self.after_cr, rest.split_first()) {
            self.after_cr = false;
            if *first == b'\n' {
                self.grow_line(1);
                self.line = 0;
                rest = others;
            } else {
                self.note(Fault::BareNewline);
            }
        }
        while let Some(found) = memchr2(b'\r', b'\n', rest) {
            let read = match (rest.get(found), rest.get(found + 1)) {
                (Some(b'\r'), Some(b'\n')) => {
                    self.grow_line(found + 2);
                    self.line = 0;
                    found + 2
                }
                (Some(b'\r'), None) => {
                    self.after_cr = true;
                    self.grow_line(found + 1);
                    found + 1
                }
                _ => {
                    self.note(Fault::BareNewline);
                    self.grow_line(found + 1);
                    found + 1
                }
            };
            rest = rest.get(read..).unwrap_or_default();
        }
        self.grow_line(rest.len());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(pieces: &[&[u8]], binary: bool) -> Option<Fault> {
        let bounds = Bounds {
            size: 100,
            excess: 10,
            line: 50,
        };
        let mut chunks = Chunks::new(bounds, binary);
        for piece in pieces {
            chunks.take(piece);
        }
        chunks.end();
        chunks.fault()
    }

    #[test]
    fn lines_may_end_across_chunks() {
        assert_eq!(fault(&[b"a\r", b"\nb\r\n.\r\n"], false), None);
        assert_eq!(fault(&[b"a\r", b"", b"\n"], false), None);
        assert_eq!(fault(&[b"a\r", b"b"], false), Some(Fault::BareNewline));
        assert_eq!(fault(&[b"a\r"], false), Some(Fault::BareNewline));
        assert_eq!(fault(&[b"a", b"\n"], false), Some(Fault::BareNewline));
    }

    #[test]
    fn binary_content_has_no_lines() {
        assert_eq!(fault(&[b"a\r", b"b\n\0", &[b'x'; 60]], true), None);
        assert_eq!(fault(&[&[b'x'; 60]], false), Some(Fault::LineTooLong));
        assert_eq!(fault(&[&[b'x'; 101]], true), Some(Fault::TooBig));
    }
}
