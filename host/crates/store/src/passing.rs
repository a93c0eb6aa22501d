//! Contents that have just been queued, in memory until they are sent: most go on at once, and to look each up costs as much as to send it.
//!
//! Invariants: what is here was committed; it is bounded, and what finds no room is read from the database, as if it had never been here.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::BlobId;

/// Octets that are kept, of all of them.
const ROOM: usize = 8 << 20;
/// Octets of the largest that is kept.
const LARGEST: usize = 64 << 10;
/// What one costs beside its octets.
const BESIDE: usize = 128;

/// Contents by their number, which tells their order, too.
#[derive(Debug, Default)]
pub(crate) struct Passing(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    contents: BTreeMap<BlobId, Content>,
    octets: usize,
}

#[derive(Debug)]
struct Content {
    octets: Bytes,
    /// Legs that have not asked for it.
    legs: usize,
}

impl Passing {
    /// Keeps a content for so many legs. The oldest makes room.
    pub(crate) fn keep(&self, blob: BlobId, octets: &Bytes, legs: usize) {
        if octets.len() > LARGEST || legs == 0 {
            return;
        }
        let content = Content {
            // What it is a part of may be larger.
            octets: Bytes::copy_from_slice(octets),
            legs,
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(blob);
        kept.octets += content.cost();
        kept.contents.insert(blob, content);
        while kept.octets > ROOM
            && let Some(oldest) = kept.contents.keys().next().copied()
        {
            kept.remove(oldest);
        }
    }

    /// The content that a leg is sent with; the last leg takes it away.
    pub(crate) fn take(&self, blob: BlobId) -> Option<Bytes> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let content = kept.contents.get_mut(&blob)?;
        content.legs -= 1;
        let (octets, is_last) = (content.octets.clone(), content.legs == 0);
        if is_last {
            kept.remove(blob);
        }
        Some(octets)
    }
}

impl Content {
    fn cost(&self) -> usize {
        self.octets.len() + BESIDE
    }
}

impl Kept {
    fn remove(&mut self, blob: BlobId) {
        if let Some(content) = self.contents.remove(&blob) {
            self.octets -= content.cost();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(octet: u8, length: usize) -> Bytes {
        vec![octet; length].into()
    }

    #[test]
    fn it_is_gone_when_each_leg_had_it() {
        let passing = Passing::default();
        passing.keep(BlobId(1), &content(1, 10), 2);
        assert_eq!(passing.take(BlobId(1)), Some(content(1, 10)));
        assert_eq!(passing.take(BlobId(2)), None);
        assert_eq!(passing.take(BlobId(1)), Some(content(1, 10)));
        assert_eq!(passing.take(BlobId(1)), None);
        assert_eq!(passing.0.lock().unwrap().octets, 0);
    }

    #[test]
    fn the_oldest_makes_room_and_large_ones_get_none() {
        let passing = Passing::default();
        passing.keep(BlobId(1), &content(1, LARGEST + 1), 1);
        assert_eq!(passing.take(BlobId(1)), None);
        let many = i64::try_from(ROOM / LARGEST).unwrap();
        for id in 1..=many {
            passing.keep(BlobId(id), &content(1, LARGEST), 1);
        }
        assert_eq!(passing.take(BlobId(1)), None);
        assert!(passing.take(BlobId(2)).is_some());
        assert!(passing.take(BlobId(many)).is_some());
        assert!(passing.0.lock().unwrap().octets <= ROOM);
    }
}
