//! Memory for the content of messages that are being received, one budget for all sessions.
//!
//! Invariants: nothing is kept that was not reserved; a reservation is given back when it is dropped; however slowly large messages
//! arrive, a quarter is left for small ones, and one client's large ones take half at most. Messages that are held until all of them have come are
//! one: small messages, enough of them, are large.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::origin::own;

/// Octets up to which a message is small.
const SMALL: u64 = 256 * 1024;

/// What is left of the memory.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    left: AtomicU64,
    /// What the large messages of each network hold.
    large: Mutex<HashMap<IpAddr, u64>>,
}

impl Budget {
    pub(crate) fn new(octets: u64) -> Arc<Self> {
        Arc::new(Self {
            total: octets,
            left: AtomicU64::new(octets),
            large: Mutex::default(),
        })
    }

    /// How much of it is in use, in percent.
    pub(crate) fn used_percent(&self) -> u64 {
        let used = self.total.saturating_sub(self.left.load(Ordering::Relaxed));
        used.saturating_mul(100)
            .checked_div(self.total)
            .unwrap_or(100)
    }

    /// What may be held together at most, if nothing else is.
    pub(crate) fn most_together(&self) -> u64 {
        self.total / 2
    }

    /// Takes `octets` more for a message that holds `reserved`; false if it may not.
    fn take(&self, owner: IpAddr, reserved: u64, octets: u64) -> bool {
        let whole = reserved.saturating_add(octets);
        if whole <= SMALL {
            return self.take_above(0, octets);
        }
        // A message that becomes large counts as large with all that it holds.
        let counts = if reserved > SMALL { octets } else { whole };
        let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        let own = large.entry(owner).or_default();
        let may = *own + counts <= self.most_together() && self.take_above(self.total / 4, octets);
        if may {
            *own += counts;
        } else if *own == 0 {
            large.remove(&owner);
        }
        may
    }

    /// Takes octets if so many are left after it.
    fn take_above(&self, least: u64, octets: u64) -> bool {
        let taken = |left: u64| left.checked_sub(octets).filter(|left| *left >= least);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .is_ok()
    }

    fn give_back(&self, owner: IpAddr, octets: u64) {
        self.left.fetch_add(octets, Ordering::Relaxed);
        if octets <= SMALL {
            return;
        }
        let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = large.get_mut(&owner) {
            *own = own.saturating_sub(octets);
            if *own == 0 {
                large.remove(&owner);
            }
        }
    }
}

/// Memory that is in use, for one message or for several that are held together.
#[derive(Debug)]
pub(crate) struct Memory {
    budget: Arc<Budget>,
    owner: IpAddr,
    octets: AtomicU64,
}

/// Keeps memory in use.
pub(crate) type Reservation = Arc<Memory>;

impl Memory {
    /// None yet, for a client of this address.
    pub(crate) fn of(budget: &Arc<Budget>, client: IpAddr) -> Arc<Self> {
        Self::new(budget, own(client))
    }

    fn new(budget: &Arc<Budget>, owner: IpAddr) -> Arc<Self> {
        Arc::new(Self {
            budget: Arc::clone(budget),
            owner,
            octets: AtomicU64::new(0),
        })
    }

    /// So many octets for a client of this address, if they may be had.
    pub(crate) fn reserve(
        budget: &Arc<Budget>,
        client: IpAddr,
        octets: u64,
    ) -> Option<Reservation> {
        let memory = Self::of(budget, client);
        memory.take(octets).then_some(memory)
    }

    /// Takes so many more, if they may be had. Only the session that the memory is for does so.
    pub(crate) fn take(&self, octets: u64) -> bool {
        let held = self.octets.load(Ordering::Relaxed);
        let taken = self.budget.take(self.owner, held, octets);
        if taken {
            self.octets.fetch_add(octets, Ordering::Relaxed);
        }
        taken
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.budget.give_back(self.owner, *self.octets.get_mut());
    }
}

/// Octets that keep the memory in use which was taken for them, for as long as anybody has some of them.
pub(crate) fn held(octets: Bytes, memory: Reservation) -> Bytes {
    Bytes::from_owner(Held {
        octets,
        _memory: memory,
    })
}

struct Held {
    octets: Bytes,
    _memory: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

/// The content of one message as it arrives.
#[derive(Debug)]
pub(crate) struct Content {
    memory: Arc<Memory>,
    pieces: Pieces,
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
    /// Nothing yet, from a client of this address.
    pub(crate) fn new(budget: &Arc<Budget>, client: IpAddr) -> Self {
        Self {
            memory: Memory::of(budget, client),
            pieces: Pieces::None,
            exhausted: false,
        }
    }

    /// Nothing yet, of a message that is held together with this one.
    pub(crate) fn beside(&self) -> Self {
        Self {
            memory: Arc::clone(&self.memory),
            pieces: Pieces::None,
            exhausted: false,
        }
    }

