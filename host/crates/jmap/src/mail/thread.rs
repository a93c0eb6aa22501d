//! `Thread/get` (RFC 8621 §3.1).

use serde_json::{Map, Value};

use super::mailbox::emails;
use crate::context::Context;
use crate::error::MethodError;
use crate::id::ThreadId;
use crate::methods::Arguments;
use crate::standard::{Get, Got, State, chosen, distinct};

const PROPERTIES: [&str; 2] = ["id", "emailIds"];

pub(super) async fn get(get: Get, context: &Context) -> Result<Arguments, MethodError> {
    let account = context.account(&get.account_id)?.id;
    let properties = chosen(get.properties.as_deref(), &PROPERTIES)?;
    let ids = get.ids.as_deref();
    let wanted = ids.map(|ids| distinct(ids, &context.limits)).transpose()?;
    let emails = emails(account, context).await?;
    let mut got = Got {
        state: State(emails.state),
        list: Vec::new(),
        not_found: Vec::new(),
    };
    let mut add = |id: ThreadId, places: &[u32]| {
        let mut object = Map::new();
        object.insert("id".into(), id.to_string().into());
        if properties.contains("emailIds") {
            let ids = places.iter().filter_map(|at| emails.at(*at));
            let ids: Vec<Value> = ids.map(|email| email.id.to_string().into()).collect();
            object.insert("emailIds".into(), ids.into());
        }
        got.list.push(object);
    };
    match wanted {
        None => {
            if emails
                .threads()
                .nth(context.limits.objects_in_get)
                .is_some()
            {
                return Err(MethodError::RequestTooLarge);
            }
            for places in emails.threads() {
                if let Some(email) = places.first().and_then(|at| emails.at(*at)) {
                    add(email.thread, places);
                }
            }
        }
        Some(ids) => {
            for text in ids {
                let found = ThreadId::parse(&text).map(|id| (id, emails.thread(id)));
                match found {
                    Some((id, places)) if !places.is_empty() => add(id, places),
                    _ => got.not_found.push(text),
                }
            }
        }
    }
    Ok(got.to_arguments(get.account_id))
}
