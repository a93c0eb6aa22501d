//! Logging in and out, and the logins that there are.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::refusal::Refusal;
use super::super::visitor::{Shown, Visitor};
use super::{Owner, done, failed, named, parsed, told};

/// What is typed into the page.
#[derive(Deserialize)]
struct Typed {
    username: String,
    #[serde(flatten)]
    shown: Shown,
}

pub(super) async fn who(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    visitor.check_page(&headers).await?;
    match Owner::of(&visitor, &headers).await {
        Ok(owner) => Ok(told(&named(&owner.account))),
        Err(Refusal::LoginEnded) => Ok(told(&json!({ "username": null }))),
        Err(refusal) => Err(refusal),
    }
}

pub(super) async fn log_in(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    visitor.check_page(&head.headers).await?;
    let typed: Typed = parsed(&visitor, body).await?;
    let (account, cookie) = visitor
        .log_in(&head.headers, typed.username.trim(), &typed.shown)
        .await?;
    // Whatever the browser had before is nobody's any more, and not the new login.
    end_cookie(&visitor, &head.headers).await?;
    let mut response = told(&named(&account));
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(super) async fn log_out(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    visitor.check_page(&headers).await?;
    // Before it is told: the answer goes over this connection.
    visitor.log_out().await;
    end_cookie(&visitor, &headers).await?;
    let mut response = done();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, visitor.cleared());
    Ok(response)
}

/// Ends the login whose cookie came with a request.
async fn end_cookie(visitor: &Visitor, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(secret) = visitor.secret(headers) else {
        return Ok(());
    };
    let store = &visitor.parts.store;
    if let Some(login) = store.use_web_login(secret).await.map_err(failed)? {
        let ended = store.end_web_login(login.account, login.id).await;
        ended.map_err(failed)?;
        visitor.parts.logins_ended.tell();
    }
    Ok(())
}

pub(super) async fn list(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let owner = Owner::of(&visitor, &headers).await?;
    let logins = visitor.parts.store.web_logins(owner.account.id).await;
    let list: Vec<Value> = logins
        .map_err(failed)?
        .into_iter()
        .map(|login| {
            json!({
                "id": login.id.to_string(),
                "created": login.created,
                "used": login.used,
                "client": login.client,
                "agent": login.agent,
                "current": login.id == owner.login.id,
            })
        })
        .collect();
    Ok(told(&json!({ "logins": list })))
}

pub(super) async fn end_one(
    State(visitor): State<Arc<Visitor>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let owner = Owner::of(&visitor, &headers).await?;
    if id == owner.login.id {
        visitor.log_out().await;
    }
    let ended = visitor
        .parts
        .store
        .end_web_login(owner.account.id, id)
        .await;
    if !ended.map_err(failed)? {
        return Err(Refusal::not_found("there is none any more"));
    }
    visitor.parts.logins_ended.tell();
    Ok(done())
}

pub(super) async fn end_others(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let owner = Owner::of(&visitor, &headers).await?;
    let store = &visitor.parts.store;
    let ended = store.end_other_web_logins(owner.account.id, owner.login.id);
    if ended.await.map_err(failed)? > 0 {
        visitor.parts.logins_ended.tell();
    }
    Ok(done())
}