    /// Adds a piece, unless the budget is exhausted: then all of the message is let go.
    pub(crate) fn push(&mut self, piece: Bytes) {
        let octets = piece.len() as u64;
        if self.exhausted {
            return;
        }
        if !self.memory.take(octets) {
            self.clear();
            self.exhausted = true;
            return;
        }
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

    /// Whether there was no memory for what has come, so that the message is lost.
    pub(crate) fn is_lost(&self) -> bool {
        self.exhausted
    }

    /// Takes the whole message and starts anew; `None` if there was no memory for it. The memory counts as used until
    /// the second value is dropped.
    pub(crate) fn take(&mut self) -> Option<(Bytes, Reservation)> {
        let whole = match std::mem::take(&mut self.pieces) {
            Pieces::None => Bytes::new(),
            Pieces::One(piece) => piece,
            Pieces::Many(many) => many.freeze(),
        };
        let reservation = self.anew();
        (!std::mem::take(&mut self.exhausted)).then_some((whole, reservation))
    }

    /// Lets go of what has come.
    pub(crate) fn clear(&mut self) {
        self.pieces = Pieces::None;
        self.exhausted = false;
        drop(self.anew());
    }

    /// What is in use is so no longer for this message.
    fn anew(&mut self) -> Reservation {
        let fresh = Memory::new(&self.memory.budget, self.memory.owner);
        std::mem::replace(&mut self.memory, fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const TWO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn large_messages_leave_room_for_small_ones_and_for_those_of_others() {
        let budget = Budget::new(8 * SMALL);
        let piece = Bytes::from(vec![0; usize::try_from(2 * SMALL).unwrap()]);
        let held = |client, piece: &Bytes| {
            let mut content = Content::new(&budget, client);
            content.push(piece.clone());
            (!content.exhausted).then_some(content)
        };
        let (first, second) = (held(ONE, &piece), held(ONE, &piece));
        assert!(first.is_some() && second.is_some());
        assert!(held(ONE, &piece).is_none(), "half is taken by one client");
        let other = held(TWO, &piece).expect("another has what is left");
        assert!(
            held(TWO, &piece).is_none(),
            "a quarter is for small messages"
        );
        let small = held(ONE, &piece.slice(..1000)).expect("a small message has room");
        drop((first, other));
        let third = held(ONE, &piece).expect("what was given back is there again");
        drop((second, small, third));
        assert_eq!(budget.left.load(Ordering::Relaxed), 8 * SMALL);
        assert!(budget.large.lock().unwrap().is_empty());
    }

    #[test]
    fn octets_hold_their_memory_as_long_as_anybody_has_some() {
        let budget = Budget::new(8 * SMALL);
        let memory = Memory::reserve(&budget, ONE, 2 * SMALL).unwrap();
        let octets = held(Bytes::from_static(b"abcdef"), memory);
        let some = octets.slice(2..4);
        drop(octets);
        assert_eq!(budget.left.load(Ordering::Relaxed), 6 * SMALL);
        assert!(Memory::reserve(&budget, ONE, 3 * SMALL).is_none());
        assert_eq!(some, "cd");
        drop(some);
        assert_eq!(budget.left.load(Ordering::Relaxed), 8 * SMALL);
    }

    #[test]
    fn what_is_held_together_is_one() {
        let budget = Budget::new(8 * SMALL);
        let piece = Bytes::from(vec![0; usize::try_from(SMALL / 2).unwrap()]);
        let mut held = vec![Content::new(&budget, ONE)];
        for _ in 0..20 {
            let mut next = held[0].beside();
            next.push(piece.clone());
            if next.is_lost() {
                break;
            }
            held.push(next);
        }
        assert_eq!(
            held.len(),
            9,
            "half is taken by one client, however small the messages are"
        );
        let mut small = Content::new(&budget, ONE);
        small.push(piece.clone());
        assert!(!small.is_lost(), "there is room for others");
        let reservations: Vec<_> = held.iter_mut().map(Content::take).collect();
        drop((held, small));
        assert_eq!(budget.left.load(Ordering::Relaxed), 4 * SMALL);
        drop(reservations);
        assert_eq!(budget.left.load(Ordering::Relaxed), 8 * SMALL);
        assert!(budget.large.lock().unwrap().is_empty());
    }

    #[test]
    fn content_is_gathered_and_its_memory_comes_back() {
        let budget = Budget::new(10);
        let mut content = Content::new(&budget, ONE);
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
        let mut content = Content::new(&budget, ONE);
        content.push(Bytes::from_static(b"12345678"));
        content.push(Bytes::from_static(b"12345678"));
        assert_eq!(budget.left.load(Ordering::Relaxed), 10);
        content.push(Bytes::from_static(b"1"));
        assert!(content.is_lost());
        assert!(content.take().is_none());
        content.push(Bytes::from_static(b"1"));
        assert!(!content.is_lost());
        assert!(content.take().is_some());
        content.push(Bytes::from_static(b"1"));
        drop(content);
        assert_eq!(budget.left.load(Ordering::Relaxed), 10);
    }
}
