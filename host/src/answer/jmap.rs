//! JMAP over HTTP: the resources of RFC 8620, answered from policy and store.
//!
//! Standards: RFC 8620 §2 (session), §3.1 (requests), §6 (uploads and downloads), §7.3 (events), RFC 8887 (WebSockets).
//! Invariants: who is not known learns nothing, whatever is asked for; a body is gathered within a limit, a time, and the memory that there
//! is for what clients send.

mod account;
mod asks;
mod authorization;
mod blob;
mod body;
mod change;
mod contents;
mod download;
mod events;
mod mail;
mod mailboxes;
mod meter;
mod news;
mod others;
pub(crate) mod push;
mod query;
mod quota;
mod refusal;
mod searching;
mod turns;
mod views;
mod visitor;
mod websocket;
mod why;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use waxwing_jmap::{
    Access, AccountId, BlobId, ContentId, Exchange, LimitName, Limits, Places, Problem, Step,
    Viewer,
};
use waxwing_store::Account;

use self::asks::Asks;
pub(crate) use self::change::sending::identities_of;
pub(crate) use self::meter::Metered;
use self::refusal::Refusal;
use self::turns::Kind;
pub(crate) use self::turns::Turns;
pub(crate) use self::views::Views;
pub(crate) use self::visitor::{Closed, LoginsEnded, Visitor};
use crate::config::{Config, Listener, Service, Tls};
use crate::telemetry::Reference;
use crate::wiring::Parts;

const SESSION: &str = "/.well-known/jmap";
const API: &str = "/jmap";
const UPLOAD: &str = "/jmap/upload";
const DOWNLOAD: &str = "/jmap/download";
const EVENTS: &str = "/jmap/events";
const WEBSOCKET: &str = "/jmap/ws";

/// Uploads that an account keeps together. RFC 8620 §6: at least what one message may have attached.
const UPLOADS_OF_ONE: u64 = 4;

/// The routes of one connection.
pub(crate) fn routes(visitor: Arc<Visitor>) -> Router {
    Router::new()
        .route(SESSION, get(session))
        .route(API, post(request))
        .route(&format!("{UPLOAD}/{{account}}"), post(upload))
        .route(
            &format!("{DOWNLOAD}/{{account}}/{{blob}}/{{name}}"),
            get(download),
        )
        .route(EVENTS, get(events::stream))
        .route(WEBSOCKET, get(websocket::upgrade))
        .route("/mail/why/{email}", get(why::tell))
        .merge(account::routes())
        .with_state(visitor)
}

/// The limits of a server.
pub(crate) fn limits(config: &Config) -> Limits {
    Limits {
        size_upload: config.limits.message_size.bytes(),
        delayed_send: config.queue.hold.duration().as_secs(),
        ..Limits::default()
    }
}

/// Somebody with the accounts that he sees: his own, and those of others who have granted him something.
async fn viewer(visitor: &Visitor, account: &Account) -> Result<Viewer, waxwing_store::Error> {
    let own = Access {
        id: id_of(account),
        name: account.address.clone(),
        personal: true,
        read_only: false,
    };
    let others = others::all(&visitor.parts.store, account.id).await?;
    let others = others.iter().map(others::Other::access);
    Ok(Viewer {
        username: account.address.clone(),
        accounts: std::iter::once(own).chain(others).collect(),
    })
}

/// The session resource, as others may be told of it.
pub(crate) struct SessionResource {
    pub(crate) url: String,
    /// Whether passwords are taken there.
    pub(crate) passwords: bool,
    /// Whether tokens are.
    pub(crate) tokens: bool,
}

/// Where JMAP is served under TLS, if it is.
pub(crate) fn session_resource(parts: &Parts) -> Option<SessionResource> {
    let mut listeners = parts.config.listeners.iter();
    let secure = |it: &&Listener| it.service == Service::Http && it.tls == Tls::Implicit;
    let (passwords, tokens) = authorization::allowed(&listeners.find(secure)?.mechanisms);
    Some(SessionResource {
        url: format!("{}{SESSION}", secure_origin(parts)?),
        passwords,
        tokens,
    })
}

/// The server as a client reaches it under TLS, if it does.
fn secure_origin(parts: &Parts) -> Option<String> {
    let port = parts.https_port()?;
    let host = &parts.config.hostname;
    Some(match port {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    })
}

fn id_of(account: &Account) -> AccountId {
    AccountId(account.id.0.unsigned_abs())
}

fn content(id: ContentId) -> waxwing_store::BlobId {
    waxwing_store::BlobId(i64::try_from(id.0).unwrap_or(i64::MAX))
}

