//! Flags in an mbox: fields of the header that are none of the message.
//!
//! `Status: R` seen, `O` old; `X-Status: A` answered, `F` flagged, `T` a draft, `D` deleted; `X-Keywords`; `X-UID` and `X-IMAPbase`, which count; and
//! Mozilla's `X-Mozilla-Status`, four hexadecimal digits.

use std::fmt::Write;

use waxwing_store::Flags;

use super::super::Marks;

const STATUS: [(u8, Flags); 5] = [
    (b'R', Flags::SEEN),
    (b'A', Flags::ANSWERED),
    (b'F', Flags::FLAGGED),
    (b'T', Flags::DRAFT),
    (b'D', Flags::DELETED),
];
/// By bits of X-Mozilla-Status.
const MOZILLA: [(u16, Flags); 3] = [
    (0x0001, Flags::SEEN),
    (0x0002, Flags::ANSWERED),
    (0x0004, Flags::FLAGGED),
];
const MOZILLA_REMOVED: u16 = 0x0008;
const MOZILLA_FORWARDED: u16 = 0x1000;
/// Longest of these fields that is read.
const MAX_FIELD: usize = 8 * 1024;

/// What the fields of a message say.
#[derive(Debug, Default)]
pub(super) struct Status {
    pub(super) marks: Marks,
    /// Octets of the body, where the header says so and is right.
    pub(super) length: Option<u64>,
    /// The message was removed, and the file not made shorter yet; or it is none, but where UW IMAP keeps its notes.
    pub(super) removed: bool,
}

/// What is to be done with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// It is the message's.
    Kept,
    /// It is the mbox's.
    Taken,
    /// It is the mbox's if the body is as long as it says.
    Length,
}

/// Whose a line of the header is.
pub(super) fn whose(line: &[u8]) -> Field {
    match name(line).as_slice() {
        b"status" | b"x-status" | b"x-keywords" | b"x-uid" | b"x-imap" | b"x-imapbase"
        | b"x-mozilla-status" | b"x-mozilla-status2" | b"x-mozilla-keys" => Field::Taken,
        b"content-length" => Field::Length,
        _ => Field::Kept,
    }
}

/// The number in a line `Content-Length: number`.
pub(super) fn length(line: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(line).ok()?;
    line.split_once(':')?.1.trim().parse().ok()
}

fn name(line: &[u8]) -> Vec<u8> {
    let end = memchr::memchr(b':', line).unwrap_or(0);
    line.get(..end.min(32))
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase()
}

impl Status {
    /// Reads a line of the header.
    pub(super) fn read(&mut self, line: &[u8]) {
        let line = line.get(..MAX_FIELD).unwrap_or(line);
        let colon = memchr::memchr(b':', line).map_or(0, |colon| colon + 1);
        let value = String::from_utf8_lossy(line.get(colon..).unwrap_or_default())
            .trim()
            .to_owned();
        match name(line).as_slice() {
            b"status" | b"x-status" => {
                for (letter, flag) in STATUS {
                    if value.bytes().any(|octet| octet == letter) {
                        self.marks.flag(flag);
                    }
                }
            }
            b"x-keywords" | b"x-mozilla-keys" => value
                .split_ascii_whitespace()
                .for_each(|keyword| self.marks.keyword(keyword)),
            b"x-mozilla-status" => self.mozilla(u16::from_str_radix(&value, 16).unwrap_or(0)),
            b"x-imap" => self.removed = true,
            _ => {}
        }
    }

    fn mozilla(&mut self, bits: u16) {
        for (bit, flag) in MOZILLA {
            if bits & bit != 0 {
                self.marks.flag(flag);
            }
        }
        if bits & MOZILLA_FORWARDED != 0 {
            self.marks.keyword("$Forwarded");
        }
        self.removed |= bits & MOZILLA_REMOVED != 0;
    }
}

/// The fields of flags, each with its end; none where there is none.
pub(super) fn fields(marks: &Marks, end: &str) -> String {
    let mut out = String::new();
    if marks.flags.contains(Flags::SEEN) {
        let _infallible = write!(out, "Status: RO{end}");
    }
    let others = STATUS.iter().filter(|(letter, _)| *letter != b'R');
    let letters: String = others
        .filter(|(_, flag)| marks.flags.contains(*flag))
        .map(|(letter, _)| char::from(*letter))
        .collect();
    if !letters.is_empty() {
        let _infallible = write!(out, "X-Status: {letters}{end}");
    }
    if !marks.keywords.is_empty() {
        let _infallible = write!(out, "X-Keywords: {}{end}", marks.keywords.join(" "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Status {
        let mut status = Status::default();
        for line in lines {
            status.read(line.as_bytes());
        }
        status
    }

    #[test]
    fn flags_are_read_and_written() {
        let found = read(&[
            "Status: RO\r\n",
            "X-Status: AF\n",
            "X-Keywords: $Forwarded work \n",
        ]);
        assert_eq!(
            found.marks.flags,
            Flags::SEEN | Flags::ANSWERED | Flags::FLAGGED
        );
        assert_eq!(found.marks.keywords, ["$Forwarded", "work"]);
        assert_eq!(
            fields(&found.marks, "\n"),
            "Status: RO\nX-Status: AF\nX-Keywords: $Forwarded work\n"
        );
        assert_eq!(fields(&Marks::default(), "\n"), "");
    }

    #[test]
    fn mozilla_has_bits() {
        let found = read(&["X-Mozilla-Status: 1005", "X-Mozilla-Keys: work"]);
        assert_eq!(found.marks.flags, Flags::SEEN | Flags::FLAGGED);
        assert_eq!(found.marks.keywords, ["$Forwarded", "work"]);
        assert!(!found.removed);
        assert!(read(&["X-Mozilla-Status: 0009"]).removed);
    }

    #[test]
    fn fields_are_the_mboxs_or_the_messages() {
        assert_eq!(whose(b"STATUS: RO"), Field::Taken);
        assert_eq!(whose(b"Content-Length: 5"), Field::Length);
        assert_eq!(whose(b"Subject: Status: RO"), Field::Kept);
        assert_eq!(whose(b"no field"), Field::Kept);
    }
}
