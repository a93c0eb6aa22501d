//! The result of a SORT that is kept track of (RFC 5267 §4.3): where messages come into it and go out of it.
//!
//! Invariant: it is ordered as SORT orders it, and takes no more than so many octets.

use waxwing_message::Summary;

use crate::ask::{FetchRow, RowWants};
use crate::session::sort_key::sort_key;
use crate::types::{SortCriterion, SortKey, UidSet};

/// Octets of one result.
const ROOM: usize = 512 * 1024;
/// What a message takes beside its key.
const MESSAGE: usize = 24;

/// What a message is compared by, and its UID: those that are equal are in the order of the mailbox.
pub(crate) type Keyed = (Box<[u8]>, u32);

/// Places, from 1, with the messages that are there one behind another.
pub(crate) type Runs = Vec<(usize, Vec<u32>)>;

/// A result in its order.
#[derive(Debug)]
pub(crate) struct Sorted {
    criteria: Vec<SortCriterion>,
    order: Vec<Keyed>,
}

impl Sorted {
    /// What is ordered so; `None` if it takes too much, or its order is not the messages' own.
    pub(crate) fn new(criteria: &[SortCriterion], order: Vec<Keyed>) -> Option<Self> {
        let own = criteria.iter().all(|by| by.key != SortKey::Relevancy);
        let sorted = Self {
            criteria: criteria.to_vec(),
            order,
        };
        (own && sorted.fits()).then_some(sorted)
    }

    fn fits(&self) -> bool {
        let octets = self.order.iter().map(|(key, _)| key.len() + MESSAGE);
        octets.sum::<usize>() <= ROOM
    }

    /// What of a message is to be read.
    pub(crate) fn wants(&self) -> RowWants {
        RowWants {
            summary: self.criteria.iter().any(|by| by.key.needs_summary()),
            ..RowWants::default()
        }
    }

    pub(crate) fn keyed(&self, row: &FetchRow) -> Keyed {
        let summary = Summary::decode_fields(&row.summary).ok();
        (sort_key(&self.criteria, row, summary.as_ref(), 1), row.uid)
    }

    /// These go: where they were, from the last place on, so that each is right when those before it are gone.
    pub(crate) fn remove(&mut self, gone: &UidSet) -> Runs {
        let places = self.order.iter().enumerate();
        let there = places.filter(|(_, (_, uid))| gone.contains(*uid));
        let mut runs = runs(there.map(|(place, (_, uid))| (place + 1, *uid)));
        runs.reverse();
        self.order.retain(|(_, uid)| !gone.contains(*uid));
        runs
    }

    /// These come: where they are then, from the first place on; `None` if it takes too much with them.
    pub(crate) fn insert(&mut self, new: Vec<Keyed>) -> Option<Runs> {
        let uids: UidSet = new.iter().map(|(_, uid)| *uid).collect();
        self.order.extend(new);
        // Runs that are sorted already cost little.
        self.order.sort();
        let places = self.order.iter().enumerate();
        let there = places.filter(|(_, (_, uid))| uids.contains(*uid));
        let runs = runs(there.map(|(place, (_, uid))| (place + 1, *uid)));
        self.fits().then_some(runs)
    }
}

fn runs(places: impl Iterator<Item = (usize, u32)>) -> Runs {
    let mut runs = Runs::new();
    for (place, uid) in places {
        match runs.last_mut() {
            Some((first, uids)) if *first + uids.len() == place => uids.push(uid),
            _ => runs.push((place, vec![uid])),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(key: u8, uid: u32) -> Keyed {
        (vec![key].into(), uid)
    }

    fn sorted(keys: &[(u8, u32)]) -> Sorted {
        let order = keys.iter().map(|(key, uid)| keyed(*key, *uid));
        Sorted::new(&[], order.collect()).unwrap()
    }

    /// A client that does as it is told has the same list.
    #[test]
    fn places_lead_a_client_to_the_same_order() {
        let mut server = sorted(&[(1, 4), (1, 9), (3, 2), (5, 7), (5, 8)]);
        let mut client = vec![4, 9, 2, 7, 8];
        let gone: UidSet = [9, 2, 8].into_iter().collect();
        let removed = server.remove(&gone);
        assert_eq!(removed, [(5, vec![8]), (2, vec![9, 2])]);
        for (place, uids) in removed {
            assert_eq!(
                client
                    .drain(place - 1..place - 1 + uids.len())
                    .collect::<Vec<_>>(),
                uids
            );
        }
        let new = vec![
            keyed(9, 10),
            keyed(0, 12),
            keyed(5, 11),
            keyed(0, 13),
            keyed(5, 3),
        ];
        let added = server.insert(new).unwrap();
        assert_eq!(added, [(1, vec![12, 13]), (4, vec![3]), (6, vec![11, 10])]);
        for (place, uids) in added {
            client.splice(place - 1..place - 1, uids);
        }
        let order: Vec<u32> = server.order.iter().map(|(_, uid)| *uid).collect();
        assert_eq!(client, order);
    }

    #[test]
    fn it_takes_no_more_than_its_room() {
        let long = |uid| (vec![0; ROOM / 2].into_boxed_slice(), uid);
        assert!(Sorted::new(&[], vec![long(1), long(2)]).is_none());
        assert!(
            Sorted::new(&[], vec![long(1)])
                .unwrap()
                .insert(vec![long(2)])
                .is_none()
        );
    }
}
