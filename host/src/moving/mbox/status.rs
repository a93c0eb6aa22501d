//! Flags in an mbox: fields of the header that are none of the message.
//!
//! `Status: R` seen, `O` old; `X-Status: A` answered, `F` flagged, `T` a draft, `D` deleted; `X-Keywords`; `X-UID` and `X-IMAPbase`, which count; and
//! Mozilla's `X-Mozilla-Status`, four hexadecimal digits.
//!
//! A stranger can send any of them, so what makes a message vanish is believed only where programs write it: Mozilla's on top of a message that
//! begins with Mozilla's line, UW IMAP's in the first message of a file. A message's own fields of these names are written with a `>` before
//! them, as lines `From ` are, and lose it when they are read: nobody takes them for the mbox's, and nothing is lost.

use std::fmt::Write;

use waxwing_store::Flags;

use super::super::Marks;
use super::from_line;

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
const MAX_FIELD: usize = 16 * 1024;
/// What the subject of UW IMAP's own message begins with.
const NOTES: &[u8] = b"subject: don't delete this message";

/// What the fields of a message say.
#[derive(Debug, Default)]
pub(super) struct Status {
    believed: Believed,
    /// The field that was read last has keywords.
    lists: bool,
    pub(super) marks: Marks,
    /// Octets of the body, where the header says so and is right.
    pub(super) length: Option<u64>,
    /// Why it is not to be brought.
    pub(super) absent: Option<Absent>,
}

/// Why a message of the file is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// It was removed, and the file not made shorter yet.
    Removed,
    /// UW IMAP keeps its notes there.
    Notes,
}

/// Which fields can be the mbox's, at a place of a message.
#[derive(Debug, Default)]
struct Believed {
    /// It begins as Mozilla's do, and no other field came yet.
    mozilla: bool,
    /// Mozilla has written its fields: those of others are the message's.
    is_mozillas: bool,
    /// It begins as UW IMAP's notes do.
    notes: bool,
    /// It has their subject, too.
    noted: bool,
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

/// Who writes a field of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    /// Whoever wrote the message.
    Sender,
    /// Programs that deal with mboxes.
    Many,
    Mozilla,
    /// What Mozilla writes beside its flags, and leaves in the message.
    MozillaToo,
    /// UW IMAP, into the message that has its notes.
    Uw,
    /// Whoever counts the octets of bodies.
    Counting,
}

fn author(line: &[u8]) -> Author {
    match name(line).as_slice() {
        b"status" | b"x-status" | b"x-keywords" | b"x-uid" | b"x-imapbase" => Author::Many,
        b"x-mozilla-status" | b"x-mozilla-status2" | b"x-mozilla-keys" => Author::Mozilla,
        b"x-account-key" | b"x-uidl" => Author::MozillaToo,
        b"x-imap" => Author::Uw,
        b"content-length" => Author::Counting,
        _ => Author::Sender,
    }
}

