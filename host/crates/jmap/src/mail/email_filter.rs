//! The filter of `Email/query` (RFC 8621 §4.4.1): what of it the list of emails decides, what a summary does, and what is looked for in texts.

use serde_json::{Map, Value};
use waxwing_message::{AddressItem, Decoded, Sought, Summary, casemap, searched};

use super::body::{Flat, Node};
use super::date::parse_utc;
use super::emails::{Email, Emails, has};
use super::words::words;
use crate::id::MailboxId;
use crate::standard::{Filter, FilterError};

/// Texts that one filter looks for.
pub(super) const MAX_TEXTS: usize = 64;
/// Octets of such a text.
const MAX_TEXT: usize = 4096;

/// A text that is looked for in contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextKey {
    /// In the decoded texts of the body.
    Body(Sought),
    /// In a header field; that it is there, if there is no text.
    Header {
        /// Its name.
        name: String,
        /// What its value contains.
        value: Sought,
    },
}

/// A field that summaries have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    From,
    To,
    Cc,
    Bcc,
    Subject,
}

/// What is said of the emails of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InThread {
    All,
    Some,
    None,
}

/// A condition; numbers are places in the lists of [`Sifting`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    In(MailboxId),
    /// A mailbox of an id that none can have.
    Nowhere,
    /// Ascending.
    OtherThan(Vec<MailboxId>),
    Before(i64),
    After(i64),
    MinSize(u64),
    MaxSize(u64),
    Keyword {
        nth: usize,
        has: bool,
    },
    Thread(usize),
    HasAttachment(bool),
    Field {
        field: Field,
        text: Sought,
        needle: usize,
    },
    Text {
        key: usize,
        needle: usize,
    },
}

/// A filter and what its conditions refer to.
#[derive(Debug)]
pub(super) struct EmailFilter {
    pub(super) filter: Filter<Condition>,
    keywords: Vec<String>,
    threads: Vec<(InThread, String)>,
    pub(super) keys: Vec<TextKey>,
    /// Of each text that is looked for what a message that has it holds all of, mapped.
    pub(super) needles: Vec<Vec<String>>,
    pub(super) needs_summary: bool,
}

impl EmailFilter {
    /// From its JSON.
    ///
    /// # Errors
    /// Those of [`Filter::read`].
    pub(super) fn read(filter: Option<Value>) -> Result<Self, FilterError> {
        let mut read = Self {
            filter: Filter::And(Vec::new()),
            keywords: Vec::new(),
            threads: Vec::new(),
            keys: Vec::new(),
            needles: Vec::new(),
            needs_summary: false,
        };
        if let Some(filter) = filter {
            read.filter = Filter::read(filter, &mut |members| read.conditions(members))?;
        }
        Ok(read)
    }

    /// Whether what matches depends on other emails of the thread.
    pub(super) fn is_of_threads(&self) -> bool {
        !self.threads.is_empty()
    }

    /// Whether it looks at nothing that the list of emails says: then of all of them the same is known at first.
    pub(super) fn is_of_texts(&self) -> bool {
        let mut only = true;
        self.filter.each(&mut |condition| {
            only &= matches!(
                condition,
                Condition::HasAttachment(_) | Condition::Field { .. } | Condition::Text { .. }
            );
        });
        only
    }

    /// The properties of a FilterCondition, all of which have to match.
    fn conditions(
        &mut self,
        members: Map<String, Value>,
    ) -> Result<Filter<Condition>, FilterError> {
        let all = members
            .into_iter()
            .map(|(name, value)| self.condition(&name, value));
        Ok(Filter::And(all.collect::<Result<_, _>>()?))
    }

