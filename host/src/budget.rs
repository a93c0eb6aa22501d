//! Memory for the content of messages that are being received, one budget for all sessions.
//!
//! Invariants: nothing is kept that was not reserved; a reservation is given back when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};

/// What is left of the memory.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicU64,
}

impl Budget {
    pub(crate) fn new(octets: u64) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicU64::new(octets),
        })
    }

    fn take(&self, octets: u64) -> bool {
        let taken = |left: u64| left.checked_sub(octets);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .is_ok()
    }

    fn give_back(&self, octets: u64) {
        self.left.fetch_add(octets, Ordering::Relaxed);
    }
}

/// The content of one message as it arrives.
#[derive(Debug)]
pub(crate) struct Content {
    budget: Arc<Budget>,
    pieces: Pieces,
    reserved: u64,
    exhausted: bool,
}

/// Most messages arrive in one piece, which is then never copied.
#[derive(Debug, Default)]
enum Pieces {
    #[default]
    None,
    One(Bytes),
    Many(BytesMut),
}

impl Content {
    /// Nothing yet.
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            budget: Arc::clone(budget),
            pieces: Pieces::None,
            reserved: 0,
            exhausted: false,
        }
    }

    /// Adds a piece, unless the budget is exhausted: then all of the message is let go.
    pub(crate) fn push(&mut self, piece: Bytes) {
        let octets = piece.len() as u64;
        if self.exhausted {
            return;
        }
        if !self.budget.take(octets) {
            self.clear();
            self.exhausted = true;
            return;
        }
        self.reserved += octets;
        self.pieces = match std::mem::take(&mut self.pieces) {
            Pieces::None => Pieces::One(piece),
            Pieces::One(first) => {
                let mut many = BytesMut::with_capacity((first.len() + piece.len()) * 2);
                many.extend_from_slice(&first);
                many.extend_from_slice(&piece);
                Pieces::Many(many)
            }
            Pieces::Many(mut many) => {
                many.extend_from_slice(&piece);
                Pieces::Many(many)
            }
        };
    }

    /// Takes the whole message and starts anew; `None` if there was no memory for it. The memory counts as used until
    /// the second value is dropped.
    pub(crate) fn take(&mut self) -> Option<(Bytes, Reservation)> {
        let whole = match std::mem::take(&mut self.pieces) {
            Pieces::None => Bytes::new(),
            Pieces::One(piece) => piece,
            Pieces::Many(many) => many.freeze(),
        };
        let reservation = Reservation {
            budget: Arc::clone(&self.budget),
            octets: std::mem::take(&mut self.reserved),
        };
        (!std::mem::take(&mut self.exhausted)).then_some((whole, reservation))
    }

    /// Lets go of what has come.
    pub(crate) fn clear(&mut self) {
        self.pieces = Pieces::None;
        self.exhausted = false;
        self.budget.give_back(std::mem::take(&mut self.reserved));
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Memory that is in use.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    octets: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give_back(self.octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_gathered_and_its_memory_comes_back() {
        let budget = Budget::new(10);
        let mut content = Content::new(&budget);
        content.push(Bytes::from_static(b"abc"));
        content.push(Bytes::from_static(b"de"));
        content.push(Bytes::from_static(b"f"));
        let (whole, reservation) = content.take().unwrap();
        assert_eq!(whole, "abcdef");
        assert_eq!(budget.left.load(Ordering::Relaxed), 4);
        drop(reservation);
        assert_eq!(budget.left.load(Ordering::Relaxed), 10);
        assert_eq!(content.take().unwrap().0, "");
    }

    #[test]
    fn too_much_is_let_go_at_once_and_the_next_message_has_its_chance() {
        let budget = Budget::new(10);
        let mut content = Content::new(&budget);
        content.push(Bytes::from_static(b"12345678"));
        content.push(Bytes::from_static(b"12345678"));
        assert_eq!(budget.left.load(Ordering::Relaxed), 10);
        content.push(Bytes::from_static(b"1"));
        assert!(content.take().is_none());
        content.push(Bytes::from_static(b"1"));
        assert!(content.take().is_some());
        content.push(Bytes::from_static(b"1"));
        drop(content);
        assert_eq!(budget.left.load(Ordering::Relaxed), 10);
    }
}
