//! Header fields as properties (RFC 8621 §4.1.2, §4.1.3): `header:Name:asForm:all`.

use serde_json::{Value, json};
use waxwing_message::header::Field;
use waxwing_message::{AddressItem, Decoded, Sent, header, value};

use super::date;
use super::form::{message_ids, raw, urls};

/// In which form a field's value is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Raw,
    Text,
    Addresses,
    GroupedAddresses,
    MessageIds,
    Date,
    Urls,
}

impl Form {
    const SUFFIXES: [(&'static str, Self); 7] = [
        ("asRaw", Self::Raw),
        ("asText", Self::Text),
        ("asAddresses", Self::Addresses),
        ("asGroupedAddresses", Self::GroupedAddresses),
        ("asMessageIds", Self::MessageIds),
        ("asDate", Self::Date),
        ("asURLs", Self::Urls),
    ];

    /// Whether a field may be had in it: those of RFC 5322 and RFC 2369 only as what they are, others as anything.
    fn allows(self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let known = DEFINED.iter().find(|(known, _)| *known == name);
        self == Self::Raw || known.is_none_or(|(_, forms)| forms.contains(&self))
    }
}

const ADDRESSES: &[Form] = &[Form::Addresses, Form::GroupedAddresses];
const IDS: &[Form] = &[Form::MessageIds];
const DATE: &[Form] = &[Form::Date];
const TEXT: &[Form] = &[Form::Text];
const URLS: &[Form] = &[Form::Urls];

/// The fields of RFC 5322 and RFC 2369, and in which forms beside the raw one each may be had.
const DEFINED: [(&str, &[Form]); 30] = [
    ("from", ADDRESSES),
    ("sender", ADDRESSES),
    ("reply-to", ADDRESSES),
    ("to", ADDRESSES),
    ("cc", ADDRESSES),
    ("bcc", ADDRESSES),
    ("resent-from", ADDRESSES),
    ("resent-sender", ADDRESSES),
    ("resent-reply-to", ADDRESSES),
    ("resent-to", ADDRESSES),
    ("resent-cc", ADDRESSES),
    ("resent-bcc", ADDRESSES),
    ("message-id", IDS),
    ("in-reply-to", IDS),
    ("references", IDS),
    ("resent-message-id", IDS),
    ("date", DATE),
    ("resent-date", DATE),
    ("subject", TEXT),
    ("comments", TEXT),
    ("keywords", TEXT),
    ("list-id", TEXT),
    ("list-help", URLS),
    ("list-unsubscribe", URLS),
    ("list-subscribe", URLS),
    ("list-post", URLS),
    ("list-owner", URLS),
    ("list-archive", URLS),
    ("return-path", &[]),
    ("received", &[]),
];

/// A property of one header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderProperty {
    name: String,
    form: Form,
    /// Every field of the name, and not only the last.
    all: bool,
}

impl HeaderProperty {
    /// The property that is written like this behind `header:`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let name = parts.next()?;
        if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_graphic()) {
            return None;
        }
        let mut next = parts.next();
        let of = |text: &str| Form::SUFFIXES.iter().find(|(suffix, _)| *suffix == text);
        let form = match next.and_then(of) {
            Some((_, form)) => {
                next = parts.next();
                *form
            }
            None => Form::Raw,
        };
        let all = next == Some("all");
        if all {
            next = parts.next();
        }
        (next.is_none() && form.allows(name)).then(|| Self {
            name: name.to_owned(),
            form,
            all,
        })
    }

    /// Its value in a header.
    pub(super) fn of(&self, header: &[u8]) -> Value {
        let found = header::fields(header).filter(|field| field.is(&self.name));
        if self.all {
            return found.map(|field| formed(self.form, field.value)).collect();
        }
        found
            .last()
            .map_or(Value::Null, |field| formed(self.form, field.value))
    }
}

fn formed(form: Form, octets: &[u8]) -> Value {
    match form {
        Form::Raw => raw(octets).into(),
        Form::Text => value::text(octets).into(),
        Form::Addresses => mailboxes(&value::addresses(octets)).into(),
        Form::GroupedAddresses => groups(&value::addresses(octets)).into(),
        Form::MessageIds => message_ids(octets).into(),
        Form::Date => value::date(octets).map_or(Value::Null, sent),
        Form::Urls => urls(octets).into(),
    }
}

