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
    /// RFC 4422 appendix A: who it is was shown before, by a certificate.
    External,
}

/// What of a connection mechanisms may build on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// It has a channel binding (RFC 9266).
    pub bound: bool,
    /// The client has shown a certificate that says who it is.
    pub certified: bool,
}

impl Mechanism {
    /// All, the best first.
    pub const ALL: [Self; 7] = [
        Self::External,
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::Plain,
        Self::Login,
        Self::OAuthBearer,
        Self::XOAuth2,
    ];
    /// What a server offers that knows passwords and tokens, the best first.
    pub const OFFERED: [Self; 7] = Self::ALL;

    /// Whether it can be offered on a connection: what is tied to it only where that is possible (RFC 9266 §3), and what
    /// builds on a certificate where there is one.
    #[must_use]
    pub const fn fits(self, channel: Channel) -> bool {
        match self {
            Self::ScramSha256Plus => channel.bound,
            Self::External => channel.certified,
            _ => true,
        }
    }

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
            Self::External => "EXTERNAL",
        }
    }

    /// Whether the password itself is said, as commands for it do (IMAP's LOGIN, POP3's PASS).
    #[must_use]
    pub const fn says_password(self) -> bool {
        matches!(self, Self::Plain | Self::Login)
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
