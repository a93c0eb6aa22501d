//! Requests over HTTP, for plugins and for policies of TLS: one connection, one request, one response, within bounds of time and size.
//!
//! Standards: RFC 9110, RFC 9112. What a step may ask was decided by policy; here it is carried out. Redirects are answers like others.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use waxwing_policy::{HttpFailure, HttpRequest, HttpResponse};

use crate::dial;
use crate::dns::Resolver;

/// Octets of a response's header.
const MAX_HEADER: usize = 64 << 10;

/// Sends requests.
pub(crate) struct Client {
    resolver: Arc<Resolver>,
    tls: OnceLock<Arc<ClientConfig>>,
    /// `host:port` of a proxy; empty: there is none.
    proxy: String,
}

impl Client {
    /// A client that finds servers by this resolver.
    pub(crate) fn new(resolver: Arc<Resolver>) -> Self {
        Self {
            resolver,
            tls: OnceLock::new(),
            proxy: String::new(),
        }
    }

    /// The same, whose requests over TLS go through a proxy; empty: they do not.
    pub(crate) fn through(self, proxy: &str) -> Self {
        Self {
            proxy: proxy.to_owned(),
            ..self
        }
    }

    /// The same, for servers with certificates of these authorities and no others.
    pub(crate) fn believing(self, roots: RootCertStore) -> Self {
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            tls: OnceLock::from(Arc::new(config)),
            ..self
        }
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        timeout(request.timeout, self.exchange(request))
            .await
            .unwrap_or(Err(HttpFailure::Timeout))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let stream = self.connect(&request).await?;
        if !request.secure {
            return speak(stream, request).await;
        }
        let unreachable = |error: &dyn std::fmt::Display| {
            HttpFailure::Unreachable(format!("TLS with {}: {error}", request.host))
        };
        let name =
            ServerName::try_from(request.host.clone()).map_err(|error| unreachable(&error))?;
        let stream = TlsConnector::from(self.tls())
            .connect(name, stream)
            .await
            .map_err(|error| unreachable(&error))?;
        speak(stream, request).await
    }

    /// The connection that a request goes over, not secured yet.
    pub(crate) async fn connect(&self, request: &HttpRequest) -> Result<TcpStream, HttpFailure> {
        if request.secure && !self.proxy.is_empty() {
            // What may be anywhere is found by the proxy, which may know names that nobody here does.
            let to = match request.private {
                true => request.host.clone(),
                false => {
                    let address = dial::public_address(&self.resolver, &request.host).await?;
                    address.to_string()
                }
            };
            return tunnel(&self.proxy, &to, request.port).await;
        }
        dial::connect(
            &self.resolver,
            &request.host,
            request.port,
            request.private,
            request.timeout,
        )
        .await
    }

    /// The certification authorities of the system, read once. Without any no server is trusted.
    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        let read = || {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "a certification authority of the system cannot be read");
            }
            let mut roots = RootCertStore::empty();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                tracing::error!(
                    "the system has no certification authorities: plugins reach no server over TLS; install ca-certificates"
                );
            }
            let config = ClientConfig::builder()
                .with_root_certificates(roots)
                .with_no_client_auth();
            Arc::new(config)
        };
        self.tls.get_or_init(read).clone()
    }
}

/// Has a proxy connect to a host (RFC 9110 §9.3.6). The configuration names it: it may be anywhere.
async fn tunnel(proxy: &str, host: &str, port: u16) -> Result<TcpStream, HttpFailure> {
    let unreachable =
        |error: std::io::Error| HttpFailure::Unreachable(format!("the proxy {proxy}: {error}"));
    let mut stream = TcpStream::connect(proxy).await.map_err(unreachable)?;
    let to = format!("{}:{port}", bracketed(host));
    let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(unreachable)?;
    let mut head = Vec::new();
    // Octet by octet: what follows the header is the host's.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEADER {
            return Err(HttpFailure::TooLarge);
        }
        head.push(stream.read_u8().await.map_err(unreachable)?);
    }
    let status = String::from_utf8_lossy(&head);
    let status = status.split(' ').nth(1).unwrap_or_default();
    if status.starts_with('2') {
        Ok(stream)
    } else {
        Err(HttpFailure::Unreachable(format!(
            "the proxy {proxy} answered {status} for {to}"
        )))
    }
}

async fn speak<S>(stream: S, request: HttpRequest) -> Result<HttpResponse, HttpFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let max_response = request.max_response;
    let request = built(request)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEADER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(protocol)?;
    // Ends with this set, whatever comes of the exchange.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(protocol)?;
    let (head, body) = response.into_parts();
    Ok(HttpResponse {
        status: head.status.as_u16(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect(),
        body: gathered(body, max_response).await?,
    })
}

fn built(request: HttpRequest) -> Result<hyper::Request<Full<Bytes>>, HttpFailure> {
    let host = match (request.secure, request.port) {
        (true, 443) | (false, 80) => bracketed(&request.host),
        (_, port) => format!("{}:{port}", bracketed(&request.host)),
    };
    let mut built = hyper::Request::builder()
        .method(request.method.as_str())
        .uri(&request.target)
        .header(HOST, host);
    let mut named = false;
    for (name, value) in &request.headers {
        let mut value = HeaderValue::from_str(value)
            .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
            .map_err(invalid)?;
        // It may hold a secret.
        value.set_sensitive(true);
        named |= name.eq_ignore_ascii_case(USER_AGENT.as_str());
        built = built.header(name, value);
    }
    if !named {
        built = built.header(USER_AGENT, concat!("waxwing/", env!("CARGO_PKG_VERSION")));
    }
    built.body(Full::new(request.body)).map_err(invalid)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// The content, up to a bound.
async fn gathered(mut body: Incoming, most: usize) -> Result<Bytes, HttpFailure> {
    // What is announced as too large need not be read.
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > most) {
        return Err(HttpFailure::TooLarge);
    }
    let mut content = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(protocol)?.into_data() else {
            continue;
        };
        if content.len() + data.len() > most {
            return Err(HttpFailure::TooLarge);
        }
        content.extend_from_slice(&data);
    }
    Ok(content.freeze())
}

fn protocol(error: hyper::Error) -> HttpFailure {
    HttpFailure::Protocol(error.to_string())
}

fn invalid(error: impl std::fmt::Display) -> HttpFailure {
    HttpFailure::Protocol(format!("the request cannot be written: {error}"))
}
