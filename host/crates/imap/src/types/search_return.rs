//! What an extended SEARCH returns (RFC 4731, RFC 5182, RFC 9394).

use std::fmt;

use crate::types::UidSet;

/// `RETURN (…)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Returns {
    /// `MIN`: the lowest message found.
    pub min: bool,
    /// `MAX`: the highest message found.
    pub max: bool,
    /// `ALL`: all of them.
    pub all: bool,
    /// `COUNT`: how many they are.
    pub count: bool,
    /// `PARTIAL`: those at these places.
    pub partial: Option<PartialRange>,
    /// `SAVE`: they are kept for `$`.
    pub save: bool,
    /// `RELEVANCY`: how well each fits (RFC 6203 §4).
    pub relevancy: bool,
    /// `UPDATE`: the client is told how the result changes (RFC 5267 §4.3).
    pub update: bool,
}

/// Places in a list of results: `501:1000`, or `-1:-100` from its end (RFC 9394 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialRange {
    /// As it was asked for, from 1.
    pub first: u32,
    /// As it was asked for; may be below `first`.
    pub last: u32,
    /// Counted from the end.
    pub from_end: bool,
}

/// How many of the messages that match have to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enough {
    /// All of them.
    All,
    /// So many of the lowest.
    Lowest(u32),
    /// So many of the highest.
    Highest(u32),
}

impl PartialRange {
    /// The first and the last place, counted from the beginning of a list of so many.
    #[must_use]
    pub fn places(&self, count: u32) -> (u32, u32) {
        let (low, high) = (self.first.min(self.last), self.first.max(self.last));
        if self.from_end {
            let behind = count.saturating_add(1);
            // Of -1:-100 the 100th from the end comes first.
            (
                behind.saturating_sub(high).max(1),
                behind.saturating_sub(low),
            )
        } else {
            (low, high)
        }
    }

    /// The members of a set at these places.
    #[must_use]
    pub fn of(&self, set: &UidSet) -> UidSet {
        let (first, last) = self.places(set.len());
        set.slice(first, last)
    }

    /// The highest place, from the end that it is counted from.
    fn reach(&self) -> u32 {
        self.first.max(self.last)
    }
}

impl fmt::Display for PartialRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.from_end { "-" } else { "" };
        write!(f, "{sign}{}:{sign}{}", self.first, self.last)
    }
}

impl Returns {
    /// The messages that a result is about, and that `SAVE` keeps (RFC 5182 §2.4, RFC 9394 §3.2).
    #[must_use]
    pub fn of(&self, found: &UidSet) -> UidSet {
        let some = self.min || self.max || self.partial.is_some();
        if self.all || self.count || !some {
            return found.clone();
        }
        let mut set = self
            .partial
            .map(|range| range.of(found))
            .unwrap_or_default();
        let ends = [(self.min, found.first()), (self.max, found.last())];
        for uid in ends
            .into_iter()
            .filter_map(|(wanted, uid)| uid.filter(|_| wanted))
        {
            set.insert(uid);
        }
        set
    }

    /// How many messages have to be found for it.
    #[must_use]
    pub fn enough(&self) -> Enough {
        let lowest = self.min || self.partial.is_some_and(|range| !range.from_end);
        let highest = self.max || self.partial.is_some_and(|range| range.from_end);
        let reach = self.partial.map_or(1, |range| range.reach());
        match (self.all || self.count, lowest, highest) {
            // RFC 5267 §4.3: all that match are kept track of.
            _ if self.update => Enough::All,
            (false, true, false) => Enough::Lowest(reach),
            (false, false, true) => Enough::Highest(reach),
            _ => Enough::All,
        }
    }

    /// Whether there is nothing to be told (RFC 5182 §1: `SAVE` alone).
    #[must_use]
    pub fn is_silent(&self) -> bool {
        let told = self.min || self.max || self.all || self.count || self.relevancy;
        self.save && !told && self.partial.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> UidSet {
        UidSet::from_ranges([(2, 2), (10, 15), (21, 21)])
    }

    fn returns(words: &str) -> Returns {
        let has = |word: &str| words.split(' ').any(|it| it == word);
        Returns {
            min: has("MIN"),
            max: has("MAX"),
            all: has("ALL"),
            count: has("COUNT"),
            partial: has("PARTIAL").then_some(PartialRange {
                first: 2,
                last: 3,
                from_end: false,
            }),
            save: has("SAVE"),
            relevancy: false,
            update: false,
        }
    }

    /// The tables of RFC 5182 §2.4 and RFC 9394 §3.2.
    #[test]
    fn what_is_saved() {
        for (words, saved) in [
            ("SAVE", "2,10:15,21"),
            ("SAVE MIN", "2"),
            ("SAVE MAX", "21"),
            ("MAX SAVE MIN", "2,21"),
            ("MAX SAVE MIN COUNT", "2,10:15,21"),
            ("ALL SAVE MIN", "2,10:15,21"),
            ("SAVE PARTIAL", "10:11"),
            ("SAVE PARTIAL MIN", "2,10:11"),
            ("SAVE PARTIAL MAX", "10:11,21"),
            ("SAVE PARTIAL MIN MAX", "2,10:11,21"),
            ("SAVE PARTIAL COUNT MIN", "2,10:15,21"),
        ] {
            assert_eq!(returns(words).of(&found()).to_string(), saved, "{words}");
        }
    }

    #[test]
    fn no_more_is_looked_for_than_is_told() {
        assert_eq!(returns("MIN").enough(), Enough::Lowest(1));
        assert_eq!(returns("MAX SAVE").enough(), Enough::Highest(1));
        assert_eq!(returns("MIN PARTIAL").enough(), Enough::Lowest(3));
        for words in ["", "SAVE", "MIN MAX", "MIN COUNT", "ALL", "MAX PARTIAL"] {
            assert_eq!(returns(words).enough(), Enough::All, "{words}");
        }
    }

    #[test]
    fn places_from_either_end() {
        let range = |first, last, from_end| PartialRange {
            first,
            last,
            from_end,
        };
        let of = |range: PartialRange| range.of(&found()).to_string();
        assert_eq!(of(range(1, 500, false)), "2,10:15,21");
        assert_eq!(of(range(3, 2, false)), "10:11");
        assert_eq!(of(range(1, 3, true)), "14:15,21");
        assert_eq!(of(range(100, 7, true)), "2,10");
        assert_eq!(of(range(9, 12, false)), "");
        assert_eq!(of(range(9, 12, true)), "");
        assert_eq!(of(range(1, u32::MAX, true)), "2,10:15,21");
        assert_eq!(range(1, 100, true).to_string(), "-1:-100");
    }
}