/// RFC 8620 §2: what is there, and where.
async fn session(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let account = visitor.identify(&headers).await?;
    let places = Places {
        origin: visitor.origin(&headers),
        api: API,
        upload: UPLOAD,
        download: DOWNLOAD,
        events: EVENTS,
        websocket: WEBSOCKET,
        application_server_key: push::application_server_key(&visitor.parts).await,
    };
    let viewer = viewer(&visitor, &account).await;
    let viewer = viewer.map_err(|error| unavailable("a session cannot be told", &error))?;
    let object = viewer.to_json(&visitor.limits, &places);
    let mut response = json_response(StatusCode::OK, &object, "application/json");
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store, must-revalidate"),
    );
    Ok(response)
}

/// RFC 8620 §3: calls, one after the other.
async fn request(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let account = visitor.identify(request.headers()).await?;
    let _turn = visitor.turn(&account, Kind::Request)?;
    let (head, body) = request.into_parts();
    let limit = (visitor.limits.size_request as u64, LimitName::SizeRequest);
    let (octets, _memory) = body::gather(&visitor, body, limit).await?;
    let content_type = text(&head.headers, header::CONTENT_TYPE);
    let parsed = waxwing_jmap::Request::parse(content_type, &octets, &visitor.limits)?;
    drop(octets);
    let response = work(&visitor, &account, &head.headers, parsed).await?;
    let object = response.to_json();
    Ok(json_response(StatusCode::OK, &object, "application/json"))
}

/// Makes the calls of a request.
async fn work(
    visitor: &Visitor,
    account: &Account,
    headers: &HeaderMap,
    request: waxwing_jmap::Request,
) -> Result<waxwing_jmap::Response, Refusal> {
    let viewer = viewer(visitor, account).await;
    let viewer = viewer.map_err(|error| unavailable("a request cannot be answered", &error))?;
    let limits = Arc::clone(&visitor.limits);
    let mut exchange = Exchange::new(request, Arc::new(viewer), limits);
    let asks = Asks::new(visitor, account, headers);
    loop {
        match exchange.step() {
            Step::Ask(ask) => exchange.answer(asks.answer(ask).await),
            Step::Done(response) => return Ok(response),
        }
    }
}

/// RFC 8620 §6.1: octets that a message may have one day.
async fn upload(
    State(visitor): State<Arc<Visitor>>,
    Path(wanted): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let account = visitor.identify(request.headers()).await?;
    if AccountId::parse(&wanted) != Some(id_of(&account)) {
        return Err(Refusal::not_found("no such account"));
    }
    let _turn = visitor.turn(&account, Kind::Upload)?;
    let (head, body) = request.into_parts();
    let most = visitor.limits.size_upload;
    let (octets, _memory) = body::gather(&visitor, body, (most, LimitName::SizeUpload)).await?;
    let size = octets.len();
    let room = most.saturating_mul(UPLOADS_OF_ONE);
    let uploaded = visitor
        .parts
        .store
        .upload(account.id, octets, Vec::new(), room)
        .await;
    let blob = uploaded.map_err(|error| unavailable("an upload could not be stored", &error))?;
    let content_type = text(&head.headers, header::CONTENT_TYPE);
    let object = json!({
        "accountId": wanted,
        "blobId": BlobId::Whole(ContentId(blob.0.unsigned_abs())).to_string(),
        "type": content_type.unwrap_or("application/octet-stream"),
        "size": size,
    });
    Ok(json_response(
        StatusCode::CREATED,
        &object,
        "application/json",
    ))
}

/// RFC 8620 §6.2.
async fn download(
    State(visitor): State<Arc<Visitor>>,
    Path((wanted, blob, name)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let account = visitor.identify(request.headers()).await?;
    let missing = || Refusal::not_found("no such blob");
    let blob = BlobId::parse(&blob).ok_or_else(missing)?;
    let whose = AccountId::parse(&wanted).ok_or_else(missing)?;
    let asks = Asks::new(&visitor, &account, request.headers());
    let found = asks.has_in(whose, blob).await;
    if !found.map_err(|error| unavailable("a blob could not be looked up", &error))? {
        return Err(missing());
    }
    let accept = download::accept(request.uri().query().unwrap_or_default());
    download::respond(&visitor, blob, &name, accept).await
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn json_response(status: StatusCode, object: &Value, kind: &'static str) -> Response {
    let body = Body::from(object.to_string());
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// What is ours to mend.
fn unavailable(what: &str, error: &dyn std::error::Error) -> Refusal {
    let reference = Reference::log(what, 0, error);
    Problem::Status(503, format!("try again later (reference {reference})")).into()
}
