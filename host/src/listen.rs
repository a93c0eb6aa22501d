//! Listening sockets, and what becomes of a connection: seat, TLS if implicit, session, driver.
//!
//! Invariants: a connection over a limit is told so and closed without a session; a session that panics takes down
//! nothing but itself; a listener ends when its sessions have ended or the server stops waiting for them.

mod proxied;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use waxwing_session::Session;

use self::proxied::Ends;
use crate::answer::imap::ImapAnswers;
use crate::answer::pop3::Pop3Answers;
use crate::answer::smtp::SmtpAnswers;
use crate::answer::{self, Caller, Door};
use crate::config::{Listener, Service, Tls};
use crate::drive::{Answers, Drive, Link, Terms};
use crate::pressure::Pressure;
use crate::rates::Spent;
use crate::sessions::{Full, Seat};
use crate::shutdown::{draining, stopping};
use crate::transport::Transport;
use crate::web;
use crate::wiring::Parts;

/// Connections that the system keeps until they are accepted.
const BACKLOG: u32 = 1024;
/// How long accepting rests when the system has no descriptors left.
const EXHAUSTED: Duration = Duration::from_millis(100);
/// How long all sessions may take to say goodbye when the server waits no longer.
const FAREWELLS: Duration = Duration::from_secs(2);
/// How long a refused peer may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// A listening socket as the outside sees it; also the form of `listeners.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Bound {
    /// The listener's name.
    pub name: String,
    /// What is spoken there.
    #[serde(rename = "protocol")]
    pub service: Service,
    /// When TLS begins.
    pub tls: Tls,
    /// Where it is, with the port that was taken where 0 was asked for.
    pub address: SocketAddr,
}

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
#[error("listener {name} cannot have {address}: {cause}")]
pub struct ListenError {
    name: String,
    address: SocketAddr,
    cause: io::Error,
}

/// Binds all addresses of a listener.
pub(crate) fn bind(listener: &Listener) -> Result<Vec<(TcpListener, Bound)>, ListenError> {
    let bound = |address: &SocketAddr| {
        let socket = bind_one(*address).map_err(|cause| ListenError {
            name: listener.name.clone(),
            address: *address,
            cause,
        })?;
        let address = socket.local_addr().unwrap_or(*address);
        Ok((
            socket,
            Bound {
                name: listener.name.clone(),
                service: listener.service,
                tls: listener.tls,
                address,
            },
        ))
    };
    listener.address.iter().map(bound).collect()
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // `[::]` takes IPv4 too (RFC 3493 §5.3), whatever the system's default.
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for the connections of before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG.cast_signed())?;
    TcpListener::from_std(socket.into())
}

/// Accepts until the server drains, then waits for the sessions.
pub(crate) async fn serve(socket: TcpListener, door: Arc<Door>, parts: Arc<Parts>) {
    let listener = &door.listener;
    let terms = Arc::new(Terms {
        acceptor: parts
            .certificates
            .acceptor(listener.client_certificates)
            .clone(),
        handshake: parts.config.timeouts.handshake.duration(),
        write: parts.config.timeouts.write.duration(),
    });
    let mut phase = parts.shutdown.phase();
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            () = draining(&mut phase) => break,
            Some(ended) = sessions.join_next() => report(listener, ended),
            accepted = socket.accept() => match accepted {
                Ok((stream, client)) => {
                    if let Some(session) = take(stream, client, &door, &parts, &terms) {
                        sessions.spawn(session);
                    }
                }
                Err(error) => {
                    tracing::warn!(listener = listener.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(EXHAUSTED).await;
                }
            },
        }
    }
    drop(socket);
    loop {
        tokio::select! {
            () = stopping(&mut phase) => break,
            ended = sessions.join_next() => match ended {
                Some(ended) => report(listener, ended),
                None => break,
            },
        }
    }
    if !sessions.is_empty() {
        tracing::warn!(
            listener = listener.name,
            sessions = sessions.len(),
            "sessions are cut: the time to end them is over"
        );
        let ended = async {
            while let Some(ended) = sessions.join_next().await {
                report(listener, ended);
            }
        };
        // Who has not said it by then says nothing.
        let _late = tokio::time::timeout(FAREWELLS, ended).await;
    }
}

fn report(listener: &Listener, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(listener = listener.name, %error, "a session failed; this is a fault of the server");
    }
}

type Conversation = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// The future of a connection that has been accepted; none if it is turned away.
fn take(
    stream: TcpStream,
    client: SocketAddr,
    door: &Arc<Door>,
    parts: &Arc<Parts>,
    terms: &Arc<Terms>,
) -> Option<Conversation> {
    let local = stream.local_addr().unwrap_or(client);
    let own = Ends {
        client: canonical(client),
        local: canonical(local),
    };
    let listener = &door.listener;
    if !listener.proxy_protocol {
        return begin(stream, own, door, parts, terms);
    }
    if !listener.trusts_proxy(own.client.ip()) {
        refused_proxy(listener, own.client, &"the peer is not among `proxy-from`");
        return None;
    }
    Some(Box::pin(converse_for_proxy(
        stream,
        own,
        Arc::clone(door),
        Arc::clone(parts),
        Arc::clone(terms),
    )))
}

/// A connection of a proxy: whom it is for, and the conversation with that client.
async fn converse_for_proxy(
    mut stream: TcpStream,
    own: Ends,
    door: Arc<Door>,
    parts: Arc<Parts>,
    terms: Arc<Terms>,
) {
    let mut phase = parts.shutdown.phase();
    let ends = tokio::select! {
        () = draining(&mut phase) => return,
        ends = proxied::ends(&mut stream, own, terms.handshake) => ends,
    };
    match ends {
        Ok(ends) => {
            let ends = Ends {
                client: canonical(ends.client),
                local: canonical(ends.local),
            };
            if let Some(conversation) = begin(stream, ends, &door, &parts, &terms) {
                conversation.await;
            }
        }
        Err(error) => refused_proxy(&door.listener, own.client, &error),
    }
}

