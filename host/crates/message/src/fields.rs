//! The values of header fields: mail-parser reads them, here they become the summary's.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, Address, ContentType, HeaderValue};

use crate::build::Budget;
use crate::charset::{REPLACEMENT, lossy};
use crate::decoded::{private, protect, stands_for, unprotect, words};
use crate::header::{self, Field};
use crate::summary::{AddressItem, Envelope, Param, Part, Sent};

/// Octets of one field that are read.
const MAX_FIELD: usize = 32 * 1024;
/// Addresses kept of one field.
const MAX_ADDRESSES: usize = 2_000;
/// Parameters kept of one field.
const MAX_PARAMS: usize = 64;

/// The fields that an envelope is made of, in the order in which they are read: what says who and what comes before lists that can be long.
const ENVELOPE: [&str; 11] = [
    "From",
    "Sender",
    "Date",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
];

/// Reads the envelope and the References field of a message's header. Of several fields of one name the last counts (RFC 8621 §4.1.3), by
/// whichever protocol it is asked for.
pub(crate) fn envelope(header: &[u8], budget: &mut Budget) -> (Envelope, Vec<u8>) {
    let mut last: [Option<Field<'_>>; ENVELOPE.len()] = [None; ENVELOPE.len()];
    for field in header::fields(header) {
        let nth = ENVELOPE.iter().position(|name| field.is(name));
        if let Some(slot) = nth.and_then(|nth| last.get_mut(nth)) {
            *slot = Some(field);
        }
    }
    let mut envelope = Envelope::default();
    let mut references = Vec::new();
    let e = &mut envelope;
    for (name, field) in ENVELOPE.iter().zip(last) {
        let Some(field) = &field else {
            continue;
        };
        match *name {
            "From" => addresses(field, &mut e.from, budget),
            "Sender" => addresses(field, &mut e.sender, budget),
            "Date" => {
                text(field, &mut e.date, budget);
                e.sent = sent(field);
            }
            "Subject" => text(field, &mut e.subject, budget),
            "Message-ID" => text(field, &mut e.message_id, budget),
            "In-Reply-To" => text(field, &mut e.in_reply_to, budget),
            "References" => octets(field, &mut references, budget),
            "Reply-To" => addresses(field, &mut e.reply_to, budget),
            "To" => addresses(field, &mut e.to, budget),
            "Cc" => addresses(field, &mut e.cc, budget),
            _ => addresses(field, &mut e.bcc, budget),
        }
    }
    (envelope, references)
}

/// The authors that a header names (RFC 5322 §3.6.2): all of every From, with room of its own. What decides by them must not depend on how
/// much other fields took of what a summary may hold, nor on which of two fields somebody is shown.
#[must_use]
pub fn authors(header: &[u8]) -> Vec<AddressItem> {
    let (mut all, mut budget) = (Vec::new(), Budget::of(header));
    for field in header::fields(header).filter(|field| field.is("From")) {
        let mut from = Vec::new();
        addresses(&field, &mut from, &mut budget);
        all.append(&mut from);
    }
    all
}

/// Reads the MIME fields of a part's header; `digest` is the default of RFC 2046 §5.1.5.
pub(crate) fn mime(header: &[u8], digest: bool, part: &mut Part, budget: &mut Budget) {
    for field in header::fields(header) {
        if field.name.len() < 10
            || !field
                .name
                .get(..8)
                .is_some_and(|name| name.eq_ignore_ascii_case(b"content-"))
        {
            continue;
        }
        match field
            .name
            .get(8..)
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_slice()
        {
            b"type" if part.media_type.is_empty() => media_type(&field, part, budget),
            b"transfer-encoding" if part.encoding.is_empty() => {
                part.encoding = budget.string(&token(&field));
            }
            b"id" => octets(&field, &mut part.id, budget),
            b"description" => octets(&field, &mut part.description, budget),
            b"md5" => octets(&field, &mut part.md5, budget),
            b"location" => octets(&field, &mut part.location, budget),
            b"disposition" if part.disposition.is_empty() => disposition(&field, part, budget),
            b"language" if part.languages.is_empty() => languages(&field, part, budget),
            _ => {}
        }
    }
    if part.media_type.is_empty() {
        (part.media_type, part.media_subtype) = if digest {
            (String::from("message"), String::from("rfc822"))
        } else {
            // RFC 2045 §5.2: the default is text/plain in US-ASCII.
            part.params = vec![Param {
                name: String::from("charset"),
                value: String::from("us-ascii"),
            }];
            (String::from("text"), String::from("plain"))
        };
    }
}

/// Decodes the encoded words of an unstructured value (RFC 2047).
pub(crate) fn unstructured(value: &[u8]) -> String {
    let line = terminated(value);
    match MessageStream::new(&line).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}

/// mail-parser takes a field to end with a line end.
fn terminated(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.get(..MAX_FIELD).unwrap_or(value);
    if value.ends_with(b"\n") {
        Cow::Borrowed(value)
    } else {
        Cow::Owned([value, b"\r\n"].concat())
    }
}

fn octets(field: &Field<'_>, target: &mut Vec<u8>, budget: &mut Budget) {
    if target.is_empty() {
        let cut = Field {
            value: field.value.get(..MAX_FIELD).unwrap_or(field.value),
            ..*field
        };
        let value = cut.unfolded();
        if budget.take(value.len()) {
            *target = value;
        }
    }
}

/// The value of a field that is there, though it be empty.
fn text(field: &Field<'_>, target: &mut Option<Vec<u8>>, budget: &mut Budget) {
    octets(field, target.insert(Vec::new()), budget);
}

/// The first token of a value, without comments.
fn token(field: &Field<'_>) -> String {
    let value = field.unfolded();
    let end = value
        .iter()
        .position(|octet| !octet.is_ascii_graphic() || matches!(octet, b';' | b'('))
        .unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end.min(64)).unwrap_or_default()).into_owned()
}

