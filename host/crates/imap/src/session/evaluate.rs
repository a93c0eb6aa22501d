//! Whether a message matches a search key (RFC 3501 §6.4.4). Pure, and lazy: what the UID decides needs no row, what
//! the row decides needs no text.

use std::sync::Arc;

use waxwing_message::{Sought, Summary};

use crate::ask::FetchRow;
use crate::searched::summary_texts;
use crate::session::fuzzy;
use crate::session::prepare::Prepared;
use crate::session::selected::Selected;
use crate::types::{SearchKey, SequenceSet, SummaryField, TextKey, UidSet};

/// Text keys, and needles, of a search at most.
const MOST: usize = 64;

/// A search key with its sets resolved and its text keys numbered.
#[derive(Debug)]
pub(crate) enum Test {
    And(Vec<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Among(UidSet),
    /// The same, of a set that several keys name.
    Shared(Arc<UidSet>),
    /// Came at this time or before, in seconds of Unix time (RFC 5032).
    Until(i64),
    /// Came at this time or later.
    From(i64),
    /// Looks at the row.
    Row(SearchKey),
    /// Looks at the row's summary.
    Summary(SearchKey, Option<Needle>),
    /// The n-th text key.
    Text(usize, Option<Needle>),
    /// A text by what is like it (RFC 6203).
    Fuzzy(Box<fuzzy::Text>),
}

/// What a message that matches holds: the n-th of the search's needles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needle(usize);

/// What is known of a message.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) uid: u32,
    pub(crate) row: Option<&'a FetchRow>,
    pub(crate) summary: Option<&'a Summary>,
    /// Bit n: text key n matches.
    pub(crate) text: Option<u64>,
    /// Of each needle the messages that surely lack it.
    pub(crate) absent: &'a [UidSet],
}

impl Known<'_> {
    /// That the message does not match, if it lacks the needle.
    fn lacks(&self, needle: Option<Needle>) -> Option<bool> {
        let absent = self.absent.get(needle?.0)?;
        absent.contains(self.uid).then_some(false)
    }
}

/// A search ready to run.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) test: Test,
    pub(crate) text_keys: Arc<[TextKey]>,
    /// What messages can be left out by.
    pub(crate) needles: Vec<Vec<String>>,
    pub(crate) needs_rows: bool,
    pub(crate) needs_summary: bool,
    pub(crate) needs_thread: bool,
    /// The highest modification sequence of what is found is told.
    pub(crate) needs_modseq: bool,
    /// What has one of the modification sequences asked for, or a higher one; `None` for all.
    changed: Option<Arc<UidSet>>,
    /// What `$` means.
    saved: Arc<UidSet>,
    /// Seconds of Unix time.
    now: i64,
    /// The key that is being compiled is matched fuzzily.
    fuzzy: bool,
}

impl Search {
    /// Resolves the sets as the session numbers messages now; `None` if there are more than 64 text keys.
    pub(crate) fn new(prepared: Prepared, selected: &Selected) -> Option<Self> {
        let Prepared {
            key,
            saved,
            changed,
            now,
            ..
        } = prepared;
        let mut search = Self {
            test: Test::And(Vec::new()),
            text_keys: Arc::new([]),
            needles: Vec::new(),
            needs_rows: false,
            needs_summary: false,
            needs_thread: false,
            needs_modseq: false,
            changed: changed.map(Arc::new),
            saved: Arc::new(saved),
            now: now.unwrap_or(0),
            fuzzy: false,
        };
        let mut text_keys = Vec::new();
        search.test = search.compile(key, selected, &mut text_keys);
        search.text_keys = text_keys.into();
        (search.text_keys.len() <= MOST).then_some(search)
    }

