//! Searches whose results are kept track of (RFC 5267 §4.3): what comes into them and goes out of them is told.
//!
//! Invariant: a result is as the client was told of it. Of messages that change, those in question are searched again, and no
//! others.

use std::io::Write as _;
use std::sync::Arc;

use crate::ask::Answer;
use crate::encode::texts::{self, Response};
use crate::encode::{Out, string};
use crate::session::job::{Core, Flow};
use crate::session::poll::After;
use crate::session::prepare::Prepared;
use crate::session::search::{self, Found, Then};
use crate::session::search_result::head;
use crate::session::selected::News;
use crate::types::{FetchItem, SearchKey, SequenceSet, UidSet};

/// Searches of a session that are kept track of.
const MAX_CONTEXTS: usize = 4;
/// Octets of a search key, and runs of UIDs of a result.
const MAX_KEY: usize = 8 * 1024;
const MAX_RUNS: usize = 10_000;

/// A search that is kept track of.
#[derive(Debug)]
pub(crate) struct Context {
    tag: String,
    /// It was `UID SEARCH`.
    uid: bool,
    /// Without message numbers: those that it had mean the same messages for ever (RFC 5267 §4.3).
    key: SearchKey,
    /// The result as the client knows it.
    members: UidSet,
    /// What is fetched of messages that come into it (RFC 5465 §7).
    fetched: Vec<FetchItem>,
}

/// A search that is to be kept track of.
#[derive(Debug)]
pub(crate) struct Wanted {
    tag: String,
    uid: bool,
    /// `None` if that cannot be.
    key: Option<SearchKey>,
    fetched: Vec<FetchItem>,
}

/// Why the running command cannot be one that is kept track of: RFC 5267 §4.3: a tag that is in use is BAD.
fn reused(core: &Core) -> Option<Response> {
    let selected = core.selected.as_ref()?;
    let mut contexts = selected.contexts.iter();
    contexts
        .any(|context| context.tag == core.tag)
        .then_some(texts::TAG_REUSED)
}

/// Results of SORT are not kept track of (RFC 5267 §4.3.1: that may be refused, alone).
pub(crate) fn refuse(core: &mut Core) -> Option<Response> {
    let refusal = reused(core);
    if refusal.is_none() {
        no_update(&mut core.out, &core.tag);
    }
    refusal
}

/// `* NO [NOUPDATE "tag"]`
fn no_update(out: &mut Out, tag: &str) {
    out.extend_from_slice(b"* NO [NOUPDATE ");
    string(out, tag.as_bytes());
    out.extend_from_slice(b"] its result is not kept track of\r\n");
}

/// `CANCELUPDATE`
pub(crate) fn cancel(core: &mut Core, tags: &[String]) -> Flow {
    if let Some(selected) = &mut core.selected {
        let contexts = &mut selected.contexts;
        contexts.retain(|context| !tags.contains(&context.tag));
    }
    Flow::Done(texts::ok("CANCELUPDATE completed"))
}

impl Wanted {
    /// A search by the running command.
    ///
    /// # Errors
    /// Its tag is in use.
    pub(crate) fn new(
        core: &Core,
        key: Option<&SearchKey>,
        uid: bool,
        fetched: Vec<FetchItem>,
    ) -> Result<Self, Response> {
        if let Some(refusal) = reused(core) {
            return Err(refusal);
        }
        let key = core.selected.as_ref().zip(key).and_then(|(selected, key)| {
            // What time alone changes is not noticed.
            let known = !key.needs_time() && key.weight() <= MAX_KEY;
            let saved = Arc::new(selected.saved.clone());
            let numbered = |set: &SequenceSet| selected.numbered(set);
            let frozen = known.then(|| key.clone().frozen(&numbered, &saved));
            frozen.filter(|key| key.weight() <= MAX_KEY)
        });
        Ok(Self {
            tag: core.tag.clone(),
            uid,
            key,
            fetched,
        })
    }

    /// It found these: they are kept track of, or it is said that they are not.
    pub(crate) fn keep(self, out: &mut Out, contexts: &mut Vec<Context>, found: &UidSet) {
        let fits = contexts.len() < MAX_CONTEXTS && found.ranges().count() <= MAX_RUNS;
        match self.key.filter(|_| fits) {
            Some(key) => contexts.push(Context {
                tag: self.tag,
                uid: self.uid,
                key,
                members: found.clone(),
                fetched: self.fetched,
            }),
            None => no_update(out, &self.tag),
        }
    }
}

