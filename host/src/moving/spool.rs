//! A message on its way: in memory if it is small, else in a file without a name; and its line ends.
//!
//! Files have lines that end with LF, the store has CRLF. Between them nothing may be lost: a message is given other line ends
//! only where the way back leads to the very octets that it was; any other stays as it is.

use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;

use crate::answer::fields;

/// Octets that are held in memory.
const IN_MEMORY: usize = 256 * 1024;
/// Octets that are converted at a time.
const PIECE: usize = 64 * 1024;

/// A message that was written down to be read again.
#[derive(Debug)]
pub(crate) struct Spool {
    data: SpooledTempFile,
    octets: u64,
    /// Octets after which nothing is kept any more, but counted.
    most: u64,
    /// Octets that are no message's were among them (RFC 5322 §3.5 has no NUL).
    with_nul: bool,
    /// LFs.
    lines: u64,
    /// Those that a CR stands before.
    with_cr: u64,
    /// Those that two CRs stand before.
    with_two: u64,
    /// The last octets, the very last one last.
    tail: [u8; 2],
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            data: SpooledTempFile::new(IN_MEMORY),
            octets: 0,
            most: u64::MAX,
            with_nul: false,
            lines: 0,
            with_cr: 0,
            with_two: 0,
            tail: [0; 2],
        }
    }
}

impl Spool {
    /// All of a reader.
    pub(crate) fn of(reader: &mut dyn Read) -> io::Result<Self> {
        let mut spool = Self::default();
        io::copy(reader, &mut spool)?;
        Ok(spool)
    }

    /// One that tells how large a message is, and keeps no more of it than shows that it has over `most` octets.
    pub(crate) fn up_to(most: u64) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// Whether it is a message as a client may have one stored: it has no NUL, and begins with a header.
    pub(crate) fn is_message(&mut self) -> io::Result<bool> {
        let mut line = Vec::new();
        let mut start = self.again()?.take(PIECE as u64);
        start.read_until(b'\n', &mut line)?;
        Ok(!self.with_nul && fields::begins_well(line.strip_suffix(b"\n").unwrap_or(&line)))
    }

    /// Octets as they were written.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether the last line is whole.
    pub(crate) fn ends_with_line(&self) -> bool {
        self.octets == 0 || self.tail.last() == Some(&b'\n')
    }

    /// Whether its lines end with CRLF, as nothing but what is kept can tell after it was stored.
    pub(crate) fn is_verbatim(&self) -> bool {
        self.with_cr > 0
    }

    /// Whether there are lines, and all of them end with CRLF.
    pub(crate) fn is_all_crlf(&self) -> bool {
        self.lines > 0 && self.with_cr == self.lines
    }

    /// What was written, to be read from its start.
    pub(crate) fn again(&mut self) -> io::Result<BufReader<&mut SpooledTempFile>> {
        self.data.seek(SeekFrom::Start(0))?;
        Ok(BufReader::new(&mut self.data))
    }

    /// The SHA-256 of what was written.
    pub(crate) fn digest(&mut self) -> io::Result<[u8; 32]> {
        let mut digest = Sha256::new();
        io::copy(&mut self.again()?, &mut digest)?;
        Ok(digest.finalize().into())
    }

    /// A message from a file as it is stored: with CRLF, if no line has that yet.
    pub(crate) fn for_store(self) -> io::Result<(u64, Ends)> {
        if self.with_cr > 0 {
            return Ok((self.octets, self.ends(Way::Same)?));
        }
        Ok((self.octets + self.lines, self.ends(Way::ToCrlf)?))
    }

    /// A message of the store as it is in a file: with LF, if that leads back to what it is.
    pub(crate) fn for_file(self, verbatim: bool) -> io::Result<Ends> {
        let leads_back = self.with_cr == self.lines && self.with_two == 0;
        self.ends(if leads_back && !verbatim {
            Way::ToLf
        } else {
            Way::Same
        })
    }

    fn ends(mut self, way: Way) -> io::Result<Ends> {
        self.data.seek(SeekFrom::Start(0))?;
        Ok(Ends {
            data: self.data,
            way,
            ready: Vec::new(),
            taken: 0,
            held: false,
        })
    }

    fn count(&mut self, octets: &[u8]) {
        for at in memchr::memchr_iter(b'\n', octets) {
            let [older, old] = self.tail;
            let before = |back: usize| match at.checked_sub(back) {
                Some(at) => octets.get(at).copied().unwrap_or(0),
                None if back - at == 1 => old,
                None => older,
            };
            self.lines += 1;
            if before(1) == b'\r' {
                self.with_cr += 1;
                self.with_two += u64::from(before(2) == b'\r');
            }
        }
        self.tail = match *octets {
            [] => self.tail,
            [one] => [self.tail[1], one],
            [.., one, two] => [one, two],
        };
    }
}

