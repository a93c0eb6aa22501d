//! The webmail at `/mail` and the console at `/admin`: their pages, as they were built into the program.
//!
//! Standards: RFC 9110.
//! Invariants: the pages hold nothing of anybody's, so that whoever asks may have them and any cache may keep them; nothing is
//! served in clear where passwords may not be sent in clear.

mod files;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::answer::jmap::Visitor;

/// Where the page is.
const PAGE: &str = "/mail/";
const POLICIES: &[u8] = b"mta-sts.";

/// The routes of one connection.
pub(crate) fn routes(visitor: Arc<Visitor>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/mail", get(page))
        .route(PAGE, get(page))
        .route("/mail/{*path}", get(file))
        .route("/admin", get(console))
        .route("/admin/", get(console))
        .route("/admin/{*path}", get(console_file))
        .with_state(visitor)
}

/// The name that policies of TLS are asked for by (RFC 8461 §3.3) has no pages.
async fn home(headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let prefix = host.and_then(|host| host.get(..POLICIES.len()));
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(POLICIES)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    redirect(HeaderValue::from_static(PAGE))
}

async fn page(State(visitor): State<Arc<Visitor>>, headers: HeaderMap, uri: Uri) -> Response {
    elsewhere(&visitor, &uri).unwrap_or_else(|| files::respond("", &headers))
}

async fn file(
    State(visitor): State<Arc<Visitor>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    elsewhere(&visitor, &uri).unwrap_or_else(|| files::respond(&path, &headers))
}

/// The console's page lies beside the webmail's, in a folder of its own.
async fn console(State(visitor): State<Arc<Visitor>>, headers: HeaderMap, uri: Uri) -> Response {
    elsewhere(&visitor, &uri).unwrap_or_else(|| files::respond("admin/index.html", &headers))
}

async fn console_file(
    State(visitor): State<Arc<Visitor>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let respond = || files::respond(&format!("admin/{path}"), &headers);
    elsewhere(&visitor, &uri).unwrap_or_else(respond)
}

/// Where a page is to be asked for instead, if it must not be served here: a password would be typed into it.
fn elsewhere(visitor: &Visitor, uri: &Uri) -> Option<Response> {
    if visitor.is_private() {
        return None;
    }
    // Of our own names, whatever the client calls us: who reads along in clear must not say where passwords go.
    let secure = visitor
        .secure_origin()
        .and_then(|origin| HeaderValue::from_str(&format!("{origin}{}", uri.path())).ok());
    Some(secure.map_or_else(
        || {
            (
                StatusCode::FORBIDDEN,
                "The webmail is served with TLS only.\n",
            )
                .into_response()
        },
        redirect,
    ))
}

fn redirect(to: HeaderValue) -> Response {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
}
