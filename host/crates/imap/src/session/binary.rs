//! BINARY (RFC 3516): a part without its transfer encoding, in pieces.
//!
//! A literal says first how long it is and whether it may hold the octet 0; so a part is decoded twice, to be measured and
//! to be sent, and never held.

use std::io::Write as _;

use crate::encode::{Out, number};
use crate::session::decoder::Decoder;

/// Octets in one read.
const PIECE: u64 = 256 * 1024;

/// A part that is being read and decoded.
#[derive(Debug)]
pub(crate) struct Binary {
    encoding: String,
    /// Where it stands in the message, encoded.
    start: u64,
    end: u64,
    /// How far it is read in this pass.
    at: u64,
    decoder: Decoder,
    /// It is text, whose lines end as IMAP's do.
    lines: Option<LineEnds>,
    pass: Pass,
    decoded: Vec<u8>,
}

/// Where a part stands in the message, and what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'a> {
    /// Its transfer encoding.
    pub(crate) encoding: &'a str,
    /// It is text/*.
    pub(crate) text: bool,
    /// First octet.
    pub(crate) start: u64,
    /// The octet behind the last.
    pub(crate) end: u64,
}

/// RFC 3516 §4.3, RFC 9051 §7.5.2: lines of text end with CR LF, whatever was encoded.
#[derive(Debug, Default, Clone, Copy)]
struct LineEnds {
    /// The octet before was a CR.
    after_cr: bool,
}

impl LineEnds {
    fn complete(&mut self, piece: &mut Vec<u8>) {
        let mut whole = Vec::with_capacity(piece.len());
        for &octet in piece.iter() {
            if octet == b'\n' && !self.after_cr {
                whole.push(b'\r');
            }
            self.after_cr = octet == b'\r';
            whole.push(octet);
        }
        *piece = whole;
    }
}

#[derive(Debug)]
enum Pass {
    Measure {
        purpose: Purpose,
        length: u64,
        nul: bool,
    },
    /// Octets that are left out before, and that are still to be sent.
    Send { skip: u64, left: u64 },
}

/// What a part is measured for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// BINARY.SIZE.
    Size,
    /// BINARY, or origin and length of some of it.
    Content(Option<(u64, u64)>),
}

impl Purpose {
    /// What stands for a part that is not there (RFC 3516 §4.3: the size is that of what BINARY would send).
    pub(crate) fn nothing(self) -> &'static [u8] {
        match self {
            Self::Size => b"0",
            Self::Content(_) => b"NIL",
        }
    }
}

impl Binary {
    /// `None` if the encoding is not known.
    pub(crate) fn new(located: Located<'_>, purpose: Purpose) -> Option<Self> {
        let Located {
            encoding,
            text,
            start,
            end,
        } = located;
        Some(Self {
            decoder: Decoder::new(encoding)?,
            encoding: encoding.to_owned(),
            lines: text.then(LineEnds::default),
            start,
            end,
            at: start,
            pass: Pass::Measure {
                purpose,
                length: 0,
                nul: false,
            },
            decoded: Vec::new(),
        })
    }

    /// Offset and length of what is to be read next in this pass.
    pub(crate) fn wanted(&self) -> Option<(u64, u32)> {
        let length = u32::try_from((self.end - self.at).min(PIECE)).unwrap_or(0);
        (length > 0).then_some((self.at, length))
    }

    /// What stands for it if it cannot be read.
    pub(crate) fn nothing(&self) -> &'static [u8] {
        match self.pass {
            Pass::Measure { purpose, .. } => purpose.nothing(),
            Pass::Send { .. } => b"",
        }
    }

    /// Whether something was promised that must follow.
    pub(crate) fn is_announced(&self) -> bool {
        matches!(self.pass, Pass::Send { .. })
    }

    /// Takes what was wanted.
    pub(crate) fn take(&mut self, out: &mut Out, piece: &[u8]) {
        self.at += piece.len() as u64;
        let mut decoded = std::mem::take(&mut self.decoded);
        self.decoder.decode(piece, &mut decoded);
        if let Some(lines) = &mut self.lines {
            lines.complete(&mut decoded);
        }
        self.pass_on(out, &decoded);
        decoded.clear();
        self.decoded = decoded;
    }

    fn pass_on(&mut self, out: &mut Out, decoded: &[u8]) {
        match &mut self.pass {
            Pass::Measure { length, nul, .. } => {
                *length += decoded.len() as u64;
                *nul |= memchr::memchr(0, decoded).is_some();
            }
            Pass::Send { skip, left } => {
                let of = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
                let rest = decoded
                    .get(of(*skip).min(decoded.len())..)
                    .unwrap_or_default();
                let sent = rest.get(..of(*left).min(rest.len())).unwrap_or_default();
                *skip -= (decoded.len() - rest.len()) as u64;
                *left -= sent.len() as u64;
                out.extend_from_slice(sent);
            }
        }
    }

    /// All of it was read: `true` if all is written, too, `false` if it is to be read again.
    pub(crate) fn turn(&mut self, out: &mut Out) -> bool {
        let mut decoded = std::mem::take(&mut self.decoded);
        self.decoder.finish(&mut decoded);
        self.pass_on(out, &decoded);
        decoded.clear();
        self.decoded = decoded;
        let Pass::Measure {
            purpose,
            length,
            nul,
        } = self.pass
        else {
            return true;
        };
        let partial = match purpose {
            Purpose::Size => {
                number(out, length);
                return true;
            }
            Purpose::Content(partial) => partial,
        };
        // RFC 3516 §4.2: a partial counts decoded octets; beyond the end there are none.
        let skip = partial.map_or(0, |(origin, _)| origin.min(length));
        let left = partial.map_or(length, |(_, count)| count.min(length - skip));
        if left == 0 {
            out.extend_from_slice(b"\"\"");
            return true;
        }
        // RFC 3516 §4.3: a literal8 only for what no literal can hold.
        let _ = write!(out, "{}{{{left}}}\r\n", if nul { "~" } else { "" });
        self.pass = Pass::Send { skip, left };
        self.at = self.start;
        self.lines = self.lines.map(|_| LineEnds::default());
        if let Some(decoder) = Decoder::new(&self.encoding) {
            self.decoder = decoder;
        }
        false
    }
}
