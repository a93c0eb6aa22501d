//! SEARCH (RFC 3501 §6.4.4): messages in batches, from what is cheapest to know to what is dearest.

use std::collections::HashMap;

use waxwing_message::Summary;

use crate::ask::{Answer, Ask, FetchRow, RowWants, TextMatch};
use crate::encode::{number, texts};
use crate::session::enable;
use crate::session::evaluate::{Known, Search};
use crate::session::job::{Core, Flow, Job, failed};
use crate::types::{SearchKey, UidSet};

/// Rows in one ask.
const ROWS: u32 = 500;
/// Messages times keys that are looked at before others have a turn.
const WORK: u32 = 200_000;
/// Messages whose text is looked at in one ask.
const TEXTS: u32 = 50;
/// Numbers that are written between two looks at how much output there is.
const WRITTEN: u32 = 8_000;

pub(crate) fn begin(core: &mut Core, uid: bool, key: Option<SearchKey>) -> Flow {
    let Some(selected) = &core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    // RFC 7162 §3.2.10.2: nor does UID SEARCH renumber messages if it names some by number.
    core.numbers_stay = !uid || key.as_ref().is_some_and(SearchKey::has_numbers);
    let Some(key) = key else {
        return Flow::Done(texts::BAD_CHARSET);
    };
    let Some(lowest) = key.lowest_modseq() else {
        return run(core, uid, key, None);
    };
    let mailbox = selected.mailbox;
    enable::condstore(core);
    match lowest.checked_sub(1) {
        // Every message has one above 0.
        None | Some(0) => run(core, uid, key, None),
        Some(since) => Flow::Ask(
            Ask::Changed { mailbox, since },
            Box::new(Since { uid, key }),
        ),
    }
}

/// A search by modification sequence: those that have it are known from an index.
#[derive(Debug)]
struct Since {
    uid: bool,
    key: SearchKey,
}

impl Job for Since {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Changed(changed) => run(core, self.uid, self.key, Some(changed.messages)),
            other => failed(&other, false),
        }
    }
}

fn run(core: &mut Core, uid: bool, key: SearchKey, changed: Option<UidSet>) -> Flow {
    let Some(selected) = &core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    let Some(search) = Search::new(key, selected, changed) else {
        return Flow::Done(texts::TOO_MANY_TEXT_KEYS);
    };
    Box::new(Running {
        uid,
        at_once: (WORK / search.test.cost().max(1)).max(1),
        search,
        looked: 0,
        left: UidSet::new(),
        judged: 0,
        rows: HashMap::new(),
        unread: UidSet::new(),
        found: Vec::new(),
        modseq: 0,
    })
    .resume(core)
}

/// Messages are being judged.
#[derive(Debug)]
struct Running {
    uid: bool,
    search: Search,
    /// Messages that are judged before others have a turn.
    at_once: u32,
    /// How many messages were judged by their UID.
    looked: u32,
    /// Whose UID does not decide.
    left: UidSet,
    /// How many of those were asked about.
    judged: u32,
    /// What is known of those whose text has to be looked at.
    rows: HashMap<u32, FetchRow>,
    /// Those whose text has to be looked at.
    unread: UidSet,
    found: Vec<u32>,
    /// The highest modification sequence of those found, as far as rows were looked at.
    modseq: u64,
}

