//! `Identity/get`, `Identity/set` (RFC 8621 §6).

use serde_json::{Map, Value, json};

use super::Created;
use super::kept::change;
use super::sending::{Identity, SendAnswer, SendAsk};
use super::set::{Doomed, Outcome, Set, begin, resolved};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, IdentityId};
use crate::methods::Arguments;
use crate::set_error::SetError;
use crate::standard::{Get, Got, State, chosen, distinct, patched};

const PROPERTIES: [&str; 8] = [
    "id",
    "name",
    "email",
    "replyTo",
    "bcc",
    "textSignature",
    "htmlSignature",
    "mayDelete",
];
/// Longest signature, in octets.
const MAX_SIGNATURE: usize = 64 * 1024;
/// Longest name, of an identity or of an address, in octets.
const MAX_NAME: usize = 1024;
/// RFC 5321 §4.5.3.1.1, §4.5.3.1.2: 64 octets, the @, and 255.
const MAX_EMAIL: usize = 320;
/// Most addresses of a list.
const MAX_ADDRESSES: usize = 100;
/// Longest identity, written as JSON: all of an account's are in memory where one is asked for.
const MAX_IDENTITY: usize = 64 * 1024;

/// The state, and all identities.
pub(super) async fn identities(
    account: AccountId,
    context: &Context,
) -> Result<(u64, Vec<(IdentityId, Identity)>), MethodError> {
    let ask = SendAsk::Identities { account };
    match context.ask(Ask::Send(ask)).await? {
        Answer::Send(SendAnswer::Identities(state, list)) => Ok((state, list)),
        _ => Err(mistaken()),
    }
}

