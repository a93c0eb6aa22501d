//! The Unix socket between the commands and a running server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as Client;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::mail::{self, MailRequest};
use super::perform::mail_begun;
use super::{Actor, Exit, Failure, Request, Response, peer, perform};
use crate::budget::{Content, Reservation};
use crate::wiring::Parts;

/// The longest request line, in octets.
const LONGEST: u64 = 1 << 20;
/// How long a command waits for its answer: `verify` reads everything.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a client may take to send its request.
const PROMPT: Duration = Duration::from_secs(10);
/// How long one that moves mail may take to come with its next request, or the next octets: it waits for another server.
const LEISURE: Duration = Duration::from_secs(600);
/// Octets of content that are read at a time.
const PIECE: usize = 64 * 1024;

/// Makes the socket, in place of one that a killed server left.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers administration commands until the task is dropped.
pub(crate) async fn serve(listener: UnixListener, parts: Arc<Parts>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, Arc::clone(&parts)));
            }
            Err(error) => {
                tracing::warn!(%error, "the administration socket could not accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, parts: Arc<Parts>) {
    let actor = Actor::new(peer::user(&stream), "socket");
    let (read, mut write) = stream.into_split();
    let mut read = tokio::io::BufReader::new(read);
    let mut patience = PROMPT;
    while let Ok(Ok(Some(line))) = timeout(patience, line(&mut read)).await {
        let (response, content) = match serde_json::from_slice::<Request>(&line) {
            Ok(Request::Mail(request)) => {
                patience = LEISURE;
                match moved(&mut read, &parts, &actor, request).await {
                    Ok((value, content)) => (Response::Done(value), content),
                    Err(failure) => (Response::Failed(failure), Bytes::new()),
                }
            }
            Ok(request) => {
                let running = Some(&*parts);
                let answer = perform(&parts.store, &parts.config, running, &actor, request).await;
                let response = answer.map_or_else(Response::Failed, Response::Done);
                (response, Bytes::new())
            }
            Err(error) => {
                let failure = Failure::new(Exit::Usage, format!("not a request: {error}"));
                (Response::Failed(failure), Bytes::new())
            }
        };
        let Ok(mut line) = serde_json::to_vec(&response) else {
            return;
        };
        line.push(b'\n');
        if write.write_all(&line).await.is_err() || write.write_all(&content).await.is_err() {
            return;
        }
        // What followed a request that was not taken is not looked for the next one.
        if let Response::Failed(Failure {
            exit: Exit::Usage | Exit::Temporary,
            ..
        }) = response
        {
            return;
        }
    }
}

/// The next line; none at the end, or if it is too long.
async fn line(read: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    read.take(LONGEST).read_until(b'\n', &mut line).await?;
    Ok((line.pop() == Some(b'\n')).then_some(line))
}

/// A request about mail, with what follows it.
async fn moved(
    read: &mut (impl AsyncRead + Unpin),
    parts: &Parts,
    actor: &Actor,
    request: MailRequest,
) -> Result<(Value, Bytes), Failure> {
    mail_begun(&parts.store, actor, &request).await?;
    let octets = request.octets(&parts.config)?;
    let received = timeout(LEISURE, content(read, parts, octets)).await;
    let lost = || Failure::new(Exit::Temporary, "the messages did not come whole");
    let received = received.map_err(|_| lost())?.map_err(|_| lost())?;
    let Some((content, _memory)) = received else {
        return Err(Failure::new(
            Exit::Temporary,
            "the server has no memory for these messages now",
        ));
    };
    mail::execute(&parts.store, &parts.config, request, content).await
}

/// So many octets; none if there is no memory for them.
async fn content(
    read: &mut (impl AsyncRead + Unpin),
    parts: &Parts,
    octets: u64,
) -> io::Result<Option<(Bytes, Reservation)>> {
    let mut content = Content::new(&parts.budget, IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut read = read.take(octets);
    let mut left = octets;
    while left > 0 {
        let mut piece = BytesMut::with_capacity(PIECE);
        let taken = read.read_buf(&mut piece).await?;
        if taken == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left = left.saturating_sub(taken as u64);
        content.push(piece.freeze());
    }
    Ok(content.take())
}

/// Asks a running server; `None` if none runs.
pub(crate) fn ask(path: &Path, request: &Request) -> Option<Result<Value, Failure>> {
    let mut line = Line::open(path)?;
    Some(line.ask(request, &mut io::empty()))
}

/// A connection to a running server, for one request after the other.
pub(crate) struct Line {
    stream: BufReader<Client>,
    place: String,
}

impl Line {
    /// Connects; `None` if no server runs.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        let stream = Client::connect(path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Self {
            stream: BufReader::new(stream),
            place: path.display().to_string(),
        })
    }

    /// Asks, and sends what follows the request.
    pub(crate) fn ask(
        &mut self,
        request: &Request,
        content: &mut dyn Read,
    ) -> Result<Value, Failure> {
        self.exchange(request, content)
            .unwrap_or_else(|error| Err(self.broken(&error)))
    }

    /// The octets that follow an answer.
    pub(crate) fn content(&mut self, octets: u64) -> Result<Vec<u8>, Failure> {
        let mut content = Vec::new();
        let read = (&mut self.stream).take(octets).read_to_end(&mut content);
        match read {
            Ok(taken) if taken as u64 == octets => Ok(content),
            Ok(_) => Err(self.broken(&io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::new(
            Exit::Temporary,
            format!("the server did not answer on {}: {error}", self.place),
        )
    }

    fn exchange(
        &mut self,
        request: &Request,
        content: &mut dyn Read,
    ) -> io::Result<Result<Value, Failure>> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let stream = self.stream.get_mut();
        stream.write_all(&line)?;
        io::copy(content, stream)?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer)?;
        Ok(match serde_json::from_str(&answer)? {
            Response::Done(value) => Ok(value),
            Response::Failed(failure) => Err(failure),
        })
    }
}
