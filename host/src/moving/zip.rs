//! A zip archive as it is written into a stream, which cannot be gone back in.
//!
//! Standards: APPNOTE.TXT 6.3.10 of PKWARE: entries are stored as they are (§4.4.5), their sizes and checksums stand behind them (§4.3.9), and
//! all of it is of the form that has room for what is larger than 4 GiB (§4.5.3).

use std::io::{self, Write};

use flate2::Crc;

/// Version 4.5: what has the form for large files (§4.4.3.2).
const VERSION: u16 = 45;
/// §4.4.2: made by the same, on Unix: only `/` stands between the levels of a name.
const MADE_BY: u16 = 3 << 8 | VERSION;
/// §4.4.15 as Unix has it: a file that its owner writes and everybody reads.
const MODE: u32 = 0o100_644 << 16;
/// §4.4.4: sizes stand behind the entry; its name is UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// §4.4.8: the size is in the extra field.
const ELSEWHERE: u32 = u32::MAX;
/// §4.4.6 in MS-DOS's form: the first of January 1980, since when an archive was made says nothing of what is in it.
const DATE: u32 = 0x0021_0000;

/// An archive that is being written.
pub(super) struct Zip<W> {
    out: W,
    octets: u64,
    entries: Vec<Entry>,
    open: Option<Crc>,
}

/// What the directory at the end says of an entry.
struct Entry {
    name: String,
    at: u64,
    crc: u32,
    size: u64,
}

impl<W: Write> Zip<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            octets: 0,
            entries: Vec::new(),
            open: None,
        }
    }

    /// Begins an entry, with `/` between the levels of its name.
    pub(super) fn begin(&mut self, name: &str) -> io::Result<()> {
        self.end()?;
        let at = self.octets;
        let mut head = Vec::new();
        head.extend(0x0403_4b50_u32.to_le_bytes());
        head.extend(VERSION.to_le_bytes());
        head.extend(fixed(0, ELSEWHERE));
        head.extend(length(name.len())?);
        head.extend(20_u16.to_le_bytes());
        head.extend(name.as_bytes());
        head.extend(large(&[0, 0]));
        self.put(&head)?;
        self.entries.push(Entry {
            name: name.to_owned(),
            at,
            crc: 0,
            size: 0,
        });
        self.open = Some(Crc::new());
        Ok(())
    }

    /// Ends the entry that is open, if one is.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let (Some(crc), Some(entry)) = (self.open.take(), self.entries.last_mut()) else {
            return Ok(());
        };
        entry.crc = crc.sum();
        let mut behind = Vec::new();
        behind.extend(0x0807_4b50_u32.to_le_bytes());
        behind.extend(entry.crc.to_le_bytes());
        behind.extend(entry.size.to_le_bytes());
        behind.extend(entry.size.to_le_bytes());
        self.put(&behind)
    }

    /// Writes the directory: the archive is whole.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.end()?;
        let start = self.octets;
        for entry in std::mem::take(&mut self.entries) {
            let mut row = Vec::new();
            row.extend(0x0201_4b50_u32.to_le_bytes());
            row.extend(MADE_BY.to_le_bytes());
            row.extend(VERSION.to_le_bytes());
            row.extend(fixed(entry.crc, ELSEWHERE));
            row.extend(length(entry.name.len())?);
            row.extend(28_u16.to_le_bytes());
            // No comment, on this disk, nothing known of what it has.
            row.extend([0; 6]);
            row.extend(MODE.to_le_bytes());
            row.extend(ELSEWHERE.to_le_bytes());
            row.extend(entry.name.as_bytes());
            row.extend(large(&[entry.size, entry.size, entry.at]));
            self.put(&row)?;
            self.entries.push(entry);
        }
        let (size, count) = (self.octets - start, self.entries.len() as u64);
        let at = self.octets;
        let mut last = Vec::new();
        // §4.3.14, §4.3.15: the end of the large form, and where it is.
        last.extend(0x0606_4b50_u32.to_le_bytes());
        last.extend(44_u64.to_le_bytes());
        last.extend(MADE_BY.to_le_bytes());
        last.extend(VERSION.to_le_bytes());
        last.extend([0; 8]);
        for number in [count, count, size, start] {
            last.extend(number.to_le_bytes());
        }
        last.extend(0x0706_4b50_u32.to_le_bytes());
        last.extend([0; 4]);
        last.extend(at.to_le_bytes());
        last.extend(1_u32.to_le_bytes());
        // §4.3.16: the end of the other form, which says that all is in the former.
        last.extend(0x0605_4b50_u32.to_le_bytes());
        last.extend([0; 4]);
        last.extend([0xff; 12]);
        last.extend([0; 2]);
        self.put(&last)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, octets: &[u8]) -> io::Result<()> {
        self.out.write_all(octets)?;
        self.octets += octets.len() as u64;
        Ok(())
    }
}

/// Writes into the entry that is open.
impl<W: Write> Write for Zip<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.put(octets)?;
        if let (Some(crc), Some(entry)) = (&mut self.open, self.entries.last_mut()) {
            crc.update(octets);
            entry.size += octets.len() as u64;
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What the head of an entry and its row in the directory have in common: flags, method, date, checksum, sizes.
fn fixed(crc: u32, sizes: u32) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(FLAGS.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    out.extend(DATE.to_le_bytes());
    out.extend(crc.to_le_bytes());
    out.extend(sizes.to_le_bytes());
    out.extend(sizes.to_le_bytes());
    out
}

/// §4.5.3: the extra field of numbers that need room.
fn large(numbers: &[u64]) -> Vec<u8> {
    let octets = u16::try_from(numbers.len() * 8).unwrap_or(0);
    let mut out = Vec::new();
    out.extend(1_u16.to_le_bytes());
    out.extend(octets.to_le_bytes());
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    out
}

fn length(octets: usize) -> io::Result<[u8; 2]> {
    let length = u16::try_from(octets).map_err(|_| io::Error::other("a name is too long"))?;
    Ok(length.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_as_the_format_says() {
        let mut zip = Zip::new(Vec::new());
        zip.begin("a/ü.mbox").unwrap();
        zip.write_all(b"123456789").unwrap();
        zip.begin("empty").unwrap();
        let out = zip.finish().unwrap();
        let find = |mark: u32| {
            let mark = mark.to_le_bytes();
            out.windows(4).filter(|four| *four == mark).count()
        };
        let marks = [
            0x0403_4b50,
            0x0807_4b50,
            0x0201_4b50,
            0x0606_4b50,
            0x0605_4b50,
        ];
        assert_eq!(marks.map(find), [2, 2, 2, 1, 1]);
        // Made on Unix, and a file there.
        let mark = 0x0201_4b50_u32.to_le_bytes();
        let row = out.windows(4).position(|four| *four == mark).unwrap();
        assert_eq!(out.get(row + 4..row + 6), Some(&[45, 3][..]));
        assert_eq!(out.get(row + 38..row + 42), Some(&[0, 0, 0xa4, 0x81][..]));
        // The check value of the CRC, and where the entry begins: 30 octets, the name, 20 more.
        let check = 0xcbf4_3926_u32.to_le_bytes();
        assert_eq!(out.windows(4).filter(|four| *four == check).count(), 2);
        assert_eq!(
            out.get(30 + 9 + 20..30 + 9 + 20 + 9),
            Some(&b"123456789"[..])
        );
    }
}
