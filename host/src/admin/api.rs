//! Administration over HTTP: the requests that the commands make, as resources, for who brings a token.
//!
//! Standards: RFC 9110 (HTTP), RFC 6750 §2.1 (the token in the Authorization field), RFC 9457 (how a request is refused), OpenAPI 3.1 (what
//! describes it, made of the same table that is served by).
//! Invariants: nothing is done without a token that lets it be done, and a token is looked for in the Authorization field only: no cookie, so
//! that no page of somebody else's makes a browser ask for anything. A change that was begun is ended, whoever hangs up meanwhile.

mod bearer;
mod body;
mod call;
mod document;
mod live;
mod problem;
mod route;
mod table;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::Value;
use waxwing_store::{AdminScope, AdminToken};

use self::call::Call;
use self::problem::Problem;
use self::route::{Answer, Route};
use super::{Actor, Failure, perform};
use crate::answer::jmap::Visitor;
use crate::telemetry::Reference;

/// Where it begins.
const ROOT: &str = "/admin/api/v1";
/// Octets of a request's body.
const BODY: usize = 1 << 20;
/// How long a body may take to come.
const WHOLE: Duration = Duration::from_secs(30);

/// The routes of one connection.
pub(crate) fn routes(visitor: Arc<Visitor>) -> Router {
    Router::new()
        .route(&format!("{ROOT}/{{*rest}}"), any(serve))
        .with_state(visitor)
}

/// Answers a request, or says why not.
async fn serve(State(visitor): State<Arc<Visitor>>, request: Request) -> Response {
    let mut response = match answer(&visitor, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn answer(visitor: &Arc<Visitor>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().strip_prefix(ROOT).unwrap_or_default();
    if path == document::PATH && head.method == Method::GET {
        // What can be asked is no secret.
        return Ok(json(StatusCode::OK, document::document()));
    }
    let token = bearer::identify(visitor, &head.headers).await?;
    let (route, places) = table::find(&head.method, path)?;
    let own = matches!(route.answer, Answer::Own);
    if !own && !token.allows(route.scope) {
        return Err(refused(visitor, &token, route.scope));
    }
    let body = match route.body {
        Some(_) => call::object(&head.headers, gather(body).await?)?,
        None => Value::Null,
    };
    let call = Call::new(places, head.uri.query().unwrap_or_default(), body, route)?
        .conditional(&head.headers, route)?;
    match route.answer {
        Answer::Live => live::stream(visitor, token, &head.headers),
        Answer::Own => Ok(json(StatusCode::OK, &bearer::described(&token))),
        Answer::Of(request) => {
            let value = carry_out(visitor, &token, request(&call)?).await?;
            Ok(shaped(visitor, route, &call, value))
        }
    }
}

/// Does a request. It goes on if the client does not wait for it: what is begun is ended, and written down.
async fn carry_out(
    visitor: &Arc<Visitor>,
    token: &AdminToken,
    request: super::Request,
) -> Result<Value, Problem> {
    // The table says what a route takes; what the request itself takes has the last word.
    let wanted = super::scope(&request).ok_or_else(Problem::not_offered)?;
    if !token.allows(wanted) {
        return Err(refused(visitor, token, wanted));
    }
    if let super::Request::Domain(request) = &request {
        served(visitor, request.domain()).await?;
    }
    let actor = Actor::new(
        format!("token {}", token.name),
        visitor.client().to_string(),
    );
    let parts = Arc::clone(visitor.parts());
    let done = tokio::spawn(async move {
        // Hundreds of questions and a dozen connections each.
        let checks = matches!(
            &request,
            super::Request::Domain(super::DomainRequest::Check { .. })
        );
        let _turn = match checks {
            true => parts.domain_checks.acquire().await.ok(),
            false => None,
        };
        let running = Some(&*parts);
        perform(&parts.store, &parts.config, running, &actor, request).await
    });
    match done.await {
        Ok(answer) => answer.map_err(Problem::of),
        Err(error) => {
            let reference = Reference::log("a request of administration broke", 0, &error);
            Err(Problem::of(Failure::new(
                super::Exit::Software,
                format!("the server failed (reference {reference})"),
            )))
        }
    }
}

/// What a token may not do is no change, and in no audit log; whoever looks after the server may want to know.
fn refused(visitor: &Visitor, token: &AdminToken, wanted: AdminScope) -> Problem {
    let client = visitor.client();
    tracing::warn!(token = token.name, %wanted, %client, "a token of administration asked for more than it may");
    Problem::forbidden(token, wanted)
}

/// A check of what is published connects to hosts that the domain names: those of domains served here, and no others.
async fn served(visitor: &Visitor, domain: &str) -> Result<(), Problem> {
    let name = super::execute::domain_name(domain).map_err(Problem::of)?;
    let known = visitor.parts().store.directory().domain(&name).await;
    match known.map_err(|error| Problem::of(error.into()))? {
        Some(_) => Ok(()),
        None => Err(Problem::of(Failure::missing(format!(
            "no such domain: {name}"
        )))),
    }
}

/// The answer as the route gives it.
fn shaped(visitor: &Visitor, route: &Route, call: &Call, value: Value) -> Response {
    if route.status == 204 {
        return StatusCode::NO_CONTENT.into_response();
    }
    let status = StatusCode::from_u16(route.status).unwrap_or(StatusCode::OK);
    let value = route.shape.apply(visitor.parts(), call, value);
    let mut response = json(status, &value);
    if let Some(tag) = value.get("policy-digest").and_then(Value::as_str)
        && let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\""))
    {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// All octets of a body.
async fn gather(body: Body) -> Result<bytes::Bytes, Problem> {
    match tokio::time::timeout(WHOLE, axum::body::to_bytes(body, BODY)).await {
        Ok(Ok(octets)) => Ok(octets),
        Ok(Err(_)) => Err(Problem::new(
            413,
            "The body is too large or did not come whole",
            format!("Send {BODY} octets at most."),
        )),
        Err(_late) => Err(Problem::new(
            408,
            "The body took too long to come",
            "Send it again.",
        )),
    }
}

fn json(status: StatusCode, value: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, Body::from(value.to_string())).into_response()
}
