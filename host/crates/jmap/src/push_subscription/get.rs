//! `PushSubscription/get` (RFC 8620 §7.2.1).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{PushAnswer, PushAsk, Subscription};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::PushSubscriptionId;
use crate::methods::Arguments;
use crate::standard::{chosen, distinct};

/// What is told of a subscription.
const PROPERTIES: [&str; 5] = [
    "id",
    "deviceClientId",
    "verificationCode",
    "expires",
    "types",
];
/// What is private to a device.
const PRIVATE: [&str; 2] = ["url", "keys"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    #[serde(default)]
    ids: Option<Vec<String>>,
    #[serde(default)]
    properties: Option<Vec<String>>,
}

pub(super) async fn call(get: Get, context: &Context) -> Result<Arguments, MethodError> {
    let mut wanted = get.properties.iter().flatten();
    if wanted.any(|name| PRIVATE.contains(&name.as_str())) {
        return Err(MethodError::Forbidden(
            "these are private to a device".into(),
        ));
    }
    let properties = chosen(get.properties.as_deref(), &PROPERTIES)?;
    let ids = get.ids.as_deref();
    let ids = ids.map(|ids| distinct(ids, &context.limits)).transpose()?;
    let Answer::Push(PushAnswer::All(all)) = context.ask(Ask::Push(PushAsk::All)).await? else {
        return Err(mistaken());
    };
    let object = |subscription: &Subscription| {
        let value = |name: &str| match name {
            "id" => json!(PushSubscriptionId(subscription.id).to_string()),
            "deviceClientId" => json!(subscription.device),
            "verificationCode" => json!(subscription.code),
            "expires" => json!(subscription.expires),
            _ => json!(subscription.types),
        };
        let names = PROPERTIES
            .into_iter()
            .filter(|name| properties.contains(name));
        let members = names.map(|name| (name.to_owned(), value(name)));
        Value::Object(members.collect::<Map<_, _>>())
    };
    let (mut list, mut missing) = (Vec::new(), Vec::new());
    match ids {
        None => list.extend(all.iter().map(object)),
        Some(ids) => {
            for text in ids {
                let id = PushSubscriptionId::parse(&text);
                match all
                    .iter()
                    .find(|known| id == Some(PushSubscriptionId(known.id)))
                {
                    Some(known) => list.push(object(known)),
                    None => missing.push(text),
                }
            }
        }
    }
    let mut result = Arguments::new();
    result.insert("list".into(), list.into());
    result.insert("notFound".into(), missing.into());
    Ok(result)
}
