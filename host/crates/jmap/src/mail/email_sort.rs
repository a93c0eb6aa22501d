//! By what emails are sorted (RFC 8621 §4.4.2), as octets whose order is theirs.

use waxwing_message::{AddressItem, BaseSubject, Decoded, Summary, casemap};

use super::email_filter::{InThread, having, in_threads};
use super::emails::{Email, Emails};
use crate::error::MethodError;
use crate::standard::Comparator;

/// Octets of a text that are compared; those that are longer and begin alike count as equal.
const COMPARED: usize = 250;

/// A criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    Received,
    Size,
    Id,
    Sent,
    From,
    To,
    Subject,
    Keyword(String),
    Thread(InThread, String),
}

/// The order that is wanted.
#[derive(Debug)]
pub(super) struct EmailSort(Vec<(By, bool)>);

impl EmailSort {
    /// From comparators.
    ///
    /// # Errors
    /// `unsupportedSort`, `invalidArguments`.
    pub(super) fn read(comparators: &[Comparator]) -> Result<Self, MethodError> {
        let mut criteria = Vec::with_capacity(comparators.len());
        for comparator in comparators {
            let keyword = || {
                let keyword = comparator
                    .more
                    .get("keyword")
                    .and_then(|value| value.as_str());
                let missing = || MethodError::InvalidArguments("which keyword?".into());
                keyword.map(str::to_ascii_lowercase).ok_or_else(missing)
            };
            let by = match comparator.property.as_str() {
                "receivedAt" => By::Received,
                "size" => By::Size,
                "id" => By::Id,
                "sentAt" => By::Sent,
                "from" => By::From,
                "to" => By::To,
                "subject" => By::Subject,
                "hasKeyword" => By::Keyword(keyword()?),
                "allInThreadHaveKeyword" => By::Thread(InThread::All, keyword()?),
                "someInThreadHaveKeyword" => By::Thread(InThread::Some, keyword()?),
                _ => return Err(MethodError::UnsupportedSort),
            };
            criteria.push((by, comparator.is_ascending));
        }
        Ok(Self(criteria))
    }

    /// Whether it depends on what the list of emails does not say.
    pub(super) fn needs_summary(&self) -> bool {
        let mut criteria = self.0.iter();
        criteria.any(|(by, _)| matches!(by, By::Sent | By::From | By::To | By::Subject))
    }

    /// Whether it depends on other emails of the thread.
    pub(super) fn is_of_threads(&self) -> bool {
        let mut criteria = self.0.iter();
        criteria.any(|(by, _)| matches!(by, By::Thread(..)))
    }

    /// Whether it is the order of the list, or the same the other way round.
    pub(super) fn is_of_list(&self) -> Option<Direction> {
        match self.0.as_slice() {
            [] | [(By::Received, false)] => Some(Direction::NewestFirst),
            [(By::Received, true)] => Some(Direction::OldestFirst),
            _ => None,
        }
    }

    /// What is to be known of all emails to sort by it.
    pub(super) fn bind<'s>(&'s self, emails: &'s Emails) -> Keys<'s> {
        let table = |(by, _): &(By, bool)| match by {
            By::Keyword(keyword) => having(emails, keyword),
            By::Thread(test, keyword) => in_threads(emails, *test, keyword),
            _ => Vec::new(),
        };
        Keys {
            sort: self,
            tables: self.0.iter().map(table).collect(),
        }
    }
}

/// The order of the list of emails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    NewestFirst,
    OldestFirst,
}

/// Makes the keys of emails.
#[derive(Debug)]
pub(super) struct Keys<'s> {
    sort: &'s EmailSort,
    /// Of each criterion that is of keywords, of which sets or emails it is true.
    tables: Vec<Vec<bool>>,
}

impl Keys<'_> {
    /// The key of the email at a place in the list.
    pub(super) fn key(&self, at: u32, email: &Email, summary: Option<&Summary>) -> Box<[u8]> {
        let mut key = Vec::new();
        for ((by, ascending), table) in self.sort.0.iter().zip(&self.tables) {
            let begins = key.len();
            let of = |place: usize| u8::from(table.get(place) == Some(&true));
            match by {
                By::Keyword(_) => key.push(of(email.keywords as usize)),
                By::Thread(..) => key.push(of(at as usize)),
                by => push(&mut key, by, email, summary),
            }
            if !ascending {
                let part = key.get_mut(begins..).unwrap_or_default();
                part.iter_mut().for_each(|octet| *octet = !*octet);
            }
        }
        key.into_boxed_slice()
    }
}

fn push(key: &mut Vec<u8>, by: &By, email: &Email, summary: Option<&Summary>) {
    let envelope = summary.map(|summary| &summary.envelope);
    match by {
        By::Received => push_number(key, email.received),
        By::Size => push_number(key, i64::try_from(email.size).unwrap_or(i64::MAX)),
        By::Id => push_number(key, i64::try_from(email.id.0).unwrap_or(i64::MAX)),
        By::Sent => {
            // One that does not say when it was sent is where it came.
            let sent = envelope.and_then(|envelope| envelope.sent);
            let came = email.received.div_euclid(1000);
            push_number(key, sent.map_or(came, |sent| sent.timestamp));
        }
        By::From => push_text(key, &first(envelope.map(|it| it.from.as_slice()))),
        By::To => push_text(key, &first(envelope.map(|it| it.to.as_slice()))),
        By::Subject => {
            let subject = envelope.and_then(|envelope| envelope.subject.as_deref());
            let base = BaseSubject::of(subject.unwrap_or_default());
            push_text(key, &base.text.shown());
        }
        By::Keyword(_) | By::Thread(..) => {}
    }
}

fn push_number(key: &mut Vec<u8>, number: i64) {
    // The sign turned round, so that the octets are in the order of the numbers.
    key.extend_from_slice(&(number ^ i64::MIN).to_be_bytes());
}

fn push_text(key: &mut Vec<u8>, text: &str) {
    let mapped = casemap(text);
    let octets = mapped.bytes().filter(|octet| *octet != 0);
    key.extend(octets.take(COMPARED));
    // Its end, so that a text comes before those that it begins.
    key.push(0);
}

/// RFC 8621 §4.4.2: the name of the first address, or the address.
fn first(list: Option<&[AddressItem]>) -> String {
    let mut mailboxes = list.unwrap_or_default().iter();
    let first = mailboxes.find_map(|item| match item {
        AddressItem::Mailbox {
            name,
            local,
            domain,
            ..
        } => Some((name, local, domain)),
        _ => None,
    });
    match first {
        Some((name, ..)) if !name.is_empty() => Decoded::name(name).shown().into_owned(),
        Some((_, local, domain)) => format!("{local}@{domain}"),
        None => String::new(),
    }
}
