//! STORE (RFC 3501 §6.4.6, RFC 7162 §3.1.3), in batches, so that no answer is large.

use crate::ask::{Answer, Ask, FlagAction, FlagRow, StoredFlags};
use crate::encode::texts;
use crate::session::enable::{self, Enabled};
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::message_limit::{self, batch};
use crate::session::progress::Done;
use crate::session::selected::{Items, Selected};
use crate::types::{FlagSet, SequenceSet, UidSet};

/// Messages in one ask.
const BATCH: u32 = 1_000;

/// What STORE is to do.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) action: FlagAction,
    /// `.SILENT`
    pub(crate) silent: bool,
    pub(crate) flags: FlagSet,
    /// `UNCHANGEDSINCE`
    pub(crate) unchanged_since: Option<u64>,
}

pub(crate) fn begin(core: &mut Core, uid: bool, set: &SequenceSet, change: Change) -> Flow {
    let Some(selected) = &core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    core.numbers_stay = !uid;
    if selected.read_only {
        return Flow::Done(texts::READ_ONLY);
    }
    let Some(uids) = selected.resolve(set, uid) else {
        return Flow::Tagged(texts::NO_SUCH_MESSAGE);
    };
    if change.unchanged_since.is_some() {
        enable::condstore(core);
    }
    let uids = message_limit::highest(core, uids);
    Box::new(Store {
        uid,
        downwards: core.limited.is_some(),
        uids,
        asked: 0,
        expected: 0,
        missing: false,
        change,
        modified: UidSet::new(),
    })
    .resume(core)
}

#[derive(Debug)]
struct Store {
    uid: bool,
    uids: UidSet,
    /// The highest come first.
    downwards: bool,
    /// How many of them were asked for.
    asked: u32,
    /// How many messages the ask that is out is for.
    expected: u32,
    /// Messages that the client still has numbers of are gone.
    missing: bool,
    change: Change,
    /// Messages that another change came before.
    modified: UidSet,
}

impl Job for Store {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let (Answer::Flags(stored), Some(selected)) = (&answer, &mut core.selected) else {
            return failed(&answer, false);
        };
        let known = stored.rows.len() + stored.modified.len();
        self.missing |= known < self.expected as usize;
        let mut rows: Vec<&StoredFlags> = stored.rows.iter().collect();
        let mut modified: Vec<&FlagRow> = stored.modified.iter().collect();
        if self.downwards {
            rows.reverse();
            modified.reverse();
        }
        for stored in rows {
            selected.note_own(stored);
            let items = self.items(stored, core.enabled);
            selected.tell(&mut core.out, &stored.row, items);
        }
        for row in modified {
            self.modified.insert(row.uid);
            // RFC 7162 §3.1.3: so that the client need not ask why it failed.
            selected.tell_once(&mut core.out, row, core.enabled.items(self.uid));
        }
        Flow::Resume(self)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        core.progress(Done::Of(self.asked.min(self.uids.len()), self.uids.len()));
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        if self.asked >= self.uids.len() {
            // RFC 2180 §4.2.1: nobody waits for the flags of .SILENT; else §4.2.2 and §4.2.3. UIDs that are gone are no
            // error (RFC 3501 §6.4.8).
            let response = if self.missing && !self.change.silent && !self.uid {
                texts::EXPUNGED
            } else {
                texts::ok("STORE completed")
            };
            return Flow::Done(match self.failed_set(selected) {
                Some(failed) => response.with_code(format!("MODIFIED {failed}")),
                None => response,
            });
        }
        let uids = batch(&self.uids, self.asked, BATCH, self.downwards);
        self.asked = self.asked.saturating_add(BATCH);
        self.expected = uids.len();
        let ask = Ask::Store {
            mailbox: selected.mailbox,
            uids,
            action: self.change.action,
            flags: self.change.flags.clone(),
            unchanged_since: self.change.unchanged_since,
        };
        Flow::Ask(ask, self)
    }
}

impl Store {
    /// What is told of a message that was stored.
    fn items(&self, stored: &StoredFlags, enabled: Enabled) -> Items {
        let all = enabled.items(self.uid);
        if !self.change.silent {
            return all;
        }
        // RFC 7162 §3.1.3: even with .SILENT the modification sequence is told, always if STORE was conditional.
        let told = self.change.unchanged_since.is_some() || stored.replaced.is_some();
        Items {
            flags: false,
            modseq: all.modseq && told,
            ..all
        }
    }

    /// RFC 7162 §3.1.3: the numbers, or the UIDs, of the messages that another change came before.
    fn failed_set(&self, selected: &Selected) -> Option<UidSet> {
        let numbers = || {
            let uids = self.modified.iter();
            uids.filter_map(|uid| selected.uids.position(uid)).collect()
        };
        let failed = if self.uid {
            self.modified.clone()
        } else {
            numbers()
        };
        (!failed.is_empty()).then_some(failed)
    }
}
