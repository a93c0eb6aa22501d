//! IMAP: another server's account as a source.
//!
//! Standards: RFC 3501; RFC 2342 (NAMESPACE), RFC 4616 (PLAIN), RFC 8314 (TLS). Mailboxes are opened by EXAMINE and bodies fetched by
//! PEEK: nothing changes there.

mod connection;
mod date;
mod response;
mod source;
mod tls;

pub(crate) use source::ImapSource;
pub(crate) use tls::Trust;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Security {
    /// TLS from the beginning (port 993).
    Implicit,
    /// TLS after STARTTLS, or nothing (port 143).
    Starttls,
    /// None: password and mail can be read on the way (port 143).
    None,
}

/// A server, and who logs in there.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) trust: Trust,
    pub(crate) user: String,
    pub(crate) password: String,
}
