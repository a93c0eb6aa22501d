//! Mail that somebody brings along: an mbox or a message, which is put into a mailbox as its messages were appended one by one.
//!
//! The answer begins when all of the file is here, and is lines of JSON: `{"done": n}` while messages are dealt with, and at the end what came of
//! it. The file is on disk meanwhile, under no name that the owner has chosen.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use waxwing_jmap::Problem;

use super::super::query;
use super::super::refusal::Refusal;
use super::super::turns::Kind;
use super::super::unavailable;
use super::super::visitor::Visitor;
use super::{Owner, failed, told};
use crate::answer::gate::Gate;
use crate::moving::upload::{FOLDER, Upload};
use crate::moving::{Account, Filling, Inside, Progress, Wishes};

/// How long nothing may come of a file.
const SILENCE: Duration = Duration::from_secs(60);
/// Octets of a second in which a file has to come at least, once `SILENCE` is over: it has one of few places while it does.
const SLOWEST: u64 = 64 * 1024;
/// Octets of a file's name: it is in each line that tells of a message.
const LONGEST_NAME: usize = 255;
/// Lines that wait for who reads.
const WAITING: usize = 16;
/// Messages between two lines.
const STEP: u64 = 50;

/// What may be brought.
pub(super) async fn limits(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    Owner::of(&visitor, &headers).await?;
    let config = &visitor.parts.config;
    Ok(told(&json!({
        "fileSize": config.webmail.import_size.bytes(),
        "messageSize": config.limits.message_size.bytes(),
    })))
}

pub(super) async fn take(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let owner = Owner::of(&visitor, &head.headers).await?;
    let wanted = head.uri.query().unwrap_or_default();
    let text = |name| query::value(wanted, name).unwrap_or_default();
    let (mailbox, name) = (text("mailbox"), text("name"));
    if name.len() > LONGEST_NAME {
        let text = format!("a name may have {LONGEST_NAME} octets at most");
        return Err(Refusal::named(400, "invalid", text));
    }
    let store = &visitor.parts.store;
    let found = store.mailbox(owner.account.id, &mailbox).await;
    found.map_err(|error| match error {
        waxwing_store::Error::NoSuchMailbox(_) => Refusal::not_found("no such mailbox"),
        error => failed(error),
    })?;
    let turn = visitor.turn(&owner.account, Kind::Import)?;
    let gate = visitor.gate(&owner.account).await;
    if gate.pressed() {
        return Err(Refusal::Busy);
    }
    let unkept = |error: std::io::Error| unavailable("a file could not be kept", &error);
    let above = visitor.parts.config.data.join(FOLDER);
    tokio::fs::create_dir_all(&above).await.map_err(unkept)?;
    let folder = tempfile::tempdir_in(&above).map_err(unkept)?;
    let path = folder.path().join("upload");
    keep(&visitor, &gate, &head.headers, body, &path).await?;

    let (lines, receiver) = mpsc::channel::<Value>(WAITING);
    let inside = Inside::new(
        Arc::clone(&owner.account),
        owner.login.id,
        visitor.client,
        gate,
    );
    let mut account = Account::inside(inside, &owner.account.address);
    tokio::task::spawn_blocking(move || {
        let (_turn, _folder) = (turn, folder);
        let mut upload = Upload::new(&path, &name, &mailbox);
        let ended = fill(&mut account, &mut upload, &lines);
        // Nobody may be there to hear of it, or not soon; what was stored is stored.
        let _ = Handle::current().block_on(lines.send_timeout(ended, SILENCE));
    });
    let body = stream::unfold((receiver, visitor), |(mut receiver, visitor)| async move {
        let line = receiver.recv().await?;
        visitor.stays();
        let octets = Bytes::from(format!("{line}\n"));
        Some((Ok::<_, std::io::Error>(octets), (receiver, visitor)))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(body)).into_response())
}

/// Has the messages stored; what came of it.
fn fill(account: &mut Account, upload: &mut Upload, lines: &mpsc::Sender<Value>) -> Value {
    let steps = lines.clone();
    let progress = Progress::to(move |done| {
        if done.is_multiple_of(STEP) {
            // One who is behind hears the next one.
            let _ = steps.try_send(json!({ "done": done }));
        }
    });
    let tally = Filling::fill(account, upload, &Wishes::default(), &progress);
    let said = progress.said();
    match tally {
        Ok(tally) => json!({
            "messages": tally.messages, "known": tally.known, "leftOut": tally.left_out, "said": said,
        }),
        Err(failure) => json!({ "stopped": failure.text, "said": said }),
    }
}

/// Writes a file as it comes.
async fn keep(
    visitor: &Visitor,
    gate: &Gate,
    headers: &HeaderMap,
    mut body: Body,
    path: &Path,
) -> Result<(), Refusal> {
    let most = visitor.parts.config.webmail.import_size.bytes();
    let too_large = || {
        let text = format!("a file may have {most} octets at most");
        Refusal::named(413, "tooLarge", text)
    };
    let told = super::super::text(headers, header::CONTENT_LENGTH);
    let length = told.and_then(|text| text.parse::<u64>().ok());
    if length.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let unkept = |error: std::io::Error| unavailable("a file could not be kept", &error);
    let mut out = tokio::fs::File::create(path).await.map_err(unkept)?;
    let (mut left, start) = (most, Instant::now());
    loop {
        let late = start + time_for(most - left);
        let next = late.min(Instant::now() + SILENCE);
        let frame = tokio::time::timeout_at(next.into(), body.frame()).await;
        let frame =
            frame.map_err(|_late| Problem::Status(408, "the file came too slowly".into()))?;
        let Some(frame) = frame else { break };
        let broken = |_| Problem::Status(400, "the file ended before it was whole".into());
        let Ok(piece) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        // A file is large enough that there may be room as it begins to come, and none soon after.
        if gate.pressed() {
            return Err(Refusal::Busy);
        }
        left = left.checked_sub(piece.len() as u64).ok_or_else(too_large)?;
        out.write_all(&piece).await.map_err(unkept)?;
        visitor.stays();
    }
    out.flush().await.map_err(unkept)
}

/// How long a file may take of which so many octets have come.
fn time_for(octets: u64) -> Duration {
    SILENCE + Duration::from_secs(octets / SLOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_time_in_proportion_to_what_has_come() {
        assert_eq!(time_for(0), SILENCE);
        assert_eq!(time_for(60 * SLOWEST), 2 * SILENCE);
        // An octet now and then earns no time at all.
        assert_eq!(time_for(1_000), SILENCE);
    }
}
