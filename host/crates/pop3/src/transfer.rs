//! A message on its way to the client, chunk by chunk: dots stuffed, and cut where TOP says.
//!
//! Standards: RFC 1939 §3 (byte-stuffing, the final dot), §7 (TOP).
//! Invariants: how the message was cut into chunks changes nothing; every line that is sent ends with CRLF, whichever way the
//! message ends it; a chunk that needs neither a dot nor a CR more passes through without a copy; what is sent ends with CRLF
//! before the final dot.

use bytes::{Bytes, BytesMut};

/// What has been seen of a message so far.
#[derive(Debug)]
pub(crate) struct Encoder {
    at: At,
    top: Option<Top>,
}

/// Where in a line the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    /// After a CR that began the line.
    StartCr,
    Middle,
    MiddleCr,
}

/// What TOP still wants.
#[derive(Debug)]
struct Top {
    /// The blank line has not come yet.
    header: bool,
    /// Lines of the body still wanted.
    lines: u64,
}

/// A line, or what there is of it.
struct Line {
    length: usize,
    /// It ends with an LF without CR: APPEND takes such messages.
    bare: bool,
}

impl Encoder {
    /// For RETR (`None`), or for TOP with this many lines of the body.
    pub(crate) fn new(lines: Option<u64>) -> Self {
        Encoder {
            at: At::Start,
            top: lines.map(|lines| Top {
                header: true,
                lines,
            }),
        }
    }

    /// Whether TOP has all it wants.
    pub(crate) fn satisfied(&self) -> bool {
        self.top
            .as_ref()
            .is_some_and(|top| !top.header && top.lines == 0)
    }

    /// Encodes the next octets.
    pub(crate) fn encode(&mut self, chunk: &Bytes) -> Bytes {
        let mut stuffed = BytesMut::new();
        let mut copied = 0;
        let mut position = 0;
        while position < chunk.len() && !self.satisfied() {
            let rest = chunk.get(position..).unwrap_or_default();
            if self.at == At::Start && rest.first() == Some(&b'.') {
                // RFC 1939 §3: a line that begins with the termination octet gets another one in front.
                stuffed.extend_from_slice(chunk.get(copied..position).unwrap_or_default());
                stuffed.extend_from_slice(b".");
                copied = position;
            }
            let line = self.line(rest);
            position += line.length;
            if line.bare {
                // RFC 1939 §3: lines end with CRLF; clients see no end, and no dot, where only an LF stands.
                let end = position - 1;
                stuffed.extend_from_slice(chunk.get(copied..end).unwrap_or_default());
                stuffed.extend_from_slice(b"\r");
                copied = end;
            }
        }
        if copied == 0 && stuffed.is_empty() {
            return chunk.slice(..position);
        }
        stuffed.extend_from_slice(chunk.get(copied..position).unwrap_or_default());
        stuffed.freeze()
    }

