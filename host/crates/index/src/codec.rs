//! A pack as octets: a checksum, the UIDs, then each trigram with the places of the messages that have it.
//!
//! Numbers are base-128 varints, the lowest seven bits first. UIDs and trigrams are written as the distance from the one before. Behind a
//! trigram is an octet: how many places follow, an octet each; or [`ALL`] places; or [`BITS`], and a bit for each place.

use crate::pack::{MAX_MESSAGES, Pack};
use crate::places::Places;

/// The number of this format. It changes with anything that makes octets mean something else.
pub const FORMAT: u16 = 1;

/// All messages have the trigram.
const ALL: u8 = 255;
/// A bit for each place follows.
const BITS: u8 = 0;
/// Octets of the checksum.
const CHECKSUM: usize = 4;

/// Octets are no pack: they changed, or never were one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pack of the search index is damaged")]
pub struct Damaged;

/// Octets of a bit for each of so many places.
fn bit_octets(messages: usize) -> usize {
    messages.div_ceil(8)
}

pub(crate) fn encode(mut pack: Pack) -> Vec<u8> {
    let messages = pack.uids.len();
    let mut out = vec![0; CHECKSUM];
    number(&mut out, u32::try_from(messages).unwrap_or(u32::MAX));
    let mut before = 0;
    for uid in &pack.uids {
        number(&mut out, uid - before);
        before = *uid;
    }
    out.extend(pack.unknown.bits(bit_octets(messages)));
    pack.entries.sort_unstable();
    before = 0;
    for entries in pack.entries.chunk_by(|one, other| one >> 8 == other >> 8) {
        let gram = entries.first().map_or(0, |entry| entry >> 8);
        number(&mut out, gram - before);
        before = gram;
        posting(&mut out, entries, messages);
    }
    let checksum = crc32fast::hash(out.get(CHECKSUM..).unwrap_or_default());
    for (to, from) in out.iter_mut().zip(checksum.to_le_bytes()) {
        *to = from;
    }
    out
}

/// The places of one trigram's messages, in the form that is shortest.
fn posting(out: &mut Vec<u8>, entries: &[u32], messages: usize) {
    let places = entries.iter().map(|entry| entry.to_le_bytes()[0]);
    match u8::try_from(entries.len()) {
        _ if entries.len() == messages => out.push(ALL),
        Ok(count) if entries.len() < bit_octets(messages) => {
            out.push(count);
            out.extend(places);
        }
        _ => {
            let mut bits = Places::default();
            places.for_each(|place| bits.insert(place));
            out.push(BITS);
            out.extend(bits.bits(bit_octets(messages)));
        }
    }
}

fn number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 128 {
        out.push(number.to_le_bytes()[0] | 128);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

pub(crate) fn read(octets: &[u8]) -> Result<Pack, Damaged> {
    let mut reader = Reader::open(octets)?;
    let (uids, unknown) = (std::mem::take(&mut reader.uids), reader.unknown);
    let mut entries = Vec::new();
    while let Some((gram, posting)) = reader.next()? {
        let places = posting.places();
        let ours = (0..uids.len()).filter_map(|place| u8::try_from(place).ok());
        let ours = ours.filter(|place| places.contains(*place));
        entries.extend(ours.map(|place| gram << 8 | u32::from(place)));
    }
    Ok(Pack {
        uids,
        unknown,
        entries,
    })
}

/// Reads a pack, trigram by trigram, ascending.
pub(crate) struct Reader<'a> {
    pub(crate) uids: Vec<u32>,
    pub(crate) unknown: Places,
    messages: usize,
    gram: u32,
    rest: &'a [u8],
}

/// The messages that have a trigram.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Posting<'a> {
    All(usize),
    Bits(&'a [u8]),
    List(&'a [u8]),
}

impl Posting<'_> {
    pub(crate) fn places(self) -> Places {
        match self {
            Self::All(messages) => Places::first(messages),
            Self::Bits(bits) => Places::of_bits(bits),
            Self::List(list) => {
                let mut places = Places::default();
                list.iter().for_each(|place| places.insert(*place));
                places
            }
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn open(octets: &'a [u8]) -> Result<Self, Damaged> {
        let (checksum, rest) = octets.split_first_chunk::<CHECKSUM>().ok_or(Damaged)?;
        if u32::from_le_bytes(*checksum) != crc32fast::hash(rest) {
            return Err(Damaged);
        }
        let mut reader = Self {
            uids: Vec::new(),
            unknown: Places::default(),
            messages: 0,
            gram: 0,
            rest,
        };
        reader.messages = reader.number()? as usize;
        if reader.messages > MAX_MESSAGES {
            return Err(Damaged);
        }
        let mut uid = 0u32;
        for _ in 0..reader.messages {
            uid = uid.checked_add(reader.number()?).ok_or(Damaged)?;
            reader.uids.push(uid);
        }
        reader.unknown = Places::of_bits(reader.octets(bit_octets(reader.messages))?);
        Ok(reader)
    }

    /// The next trigram.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Posting<'a>)>, Damaged> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let gram = self.gram.checked_add(self.number()?).ok_or(Damaged)?;
        if gram > 0xff_ffff {
            return Err(Damaged);
        }
        self.gram = gram;
        let (&form, rest) = self.rest.split_first().ok_or(Damaged)?;
        self.rest = rest;
        let posting = match form {
            ALL => Posting::All(self.messages),
            BITS => Posting::Bits(self.octets(bit_octets(self.messages))?),
            count => Posting::List(self.octets(usize::from(count))?),
        };
        Ok(Some((gram, posting)))
    }

    fn octets(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (octets, rest) = self.rest.split_at_checked(count).ok_or(Damaged)?;
        self.rest = rest;
        Ok(octets)
    }

    fn number(&mut self) -> Result<u32, Damaged> {
        let mut number = 0u32;
        for shift in (0..32).step_by(7) {
            let (&octet, rest) = self.rest.split_first().ok_or(Damaged)?;
            self.rest = rest;
            number |= u32::from(octet & 127) << shift;
            if octet < 128 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }
}