fn object(id: IdentityId, identity: &Identity) -> Map<String, Value> {
    let object = json!({
        "id": id.to_string(),
        "name": identity.name,
        "email": identity.email,
        "replyTo": identity.reply_to,
        "bcc": identity.bcc,
        "textSignature": identity.text_signature,
        "htmlSignature": identity.html_signature,
        "mayDelete": identity.may_delete,
    });
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

pub(super) async fn get(get: Get, context: &Context) -> Result<Arguments, MethodError> {
    let account = context.account(&get.account_id)?.id;
    let properties = chosen(get.properties.as_deref(), &PROPERTIES)?;
    let ids = get.ids.as_deref();
    let wanted = ids.map(|ids| distinct(ids, &context.limits)).transpose()?;
    let (state, list) = identities(account, context).await?;
    let mut got = Got {
        state: State(state),
        list: Vec::new(),
        not_found: Vec::new(),
    };
    let wanted = wanted.unwrap_or_else(|| list.iter().map(|(id, _)| id.to_string()).collect());
    for name in wanted {
        let id = IdentityId::parse(&name);
        match list.iter().find(|(known, _)| Some(*known) == id) {
            Some((id, identity)) => {
                let mut object = object(*id, identity);
                object.retain(|name, _| properties.contains(name.as_str()));
                got.list.push(object);
            }
            None => got.not_found.push(name),
        }
    }
    Ok(got.to_arguments(get.account_id))
}

pub(super) async fn set(
    set: Set,
    context: &Context,
    created: &mut Created,
) -> Result<Arguments, MethodError> {
    let account = set.check(context)?;
    let begun = begin(account, set.if_in_state.as_deref(), context).await?;
    let mut outcome = Outcome::new(set.account_id, begun.state);
    for (name, given) in set.create.into_iter().flatten() {
        let made = match read(&given, Vec::new()) {
            Ok(identity) => {
                let ask = SendAsk::PutIdentity {
                    account,
                    id: None,
                    identity: identity.clone(),
                };
                let put = change(ask, &mut outcome, context).await?;
                put.map(|put| (IdentityId(put.id), identity))
            }
            Err(error) => Err(error),
        };
        let made = made.map(|(id, identity)| {
            let mut whole = object(id, &identity);
            whole.insert("mayDelete".into(), true.into());
            whole.retain(|name, _| !given.contains_key(name));
            whole
        });
        super::placing::book(&name, made, &mut outcome, created);
    }
    let destroy = Doomed::of(set.destroy.unwrap_or_default(), created);
    let mut known = Ok(Vec::new());
    let update = set.update.unwrap_or_default();
    if !update.is_empty() || !destroy.names().is_empty() {
        let list = identities(account, context).await;
        known = outcome.step(list.map(|(_, list)| Ok(list)))?;
    }
    let find = |id: Option<IdentityId>| {
        let list = known.as_ref().map_err(Clone::clone)?;
        let found = list.iter().find(|(known, _)| Some(*known) == id);
        found.ok_or(SetError::NotFound)
    };
    for (name, patch) in update {
        let id = resolved(&name, created).and_then(IdentityId::parse);
        let wanted = match find(id) {
            Err(error) => Err(error),
            Ok(_) if destroy.has(&name, created) => Err(SetError::WillDestroy),
            Ok((id, identity)) => updated(*id, identity, &patch).map(|wanted| (*id, wanted)),
        };
        let done = match wanted {
            Ok((id, identity)) => {
                let ask = SendAsk::PutIdentity {
                    account,
                    id: Some(id),
                    identity,
                };
                change(ask, &mut outcome, context).await?.map(|_| id)
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(id) => {
                outcome.updated.insert(id.to_string(), Value::Null);
            }
            Err(error) => outcome.not_updated(&name, &error),
        }
    }
    for name in destroy.into_names() {
        let id = resolved(&name, created).and_then(IdentityId::parse);
        let done = match find(id) {
            Err(error) => Err(error),
            Ok((_, identity)) if !identity.may_delete => {
                Err(SetError::Forbidden("this identity stays".into()))
            }
            Ok((id, _)) => {
                let ask = SendAsk::RemoveIdentity { account, id: *id };
                change(ask, &mut outcome, context).await?.map(|_| *id)
            }
        };
        match done {
            Ok(id) => outcome.destroyed.push(id.to_string().into()),
            Err(error) => outcome.not_destroyed(&name, &error),
        }
    }
    Ok(outcome.into_arguments())
}

/// The identity that a patch makes of one.
fn updated(
    id: IdentityId,
    identity: &Identity,
    patch: &Map<String, Value>,
) -> Result<Identity, SetError> {
    let current = object(id, identity);
    let mut wanted =
        patched(&current, patch).map_err(|error| SetError::InvalidPatch(error.to_string()))?;
    // RFC 8621 §6: email is immutable.
    let fixed = ["id", "email", "mayDelete"].into_iter();
    let differ = fixed.filter(|name| wanted.get(*name) != current.get(*name));
    let wrong: Vec<String> = differ.map(str::to_owned).collect();
    for name in ["id", "mayDelete"] {
        wanted.remove(name);
    }
    let changed = read(&wanted, wrong)?;
    Ok(Identity {
        may_delete: identity.may_delete,
        ..changed
    })
}

/// The properties of an identity; `wrong` are known not to be right.
fn read(object: &Map<String, Value>, mut wrong: Vec<String>) -> Result<Identity, SetError> {
    let mut identity = Identity {
        may_delete: true,
        ..Identity::default()
    };
    if !object.contains_key("email") && !wrong.contains(&"email".to_owned()) {
        wrong.push("email".into());
    }
    for (name, value) in object {
        let text = |most: usize| value.as_str().filter(|text| text.len() <= most);
        let read = match name.as_str() {
            "name" => text(MAX_NAME).map(|text| identity.name = text.to_owned()),
            "email" => {
                let email = value.as_str().filter(|text| is_address(text));
                email.map(|email| identity.email = email.to_owned())
            }
            "textSignature" => {
                text(MAX_SIGNATURE).map(|text| identity.text_signature = text.to_owned())
            }
            "htmlSignature" => {
                text(MAX_SIGNATURE).map(|text| identity.html_signature = text.to_owned())
            }
            "replyTo" => are_addresses(value).then(|| identity.reply_to = value.clone()),
            "bcc" => are_addresses(value).then(|| identity.bcc = value.clone()),
            _ => None,
        };
        if read.is_none() {
            wrong.push(name.clone());
        }
    }
    if !wrong.is_empty() {
        let text = "a property is not of its type, is too long, or cannot be set";
        return Err(SetError::InvalidProperties(wrong, text.into()));
    }
    let written = Value::Object(self::object(IdentityId(0), &identity)).to_string();
    match written.len() > MAX_IDENTITY {
        true => Err(SetError::TooLarge(None)),
        false => Ok(identity),
    }
}

/// Whether an address is that of an identity, or of the domain that it is for.
pub(super) fn permits(identity: &str, address: &str) -> bool {
    match identity.strip_prefix("*@") {
        Some(domain) => {
            let of = address.rsplit_once('@').map(|(_, of)| of);
            of.is_some_and(|of| of.eq_ignore_ascii_case(domain))
        }
        None => identity.eq_ignore_ascii_case(address),
    }
}

/// Whether a text has the form of an address.
pub(super) fn is_address(text: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "<>,".contains(c);
    let halves = text.rsplit_once('@');
    halves.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(odd)
        && text.len() <= MAX_EMAIL
}

/// EmailAddress[]|null
fn are_addresses(value: &Value) -> bool {
    let one = |value: &Value| {
        let members = value.as_object();
        members.is_some_and(|members| {
            let short = |it: &Value| it.as_str().is_some_and(|name| name.len() <= MAX_NAME);
            let name = members
                .get("name")
                .is_none_or(|it| it.is_null() || short(it));
            let known = members.keys().all(|it| it == "name" || it == "email");
            let email = members.get("email").and_then(Value::as_str);
            name && known && email.is_some_and(is_address)
        })
    };
    match value {
        Value::Null => true,
        Value::Array(items) => items.len() <= MAX_ADDRESSES && items.iter().all(one),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(more: &Value) -> Result<Identity, SetError> {
        let mut given = json!({ "email": "a@b.test" });
        let members = given.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        read(members, Vec::new())
    }

    #[test]
    fn names_and_addresses_have_a_length() {
        let named = |octets| json!([{ "name": "n".repeat(octets), "email": "a@b.test" }]);
        let addressed = |octets: usize| format!("{}@b.test", "a".repeat(octets - 7));
        let list = |count| Value::Array(vec![json!({ "email": "a@b.test" }); count]);
        for (name, fits, does_not) in [
            ("name", json!("n".repeat(1024)), json!("n".repeat(1025))),
            ("email", json!(addressed(320)), json!(addressed(321))),
            ("replyTo", named(1024), named(1025)),
            (
                "bcc",
                json!([{ "email": addressed(320) }]),
                json!([{ "email": addressed(321) }]),
            ),
            ("bcc", list(100), list(101)),
        ] {
            assert!(read_of(&json!({ name: fits })).is_ok(), "{name}");
            let error = read_of(&json!({ name: does_not })).unwrap_err();
            let SetError::InvalidProperties(wrong, _) = error else {
                panic!("{name}: {error:?}");
            };
            assert_eq!(wrong, [name]);
        }
    }

    #[test]
    fn an_identity_is_no_larger_than_what_is_kept() {
        let most = "x".repeat(MAX_SIGNATURE - 1024);
        assert!(read_of(&json!({ "textSignature": most })).is_ok());
        let both = json!({ "textSignature": most, "htmlSignature": most });
        assert_eq!(read_of(&both), Err(SetError::TooLarge(None)));
        // Six octets each, as they are kept.
        let controls = "\u{1}".repeat(MAX_SIGNATURE / 5);
        let controls = json!({ "textSignature": controls });
        assert_eq!(read_of(&controls), Err(SetError::TooLarge(None)));
    }
}
