//! What a browser sends along by itself, and what shows that one of our own pages made it do so.
//!
//! Standards: RFC 6265 §4.1, §5.4 (cookies), RFC 6454 §7 (Origin), the W3C's Fetch Metadata (Sec-Fetch-Site).
//! Invariant: that there is a cookie proves nothing of who made the request; a page of another site cannot set a field of its own, nor send
//! JSON, without asking us first (CORS), which nobody here answers.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use super::super::text;

/// Under TLS. The prefix keeps it to this very host: no other one can set it, and no other path.
const SECURE: &str = "__Host-waxwing";
/// In clear, for development on the loopback, where the prefix is not allowed.
const CLEAR: &str = "waxwing";
/// The field that our own pages send.
const OWN: &str = "x-waxwing";
/// Longest secret that is looked at.
const LONGEST: usize = 128;

fn name(tls: bool) -> &'static str {
    if tls { SECURE } else { CLEAR }
}

/// The secret of the request. Of several by the same name nobody knows which is ours: there is none then.
pub(super) fn secret(headers: &HeaderMap, tls: bool) -> Option<&str> {
    let fields = headers.get_all(header::COOKIE).iter();
    let mut found = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(named, _)| *named == name(tls))
        .map(|(_, value)| value);
    let secret = found.next()?;
    let fits = !secret.is_empty() && secret.len() <= LONGEST;
    (fits && found.next().is_none()).then_some(secret)
}

/// The field that sets the cookie. It goes when the browser ends unless it is kept for a time, and its login ends by itself sooner or later.
pub(super) fn set(secret: &str, tls: bool, kept: Option<Duration>) -> Option<HeaderValue> {
    let secure = if tls { "; Secure" } else { "" };
    let age = kept.map_or_else(String::new, |kept| format!("; Max-Age={}", kept.as_secs()));
    let text = format!(
        "{}={secret}; Path=/{secure}; HttpOnly; SameSite=Strict{age}",
        name(tls)
    );
    HeaderValue::from_str(&text).ok()
}

/// The field that takes it back (RFC 6265 §3.1).
pub(super) fn clear(tls: bool) -> HeaderValue {
    HeaderValue::from_static(if tls {
        "__Host-waxwing=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
    } else {
        "waxwing=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    })
}

/// Whether one of our own pages has made the request, wherever it came from.
pub(super) fn names_itself(headers: &HeaderMap) -> bool {
    headers.contains_key(OWN)
}

/// Whether one of our own pages has made the request, and it came from here.
pub(super) fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let field = |name| headers.get(name);
    let (site, from) = (field("sec-fetch-site"), field("origin"));
    if site.is_some_and(|site| site != "same-origin") || from.is_some_and(|from| from != origin) {
        return false;
    }
    let kind = text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let json = kind.eq_ignore_ascii_case("application/json");
    // A browser's handshake of a WebSocket has no field of the page's own, and says its origin always.
    let handshake = field("sec-websocket-key").is_some() && from.is_some();
    names_itself(headers) || handshake || json && (site.is_some() || from.is_some())
}

/// Whether somebody has followed a link of one of our own pages. Mail is shown in documents without an origin: their links are of another site.
pub(super) fn is_own_link(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|said| said == value);
    says("sec-fetch-site", "same-origin") && !headers.contains_key(header::ORIGIN)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    #[test]
    fn the_secret_among_other_cookies() {
        let of =
            |cookie: &str, tls| secret(&headers(&[("cookie", cookie)]), tls).map(str::to_owned);
        assert_eq!(of("a=b; __Host-waxwing=x1; c", true).as_deref(), Some("x1"));
        assert_eq!(of("waxwing=x1", false).as_deref(), Some("x1"));
        // What was set in clear is nothing under TLS: somebody else may have set it.
        assert_eq!(of("waxwing=x1", true), None);
        assert_eq!(of("__Host-waxwing=x1", false), None);
        for none in [
            "",
            "waxwing",
            "waxwing=",
            "xwaxwing=1",
            "waxwing=1; waxwing=2",
            "Waxwing=1",
        ] {
            assert_eq!(of(none, false), None, "{none}");
        }
        assert_eq!(of(&format!("waxwing={}", "x".repeat(129)), false), None);
        let twice = headers(&[("cookie", "waxwing=1"), ("cookie", "waxwing=1")]);
        assert_eq!(secret(&twice, false), None);
    }

    #[test]
    fn a_cookie_is_kept_if_that_is_wished_for() {
        let of = |kept| set("x1", true, kept).unwrap();
        let field = "__Host-waxwing=x1; Path=/; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(of(None), field);
        let week = Duration::from_secs(7 * 86_400);
        assert_eq!(of(Some(week)), format!("{field}; Max-Age=604800").as_str());
    }

    #[test]
    fn whose_page_it_was() {
        let origin = "https://mail.example.org";
        let own = |fields: &[(&'static str, &str)]| is_own(&headers(fields), origin);
        let json = ("content-type", "application/json; charset=utf-8");
        let mark = ("x-waxwing", "1");
        let same = ("sec-fetch-site", "same-origin");
        let from = ("origin", origin);
        assert!(own(&[mark]));
        assert!(own(&[mark, same, from]));
        assert!(own(&[json, same]));
        assert!(own(&[json, from]));
        assert!(own(&[("sec-websocket-key", "x"), from]));
        for site in ["cross-site", "same-site", "none", ""] {
            let site = ("sec-fetch-site", site);
            assert!(!own(&[mark, json, from, site]), "{site:?}");
        }
        for other in [
            "null",
            "http://mail.example.org",
            "https://mail.example.org:8443",
            "https://evil.example",
        ] {
            assert!(!own(&[mark, json, same, ("origin", other)]), "{other}");
        }
        // A link that is followed, a form, a handshake of who is no browser.
        assert!(!own(&[]));
        assert!(!own(&[same]));
        assert!(!own(&[same, from, ("content-type", "text/plain")]));
        assert!(!own(&[json]));
        assert!(!own(&[("sec-websocket-key", "x"), same]));
    }
}
