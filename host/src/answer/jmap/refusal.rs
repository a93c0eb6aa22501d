//! How a request is refused: as "problem details" (RFC 7807), with what HTTP wants beside them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use waxwing_jmap::Problem;

/// Seconds after which somebody may ask again where the server was busy.
const RETRY: &str = "60";

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A problem of the request.
    Problem(Problem),
    /// RFC 9110 §15.5.2: nobody has said who asks, or not rightly; and how it may be said.
    Unauthorized { basic: bool, bearer: bool },
    /// The same, said to a page of ours that was logged in or is about to be.
    LoginEnded,
    /// The server has as much of this to do as it may (RFC 9110 §15.6.4).
    Busy,
    /// A problem with a name of ours (RFC 7807 §3.1).
    Named {
        status: u16,
        name: &'static str,
        detail: String,
    },
}

impl Refusal {
    pub(super) fn named(status: u16, name: &'static str, detail: impl Into<String>) -> Self {
        Self::Named {
            status,
            name,
            detail: detail.into(),
        }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Problem::Status(404, what.into()).into()
    }
}

impl Refusal {
    /// What is wrong, where HTTP has no more to say.
    pub(super) fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Unauthorized { .. } | Self::LoginEnded => unknown(),
            Self::Busy => busy(),
            Self::Named { status, detail, .. } => Problem::Status(status, detail),
        }
    }
}

fn unknown() -> Problem {
    Problem::Status(401, "who you are is not known".into())
}

fn busy() -> Problem {
    Problem::Status(503, "the server is busy; try again later".into())
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (problem, challenges) = match self {
            Self::Named {
                status,
                name,
                detail,
            } => return named(status, name, &detail),
            // RFC 9110 §11.6.1: of a scheme that no browser asks for a password by.
            Self::LoginEnded => (
                Problem::Status(401, "nobody is logged in, or not any more".into()),
                [Some(r#"Cookie realm="Waxwing""#), None],
            ),
            Self::Problem(problem) => (problem, [None, None]),
            Self::Busy => {
                let mut response = told(&busy());
                let later = HeaderValue::from_static(RETRY);
                response.headers_mut().insert(header::RETRY_AFTER, later);
                return response;
            }
            Self::Unauthorized { basic, bearer } => (
                unknown(),
                [
                    // RFC 7617 §2.1.
                    basic.then_some(r#"Basic realm="Waxwing", charset="UTF-8""#),
                    bearer.then_some(r#"Bearer realm="Waxwing""#),
                ],
            ),
        };
        let mut response = told(&problem);
        for challenge in challenges.into_iter().flatten() {
            response.headers_mut().append(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        response
    }
}

fn told(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::BAD_REQUEST);
    super::json_response(status, &problem.to_json(), "application/problem+json")
}

fn named(status: u16, name: &str, detail: &str) -> Response {
    let object = json!({
        "type": format!("urn:waxwing:error:{name}"),
        "status": status,
        "detail": detail,
    });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    super::json_response(status, &object, "application/problem+json")
}
