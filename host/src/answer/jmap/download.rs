//! A download (RFC 8620 §6.2): a content, or a part of one, decoded.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use waxwing_jmap::{BlobId, Encoding, Problem};
use waxwing_message::{Part, Span};
use waxwing_store::Store;

use super::refusal::Refusal;
use super::visitor::Visitor;
use super::{content, unavailable};
use crate::budget::{Memory, Reservation, held};

/// Octets that are read at a time of what is sent as it is.
const PIECE: usize = 256 * 1024;

/// The media type that the query wants, if it is one.
pub(super) fn accept(query: &str) -> Option<String> {
    let decoded = super::query::value(query, "accept")?;
    let token = |text: &str| {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&octet);
        !text.is_empty() && text.len() <= 127 && text.bytes().all(allowed)
    };
    // RFC 6838 §4.2: what a name may be. Parameters are left out: nothing is known of the octets.
    let essence = decoded.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = essence.split_once('/')?;
    (token(kind) && token(subtype)).then(|| essence.to_ascii_lowercase())
}

/// The response: the octets of a blob that whoever asks may have.
pub(super) async fn respond(
    visitor: &Visitor,
    blob: BlobId,
    name: &str,
    accept: Option<String>,
) -> Result<Response, Refusal> {
    let store = &visitor.parts.store;
    let id = content(blob.content());
    let missing = || Refusal::not_found("no such blob");
    let failed = |error| match error {
        waxwing_store::Error::NoSuchBlob(_) => missing(),
        error => unavailable("a blob could not be read", &error),
    };
    let busy = || -> Refusal {
        let text = "the server has no memory for this now: try again later";
        Problem::Status(503, text.into()).into()
    };
    let body = match blob {
        BlobId::Whole(_) => {
            // A piece at a time is in memory, of each download as long as it lasts.
            let (budget, client) = (&visitor.parts.budget, visitor.client);
            let memory = Memory::reserve(budget, client, PIECE as u64).ok_or_else(busy)?;
            let first = store.read_blob(id, 0, PIECE).await.map_err(failed)?;
            pieces(store.clone(), id, (first, memory))
        }
        BlobId::Part { .. } => {
            let part = part(visitor, blob).await.map_err(failed)?;
            Body::from(part.ok_or_else(busy)?)
        }
    };
    let kind = accept.as_deref().unwrap_or("application/octet-stream");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(name)),
        // RFC 8620 §6.2: the octets of an id never change.
        (
            header::CACHE_CONTROL,
            "private, immutable, max-age=31536000".to_owned(),
        ),
        // Not for who uses the same browser next.
        (header::VARY, "authorization, cookie".to_owned()),
        // What strangers sent is shown by nobody as a page of this server.
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
    ];
    let mut response = body.into_response();
    for (name, value) in headers {
        put(&mut response, name, &value);
    }
    Ok(response)
}

fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A content of which the first piece was read, piece by piece.
fn pieces(store: Store, id: waxwing_store::BlobId, (first, memory): (Bytes, Reservation)) -> Body {
    if first.len() < PIECE {
        return Body::from(held(first, memory));
    }
    let state = (store, 0u64, Some(first), memory);
    Body::from_stream(stream::unfold(state, move |state| async move {
        let (store, at, read, memory) = state;
        let piece = match read {
            Some(first) => Ok(first),
            None => store.read_blob(id, at, PIECE).await,
        };
        match piece {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => {
                let next = at + piece.len() as u64;
                Some((Ok(piece), (store, next, None, memory)))
            }
            Err(error) => Some((Err(error), (store, at, None, memory))),
        }
    }))
}

/// How many octets of a span are read at most.
pub(super) fn read_of(span: Range<u64>, message_size: u64) -> u64 {
    let most = message_size.saturating_add(1 << 20);
    span.end.saturating_sub(span.start).min(most)
}

/// The octets of a part, decoded; of a whole content none. They are kept in memory that is taken before they are read: none, if it cannot be
/// had now.
pub(super) async fn part(
    visitor: &Visitor,
    blob: BlobId,
) -> Result<Option<Bytes>, waxwing_store::Error> {
    let BlobId::Part {
        content: id,
        start,
        end,
        encoding,
    } = blob
    else {
        return Ok(Some(Bytes::new()));
    };
    let parts = &visitor.parts;
    let length = read_of(start..end, parts.config.limits.message_size.bytes());
    let Some(memory) = Memory::reserve(&parts.budget, visitor.client, length) else {
        return Ok(None);
    };
    let length = usize::try_from(length).unwrap_or(0);
    let read = parts.store.read_blob(content(id), start, length).await?;
    Ok(Some(held(decoded(read, encoding).await, memory)))
}

async fn decoded(octets: Bytes, encoding: Encoding) -> Bytes {
    let encoding = match encoding {
        Encoding::Identity => return octets,
        Encoding::Base64 => "base64",
        Encoding::QuotedPrintable => "quoted-printable",
    };
    super::super::off_the_loop(octets, move |octets| {
        let part = Part {
            body: Span {
                start: 0,
                end: u32::try_from(octets.len()).unwrap_or(u32::MAX),
            },
            encoding: encoding.to_owned(),
            ..Part::default()
        };
        Bytes::from(part.decoded(octets).into_owned())
    })
    .await
}

/// RFC 6266 §4.3 and RFC 8187 §3.2: the name for programs that know only ASCII, and the name.
pub(super) fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            c if c.is_ascii_graphic() || c == ' ' => c,
            _ => '_',
        })
        .collect();
    let mut value = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        for octet in name.bytes() {
            if octet.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&octet) {
                value.push(char::from(octet));
            } else {
                value.push_str(&format!("%{octet:02X}"));
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_a_type_or_none() {
        let of = |query| accept(query);
        assert_eq!(of("accept=image%2Fpng").as_deref(), Some("image/png"));
        assert_eq!(
            of("x=1&accept=image/svg+xml").as_deref(),
            Some("image/svg+xml")
        );
        assert_eq!(
            of("accept=text/plain;charset=utf-8").as_deref(),
            Some("text/plain")
        );
        for bad in [
            "",
            "accept=",
            "accept=png",
            "accept=a/b%0d%0aX:y",
            "accept=a%2",
            "accept=%ff/x",
            "accept=a/%",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_are_written_for_old_programs_and_new_ones() {
        assert_eq!(disposition("a b.txt"), "attachment; filename=\"a b.txt\"");
        assert_eq!(
            disposition("ä\"\r\n.txt"),
            "attachment; filename=\"____.txt\"; filename*=UTF-8''%C3%A4%22%0D%0A.txt"
        );
    }
}
