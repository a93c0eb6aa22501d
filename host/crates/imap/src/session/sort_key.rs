//! What SORT compares messages by, as octets whose order is theirs (RFC 5256 §3, RFC 5957 §3).

use waxwing_message::{AddressItem, BaseSubject, Decoded, Summary, casemap};

use crate::ask::FetchRow;
use crate::types::{SortCriterion, SortKey};

/// Octets of a text that are compared; those that are longer and begin alike count as equal.
const COMPARED: usize = 250;
/// What no text in UTF-8 begins with.
const BEHIND: u8 = 0xff;

/// The key of a message: that of each criterion, one behind another.
pub(crate) fn sort_key(
    criteria: &[SortCriterion],
    row: &FetchRow,
    summary: Option<&Summary>,
    relevancy: u8,
) -> Box<[u8]> {
    let mut key = Vec::new();
    for criterion in criteria {
        let begins = key.len();
        match criterion.key {
            // RFC 6203 §6: the highest score first.
            SortKey::Relevancy => key.push(!relevancy),
            by => push(&mut key, by, row, summary),
        }
        if criterion.reverse {
            let part = key.get_mut(begins..).unwrap_or_default();
            part.iter_mut().for_each(|octet| *octet = !*octet);
        }
    }
    key.into_boxed_slice()
}

fn push(key: &mut Vec<u8>, by: SortKey, row: &FetchRow, summary: Option<&Summary>) {
    let envelope = summary.map(|summary| &summary.envelope);
    match by {
        SortKey::Arrival => push_number(key, row.internal_date.seconds),
        SortKey::Size => push_number(key, i64::try_from(row.size).unwrap_or(i64::MAX)),
        SortKey::Date => push_number(key, sent_date(row, summary)),
        SortKey::Subject => {
            let subject = envelope.and_then(|envelope| envelope.subject.as_deref());
            push_text(key, &BaseSubject::of(subject.unwrap_or_default()).text);
        }
        SortKey::From => push_text(key, &mailbox(envelope.map(|it| &it.from))),
        SortKey::To => push_text(key, &mailbox(envelope.map(|it| &it.to))),
        SortKey::Cc => push_text(key, &mailbox(envelope.map(|it| &it.cc))),
        SortKey::DisplayFrom => push_text(key, &display(envelope.map(|it| &it.from))),
        SortKey::Relevancy => {}
        SortKey::DisplayTo => push_text(key, &display(envelope.map(|it| &it.to))),
    }
}

/// When a message was sent; where that is not known, when it came (RFC 5256 §2.2). Seconds of Unix time.
pub(crate) fn sent_date(row: &FetchRow, summary: Option<&Summary>) -> i64 {
    let sent = summary.and_then(|summary| summary.envelope.sent);
    sent.map_or(row.internal_date.seconds, |sent| sent.timestamp)
}

fn push_number(key: &mut Vec<u8>, number: i64) {
    // The sign turned round, so that the octets are in the order of the numbers.
    key.extend_from_slice(&(number ^ i64::MIN).to_be_bytes());
}

/// A text as it is compared. RFC 5255 §4.6: behind all that are text come the others, by their octets.
pub(crate) fn compared(text: &Decoded) -> Box<[u8]> {
    let mapped;
    let (lead, octets) = match text {
        Decoded::Text(text) => {
            mapped = casemap(text);
            (None, mapped.as_bytes())
        }
        Decoded::Octets(octets) => (Some(BEHIND), octets.as_slice()),
    };
    let octets = octets.iter().copied().filter(|octet| *octet != 0);
    lead.into_iter().chain(octets.take(COMPARED)).collect()
}

fn push_text(key: &mut Vec<u8>, text: &Decoded) {
    key.extend_from_slice(&compared(text));
    // Its end, so that a text comes before those that it begins.
    key.push(0);
}

/// `addr-mailbox` of the first address: what IMAP shows for a group is its name.
fn mailbox(list: Option<&Vec<AddressItem>>) -> Decoded {
    match list.and_then(|list| list.first()) {
        Some(AddressItem::Mailbox { local, .. }) => Decoded::Text(local.clone()),
        Some(AddressItem::GroupStart(name)) => Decoded::name(name),
        Some(AddressItem::GroupEnd) | None => Decoded::Text(String::new()),
    }
}

/// RFC 5957 §3: the name, else the address, else what there is of it.
fn display(list: Option<&Vec<AddressItem>>) -> Decoded {
    match list.and_then(|list| list.first()) {
        Some(AddressItem::Mailbox { name, .. }) if !name.is_empty() => Decoded::name(name),
        Some(AddressItem::Mailbox { local, domain, .. }) if !domain.is_empty() => {
            Decoded::Text(format!("{local}@{domain}"))
        }
        _ => mailbox(list),
    }
}