pub(crate) fn sent(field: &Field<'_>) -> Option<Sent> {
    date(field.value)
}

/// When a message came here last, as its topmost Received field tells it (RFC 5321 §4.4).
pub fn received(content: &[u8]) -> Option<Sent> {
    let block = content.get(..header::end(content))?;
    let field = header::fields(block).find(|field| field.is("Received"))?;
    let semicolon = field.value.iter().rposition(|octet| *octet == b';')?;
    date(field.value.get(semicolon + 1..)?)
}

fn date(value: &[u8]) -> Option<Sent> {
    let line = terminated(value);
    let HeaderValue::DateTime(date) = MessageStream::new(&line).parse_date() else {
        return None;
    };
    if !date.is_valid() {
        return None;
    }
    let minutes = i16::from(date.tz_hour.min(24)) * 60 + i16::from(date.tz_minute.min(59));
    Some(Sent {
        timestamp: date.to_timestamp(),
        offset: if date.tz_before_gmt {
            -minutes
        } else {
            minutes
        },
    })
}

pub(crate) fn addresses(field: &Field<'_>, target: &mut Vec<AddressItem>, budget: &mut Budget) {
    if !target.is_empty() {
        return;
    }
    let line = terminated(field.value);
    let Some(mut address) = address_list(&line) else {
        return;
    };
    // Names that cannot be decoded are kept as octets, which searches look for (RFC 5255 §4.6).
    let protected = is_damaged(&address).then(|| protected(&line));
    if let Some(line) = &protected
        && let Some(mut again) = address_list(line.as_bytes())
    {
        keep_octets(&mut again);
        address = again;
    }
    let mut push = |item: AddressItem, length: usize| {
        if target.len() < MAX_ADDRESSES && budget.take(length + 4) {
            target.push(item);
        }
    };
    match address {
        Address::List(list) => {
            for addr in list {
                mailbox(addr, &mut push);
            }
        }
        Address::Group(groups) => {
            for group in groups {
                let name = group.name.map(Cow::into_owned);
                let named = name.is_some();
                if let Some(name) = name {
                    let length = name.len();
                    push(AddressItem::GroupStart(name), length);
                }
                for addr in group.addresses {
                    mailbox(addr, &mut push);
                }
                if named {
                    push(AddressItem::GroupEnd, 0);
                }
            }
        }
    }
}

fn address_list(line: &[u8]) -> Option<Address<'_>> {
    match MessageStream::new(line).parse_address() {
        HeaderValue::Address(address) => Some(address),
        _ => None,
    }
}

/// Whether something in it could not be decoded.
fn is_damaged(address: &Address<'_>) -> bool {
    let damaged = |text: &Option<Cow<'_, str>>| {
        text.as_ref()
            .is_some_and(|text| !text.is_ascii() && text.contains(REPLACEMENT))
    };
    let groups = address.as_group().unwrap_or_default();
    groups.iter().any(|group| damaged(&group.name))
        || address
            .iter()
            .any(|addr| damaged(&addr.name) || damaged(&addr.address))
}

