//! Content on its way out: lines end with CRLF, dots are stuffed, and nothing in it can end it.
//!
//! Standards: RFC 5321 §4.5.2 (transparency), §2.3.8 (no bare CR or LF), §4.1.1.4 (the end), RFC 3030 §2.
//! Invariants: what comes out has no CR without LF and no LF without CR; after DATA no line of it is a lone dot; how the
//! content was cut into pieces changes nothing.

use memchr::memchr2;

/// An encoder for one message's text.
#[derive(Debug)]
pub(super) struct Encoder {
    /// Dots are stuffed: DATA, not BDAT.
    dots: bool,
    /// The next octet begins a line.
    line_start: bool,
    /// A CR was read whose LF, if there is one, comes next.
    cr: bool,
}

impl Encoder {
    pub(super) fn new(dots: bool) -> Self {
        Self {
            dots,
            line_start: true,
            cr: false,
        }
    }

    /// Appends a piece. A bare CR or LF becomes CRLF: whoever reads on must see the line ends that this server saw.
    pub(super) fn encode(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        if self.cr && !rest.is_empty() {
            self.cr = false;
            self.end_line(out);
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(found) = memchr2(b'\r', b'\n', rest) {
            self.text(rest.get(..found).unwrap_or_default(), out);
            let newline = rest.get(found..).unwrap_or_default();
            let read = match newline {
                [b'\r'] => {
                    self.cr = true;
                    return;
                }
                [b'\r', b'\n', ..] => 2,
                _ => 1,
            };
            self.end_line(out);
            rest = newline.get(read..).unwrap_or_default();
        }
        self.text(rest, out);
    }

    /// Appends what is left, and after DATA the end.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.cr) {
            self.end_line(out);
        }
        if self.dots {
            // RFC 5321 §4.1.1.4: the CRLF before the dot is the last line's own, if it has one.
            if !self.line_start {
                self.end_line(out);
            }
            out.extend_from_slice(b".\r\n");
        }
    }

    fn text(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        if self.dots && self.line_start && text.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(text);
        self.line_start = false;
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.line_start = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(pieces: &[&[u8]], dots: bool) -> Vec<u8> {
        let mut encoder = Encoder::new(dots);
        let mut out = Vec::new();
        for piece in pieces {
            encoder.encode(piece, &mut out);
        }
        encoder.finish(&mut out);
        out
    }

    #[test]
    fn dots_are_stuffed() {
        assert_eq!(encode(&[b""], true), b".\r\n");
        assert_eq!(
            encode(&[b".\r\n..a\r\nb."], true),
            b"..\r\n...a\r\nb.\r\n.\r\n"
        );
        assert_eq!(encode(&[b".", b".\r", b"\n."], true), b"...\r\n..\r\n.\r\n");
        assert_eq!(encode(&[b".\r\n.a"], false), b".\r\n.a");
    }

    #[test]
    fn no_sequence_of_smuggling_leaves() {
        for bad in [
            &b"a\n.\nb"[..],
            b"a\n.\r\nb",
            b"a\r.\rb",
            b"a\r\n.\nb",
            b"a\r\n.\rb",
            b"a\r.\r\nb",
            b"a\n.\rb",
        ] {
            assert_eq!(encode(&[bad], true), b"a\r\n..\r\nb\r\n.\r\n", "{bad:?}");
        }
        assert_eq!(encode(&[b"a\r", b"\r\nb\r"], true), b"a\r\n\r\nb\r\n.\r\n");
        assert_eq!(encode(&[b"a\n", b"b\r"], false), b"a\r\nb\r\n");
    }
}
