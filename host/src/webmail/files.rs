//! A file of the webmail as a response.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What is said where the program was compiled without the webmail.
const NOT_BUILT: &str = "The webmail was not built into this program. `make build` builds both; where cargo is called by hand, `tools/web.sh` comes before it.\n";

/// The file of a path below `/mail/`.
pub(super) fn respond(path: &str, asked: &HeaderMap) -> Response {
    if !waxwing_webmail::is_built() {
        let fresh = [(header::CACHE_CONTROL, "no-store")];
        return (StatusCode::SERVICE_UNAVAILABLE, fresh, NOT_BUILT).into_response();
    }
    let text = |name| asked.get(name).and_then(|value| value.to_str().ok());
    let accepted = text(header::ACCEPT_ENCODING).unwrap_or_default();
    let found = waxwing_webmail::find(path).and_then(|file| Some((file, file.form(accepted)?)));
    let Some((file, form)) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let known = text(header::IF_NONE_MATCH).is_some_and(|tags| is_among(form.tag, tags));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, file.kind)], form.octets).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in file.headers {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers.insert(header::ETAG, HeaderValue::from_static(form.tag));
    if file.varies() {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if form.coding != "identity" && !known {
        let coding = HeaderValue::from_static(form.coding);
        headers.insert(header::CONTENT_ENCODING, coding);
    }
    response
}

/// RFC 9110 §13.1.2: whether If-None-Match names the tag, compared weakly.
fn is_among(tag: &str, tags: &str) -> bool {
    let mut named = tags.split(',').map(str::trim);
    named.any(|named| named == "*" || named.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_are_known() {
        for (tags, known) in [
            ("\"1\"", true),
            ("W/\"1\"", true),
            ("\"2\", \"1\"", true),
            ("*", true),
            ("\"11\"", false),
            ("1", false),
            ("", false),
        ] {
            assert_eq!(is_among("\"1\"", tags), known, "{tags}");
        }
    }
}
