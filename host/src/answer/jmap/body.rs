//! The body of a request, gathered.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use waxwing_jmap::{LimitName, Problem};

use super::refusal::Refusal;
use super::visitor::Visitor;
use crate::budget::{Content, Reservation};

/// How long a body may take to come.
const WHOLE: Duration = Duration::from_secs(300);

/// All octets of a body, of which there are no more than the limit; the memory counts as used until the second value is dropped.
pub(super) async fn gather(
    visitor: &Visitor,
    body: Body,
    limit: (u64, LimitName),
) -> Result<(Bytes, Reservation), Refusal> {
    let gathered = tokio::time::timeout(WHOLE, pieces(visitor, body, limit)).await;
    gathered.map_err(|_late| Problem::Status(408, "the body took too long to come".into()))?
}

async fn pieces(
    visitor: &Visitor,
    mut body: Body,
    (most, name): (u64, LimitName),
) -> Result<(Bytes, Reservation), Refusal> {
    let mut content = Content::new(&visitor.parts.budget, visitor.client);
    let mut left = most;
    while let Some(frame) = body.frame().await {
        let broken = |_| Problem::Status(400, "the body ended before it was whole".into());
        let Ok(piece) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        left = left
            .checked_sub(piece.len() as u64)
            .ok_or(Problem::Limit(name))?;
        content.push(piece);
        if content.is_lost() {
            break;
        }
    }
    content.take().ok_or_else(|| {
        Problem::Status(503, "there is no memory for it now; try again later".into()).into()
    })
}
