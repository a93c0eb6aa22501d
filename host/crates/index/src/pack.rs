//! What is known of some messages, to be added to, joined and thinned out.

use crate::codec::{self, Damaged};
use crate::grams::Grams;
use crate::places::Places;

/// Messages of a pack at most: a place in it is an octet.
pub const MAX_MESSAGES: usize = 256;
/// Trigrams of all messages of a pack beyond which it takes no more of them. Most packs have less.
const ENOUGH: usize = 1 << 20;

/// Some messages of a mailbox, ascending by UID, with the trigrams of each.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Pack {
    pub(crate) uids: Vec<u32>,
    /// Those whose trigrams are not known: every search has to read them.
    pub(crate) unknown: Places,
    /// A trigram and, in the lowest octet, the place of a message that has it.
    pub(crate) entries: Vec<u32>,
}

impl Pack {
    /// Reads a pack.
    ///
    /// # Errors
    /// [`Damaged`] octets.
    pub fn read(octets: &[u8]) -> Result<Self, Damaged> {
        codec::read(octets)
    }

    /// The pack as octets.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        codec::encode(self)
    }

    /// The UIDs of its messages, ascending.
    #[must_use]
    pub fn uids(&self) -> &[u32] {
        &self.uids
    }

    /// Whether no message should be added: it has enough of them, or they have many trigrams.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.uids.len() >= MAX_MESSAGES || self.entries.len() >= ENOUGH
    }

    /// Adds a message with a higher UID than all others, and takes its trigrams out of `grams`; false if there is no room for it.
    pub fn push(&mut self, uid: u32, grams: &mut Grams) -> bool {
        match grams.take() {
            Some(found) => self.place(uid).is_some_and(|place| {
                let entries = found.iter().map(|gram| gram << 8 | u32::from(place));
                self.entries.extend(entries);
                true
            }),
            None => self.push_unknown(uid),
        }
    }

    /// Adds a message of which nothing is known; false if there is no room for it.
    pub fn push_unknown(&mut self, uid: u32) -> bool {
        let place = self.place(uid);
        place.inspect(|place| self.unknown.insert(*place)).is_some()
    }

    /// The place that a message gets.
    fn place(&mut self, uid: u32) -> Option<u8> {
        let place = u8::try_from(self.uids.len()).ok()?;
        if self.uids.last().is_some_and(|last| *last >= uid) {
            return None;
        }
        self.uids.push(uid);
        Some(place)
    }

    /// Whether the messages of both fit into one pack, those of `other` behind these.
    #[must_use]
    pub fn takes(&self, other: &Self) -> bool {
        let ascend = match (self.uids.last(), other.uids.first()) {
            (Some(last), Some(first)) => last < first,
            _ => true,
        };
        ascend
            && self.uids.len() + other.uids.len() <= MAX_MESSAGES
            && self.entries.len() + other.entries.len() <= ENOUGH
    }

    /// Adds the messages of another pack, if it [takes](Self::takes) them; else they are not added.
    pub fn append(&mut self, other: &Self) {
        if !self.takes(other) {
            return;
        }
        let Ok(shift) = u8::try_from(self.uids.len()) else {
            return;
        };
        self.uids.extend(&other.uids);
        let entries = other.entries.iter().map(|entry| entry + u32::from(shift));
        self.entries.extend(entries);
        for place in 0..=u8::MAX - shift {
            if other.unknown.contains(place) {
                self.unknown.insert(place + shift);
            }
        }
    }

    /// Keeps the messages whose UIDs `stays` says yes to, in order.
    pub fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        let mut kept = Self::default();
        let mut places = [None; MAX_MESSAGES];
        for ((place, uid), new) in (0..=u8::MAX).zip(&self.uids).zip(&mut places) {
            if stays(*uid) {
                *new = kept.place(*uid);
                if let Some(new) = new.filter(|_| self.unknown.contains(place)) {
                    kept.unknown.insert(new);
                }
            }
        }
        let entries = self.entries.iter().filter_map(|entry| {
            let new = places.get((entry & 0xff) as usize).copied().flatten();
            new.map(|place| entry & !0xff | u32::from(place))
        });
        kept.entries = entries.collect();
        *self = kept;
    }
}
