//! What an account's owner does at a browser: logging in and out, and what he is known by. JSON over HTTP, for our own pages.
//!
//! | request | does |
//! |---|---|
//! | `GET /account/login` | `{"username"}` of who is logged in, or null |
//! | `POST /account/login` `{"username", "password", "code"?}` | logs in, and sets the cookie |
//! | `POST /account/logout` | ends the login, and takes the cookie back |
//! | `GET /account` | `{"username", "password", "totp", "recoveryCodes"}`: whether there is a password that can be changed here, a code behind it, and how many recovery codes are left |
//! | `GET /account/logins` | `{"logins": [{"id", "created", "used", "client", "agent", "current"}]}`, times in milliseconds |
//! | `DELETE /account/logins`, `…/{id}` | ends all others, or one |
//! | `GET /account/app-passwords` | `{"appPasswords": [{"id", "name", "scopes", "created", "expires"}]}` |
//! | `POST /account/app-passwords` `{"name", "scopes", "expires"?, …}` | the same of a new one, and its `secret`, which is told once |
//! | `DELETE /account/app-passwords/{id}` | takes it back |
//! | `POST /account/totp/secret` | `{"secret", "uri", "qr"}`, a proposal that changes nothing, and an image of it (SVG) |
//! | `POST /account/totp/on` `{"secret", "confirmation", …}` | wants codes of it from now on, of which the confirmation is one; `{"recoveryCodes": […]}`, which are told once |
//! | `POST /account/totp/recovery` `{…}` | the same, new ones in the place of those before |
//! | `POST /account/totp/off` `{…}` | wants none any more |
//! | `GET /account/export`, `…?mailbox={path}` | all mail as a zip archive of mboxes, or a mailbox as an mbox; for a link of our own page |
//! | `GET /account/import` | `{"fileSize", "messageSize"}`: how large a file and a message in it may be, in octets |
//! | `POST /account/import?mailbox={path}&name={file}` | puts the messages of an mbox, or one message, into a mailbox; lines of JSON: `{"done"}`, and at the end `{"messages", "known", "leftOut", "said"}` or `{"stopped", "said"}` |
//! | `POST /account/password` `{"new", …}` | changes the password; all other logins end |
//!
//! `…` is `"password"` and, where one is wanted, `"code"`: what opens doors for later is for who has shown again that he is the owner, not
//! for whoever has found his browser. Errors are problem details (RFC 7807) of the types `urn:waxwing:error:` and `wrongPassword`,
//! `codeRequired`, `blocked`, `appPassword`, `otherPage`, `wrongCode`, `weakPassword`, `notHere` or `invalid`.
//!
//! Invariants: every request is one of our own pages'; only a login by cookie may do any of it but to log in; nothing is kept by a cache.

mod export;
mod import;
mod login;
mod recovery;
mod secrets;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use waxwing_jmap::LimitName;
use waxwing_store::{Account, WebLogin};

use super::refusal::Refusal;
use super::visitor::Visitor;
use super::{body, json_response, unavailable};

/// Octets of a request.
const MAX_REQUEST: u64 = 16 * 1024;

/// The routes of one connection.
pub(super) fn routes() -> Router<Arc<Visitor>> {
    Router::new()
        .route("/account", get(secrets::overview))
        .route("/account/export", get(export::download))
        .route("/account/import", get(import::limits).post(import::take))
        .route("/account/login", get(login::who).post(login::log_in))
        .route("/account/logout", post(login::log_out))
        .route(
            "/account/logins",
            get(login::list).delete(login::end_others),
        )
        .route("/account/logins/{id}", delete(login::end_one))
        .route(
            "/account/app-passwords",
            get(secrets::app_passwords).post(secrets::add_app_password),
        )
        .route(
            "/account/app-passwords/{id}",
            delete(secrets::remove_app_password),
        )
        .route("/account/totp/secret", post(secrets::propose_totp))
        .route("/account/totp/on", post(secrets::enable_totp))
        .route("/account/totp/off", post(secrets::disable_totp))
        .route("/account/totp/recovery", post(recovery::make))
        .route("/account/password", post(secrets::change_password))
        .layer(axum::middleware::map_response(uncached))
}

/// Refusals as well: what one was told is not for who sits there next.
async fn uncached(mut response: Response) -> Response {
    let fresh = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, fresh);
    response
}

/// Somebody who is logged in by a cookie.
struct Owner {
    account: Arc<Account>,
    login: WebLogin,
}

impl Owner {
    async fn of(visitor: &Visitor, headers: &HeaderMap) -> Result<Self, Refusal> {
        let (account, login) = visitor.by_cookie(headers).await?;
        Ok(Self { account, login })
    }
}

/// What a request has in it.
async fn parsed<T: DeserializeOwned>(visitor: &Visitor, body: Body) -> Result<T, Refusal> {
    let limit = (MAX_REQUEST, LimitName::SizeRequest);
    let (octets, _memory) = body::gather(visitor, body, limit).await?;
    serde_json::from_slice(&octets).map_err(|error| {
        // Where it is, and not what: there are passwords in it.
        let text = format!("not as it is to be, at column {}", error.column());
        Refusal::named(400, "invalid", text)
    })
}

/// The owner, and what he wants.
async fn asked<T: DeserializeOwned>(
    visitor: &Visitor,
    request: Request,
) -> Result<(Owner, T, Head), Refusal> {
    let (head, body) = request.into_parts();
    let owner = Owner::of(visitor, &head.headers).await?;
    Ok((owner, parsed(visitor, body).await?, head))
}

fn told(object: &Value) -> Response {
    json_response(StatusCode::OK, object, "application/json")
}

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn failed(error: waxwing_store::Error) -> Refusal {
    match error {
        waxwing_store::Error::NoSuchCredential(_) => Refusal::not_found("there is none any more"),
        waxwing_store::Error::InvalidName { reason, .. } => Refusal::named(400, "invalid", reason),
        error => unavailable("an account could not be changed", &error),
    }
}

/// How somebody is called.
fn named(account: &Account) -> Value {
    json!({ "username": account.address })
}
