//! Header fields as properties (RFC 8621 §4.1.2, §4.1.3): their names, their forms, and how a value of a form is written.

use serde_json::Value;

use super::words::{phrase, text};

/// Longest name of a field that is taken.
const MAX_NAME: usize = 76;

/// How the value of a field is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is written.
    Raw,
    /// `asText`
    Text,
    /// `asAddresses`
    Addresses,
    /// `asGroupedAddresses`
    Grouped,
    /// `asMessageIds`
    MessageIds,
    /// `asDate`
    Date,
    /// `asURLs`
    Urls,
}

impl Form {
    const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Addresses | Self::Grouped | Self::MessageIds | Self::Urls
        )
    }
}

const FORMS: [(&str, Form); 7] = [
    ("asRaw", Form::Raw),
    ("asText", Form::Text),
    ("asAddresses", Form::Addresses),
    ("asGroupedAddresses", Form::Grouped),
    ("asMessageIds", Form::MessageIds),
    ("asDate", Form::Date),
    ("asURLs", Form::Urls),
];

/// A property that is a header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) field: String,
    pub(crate) form: Form,
    /// The value is a list of the values of several fields.
    pub(crate) all: bool,
}

const CONVENIENT: [(&str, &str, Form); 11] = [
    ("messageId", "Message-ID", Form::MessageIds),
    ("inReplyTo", "In-Reply-To", Form::MessageIds),
    ("references", "References", Form::MessageIds),
    ("sender", "Sender", Form::Addresses),
    ("from", "From", Form::Addresses),
    ("to", "To", Form::Addresses),
    ("cc", "Cc", Form::Addresses),
    ("bcc", "Bcc", Form::Addresses),
    ("replyTo", "Reply-To", Form::Addresses),
    ("subject", "Subject", Form::Text),
    ("sentAt", "Date", Form::Date),
];

/// A property with a name of its own (RFC 8621 §4.1.3).
pub(crate) fn convenient(name: &str) -> Option<Property> {
    let found = CONVENIENT.into_iter().find(|(known, _, _)| *known == name);
    found.map(|(_, field, form)| Property {
        field: field.to_owned(),
        form,
        all: false,
    })
}

/// Whether a name is that of a property of any header field.
pub(crate) fn is_header(name: &str) -> bool {
    name.starts_with("header:")
}

impl Property {
    /// The property of a name such as `header:List-Post:asURLs:all`. None for a form that the field may not be given in.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut fields = name.strip_prefix("header:")?.split(':');
        let field = fields.next()?;
        let printable = |octet: u8| octet.is_ascii_graphic();
        if !(1..=MAX_NAME).contains(&field.len()) || !field.bytes().all(printable) {
            return None;
        }
        let mut next = fields.next();
        let form = FORMS.into_iter().find(|(name, _)| next == Some(*name));
        if form.is_some() {
            next = fields.next();
        }
        let all = next == Some("all");
        if next.is_some() && !all || fields.next().is_some() {
            return None;
        }
        let form = form.map_or(Form::Raw, |(_, form)| form);
        may_be(field, form).then(|| Self {
            field: field.to_owned(),
            form,
            all,
        })
    }
}

/// RFC 8621 §4.1.2: fields that are known have their forms, others have any.
fn may_be(field: &str, form: Form) -> bool {
    let is = |known: &[&str]| known.iter().any(|known| field.eq_ignore_ascii_case(known));
    let resent = field
        .get(..7)
        .filter(|it| it.eq_ignore_ascii_case("Resent-"));
    let resent = resent.and_then(|_| field.get(7..)).unwrap_or_default();
    let again = |known: &[&str]| known.iter().any(|known| resent.eq_ignore_ascii_case(known));
    let addresses = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"];
    let lists = [
        "List-Help",
        "List-Unsubscribe",
        "List-Subscribe",
        "List-Post",
        "List-Owner",
        "List-Archive",
    ];
    let known: Option<&[Form]> = if is(&addresses) || again(&addresses) {
        Some(&[Form::Addresses, Form::Grouped])
    } else if is(&["Subject", "Comments", "Keywords", "List-Id"]) {
        Some(&[Form::Text])
    } else if is(&["Message-ID", "In-Reply-To", "References"]) || again(&["Message-ID"]) {
        Some(&[Form::MessageIds])
    } else if is(&["Date"]) || again(&["Date"]) {
        Some(&[Form::Date])
    } else if is(&lists) {
        Some(&[Form::Urls])
    } else if is(&["Received", "Return-Path"]) {
        Some(&[])
    } else {
        None
    };
    form == Form::Raw || known.is_none_or(|forms| forms.contains(&form))
}

