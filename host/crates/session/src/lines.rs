//! Lines that end with CRLF and with nothing else, cut from a stream as it arrives.
//!
//! Invariants: memory is bounded by the caller's limit and what one `push` brought; how the stream was cut into
//! pushes changes nothing; an empty buffer holds no memory; every byte is looked at once.

use bytes::{Buf, Bytes, BytesMut};

/// A buffer of received bytes that gives lines, or raw bytes where a protocol counts them.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: BytesMut,
    /// How much of the buffer was searched and holds no LF.
    searched: usize,
    /// Octets of an overlong line that were dropped already.
    dropped: usize,
    /// The last dropped octet was a CR.
    dropped_cr: bool,
    /// A bare CR was among the dropped.
    dropped_bare: bool,
    /// The last octets that were dropped.
    dropped_tail: [u8; 3],
    /// See [`Lines::announces`].
    announces: bool,
}

/// What is wrong with a line. The line has been taken out of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// The line, CRLF included, was longer than the limit.
    TooLong,
    /// It held a CR without LF, or ended with an LF without CR.
    BareNewline,
    /// No end came within [`Lines::ENDLESS`] octets. Nothing sensible can follow: close.
    Endless,
}

impl Lines {
    /// How many octets of one line are read past before giving up on its end.
    pub const ENDLESS: usize = 1 << 20;

    /// A buffer that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line without its CRLF, if it has arrived. `limit` counts the CRLF.
    pub fn next_line(&mut self, limit: usize) -> Option<Result<Bytes, LineError>> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr::memchr(b'\n', unsearched) else {
            return self.no_end(limit).map(Err);
        };
        let end = self.searched + found;
        let line = self.buffer.split_to(end + 1);
        self.searched = 0;
        self.give_back();
        Some(self.judge(line, limit))
    }

    /// Takes at most `limit` raw bytes: literals, message content.
    pub fn take(&mut self, limit: usize) -> Bytes {
        let taken = self.buffer.split_to(limit.min(self.buffer.len())).freeze();
        self.searched = 0;
        self.give_back();
        taken
    }

    /// Everything buffered, for a reader that finds its own way in it; what it leaves goes back with [`Lines::put_back`].
    pub fn take_all(&mut self) -> BytesMut {
        self.searched = 0;
        std::mem::take(&mut self.buffer)
    }

    /// Puts back the unused end of what [`Lines::take_all`] gave, before anything else is pushed.
    pub fn put_back(&mut self, rest: BytesMut) {
        // A short rest is copied: it must not keep the whole piece that it came with.
        self.buffer = match rest.len() {
            0 => BytesMut::new(),
            1..=64 => BytesMut::from(rest.as_ref()),
            _ => rest,
        };
    }

    /// Throws away what is buffered (RFC 3207 §4.2).
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether the last line that [`Lines::next_line`] gave or refused ended with `+}`: in IMAP that announces octets
    /// that are no lines (RFC 7888 §4).
    #[must_use]
    pub fn announces(&self) -> bool {
        self.announces
    }

    /// How many bytes are buffered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing is buffered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// A whole line with its LF, and what was dropped of it before.
    fn judge(&mut self, mut line: BytesMut, limit: usize) -> Result<Bytes, LineError> {
        let dropped = std::mem::take(&mut self.dropped);
        let bare_before = std::mem::take(&mut self.dropped_bare);
        let cr_before = std::mem::take(&mut self.dropped_cr);
        let tail = std::mem::take(&mut self.dropped_tail);
        self.announces = if dropped == 0 {
            line.trim_ascii_end().ends_with(b"+}")
        } else {
            let ending = [tail.as_slice(), line.as_ref()].concat();
            ending.trim_ascii_end().ends_with(b"+}")
        };
        if dropped + line.len() > Self::ENDLESS {
            return Err(LineError::Endless);
        }
        let text = line.len() - 1;
        let ended = match text.checked_sub(1) {
            Some(last) => line.get(last) == Some(&b'\r'),
            None => cr_before,
        };
        let inner = line.get(..text.saturating_sub(1)).unwrap_or_default();
        let bare = bare_before || (cr_before && text > 0) || memchr::memchr(b'\r', inner).is_some();
        if !ended || bare {
            return Err(LineError::BareNewline);
        }
        if dropped + text + 1 > limit {
            return Err(LineError::TooLong);
        }
        line.truncate(text.saturating_sub(1));
        Ok(line.freeze())
    }

    /// No LF in the buffer: an overlong beginning is dropped, so that it costs no memory.
    fn no_end(&mut self, limit: usize) -> Option<LineError> {
        self.searched = self.buffer.len();
        if self.dropped + self.buffer.len() < limit {
            return None;
        }
        self.note_dropped();
        self.dropped += self.buffer.len();
        self.buffer = BytesMut::new();
        self.searched = 0;
        (self.dropped > Self::ENDLESS).then_some(LineError::Endless)
    }

    /// Remembers of the buffer, which is about to be dropped, what [`Lines::judge`] needs to know.
    fn note_dropped(&mut self) {
        let Some((last, inner)) = self.buffer.split_last() else {
            return;
        };
        self.dropped_bare |= self.dropped_cr || memchr::memchr(b'\r', inner).is_some();
        self.dropped_cr = *last == b'\r';
        let tail = self.buffer.len().saturating_sub(self.dropped_tail.len());
        for octet in self.buffer.get(tail..).unwrap_or_default() {
            self.dropped_tail.rotate_left(1);
            if let Some(place) = self.dropped_tail.last_mut() {
                *place = *octet;
            }
        }
    }

    /// An idle connection keeps no buffer.
    fn give_back(&mut self) {
        if !self.buffer.has_remaining() {
            self.buffer = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refused_line_announces_is_known_however_it_was_cut() {
        for (line, announces) in [
            ("xxxxxxxxxx {3+}\r\n", true),
            ("xxxxxxxxxx {3+}\n", true),
            ("xxxxxxxxxx {3}\r\n", false),
            ("x {3+}\r\n", true),
            ("xxxxxxxxxx\r\n", false),
        ] {
            for cut in 1..line.len() {
                let mut lines = Lines::new();
                let mut given = None;
                for piece in line.as_bytes().chunks(cut) {
                    lines.push(piece);
                    given = given.or(lines.next_line(8));
                }
                assert!(given.is_some());
                assert_eq!(lines.announces(), announces, "{line:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn empty_buffers_hold_no_memory() {
        let mut lines = Lines::new();
        lines.push(b"NOOP\r\n");
        assert!(lines.next_line(512).is_some());
        assert_eq!(lines.buffer.capacity(), 0);
        lines.push(&[b'x'; 65536]);
        let mut all = lines.take_all();
        assert_eq!(lines.buffer.capacity(), 0);
        lines.put_back(all.split_off(65535));
        assert!(lines.len() == 1 && lines.buffer.capacity() < 100);
        lines.take(1);
        assert_eq!(lines.buffer.capacity(), 0);
    }
}