    fn condition(&mut self, name: &str, value: Value) -> Result<Filter<Condition>, FilterError> {
        let invalid = || FilterError::Invalid(format!("{name:?} is of another type"));
        let string = || value.as_str().ok_or_else(invalid);
        let date = || string().and_then(|text| parse_utc(text).ok_or_else(invalid));
        let number = || value.as_u64().ok_or_else(invalid);
        let boolean = || value.as_bool().ok_or_else(invalid);
        let condition = match name {
            "inMailbox" => MailboxId::parse(string()?).map_or(Condition::Nowhere, Condition::In),
            "inMailboxOtherThan" => {
                let ids = value.as_array().ok_or_else(invalid)?.iter();
                let ids = ids.map(|id| id.as_str().ok_or_else(invalid));
                let ids = ids.collect::<Result<Vec<_>, _>>()?.into_iter();
                let mut ids: Vec<MailboxId> = ids.filter_map(MailboxId::parse).collect();
                ids.sort_unstable();
                Condition::OtherThan(ids)
            }
            "before" => Condition::Before(date()?),
            "after" => Condition::After(date()?),
            "minSize" => Condition::MinSize(number()?),
            "maxSize" => Condition::MaxSize(number()?),
            "allInThreadHaveKeyword" => self.thread(InThread::All, string()?),
            "someInThreadHaveKeyword" => self.thread(InThread::Some, string()?),
            "noneInThreadHaveKeyword" => self.thread(InThread::None, string()?),
            "hasKeyword" => self.keyword(string()?, true),
            "notKeyword" => self.keyword(string()?, false),
            "hasAttachment" => {
                self.needs_summary = true;
                Condition::HasAttachment(boolean()?)
            }
            "text" => return self.texts(string()?, &ALL_FIELDS, true),
            "from" => return self.texts(string()?, &[Field::From], false),
            "to" => return self.texts(string()?, &[Field::To], false),
            "cc" => return self.texts(string()?, &[Field::Cc], false),
            "bcc" => return self.texts(string()?, &[Field::Bcc], false),
            "subject" => return self.texts(string()?, &[Field::Subject], false),
            "body" => return self.texts(string()?, &[], true),
            "header" => {
                let items = value.as_array().ok_or_else(invalid)?.iter();
                let items = items.map(|item| item.as_str().ok_or_else(invalid));
                let items: Vec<&str> = items.collect::<Result<_, _>>()?;
                return match items.as_slice() {
                    [name] => self.header(name, vec![String::new()]),
                    [name, text] => {
                        let words = bounded(text)?;
                        // Whatever field there is has nothing in it.
                        let nothing = words.is_empty().then(String::new);
                        self.header(name, words.into_iter().chain(nothing).collect())
                    }
                    _ => Err(invalid()),
                };
            }
            other => return Err(FilterError::Unsupported(other.to_owned())),
        };
        Ok(Filter::Condition(condition))
    }

    fn keyword(&mut self, keyword: &str, has: bool) -> Condition {
        self.keywords.push(keyword.to_ascii_lowercase());
        let nth = self.keywords.len() - 1;
        Condition::Keyword { nth, has }
    }

    fn thread(&mut self, test: InThread, keyword: &str) -> Condition {
        self.threads.push((test, keyword.to_ascii_lowercase()));
        Condition::Thread(self.threads.len() - 1)
    }

    /// Every word of a text has to be in one of the fields, or in the body.
    fn texts(
        &mut self,
        text: &str,
        fields: &[Field],
        body: bool,
    ) -> Result<Filter<Condition>, FilterError> {
        let mut all = Vec::new();
        for word in bounded(text)? {
            let sought = Sought::new(&word);
            let needle = self.needle(vec![sought.mapped().to_owned()])?;
            let mut any = Vec::new();
            for field in fields {
                self.needs_summary = true;
                let text = sought.clone();
                let field = *field;
                any.push(Filter::Condition(Condition::Field {
                    field,
                    text,
                    needle,
                }));
            }
            if body {
                any.push(self.key(TextKey::Body(sought), needle));
            }
            all.push(Filter::Or(any));
        }
        Ok(Filter::And(all))
    }

    fn header(&mut self, name: &str, words: Vec<String>) -> Result<Filter<Condition>, FilterError> {
        let mut all = Vec::new();
        for word in words {
            let value = Sought::new(&word);
            let needle = self.needle(vec![casemap(name), value.mapped().to_owned()])?;
            let name = name.to_owned();
            all.push(self.key(TextKey::Header { name, value }, needle));
        }
        Ok(Filter::And(all))
    }

    fn key(&mut self, key: TextKey, needle: usize) -> Filter<Condition> {
        self.keys.push(key);
        let key = self.keys.len() - 1;
        Filter::Condition(Condition::Text { key, needle })
    }

    fn needle(&mut self, needle: Vec<String>) -> Result<usize, FilterError> {
        if self.needles.len() >= MAX_TEXTS {
            let text = format!("more than {MAX_TEXTS} words");
            return Err(FilterError::Unsupported(text));
        }
        self.needles.push(needle);
        Ok(self.needles.len() - 1)
    }
}

/// The words of a text that is no longer than texts are looked for.
fn bounded(text: &str) -> Result<Vec<String>, FilterError> {
    if text.len() > MAX_TEXT {
        let why = format!("a text of more than {MAX_TEXT} octets");
        return Err(FilterError::Unsupported(why));
    }
    Ok(words(text))
}

