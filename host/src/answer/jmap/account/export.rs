//! All of an account's mail, or a mailbox of it, to be kept elsewhere: a download that a link of our own page begins.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::super::download::disposition;
use super::super::query;
use super::super::refusal::Refusal;
use super::super::turns::Kind;
use super::super::visitor::Visitor;
use super::failed;
use crate::moving::{Account, Inside, stream::export};

/// Pieces that wait for who reads.
const WAITING: usize = 4;

pub(super) async fn download(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, _) = request.into_parts();
    let (account, _) = visitor.by_cookie_of_link(&head.headers).await?;
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
    let inside = Inside::new(Handle::current(), Arc::clone(&account), gate);
    let mut leaving = Account::inside(inside, &account.address);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        export(&mut leaving, mailbox.as_deref(), pieces);
    });
    let body = stream::unfold((receiver, visitor), |(mut receiver, visitor)| async move {
        let piece = receiver.recv().await?;
        // It may take longer than a connection may that nobody asks anything of.
        visitor.stays();
        Some((piece, (receiver, visitor)))
    });
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
