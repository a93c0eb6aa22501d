//! What the driver tells policy of a connection, a login and a transaction.

use std::net::SocketAddr;
use std::sync::Arc;

use waxwing_mail::{Param, Protocol, ReversePath};

/// A connection, when it begins.
#[derive(Clone, Debug)]
pub struct ConnectionFacts {
    /// Unique among the sessions of this server.
    pub id: String,
    /// What is spoken.
    pub protocol: Protocol,
    /// The listener's name.
    pub listener: Arc<str>,
    /// The client's end.
    pub client: SocketAddr,
    /// This server's end.
    pub local: SocketAddr,
    /// What TLS settled, if the connection began with it.
    pub tls: Option<TlsFacts>,
}

/// What a TLS handshake settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3` and the like.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// The server name that the client asked for (RFC 6066 §3).
    pub server_name: Option<String>,
}

/// Credentials to be verified.
#[derive(Clone)]
pub struct LoginAttempt {
    /// The mechanism, or the command that carried them: `PLAIN`, `LOGIN`, `USER`.
    pub mechanism: String,
    /// The authentication identity.
    pub user: String,
    /// The authorisation identity, empty if none was given.
    pub authorise_as: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for LoginAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the password.
        f.debug_struct("LoginAttempt")
            .field("mechanism", &self.mechanism)
            .field("user", &self.user)
            .field("authorise_as", &self.authorise_as)
            .finish_non_exhaustive()
    }
}

/// A transaction, when MAIL begins it.
#[derive(Clone, Debug)]
pub struct TransactionFacts {
    /// Under which the message is traced.
    pub queue_id: String,
    /// The value of MAIL FROM.
    pub sender: ReversePath,
    /// Its parameters.
    pub params: Vec<Param>,
    /// SIZE= in octets.
    pub declared_size: Option<u64>,
    /// SMTPUTF8 was asked for.
    pub smtputf8: bool,
}
