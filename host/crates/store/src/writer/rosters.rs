//! Which rosters of the ledger are written already, so that a row only names its own.

use std::collections::HashMap;

use crate::Roster;

/// How long a roster need not be written again, milliseconds. Housekeeping keeps twice that beyond the ledger's retention.
pub(super) const FRESH: i64 = 24 * 60 * 60 * 1000;
/// Rosters that are remembered; beyond, all are forgotten and written again as they come.
const MAX_KNOWN: usize = 1000;

/// The rosters that are written, and when that was.
#[derive(Debug, Default)]
pub(super) struct Rosters {
    committed: HashMap<i64, i64>,
    open: HashMap<i64, i64>,
}

impl Rosters {
    /// Whether this one has to be written with the open transaction.
    pub(super) fn is_due(&mut self, roster: &Roster, now: i64) -> bool {
        let fresh = |seen: &i64| now.saturating_sub(*seen) <= FRESH;
        if self.committed.get(&roster.key).is_some_and(fresh) || self.open.contains_key(&roster.key)
        {
            return false;
        }
        self.open.insert(roster.key, now);
        true
    }

    /// What was written is there.
    pub(super) fn committed(&mut self) {
        if self.open.is_empty() {
            return;
        }
        if self.committed.len() + self.open.len() > MAX_KNOWN {
            self.committed.clear();
        }
        self.committed.extend(self.open.drain());
    }

    /// What was written is not there.
    pub(super) fn rolled_back(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_is_written_once_a_day_and_again_when_its_transaction_failed() {
        let roster = Roster {
            key: 7,
            json: "[]".into(),
        };
        let mut rosters = Rosters::default();
        assert!(rosters.is_due(&roster, 0));
        assert!(!rosters.is_due(&roster, 0), "once a transaction");
        rosters.rolled_back();
        assert!(rosters.is_due(&roster, 1));
        rosters.committed();
        assert!(!rosters.is_due(&roster, FRESH + 1));
        assert!(rosters.is_due(&roster, FRESH + 2));
    }
}
