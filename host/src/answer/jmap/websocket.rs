//! JMAP over a WebSocket (RFC 8887): requests, one after the other, and what changes meanwhile.
//!
//! A request counts as one over HTTP: it has a turn of the account's, and its octets are of the budget of what clients send, as they come
//! (`meter`). Who is silent is asked whether it is there; who does not read, or is never done with a message, is left.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};
use waxwing_jmap::{Incoming, Problem, RequestError};
use waxwing_store::Account;

use super::news::{Moment, News, Told};
use super::refusal::Refusal;
use super::turns::{Kind, Turn};
use super::visitor::Visitor;
use crate::shutdown::{draining, stopping};

/// RFC 8887 §4.1: what is spoken.
const SUBPROTOCOL: &str = "jmap";
/// After so long without a word a client is asked whether it is there, and left after twice that.
const SILENT: Duration = Duration::from_secs(60);
/// How long a client may take to read what it is sent.
const SLOW: Duration = Duration::from_secs(60);
/// Octets of a message beyond those of a request, so that a request which is a little too large is answered.
const BEYOND: usize = 64 * 1024;
/// Octets that are read at a time.
const READ: usize = 16 * 1024;
/// How long a message may take to come, as a body does; seen when nothing whole has come for [`SILENT`].
const WHOLE: Duration = Duration::from_secs(300);

/// The code that a connection is closed with (RFC 6455 §7.4.1); none: the client is gone.
type End = Option<u16>;

pub(super) async fn upgrade(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let account = visitor.identify(&headers).await?;
    let status = |status, text: &str| Refusal::from(Problem::Status(status, text.into()));
    // RFC 6455 §10.2: a page of somebody else's cannot speak for whoever looks at it.
    let origin = super::text(&headers, header::ORIGIN);
    if origin.is_some_and(|origin| origin != visitor.origin(&headers)) {
        return Err(status(403, "a page of another origin"));
    }
    let upgrade = upgrade.map_err(|_| status(400, "this is for WebSockets"))?;
    let most = visitor.limits.size_request + BEYOND;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ)
        .max_message_size(most)
        .max_frame_size(most);
    if upgrade.selected_protocol().is_none() {
        return Err(status(400, "the subprotocol is \"jmap\""));
    }
    let turn = visitor.turn(&account, Kind::Socket)?;
    let line = Line {
        visitor,
        headers,
        account,
        news: None,
        _turn: turn,
    };
    Ok(upgrade.on_upgrade(|socket| line.hold(socket)))
}

/// A client that is connected.
struct Line {
    visitor: Arc<Visitor>,
    /// Of the request that it began with: they say who it is.
    headers: HeaderMap,
    account: Arc<Account>,
    /// If it wants to hear of changes.
    news: Option<News>,
    _turn: Turn,
}

/// What happens.
enum Event {
    Heard(Option<Result<Message, axum::Error>>),
    Told(Option<Told>),
    Silent,
    Ending,
}

impl Line {
    async fn hold(mut self, mut socket: WebSocket) {
        let (parts, client) = (&self.visitor.parts, self.visitor.client);
        self.visitor.meter.start(&parts.budget, client);
        let mut phase = parts.shutdown.phase();
        let code = tokio::select! {
            () = stopping(&mut phase) => return,
            code = self.talk(&mut socket) => code,
        };
        if let Some(code) = code {
            let frame = CloseFrame {
                code,
                reason: Utf8Bytes::default(),
            };
            let _gone = timeout(SLOW, socket.send(Message::Close(Some(frame)))).await;
        }
    }

