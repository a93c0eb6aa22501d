//! Whose token a request brings.
//!
//! Standards: RFC 6750 §2.1, §3.
//! Invariants: a token is looked up anew for each request, so that one that is taken back is wrong at once; wrong ones count as errors of the
//! address that they come from, like wrong passwords.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};
use waxwing_store::AdminToken;

use super::problem::Problem;
use crate::answer::jmap::{Closed, Visitor};
use crate::telemetry::Reference;

/// The token of a request, while it is good.
pub(super) async fn identify(
    visitor: &Arc<Visitor>,
    headers: &HeaderMap,
) -> Result<AdminToken, Problem> {
    visitor.admitted().await.map_err(closed)?;
    let said = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(Problem::unauthorized)?;
    let found = match said.to_str().ok().and_then(token) {
        Some(token) => visitor.parts().store.admin_token(token).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(token)) => {
            visitor.welcome().await;
            Ok(token)
        }
        Ok(None) => {
            metrics::counter!("waxwing_logins_total", "protocol" => "admin", "outcome" => "failure")
                .increment(1);
            match visitor.missed().await {
                true => Err(Problem::unauthorized()),
                false => Err(closed(Closed::TooOften)),
            }
        }
        Err(error) => {
            let what = "a token of administration could not be looked up";
            let reference = Reference::log(what, 0, &error);
            Err(Problem::new(
                503,
                "The store does not answer",
                format!("Try again later; the log has the cause under {reference}."),
            ))
        }
    }
}

/// RFC 9110 §11.1: the scheme is compared without case.
fn token(said: &str) -> Option<&str> {
    let (scheme, token) = said.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then(|| token.trim_matches(' '))
}

/// What a token's owner may know of it.
pub(super) fn described(token: &AdminToken) -> Value {
    json!({ "name": token.name, "scopes": token.scopes, "created": token.created, "expires": token.expires })
}

fn closed(why: Closed) -> Problem {
    match why {
        Closed::Clear => Problem::new(
            403,
            "Nothing is told without TLS",
            "Use a listener with TLS, or one that has `plaintext-auth = true`, as those for development on the loopback.",
        ),
        Closed::Refused => Problem::new(
            403,
            "This connection is not served",
            "The policy refuses it: `waxwing plugin list` shows the steps of `connect`.",
        ),
        Closed::TooOften => Problem::new(
            429,
            "Too much came from your address lately",
            "Wait a minute, and use a token that is good.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn a_token_is_read_from_its_field() {
        assert_eq!(token("Bearer x"), Some("x"));
        assert_eq!(token("bearer  x "), Some("x"));
        for wrong in ["", "x", "Basic x", "Bearerx"] {
            assert_eq!(token(wrong), None, "{wrong}");
        }
    }
}
