//! Connections that a proxy has opened for others: whom they are for, before anything is said.
//!
//! Standards: HAProxy's `proxy-protocol.txt` (versions 1 and 2).
//! Invariants: only proxies that the listener trusts are read; what is no header, or none in time, is closed without a word; not an octet
//! after the header is taken from the conversation.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use waxwing_session::proxy::{Header, LONGEST, ProxyError, read};

/// Both ends of a connection, as the conversation is to see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// The client.
    pub(super) client: SocketAddr,
    /// Where it connected to.
    pub(super) local: SocketAddr,
}

/// Why a connection has no header.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unproxied {
    /// What came is none.
    #[error(transparent)]
    Header(#[from] ProxyError),
    /// The connection broke or ended.
    #[error("the connection ended before its PROXY header: {0}")]
    Broken(#[from] io::Error),
    /// Nothing came in time.
    #[error("no PROXY header came in time")]
    Late,
}

/// Whom the connection is for; `own` if it is the proxy's own.
pub(super) async fn ends(
    stream: &mut TcpStream,
    own: Ends,
    limit: Duration,
) -> Result<Ends, Unproxied> {
    let header = timeout(limit, header(stream));
    Ok(match header.await.map_err(|_late| Unproxied::Late)?? {
        Header::Local => own,
        Header::Proxied {
            source,
            destination,
        } => Ends {
            client: source,
            local: destination,
        },
    })
}

/// Takes the header off the front of what comes.
async fn header(stream: &mut TcpStream) -> Result<Header, Unproxied> {
    let mut seen: Vec<u8> = Vec::new();
    let mut next = [0; LONGEST];
    loop {
        let coming = stream.peek(&mut next).await?;
        if coming == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let taken = seen.len();
        seen.extend_from_slice(next.get(..coming).unwrap_or_default());
        // As long as more is needed, all that came is of the header.
        let found = read(&seen)?;
        let header_ends = found.map_or(seen.len(), |(_, length)| length);
        let own = header_ends.saturating_sub(taken);
        stream
            .read_exact(next.get_mut(..own).unwrap_or_default())
            .await?;
        if let Some((header, _)) = found {
            return Ok(header);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.25 4711 25\r\n";

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    fn own(stream: &TcpStream) -> Ends {
        Ends {
            client: stream.peer_addr().unwrap(),
            local: stream.local_addr().unwrap(),
        }
    }

    #[tokio::test]
    async fn a_header_in_pieces_leaves_what_follows() {
        let (mut client, mut server) = connected().await;
        let own = own(&server);
        let reading = async { ends(&mut server, own, Duration::from_secs(20)).await };
        let writing = async {
            for octet in HEADER {
                client.write_all(&[*octet]).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.write_all(b"EHLO x\r\n").await.unwrap();
        };
        let (read, ()) = tokio::join!(reading, writing);
        let read = read.unwrap();
        assert_eq!(read.client, "192.0.2.7:4711".parse().unwrap());
        assert_eq!(read.local, "198.51.100.25:25".parse().unwrap());
        drop(client);
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"EHLO x\r\n");
    }

    #[tokio::test]
    async fn the_proxys_own_connection_keeps_its_ends() {
        let (mut client, mut server) = connected().await;
        client.write_all(b"PROXY UNKNOWN\r\n").await.unwrap();
        let own = own(&server);
        assert_eq!(
            ends(&mut server, own, Duration::from_secs(20))
                .await
                .unwrap(),
            own
        );
    }

    #[tokio::test]
    async fn what_is_no_header_and_what_does_not_come_are_told_apart() {
        let (mut client, mut server) = connected().await;
        client.write_all(b"EHLO x\r\n").await.unwrap();
        let own = own(&server);
        let read = ends(&mut server, own, Duration::from_secs(20)).await;
        assert!(matches!(read, Err(Unproxied::Header(ProxyError::Absent))));
        let (client, mut server) = connected().await;
        let read = ends(&mut server, own, Duration::from_millis(1)).await;
        assert!(matches!(read, Err(Unproxied::Late)));
        drop(client);
        let read = ends(&mut server, own, Duration::from_secs(20)).await;
        assert!(matches!(read, Err(Unproxied::Broken(_))));
    }
}
