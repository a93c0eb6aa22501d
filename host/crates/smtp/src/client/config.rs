//! How one connection is to be used.

use std::time::Duration;

use waxwing_sasl::Login;

use super::seconds;

/// What the peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033: a reply for each recipient.
    Lmtp,
}

/// When TLS begins, and whether it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsUse {
    /// At once (RFC 8314).
    Implicit,
    /// By STARTTLS; without it nothing is sent.
    Required,
    /// By STARTTLS if the peer offers it (RFC 7435). A handshake that fails is a failure at
    /// [`Stage::StartTls`](super::Stage::StartTls), and leaves it to the caller to connect anew with [`TlsUse::Never`].
    Opportunistic,
    /// Never.
    Never,
}

/// The settings of a connection.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// What this host calls itself.
    pub hostname: Box<str>,
    /// What is spoken.
    pub protocol: Protocol,
    /// When TLS begins.
    pub tls: TlsUse,
    /// With what to log in; without a login nothing is sent then.
    pub login: Option<Login>,
    /// Whether a password may be sent without TLS.
    pub clear_passwords: bool,
    /// BDAT is used where it is offered: it needs no dots, and has no end that could be mistaken.
    pub chunking: bool,
    /// Octets of content in one chunk, and in one ask.
    pub chunk: usize,
    /// Recipients in one group of commands; their replies must fit into what the network keeps (RFC 2920 §3.1).
    pub group: usize,
    /// Octets that are kept of what the peer says before it is read.
    pub backlog: usize,
    /// Bounds on time.
    pub timeouts: ClientTimeouts,
}

impl ClientConfig {
    /// The usual settings: SMTP, TLS where it is offered, no login.
    #[must_use]
    pub fn new(hostname: impl Into<Box<str>>) -> Self {
        Self {
            hostname: hostname.into(),
            protocol: Protocol::Smtp,
            tls: TlsUse::Opportunistic,
            login: None,
            clear_passwords: false,
            chunking: true,
            chunk: 256 << 10,
            group: 100,
            backlog: 1 << 20,
            timeouts: ClientTimeouts::default(),
        }
    }
}

/// How long the peer may take (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug)]
pub struct ClientTimeouts {
    /// For its greeting: §4.5.3.2.1 says 5 minutes.
    pub greeting: Duration,
    /// For the replies that the standard has no time for: EHLO, STARTTLS and its handshake, AUTH.
    pub command: Duration,
    /// For its reply to MAIL: §4.5.3.2.2 says 5 minutes.
    pub mail: Duration,
    /// For its reply to RCPT: §4.5.3.2.3 says 5 minutes.
    pub rcpt: Duration,
    /// For its reply to DATA: §4.5.3.2.4 says 2 minutes.
    pub data: Duration,
    /// For its reply to a chunk: §4.5.3.2.5 says 3 minutes for a block of content.
    pub block: Duration,
    /// For its reply to the end of the content: §4.5.3.2.6 says 10 minutes.
    pub content: Duration,
    /// For its reply to QUIT, on which nothing depends.
    pub quit: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        Self {
            greeting: seconds(5 * 60),
            command: seconds(5 * 60),
            mail: seconds(5 * 60),
            rcpt: seconds(5 * 60),
            data: seconds(2 * 60),
            block: seconds(3 * 60),
            content: seconds(10 * 60),
            quit: seconds(10),
        }
    }
}
