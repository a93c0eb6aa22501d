//! Small blocking clients, and the connection under them.
//!
//! Invariant: what goes wrong on the way is an error, not a panic: load and crash tests expect it.

mod events;
mod http;
mod imap;
mod pop3;
mod smtp;
mod websocket;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, DigitallySignedStruct, SignatureScheme,
    StreamOwned,
};

pub use events::{Event, Events};
pub use http::{Http, Page};
pub use imap::{Fetched, Imap, ImapReply};
pub use pop3::Pop3;
pub use smtp::{Reply, Smtp};
pub use websocket::{Frame, WebSocket};

/// How long a server may take for anything before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection, in clear or under TLS, with a buffer for lines.
pub struct Connection {
    stream: Option<Stream>,
    buffer: Vec<u8>,
    /// Octets of the buffer that were given out.
    used: usize,
}

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Connection {
    /// Connects in clear.
    ///
    /// # Errors
    /// The network's.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream: Some(Stream::Clear(stream)),
            buffer: Vec::new(),
            used: 0,
        })
    }

    /// Connects and begins TLS at once.
    ///
    /// # Errors
    /// The network's and the handshake's.
    pub fn open_tls(address: SocketAddr) -> io::Result<Self> {
        let mut connection = Self::open(address)?;
        connection.secure()?;
        Ok(connection)
    }

    /// Connects and begins TLS with a certificate of the client's: a PEM file with its key.
    ///
    /// # Errors
    /// The network's and the handshake's.
    pub fn open_certified(address: SocketAddr, pem: &[u8]) -> io::Result<Self> {
        let mut connection = Self::open(address)?;
        connection.shake_hands(certified_config(pem))?;
        Ok(connection)
    }

    /// Begins TLS; any certificate will do, for the server's is its own development one.
    ///
    /// # Errors
    /// The handshake's.
    pub fn secure(&mut self) -> io::Result<()> {
        self.shake_hands(client_config())
    }

    fn shake_hands(&mut self, config: Arc<ClientConfig>) -> io::Result<()> {
        let Some(Stream::Clear(mut tcp)) = self.stream.take() else {
            return Err(io::Error::other(
                "TLS is active already, or the connection is closed",
            ));
        };
        if self.used < self.buffer.len() {
            return Err(io::Error::other(
                "the server spoke in clear after it agreed to TLS",
            ));
        }
        let name = ServerName::try_from("mx.waxwing.example").map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        self.stream = Some(Stream::Tls(Box::new(StreamOwned::new(tls, tcp))));
        Ok(())
    }

    /// What the TLS connection is known by on both ends (RFC 9266 §3); none in clear.
    #[must_use]
    pub fn channel(&self) -> Option<[u8; 32]> {
        match self.stream.as_ref()? {
            Stream::Clear(_) => None,
            Stream::Tls(stream) => stream
                .conn
                .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
                .ok(),
        }
    }

    /// Sends octets.
    ///
    /// # Errors
    /// The network's.
    pub fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        match self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)? {
            Stream::Clear(stream) => stream.write_all(octets),
            Stream::Tls(stream) => stream.write_all(octets).and_then(|()| stream.flush()),
        }
    }

    /// The next line without its CRLF; `None` at the end of the stream.
    ///
    /// # Errors
    /// The network's; a stream that ends within a line gives what there is.
    pub fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            let rest = &self.buffer[self.used..];
            if let Some(end) = rest[searched..].iter().position(|octet| *octet == b'\n') {
                let end = searched + end;
                let line = rest[..end]
                    .strip_suffix(b"\r")
                    .unwrap_or(&rest[..end])
                    .to_vec();
                self.used += end + 1;
                return Ok(Some(line));
            }
            searched = rest.len();
            if self.fill()? == 0 {
                let line = self.buffer[self.used..].to_vec();
                self.used = self.buffer.len();
                return Ok((!line.is_empty()).then_some(line));
            }
        }
    }

    /// Exactly so many octets.
    ///
    /// # Errors
    /// The network's, or the end of the stream.
    pub fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() - self.used < count {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let octets = self.buffer[self.used..self.used + count].to_vec();
        self.used += count;
        Ok(octets)
    }

    /// Says that nothing more will be sent.
    pub fn hangup(&mut self) {
        let tcp = match self.stream.as_ref() {
            Some(Stream::Clear(stream)) => stream,
            Some(Stream::Tls(stream)) => &stream.sock,
            None => return,
        };
        let _gone = tcp.shutdown(std::net::Shutdown::Write);
    }

    /// Sets how long a read may take.
    pub fn set_patience(&self, patience: Duration) {
        let tcp = match self.stream.as_ref() {
            Some(Stream::Clear(stream)) => stream,
            Some(Stream::Tls(stream)) => &stream.sock,
            None => return,
        };
        tcp.set_read_timeout(Some(patience))
            .expect("a timeout can be set");
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
        } else if self.used > 1 << 16 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        let mut chunk = [0; 16 * 1024];
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let read = match stream {
            Stream::Clear(stream) => stream.read(&mut chunk),
            Stream::Tls(stream) => stream.read(&mut chunk),
        };
        match read {
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(count)
            }
            // A server may close TLS without saying so first.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                ) =>
            {
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }
}

/// An error that says what the server said.
pub(crate) fn unexpected(what: &str, said: &[u8]) -> io::Error {
    io::Error::other(format!(
        "{what}: the server said {}",
        waxwing_dialogue::escape(said)
    ))
}

/// The next line; the end of the stream is an error.
pub(crate) fn need_line(connection: &mut Connection) -> io::Result<Vec<u8>> {
    connection
        .line()?
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn client_config() -> Arc<ClientConfig> {
    static CONFIG: std::sync::OnceLock<Arc<ClientConfig>> = std::sync::OnceLock::new();
    CONFIG
        .get_or_init(|| Arc::new(any_server().with_no_client_auth()))
        .clone()
}

fn any_server() -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
}

fn certified_config(pem: &[u8]) -> Arc<ClientConfig> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(pem).expect("a key");
    let config = any_server().with_client_auth_cert(chain, key);
    Arc::new(config.expect("the key is the certificate's"))
}

/// Takes any certificate; signatures are still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
