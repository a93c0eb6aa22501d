//! What CONDSTORE and QRESYNC add to SELECT and FETCH (RFC 7162).

use crate::types::{PartialRange, SequenceSet, UidSet};

/// What stands behind the mailbox of SELECT and EXAMINE (RFC 4466 §2.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelectParameters {
    /// `CONDSTORE` (RFC 7162 §3.1.8)
    pub condstore: bool,
    /// `QRESYNC (…)` (RFC 7162 §3.2.5)
    pub resync: Option<Box<Resync>>,
}

/// What a client knows of a mailbox that it comes back to (RFC 7162 §3.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resync {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// Up to which modification sequence it knows of changes.
    pub modseq: u64,
    /// Which UIDs it knows; `None` for all that there ever were.
    pub known: Option<UidSet>,
    /// Message numbers and the UIDs that it has them for, as many of one as of the other (RFC 7162 §3.2.5.2).
    pub matches: Option<(UidSet, UidSet)>,
}

/// What stands behind the items of FETCH (RFC 4466 §2.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FetchModifiers {
    /// `CHANGEDSINCE`: only messages with a higher modification sequence (RFC 7162 §3.1.4.1).
    pub changed_since: Option<u64>,
    /// `VANISHED`: of those that went since, the UIDs are told (RFC 7162 §3.2.6).
    pub vanished: bool,
    /// `PARTIAL`: only those at these places among the messages named (RFC 9394 §3.3).
    pub partial: Option<PartialRange>,
}

impl Resync {
    /// The UIDs up to which the client knows of everything that went: the highest of its matches that holds for
    /// `uids`, the messages by number. 0 if none does.
    #[must_use]
    pub fn matched(&self, uids: &UidSet) -> u32 {
        let Some((numbers, known)) = &self.matches else {
            return 0;
        };
        let pair = |index: u32| Some((numbers.at(index)?, known.at(index)?));
        let holds =
            |index: u32| pair(index).is_some_and(|(number, uid)| uids.at(number) == Some(uid));
        // Messages only go: with the n-th pair all before it hold, so the last that holds is found by bisection.
        let (mut low, mut high) = (0, numbers.len().min(known.len()));
        while low < high {
            let middle = high - (high - low) / 2;
            if holds(middle) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        known.at(low).unwrap_or(0)
    }

    /// The UIDs among which what went is told, in a mailbox that gave UIDs below `uid_next`.
    #[must_use]
    pub fn among(&self, uids: &UidSet, uid_next: u32) -> UidSet {
        let all = || UidSet::from_ranges((uid_next > 1).then(|| (1, uid_next - 1)));
        let known = self.known.clone().unwrap_or_else(all);
        match self.matched(uids) {
            0 => known,
            matched => known.difference(&UidSet::from_ranges([(1, matched)])),
        }
    }
}

impl SequenceSet {
    /// The numbers, if they ascend and `*` is not among them.
    #[must_use]
    pub fn ascending(&self) -> Option<UidSet> {
        let mut last = 0;
        for (low, high) in self.plain()? {
            if low <= last || high < low {
                return None;
            }
            last = high;
        }
        self.without_star()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resync(numbers: &[(u32, u32)], uids: &[(u32, u32)]) -> Resync {
        let set = |ranges: &[(u32, u32)]| UidSet::from_ranges(ranges.iter().copied());
        Resync {
            uid_validity: 1,
            modseq: 1,
            known: None,
            matches: Some((set(numbers), set(uids))),
        }
    }

    /// RFC 7162 §3.2.5.2: only UIDs that three divides are left, and the client's last matches hold.
    #[test]
    fn matches_of_the_rfc_hold() {
        let uids: UidSet = (1..=10_003).map(|number| number * 3).collect();
        let numbers = [(5000, 5000), (7500, 7500), (9000, 9000), (9990, 9999)];
        let known: Vec<(u32, u32)> = [15_000, 22_500, 27_000]
            .into_iter()
            .chain((29_970..=29_997).step_by(3))
            .map(|uid| (uid, uid))
            .collect();
        assert_eq!(resync(&numbers, &known).matched(&uids), 29_997);
    }

    /// RFC 7162 §3.2.5.2: "no UIDs equal to or less than 8", then "the lowest UID would be 9".
    #[test]
    fn the_last_match_that_holds_counts() {
        let uids: UidSet = [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 25]
            .into_iter()
            .collect();
        let came_back = resync(&[(4, 4), (12, 12)], &[(8, 8), (24, 24)]);
        assert_eq!(came_back.matched(&uids), 8);
        assert_eq!(came_back.among(&uids, 30).first(), Some(9));
        assert_eq!(resync(&[(1, 1)], &[(1, 1)]).matched(&uids), 0);
    }

    #[test]
    fn whoever_claims_billions_of_matches_costs_nothing() {
        let uids: UidSet = (1..=9).collect();
        let all = [(1, u32::MAX)];
        assert_eq!(resync(&all, &all).matched(&uids), 9);
        assert_eq!(resync(&all, &[(2, u32::MAX)]).matched(&uids), 0);
    }
}
