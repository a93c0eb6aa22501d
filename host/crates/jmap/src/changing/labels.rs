//! The properties `keywords` and `mailboxIds` (RFC 8621 §4.1.1): whole, and patched.

use serde_json::{Map, Value};

use super::Created;
use super::ask::{EmailChange, InMailboxes, Keywords};
use super::set::resolved;
use crate::id::MailboxId;
use crate::pointer::unescape;
use crate::set_error::SetError;

const KEYWORDS: &str = "keywords";
const MAILBOXES: &str = "mailboxIds";
/// Longest keyword, in octets (RFC 8621 §4.1.1).
const MAX_KEYWORD: usize = 255;

/// A keyword in lower case, if it can be one.
fn keyword(name: &str) -> Result<String, SetError> {
    let allowed = |octet: u8| octet.is_ascii_graphic() && !b"(){]%*\"\\".contains(&octet);
    if (1..=MAX_KEYWORD).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name.to_ascii_lowercase());
    }
    let wrong = format!("{name:?} cannot be a keyword");
    Err(SetError::property(KEYWORDS, wrong))
}

/// A mailbox by its id, or by the name that it was created with.
fn mailbox(name: &str, created: &Created) -> Result<MailboxId, SetError> {
    let found = resolved(name, created).and_then(MailboxId::parse);
    found.ok_or_else(|| SetError::property(MAILBOXES, format!("there is no mailbox {name:?}")))
}

/// The names of a set: an object whose values are all true.
fn names<'v>(property: &str, value: &'v Value) -> Result<Vec<&'v String>, SetError> {
    let wrong = || SetError::property(property, "it is an object whose values are true");
    let members = value.as_object().ok_or_else(wrong)?;
    if members.values().any(|value| *value != Value::Bool(true)) {
        return Err(wrong());
    }
    Ok(members.keys().collect())
}

/// The keywords of an email that is created; none if it does not say.
pub(super) fn keywords(value: Option<&Value>) -> Result<Vec<String>, SetError> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let mut keywords = Vec::new();
    for name in names(KEYWORDS, value)? {
        let found = keyword(name)?;
        if !keywords.contains(&found) {
            keywords.push(found);
        }
    }
    Ok(keywords)
}

/// The mailboxes of an email that is created: one at least.
pub(super) fn mailboxes(
    value: Option<&Value>,
    created: &Created,
) -> Result<Vec<MailboxId>, SetError> {
    let nowhere = || SetError::property(MAILBOXES, "an email is in one mailbox at least");
    let names = names(MAILBOXES, value.ok_or_else(nowhere)?)?;
    let mut mailboxes = Vec::new();
    for name in names {
        let found = mailbox(name, created)?;
        if !mailboxes.contains(&found) {
            mailboxes.push(found);
        }
    }
    if mailboxes.is_empty() {
        return Err(nowhere());
    }
    Ok(mailboxes)
}

/// A property as a patch has it: whole, or parts of it.
#[derive(Debug, Default)]
struct Patched<'p> {
    whole: Option<&'p Value>,
    parts: Vec<(String, &'p Value)>,
}

impl<'p> Patched<'p> {
    fn take(&mut self, rest: Option<&str>, path: &str, value: &'p Value) -> Result<(), SetError> {
        let Some(rest) = rest else {
            self.whole = Some(value);
            return Ok(());
        };
        // What is behind a name is not in an object.
        let name = (!rest.contains('/')).then(|| unescape(rest)).flatten();
        let name = name.ok_or_else(|| SetError::InvalidPatch(format!("{path:?} leads nowhere")))?;
        self.parts.push((name.into_owned(), value));
        Ok(())
    }

    /// RFC 8620 §5.3: no pointer begins with another.
    fn is_whole(&self, property: &str) -> Result<bool, SetError> {
        if self.whole.is_some() && !self.parts.is_empty() {
            let text = format!("{property:?} is changed as a whole and in part");
            return Err(SetError::InvalidPatch(text));
        }
        Ok(self.whole.is_some())
    }

    /// The names of parts that are put in and of those that are taken out.
    fn split(&self, property: &str) -> Result<(Vec<&str>, Vec<&str>), SetError> {
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        for (name, value) in &self.parts {
            match value {
                Value::Bool(true) => add.push(name.as_str()),
                Value::Null => remove.push(name.as_str()),
                _ => return Err(SetError::property(property, "a value is true or null")),
            }
        }
        Ok((add, remove))
    }
}

/// Properties that a patch names and that cannot be changed, with their values.
pub(super) type Fixed<'p> = Vec<(&'p String, &'p Value)>;

/// A patch of an email: its change, and the properties beside, of which none can be changed.
pub(super) fn update<'p>(
    patch: &'p Map<String, Value>,
    created: &Created,
) -> Result<(EmailChange, Fixed<'p>), SetError> {
    let (mut labels, mut places) = (Patched::default(), Patched::default());
    let mut fixed = Vec::new();
    for (path, value) in patch {
        let (property, rest) = match path.split_once('/') {
            Some((property, rest)) => (property, Some(rest)),
            None => (path.as_str(), None),
        };
        match property {
            KEYWORDS => labels.take(rest, path, value)?,
            MAILBOXES => places.take(rest, path, value)?,
            _ => fixed.push((path, value)),
        }
    }
    let change = EmailChange::Update {
        keywords: keywords_change(&labels)?,
        mailboxes: mailboxes_change(&places, created)?,
    };
    Ok((change, fixed))
}

fn keywords_change(patched: &Patched<'_>) -> Result<Option<Keywords>, SetError> {
    if patched.is_whole(KEYWORDS)? {
        return Ok(Some(Keywords::Set(keywords(patched.whole)?)));
    }
    if patched.parts.is_empty() {
        return Ok(None);
    }
    let (add, remove) = patched.split(KEYWORDS)?;
    let read = |names: Vec<&str>| names.into_iter().map(keyword).collect::<Result<_, _>>();
    Ok(Some(Keywords::Patch {
        add: read(add)?,
        remove: read(remove)?,
    }))
}

fn mailboxes_change(
    patched: &Patched<'_>,
    created: &Created,
) -> Result<Option<InMailboxes>, SetError> {
    if patched.is_whole(MAILBOXES)? {
        return Ok(Some(InMailboxes::Set(mailboxes(patched.whole, created)?)));
    }
    if patched.parts.is_empty() {
        return Ok(None);
    }
    let (add, remove) = patched.split(MAILBOXES)?;
    let add = add.into_iter().map(|name| mailbox(name, created));
    // To be taken out of a mailbox that is not there changes nothing.
    let remove = remove.into_iter();
    let remove = remove.filter_map(|name| resolved(name, created).and_then(MailboxId::parse));
    Ok(Some(InMailboxes::Patch {
        add: add.collect::<Result<_, _>>()?,
        remove: remove.collect(),
    }))
}
