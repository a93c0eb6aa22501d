//! The bytes of one connection, in clear or under TLS, compressed or not, in both directions.
//!
//! Invariants: no read buffer is held while a connection is idle (bytes land in a buffer of the thread and go
//! straight into the session); what waits to be sent is bounded by the driver, which flushes before it steps on.

mod deflate;

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use waxwing_sasl::ChannelBinding;

use self::deflate::Inflate;
use crate::tls::{self, Acceptor};

/// Octets read at a time.
const SCRATCH: usize = 64 * 1024;
/// Octets of what came too early that are counted.
const EARLY: usize = 512;
/// Pieces of output below this size are gathered into one write.
const SMALL: usize = 4 * 1024;
/// What a peer may still send after the goodbye before the connection is cut, in octets and in time.
const LINGER: (usize, Duration) = (256 * 1024, Duration::from_millis(500));

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// A connection.
pub(crate) struct Transport {
    stream: Stream,
    /// Since the session said so, both directions are compressed (RFC 4978).
    inflate: Option<Box<Inflate>>,
}

/// What is under it.
enum Stream {
    /// In clear.
    Plain(TcpStream),
    /// Under TLS; boxed, since most of it is rustls' state.
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two, or after a failed handshake.
    Gone,
}

/// What a handshake settled, for trace fields and policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`.
    pub(crate) version: &'static str,
    /// The cipher suite as IANA registers it.
    pub(crate) cipher: String,
    /// The name that the peer asked for (RFC 6066 §3).
    pub(crate) server_name: Option<String>,
    /// What the connection is known by on both ends (RFC 9266).
    pub(crate) channel: Option<ChannelBinding>,
    /// The addresses that the client's certificate names, in lower case; of one that was verified.
    pub(crate) certified: Vec<String>,
}

impl TlsFacts {
    /// Of a connection whose handshake is over.
    pub(crate) fn of(connection: &rustls::ServerConnection) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
                _ => "TLSv1.2",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .map_or_else(String::new, |suite| iana_name(suite.suite())),
            server_name: connection.server_name().map(str::to_owned),
            channel: channel_of(connection),
            certified: connection
                .peer_certificates()
                .and_then(<[_]>::first)
                .map_or_else(Vec::new, |certificate| tls::addresses(certificate)),
        }
    }
}

impl Stream {
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        take: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<usize>> {
        BUFFER.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            let read = match self {
                Self::Plain(stream) => Pin::new(stream).poll_read(context, &mut buffer),
                Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, &mut buffer),
                Self::Gone => Poll::Ready(Ok(())),
            };
            ready!(read)?;
            let read = buffer.filled();
            if !read.is_empty() {
                take(read);
            }
            Poll::Ready(Ok(read.len()))
        })
    }
}

