//! OAUTHBEARER and XOAUTH2: an access token in place of a password.
//!
//! Standards: RFC 7628 §3 (OAUTHBEARER), RFC 6750 §2.1 (`Bearer`); Google's XOAUTH2, which has no other standard.
//! Invariants: a token is never printed.

use std::fmt;

use crate::credentials::Credentials;
use crate::exchange::SaslError;

/// An access token, to be verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose the client says it is, and as whom it wants to act; OAUTHBEARER need not say.
    pub user: String,
    /// The token, as the issuer wrote it.
    pub token: String,
    /// `host` of OAUTHBEARER: where the client believes to be. RFC 7628 §3.2: to be compared where it is known.
    pub host: Option<String>,
    /// `port` of OAUTHBEARER.
    pub port: Option<u16>,
}

impl Token {
    /// The longest token in octets.
    pub const LONGEST: usize = 8 << 10;
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("user", &self.user)
            .field("token", &format_args!("…"))
            .field("host", &self.host)
            .field("port", &self.port)
            .finish()
    }
}

/// RFC 7628 §3.2.2: what a client is told whose token is not taken; it answers with one octet, and fails then.
pub(crate) const REFUSED: &str = r#"{"status":"invalid_token"}"#;
/// The same for XOAUTH2, whose clients read a number there.
pub(crate) const REFUSED_XOAUTH2: &str = r#"{"status":"401","schemes":"bearer"}"#;

/// `client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep` (RFC 7628 §3.1).
pub(crate) fn bearer(response: &[u8]) -> Result<Token, SaslError> {
    let response = text(response)?;
    let (header, pairs) = response.split_once('\u{1}').ok_or(SaslError::Malformed)?;
    let mut words = header.splitn(3, ',');
    // gs2-header: no channel binding is defined for it.
    let (Some("n" | "y"), Some(authzid), Some("")) = (words.next(), words.next(), words.next())
    else {
        return Err(SaslError::Malformed);
    };
    let user = match authzid {
        "" => "",
        text => text.strip_prefix("a=").ok_or(SaslError::Malformed)?,
    };
    let user = user.replace("=2C", ",").replace("=3D", "=");
    let mut token = None;
    let (mut host, mut port) = (None, None);
    for pair in pairs_of(pairs)? {
        match pair.split_once('=').ok_or(SaslError::Malformed)? {
            ("auth", value) => token = Some(bearer_token(value)?),
            ("host", value) => host = Some(value.to_owned()),
            ("port", value) => port = Some(value.parse().map_err(|_| SaslError::Malformed)?),
            // RFC 7628 §3.1: unknown pairs MUST be ignored.
            _ => {}
        }
    }
    checked(Token {
        user,
        token: token.ok_or(SaslError::Malformed)?,
        host,
        port,
    })
}

/// `user=` name ^A `auth=Bearer` token ^A ^A.
pub(crate) fn xoauth2(response: &[u8]) -> Result<Token, SaslError> {
    let (mut user, mut token) = (None, None);
    for pair in pairs_of(text(response)?)? {
        match pair.split_once('=').ok_or(SaslError::Malformed)? {
            ("user", value) => user = Some(value.to_owned()),
            ("auth", value) => token = Some(bearer_token(value)?),
            _ => {}
        }
    }
    checked(Token {
        user: user
            .filter(|user| !user.is_empty())
            .ok_or(SaslError::Malformed)?,
        token: token.ok_or(SaslError::Malformed)?,
        host: None,
        port: None,
    })
}

/// `*kvpair kvsep`, each pair with its own separator.
fn pairs_of(text: &str) -> Result<impl Iterator<Item = &str>, SaslError> {
    let pairs = match text.strip_suffix("\u{1}\u{1}") {
        Some(pairs) => pairs,
        None if text == "\u{1}" => "",
        None => return Err(SaslError::Malformed),
    };
    Ok(pairs.split('\u{1}').filter(|pair| !pair.is_empty()))
}

/// RFC 6750 §2.1: `Bearer`, in any case, and `b64token`.
fn bearer_token(value: &str) -> Result<String, SaslError> {
    let (scheme, token) = value.split_once(' ').ok_or(SaslError::Malformed)?;
    let token = token.trim();
    let clean = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() || !token.bytes().all(clean) {
        return Err(SaslError::Malformed);
    }
    Ok(token.to_owned())
}

fn checked(token: Token) -> Result<Token, SaslError> {
    let host = token.host.as_ref().map_or(0, String::len);
    if token.user.len().max(host) > Credentials::LONGEST || token.token.len() > Token::LONGEST {
        return Err(SaslError::TooLong);
    }
    if token.user.chars().any(char::is_control) {
        return Err(SaslError::Malformed);
    }
    Ok(token)
}

fn text(response: &[u8]) -> Result<&str, SaslError> {
    if response.len() > 2 * Token::LONGEST {
        return Err(SaslError::TooLong);
    }
    std::str::from_utf8(response).map_err(|_| SaslError::Malformed)
}