impl Job for Running {
    fn answer(mut self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Rows(rows) => self.judge_rows(rows),
            Answer::TextMatches(matches) => self.judge_texts(&matches),
            Answer::Done => {}
            other => return failed(&other, false),
        }
        Flow::Resume(self)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        let mailbox = selected.mailbox;
        if self.looked < selected.uids.len() {
            self.judge_uids(&selected.uids);
            if self.looked < selected.uids.len() {
                return Flow::Ask(Ask::Yield, self);
            }
        }
        if self.unread.is_empty() && self.judged < self.left.len() {
            let count = if self.search.text_keys.is_empty() {
                ROWS
            } else {
                TEXTS
            };
            let count = count.min(self.at_once);
            let uids = self
                .left
                .slice(self.judged + 1, self.judged.saturating_add(count));
            self.judged = self.judged.saturating_add(count);
            if self.search.needs_rows {
                let wants = RowWants {
                    summary: self.search.needs_summary,
                    head: 0,
                };
                return Flow::Ask(
                    Ask::Rows {
                        mailbox,
                        uids,
                        wants,
                    },
                    self,
                );
            }
            self.unread = uids;
        }
        if !self.unread.is_empty() {
            let keys = self.search.text_keys.clone();
            let uids = std::mem::take(&mut self.unread);
            return Flow::Ask(
                Ask::SearchText {
                    mailbox,
                    uids,
                    keys,
                },
                self,
            );
        }
        core.out.extend_from_slice(b"* SEARCH");
        Flow::Resume(Box::new(Writing {
            uid: self.uid,
            found: self.found.into_iter().collect(),
            written: 0,
            modseq: self.search.needs_modseq.then_some(self.modseq),
        }))
    }
}

impl Running {
    /// What the UIDs alone decide, of the next messages.
    fn judge_uids(&mut self, uids: &UidSet) {
        let next = self.looked.saturating_add(self.at_once);
        for uid in uids.slice(self.looked + 1, next).iter() {
            let known = Known {
                uid,
                ..Known::default()
            };
            match self.search.test.decide(known) {
                Some(true) if !self.search.needs_modseq => self.found.push(uid),
                Some(false) => {}
                // The row has the modification sequence.
                Some(true) | None => self.left.insert(uid),
            }
        }
        self.looked = next;
    }

    fn judge_rows(&mut self, rows: Vec<FetchRow>) {
        for row in rows {
            let summary = if self.search.needs_summary {
                Summary::decode(&row.summary).ok()
            } else {
                None
            };
            let known = Known {
                uid: row.uid,
                row: Some(&row),
                summary: summary.as_ref(),
                text: None,
            };
            match self.search.test.decide(known) {
                Some(true) => self.find(&row),
                Some(false) => {}
                None if !self.search.text_keys.is_empty() => {
                    self.unread.insert(row.uid);
                    self.rows.insert(row.uid, row);
                }
                // A summary that cannot be read matches nothing.
                None => {}
            }
        }
    }

    fn judge_texts(&mut self, matches: &[TextMatch]) {
        let rows = std::mem::take(&mut self.rows);
        for found in matches {
            let row = rows.get(&found.uid);
            let summary = row
                .filter(|_| self.search.needs_summary)
                .and_then(|row| Summary::decode(&row.summary).ok());
            let known = Known {
                uid: found.uid,
                row,
                summary: summary.as_ref(),
                text: Some(found.matched),
            };
            if self.search.test.decide(known) == Some(true) {
                self.found.push(found.uid);
                self.modseq = self.modseq.max(row.map_or(0, |row| row.modseq));
            }
        }
    }

    fn find(&mut self, row: &FetchRow) {
        self.found.push(row.uid);
        self.modseq = self.modseq.max(row.modseq);
    }
}

/// The result is being written.
#[derive(Debug)]
struct Writing {
    uid: bool,
    found: UidSet,
    written: u32,
    /// To be told at the end, if anything was found.
    modseq: Option<u64>,
}

impl Job for Writing {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        failed(&answer, false)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        for uid in self
            .found
            .slice(self.written + 1, self.written.saturating_add(WRITTEN))
            .iter()
        {
            let shown = if self.uid {
                Some(uid)
            } else {
                selected.uids.position(uid)
            };
            if let Some(shown) = shown {
                core.out.push(b' ');
                number(&mut core.out, shown);
            }
        }
        self.written = self.written.saturating_add(WRITTEN);
        if self.written < self.found.len() {
            return Flow::Resume(self);
        }
        // RFC 7162 §3.1.5: the highest modification sequence of what is found.
        if let Some(modseq) = self.modseq.filter(|_| !self.found.is_empty()) {
            core.out.extend_from_slice(b" (MODSEQ ");
            number(&mut core.out, modseq);
            core.out.push(b')');
        }
        core.out.extend_from_slice(b"\r\n");
        Flow::Done(texts::ok("SEARCH completed"))
    }

    fn amid_response(&self) -> bool {
        true
    }
}