impl Context {
    /// Its messages have no numbers any more.
    pub(crate) fn call_by_uid(&mut self) {
        self.uid = true;
    }

    /// These messages are gone; the others are numbered as `uids` has them.
    pub(crate) fn lose(&mut self, out: &mut Out, uids: &UidSet, gone: &UidSet) {
        let lost = self.members.intersection(gone);
        self.tell(out, "REMOVEFROM", &lost, uids);
        self.members = self.members.difference(gone);
    }

    /// Of `changed` these match now; gives those that did not before.
    fn update(&mut self, out: &mut Out, uids: &UidSet, changed: &UidSet, now: &UidSet) -> UidSet {
        let before = self.members.intersection(changed);
        let (lost, won) = (before.difference(now), now.difference(&before));
        self.tell(out, "REMOVEFROM", &lost, uids);
        self.tell(out, "ADDTO", &won, uids);
        self.members = self.members.difference(&lost).union(&won);
        won
    }

    /// `* ESEARCH (TAG "…") [UID] ADDTO (0 set)`: the place is 0, since results are in the order of the mailbox.
    fn tell(&self, out: &mut Out, word: &str, changed: &UidSet, uids: &UidSet) {
        if changed.is_empty() {
            return;
        }
        head(out, &self.tag, self.uid);
        let shown = if self.uid {
            changed.clone()
        } else {
            let numbers = changed.iter().filter_map(|uid| uids.position(uid));
            numbers.collect()
        };
        let _ = write!(out, " {word} (0 {shown})\r\n");
    }
}

/// What is to be fetched of messages that came, because they are in a result.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    pub(crate) uids: UidSet,
    pub(crate) items: Vec<FetchItem>,
}

/// Tells how results changed by this, then whatever comes after.
pub(crate) fn update(core: &mut Core, news: News, after: After) -> Flow {
    if news.changed.is_empty() {
        return after.with(core, &news.came, Extra::default());
    }
    let update = Update {
        at: 0,
        news,
        extra: Extra::default(),
        after,
    };
    Box::new(update).next(core)
}

/// The results are being looked at, one after another.
#[derive(Debug)]
struct Update {
    at: usize,
    news: News,
    extra: Extra,
    after: After,
}

impl Update {
    fn next(self: Box<Self>, core: &mut Core) -> Flow {
        let contexts = core.selected.as_ref().map(|selected| &selected.contexts);
        let Some(context) = contexts.and_then(|contexts| contexts.get(self.at)) else {
            return self.after.with(core, &self.news.came, self.extra);
        };
        let prepared = Prepared {
            key: context.key.clone(),
            saved: UidSet::new(),
            changed: None,
            now: None,
            among: Some(self.news.changed.clone()),
        };
        search::run(core, prepared, self)
    }
}

impl Then for Update {
    // No command asked for it just now.
    fn counted(&self) -> Option<bool> {
        None
    }

    fn found(mut self: Box<Self>, core: &mut Core, found: Found) -> Flow {
        if let Some(selected) = core.selected.as_deref_mut()
            && let Some(context) = selected.contexts.get_mut(self.at)
        {
            let changed = &self.news.changed;
            let won = context.update(&mut core.out, &selected.uids, changed, &found.uids);
            // RFC 5465 §7: not of what is in it because flags changed.
            let new = won.intersection(&self.news.came);
            if !context.fetched.is_empty() && !new.is_empty() {
                self.extra.uids = self.extra.uids.union(&new);
                for item in &context.fetched {
                    if !self.extra.items.contains(item) {
                        self.extra.items.push(item.clone());
                    }
                }
            }
        }
        self.at += 1;
        self.next(core)
    }

    fn failed(self: Box<Self>, core: &mut Core, _answer: &Answer) -> Flow {
        // What its result is now is not known any more.
        if let Some(selected) = &mut core.selected
            && self.at < selected.contexts.len()
        {
            let context = selected.contexts.remove(self.at);
            no_update(&mut core.out, &context.tag);
        }
        self.next(core)
    }
}