    fn compile(
        &mut self,
        key: SearchKey,
        selected: &Selected,
        text_keys: &mut Vec<TextKey>,
    ) -> Test {
        match key {
            SearchKey::And(keys) => Test::And(
                keys.into_iter()
                    .map(|key| self.compile(key, selected, text_keys))
                    .collect(),
            ),
            SearchKey::Or(first, second) => Test::Or(
                Box::new(self.compile(*first, selected, text_keys)),
                Box::new(self.compile(*second, selected, text_keys)),
            ),
            SearchKey::Not(key) => Test::Not(Box::new(self.compile(*key, selected, text_keys))),
            SearchKey::Fuzzy(key) => {
                let before = std::mem::replace(&mut self.fuzzy, true);
                let test = self.compile(*key, selected, text_keys);
                self.fuzzy = before;
                test
            }
            // Numbers beyond the last message match nothing here; SEARCH has no use for an error.
            SearchKey::Numbers(set) => self.among(&set, selected.numbered(&set)),
            SearchKey::Uids(set) => self.among(&set, selected.with_uids(&set)),
            SearchKey::Among(uids) => Test::Shared(uids),
            SearchKey::Older(interval) => {
                self.needs_rows = true;
                Test::Until(self.now.saturating_sub(interval.into()))
            }
            SearchKey::Younger(interval) => {
                self.needs_rows = true;
                Test::From(self.now.saturating_sub(interval.into()))
            }
            SearchKey::Recent => Test::Among(selected.recent.clone()),
            SearchKey::Text(key) if self.fuzzy && !key.sought().is_empty() => {
                let mut test = |text: &str| self.exact_text(key.with(text), text_keys);
                Test::Fuzzy(Box::new(fuzzy::Text::new(key.sought().exact(), &mut test)))
            }
            SearchKey::Field(field, text) if self.fuzzy && !text.is_empty() => {
                let mut test = |text: &str| self.exact_field(field, Sought::new(text));
                Test::Fuzzy(Box::new(fuzzy::Text::new(text.exact(), &mut test)))
            }
            SearchKey::Text(key) => self.exact_text(key, text_keys),
            SearchKey::Field(field, text) => self.exact_field(field, text),
            key @ SearchKey::ModSeq(_) => {
                self.needs_rows = true;
                self.needs_modseq = true;
                let among = self.changed.clone().map(Test::Shared);
                Test::And(among.into_iter().chain([Test::Row(key)]).collect())
            }
            key @ (SearchKey::SentBefore(_) | SearchKey::SentOn(_) | SearchKey::SentSince(_)) => {
                self.needs_rows = true;
                self.needs_summary = true;
                Test::Summary(key, None)
            }
            key => {
                self.needs_rows = true;
                self.needs_thread |= matches!(key, SearchKey::Thread(_));
                Test::Row(key)
            }
        }
    }
}

impl Search {
    fn exact_text(&mut self, key: TextKey, text_keys: &mut Vec<TextKey>) -> Test {
        let needle = self.needle(key.needle());
        text_keys.push(key);
        Test::Text(text_keys.len() - 1, needle)
    }

    fn exact_field(&mut self, field: SummaryField, text: Sought) -> Test {
        self.needs_rows = true;
        self.needs_summary = true;
        let needle = self.needle(vec![text.mapped().to_owned()]);
        Test::Summary(SearchKey::Field(field, text), needle)
    }

    /// Notes what messages can be left out by, among all that is looked for, if there is room.
    fn needle(&mut self, texts: Vec<String>) -> Option<Needle> {
        let number = self.needles.len();
        let useful = number < MOST && texts.iter().any(|text| !text.is_empty());
        useful.then(|| {
            self.needles.push(texts);
            Needle(number)
        })
    }

    /// The messages of a set, of which `numbers` were named one by one.
    fn among(&self, set: &SequenceSet, numbers: UidSet) -> Test {
        match (set.saved, numbers.is_empty()) {
            (false, _) => Test::Among(numbers),
            (true, true) => Test::Shared(Arc::clone(&self.saved)),
            (true, false) => Test::Or(
                Box::new(Test::Among(numbers)),
                Box::new(Test::Shared(Arc::clone(&self.saved))),
            ),
        }
    }
}

impl Test {
    /// Those of these messages that its sets leave.
    pub(crate) fn narrow(&self, uids: UidSet) -> UidSet {
        match self {
            Self::And(tests) => tests.iter().fold(uids, |uids, test| test.narrow(uids)),
            Self::Among(among) => uids.intersection(among),
            Self::Shared(among) => uids.intersection(among),
            _ => uids,
        }
    }