    /// Goes to the end of the line, or of what there is of it; says how far that is.
    fn line(&mut self, rest: &[u8]) -> Line {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            self.pass(rest);
            return Line {
                length: rest.len(),
                bare: false,
            };
        };
        self.pass(rest.get(..end).unwrap_or_default());
        let before = self.at;
        self.line_ended(matches!(before, At::Start | At::StartCr));
        Line {
            length: end + 1,
            bare: matches!(before, At::Start | At::Middle),
        }
    }

    /// Octets of a line, none of them an LF.
    fn pass(&mut self, octets: &[u8]) {
        let Some((last, before)) = octets.split_last() else {
            return;
        };
        let first = self.at == At::Start && before.is_empty();
        self.at = match (*last, first) {
            (b'\r', true) => At::StartCr,
            (b'\r', false) => At::MiddleCr,
            _ => At::Middle,
        };
    }

    fn line_ended(&mut self, blank: bool) {
        self.at = At::Start;
        match &mut self.top {
            Some(top) if top.header => top.header = !blank,
            Some(top) => top.lines = top.lines.saturating_sub(1),
            None => {}
        }
    }

    /// What ends the transfer: a line end if there was none, and the dot (RFC 1939 §3).
    pub(crate) fn end(&self) -> &'static [u8] {
        if self.at == At::Start {
            b".\r\n"
        } else {
            b"\r\n.\r\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(message: &[u8], lines: Option<u64>, cut: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(lines);
        let mut out = Vec::new();
        for chunk in message.chunks(cut.max(1)) {
            out.extend_from_slice(&encoder.encode(&Bytes::copy_from_slice(chunk)));
        }
        out.extend_from_slice(encoder.end());
        out
    }

    /// What a client does (RFC 1939 §3).
    fn decoded(transfer: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = transfer;
        loop {
            let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
            let (line, after) = rest.split_at(end + 2);
            if line == b".\r\n" {
                assert!(after.is_empty(), "the dot is the end");
                return out;
            }
            out.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
            rest = after;
        }
    }

    #[test]
    fn top_counts_lines_of_the_body_after_the_blank_one() {
        let message = b"A: 1\r\nB: 2\r\n\r\none\r\n.two\r\nthree\r\n";
        assert_eq!(whole(message, Some(0), 100), b"A: 1\r\nB: 2\r\n\r\n.\r\n");
        assert_eq!(
            whole(message, Some(2), 3),
            b"A: 1\r\nB: 2\r\n\r\none\r\n..two\r\n.\r\n"
        );
        assert_eq!(whole(message, Some(9), 1), whole(message, None, 100));
        assert_eq!(
            whole(b"A: 1\r\n", Some(0), 100),
            b"A: 1\r\n.\r\n",
            "a message may be all header"
        );
    }

    #[test]
    fn a_chunk_without_dots_is_not_copied() {
        let chunk = Bytes::from_static(b"A: 1\r\n\r\nno. dots. first.\r\n");
        assert_eq!(Encoder::new(None).encode(&chunk).as_ptr(), chunk.as_ptr());
    }

    #[test]
    fn an_unfinished_line_gets_its_end() {
        assert_eq!(whole(b"", None, 1), b".\r\n");
        assert_eq!(whole(b"x", None, 1), b"x\r\n.\r\n");
        assert_eq!(whole(b"x\r", None, 1), b"x\r\r\n.\r\n");
        assert_eq!(whole(b"\n.\r\n", None, 1), b"\r\n..\r\n.\r\n");
    }

    #[test]
    fn bare_lfs_end_lines() {
        let message = b"A: 1\n\none\n.two\nthree";
        for cut in 1..9 {
            assert_eq!(
                whole(message, None, cut),
                b"A: 1\r\n\r\none\r\n..two\r\nthree\r\n.\r\n"
            );
            assert_eq!(whole(message, Some(1), cut), b"A: 1\r\n\r\none\r\n.\r\n");
        }
    }

    proptest! {
        #[test]
        fn clients_get_what_was_stored(
            parts in proptest::collection::vec(prop_oneof![Just("\r\n"), Just("."), Just(".."), Just("ab"), Just("\r"), Just("\n")], 0..40),
            cut in 1_usize..9,
        ) {
            let message = parts.concat();
            let transfer = whole(message.as_bytes(), None, cut);
            prop_assert_eq!(&transfer, &whole(message.as_bytes(), None, 1000), "cuts change nothing");
            let got = decoded(&transfer);
            let mut expected = message.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes();
            if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                expected.extend_from_slice(b"\r\n");
            }
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn top_is_a_part_of_retr(
            parts in proptest::collection::vec(prop_oneof![Just("\r\n"), Just("."), Just("a: b"), Just("\r\n\r\n")], 0..30),
            lines in 0_u64..5, cut in 1_usize..9,
        ) {
            let message = parts.concat();
            let top = decoded(&whole(message.as_bytes(), Some(lines), cut));
            let all = decoded(&whole(message.as_bytes(), None, 100));
            prop_assert!(all.starts_with(&top));
        }
    }
}