/// The values that fields of a property have in the message: one for each field, none for null. None if the value is not of the form.
pub(crate) fn value_of(property: &Property, value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null if !property.all => Some(Vec::new()),
        // RFC 5322 §3.4, §3.6.4: no field of these has nothing in it.
        Value::Array(items) if items.is_empty() && property.form.is_list() => Some(Vec::new()),
        Value::Array(items) if property.all => {
            items.iter().map(|item| one(property.form, item)).collect()
        }
        value if !property.all => one(property.form, value).map(|value| vec![value]),
        _ => None,
    }
}

fn one(form: Form, value: &Value) -> Option<String> {
    match form {
        Form::Raw => raw(value.as_str()?),
        Form::Text => clean(value.as_str()?).map(text),
        Form::Addresses => addresses(value.as_array()?),
        Form::Grouped => {
            let groups = value.as_array()?.iter().map(group);
            Some(groups.collect::<Option<Vec<_>>>()?.join(", "))
        }
        Form::MessageIds => angled(value.as_array()?, " "),
        Form::Urls => angled(value.as_array()?, ", "),
        Form::Date => date(value.as_str()?),
    }
}

/// A text without characters that would end a field or hide in it.
pub(crate) fn clean(text: &str) -> Option<&str> {
    let bad = |c: char| c.is_control() && c != '\t';
    (!text.chars().any(bad)).then_some(text)
}

/// A value as it is to be written; folded lines are unfolded, to be folded again.
fn raw(text: &str) -> Option<String> {
    let unfolded = text.replace("\r\n ", " ").replace("\r\n\t", "\t");
    clean(&unfolded).map(str::to_owned)
}

fn addresses(items: &[Value]) -> Option<String> {
    let all: Option<Vec<String>> = items.iter().map(address).collect();
    Some(all?.join(", "))
}

/// An EmailAddress. What a half-finished draft has need be no address.
fn address(value: &Value) -> Option<String> {
    let members = value.as_object()?;
    if members.keys().any(|name| name != "name" && name != "email") {
        return None;
    }
    let name = match members.get("name") {
        None | Some(Value::Null) => "",
        Some(name) => clean(name.as_str()?)?.trim(),
    };
    let email = clean(members.get("email")?.as_str()?)?.trim();
    if email.contains(['<', '>']) {
        return None;
    }
    let bare = !email.contains([' ', '\t', ',', ';', ':', '(', ')']) && !email.is_empty();
    Some(match (name, bare) {
        ("", true) => email.to_owned(),
        ("", false) => format!("<{email}>"),
        (name, _) => format!("{} <{email}>", phrase(name)),
    })
}

/// An EmailAddressGroup.
fn group(value: &Value) -> Option<String> {
    let members = value.as_object()?;
    let list = addresses(members.get("addresses")?.as_array()?)?;
    match members.get("name") {
        None | Some(Value::Null) => Some(list),
        Some(name) => {
            let name = clean(name.as_str()?)?;
            let space = if list.is_empty() { "" } else { " " };
            Some(format!("{}:{space}{list};", phrase(name)))
        }
    }
}

/// Texts in angle brackets.
fn angled(items: &[Value], between: &str) -> Option<String> {
    let one = |item: &Value| {
        let text = clean(item.as_str()?)?;
        let odd = |c: char| c.is_whitespace() || c == '<' || c == '>';
        (!text.is_empty() && !text.contains(odd)).then(|| format!("<{text}>"))
    };
    let all: Vec<String> = items.iter().map(one).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.join(between))
}

