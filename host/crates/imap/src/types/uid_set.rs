//! Sets of UIDs as runs, so that a mailbox of 100,000 messages costs a session a few hundred octets.
//!
//! Invariant: runs ascend, never touch, and 0 is never a member (RFC 3501 §2.3.1.1: UIDs are nz-numbers).

use std::fmt;

/// One run of consecutive UIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u32,
    last: u32,
    /// Members of the set before this run: a message's sequence number is found by bisection.
    before: u32,
}

/// A sorted set of UIDs, kept as runs of consecutive ones.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UidSet {
    runs: Vec<Run>,
}

impl UidSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The union of inclusive ranges in any order; a range whose end is below its start is turned round.
    #[must_use]
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sorted: Vec<(u32, u32)> = ranges
            .into_iter()
            .map(|(a, b)| (a.min(b).max(1), a.max(b)))
            .filter(|&(first, last)| first <= last)
            .collect();
        sorted.sort_unstable();
        let mut set = Self::new();
        for (first, last) in sorted {
            set.push_range(first, last);
        }
        set
    }

    /// Adds one UID; cheap if it is the highest so far.
    pub fn insert(&mut self, uid: u32) {
        self.insert_range(uid, uid);
    }

    /// Adds an inclusive range; cheap if it lies above all others.
    pub fn insert_range(&mut self, first: u32, last: u32) {
        if self.runs.last().is_none_or(|run| first >= run.first) {
            self.push_range(first.max(1), last);
        } else {
            *self = Self::from_ranges(self.ranges().chain([(first, last)]));
        }
    }

    /// Appends a range that starts at or above the start of the last run.
    fn push_range(&mut self, first: u32, last: u32) {
        if first == 0 || last < first {
            return;
        }
        match self.runs.last_mut() {
            Some(run) if first <= run.last.saturating_add(1) => run.last = run.last.max(last),
            _ => {
                let before = self.len();
                self.runs.push(Run {
                    first,
                    last,
                    before,
                });
            }
        }
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.runs.last().map_or(0, |run| {
            run.before
                .saturating_add(run.last - run.first)
                .saturating_add(1)
        })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The lowest member.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.runs.first().map(|run| run.first)
    }

    /// The highest member.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.runs.last().map(|run| run.last)
    }

    /// Whether `uid` is a member.
    #[must_use]
    pub fn contains(&self, uid: u32) -> bool {
        self.position(uid).is_some()
    }

    /// The sequence number (1-based) of `uid`.
    #[must_use]
    pub fn position(&self, uid: u32) -> Option<u32> {
        let index = self.runs.partition_point(|run| run.last < uid);
        let run = self.runs.get(index)?;
        (run.first <= uid).then(|| run.before + (uid - run.first) + 1)
    }

    /// The member with a sequence number (1-based).
    #[must_use]
    pub fn at(&self, position: u32) -> Option<u32> {
        let index = self.runs.partition_point(|run| run.before < position);
        let run = self.runs.get(index.checked_sub(1)?)?;
        let uid = run.first.checked_add(position - run.before - 1)?;
        (uid <= run.last).then_some(uid)
    }

    /// The members with sequence numbers `first..=last`.
    #[must_use]
    pub fn slice(&self, first: u32, last: u32) -> Self {
        let last = last.min(self.len());
        let mut set = Self::new();
        if first == 0 || first > last {
            return set;
        }
        let start = self
            .runs
            .partition_point(|run| run.before < first)
            .saturating_sub(1);
        for run in self
            .runs
            .iter()
            .skip(start)
            .take_while(|run| run.before < last)
        {
            let low = run.first + first.saturating_sub(run.before + 1);
            let high = run
                .last
                .min(run.first.saturating_add(last - run.before - 1));
            set.push_range(low, high);
        }
        set
    }

    /// The runs as inclusive ranges, ascending.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = (u32, u32)> + '_ {
        self.runs.iter().map(|run| (run.first, run.last))
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.ranges().flat_map(|(first, last)| first..=last)
    }

    /// Members of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut set = Self::new();
        let (mut left, mut right) = (self.ranges(), other.ranges());
        let (mut a, mut b) = (left.next(), right.next());
        while let (Some((a_first, a_last)), Some((b_first, b_last))) = (a, b) {
            set.push_range(a_first.max(b_first), a_last.min(b_last));
            if a_last < b_last {
                a = left.next();
            } else {
                b = right.next();
            }
        }
        set
    }

    /// Members of this one but not of `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut set = Self::new();
        let mut holes = other.ranges().peekable();
        for (mut first, last) in self.ranges() {
            while holes.next_if(|&(_, end)| end < first).is_some() {}
            loop {
                match holes.peek() {
                    Some(&(start, end)) if start <= last => {
                        if start > first {
                            set.push_range(first, start - 1);
                        }
                        if end >= last {
                            break;
                        }
                        first = first.max(end + 1);
                        holes.next();
                    }
                    _ => {
                        set.push_range(first, last);
                        break;
                    }
                }
            }
        }
        set
    }

    /// Members of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges().chain(other.ranges()))
    }

    /// Gives back memory beyond what the runs need.
    pub fn shrink(&mut self) {
        self.runs.shrink_to_fit();
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut set = Self::new();
        let mut stray = Vec::new();
        for uid in uids {
            if set.runs.last().is_none_or(|run| uid >= run.first) {
                set.push_range(uid, uid);
            } else {
                stray.push((uid, uid));
            }
        }
        if stray.is_empty() {
            return set;
        }
        Self::from_ranges(set.ranges().chain(stray))
    }
}