/// All fields (RFC 8621 §4.1.3: EmailHeader).
pub(super) fn headers(header: &[u8]) -> Value {
    let object = |field: Field<'_>| json!({ "name": raw(field.name), "value": raw(field.value) });
    header::fields(header).map(object).collect()
}

/// A date with the zone that it is written in.
pub(super) fn sent(sent: Sent) -> Value {
    date::in_zone(sent.timestamp, sent.offset).into()
}

/// The mailboxes of an address list (RFC 8621 §4.1.2.3).
pub(super) fn mailboxes(items: &[AddressItem]) -> Vec<Value> {
    items.iter().filter_map(mailbox).collect()
}

fn mailbox(item: &AddressItem) -> Option<Value> {
    let AddressItem::Mailbox {
        name,
        local,
        domain,
        ..
    } = item
    else {
        return None;
    };
    let email = match domain.is_empty() {
        true => local.clone(),
        false => format!("{local}@{domain}"),
    };
    Some(json!({ "name": named(name), "email": email }))
}

/// A display name; null if there is none.
fn named(name: &str) -> Option<String> {
    let name = value::readable(&Decoded::name(name));
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The groups of an address list (RFC 8621 §4.1.2.4); mailboxes of none that are beside each other are one without a name.
fn groups(items: &[AddressItem]) -> Vec<Value> {
    let mut groups: Vec<(Option<String>, Vec<Value>)> = Vec::new();
    let mut inside = false;
    for item in items {
        match item {
            AddressItem::GroupStart(name) => {
                inside = true;
                groups.push((Some(named(name).unwrap_or_default()), Vec::new()));
            }
            AddressItem::GroupEnd => inside = false,
            AddressItem::Mailbox { .. } => {
                let fits = groups
                    .last()
                    .is_some_and(|(name, _)| inside || name.is_none());
                if !fits {
                    groups.push((None, Vec::new()));
                }
                if let Some((_, members)) = groups.last_mut() {
                    members.extend(mailbox(item));
                }
            }
        }
    }
    let object = |(name, addresses)| json!({ "name": name, "addresses": Value::Array(addresses) });
    groups.into_iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_of_fields() {
        for wrong in [
            "",
            ":all",
            "From:asDate",
            "from:asText",
            "Subject:asAddresses",
            "Received:asText",
            "X:all:asText",
            "X:asText:all:all",
            "X:astext",
            "X:",
            "X:all:",
            "a b",
            "\u{fc}",
            "X\u{7f}",
            "Date:asRaw:asRaw",
        ] {
            assert_eq!(HeaderProperty::parse(wrong), None, "{wrong}");
        }
        let header = b"X-A: one\r\nx-a:\ttwo\r\n more\r\nTo: a@b, Team: \"C  D\" <c@d>, e;, f@g, h@i\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n\
                       List-Post: <mailto:x@y>\r\nMessage-ID: <1@a> <2@b>\r\n'*%: odd\r\n\r\n";
        for (property, wanted) in [
            ("x-A", json!("\ttwo\r\n more")),
            ("X-A:all", json!([" one", "\ttwo\r\n more"])),
            ("X-A:asText:all", json!(["one", "two more"])),
            ("X-None", json!(null)),
            ("X-None:asAddresses:all", json!([])),
            (
                "To:asAddresses",
                json!([{"name": null, "email": "a@b"}, {"name": "C  D", "email": "c@d"}, {"name": null, "email": "e"},
                {"name": null, "email": "f@g"}, {"name": null, "email": "h@i"}]),
            ),
            (
                "To:asGroupedAddresses",
                json!([{"name": null, "addresses": [{"name": null, "email": "a@b"}]},
                {"name": "Team", "addresses": [{"name": "C  D", "email": "c@d"}, {"name": null, "email": "e"}]},
                {"name": null, "addresses": [{"name": null, "email": "f@g"}, {"name": null, "email": "h@i"}]}]),
            ),
            ("Date:asDate", json!("1997-11-21T09:55:06-06:00")),
            ("X-A:asDate", json!(null)),
            ("list-post:asURLs", json!(["mailto:x@y"])),
            ("message-id:asMessageIds", json!(["1@a", "2@b"])),
            ("'*%:asRaw", json!(" odd")),
        ] {
            let parsed = HeaderProperty::parse(property).unwrap();
            assert_eq!(parsed.of(header), wanted, "{property}");
        }
    }
}
