//! Answers about push subscriptions, from a case.

use serde_json::Value;
use waxwing_jmap::{PushAnswer, PushRefused, Subscription};

/// The answer that a case has, if it is one of these: `subscriptions`, `made`, `changed` or `removed`.
pub(crate) fn answer(value: &Value) -> Option<PushAnswer> {
    if let Some(all) = value["subscriptions"].as_array() {
        return Some(PushAnswer::All(all.iter().map(subscription).collect()));
    }
    if let Some(removed) = value["removed"].as_bool() {
        return Some(PushAnswer::Removed(removed));
    }
    let made = &value["made"];
    if !made.is_null() {
        let id = made["id"].as_u64().unwrap_or(0);
        return Some(PushAnswer::Made(expires(made).map(|expires| (id, expires))));
    }
    let changed = &value["changed"];
    (!changed.is_null()).then(|| PushAnswer::Changed(expires(changed)))
}

fn expires(value: &Value) -> Result<String, PushRefused> {
    match value["refused"].as_str() {
        None => Ok(value["expires"].as_str().unwrap().to_owned()),
        Some("missing") => Err(PushRefused::Missing),
        Some("tooMany") => Err(PushRefused::TooMany),
        Some("url") => Err(PushRefused::Url),
        Some("keys") => Err(PushRefused::Keys),
        Some("expires") => Err(PushRefused::Expires),
        Some("code") => Err(PushRefused::Code),
        Some(other) => panic!("no refusal is called {other}"),
    }
}

fn subscription(value: &Value) -> Subscription {
    let types = value["types"].as_array().map(|types| {
        let names = types.iter().map(|name| name.as_str().unwrap().to_owned());
        names.collect()
    });
    Subscription {
        id: value["id"].as_u64().unwrap(),
        device: value["device"].as_str().unwrap().to_owned(),
        code: value["code"].as_str().map(str::to_owned),
        expires: value["expires"].as_str().unwrap().to_owned(),
        types,
    }
}
