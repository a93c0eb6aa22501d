//! The event source (RFC 8620 §7.3): a response that goes on for as long as the client listens.
//!
//! What is told is the state of each type that changed. There are no types yet whose changes a client can ask for, so that what comes are
//! pings.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use waxwing_jmap::Problem;

use super::refusal::Refusal;
use super::turns::{Kind, Turn};
use super::visitor::Visitor;
use crate::shutdown::draining;

/// RFC 8620 §7.3: no minimum above 30 seconds, no maximum below 300.
const PINGS: std::ops::RangeInclusive<u64> = 5..=900;
/// How often a client that wants no pings is looked after.
const SILENT: Duration = Duration::from_secs(300);

/// What the client wants to hear.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    /// Seconds; none: it wants no pings.
    ping: Option<u64>,
}

impl Wish {
    fn read(query: &str) -> Option<Self> {
        let value = |name| super::query::value(query, name);
        let types = value("types")?;
        let known =
            |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric());
        if types != "*" && !types.split(',').all(known) {
            return None;
        }
        if !["state", "no"].contains(&value("closeafter")?.as_str()) {
            return None;
        }
        let ping: u64 = value("ping")?.parse().ok()?;
        Some(Self {
            ping: (ping > 0).then(|| ping.clamp(*PINGS.start(), *PINGS.end())),
        })
    }
}

pub(super) async fn stream(
    State(visitor): State<Arc<Visitor>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let account = visitor.identify(&headers).await?;
    let wish = Wish::read(query.as_deref().unwrap_or_default()).ok_or_else(|| {
        Problem::Status(
            400,
            "types, closeafter and ping are to be as RFC 8620 §7.3 has them".into(),
        )
    })?;
    let turn = visitor.turn(&account, Kind::Events)?;
    let body = Body::from_stream(stream::unfold((visitor, wish, turn), next));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

type Listening = (Arc<Visitor>, Wish, Turn);

/// The next event; the end when the server ends.
async fn next((visitor, wish, turn): Listening) -> Option<(std::io::Result<Bytes>, Listening)> {
    let mut phase = visitor.parts.shutdown.phase();
    let interval = wish.ping.map_or(SILENT, Duration::from_secs);
    visitor.stays();
    tokio::select! {
        () = draining(&mut phase) => return None,
        () = tokio::time::sleep(interval) => {}
    }
    visitor.stays();
    let text = match wish.ping {
        Some(seconds) => format!("event: ping\ndata: {{\"interval\":{seconds}}}\n\n"),
        // A comment, which is no event: that nobody is there any more shows only when something is sent.
        None => ":\n\n".into(),
    };
    Some((Ok(text.into()), (visitor, wish, turn)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_wish() {
        let wish = |types, close, ping| {
            Wish::read(&format!("types={types}&closeafter={close}&ping={ping}"))
        };
        assert_eq!(wish("*", "no", "0"), Some(Wish { ping: None }));
        assert_eq!(
            wish("Email,Mailbox", "state", "1"),
            Some(Wish { ping: Some(5) })
        );
        assert_eq!(wish("*", "no", "300"), Some(Wish { ping: Some(300) }));
        assert_eq!(wish("*", "no", "100000"), Some(Wish { ping: Some(900) }));
        for (types, close, ping) in [
            ("", "no", "0"),
            ("*", "yes", "0"),
            ("*", "no", "-1"),
            ("a,", "no", "0"),
            ("*", "no", ""),
        ] {
            assert_eq!(wish(types, close, ping), None);
        }
    }
}
