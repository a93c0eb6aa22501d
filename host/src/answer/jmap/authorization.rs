//! What a request says of who asks: Authorization (RFC 9110 §11.6.2), by Basic (RFC 7617) and Bearer (RFC 6750 §2.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use waxwing_sasl::{Credentials, Mechanism, Offer, Token};

/// Longest user name and password, in octets of their base64.
const MAX_BASIC: usize = 4096;

/// What is offered, under the name that policy is told.
pub(super) fn read(value: &str) -> Option<(&'static str, Offer)> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        return basic(rest).map(|offer| ("BASIC", offer));
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return bearer(rest).map(|offer| ("BEARER", offer));
    }
    None
}

/// Whether a listener that names its mechanisms takes this: what SASL calls PLAIN and OAUTHBEARER is the same by HTTP.
pub(super) fn allowed(mechanisms: &[Mechanism]) -> (bool, bool) {
    let has = |mechanism| mechanisms.is_empty() || mechanisms.contains(&mechanism);
    (has(Mechanism::Plain), has(Mechanism::OAuthBearer))
}

/// RFC 7617 §2: the first colon ends the name.
fn basic(text: &str) -> Option<Offer> {
    if text.len() > MAX_BASIC {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(Offer::Password(Credentials {
        authorise_as: String::new(),
        user: user.to_owned(),
        password: password.to_owned(),
    }))
}

fn bearer(text: &str) -> Option<Offer> {
    let fits = (1..=Token::LONGEST).contains(&text.len());
    let visible = text.bytes().all(|octet| octet.is_ascii_graphic());
    (fits && visible).then(|| {
        Offer::Token(Token {
            user: String::new(),
            token: text.to_owned(),
            host: None,
            port: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemes_in_any_case() {
        // RFC 7617 §2: the example.
        let Some(("BASIC", Offer::Password(pair))) = read("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        else {
            panic!("no password");
        };
        assert_eq!(
            (pair.user.as_str(), pair.password.as_str()),
            ("Aladdin", "open sesame")
        );
        let Some(("BEARER", Offer::Token(token))) = read("BEARER wxt_1") else {
            panic!("no token");
        };
        assert_eq!(token.token, "wxt_1");
    }

    #[test]
    fn what_says_nothing() {
        let long = format!("Bearer {}", "x".repeat(Token::LONGEST + 1));
        for value in [
            "",
            "Basic",
            "Basic !",
            "Basic QWxhZGRpbg==",
            "Bearer ",
            "Bearer a b",
            "Digest x",
            "Basic /////w==",
            &long,
        ] {
            assert!(read(value).is_none(), "{value}");
        }
    }
}