    /// How much there is to look at for one message.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Self::And(tests) => tests
                .iter()
                .fold(1, |cost, test| test.cost().saturating_add(cost)),
            Self::Or(first, second) => first.cost().saturating_add(second.cost()),
            Self::Not(test) => test.cost(),
            Self::Among(_)
            | Self::Shared(_)
            | Self::Until(_)
            | Self::From(_)
            | Self::Row(_)
            | Self::Text(..) => 1,
            Self::Fuzzy(text) => text.cost(),
            // A field is searched.
            Self::Summary(..) => 20,
        }
    }

    /// Whether the message matches, if what is known decides it.
    pub(crate) fn decide(&self, known: Known<'_>) -> Option<bool> {
        match self {
            Self::And(tests) => {
                let mut decided = Some(true);
                for test in tests {
                    match test.decide(known) {
                        Some(false) => return Some(false),
                        Some(true) => {}
                        None => decided = None,
                    }
                }
                decided
            }
            Self::Or(first, second) => match (first.decide(known), second.decide(known)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(test) => test.decide(known).map(|matches| !matches),
            Self::Among(uids) => Some(uids.contains(known.uid)),
            Self::Shared(uids) => Some(uids.contains(known.uid)),
            Self::Until(time) => known.row.map(|row| row.internal_date.seconds <= *time),
            Self::From(time) => known.row.map(|row| row.internal_date.seconds >= *time),
            Self::Row(key) => known.row.map(|row| row_matches(key, row)),
            Self::Summary(key, needle) => {
                let matches = known.summary.map(|summary| summary_matches(key, summary));
                matches.or_else(|| known.lacks(*needle))
            }
            Self::Fuzzy(text) => text.decide(known),
            Self::Text(number, needle) => {
                let matches = known.text.map(|bits| bits >> number & 1 == 1);
                matches.or_else(|| known.lacks(*needle))
            }
        }
    }
}

impl Test {
    /// How well a message fits that matches, and of which all is known: the mean of what is searched fuzzily in it, from 1 to 100 (RFC 6203 §4).
    pub(crate) fn score(&self, known: Known<'_>) -> u8 {
        let (sum, count) = self.scores(known);
        let mean = sum.checked_div(count).unwrap_or(fuzzy::BEST);
        u8::try_from(mean.clamp(1, fuzzy::BEST)).unwrap_or(u8::MAX)
    }

    /// The sum of the scores, and how many there are.
    fn scores(&self, known: Known<'_>) -> (u32, u32) {
        let add = |(sum, count): (u32, u32), more: (u32, u32)| {
            (sum.saturating_add(more.0), count.saturating_add(more.1))
        };
        match self {
            Self::Fuzzy(text) => (text.score(known), 1),
            Self::And(tests) => {
                let scores = tests.iter().map(|test| test.scores(known));
                scores.fold((0, 0), add)
            }
            Self::Or(first, second) => {
                let both = [first, second].into_iter();
                let matching = both.filter(|test| test.decide(known) == Some(true));
                matching.map(|test| test.scores(known)).fold((0, 0), add)
            }
            // What a message must not have says nothing of how well it fits.
            _ => (0, 0),
        }
    }
}

fn row_matches(key: &SearchKey, row: &FetchRow) -> bool {
    let (day, saved) = (row.internal_date.day(), row.saved.day());
    match key {
        SearchKey::Flag(flag) => row.flags.has(*flag),
        SearchKey::Keyword(word) => row.flags.has_keyword(word),
        SearchKey::ModSeq(modseq) => row.modseq >= *modseq,
        SearchKey::Larger(size) => row.size > *size,
        SearchKey::Smaller(size) => row.size < *size,
        SearchKey::Before(date) => day < *date,
        SearchKey::On(date) => day == *date,
        SearchKey::Since(date) => day >= *date,
        SearchKey::SavedBefore(date) => saved < *date,
        SearchKey::SavedOn(date) => saved == *date,
        SearchKey::SavedSince(date) => saved >= *date,
        SearchKey::Email(email) => row.email == *email,
        SearchKey::Thread(thread) => row.thread == *thread,
        _ => false,
    }
}

fn summary_matches(key: &SearchKey, summary: &Summary) -> bool {
    let day = summary.envelope.sent.map(waxwing_message::Sent::day);
    match key {
        SearchKey::SentBefore(date) => day.is_some_and(|day| day < *date),
        SearchKey::SentOn(date) => day == Some(*date),
        SearchKey::SentSince(date) => day.is_some_and(|day| day >= *date),
        SearchKey::Field(field, needle) => {
            let mut texts = summary_texts(summary, *field).into_iter();
            texts.any(|text| needle.is_in(&text))
        }
        _ => false,
    }
}
