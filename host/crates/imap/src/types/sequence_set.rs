//! Sequence sets as they are written (RFC 3501 §9): `1,3:5,7:*`.

use crate::types::UidSet;

/// A number or `*`, which is the highest number in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceNumber {
    /// A number, not 0.
    Number(u32),
    /// `*`
    Last,
}

impl SequenceNumber {
    fn resolve(self, last: u32) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Last => last,
        }
    }
}

/// `sequence-set = (seq-number / seq-range / "$") *("," sequence-set)`; at least one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceSet {
    pub(crate) ranges: Vec<(SequenceNumber, SequenceNumber)>,
    /// `$`: what the last SEARCH saved (RFC 5182).
    pub(crate) saved: bool,
}

impl SequenceSet {
    /// A set of these ranges; a single number is a range to itself. With `saved` it has `$`, too.
    #[must_use]
    pub fn new(ranges: Vec<(SequenceNumber, SequenceNumber)>, saved: bool) -> Option<Self> {
        (saved || !ranges.is_empty()).then_some(Self { ranges, saved })
    }

    /// The ranges as they stand; `None` if `*` or `$` is among them.
    pub(crate) fn plain(&self) -> Option<Vec<(u32, u32)>> {
        let number = |number: SequenceNumber| match number {
            SequenceNumber::Number(number) => Some(number),
            SequenceNumber::Last => None,
        };
        if self.saved {
            return None;
        }
        let ranges = self.ranges.iter();
        ranges
            .map(|&(from, to)| Some((number(from)?, number(to)?)))
            .collect()
    }

    /// The numbers; `None` if `*` or `$` is among them.
    #[must_use]
    pub fn without_star(&self) -> Option<UidSet> {
        self.plain().map(UidSet::from_ranges)
    }

    /// The numbers that are meant where `last` is the highest in use, without what `$` means; `3:*` includes `last`
    /// even if it is below 3 (RFC 3501 §6.4.8).
    #[must_use]
    pub fn resolve(&self, last: u32) -> UidSet {
        UidSet::from_ranges(
            self.ranges
                .iter()
                .map(|&(from, to)| (from.resolve(last), to.resolve(last)))
                .filter(|&(from, to)| from > 0 && to > 0),
        )
    }
}
