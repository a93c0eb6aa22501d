//! What happens, as it happens: server-sent events of the figures, for as long as the client listens and its token is good.
//!
//! Standards: HTML §9.2 (the format of event streams).

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;
use waxwing_store::AdminToken;

use super::bearer;
use super::problem::Problem;
use crate::answer::jmap::Visitor;
use crate::flow::Listener;
use crate::shutdown::draining;

type Listening = (Arc<Visitor>, Listener, HeaderMap);

pub(super) fn stream(
    visitor: &Arc<Visitor>,
    token: AdminToken,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let listener = visitor.parts().flow.listen().ok_or_else(|| {
        Problem::new(
            503,
            "Too many listen already",
            "Close a console that is not looked at, or ask for `/flow` now and then.",
        )
    })?;
    tracing::debug!(token = token.name, "somebody listens to the figures");
    let listening = (Arc::clone(visitor), listener, headers.clone());
    let body = Body::from_stream(stream::unfold(listening, next));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// The next event; the end when the server ends, or the token is good no more.
async fn next(
    (visitor, mut listener, headers): Listening,
) -> Option<(std::io::Result<Bytes>, Listening)> {
    let mut phase = visitor.parts().shutdown.phase();
    let event = tokio::select! {
        () = draining(&mut phase) => return None,
        event = listener.events.recv() => event,
    };
    let text = match event {
        Ok(event) => format!("event: sample\ndata: {event}\n\n"),
        Err(RecvError::Closed) => return None,
        // Who is slow misses some.
        Err(RecvError::Lagged(_)) => ":\n\n".to_owned(),
    };
    bearer::identify(&visitor, &headers).await.ok()?;
    Some((Ok(text.into()), (visitor, listener, headers)))
}
