//! The maildrop as it was at login: numbers that do not move while a session lasts (RFC 1939 §4).
//!
//! Invariants: a message is named by its index here, message-number minus one; sums count what is
//! not marked as deleted, and are kept, not recounted.

/// One message of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// UID in the INBOX.
    pub uid: u32,
    /// Size in octets, line ends counted as two (RFC 1939 §11).
    pub octets: u64,
}

/// A snapshot of the INBOX.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maildrop {
    /// UIDVALIDITY of the INBOX: with the UID it makes the unique-id (RFC 1939 §7).
    pub uid_validity: u32,
    /// The messages, by ascending UID.
    pub entries: Vec<Entry>,
}

/// A snapshot with what this session did to it.
#[derive(Debug)]
pub(crate) struct OpenMaildrop {
    uid_validity: u32,
    slots: Vec<Slot>,
    count: usize,
    octets: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    entry: Entry,
    deleted: bool,
    read: bool,
}

impl OpenMaildrop {
    /// Takes a snapshot, cut to `limit` messages.
    pub(crate) fn new(maildrop: Maildrop, limit: usize) -> Self {
        let slots: Vec<Slot> = maildrop
            .entries
            .into_iter()
            .take(limit)
            .map(|entry| Slot {
                entry,
                deleted: false,
                read: false,
            })
            .collect();
        let octets = slots.iter().map(|slot| slot.entry.octets).sum();
        OpenMaildrop {
            uid_validity: maildrop.uid_validity,
            count: slots.len(),
            octets,
            slots,
        }
    }

    /// Number and octets of the messages that are not marked as deleted.
    pub(crate) fn totals(&self) -> (usize, u64) {
        (self.count, self.octets)
    }

    /// The message of this number, unless there is none or it is marked as deleted.
    pub(crate) fn get(&self, number: usize) -> Option<Entry> {
        let slot = self.slots.get(number.checked_sub(1)?)?;
        (!slot.deleted).then_some(slot.entry)
    }

    /// The unique-id of a message: 1 to 70 characters of 0x21 to 0x7E (RFC 1939 §7).
    pub(crate) fn unique_id(&self, entry: Entry) -> String {
        format!("{}.{}", self.uid_validity, entry.uid)
    }

    /// The messages that are not marked as deleted, from number `from` on, with their numbers.
    pub(crate) fn listed(&self, from: usize) -> impl Iterator<Item = (usize, Entry)> + '_ {
        self.slots
            .iter()
            .enumerate()
            .skip(from.saturating_sub(1))
            .filter(|(_, slot)| !slot.deleted)
            .map(|(index, slot)| (index + 1, slot.entry))
    }

    /// Marks a message as deleted; false if there is none to mark.
    pub(crate) fn delete(&mut self, number: usize) -> bool {
        let Some(slot) = number
            .checked_sub(1)
            .and_then(|index| self.slots.get_mut(index))
        else {
            return false;
        };
        if slot.deleted {
            return false;
        }
        slot.deleted = true;
        self.count -= 1;
        self.octets -= slot.entry.octets;
        true
    }

    /// Notes that a message was read to its end.
    pub(crate) fn read(&mut self, number: usize) {
        if let Some(slot) = number
            .checked_sub(1)
            .and_then(|index| self.slots.get_mut(index))
        {
            slot.read = true;
        }
    }

    /// Takes all marks of deletion back (RFC 1939 §5, RSET).
    pub(crate) fn reset(&mut self) {
        for slot in &mut self.slots {
            slot.deleted = false;
        }
        self.count = self.slots.len();
        self.octets = self.slots.iter().map(|slot| slot.entry.octets).sum();
    }

    /// What QUIT does: the UIDs to remove, and those that were read and stay.
    pub(crate) fn update(&self) -> (Vec<u32>, Vec<u32>) {
        let remove = self
            .slots
            .iter()
            .filter(|slot| slot.deleted)
            .map(|slot| slot.entry.uid);
        let seen = self
            .slots
            .iter()
            .filter(|slot| slot.read && !slot.deleted)
            .map(|slot| slot.entry.uid);
        (remove.collect(), seen.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> OpenMaildrop {
        let entries = [(7, 10), (9, 20), (12, 30)].map(|(uid, octets)| Entry { uid, octets });
        OpenMaildrop::new(
            Maildrop {
                uid_validity: 5,
                entries: entries.to_vec(),
            },
            100,
        )
    }

    #[test]
    fn deletion_moves_no_number_and_keeps_the_sums() {
        let mut drop = three();
        assert!(drop.delete(2));
        assert!(!drop.delete(2), "a message is deleted once");
        assert!(!drop.delete(0));
        assert!(!drop.delete(4));
        assert_eq!(drop.totals(), (2, 40));
        assert_eq!(drop.get(2), None);
        assert_eq!(drop.get(3).map(|entry| entry.uid), Some(12));
        assert_eq!(
            drop.listed(2).map(|(number, _)| number).collect::<Vec<_>>(),
            [3]
        );
        drop.reset();
        assert_eq!(drop.totals(), (3, 60));
    }

    #[test]
    fn update_removes_the_deleted_and_marks_what_was_read_and_stays() {
        let mut drop = three();
        drop.read(1);
        drop.read(2);
        drop.delete(2);
        assert_eq!(drop.update(), (vec![9], vec![7]));
    }

    #[test]
    fn a_snapshot_is_cut_to_its_limit() {
        let entries = vec![Entry { uid: 1, octets: 1 }, Entry { uid: 2, octets: 2 }];
        let drop = OpenMaildrop::new(
            Maildrop {
                uid_validity: 1,
                entries,
            },
            1,
        );
        assert_eq!(drop.totals(), (1, 1));
    }

    #[test]
    fn unique_ids_tell_mailboxes_of_another_validity_apart() {
        let drop = three();
        assert_eq!(drop.unique_id(drop.get(1).unwrap()), "5.7");
    }
}
