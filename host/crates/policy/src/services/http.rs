//! Requests over HTTP and what comes of them, as policy and host speak of them.
//!
//! Policy decides what a step may ask of whom and puts its secrets in; the host resolves, checks the address, connects and speaks.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// The answer to a request.
pub type Exchange<'a> =
    Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFailure>> + Send + 'a>>;

/// A request that was checked against the step's grant.
#[derive(Clone)]
pub struct HttpRequest {
    /// Over TLS.
    pub secure: bool,
    /// A name in lower-case A-labels, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// `GET` and the like.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Header fields, secrets put in.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
    /// How long all of it may take.
    pub timeout: Duration,
    /// Octets that the content of the response may have.
    pub max_response: usize,
    /// Whether addresses of this machine and of private networks may be connected to.
    pub private: bool,
}

impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither header fields, which hold secrets, nor content.
        f.debug_struct("HttpRequest")
            .field("secure", &self.secure)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailure {
    /// The name leads only to addresses that may not be connected to.
    #[error("{0}")]
    AddressRefused(String),
    /// Nobody there, or no trust in who is.
    #[error("{0}")]
    Unreachable(String),
    /// Not in time.
    #[error("no response in time")]
    Timeout,
    /// Larger than allowed.
    #[error("the response is too large")]
    TooLarge,
    /// No HTTP.
    #[error("{0}")]
    Protocol(String),
}
