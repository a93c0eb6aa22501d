//! What a search needs to know before it can look at messages: the time, what changed since, what was saved.

use crate::ask::{Answer, Ask};
use crate::encode::texts;
use crate::session::job::{Core, Flow, Job};
use crate::session::search::{self, Then};
use crate::types::{SearchKey, UidSet};

/// A search that can run.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) key: SearchKey,
    /// What `$` means (RFC 5182).
    pub(crate) saved: UidSet,
    /// Which messages can have a modification sequence that is asked for; `None` for all.
    pub(crate) changed: Option<UidSet>,
    /// Seconds of Unix time, if the key needs them.
    pub(crate) now: Option<i64>,
    /// Only messages among these are looked at.
    pub(crate) among: Option<UidSet>,
}

/// Prepares a search and runs it. With `save` what was saved is given up, whatever becomes of the search.
pub(crate) fn begin(
    core: &mut Core,
    uid: bool,
    key: Option<SearchKey>,
    save: bool,
    then: Box<dyn Then>,
) -> Flow {
    let Some(selected) = &mut core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    // RFC 7162 §3.2.10.2: nor does UID SEARCH renumber messages if it names some by number.
    core.numbers_stay = !uid || key.as_ref().is_some_and(SearchKey::has_numbers);
    // RFC 5182 §2.1: if it ends with NO, nothing is saved; without SAVE all stays.
    let saved = if save {
        std::mem::take(&mut selected.saved)
    } else {
        selected.saved.clone()
    };
    let Some(key) = key else {
        return Flow::Done(texts::BAD_CHARSET);
    };
    let prepared = Prepared {
        key,
        saved,
        changed: None,
        now: None,
        among: None,
    };
    Box::new(Preparing { prepared, then }).go_on(core)
}

#[derive(Debug)]
struct Preparing {
    prepared: Prepared,
    then: Box<dyn Then>,
}

impl Preparing {
    fn go_on(self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        let Prepared {
            key, changed, now, ..
        } = &self.prepared;
        if now.is_none() && key.needs_time() {
            return Flow::Ask(Ask::Time, self);
        }
        // Every message has a modification sequence above 0.
        let since = key.lowest_modseq().unwrap_or(0).saturating_sub(1);
        if changed.is_none() && since > 0 {
            let mailbox = selected.mailbox;
            return Flow::Ask(Ask::Changed { mailbox, since }, self);
        }
        search::run(core, self.prepared, self.then)
    }
}

impl Job for Preparing {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Time(now) => self.prepared.now = Some(now),
            Answer::Changed(changed) => self.prepared.changed = Some(changed.messages),
            other => return self.then.failed(core, &other),
        }
        self.go_on(core)
    }
}
