//! Searches whose results are kept track of (RFC 5267 §4.3): what comes into them and goes out of them is told.
//!
//! Invariant: a result is as the client was told of it. Of messages that change, those in question are searched again, and no
//! others.

use std::io::Write as _;
use std::sync::Arc;

use crate::ask::{Answer, Ask};
use crate::encode::texts::{self, Response};
use crate::encode::{Out, string};
use crate::session::job::{Core, Flow, Job};
use crate::session::poll::After;
use crate::session::prepare::Prepared;
use crate::session::search::{self, Found, Then};
use crate::session::search_result::head;
use crate::session::selected::News;
use crate::session::sorted::{Keyed, Runs, Sorted};
use crate::types::{FetchItem, SearchKey, SequenceSet, UidSet};

/// Searches of a session that are kept track of.
const MAX_CONTEXTS: usize = 4;
/// Those of them that are sorted.
const MAX_SORTED: usize = 2;
/// Octets of a search key, and runs of UIDs of a result.
const MAX_KEY: usize = 8 * 1024;
const MAX_RUNS: usize = 10_000;
/// Rows in one ask.
const ROWS: u32 = 500;

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
    /// Its order, if it is not that of the mailbox.
    sorted: Option<Sorted>,
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

/// The result of the running command is not kept track of (RFC 5267 §4.3.1: that may be refused, alone).
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

    /// That a result which is not all of it cannot be kept track of.
    pub(crate) fn only_if(self, whole: bool) -> Self {
        Self {
            key: self.key.filter(|_| whole),
            ..self
        }
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
                sorted: None,
            }),
            None => no_update(out, &self.tag),
        }
    }

    /// The same of what is sorted; without `sorted` that cannot be.
    pub(crate) fn keep_sorted(
        mut self,
        out: &mut Out,
        contexts: &mut Vec<Context>,
        found: &UidSet,
        sorted: Option<Sorted>,
    ) {
        let known = contexts.iter().filter(|context| context.sorted.is_some());
        if sorted.is_none() || known.count() >= MAX_SORTED {
            self.key = None;
        }
        let before = contexts.len();
        self.keep(out, contexts, found);
        if let Some(context) = contexts.get_mut(before) {
            context.sorted = sorted;
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
        self.remove(out, &lost, uids);
        self.members = self.members.difference(gone);
    }

    /// Of `changed` these match now; gives those that did not before.
    fn update(&mut self, out: &mut Out, uids: &UidSet, changed: &UidSet, now: &UidSet) -> UidSet {
        let before = self.members.intersection(changed);
        let (lost, won) = (before.difference(now), now.difference(&before));
        self.remove(out, &lost, uids);
        // Where they come in what is sorted is not known yet.
        if self.sorted.is_none() {
            self.tell(out, "ADDTO", &won, uids);
        }
        self.members = self.members.difference(&lost).union(&won);
        won
    }

    /// These go out of it.
    fn remove(&mut self, out: &mut Out, lost: &UidSet, uids: &UidSet) {
        match self.sorted.as_mut().map(|sorted| sorted.remove(lost)) {
            Some(runs) => self.tell_runs(out, "REMOVEFROM", &runs, uids),
            None => self.tell(out, "REMOVEFROM", lost, uids),
        }
    }

    /// These come into what is sorted; `false` if it cannot be kept track of with them.
    fn insert(&mut self, out: &mut Out, new: Vec<Keyed>, uids: &UidSet) -> bool {
        let sorted = self.sorted.as_mut();
        match sorted.and_then(|sorted| sorted.insert(new)) {
            Some(runs) => {
                self.tell_runs(out, "ADDTO", &runs, uids);
                true
            }
            None => false,
        }
    }

    /// `* ESEARCH (TAG "…") [UID] ADDTO (place set place set …)`
    fn tell_runs(&self, out: &mut Out, word: &str, runs: &Runs, uids: &UidSet) {
        for (count, (place, messages)) in runs.iter().enumerate() {
            if count == 0 {
                head(out, &self.tag, self.uid);
                let _ = write!(out, " {word} (");
            }
            let shown = messages.iter().filter_map(|uid| {
                let uid = *uid;
                if self.uid {
                    Some(uid)
                } else {
                    uids.position(uid)
                }
            });
            let shown: Vec<String> = shown.map(|number| number.to_string()).collect();
            let lead = if count == 0 { "" } else { " " };
            let _ = write!(out, "{lead}{place} {}", shown.join(","));
        }
        if !runs.is_empty() {
            out.extend_from_slice(b")\r\n");
        }
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
        let (mut sorted, mut placed) = (false, UidSet::new());
        if let Some(selected) = core.selected.as_deref_mut()
            && let Some(context) = selected.contexts.get_mut(self.at)
        {
            let changed = &self.news.changed;
            let won = context.update(&mut core.out, &selected.uids, changed, &found.uids);
            sorted = context.sorted.is_some();
            placed.clone_from(&won);
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
        if sorted && !placed.is_empty() {
            let placing = Placing {
                update: self,
                won: placed,
                asked: 0,
                keyed: Vec::new(),
            };
            return Box::new(placing).go_on(core);
        }
        self.at += 1;
        self.next(core)
    }

    fn failed(self: Box<Self>, core: &mut Core, _answer: &Answer) -> Flow {
        self.give_up(core)
    }
}

impl Update {
    /// What the result is now is not known any more.
    fn give_up(self: Box<Self>, core: &mut Core) -> Flow {
        if let Some(selected) = &mut core.selected
            && self.at < selected.contexts.len()
        {
            let context = selected.contexts.remove(self.at);
            no_update(&mut core.out, &context.tag);
        }
        self.next(core)
    }
}

/// Where messages come in a result that is sorted is being found out.
#[derive(Debug)]
struct Placing {
    update: Box<Update>,
    won: UidSet,
    /// How many of them were asked for.
    asked: u32,
    keyed: Vec<Keyed>,
}

impl Placing {
    fn go_on(mut self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = core.selected.as_deref_mut() else {
            return self.update.next(core);
        };
        let mailbox = selected.mailbox;
        let Some(context) = selected.contexts.get_mut(self.update.at) else {
            return self.update.next(core);
        };
        let wants = context.sorted.as_ref().map(Sorted::wants);
        if let (true, Some(wants)) = (self.asked < self.won.len(), wants) {
            let next = self.asked.saturating_add(ROWS);
            let uids = self.won.slice(self.asked + 1, next);
            self.asked = next;
            let ask = Ask::Rows {
                mailbox,
                uids,
                wants,
            };
            return Flow::Ask(ask, self);
        }
        // One that is gone by now is in no result.
        let there: UidSet = self.keyed.iter().map(|(_, uid)| *uid).collect();
        let gone = self.won.difference(&there);
        context.members = context.members.difference(&gone);
        if !context.insert(&mut core.out, self.keyed, &selected.uids) {
            return self.update.give_up(core);
        }
        self.update.at += 1;
        self.update.next(core)
    }
}

impl Job for Placing {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let contexts = core.selected.as_ref().map(|selected| &selected.contexts);
        let context = contexts.and_then(|contexts| contexts.get(self.update.at));
        let sorted = context.and_then(|context| context.sorted.as_ref());
        let (Answer::Rows(rows), Some(sorted)) = (&answer, sorted) else {
            return self.update.give_up(core);
        };
        self.keyed.extend(rows.iter().map(|row| sorted.keyed(row)));
        self.go_on(core)
    }
}
