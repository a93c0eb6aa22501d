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
    use futures_util::StreamExt as _;

    use super::*;

    async fn told(pieces: Vec<Piece>) -> Vec<Option<Bytes>> {
        let (sender, receiver) = mpsc::channel(pieces.len());
        for piece in pieces {
            sender.send(piece).await.unwrap();
        }
        drop(sender);
        body(receiver, || {}).map(Result::ok).collect().await
    }

    #[tokio::test]
    async fn who_reads_is_told_of_what_broke_off() {
        let octets = Bytes::from_static(b"From ");
        let piece = || Piece::Octets(octets.clone());
        let whole = told(vec![piece(), Piece::End]).await;
        assert_eq!(whole, [Some(octets.clone())]);
        let broken = told(vec![piece()]).await;
        assert_eq!(broken, [Some(octets.clone()), None]);
    }
}
