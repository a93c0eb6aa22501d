//! The tokens of the HTTP API: made and taken back over the socket only.

use serde_json::Value;
use waxwing_store::{NewAdminToken, Store};

use super::execute::value;
use super::{Exit, Failure, Request};

pub(super) async fn execute(store: &Store, request: Request) -> Result<Value, Failure> {
    match request {
        Request::TokenAdd {
            name,
            scopes,
            expires,
        } => {
            let new = NewAdminToken {
                name,
                scopes,
                expires,
            };
            let (made, secret) = store.add_admin_token(new).await?;
            let mut told = value(&made);
            if let Some(told) = told.as_object_mut() {
                told.insert("secret".to_owned(), Value::String(secret));
            }
            Ok(told)
        }
        Request::TokenList => Ok(value(&store.admin_tokens().await?)),
        Request::TokenRemove { id } => {
            store.remove_admin_token(id).await?;
            Ok(Value::Null)
        }
        _ => Err(Failure::new(Exit::Software, "a request without an answer")),
    }
}
