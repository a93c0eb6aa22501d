//! The mechanisms by their names.

use std::fmt;

/// A SASL mechanism that is known here; which are offered is for each protocol to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login: for old clients.
    Login,
    /// RFC 7677.
    ScramSha256,
    /// RFC 7677, bound to the TLS connection by RFC 9266.
    ScramSha256Plus,
    /// RFC 7628.
    OAuthBearer,
    /// Google's, older than RFC 7628 and still what many clients speak.
    XOAuth2,
}

impl Mechanism {
    /// All, the best first.
    pub const ALL: [Self; 6] = [
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::Plain,
        Self::Login,
        Self::OAuthBearer,
        Self::XOAuth2,
    ];
    /// Those that hand over a password in clear.
    pub const PASSWORD: [Self; 2] = [Self::Plain, Self::Login];

    /// The mechanism of a name in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(name))
    }

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
        }
    }

    /// Whether whoever listens could log in with what he heard.
    #[must_use]
    pub const fn needs_tls(self) -> bool {
        !matches!(self, Self::ScramSha256)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
