//! An image as octets for the database: a version, the texts of keywords, then each message as differences from the one before.
//!
//! Invariants: `entries(octets(x)) == x`, but for summaries, which are not kept; any octets are entries that ascend by UID, or nothing.

use std::collections::HashMap;

use bytes::Bytes;

use super::image::Entry;
use crate::flags::split_keywords;
use crate::{BlobId, Flags, MessageFlags};

/// The first octet.
const VERSION: u8 = 1;

/// The entries as octets.
pub(super) fn octets(entries: &[Entry]) -> Vec<u8> {
    let mut texts: Vec<String> = Vec::new();
    let mut known: HashMap<&[String], usize> = HashMap::new();
    for entry in entries {
        let keywords = entry.flags.keywords.as_slice();
        known.entry(keywords).or_insert_with(|| {
            texts.push(keywords.join(" "));
            texts.len() - 1
        });
    }
    let mut out = Vec::with_capacity(16 + entries.len() * 16);
    out.push(VERSION);
    number(&mut out, texts.len() as u64);
    for text in &texts {
        number(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    number(&mut out, entries.len() as u64);
    let mut before = Numbers::default();
    for entry in entries {
        let text = known.get(entry.flags.keywords.as_slice());
        let now = Numbers::of(entry, text.copied().unwrap_or(0) as u64);
        now.write(&mut out, &before);
        before = now;
    }
    out
}

/// The entries of which `octets` are the octets; nothing if they are damaged, or were written in another way.
pub(super) fn entries(octets: &[u8]) -> Option<Vec<Entry>> {
    let mut reader = Reader(octets);
    if reader.take(1)? != [VERSION] {
        return None;
    }
    let mut texts = Vec::new();
    for _ in 0..reader.number()? {
        let length = usize::try_from(reader.number()?).ok()?;
        let text = std::str::from_utf8(reader.take(length)?).ok()?;
        texts.push(split_keywords(text));
    }
    let count = usize::try_from(reader.number()?).ok()?;
    // Each takes some octets.
    if count > reader.0.len() {
        return None;
    }
    let mut entries = Vec::with_capacity(count);
    let mut before = Numbers::default();
    for _ in 0..count {
        let now = Numbers::read(&mut reader, &before)?;
        if now.uid <= before.uid {
            return None;
        }
        entries.push(now.entry(&texts)?);
        before = now;
    }
    reader.0.is_empty().then_some(entries)
}

/// A message's numbers.
#[derive(Default)]
struct Numbers {
    uid: u64,
    modseq: u64,
    flags: u64,
    /// Which text of keywords.
    keywords: u64,
    internal_date: i64,
    internal_offset: i64,
    /// Behind the internal date.
    saved: i64,
    size: u64,
    blob: i64,
    created: u64,
    thread: i64,
}

impl Numbers {
    fn of(entry: &Entry, keywords: u64) -> Self {
        Self {
            uid: entry.flags.uid.into(),
            modseq: entry.flags.modseq,
            flags: entry.flags.flags.bits().into(),
            keywords,
            internal_date: entry.internal_date,
            internal_offset: entry.internal_offset.into(),
            saved: entry.saved.wrapping_sub(entry.internal_date),
            size: entry.size,
            blob: entry.blob.0,
            created: entry.created,
            thread: entry.thread,
        }
    }

    fn write(&self, out: &mut Vec<u8>, before: &Self) {
        number(out, self.uid.wrapping_sub(before.uid));
        let modseq = self.modseq.wrapping_sub(before.modseq);
        signed(out, modseq.cast_signed());
        // Most often the same as before: one octet for all.
        let same = (self.flags, self.keywords, self.internal_offset)
            == (before.flags, before.keywords, before.internal_offset);
        number(out, u64::from(!same));
        if !same {
            number(out, self.flags);
            number(out, self.keywords);
            signed(out, self.internal_offset);
        }
        signed(out, self.internal_date.wrapping_sub(before.internal_date));
        signed(out, self.saved.wrapping_sub(before.saved));
        number(out, self.size);
        signed(out, self.blob.wrapping_sub(before.blob));
        let created = self.modseq.wrapping_sub(self.created);
        signed(out, created.cast_signed());
        // A hash: no difference is smaller than it.
        out.extend_from_slice(&self.thread.to_le_bytes());
    }

    fn read(reader: &mut Reader<'_>, before: &Self) -> Option<Self> {
        let uid = before.uid.checked_add(reader.number()?)?;
        let modseq = before.modseq.wrapping_add_signed(reader.signed()?);
        let (flags, keywords, internal_offset) = match reader.number()? {
            0 => (before.flags, before.keywords, before.internal_offset),
            _ => (reader.number()?, reader.number()?, reader.signed()?),
        };
        let (internal_date, saved) = (reader.signed()?, reader.signed()?);
        let (size, blob) = (reader.number()?, reader.signed()?);
        let (created, thread) = (reader.signed()?, *reader.take(8)?.first_chunk()?);
        Some(Self {
            uid,
            modseq,
            flags,
            keywords,
            internal_date: before.internal_date.wrapping_add(internal_date),
            internal_offset,
            saved: before.saved.wrapping_add(saved),
            size,
            blob: before.blob.wrapping_add(blob),
            created: modseq.wrapping_sub(created.cast_unsigned()),
            thread: i64::from_le_bytes(thread),
        })
    }

    fn entry(&self, texts: &[Vec<String>]) -> Option<Entry> {
        let keywords = texts.get(usize::try_from(self.keywords).ok()?)?;
        Some(Entry {
            flags: MessageFlags {
                uid: u32::try_from(self.uid).ok()?,
                modseq: self.modseq,
                flags: Flags::from_bits(u8::try_from(self.flags).ok()?),
                keywords: keywords.clone(),
            },
            internal_date: self.internal_date,
            internal_offset: i16::try_from(self.internal_offset).ok()?,
            saved: self.internal_date.wrapping_add(self.saved),
            size: self.size,
            blob: BlobId(self.blob),
            created: self.created,
            thread: self.thread,
            summary: Bytes::new(),
        })
    }
}

/// Base 128, the lowest digits first.
fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        out.push(number.to_le_bytes()[0] | 128);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn signed(out: &mut Vec<u8>, value: i64) {
    number(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (&octet, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(octet & 127) << shift;
            if octet < 128 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_entry() -> impl Strategy<Value = Entry> {
        let flags = (1..50u32, any::<u64>(), any::<u8>(), 0..3usize);
        let rest = (
            any::<i64>(),
            any::<i16>(),
            any::<i64>(),
            any::<u64>(),
            any::<i64>(),
            any::<(u64, i64)>(),
        );
        (flags, rest).prop_map(|((uid, modseq, bits, keywords), rest)| {
            let (internal_date, internal_offset, saved, size, blob, (created, thread)) = rest;
            let keywords = ["$Junk", "work"].iter().take(keywords);
            Entry {
                flags: MessageFlags {
                    uid,
                    modseq,
                    flags: Flags::from_bits(bits),
                    keywords: keywords.map(|keyword| (*keyword).to_owned()).collect(),
                },
                internal_date,
                internal_offset,
                saved,
                size,
                blob: BlobId(blob),
                created,
                thread,
                summary: Bytes::new(),
            }
        })
    }

    proptest! {
        #[test]
        fn images_come_back(mut all in proptest::collection::vec(any_entry(), 0..40)) {
            let mut uid = 0;
            for entry in &mut all {
                uid += entry.flags.uid;
                entry.flags.uid = uid;
            }
            let written = octets(&all);
            prop_assert_eq!(format!("{:?}", entries(&written)), format!("{:?}", Some(all)));
            // What is cut short is no image.
            for end in 0..written.len() {
                prop_assert!(entries(&written[..end]).is_none());
            }
        }

        #[test]
        fn any_octets_ascend(mut octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(version) = octets.first_mut() {
                *version = VERSION;
            }
            let uids: Vec<u32> = entries(&octets).unwrap_or_default().iter().map(|entry| entry.flags.uid).collect();
            prop_assert!(uids.is_sorted_by(|one, other| one < other));
        }
    }
}
