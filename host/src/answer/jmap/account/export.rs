//! All of an account's mail, or a mailbox of it, to be kept elsewhere: a download that a link of our own page begins.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::mpsc;

use super::super::download::disposition;
use super::super::query;
use super::super::refusal::Refusal;
use super::super::turns::Kind;
use super::super::visitor::Visitor;
use super::failed;
use crate::moving::stream::{Piece, export};
use crate::moving::{Account, Inside};

/// Pieces that wait for who reads.
const WAITING: usize = 4;

pub(super) async fn download(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, _) = request.into_parts();
    let (account, login) = visitor.by_cookie_of_link(&head.headers).await?;
    let wanted = head.uri.query();
    let mailbox = wanted.and_then(|query| query::value(query, "mailbox"));
    if let Some(path) = &mailbox {
        let found = visitor.parts.store.mailbox(account.id, path).await;
        found.map_err(|error| match error {
            waxwing_store::Error::NoSuchMailbox(_) => Refusal::not_found("no such mailbox"),
            error => failed(error),
        })?;
    }
    let turn = visitor.turn(&account, Kind::Export)?;
    let (pieces, receiver) = mpsc::channel(WAITING);
    let local = account.address.split('@').next().unwrap_or_default();
    let (name, kind) = match &mailbox {
        Some(path) => (path.replace('/', "-") + ".mbox", "application/mbox"),
        None => (format!("{local}.zip"), "application/zip"),
    };
    let gate = visitor.gate(&account).await;
    let inside = Inside::new(Arc::clone(&account), login.id, visitor.client, gate);
    let mut leaving = Account::inside(inside, &account.address);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        export(&mut leaving, mailbox.as_deref(), pieces);
    });
    let body = body(receiver, move || visitor.stays());
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(&name)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// The octets of an export; an error if they end before it does, so that the answer does not end as a whole one would (RFC 9112 §8: without the
/// last chunk).
fn body(
    receiver: mpsc::Receiver<Piece>,
    goes_on: impl Fn(),
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some((receiver, goes_on)), |state| async move {
        let (mut receiver, goes_on) = state?;
        // It may take longer than a connection may that nobody asks anything of.
        goes_on();
        match receiver.recv().await {
            Some(Piece::Octets(octets)) => Some((Ok(octets), Some((receiver, goes_on)))),
            Some(Piece::End) => None,
            None => Some((Err(io::Error::other("the export broke off")), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What a client gets of an export that has come to its end, or has not.
    async fn answer(is_whole: bool) -> String {
        let (mut client, server) = tokio::io::duplex(4096);
        let service = service_fn(move |_| async move {
            let (sender, receiver) = mpsc::channel(2);
            let octets = Bytes::from_static(b"From here");
            sender.send(Piece::Octets(octets)).await.unwrap();
            if is_whole {
                sender.send(Piece::End).await.unwrap();
            }
            let body = Body::from_stream(body(receiver, || {}));
            Ok::<_, Infallible>(Response::new(body))
        });
        let served = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        let read = async {
            let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            client.write_all(request).await.unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).await.unwrap();
            text
        };
        let (served, text) = tokio::join!(served, read);
        assert_eq!(served.is_ok(), is_whole);
        text
    }

    #[tokio::test]
    async fn a_client_can_tell_an_export_that_broke_off() {
        let whole = answer(true).await;
        assert!(whole.ends_with("From here\r\n0\r\n\r\n"), "{whole}");
        let broken = answer(false).await;
        assert!(!broken.contains("\r\n0\r\n"), "{broken}");
    }
}