/// Whether a line of a header is a field that may be taken for the mbox's, or that behind one `>` or more.
pub(super) fn is_field(line: &[u8]) -> bool {
    let marks = line.iter().take_while(|octet| **octet == b'>').count();
    let field = line.get(marks..).unwrap_or_default();
    let goes_on = marks == 0 && matches!(line.first(), Some(b' ' | b'\t'));
    !goes_on && !matches!(author(field), Author::Sender | Author::MozillaToo)
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
    /// Of a message that begins with a line, without its end; `first` in the file or not.
    pub(super) fn of(from: &[u8], first: bool) -> Self {
        Self {
            believed: Believed {
                mozilla: from_line::is_of_mozilla(from),
                notes: first && from.starts_with(b"From MAILER-DAEMON"),
                ..Believed::default()
            },
            ..Self::default()
        }
    }

    /// Reads the first line of the next field; whose it is.
    pub(super) fn field(&mut self, line: &[u8]) -> Field {
        let believed = &mut self.believed;
        let taken = match author(line) {
            Author::Counting if !believed.is_mozillas => return Field::Length,
            Author::Many => !believed.is_mozillas,
            Author::Mozilla => believed.mozilla,
            Author::Uw => believed.noted,
            Author::Counting | Author::MozillaToo => false,
            Author::Sender => {
                believed.mozilla = false;
                let start = line.get(..NOTES.len()).unwrap_or_default();
                believed.noted |= believed.notes && start.eq_ignore_ascii_case(NOTES);
                false
            }
        };
        if !taken {
            return Field::Kept;
        }
        believed.is_mozillas |= believed.mozilla;
        self.read(line);
        Field::Taken
    }

    /// Reads a further line of a field that was taken.
    pub(super) fn goes_on(&mut self, line: &[u8]) {
        if self.lists {
            self.keywords(line);
        }
    }

    fn keywords(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text.get(..MAX_FIELD).unwrap_or(text));
        for keyword in text.split_ascii_whitespace() {
            self.marks.keyword(keyword);
        }
    }

    fn read(&mut self, line: &[u8]) {
        let line = line.get(..MAX_FIELD).unwrap_or(line);
        let colon = memchr::memchr(b':', line).map_or(0, |colon| colon + 1);
        let value = String::from_utf8_lossy(line.get(colon..).unwrap_or_default())
            .trim()
            .to_owned();
        let name = name(line);
        self.lists = matches!(name.as_slice(), b"x-keywords" | b"x-mozilla-keys");
        match name.as_slice() {
            b"status" | b"x-status" => {
                for (letter, flag) in STATUS {
                    if value.bytes().any(|octet| octet == letter) {
                        self.marks.flag(flag);
                    }
                }
            }
            b"x-keywords" | b"x-mozilla-keys" => self.keywords(value.as_bytes()),
            b"x-mozilla-status" => self.mozilla(u16::from_str_radix(&value, 16).unwrap_or(0)),
            b"x-imap" => self.absent = Some(Absent::Notes),
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
        if bits & MOZILLA_REMOVED != 0 {
            self.absent = Some(Absent::Removed);
        }
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

    fn read(from: &str, lines: &[&str]) -> (Status, Vec<Field>) {
        let mut status = Status::of(from.as_bytes(), true);
        let fields = lines.iter().map(|line| status.field(line.as_bytes()));
        let fields = fields.collect();
        (status, fields)
    }

    #[test]
    fn flags_are_read_and_written() {
        let (found, _) = read(
            "From x",
            &[
                "Status: RO\r\n",
                "X-Status: AF\n",
                "X-Keywords: $Forwarded work \n",
            ],
        );
        assert_eq!(
            found.marks.flags,
            Flags::SEEN | Flags::ANSWERED | Flags::FLAGGED
        );
        assert_eq!(found.marks.keywords, ["$Forwarded", "work"]);
        let (mut folded, _) = read("From x", &["X-Keywords: a"]);
        folded.goes_on(b" b\n");
        assert_eq!(folded.marks.keywords, ["a", "b"]);
        assert_eq!(
            fields(&found.marks, "\n"),
            "Status: RO\nX-Status: AF\nX-Keywords: $Forwarded work\n"
        );
        assert_eq!(fields(&Marks::default(), "\n"), "");
    }

    #[test]
    fn mozilla_has_bits() {
        let lines = [
            "X-UIDL: 1",
            "X-Mozilla-Status: 1005",
            "X-Mozilla-Keys: work",
        ];
        for from in ["From", "From - Thu Nov 26 20:55:26 2026"] {
            let (found, _) = read(from, &lines);
            assert_eq!(found.marks.flags, Flags::SEEN | Flags::FLAGGED);
            assert_eq!(found.marks.keywords, ["$Forwarded", "work"]);
            assert_eq!(found.absent, None);
        }
        let (found, _) = read("From", &["X-Mozilla-Status: 0009"]);
        assert_eq!(found.absent, Some(Absent::Removed));
    }

    #[test]
    fn what_a_stranger_sent_is_the_messages() {
        use Field::{Kept, Length, Taken};
        let removed = "X-Mozilla-Status: 0008";
        for (from, lines, whose) in [
            ("From a@b", &[removed, "Status: R"][..], &[Kept, Taken][..]),
            ("From", &["Subject: x", removed], &[Kept, Kept]),
            (
                "From",
                &[
                    "X-Mozilla-Status: 0001",
                    "A: 1",
                    removed,
                    "Status: R",
                    "Content-Length: 1",
                ],
                &[Taken, Kept, Kept, Kept, Kept],
            ),
            ("From MAILER-DAEMON", &["X-IMAP: 1 2"], &[Kept]),
            (
                "From a@b",
                &["Subject: DON'T DELETE THIS MESSAGE", "X-IMAP: 1 2"],
                &[Kept, Kept],
            ),
            (
                "From a@b",
                &["Subject: Status: RO", "no field", "CONTENT-LENGTH: 5"],
                &[Kept, Kept, Length],
            ),
        ] {
            let (found, fields) = read(from, lines);
            assert_eq!(fields, whose, "{lines:?}");
            assert_eq!(found.absent, None, "{lines:?}");
        }
        let notes = [
            "Subject: DON'T DELETE THIS MESSAGE -- FOLDER",
            "X-IMAP: 1 2",
        ];
        let (found, _) = read("From MAILER-DAEMON Thu", &notes);
        assert_eq!(found.absent, Some(Absent::Notes));
    }

    #[test]
    fn fields_that_may_be_taken_are_known_behind_marks() {
        for (line, is) in [
            ("STATUS: RO", true),
            (">>x-imap: 1", true),
            ("> Status: x", true),
            (" Status: x", false),
            ("Subject: Status: RO", false),
            ("X-UIDL: 1", false),
            ("no field", false),
        ] {
            assert_eq!(is_field(line.as_bytes()), is, "{line}");
        }
    }
}