const ALL_FIELDS: [Field; 5] = [
    Field::Subject,
    Field::From,
    Field::To,
    Field::Cc,
    Field::Bcc,
];

/// What is known of an email beside what the list says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'k> {
    pub(super) summary: Option<&'k Summary>,
    /// Bit n: text key n matches.
    pub(super) matched: Option<u64>,
    /// Bit n: needle n is surely not in it.
    pub(super) absent: u64,
}

/// A filter held against the emails of an account.
#[derive(Debug)]
pub(super) struct Sifting<'f> {
    filter: &'f EmailFilter,
    /// Of each keyword the sets that have it.
    keywords: Vec<Vec<bool>>,
    /// Of each condition of threads the emails that it is true of.
    threads: Vec<Vec<bool>>,
}

impl<'f> Sifting<'f> {
    pub(super) fn new(filter: &'f EmailFilter, emails: &Emails) -> Self {
        let keywords = filter.keywords.iter();
        let threads = filter.threads.iter();
        Self {
            filter,
            keywords: keywords.map(|keyword| having(emails, keyword)).collect(),
            threads: threads
                .map(|(test, keyword)| in_threads(emails, *test, keyword))
                .collect(),
        }
    }

    /// Whether the email at a place in the list matches, if that follows from what is known.
    pub(super) fn matches(&self, at: u32, email: &Email, known: Known<'_>) -> Option<bool> {
        let lacks = |needle: &usize| (known.absent >> needle & 1 == 1).then_some(false);
        self.filter.filter.holds(&mut |condition| {
            Some(match condition {
                Condition::In(mailbox) => email.is_in(*mailbox),
                Condition::Nowhere => false,
                Condition::OtherThan(others) => email
                    .mailboxes()
                    .any(|id| others.binary_search(&id).is_err()),
                Condition::Before(moment) => email.received < *moment,
                Condition::After(moment) => email.received >= *moment,
                Condition::MinSize(size) => email.size >= *size,
                Condition::MaxSize(size) => email.size < *size,
                Condition::Keyword { nth, has } => {
                    let sets = self.keywords.get(*nth)?;
                    sets.get(email.keywords as usize) == Some(has)
                }
                Condition::Thread(nth) => self.threads.get(*nth)?.get(at as usize) == Some(&true),
                Condition::HasAttachment(wanted) => has_attachment(known.summary?) == *wanted,
                Condition::Field {
                    field,
                    text,
                    needle,
                } => match (lacks(needle), known.summary) {
                    (Some(lacks), _) => lacks,
                    (None, summary) => {
                        let texts = field_texts(*field, summary?);
                        texts.iter().any(|found| text.is_in(found))
                    }
                },
                Condition::Text { key, needle } => match (lacks(needle), known.matched) {
                    (Some(lacks), _) => lacks,
                    (None, matched) => matched? >> key & 1 == 1,
                },
            })
        })
    }
}

/// Which sets of keywords have one.
pub(super) fn having(emails: &Emails, keyword: &str) -> Vec<bool> {
    emails.of_sets(|set| has(set, keyword))
}

/// Of which emails something is true of their threads.
pub(super) fn in_threads(emails: &Emails, test: InThread, keyword: &str) -> Vec<bool> {
    let sets = having(emails, keyword);
    let mut all = vec![false; emails.len()];
    for thread in emails.threads() {
        let has = |at: &u32| {
            let email = emails.at(*at);
            email.is_some_and(|email| sets.get(email.keywords as usize) == Some(&true))
        };
        let held = match test {
            InThread::All => thread.iter().all(has),
            InThread::Some => thread.iter().any(has),
            InThread::None => !thread.iter().any(has),
        };
        for at in thread {
            if let Some(slot) = all.get_mut(*at as usize) {
                *slot = held;
            }
        }
    }
    all
}

fn has_attachment(summary: &Summary) -> bool {
    Flat::of(&Node::of(&summary.root)).has_attachment()
}

/// What a field holds that can be looked for: as IMAP's SEARCH looks at it, by which the index is made.
fn field_texts(field: Field, summary: &Summary) -> Vec<Decoded> {
    let envelope = &summary.envelope;
    let addresses = |list: &[AddressItem]| -> Vec<Decoded> {
        list.iter().flat_map(searched::address).collect()
    };
    match field {
        Field::From => addresses(&envelope.from),
        Field::To => addresses(&envelope.to),
        Field::Cc => addresses(&envelope.cc),
        Field::Bcc => addresses(&envelope.bcc),
        Field::Subject => {
            let subject = envelope.subject.iter();
            subject.map(|subject| Decoded::field(subject)).collect()
        }
    }
}
