//! SEARCH (RFC 3501 §6.4.4) and what builds on it: messages in batches, from what is cheapest to know to what is
//! dearest, and no more of them than the result needs.

use std::collections::HashMap;

use waxwing_message::Summary;

use crate::ask::{Answer, Ask, FetchRow, RowWants, TextMatch};
use crate::encode::texts::{self, Response};
use crate::session::enable;
use crate::session::evaluate::{Known, Search};
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::message_limit::{self, Beyond};
use crate::session::prepare::Prepared;
use crate::session::progress::Done;
use crate::session::relevancy::Scores;
use crate::types::{Enough, UidSet};

/// Rows in one ask.
const ROWS: u32 = 500;
/// Messages times keys that are looked at before others have a turn.
const WORK: u32 = 200_000;
/// Messages whose text is looked at in one ask.
const TEXTS: u32 = 50;
/// Messages that are looked at as soon as an index is asked about them.
const FEW: u32 = 16;

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) uids: UidSet,
    /// Of each its modification sequence, if one was searched for.
    pub(crate) modseqs: Option<Vec<(u32, u64)>>,
    /// Of each how well it fits, if that is wanted.
    pub(crate) scores: Scores,
}

impl Found {
    /// The highest modification sequence of these messages, if it is to be told (RFC 7162 §3.1.5).
    pub(crate) fn modseq(&self, of: &UidSet) -> Option<u64> {
        let modseqs = self.modseqs.iter().flatten();
        let among = modseqs.filter(|(uid, _)| of.contains(*uid));
        among.map(|(_, modseq)| *modseq).max()
    }
}

/// What becomes of what was found.
pub(crate) trait Then: std::fmt::Debug + Send {
    /// Whether the client hears of how many messages were looked at; `None`: of nothing.
    fn counted(&self) -> Option<bool> {
        Some(true)
    }

    /// Whether it is to be known how well each message fits.
    fn scored(&self) -> bool {
        false
    }

    /// What becomes of it if a command may not be about so many messages as are searched.
    fn beyond(&self) -> Beyond {
        Beyond::All
    }

    /// How much has to be found.
    fn enough(&self) -> Enough {
        Enough::All
    }

    /// Goes on.
    fn found(self: Box<Self>, core: &mut Core, found: Found) -> Flow;

    /// Nothing is looked for.
    fn refused(self: Box<Self>, _core: &mut Core, response: Response) -> Flow {
        Flow::Done(response)
    }

    /// It cannot be found out.
    fn failed(self: Box<Self>, _core: &mut Core, answer: &Answer) -> Flow {
        failed(answer, false)
    }
}

/// Runs a search that is prepared.
pub(crate) fn run(core: &mut Core, prepared: Prepared, then: Box<dyn Then>) -> Flow {
    let Some(selected) = &core.selected else {
        return Flow::Tagged(texts::NOTHING_SELECTED);
    };
    let mut uids = match &prepared.among {
        Some(among) => selected.uids.intersection(among),
        None => selected.uids.clone(),
    };
    let Some(search) = Search::new(prepared, selected) else {
        return then.refused(core, texts::TOO_MANY_TEXT_KEYS);
    };
    if then.beyond() != Beyond::All && message_limit::exceeds(core, &uids) {
        // RFC 9738 §3.1: those that are searched count, and not those that are found.
        uids = search.test.narrow(uids);
        if then.beyond() == Beyond::Nothing && message_limit::exceeds(core, &uids) {
            let refusal = message_limit::excess(core);
            return then.refused(core, refusal);
        }
        uids = message_limit::highest(core, uids);
    }
    if search.needs_modseq {
        enable::condstore(core);
    }
    Box::new(Running {
        at_once: (WORK / search.test.cost().max(1)).max(1),
        enough: then.enough(),
        all: uids.len(),
        scored: then.scored(),
        scores: Vec::new(),
        then,
        sifted: search.needles.is_empty(),
        search,
        uids,
        looked: 0,
        absent: Vec::new(),
        left: UidSet::new(),
        rows: HashMap::new(),
        unread: UidSet::new(),
        found: Vec::new(),
        modseqs: Vec::new(),
    })
    .resume(core)
}

/// Messages are being judged.
#[derive(Debug)]
struct Running {
    search: Search,
    then: Box<dyn Then>,
    enough: Enough,
    /// How many messages there are to judge.
    all: u32,
    /// Messages that are judged before others have a turn.
    at_once: u32,
    /// Those that are judged by their UID.
    uids: UidSet,
    /// How many of them were.
    looked: u32,
    /// The index was asked, or need not be.
    sifted: bool,
    /// Of each needle the messages that lack it.
    absent: Vec<UidSet>,
    /// Whose UID does not decide, and that were not asked about.
    left: UidSet,
    /// What is known of those whose text has to be looked at.
    rows: HashMap<u32, FetchRow>,
    /// Those whose text has to be looked at.
    unread: UidSet,
    found: Vec<u32>,
    /// With their modification sequences, if these are needed.
    modseqs: Vec<(u32, u64)>,
    /// It is to be known how well each fits.
    scored: bool,
    scores: Vec<(u32, u8)>,
}