impl Transport {
    /// A connection that was just accepted.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream: Stream::Plain(stream),
            inflate: None,
        }
    }

    /// From here on both directions are compressed. What the peer sent before has been read.
    pub(crate) fn compress(&mut self) {
        self.inflate = Some(Box::default());
    }

    /// Reads once and hands what came to `take`; 0 is the end.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        take: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<usize>> {
        let Some(inflate) = &mut self.inflate else {
            return self.stream.poll_receive(context, take);
        };
        let mut take = Some(take);
        loop {
            while inflate.is_ready() {
                let given = inflate.give(|octets| {
                    if let Some(take) = take.take() {
                        take(octets);
                    }
                })?;
                if let Some(given) = given {
                    return Poll::Ready(Ok(given));
                }
            }
            let read = self
                .stream
                .poll_receive(context, |octets| inflate.push(octets));
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }

    /// Octets that the peer has sent and nobody has read; of what is under TLS nothing is known.
    pub(crate) fn waiting(&self) -> usize {
        let Stream::Plain(stream) = &self.stream else {
            return 0;
        };
        let mut start = [0; EARLY];
        let mut start = ReadBuf::new(&mut start);
        // Looked at once: what comes later is not waited for.
        let mut context = Context::from_waker(std::task::Waker::noop());
        match stream.poll_peek(&mut context, &mut start) {
            Poll::Ready(Ok(waiting)) => waiting,
            _ => 0,
        }
    }

    /// Sends everything; each piece within `limit`, so that a peer that does not read is let go.
    pub(crate) async fn send(&mut self, output: &mut Output, limit: Duration) -> io::Result<()> {
        for piece in output.take() {
            timeout(limit, self.write(&piece))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        }
        output.leaving = false;
        Ok(())
    }

    async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let compressed;
        let piece = if self.inflate.is_some() {
            compressed = deflate::deflate(piece)?;
            compressed.as_slice()
        } else {
            piece
        };
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(piece).await,
            Stream::Tls(stream) => {
                stream.write_all(piece).await?;
                stream.flush().await
            }
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Shakes hands as the TLS server.
    pub(crate) async fn secure(
        &mut self,
        acceptor: &Acceptor,
        limit: Duration,
    ) -> io::Result<TlsFacts> {
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let stream = timeout(limit, acceptor.accept(stream))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let connection = stream.get_ref().1;
        let facts = TlsFacts::of(connection);
        self.stream = Stream::Tls(Box::new(stream));
        Ok(facts)
    }

    /// Says that nothing more comes, and lets the peer read what was sent: closing with unread input would make the
    /// system send a reset, which can overtake the last reply (RFC 9293 §3.10.4).
    pub(crate) async fn close(&mut self) {
        let linger = async {
            match &mut self.stream {
                Stream::Plain(stream) => stream.shutdown().await?,
                Stream::Tls(stream) => stream.shutdown().await?,
                Stream::Gone => return Ok(()),
            }
            let mut left = LINGER.0;
            while left > 0 {
                let stream = &mut self.stream;
                match std::future::poll_fn(|context| stream.poll_receive(context, |_| ())).await? {
                    0 => break,
                    read => left = left.saturating_sub(read),
                }
            }
            io::Result::Ok(())
        };
        // The goodbye is said; whether the peer hears it changes nothing.
        let _ended = timeout(LINGER.1, linger).await;
    }
}

/// RFC 9266 §3: the exporter of TLS 1.3, with its label and an empty context. §4.2: under TLS 1.2 it is safe only with an
/// extended master secret, which rustls does not tell of.
fn channel_of(connection: &rustls::ServerConnection) -> Option<ChannelBinding> {
    let modern = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    let export =
        |octets| connection.export_keying_material(octets, b"EXPORTER-Channel-Binding", Some(b""));
    modern.then(|| export([0; 32]).ok()).flatten()
}

/// rustls writes `TLS13_AES_…` for what IANA registers as `TLS_AES_…`.
fn iana_name(suite: rustls::CipherSuite) -> String {
    format!("{suite:?}").replacen("TLS13_", "TLS_", 1)
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: Vec<Bytes>,
    tail: Vec<u8>,
    length: usize,
    /// Some of it is on its way: nobody knows how much of it left if that is given up.
    leaving: bool,
}

impl Output {
    /// Adds a piece; small ones are gathered.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if piece.len() < SMALL {
            self.tail.extend_from_slice(&piece);
        } else {
            self.close_tail();
            self.pieces.push(piece);
        }
    }

    /// Octets that wait.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Whether all that was to be sent is either sent or still here.
    pub(crate) fn is_whole(&self) -> bool {
        !self.leaving
    }

    fn take(&mut self) -> Vec<Bytes> {
        self.close_tail();
        self.leaving = self.length > 0;
        self.length = 0;
        std::mem::take(&mut self.pieces)
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(std::mem::take(&mut self.tail).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_are_gathered_in_order() {
        let mut output = Output::default();
        output.push(Bytes::from_static(b"a"));
        output.push(Bytes::from_static(b"b"));
        output.push(Bytes::from(vec![b'c'; SMALL]));
        output.push(Bytes::from_static(b"d"));
        assert_eq!(output.len(), SMALL + 3);
        let pieces = output.take();
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces[0], "ab");
        assert_eq!(pieces[2], "d");
        assert_eq!(output.len(), 0);
        assert!(output.take().is_empty());
    }

    #[test]
    fn cipher_suites_have_their_registered_names() {
        assert_eq!(
            iana_name(rustls::CipherSuite::TLS13_AES_256_GCM_SHA384),
            "TLS_AES_256_GCM_SHA384"
        );
        assert_eq!(
            iana_name(rustls::CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        );
    }
}
