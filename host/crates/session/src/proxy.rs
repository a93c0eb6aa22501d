//! The header of the PROXY protocol: for whom a proxy has opened a connection.
//!
//! Standards: HAProxy's `proxy-protocol.txt`, §2.1 (version 1), §2.2 (version 2).
//! Invariants: only what begins as a header is waited for; at most [`LONGEST`] octets are ever needed; a header that is cut
//! short is the same header. Whether a peer may send one is the listener's to know: this reads, and trusts nobody.

mod crc32c;
mod v1;
mod v2;

use std::net::SocketAddr;

/// The longest header that is read, in octets. Version 1 allows 107, version 2 up to 65,551: that is addresses of at most
/// 216 and vectors, of which real proxies send some hundreds.
pub const LONGEST: usize = 4096;

/// Whom a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The proxy's own (a health check), or of a kind that has no addresses here: the connection's own addresses count.
    Local,
    /// A client's.
    Proxied {
        /// The client.
        source: SocketAddr,
        /// Where it connected to.
        destination: SocketAddr,
    },
}

/// Why what came is no header. The connection is to be closed without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It does not begin as one.
    #[error("no PROXY header")]
    Absent,
    /// Longer than its version allows, or than [`LONGEST`].
    #[error("the PROXY header is too long")]
    TooLong,
    /// It begins as one and is none.
    #[error("the PROXY header is malformed")]
    Malformed,
    /// Its checksum is wrong.
    #[error("the PROXY header has a wrong checksum")]
    Checksum,
}

/// Reads a header off the front of what has come so far: the header and its length in octets, after which the protocol
/// begins; `None` if more is needed.
///
/// # Errors
/// No header can come of this, whatever follows.
pub fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProxyError> {
    let begins = |signature: &[u8]| {
        let shared = signature.len().min(bytes.len());
        bytes.get(..shared) == signature.get(..shared)
    };
    if begins(v1::SIGNATURE) {
        v1::read(bytes)
    } else if begins(v2::SIGNATURE) {
        v2::read(bytes)
    } else {
        Err(ProxyError::Absent)
    }
}

/// A header that was found.
type Found = Result<Option<(Header, usize)>, ProxyError>;
