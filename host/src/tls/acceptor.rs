//! Handshakes: those of clients, and those by which a certification authority sees that a name is ours.
//!
//! Standards: RFC 8737 (tls-alpn-01). Invariant: the certificate of a validation is shown to who asks by the protocol `acme-tls/1` only,
//! and nothing is said over such a connection.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::TlsError;

/// RFC 8737 §6.2.
const PROTOCOL: &[u8] = b"acme-tls/1";

/// Shakes hands as the server.
#[derive(Clone)]
pub(crate) struct Acceptor {
    usual: Arc<ServerConfig>,
    validation: Validation,
}

/// What is shown to the certification authority while it looks at a name; one name at a time.
#[derive(Clone, Default)]
pub(crate) struct Validation(Arc<ArcSwapOption<Shown>>);

struct Shown {
    name: String,
    config: Arc<ServerConfig>,
}

/// One certificate, whatever is asked for.
#[derive(Debug)]
struct Only(Arc<CertifiedKey>);

impl ResolvesServerCert for Only {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl Validation {
    /// Shows a certificate of this name from now on.
    pub(crate) fn show(&self, name: &str, pair: CertifiedKey) -> Result<(), TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Only(Arc::new(pair))));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        self.0.store(Some(Arc::new(Shown {
            name: name.to_owned(),
            config: Arc::new(config),
        })));
        Ok(())
    }

    /// Shows nothing any more.
    pub(crate) fn end(&self) {
        self.0.store(None);
    }
}

impl Acceptor {
    pub(super) fn new(usual: ServerConfig, validation: Validation) -> Self {
        Self {
            usual: Arc::new(usual),
            validation,
        }
    }

    /// Shakes hands. An error, too, when it was a validation: nobody is there to talk to.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.validation.0.load_full() {
            None => {
                TlsAcceptor::from(Arc::clone(&self.usual))
                    .accept(stream)
                    .await
            }
            // Boxed: it is rare, and all others need not make room for it.
            Some(shown) => Box::pin(self.look(stream, &shown)).await,
        }
    }

    async fn look<S>(&self, stream: S, shown: &Shown) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        // RFC 8737 §3: this protocol alone, and the name that is validated.
        let asked = hello.alpn().is_some_and(|mut offered| {
            offered.next() == Some(PROTOCOL) && offered.next().is_none()
        });
        if !asked {
            return start.into_stream(Arc::clone(&self.usual)).await;
        }
        if hello
            .server_name()
            .is_none_or(|name| !name.eq_ignore_ascii_case(&shown.name))
        {
            return Err(io::Error::other("a validation of another name"));
        }
        let mut stream = start.into_stream(Arc::clone(&shown.config)).await?;
        stream.shutdown().await?;
        Err(io::Error::other(
            "a certification authority has seen the name",
        ))
    }
}
