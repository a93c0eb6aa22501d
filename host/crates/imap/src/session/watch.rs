//! What a message that is appended must not hold, seen while it goes through.

use crate::encode::texts::{self, Response};

/// Looks at a message in pieces, however it is cut.
#[derive(Debug)]
pub(crate) struct Watch {
    /// It may hold the octet 0 (RFC 3516: a literal8).
    binary: bool,
    /// Its header may hold UTF-8.
    utf8: bool,
    place: Place,
    /// An octet 0 was where none may be.
    nul: bool,
    /// What is not ASCII was in the header, where that may not be.
    eight_bit: bool,
}

/// Where in the message the next octet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the header, at the beginning of a line.
    Line,
    /// In the header, within a line.
    Field,
    Body,
}

impl Watch {
    pub(crate) fn new(binary: bool, utf8: bool) -> Self {
        Self {
            binary,
            utf8,
            place: Place::Line,
            nul: false,
            eight_bit: false,
        }
    }

    /// What comes from here on may hold the octet 0, or may not.
    pub(crate) fn set_binary(&mut self, binary: bool) {
        self.binary = binary;
    }

    pub(crate) fn look(&mut self, piece: &[u8]) {
        self.nul |= !self.binary && memchr::memchr(0, piece).is_some();
        if self.utf8 {
            return;
        }
        for &octet in piece {
            self.place = match (self.place, octet) {
                (Place::Body, _) => return,
                (Place::Line, b'\n') => Place::Body,
                (Place::Field, b'\n') => Place::Line,
                (place, b'\r') => place,
                (..) => Place::Field,
            };
            self.eight_bit |= !octet.is_ascii();
        }
    }

    /// Why the message is refused.
    pub(crate) fn refusal(&self) -> Option<Response> {
        // RFC 3501 §9: a literal has no octet 0. RFC 6855 §4: nor is there UTF-8 for clients that do not know of it.
        match (self.nul, self.eight_bit) {
            (true, _) => Some(texts::NUL),
            (_, true) => Some(texts::UTF8_HEADER),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Watch;

    fn refused(message: &[u8], piece: usize) -> bool {
        let mut watch = Watch::new(false, false);
        message.chunks(piece).for_each(|piece| watch.look(piece));
        watch.refusal().is_some()
    }

    #[test]
    fn headers_are_ascii_and_bodies_need_not_be() {
        for piece in 1..20 {
            assert!(!refused("A: b\r\n\r\nGrüße".as_bytes(), piece));
            assert!(!refused("\r\nGrüße".as_bytes(), piece));
            assert!(refused("A: b\r\nSubject: Grüße\r\n\r\n".as_bytes(), piece));
            assert!(refused("A: b\r\n\r\n\0".as_bytes(), piece));
        }
    }
}
