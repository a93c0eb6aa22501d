//! How a request is refused: as problem details (RFC 9457), with what to do next.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use waxwing_store::{AdminScope, AdminToken};

use crate::admin::{Exit, Failure};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: u16,
    title: String,
    /// What is to be done about it.
    next: String,
    /// The methods that there are.
    allow: Option<String>,
}

impl Problem {
    pub(super) fn new(status: u16, title: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            status,
            title: title.into(),
            next: next.into(),
            allow: None,
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(
            401,
            "Who asks is not known",
            "Send `Authorization: Bearer TOKEN` with a token that is good: `waxwing token add NAME --scope SCOPES` makes one.",
        )
    }

    pub(super) fn forbidden(token: &AdminToken, wanted: AdminScope) -> Self {
        let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
        Self::new(
            403,
            format!("The token has no scope {wanted}"),
            format!(
                "Use a token that has it: this one, `{}`, has {}. `waxwing token add NAME --scope {wanted}` makes one.",
                token.name,
                scopes.join(", ")
            ),
        )
    }

    pub(super) fn not_found() -> Self {
        Self::new(
            404,
            "There is nothing at this path",
            "`/admin/api/v1/openapi.json` has all that there are.",
        )
    }

    pub(super) fn not_offered() -> Self {
        Self::new(
            403,
            "This is not done over HTTP",
            "Use the command on the machine of the server.",
        )
    }

    /// RFC 9110 §15.5.6: the methods that there are go with it.
    pub(super) fn method(allow: String) -> Self {
        Self {
            allow: Some(allow.clone()),
            ..Self::new(
                405,
                "This path has no such method",
                format!("It has {allow}."),
            )
        }
    }

    pub(super) fn bad(title: impl Into<String>) -> Self {
        Self::new(
            400,
            title,
            "`/admin/api/v1/openapi.json` describes what this request takes.",
        )
    }

    /// What an operation says, which is a sentence for administrators.
    pub(super) fn of(failure: Failure) -> Self {
        let (status, next) = match failure.exit {
            Exit::Usage => (400, "Mend the request."),
            Exit::Data | Exit::Findings => (422, "Mend what was given."),
            Exit::Missing => (404, "List what is there, and name one of those."),
            Exit::Conflict => (
                409,
                "Look at what is there, and decide which of both it is to be.",
            ),
            Exit::Stale => (
                412,
                "Ask for it again, look at what changed, and decide anew with the new ETag.",
            ),
            Exit::Unavailable => (
                503,
                "Look at the server's log, mend what is missing, and try again.",
            ),
            Exit::Temporary => (503, "Try again in a moment."),
            Exit::Software | Exit::Configuration => (500, "Look at the server's log."),
        };
        Self::new(status, failure.text, next)
    }

    fn to_json(&self) -> Value {
        // RFC 9457 §4.2.1: about:blank is a problem that the status says all of, but that titles here say more.
        json!({ "type": format!("urn:waxwing:problem:{}", name(self.status)), "status": self.status, "title": self.title, "next": self.next })
    }
}

fn name(status: u16) -> &'static str {
    match status {
        400 => "bad-request",
        401 => "unknown",
        403 => "forbidden",
        404 => "not-found",
        405 => "method",
        408 | 413 | 415 => "body",
        409 => "conflict",
        412 => "stale",
        422 => "unfit",
        429 => "too-often",
        500 => "failed",
        _ => "unavailable",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let body = Body::from(self.to_json().to_string());
        let mut response = (status, kind, body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6750 §3.
            let challenge = HeaderValue::from_static(r#"Bearer realm="Waxwing administration""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(allow) = self
            .allow
            .and_then(|allow| HeaderValue::from_str(&allow).ok())
        {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
