//! The event source (RFC 8620 §7.3): a response that goes on for as long as the client listens, and tells the state of each type that
//! changed.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::Instant;
use waxwing_jmap::{Problem, Wanted};

use super::news::{Moment, News, Told};
use super::refusal::Refusal;
use super::turns::{Kind, Turn};
use super::visitor::Visitor;
use crate::shutdown::draining;

/// RFC 8620 §7.3: no minimum above 30 seconds, no maximum below 300.
const PINGS: std::ops::RangeInclusive<u64> = 5..=900;
/// How often a client that wants no pings is looked after.
const SILENT: Duration = Duration::from_secs(300);
/// What a client that comes back says that it heard last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What the client wants to hear.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    types: Wanted,
    /// The response ends with the first change.
    once: bool,
    /// Seconds; none: it wants no pings.
    ping: Option<u64>,
}

impl Wish {
    fn read(query: &str) -> Option<Self> {
        let value = |name| super::query::value(query, name);
        let types = Wanted::parse(&value("types")?)?;
        let once = match value("closeafter")?.as_str() {
            "state" => true,
            "no" => false,
            _ => return None,
        };
        let ping: u64 = value("ping")?.parse().ok()?;
        Some(Self {
            types,
            once,
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
    let since = super::text(&headers, LAST_EVENT_ID).map(Moment::read);
    let news = News::open(&visitor.parts, &account, wish.types, since).await;
    let news = news.map_err(|error| super::unavailable("events cannot be told", &error))?;
    let listening = Listening {
        visitor,
        headers,
        news,
        once: wish.once,
        ping: wish.ping,
        spoke: None,
        _turn: turn,
    };
    let body = Body::from_stream(stream::unfold(Some(listening), next));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

/// Somebody who listens. A client that does not read is not asked for the next event, and its connection ends as that of one who is silent.
struct Listening {
    visitor: Arc<Visitor>,
    /// Of the request: they say who listens.
    headers: HeaderMap,
    news: News,
    once: bool,
    ping: Option<u64>,
    /// When something was sent last.
    spoke: Option<Instant>,
    _turn: Turn,
}

/// The next event; the end when the server ends.
async fn next(listening: Option<Listening>) -> Option<(std::io::Result<Bytes>, Option<Listening>)> {
    let mut listening = listening?;
    let mut phase = listening.visitor.parts.shutdown.phase();
    listening.visitor.stays();
    let Some(spoke) = listening.spoke else {
        // An id without data is no event, but who comes back says it: so what happens before the first event is heard of, too.
        let text = format!("id: {}\n\n", listening.news.since());
        listening.spoke = Some(Instant::now());
        return Some((Ok(text.into()), Some(listening)));
    };
    let interval = listening.ping.map_or(SILENT, Duration::from_secs);
    let told = tokio::select! {
        () = draining(&mut phase) => return None,
        told = listening.news.next() => Some(told?),
        () = tokio::time::sleep_until(spoke + interval) => None,
    };
    // Who listens is still who it was; where nothing happens nobody is asked.
    if told.is_some() {
        listening.visitor.identify(&listening.headers).await.ok()?;
    }
    listening.visitor.stays();
    listening.spoke = Some(Instant::now());
    let text = match (&told, listening.ping) {
        (Some(told), _) => event(told),
        (None, Some(seconds)) => format!("event: ping\ndata: {{\"interval\":{seconds}}}\n\n"),
        // A comment, which is no event: that nobody is there any more shows only when something is sent.
        (None, None) => ":\n\n".into(),
    };
    let ended = told.is_some() && listening.once;
    Some((Ok(text.into()), (!ended).then_some(listening)))
}

fn event(told: &Told) -> String {
    let (id, object) = (&told.until, told.change.to_json());
    format!("id: {id}\nevent: state\ndata: {object}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_wish() {
        let read = |types, close, ping| {
            Wish::read(&format!("types={types}&closeafter={close}&ping={ping}"))
        };
        let wish = |types, once, ping| {
            let types = Wanted::parse(types).unwrap();
            Some(Wish { types, once, ping })
        };
        assert_eq!(read("*", "no", "0"), wish("*", false, None));
        assert_eq!(
            read("Email,Mailbox", "state", "1"),
            wish("Email,Mailbox", true, Some(5))
        );
        assert_eq!(read("%2A", "no", "300"), wish("*", false, Some(300)));
        assert_eq!(read("*", "no", "100000"), wish("*", false, Some(900)));
        for (types, close, ping) in [
            ("", "no", "0"),
            ("*", "yes", "0"),
            ("*", "no", "-1"),
            ("a,", "no", "0"),
            ("*", "no", ""),
        ] {
            assert_eq!(read(types, close, ping), None);
        }
    }
}
