//! An mbox cut into its messages, line by line: a line may be longer than memory, and is read in pieces.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

use super::super::Spool;
use super::status::{Field, Status, is_field, length};
use super::{Quoting, from_line, is_from};

/// Octets of a line that are read at a time.
const PIECE: u64 = 64 * 1024;

/// The messages of a file.
pub(super) struct Split<R> {
    file: BufReader<R>,
    quoting: Option<Quoting>,
    /// Octets of a message that are kept; of a larger one it is known how many it has.
    most: u64,
    /// The line `From `, without its end, that was read last and begins the next message.
    next: Option<Vec<u8>>,
    /// No message was read yet.
    first: bool,
}

/// A message of the file.
pub(super) struct Part {
    /// Its line `From `, without its end.
    pub(super) from: Vec<u8>,
    pub(super) status: Status,
    /// The message, quotes and the mbox's fields taken off.
    pub(super) content: Spool,
}

/// A line, or a piece of one.
struct Piece {
    octets: Vec<u8>,
    /// It begins its line.
    first: bool,
}

impl<R: Read + Seek> Split<R> {
    /// Of a file that begins with `From `; with a quoting that is known, or to be told by each message.
    pub(super) fn new(file: R, quoting: Option<Quoting>, most: u64) -> io::Result<Self> {
        let mut split = Self {
            file: BufReader::with_capacity(128 * 1024, file),
            quoting,
            most,
            next: None,
            first: true,
        };
        // Empty lines before the first message are none's.
        while let Some(piece) = split.piece(true)? {
            if split.begins(&piece.octets, true) {
                break;
            }
            if !piece.octets.trim_ascii_end().is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "it does not begin with a line `From sender date`",
                ));
            }
        }
        Ok(split)
    }

    /// How far the file has been read, in octets.
    pub(super) fn position(&mut self) -> io::Result<u64> {
        self.file.stream_position()
    }

    /// Whether no message is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.next.is_none()
    }

    /// The next message; none at the end.
    pub(super) fn part(&mut self) -> io::Result<Option<Part>> {
        let Some(from) = self.next.take() else {
            return Ok(None);
        };
        let mut content = Spool::up_to(self.most);
        let mut status = Status::of(&from, self.first);
        self.first = false;
        let open = self.header(&mut content, &mut status)?;
        if let Some(blank) = open
            && !self.counted(&mut content, &mut status, &blank)?
        {
            self.body(&mut content, blank)?;
        }
        Ok(Some(Part {
            from,
            status,
            content,
        }))
    }

    /// Reads the header; the empty line that ends it, if it has one.
    fn header(&mut self, content: &mut Spool, status: &mut Status) -> io::Result<Option<Vec<u8>>> {
        let (mut first, mut whose) = (true, Field::Kept);
        while let Some(piece) = self.piece(first)? {
            first = piece.octets.ends_with(b"\n");
            if piece.first && is_empty(&piece.octets) {
                return Ok(Some(piece.octets));
            }
            if piece.first && self.begins(&piece.octets, false) {
                return Ok(None);
            }
            // RFC 5322 §2.2.3: a line that begins with a space goes on with the field before it.
            let goes_on = matches!(piece.octets.first(), Some(b' ' | b'\t'));
            if piece.first && !goes_on {
                whose = self.whose(&piece.octets, status)?;
            } else if piece.first && whose == Field::Taken {
                status.goes_on(&piece.octets);
            }
            if whose == Field::Kept {
                let own = piece.first && piece.octets.starts_with(b">") && is_field(&piece.octets);
                match piece.octets.get(1..).filter(|_| own) {
                    Some(field) => content.write_all(field)?,
                    None => content.write_all(&self.unquoted(&piece))?,
                }
            }
        }
        Ok(None)
    }

    /// Whose a field is; the mbox's are read.
    fn whose(&mut self, line: &[u8], status: &mut Status) -> io::Result<Field> {
        let whose = status.field(line);
        if whose != Field::Length {
            return Ok(whose);
        }
        if let Some(length) = length(line)
            && status.length.is_none()
            && self.holds(length)?
        {
            status.length = Some(length);
            return Ok(Field::Taken);
        }
        Ok(Field::Kept)
    }

    /// Reads a body whose length is known, mboxcl2; false if it is not known.
    fn counted(
        &mut self,
        content: &mut Spool,
        status: &mut Status,
        blank: &[u8],
    ) -> io::Result<bool> {
        let Some(length) = status.length else {
            return Ok(false);
        };
        content.write_all(blank)?;
        io::copy(&mut (&mut self.file).take(length), content)?;
        while let Some(piece) = self.piece(true)? {
            if self.begins(&piece.octets, true) {
                break;
            }
        }
        Ok(true)
    }

    /// Whether the message ends where Content-Length says, which is looked at from within its header.
    fn holds(&mut self, length: u64) -> io::Result<bool> {
        if !matches!(self.quoting, None | Some(Quoting::Cl2)) {
            return Ok(false);
        }
        let here = self.file.stream_position()?;
        let mut first = true;
        while let Some(piece) = self.piece(first)?
            && !(first && is_empty(&piece.octets))
        {
            first = piece.octets.ends_with(b"\n");
        }
        let body = self.file.stream_position()?;
        let end = self.file.get_mut().seek(SeekFrom::End(0))?;
        let there = body.saturating_add(length);
        let mut after = Vec::new();
        if there <= end {
            self.file.seek(SeekFrom::Start(there))?;
            (&mut self.file).take(1024).read_to_end(&mut after)?;
        }
        self.file.seek(SeekFrom::Start(here))?;
        let after = after.trim_ascii_start();
        let line = after
            .split(|octet| *octet == b'\n')
            .next()
            .unwrap_or_default();
        let begins = || from_line::is_bare(line) || from_line::time(line).is_some();
        Ok(there <= end && (after.is_empty() || begins()))
    }

    /// Reads a body up to the next message. The empty line before that is the mbox's.
    fn body(&mut self, content: &mut Spool, blank: Vec<u8>) -> io::Result<()> {
        let (mut first, mut held) = (true, Some(blank));
        while let Some(piece) = self.piece(first)? {
            first = piece.octets.ends_with(b"\n");
            if piece.first && held.is_some() && self.begins(&piece.octets, true) {
                return Ok(());
            }
            if let Some(blank) = held.take() {
                content.write_all(&blank)?;
            }
            if piece.first && is_empty(&piece.octets) {
                held = Some(piece.octets);
            } else {
                content.write_all(&self.unquoted(&piece))?;
            }
        }
        Ok(())
    }

    /// Whether a line begins the next message, which is noted then; where an empty line stands before it, or none, a bare one does.
    fn begins(&mut self, line: &[u8], bare: bool) -> bool {
        let begins = (bare && from_line::is_bare(line)) || from_line::time(line).is_some();
        if begins {
            self.next = Some(line.trim_ascii_end().to_vec());
        }
        begins
    }

    /// A piece without the quote that it was given.
    fn unquoted<'a>(&self, piece: &'a Piece) -> std::borrow::Cow<'a, [u8]> {
        let octets = piece.octets.as_slice();
        let quoted = piece.first
            && match self.quoting {
                None | Some(Quoting::Rd) => octets.starts_with(b">") && is_from(octets),
                Some(Quoting::O) => octets.starts_with(b">From "),
                Some(Quoting::Cl2) => false,
            };
        let skipped = usize::from(quoted);
        octets.get(skipped..).unwrap_or(octets).into()
    }

    /// The next line, or a piece of it; none at the end.
    fn piece(&mut self, first: bool) -> io::Result<Option<Piece>> {
        let mut octets = Vec::new();
        (&mut self.file)
            .take(PIECE)
            .read_until(b'\n', &mut octets)?;
        Ok((!octets.is_empty()).then_some(Piece { octets, first }))
    }
}