/// An address list with other characters in the place of octets that cannot be decoded.
fn protected(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for stretch in words(line) {
        match (stretch.charset, stretch.text()) {
            (None, _) => text.push_str(&protect(&stretch.octets)),
            (Some(_), None) => text.extend(stretch.octets.into_iter().map(private)),
            // As it stood, in one word.
            (Some(charset), Some(_)) => {
                text.push_str(&encoded(charset, &stretch.octets));
            }
        }
    }
    text.push_str("\r\n");
    text
}

/// An encoded word (RFC 2047 §2), however long.
fn encoded(charset: &str, octets: &[u8]) -> String {
    format!("=?{charset}?B?{}?=", STANDARD.encode(octets))
}

/// Names in which characters stand for octets become what is kept of them (RFC 1428), addresses what can be shown of them.
fn keep_octets(address: &mut Address<'_>) {
    let name = |name: &mut Option<Cow<'_, str>>| {
        if let Some(name) = name
            && name.chars().any(|c| stands_for(c).is_some())
        {
            *name = Cow::Owned(encoded("unknown-8bit", &unprotect(name)));
        }
    };
    let mailboxes = |list: &mut Vec<Addr<'_>>| {
        for addr in list {
            name(&mut addr.name);
            if let Some(address) = &mut addr.address
                && address.chars().any(|c| stands_for(c).is_some())
            {
                *address = Cow::Owned(lossy(&unprotect(address)).into_owned());
            }
        }
    };
    match address {
        Address::List(list) => mailboxes(list),
        Address::Group(groups) => {
            for group in groups {
                name(&mut group.name);
                mailboxes(&mut group.addresses);
            }
        }
    }
}

fn mailbox(addr: Addr<'_>, push: &mut impl FnMut(AddressItem, usize)) {
    let (name, address) = match (addr.name, addr.address) {
        (name, Some(address)) => (name.unwrap_or_default(), address),
        // A bare word: some address was meant.
        (Some(word), None) => (Cow::Borrowed(""), word),
        (None, None) => return,
    };
    let (route, address) = source_route(&address);
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let length = name.len() + route.len() + address.len();
    push(
        AddressItem::Mailbox {
            name: name.into_owned(),
            route: route.to_owned(),
            local: local.to_owned(),
            domain: domain.to_owned(),
        },
        length,
    );
}

/// The source route before an address (RFC 5322 §4.4: `<@route:user@domain>`), and the address.
fn source_route(address: &str) -> (&str, &str) {
    match address.split_once(':') {
        Some((route, rest)) if route.starts_with('@') => (route, rest),
        _ => ("", address),
    }
}

fn with_content_type<T>(field: &Field<'_>, read: impl FnOnce(ContentType<'_>) -> T) -> Option<T> {
    let line = terminated(field.value);
    match MessageStream::new(&line).parse_content_type() {
        HeaderValue::ContentType(content_type) => Some(read(content_type)),
        _ => None,
    }
}

fn params(content_type: &ContentType<'_>, budget: &mut Budget) -> Vec<Param> {
    let attributes = content_type.attributes.as_deref().unwrap_or_default();
    attributes
        .iter()
        .filter(|attribute| !attribute.name.is_empty())
        .take(MAX_PARAMS)
        .filter(|attribute| budget.take(attribute.name.len() + attribute.value.len() + 2))
        .map(|attribute| Param {
            name: attribute.name.to_ascii_lowercase(),
            value: attribute.value.clone().into_owned(),
        })
        .collect()
}

fn media_type(field: &Field<'_>, part: &mut Part, budget: &mut Budget) {
    with_content_type(field, |read| {
        // RFC 2045 §5.2: what cannot be read is text/plain; the caller sees an empty type.
        if let Some(subtype) = &read.c_subtype
            && !read.c_type.is_empty()
            && !subtype.is_empty()
        {
            part.media_type = budget.string(&read.c_type);
            part.media_subtype = budget.string(subtype);
            part.params = params(&read, budget);
        }
    });
}

fn disposition(field: &Field<'_>, part: &mut Part, budget: &mut Budget) {
    with_content_type(field, |read| {
        part.disposition = budget.string(&read.c_type);
        part.disposition_params = params(&read, budget);
    });
}

fn languages(field: &Field<'_>, part: &mut Part, budget: &mut Budget) {
    let value = field.unfolded();
    part.languages = value
        .split(|&octet| octet == b',')
        .map(|tag| String::from_utf8_lossy(tag.trim_ascii()).into_owned())
        .filter(|tag| !tag.is_empty() && budget.take(tag.len() + 1))
        .take(16)
        .collect();
}