impl Job for Running {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Rows(rows) => self.judge_rows(rows),
            Answer::TextMatches(matches) => self.judge_texts(&matches),
            Answer::Absent(absent) => self.judge_again(absent),
            Answer::Done => {}
            other => return self.then.failed(core, &other),
        }
        Flow::Resume(self)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        let mailbox = selected.mailbox;
        if let Some(counted) = self.then.counted() {
            core.progress(if counted {
                Done::Of(self.judged(), self.all)
            } else {
                Done::Something
            });
        }
        if self.looked < self.uids.len() {
            self.judge_uids();
            if self.looked < self.uids.len() {
                return Flow::Ask(Ask::Yield, self);
            }
        }
        if !self.sifted && self.left.len() > FEW {
            self.sifted = true;
            let ask = Ask::Sift {
                mailbox,
                uids: self.left.clone(),
                needles: std::mem::take(&mut self.search.needles).into(),
            };
            return Flow::Ask(ask, self);
        }
        if self.unread.is_empty() && !self.left.is_empty() && !self.has_enough() {
            let uids = self.next_batch();
            if self.search.needs_rows {
                let wants = RowWants {
                    summary: self.search.needs_summary,
                    thread: self.search.needs_thread,
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
        let Self {
            then,
            found,
            modseqs,
            scores,
            search,
            ..
        } = *self;
        let found = Found {
            uids: found.into_iter().collect(),
            modseqs: search.needs_modseq.then_some(modseqs),
            scores: Scores::new(scores),
        };
        then.found(core, found)
    }
}

impl Running {
    /// How many messages are judged.
    fn judged(&self) -> u32 {
        let unlooked = self.uids.len().saturating_sub(self.looked);
        let left = self.left.len().saturating_add(self.unread.len());
        self.all.saturating_sub(unlooked.saturating_add(left))
    }

    /// The next messages to ask about, from the end that is looked for.
    fn next_batch(&mut self) -> UidSet {
        let count = if self.search.text_keys.is_empty() {
            ROWS
        } else {
            TEXTS
        };
        let (count, all) = (count.min(self.at_once), self.left.len());
        let (batch, rest) = match self.enough {
            Enough::Highest(_) => {
                let kept = all.saturating_sub(count);
                (self.left.slice(kept + 1, all), self.left.slice(1, kept))
            }
            Enough::All | Enough::Lowest(_) => {
                (self.left.slice(1, count), self.left.slice(count + 1, all))
            }
        };
        self.left = rest;
        batch
    }

    /// Whether none of those that are left can be among the result.
    fn has_enough(&self) -> bool {
        let beyond = |wanted: u32, is_beyond: &dyn Fn(u32) -> bool| {
            self.found.len() >= wanted as usize
                && self.found.iter().filter(|uid| is_beyond(**uid)).count() >= wanted as usize
        };
        match (self.enough, self.left.first(), self.left.last()) {
            (Enough::Lowest(wanted), Some(next), _) => beyond(wanted, &|uid| uid < next),
            (Enough::Highest(wanted), _, Some(next)) => beyond(wanted, &|uid| uid > next),
            _ => false,
        }
    }

    /// What an index knows decides of some that are left.
    fn judge_again(&mut self, absent: Vec<UidSet>) {
        self.absent = absent;
        if self.absent.iter().any(|uids| !uids.is_empty()) {
            self.uids = std::mem::take(&mut self.left);
            self.looked = 0;
        }
    }

    /// What the UIDs alone decide, of the next messages.
    fn judge_uids(&mut self) {
        let next = self.looked.saturating_add(self.at_once);
        for uid in self.uids.slice(self.looked + 1, next).iter() {
            let known = Known {
                uid,
                absent: &self.absent,
                ..Known::default()
            };
            match self.search.test.decide(known) {
                Some(true) if !self.search.needs_modseq && !self.must_read() => {
                    let score = self.score(known);
                    self.find(uid, None, score);
                }
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
                Summary::decode_fields(&row.summary).ok()
            } else {
                None
            };
            let known = Known {
                uid: row.uid,
                row: Some(&row),
                summary: summary.as_ref(),
                text: None,
                absent: &self.absent,
            };
            match self.search.test.decide(known) {
                Some(true) if !(self.scored && self.has_texts()) => {
                    let score = self.score(known);
                    self.find(row.uid, Some(&row), score);
                }
                Some(false) => {}
                _ if self.has_texts() => {
                    self.unread.insert(row.uid);
                    self.rows.insert(row.uid, row);
                }
                // A summary that cannot be read matches nothing.
                _ => {}
            }
        }
    }

    fn judge_texts(&mut self, matches: &[TextMatch]) {
        let rows = std::mem::take(&mut self.rows);
        for found in matches {
            let row = rows.get(&found.uid);
            let summary = row
                .filter(|_| self.search.needs_summary)
                .and_then(|row| Summary::decode_fields(&row.summary).ok());
            let known = Known {
                uid: found.uid,
                row,
                summary: summary.as_ref(),
                text: Some(found.matched),
                absent: &self.absent,
            };
            if self.search.test.decide(known) == Some(true) {
                let score = self.score(known);
                self.find(found.uid, row, score);
            }
        }
    }

    fn has_texts(&self) -> bool {
        !self.search.text_keys.is_empty()
    }

    /// How well a message fits is told by more than its UID.
    fn must_read(&self) -> bool {
        self.scored && (self.search.needs_rows || self.has_texts())
    }

    /// How well a message fits that matches.
    fn score(&self, known: Known<'_>) -> Option<u8> {
        self.scored.then(|| self.search.test.score(known))
    }

    fn find(&mut self, uid: u32, row: Option<&FetchRow>, score: Option<u8>) {
        self.found.push(uid);
        if let Some(row) = row.filter(|_| self.search.needs_modseq) {
            self.modseqs.push((uid, row.modseq));
        }
        self.scores.extend(score.map(|score| (uid, score)));
    }
}
