//! The Unix socket between the commands and a running server.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as Client;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::{Exit, Failure, Request, Response, execute, peer};
use crate::wiring::Parts;

/// The longest request line, in octets.
const LONGEST: u64 = 1 << 20;
/// How long a command waits for its answer: `verify` reads everything.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a client may take to send its request.
const PROMPT: Duration = Duration::from_secs(10);

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
    let user = peer::user(&stream);
    let (read, mut write) = stream.into_split();
    let mut lines = tokio::io::BufReader::new(read.take(LONGEST)).lines();
    while let Ok(Ok(Some(line))) = tokio::time::timeout(PROMPT, lines.next_line()).await {
        let response = match serde_json::from_str::<Request>(&line) {
            Ok(request) => {
                let running = Some((&*parts, user.as_str()));
                match execute(&parts.store, &parts.config, running, request).await {
                    Ok(value) => Response::Done(value),
                    Err(failure) => Response::Failed(failure),
                }
            }
            Err(error) => {
                Response::Failed(Failure::new(Exit::Usage, format!("not a request: {error}")))
            }
        };
        let Ok(mut line) = serde_json::to_vec(&response) else {
            return;
        };
        line.push(b'\n');
        if write.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// Asks a running server; `None` if none runs.
pub(crate) fn ask(path: &Path, request: &Request) -> Option<Result<Value, Failure>> {
    let stream = Client::connect(path).ok()?;
    Some(exchange(&stream, request).unwrap_or_else(|error| {
        Err(Failure::new(
            Exit::Temporary,
            format!("the server did not answer on {}: {error}", path.display()),
        ))
    }))
}

fn exchange(mut stream: &Client, request: &Request) -> io::Result<Result<Value, Failure>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(match serde_json::from_str(&answer)? {
        Response::Done(value) => Ok(value),
        Response::Failed(failure) => Err(failure),
    })
}
