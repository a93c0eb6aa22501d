//! `PushSubscription/set` (RFC 8620 §7.2.2).

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{NewPush, PushAnswer, PushAsk, PushChange, PushKeys, PushRefused};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::PushSubscriptionId;
use crate::methods::Arguments;
use crate::push::Wanted;
use crate::set_error::{SetError, of_one};

/// Longest URL and longest id of a device, in octets.
const MAX_URL: usize = 2048;
const MAX_DEVICE: usize = 255;
/// Octets of keys (RFC 8291 §3.1: an uncompressed point; §3.2: 16 random octets).
const P256DH: usize = 65;
const AUTH: usize = 16;
/// RFC 4648 §5; some clients pad, and some do not.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    #[serde(default)]
    create: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    update: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    destroy: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    p256dh: String,
    auth: String,
}

pub(super) async fn call(
    set: Set,
    context: &Context,
    created: &mut BTreeMap<String, String>,
) -> Result<Arguments, MethodError> {
    let (create, update) = (
        set.create.unwrap_or_default(),
        set.update.unwrap_or_default(),
    );
    let destroy = set.destroy.unwrap_or_default();
    if create.len() + update.len() + destroy.len() > context.limits.objects_in_set {
        return Err(MethodError::RequestTooLarge);
    }
    let (mut made, mut not_made) = (Map::new(), Map::new());
    for (creation, object) in create {
        let one = make(object, context).await;
        match of_one(one, !made.is_empty())? {
            Ok((id, object)) => {
                created.insert(creation.clone(), id);
                made.insert(creation, object);
            }
            Err(error) => {
                not_made.insert(creation, error.to_json());
            }
        }
    }
    let (mut changed, mut not_changed) = (Map::new(), Map::new());
    for (text, patch) in update {
        let result = match id_of(&text, created) {
            // RFC 8620 §5.3: what is destroyed in the same call is not changed before.
            Some(id) if destroy.iter().any(|gone| id_of(gone, created) == Some(id)) => {
                Err(SetError::WillDestroy)
            }
            Some(id) => {
                let one = change(id, patch, context).await;
                of_one(one, !(made.is_empty() && changed.is_empty()))?
            }
            None => Err(SetError::NotFound),
        };
        match result {
            Ok(told) => changed.insert(text, told),
            Err(error) => not_changed.insert(text, error.to_json()),
        };
    }
    let (mut gone, mut not_gone) = (Vec::<Value>::new(), Map::new());
    let mut seen = HashSet::new();
    for text in destroy {
        if !seen.insert(text.clone()) {
            continue;
        }
        let removed = match id_of(&text, created) {
            Some(id) => {
                let nothing = made.is_empty() && changed.is_empty() && gone.is_empty();
                of_one(remove(id, context).await, !nothing)?
            }
            None => Err(SetError::NotFound),
        };
        match removed {
            Ok(()) => gone.push(text.into()),
            Err(error) => {
                not_gone.insert(text, error.to_json());
            }
        }
    }
    let or_null = |map: Map<String, Value>| Some(map).filter(|map| !map.is_empty());
    let mut result = Arguments::new();
    result.insert("created".into(), or_null(made).into());
    result.insert("notCreated".into(), or_null(not_made).into());
    result.insert("updated".into(), or_null(changed).into());
    result.insert("notUpdated".into(), or_null(not_changed).into());
    result.insert(
        "destroyed".into(),
        Some(gone).filter(|gone| !gone.is_empty()).into(),
    );
    result.insert("notDestroyed".into(), or_null(not_gone).into());
    Ok(result)
}

/// Removes one.
async fn remove(
    PushSubscriptionId(id): PushSubscriptionId,
    context: &Context,
) -> Result<Result<(), SetError>, MethodError> {
    match context.ask(Ask::Push(PushAsk::Remove { id })).await? {
        Answer::Push(PushAnswer::Removed(true)) => Ok(Ok(())),
        Answer::Push(PushAnswer::Removed(false)) => Ok(Err(SetError::NotFound)),
        _ => Err(mistaken()),
    }
}

/// The id that an argument names: its own, or that of what was created (RFC 8620 §5.3).
fn id_of(text: &str, created: &BTreeMap<String, String>) -> Option<PushSubscriptionId> {
    let id = match text.strip_prefix('#') {
        Some(creation) => created.get(creation)?,
        None => text,
    };
    PushSubscriptionId::parse(id)
}