    async fn talk(&mut self, socket: &mut WebSocket) -> End {
        let mut phase = self.visitor.parts.shutdown.phase();
        let (mut heard, mut asked) = (Instant::now(), false);
        loop {
            let event = tokio::select! {
                () = draining(&mut phase) => Event::Ending,
                message = socket.recv() => Event::Heard(message),
                told = next(&mut self.news) => Event::Told(told),
                () = sleep_until(heard + SILENT) => Event::Silent,
            };
            // What an answer is made of counts as used until it is sent.
            let mut _memory = None;
            let answer = match event {
                Event::Ending => return Some(close_code::AWAY),
                Event::Silent if let Some(since) = self.visitor.meter.since() => {
                    if since.elapsed() >= WHOLE {
                        return Some(close_code::POLICY);
                    }
                    (heard, asked) = (Instant::now(), false);
                    continue;
                }
                Event::Silent if asked => return None,
                Event::Silent => {
                    (heard, asked) = (Instant::now(), true);
                    Message::Ping(Bytes::new())
                }
                // The account is gone, or the login holds no more.
                Event::Told(None) => return Some(close_code::POLICY),
                Event::Told(Some(told)) => {
                    if !self.known().await {
                        return Some(close_code::POLICY);
                    }
                    text(&told.change.to_message(&told.until.to_string()))
                }
                Event::Heard(None | Some(Ok(Message::Close(_)))) => return None,
                Event::Heard(Some(Err(_))) if self.visitor.meter.is_exhausted() => {
                    return Some(close_code::AGAIN);
                }
                // More than is taken, or no WebSocket.
                Event::Heard(Some(Err(_))) => return Some(close_code::POLICY),
                // RFC 8887 §4.2: text and nothing else.
                Event::Heard(Some(Ok(Message::Binary(_)))) => return Some(close_code::UNSUPPORTED),
                Event::Heard(Some(Ok(Message::Ping(said) | Message::Pong(said)))) => {
                    let meter = &self.visitor.meter;
                    meter.control(said.len());
                    // Who has begun with a message is to go on with it.
                    if meter.since().is_none() {
                        (heard, asked) = (Instant::now(), false);
                    }
                    continue;
                }
                Event::Heard(Some(Ok(Message::Text(said)))) => {
                    (heard, asked) = (Instant::now(), false);
                    _memory = self.visitor.meter.whole();
                    if !self.known().await {
                        return Some(close_code::POLICY);
                    }
                    match self.answer(said.into()).await {
                        Ok(Some(answer)) => text(&answer),
                        Ok(None) => continue,
                        Err(error) => text(&error.to_message()),
                    }
                }
            };
            match timeout(SLOW, socket.send(answer)).await {
                Ok(Ok(())) => {}
                _ => return None,
            }
        }
    }

    /// Whether the client still is who it was.
    async fn known(&self) -> bool {
        let known = self.visitor.identify(&self.headers).await;
        known.is_ok_and(|account| account.id == self.account.id)
    }

    /// What is said to a message, if anything.
    async fn answer(&mut self, octets: Bytes) -> Result<Option<Value>, RequestError> {
        let (visitor, account) = (Arc::clone(&self.visitor), Arc::clone(&self.account));
        // Before it is read, which takes more than its octets: nobody knows its id yet.
        let turn = visitor.turn(&account, Kind::Request);
        let _turn = turn.map_err(|refusal| RequestError {
            id: None,
            problem: refusal.into_problem(),
        })?;
        let incoming = Incoming::parse(&octets, &visitor.limits)?;
        drop(octets);
        match incoming {
            Incoming::Request { id, request } => {
                let response = super::work(&visitor, &account, &self.headers, request).await;
                let response = response.map_err(|refusal| RequestError {
                    id: id.clone(),
                    problem: refusal.into_problem(),
                })?;
                Ok(Some(response.to_message(id.as_deref())))
            }
            Incoming::PushEnable { types, since } => {
                let since = since.as_deref().map(Moment::read);
                let news = News::open(&visitor.parts, &account, types, since).await;
                let news = news.map_err(|error| RequestError {
                    id: None,
                    problem: super::unavailable("changes cannot be told", &error).into_problem(),
                })?;
                self.news = Some(news);
                Ok(None)
            }
            Incoming::PushDisable => {
                self.news = None;
                Ok(None)
            }
        }
    }
}

/// The next change; none ever, if nobody wants to hear of any.
async fn next(news: &mut Option<News>) -> Option<Told> {
    match news {
        Some(news) => news.next().await,
        None => std::future::pending().await,
    }
}

fn text(object: &Value) -> Message {
    Message::Text(object.to_string().into())
}