/// A Date (RFC 8620 §1.4) as RFC 5322 §3.3 has it, in the zone that it was given in.
fn date(value: &str) -> Option<String> {
    let pieces = jiff::fmt::temporal::Pieces::parse(value).ok()?;
    let time = pieces.time()?;
    let offset = pieces.to_numeric_offset()?;
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let shown = pieces.date().to_datetime(time);
    let shown = shown.strftime("%a, %-d %b %Y %H:%M:%S");
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    Some(format!("{shown} {sign}{hours:02}{minutes:02}"))
}

/// A moment, in milliseconds of Unix time, as RFC 5322 §3.3 has it.
pub(crate) fn written_date(at: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC);
    date.strftime("%a, %-d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(name: &str, value: Value) -> Option<Vec<String>> {
        let property = convenient(name).or_else(|| Property::parse(name))?;
        value_of(&property, &value)
    }

    #[test]
    fn each_form_is_written() {
        let from =
            json!([{"name": "A, B", "email": "a@b.test"}, {"name": null, "email": "c@d.test"}]);
        let groups = json!([{"name": "us", "addresses": [{"email": "a@b"}]}, {"name": null, "addresses": [{"email": "c@d"}]},
            {"name": "none", "addresses": []}]);
        for (name, value, field) in [
            (
                "subject",
                json!("Grüße an alle"),
                "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= an alle",
            ),
            ("from", from, "\"A, B\" <a@b.test>, c@d.test"),
            ("to", json!([{"email": "half, done"}]), "<half, done>"),
            ("references", json!(["1@a", "2@b"]), "<1@a> <2@b>"),
            (
                "sentAt",
                json!("2026-03-01T09:05:06+05:30"),
                "Sun, 1 Mar 2026 09:05:06 +0530",
            ),
            (
                "sentAt",
                json!("2026-12-24T00:00:00Z"),
                "Thu, 24 Dec 2026 00:00:00 +0000",
            ),
            ("header:X-Mine", json!(" as it\r\n is"), " as it is"),
            ("header:X-Mine:asText", json!("ä"), "=?utf-8?B?w6Q=?="),
            (
                "header:List-Post:asURLs",
                json!(["mailto:a@b"]),
                "<mailto:a@b>",
            ),
            (
                "header:To:asGroupedAddresses",
                groups,
                "us: a@b;, c@d, none:;",
            ),
        ] {
            assert_eq!(written(name, value), Some(vec![field.to_owned()]), "{name}");
        }
        assert_eq!(
            written("header:X:all", json!(["a", "b"])).map(|all| all.len()),
            Some(2)
        );
        assert_eq!(written("subject", Value::Null), Some(Vec::new()));
        assert_eq!(written("cc", json!([])), Some(Vec::new()));
        assert_eq!(written("inReplyTo", json!([])), Some(Vec::new()));
        assert_eq!(written_date(0), "Thu, 1 Jan 1970 00:00:00 +0000");
    }

    #[test]
    fn what_is_of_another_form_or_would_end_a_field() {
        for (name, value) in [
            ("subject", json!("a\r\nBcc: b@c")),
            ("subject", json!(1)),
            ("header:X", json!("a\nb")),
            ("header:X", json!("a\r\nb: c")),
            ("from", json!("a@b")),
            ("from", json!([{"email": "a@b\r\nX: y"}])),
            ("from", json!([{"name": "a"}])),
            ("from", json!([{"email": "a>b"}])),
            ("messageId", json!(["a b"])),
            ("sentAt", json!("yesterday")),
            ("header:X:all", json!("a")),
            ("header:Subject:asDate", json!("2026-12-24T00:00:00Z")),
            ("header:From:asText", json!("a")),
            ("header:Date:asAddresses", json!([])),
            ("header:X Y", json!("a")),
            ("header:X:asNothing", json!("a")),
            ("header:X:all:all", json!(["a"])),
            ("header:", json!("a")),
        ] {
            assert_eq!(written(name, value.clone()), None, "{name} {value}");
        }
    }
}