impl Write for Spool {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.octets <= self.most {
            self.data.write_all(octets)?;
        }
        self.octets += octets.len() as u64;
        self.with_nul |= memchr::memchr(0, octets).is_some();
        self.count(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.data.flush()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Same,
    /// A CR before each LF.
    ToCrlf,
    /// None of the CRs before LFs.
    ToLf,
}

/// A message as it is read, its line ends changed or not.
#[derive(Debug)]
pub(crate) struct Ends {
    data: SpooledTempFile,
    way: Way,
    ready: Vec<u8>,
    taken: usize,
    /// A CR was the last octet, and what follows decides on it.
    held: bool,
}

impl Read for Ends {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.way == Way::Same {
            return self.data.read(out);
        }
        while self.taken == self.ready.len() {
            if !self.refill()? {
                return Ok(0);
            }
        }
        let mut rest = self.ready.get(self.taken..).unwrap_or_default();
        let taken = rest.read(out)?;
        self.taken += taken;
        Ok(taken)
    }
}

impl Ends {
    /// Converts the next piece; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        self.ready.clear();
        self.taken = 0;
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut self.data)
            .take(PIECE as u64)
            .read_to_end(&mut piece)?;
        if read == 0 {
            let held = std::mem::take(&mut self.held);
            self.ready.extend(held.then_some(b'\r'));
            return Ok(held);
        }
        for octet in piece {
            if std::mem::take(&mut self.held) && octet != b'\n' {
                self.ready.push(b'\r');
            }
            match (octet, self.way) {
                (b'\n', Way::ToCrlf) => self.ready.extend_from_slice(b"\r\n"),
                (b'\r', Way::ToLf) => self.held = true,
                _ => self.ready.push(octet),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spool(octets: &[u8], cut: usize) -> Spool {
        let mut spool = Spool::default();
        for piece in octets.chunks(cut) {
            spool.write_all(piece).unwrap();
        }
        spool
    }

    fn stored(octets: &[u8], cut: usize) -> (Vec<u8>, bool) {
        let spool = spool(octets, cut);
        let verbatim = spool.is_verbatim();
        let (length, mut ends) = spool.for_store().unwrap();
        let mut out = Vec::new();
        ends.read_to_end(&mut out).unwrap();
        assert_eq!(out.len() as u64, length);
        (out, verbatim)
    }

    fn filed(octets: &[u8], verbatim: bool, cut: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut ends = spool(octets, cut).for_file(verbatim).unwrap();
        ends.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn the_store_has_crlf_and_files_have_lf() {
        assert_eq!(stored(b"a\n\nb\n", 2), (b"a\r\n\r\nb\r\n".to_vec(), false));
        assert_eq!(filed(b"a\r\n\r\nb\r\n", false, 2), b"a\n\nb\n");
        assert_eq!(filed(b"a\r\n", true, 2), b"a\r\n");
        assert_eq!(filed(b"a\r\nb\n", false, 2), b"a\r\nb\n", "mixed stays");
        assert_eq!(
            filed(b"a\r\r\n", false, 1),
            b"a\r\r\n",
            "would come back as CRLF"
        );
    }

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(
            prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("ab")],
            0..30,
        )
        .prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn what_came_from_a_file_goes_back_as_it_was(text in texts(), cut in 1_usize..7) {
            let (kept, verbatim) = stored(&text, cut);
            prop_assert_eq!(filed(&kept, verbatim, cut), text);
        }

        #[test]
        fn what_went_to_a_file_comes_back_as_it_was(text in texts(), cut in 1_usize..7) {
            // Bare LFs throughout are the one thing that a file cannot tell from CRLF.
            let bare = text.contains(&b'\n') && !text.windows(2).any(|pair| pair == b"\r\n");
            let (back, _) = stored(&filed(&text, false, cut), cut);
            prop_assert!(bare || back == text);
        }
    }

    #[test]
    fn what_is_too_large_is_counted_and_not_kept() {
        let mut spool = Spool::up_to(1_000);
        for _ in 0..100 {
            spool.write_all(&[b'x'; 400]).unwrap();
        }
        assert_eq!(spool.octets(), 40_000);
        let mut kept = Vec::new();
        spool.again().unwrap().read_to_end(&mut kept).unwrap();
        assert_eq!(kept.len(), 1_200);
    }

    #[test]
    fn what_no_client_may_store_is_known() {
        for (text, is_one) in [
            ("Subject: x\n\nx\n", true),
            ("Subject: x\r\n\r\nx\r\n", true),
            ("\nno header\n", true),
            ("no header\n", false),
            (" Subject: x\n\nx\n", false),
            (" \nSubject: x\n\nx\n", false),
            ("Subject: x\n\n\0\n", false),
        ] {
            let found = spool(text.as_bytes(), 3).is_message().unwrap();
            assert_eq!(found, is_one, "{text:?}");
        }
    }

    #[test]
    fn what_is_large_is_the_same() {
        let text = "line\n".repeat(200_000).into_bytes();
        let (kept, verbatim) = stored(&text, 10_000);
        assert_eq!(kept.len(), 1_200_000);
        assert_eq!(filed(&kept, verbatim, 10_000), text);
    }
}