/// Makes one; the outer error is of the call.
async fn make(
    object: Value,
    context: &Context,
) -> Result<Result<(String, Value), SetError>, MethodError> {
    let new = match new(object) {
        Ok(new) => new,
        Err(error) => return Ok(Err(error)),
    };
    let (keyed, typed) = (new.keys.is_some(), new.types.is_some());
    let asked = new.expires.clone();
    let Answer::Push(PushAnswer::Made(made)) = context.ask(Ask::Push(PushAsk::Make(new))).await?
    else {
        return Err(mistaken());
    };
    Ok(made.map_err(refused).map(|(id, expires)| {
        let id = PushSubscriptionId(id).to_string();
        // RFC 8620 §5.3: what the server has set, and what the client has left to its default.
        let mut told = json!({"id": id});
        let more = [
            ("keys", (!keyed).then_some(Value::Null)),
            ("types", (!typed).then_some(Value::Null)),
            ("verificationCode", Some(Value::Null)),
            (
                "expires",
                (asked.as_ref() != Some(&expires)).then(|| expires.into()),
            ),
        ];
        if let Some(members) = told.as_object_mut() {
            let more = more.into_iter();
            members.extend(more.filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        (id, told)
    }))
}

fn new(object: Value) -> Result<NewPush, SetError> {
    let Value::Object(mut members) = object else {
        return Err(SetError::property(
            "deviceClientId",
            "a subscription is an object",
        ));
    };
    let device: String = taken(&mut members, "deviceClientId")?;
    if device.is_empty() || device.len() > MAX_DEVICE || device.chars().any(char::is_control) {
        return Err(SetError::property("deviceClientId", "it is a short text"));
    }
    let url: String = taken(&mut members, "url")?;
    let visible = url.bytes().all(|octet| octet.is_ascii_graphic());
    // RFC 8620 §7.2: over TLS only.
    if !url.starts_with("https://") || url.len() > MAX_URL || !visible {
        return Err(SetError::property(
            "url",
            "a short URL that begins with https://",
        ));
    }
    let keys: Option<Keys> = taken(&mut members, "keys")?;
    let code: Option<String> = taken(&mut members, "verificationCode")?;
    if code.is_some() {
        return Err(SetError::property(
            "verificationCode",
            "it is sent, and told then",
        ));
    }
    let new = NewPush {
        device,
        url,
        keys: keys.map(keys_of).transpose()?,
        expires: taken(&mut members, "expires")?,
        types: types(taken(&mut members, "types")?)?,
    };
    nothing_else(&members)?;
    Ok(new)
}

fn keys_of(keys: Keys) -> Result<PushKeys, SetError> {
    let decoded = |text: &str, length| {
        let octets = BASE64URL.decode(text).ok();
        octets.filter(|octets| octets.len() == length)
    };
    match (decoded(&keys.p256dh, P256DH), decoded(&keys.auth, AUTH)) {
        (Some(p256dh), Some(auth)) => Ok(PushKeys { p256dh, auth }),
        _ => Err(SetError::property("keys", "keys are as RFC 8291 has them")),
    }
}

fn types(names: Option<Vec<String>>) -> Result<Option<Vec<String>>, SetError> {
    let known = |names: &Vec<String>| Wanted::of(names.iter().map(String::as_str)).is_some();
    match names {
        Some(names) if !known(&names) => Err(SetError::property("types", "these are no types")),
        names => Ok(names),
    }
}

/// Changes one; what is told is what the server has set.
async fn change(
    PushSubscriptionId(id): PushSubscriptionId,
    mut patch: Map<String, Value>,
    context: &Context,
) -> Result<Result<Value, SetError>, MethodError> {
    let change = match changed(&mut patch) {
        Ok(change) => change,
        Err(error) => return Ok(Err(error)),
    };
    let asked = change.expires.clone();
    let ask = PushAsk::Change { id, change };
    let Answer::Push(PushAnswer::Changed(changed)) = context.ask(Ask::Push(ask)).await? else {
        return Err(mistaken());
    };
    Ok(changed.map_err(refused).map(|expires| match asked {
        Some(asked) if asked.as_ref() != Some(&expires) => json!({ "expires": expires }),
        _ => Value::Null,
    }))
}

fn changed(patch: &mut Map<String, Value>) -> Result<PushChange, SetError> {
    let mut change = PushChange::default();
    if patch.contains_key("verificationCode") {
        change.code = Some(taken(patch, "verificationCode")?);
    }
    if patch.contains_key("expires") {
        change.expires = Some(taken(patch, "expires")?);
    }
    if patch.contains_key("types") {
        change.types = Some(types(taken(patch, "types")?)?);
    }
    nothing_else(patch)?;
    Ok(change)
}

/// The value of a property, which is taken out.
fn taken<T: DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &'static str,
) -> Result<T, SetError> {
    let value = members.remove(name).unwrap_or_default();
    serde_json::from_value(value).map_err(|error| SetError::property(name, error.to_string()))
}

/// What is left there is not, or the server's and nobody else's.
fn nothing_else(members: &Map<String, Value>) -> Result<(), SetError> {
    if members.is_empty() {
        return Ok(());
    }
    let names = members.keys().cloned().collect();
    let wrong = "these there are not, or they cannot be set";
    Err(SetError::InvalidProperties(names, wrong.into()))
}

fn refused(why: PushRefused) -> SetError {
    match why {
        PushRefused::Missing => SetError::NotFound,
        PushRefused::TooMany => SetError::OverQuota("there are too many subscriptions".into()),
        PushRefused::Url => SetError::property("url", "nothing is sent there"),
        PushRefused::Keys => SetError::property("keys", "keys are as RFC 8291 has them"),
        PushRefused::Expires => SetError::property("expires", "it is to be a UTCDate to come"),
        PushRefused::Code => SetError::property("verificationCode", "the code is another"),
    }
}
