//! What is served over HTTP to everybody: the MTA-STS policies of the domains served here.
//!
//! Standards: RFC 9110, RFC 9112; RFC 8461 §3.2 and §3.3 (the policy of a domain at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`).
//! Invariants: a connection has a seat like those of other protocols, one request, and bounds on its time and header; what is not known is
//! not found, whatever the reason.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::discovery;
use crate::drive::Terms;
use crate::publish;
use crate::sessions::Seat;
use crate::wiring::Parts;

/// How long a client may take for the header of its request.
const HEADER: Duration = Duration::from_secs(15);
/// How long all of it may take: answers are small.
const WHOLE: Duration = Duration::from_secs(60);
/// Octets of a request's header.
const MAX_HEADER: usize = 16 * 1024;

/// Answers the request of a connection.
pub(crate) async fn converse(
    stream: TcpStream,
    implicit_tls: bool,
    terms: Arc<Terms>,
    parts: Arc<Parts>,
    seat: Arc<Seat>,
) {
    let mut phase = parts.shutdown.phase();
    tokio::select! {
        () = crate::shutdown::stopping(&mut phase) => {}
        _late = timeout(WHOLE, secured(stream, implicit_tls, &terms, parts)) => {}
    }
    drop(seat);
}

async fn secured(stream: TcpStream, implicit_tls: bool, terms: &Terms, parts: Arc<Parts>) {
    if !implicit_tls {
        return answer(stream, parts).await;
    }
    match timeout(terms.handshake, terms.acceptor.accept(stream)).await {
        Ok(Ok(stream)) => answer(stream, parts).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_late) => {}
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, parts: Arc<Parts>) {
    let routes = Router::new()
        .route("/.well-known/mta-sts.txt", get(mta_sts))
        .with_state(Arc::clone(&parts))
        .merge(discovery::routes(parts));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(MAX_HEADER)
        // Nobody has a second question yet.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Err(error) = served.await {
        tracing::debug!(%error, "a request over HTTP failed");
    }
}

/// The policy of the domain that the request names in its Host.
async fn mta_sts(State(parts): State<Arc<Parts>>, headers: HeaderMap) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(domain) = host.and_then(domain_of) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match parts.store.directory().domain(&domain).await {
        Ok(Some(known)) => match known.mta_sts {
            // RFC 8461 §3.2: the media type is text/plain.
            Some(promise) => (
                [(header::CONTENT_TYPE, "text/plain")],
                publish::policy(&parts.config, promise).to_text(),
            )
                .into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::warn!(%error, domain, "a domain could not be looked up");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// RFC 8461 §3.3: the host is `mta-sts.` and the domain. RFC 9110 §7.2: a port may follow.
fn domain_of(host: &str) -> Option<String> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.strip_prefix("mta-sts.").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_names_the_domain() {
        let named = |host| domain_of(host);
        assert_eq!(
            named("MTA-STS.example.org:443").as_deref(),
            Some("example.org")
        );
        assert_eq!(
            named("mta-sts.example.org.").as_deref(),
            Some("example.org")
        );
        assert_eq!(named("www.example.org"), None);
        assert_eq!(named("[::1]:443"), None);
    }
}
