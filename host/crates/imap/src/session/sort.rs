//! SORT (RFC 5256) with the criteria of RFC 5957 and the results of ESORT (RFC 5267 §3).

use std::io::Write as _;

use waxwing_message::Summary;

use crate::ask::{Answer, Ask, FetchRow, RowWants};
use crate::encode::texts;
use crate::session::context::Wanted;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::message_limit::Beyond;
use crate::session::prepare;
use crate::session::progress::Done;
use crate::session::relevancy::ScoreList;
use crate::session::search::{Found, Then};
use crate::session::search_result::{head, save};
use crate::session::selected::Selected;
use crate::session::sort_key::sort_key;
use crate::session::sorted::Sorted;
use crate::types::{FetchItem, Returns, SearchKey, SortCriterion, SortKey, UidSet};

/// Rows in one ask.
const ROWS: u32 = 500;
/// Octets of what messages are compared by, of all of them.
const ROOM: usize = 64 << 20;
/// Numbers that are written between two looks at how much output there is.
const WRITTEN: usize = 8_000;

pub(crate) fn begin(
    core: &mut Core,
    mut sort: Sort,
    fetched: Vec<FetchItem>,
    key: Option<SearchKey>,
) -> Flow {
    // What was compared already makes no difference a second time.
    let mut known = Vec::new();
    sort.criteria.retain(|by| {
        let new = !known.contains(&by.key);
        known.push(by.key);
        new
    });
    if sort.returns.is_some_and(|returns| returns.update) {
        sort.wanted = match Wanted::new(core, key.as_ref(), sort.uid, fetched) {
            Ok(wanted) => Some(wanted),
            Err(refusal) => return Flow::Tagged(refusal),
        };
    }
    let save = sort.returns.is_some_and(|returns| returns.save);
    prepare::begin(core, sort.uid, key, save, Box::new(sort))
}

/// What SORT is to do.
#[derive(Debug)]
pub(crate) struct Sort {
    pub(crate) uid: bool,
    pub(crate) returns: Option<Returns>,
    pub(crate) criteria: Vec<SortCriterion>,
    /// Its changes are to be told.
    pub(crate) wanted: Option<Wanted>,
}

impl Then for Sort {
    fn beyond(&self) -> Beyond {
        Beyond::Nothing
    }

    // Sorting comes behind it.
    fn counted(&self) -> Option<bool> {
        Some(false)
    }

    fn scored(&self) -> bool {
        let mut criteria = self.criteria.iter();
        criteria.any(|by| by.key == SortKey::Relevancy)
            || self.returns.is_some_and(|returns| returns.relevancy)
    }

    fn found(self: Box<Self>, core: &mut Core, found: Found) -> Flow {
        Box::new(Sorting {
            sort: *self,
            found,
            asked: 0,
            keys: Vec::new(),
            octets: 0,
        })
        .resume(core)
    }
}

/// What messages are compared by is being read.
#[derive(Debug)]
struct Sorting {
    sort: Sort,
    found: Found,
    /// How many of those found were asked for.
    asked: u32,
    /// The keys with their messages.
    keys: Vec<(Box<[u8]>, u32)>,
    /// How much they take.
    octets: usize,
}

impl Job for Sorting {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Rows(rows) = answer else {
            return failed(&answer, false);
        };
        let criteria = &self.sort.criteria;
        for row in &rows {
            let key = key(criteria, row, self.found.scores.of(row.uid));
            self.octets += key.len();
            self.keys.push((key, row.uid));
        }
        if self.octets > ROOM {
            return Flow::Done(texts::TOO_MUCH_TO_SORT);
        }
        self.resume(core)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        core.progress(Done::Something);
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        if self.asked < self.found.uids.len() {
            let next = self.asked.saturating_add(ROWS);
            let uids = self.found.uids.slice(self.asked + 1, next);
            self.asked = next;
            let criteria = &self.sort.criteria;
            let ask = Ask::Rows {
                mailbox: selected.mailbox,
                uids,
                wants: RowWants {
                    summary: criteria.iter().any(|by| by.key.needs_summary()),
                    ..RowWants::default()
                },
            };
            return Flow::Ask(ask, self);
        }
        // RFC 5256 §3: those that are equal are in the order of the mailbox.
        self.keys.sort_unstable();
        let order: Vec<u32> = self.keys.iter().map(|(_, uid)| *uid).collect();
        if let (Some(wanted), Some(selected)) = (self.sort.wanted.take(), &mut core.selected) {
            let sorted = Sorted::new(&self.sort.criteria, self.keys);
            wanted.keep_sorted(
                &mut core.out,
                &mut selected.contexts,
                &self.found.uids,
                sorted,
            );
        }
        self.sort.tell(core, &self.found, order)
    }
}

fn key(criteria: &[SortCriterion], row: &FetchRow, relevancy: u8) -> Box<[u8]> {
    let summary = Summary::decode_fields(&row.summary).ok();
    sort_key(criteria, row, summary.as_ref(), relevancy)
}