/// As the wire's uid-set: `1:4,7`.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}:{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::UidSet;

    fn members() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(1u32..60, 0..40)
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(a in members(), b in members()) {
            let (left, right): (UidSet, UidSet) = (a.iter().copied().collect(), b.iter().copied().collect());
            prop_assert_eq!(left.len() as usize, a.len());
            prop_assert!(left.iter().eq(a.iter().copied()));
            prop_assert!(left.union(&right).iter().eq(a.union(&b).copied()));
            prop_assert!(left.intersection(&right).iter().eq(a.intersection(&b).copied()));
            prop_assert!(left.difference(&right).iter().eq(a.difference(&b).copied()));
            for uid in 0..70 {
                let position = a.iter().position(|&member| member == uid).map(|index| index as u32 + 1);
                prop_assert_eq!(left.position(uid), position);
                prop_assert_eq!(left.at(uid), a.iter().nth((uid as usize).wrapping_sub(1)).copied());
            }
        }

        #[test]
        fn slices_by_position(a in members(), first in 0u32..50, last in 0u32..50) {
            let set: UidSet = a.iter().copied().collect();
            let wanted = a.iter().copied().enumerate()
                .filter(|(index, _)| (first.max(1)..=last).contains(&(*index as u32 + 1)) && first > 0)
                .map(|(_, uid)| uid);
            prop_assert!(set.slice(first, last).iter().eq(wanted));
        }

        #[test]
        fn order_of_insertion_does_not_matter(mut uids in proptest::collection::vec(0u32..40, 0..40)) {
            let mut set = UidSet::new();
            for &uid in &uids {
                set.insert(uid);
            }
            let collected: UidSet = uids.iter().copied().collect();
            prop_assert_eq!(&set, &collected);
            uids.retain(|&uid| uid > 0);
            uids.sort_unstable();
            uids.dedup();
            prop_assert!(set.iter().eq(uids));
        }
    }

    #[test]
    fn prints_as_a_uid_set() {
        let set: UidSet = [9, 1, 2, 3, u32::MAX].into_iter().collect();
        assert_eq!(set.to_string(), "1:3,9,4294967295");
        assert_eq!(UidSet::from_ranges([(5, 2)]).to_string(), "2:5");
    }
}
