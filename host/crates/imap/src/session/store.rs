//! STORE (RFC 3501 §6.4.6), in batches, so that no answer is large.

use crate::ask::{Answer, Ask, FlagAction, FlagRow};
use crate::encode::texts;
use crate::session::job::{Core, Flow, Job, failed};
use crate::types::{FlagSet, SequenceSet, UidSet};

/// Messages in one ask.
const BATCH: u32 = 1_000;

pub(crate) fn begin(
    core: &mut Core,
    uid: bool,
    set: &SequenceSet,
    action: FlagAction,
    silent: bool,
    flags: FlagSet,
) -> Flow {
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
    Box::new(Store {
        uid,
        uids,
        asked: 0,
        expected: 0,
        missing: false,
        action,
        silent,
        flags,
    })
    .resume(core)
}

#[derive(Debug)]
struct Store {
    uid: bool,
    uids: UidSet,
    /// How many of them were asked for.
    asked: u32,
    /// How many messages the ask that is out is for.
    expected: u32,
    /// Messages that the client still has numbers of are gone.
    missing: bool,
    action: FlagAction,
    silent: bool,
    flags: FlagSet,
}

impl Job for Store {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let (Answer::Flags(rows), Some(selected)) = (&answer, &mut core.selected) else {
            return failed(&answer, false);
        };
        self.missing |= rows.len() < self.expected as usize;
        for stored in rows {
            selected.note_own(stored);
            let FlagRow { uid, flags, .. } = &stored.row;
            if self.silent {
                selected.announce(&mut core.out, flags.keywords());
            } else {
                selected.tell_flags(&mut core.out, *uid, flags, self.uid);
            }
        }
        Flow::Resume(self)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        if self.asked >= self.uids.len() {
            // RFC 2180 §4.2.1: nobody waits for the flags of .SILENT; else §4.2.2 and §4.2.3. UIDs that are gone are no
            // error (RFC 3501 §6.4.8).
            return Flow::Done(if self.missing && !self.silent && !self.uid {
                texts::EXPUNGED
            } else {
                texts::ok("STORE completed")
            });
        }
        let uids = self
            .uids
            .slice(self.asked + 1, self.asked.saturating_add(BATCH));
        self.asked = self.asked.saturating_add(BATCH);
        self.expected = uids.len();
        let ask = Ask::Store {
            mailbox: selected.mailbox,
            uids,
            action: self.action,
            flags: self.flags.clone(),
            unchanged_since: None,
        };
        Flow::Ask(ask, self)
    }
}