impl Sort {
    fn tell(self, core: &mut Core, found: &Found, order: Vec<u32>) -> Flow {
        let Some(selected) = &mut core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        let shown = |uids: &[u32], selected: &Selected| -> Vec<u32> {
            let uids = uids.iter();
            uids.filter_map(|uid| selected.shown(*uid, self.uid))
                .collect()
        };
        let Some(returns) = self.returns else {
            core.out.extend_from_slice(b"* SORT");
            // RFC 7162 §3.1.9
            let modseq = found.modseq(&found.uids);
            return write(shown(&order, selected), Form::Numbers { modseq }, None);
        };
        let part = returned(&returns, &order);
        let about: UidSet = part.iter().copied().collect();
        if returns.save && !save(selected, &about) {
            return Flow::Done(texts::NOT_SAVED);
        }
        if returns.is_silent() {
            return Flow::Done(texts::ok("SORT completed, result saved"));
        }
        head(&mut core.out, &core.tag, self.uid);
        // RFC 5267 §3.1: MIN is what comes first, MAX what comes last.
        let ends = [
            (returns.min, "MIN", order.first()),
            (returns.max, "MAX", order.last()),
        ];
        for (wanted, name, end) in ends {
            let number = end.and_then(|uid| selected.shown(*uid, self.uid));
            if let (true, Some(number)) = (wanted, number) {
                let _ = write!(core.out, " {name} {number}");
            }
        }
        if returns.count {
            let _ = write!(core.out, " COUNT {}", order.len());
        }
        if let Some(modseq) = found.modseq(&about) {
            // RFC 7162 §3.1.10
            let _ = write!(core.out, " MODSEQ {modseq}");
        }
        let scores = returns.relevancy.then(|| {
            // Of those that are listed, if there is a list, and of each once.
            let listed = returns.partial.map(|range| {
                let listed = places(&order, range.places(count(&order)));
                listed.iter().copied().collect()
            });
            let about = listed.unwrap_or(about);
            let scored = order.iter().copied().filter(|uid| about.contains(*uid));
            ScoreList::new(&found.scores, scored)
        });
        if returns.all && !order.is_empty() {
            core.out.extend_from_slice(b" ALL ");
            return write(shown(&order, selected), Form::Set { end: "" }, scores);
        }
        let Some(range) = returns.partial else {
            return write(Vec::new(), Form::Set { end: "" }, scores);
        };
        let part = places(&order, range.places(count(&order)));
        let _ = write!(core.out, " PARTIAL ({range} ");
        let end = if part.is_empty() { "NIL)" } else { ")" };
        write(shown(part, selected), Form::Set { end }, scores)
    }
}

fn count(order: &[u32]) -> u32 {
    u32::try_from(order.len()).unwrap_or(u32::MAX)
}

/// The members of a list from one place to another, counted from 1.
fn places(order: &[u32], (first, last): (u32, u32)) -> &[u32] {
    let end = usize::try_from(last).unwrap_or(usize::MAX).min(order.len());
    let begin = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
    order.get(begin.min(end)..end).unwrap_or_default()
}

/// What a result is about (RFC 5182 §2.4, RFC 9394 §3.2), in the order of the sort.
fn returned(returns: &Returns, order: &[u32]) -> Vec<u32> {
    let some = returns.min || returns.max || returns.partial.is_some();
    if returns.all || returns.count || !some {
        return order.to_vec();
    }
    let range = returns.partial.map(|range| range.places(count(order)));
    let mut part = range.map_or(Vec::new(), |range| places(order, range).to_vec());
    part.extend(order.first().filter(|_| returns.min));
    part.extend(order.last().filter(|_| returns.max));
    part
}

/// How numbers are written.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// One by one, then the highest modification sequence.
    Numbers { modseq: Option<u64> },
    /// As a sequence-set, then this.
    Set { end: &'static str },
}

impl Writing {
    /// The scores, then the end of the line.
    fn end(mut self: Box<Self>, core: &mut Core) -> Flow {
        if let Some(scores) = &mut self.scores
            && !scores.write(&mut core.out)
        {
            return Flow::Resume(self);
        }
        core.out.extend_from_slice(b"\r\n");
        Flow::Done(texts::ok("SORT completed"))
    }
}

/// The result is being written.
#[derive(Debug)]
struct Writing {
    numbers: Vec<u32>,
    form: Form,
    written: usize,
    /// What comes behind the numbers.
    scores: Option<ScoreList>,
}

fn write(numbers: Vec<u32>, form: Form, scores: Option<ScoreList>) -> Flow {
    Flow::Resume(Box::new(Writing {
        numbers,
        form,
        written: 0,
        scores,
    }))
}

impl Job for Writing {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        failed(&answer, false)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        if self.written > 0 && self.written == self.numbers.len() {
            return self.end(core);
        }
        let next = self.written.saturating_add(WRITTEN).min(self.numbers.len());
        let mut piece = self.numbers.get(self.written..next).unwrap_or_default();
        let separator = match self.form {
            Form::Numbers { .. } => " ",
            Form::Set { .. } => ",",
        };
        let mut lead = match (self.form, self.written) {
            (Form::Set { .. }, 0) => "",
            _ => separator,
        };
        while let Some((first, rest)) = piece.split_first() {
            piece = rest;
            let _ = write!(core.out, "{lead}{first}");
            lead = separator;
            let mut last = *first;
            if matches!(self.form, Form::Numbers { .. }) {
                continue;
            }
            // RFC 5267 §3.2: ranges only where numbers ascend one by one.
            while let Some((next, rest)) = piece.split_first()
                && last.checked_add(1) == Some(*next)
            {
                (last, piece) = (*next, rest);
            }
            if last > *first {
                let _ = write!(core.out, ":{last}");
            }
        }
        self.written = next;
        if self.written < self.numbers.len() {
            return Flow::Resume(self);
        }
        match self.form {
            Form::Numbers {
                modseq: Some(modseq),
            } => {
                let _ = write!(core.out, " (MODSEQ {modseq})");
            }
            Form::Numbers { modseq: None } => {}
            Form::Set { end } => core.out.extend_from_slice(end.as_bytes()),
        }
        self.end(core)
    }

    fn amid_response(&self) -> bool {
        true
    }
}