/// Whether a line is an empty one.
fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const ONE: &str = "From a@b.test Thu Nov 26 20:55:26 2026\n";

    fn parts(text: &str, quoting: Option<Quoting>) -> Vec<String> {
        let mut split =
            Split::new(Cursor::new(text.as_bytes().to_vec()), quoting, u64::MAX).unwrap();
        let mut parts = Vec::new();
        while let Some(part) = split.part().unwrap() {
            let mut text = String::new();
            part.content
                .for_file(true)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            parts.push(text);
        }
        parts
    }

    #[test]
    fn messages_are_told_apart() {
        let text = format!(
            "{ONE}A: 1\n\none\n\n{ONE}A: 2\n\ntwo\n\n\n{ONE}A: 3\n\n{ONE}\nno header\n\n{ONE}A: 5\n\nlast"
        );
        assert_eq!(
            parts(&text, None),
            [
                "A: 1\n\none\n",
                "A: 2\n\ntwo\n\n",
                "A: 3\n",
                "\nno header\n",
                "A: 5\n\nlast"
            ]
        );
        assert!(parts("", None).is_empty());
        assert!(parts("\n\n", None).is_empty());
        assert!(Split::new(Cursor::new(b"Subject: x\n\n".to_vec()), None, u64::MAX).is_err());
    }

    #[test]
    fn a_message_that_is_too_large_is_counted_and_passed_over() {
        let body = "0123456789\n".repeat(100_000);
        let text = format!("{ONE}A: 1\n\n{body}\n{ONE}A: 2\n\ntwo\n");
        let mut split = Split::new(Cursor::new(text.into_bytes()), None, 1_000).unwrap();
        let mut large = split.part().unwrap().unwrap().content;
        assert_eq!(large.octets(), 6 + body.len() as u64);
        let mut kept = Vec::new();
        large.again().unwrap().read_to_end(&mut kept).unwrap();
        assert!(kept.len() < 2_000, "{}", kept.len());
        assert!(!split.is_at_end());
        assert_eq!(split.part().unwrap().unwrap().content.octets(), 10);
        assert!(split.is_at_end());
    }

    #[test]
    fn a_line_that_looks_like_a_beginning_is_none() {
        let text = format!("{ONE}A: 1\n\nFrom here on\n\nFrom there on\nx\n{ONE}\n");
        assert_eq!(
            parts(&text, None),
            [format!("A: 1\n\nFrom here on\n\nFrom there on\nx\n{ONE}")]
        );
    }

    #[test]
    fn a_beginning_may_have_no_date_or_a_sender_in_any_octets() {
        let text =
            format!("From \r\nA: 1\n\none\nFrom \n\nFrom \r\nA: 2\n\ntwo\nFrom\n\n{ONE}A: 3\n");
        assert_eq!(
            parts(&text, None),
            ["A: 1\n\none\nFrom \n", "A: 2\n\ntwo\nFrom\n", "A: 3\n"]
        );
        let latin =
            b"From \xfc@b Thu Nov 26 20:55:26 2026\n\n\nFrom \xfc@b Thu Nov 26 20:55:26 2026\n\n"
                .to_vec();
        let mut split = Split::new(Cursor::new(latin), None, u64::MAX).unwrap();
        assert!(split.part().unwrap().is_some() && split.part().unwrap().is_some());
        assert!(split.part().unwrap().is_none());
    }

    #[test]
    fn a_messages_own_fields_are_given_back() {
        let text = format!("{ONE}>Status: RO\n x\n>>X-IMAP: 1\n>A: 1\nStatus: R\n\n>Status: x\n\n");
        assert_eq!(
            parts(&text, None),
            ["Status: RO\n x\n>X-IMAP: 1\n>A: 1\n\n>Status: x\n"]
        );
    }

    #[test]
    fn quotes_are_taken_off() {
        let text = format!("{ONE}A: 1\n\n>From x\n>>From y\n> From z\n\n");
        assert_eq!(parts(&text, None), ["A: 1\n\nFrom x\n>From y\n> From z\n"]);
        assert_eq!(
            parts(&text, Some(Quoting::O)),
            ["A: 1\n\nFrom x\n>>From y\n> From z\n"]
        );
        assert_eq!(
            parts(&text, Some(Quoting::Cl2)),
            ["A: 1\n\n>From x\n>>From y\n> From z\n"]
        );
    }

    #[test]
    fn a_length_that_holds_is_believed() {
        let body = format!("x\n\n{ONE}>From y\n");
        let with =
            |length: usize| format!("{ONE}A: 1\nContent-Length: {length}\n\n{body}\n{ONE}B: 2\n\n");
        assert_eq!(
            parts(&with(body.len()), None),
            [format!("A: 1\n\n{body}"), "B: 2\n".into()]
        );
        assert_eq!(
            parts(&with(body.len() + 9), None).len(),
            3,
            "another one is no length"
        );
        assert_eq!(parts(&with(body.len()), Some(Quoting::Rd)).len(), 3);
    }

    #[test]
    fn fields_of_the_mbox_are_taken_out() {
        let text =
            format!("{ONE}Status: RO\nA: 1\nX-Keywords: a\n b\nX-Status: F\nB: 2\n\nStatus: x\n\n");
        assert_eq!(parts(&text, None), ["A: 1\nB: 2\n\nStatus: x\n"]);
    }

    #[test]
    fn lines_of_any_length_pass() {
        let line = "x".repeat(200_000);
        let text = format!("{ONE}A: {line}\n\n{line}\n{line}\n\n");
        assert_eq!(
            parts(&text, None),
            [format!("A: {line}\n\n{line}\n{line}\n")]
        );
    }

    #[test]
    fn lines_may_end_with_crlf() {
        let text = format!("{ONE}A: 1\n\n>From x\n\n{ONE}B: 2\n\ny\n\n").replace('\n', "\r\n");
        assert_eq!(
            parts(&text, None),
            ["A: 1\r\n\r\nFrom x\r\n", "B: 2\r\n\r\ny\r\n"]
        );
    }
}