/// Not a word to the peer: it does not speak as it must, and may be anybody.
fn refused_proxy(listener: &Listener, peer: SocketAddr, why: &dyn std::fmt::Display) {
    metrics::counter!("waxwing_connections_refused_total", "listener" => listener.name.clone())
        .increment(1);
    tracing::debug!(listener = listener.name, %peer, %why, "closed without a PROXY header");
}

/// The conversation with a client; none if it is turned away.
fn begin(
    stream: TcpStream,
    Ends { client, local }: Ends,
    door: &Arc<Door>,
    parts: &Arc<Parts>,
    terms: &Arc<Terms>,
) -> Option<Conversation> {
    let listener = &door.listener;
    metrics::counter!("waxwing_connections_total", "listener" => listener.name.clone())
        .increment(1);
    let seat = match admit(listener, client, parts) {
        Ok(seat) => Arc::new(seat),
        Err(why) => {
            metrics::counter!("waxwing_connections_refused_total", "listener" => listener.name.clone()).increment(1);
            tracing::debug!(listener = listener.name, %client, ?why, "turned away");
            turn_away(stream, listener, why);
            return None;
        }
    };
    // Replies are whole when they are written; waiting for more would only delay them.
    let _best_effort = stream.set_nodelay(true);
    let caller = Caller::new(Arc::clone(door), client, local, Arc::clone(&seat));
    if listener.service == Service::Http {
        let (terms, parts) = (Arc::clone(terms), Arc::clone(parts));
        return Some(Box::pin(web::converse(stream, caller, terms, parts)));
    }
    let link = Link {
        id: caller.id,
        transport: Transport::new(stream),
        implicit_tls: listener.tls == Tls::Implicit,
        terms: Arc::clone(terms),
        phase: parts.shutdown.phase(),
        seat,
    };
    // Boxes of each protocol's own size: an idle POP3 session does not pay for IMAP.
    Some(match listener.service {
        Service::Smtp | Service::Submission | Service::Lmtp => {
            let session = answer::smtp::session(parts, &caller);
            Box::pin(converse(Box::new(Drive::new(
                session,
                SmtpAnswers::new(parts, caller),
                link,
            ))))
        }
        Service::Imap => {
            let session = answer::imap::session(parts, &caller);
            Box::pin(converse(Box::new(Drive::new(
                session,
                ImapAnswers::new(parts, caller),
                link,
            ))))
        }
        Service::Pop3 => {
            let session = answer::pop3::session(parts, &caller);
            Box::pin(converse(Box::new(Drive::new(
                session,
                Pop3Answers::new(parts, caller),
                link,
            ))))
        }
        Service::Http | Service::Metrics => return None,
    })
}

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy)]
enum Away {
    Full(Full),
    /// Too many connections within a window.
    Often,
    /// Room is short, and this is somebody with mail whom nobody knows.
    Pressed,
}

fn admit(listener: &Listener, client: SocketAddr, parts: &Parts) -> Result<Seat, Away> {
    let origin = parts.sessions.origin(client.ip());
    let spent = Spent {
        connections: 1,
        ..Spent::default()
    };
    let now = Instant::now();
    if parts.rates.spend(&origin, spent, now).is_err() {
        return Err(Away::Often);
    }
    let pressed = || parts.gauges.refuses(Pressure::Tight).is_some();
    if listener.service == Service::Smtp && pressed() {
        return Err(Away::Pressed);
    }
    parts
        .sessions
        .admit(origin, listener.service, now)
        .map_err(Away::Full)
}

/// `::ffff:192.0.2.1` is 192.0.2.1 (RFC 4291 §2.5.5.2).
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Says why, in the protocol's words, where a word can be said without TLS; then closes.
fn turn_away(mut stream: TcpStream, listener: &Listener, why: Away) {
    let (status, text) = match why {
        Away::Full(Full::Server) => ("4.7.0", "too many sessions; try again later"),
        Away::Full(Full::Address) => (
            "4.7.0",
            "too many sessions from your address; try again later",
        ),
        Away::Full(Full::Network) => (
            "4.7.0",
            "too many sessions from your network; try again later",
        ),
        Away::Often => ("4.7.0", "too many connections; try again later"),
        // RFC 3463 §3.4: X.3.1.
        Away::Pressed => ("4.3.1", "no room for more mail now; try again later"),
    };
    let line = match (listener.tls, listener.service) {
        (Tls::Implicit, _) | (_, Service::Http | Service::Metrics) => return,
        // RFC 5321 §3.8: 421 before closing.
        (_, Service::Smtp | Service::Submission | Service::Lmtp) => {
            format!("421 {status} {text}\r\n")
        }
        (_, Service::Imap) => format!("* BYE [UNAVAILABLE] {text}\r\n"),
        // RFC 3206 §4.
        (_, Service::Pop3) => format!("-ERR [SYS/TEMP] {text}\r\n"),
    };
    tokio::spawn(tokio::time::timeout(FAREWELL, async move {
        stream.write_all(line.as_bytes()).await?;
        stream.shutdown().await
    }));
}

/// Drives a session to its end.
async fn converse<S: Session, A: Answers<S>>(mut drive: Box<Drive<S, A>>) {
    let session = drive.id;
    if let Err(error) = drive.run().await {
        tracing::debug!(session, %error, "the connection broke");
    }
}
