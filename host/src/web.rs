//! What is served over HTTP: the MTA-STS policies of the domains served here and the pages of webmail and console, for everybody; JMAP for who
//! has an account; administration for who has a token for it.
//!
//! Standards: RFC 9110, RFC 9112; RFC 8461 §3.2 and §3.3 (the policy of a domain at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`).
//! Invariants: a connection has a seat like those of other protocols, and bounds on its time and headers; what is not known is
//! not found, whatever the reason.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

use crate::acme;
use crate::admin::api;
use crate::answer::Caller;
use crate::answer::jmap::{self, Metered, Visitor};
use crate::config::Tls;
use crate::discovery;
use crate::drive::Terms;
use crate::publish;
use crate::transport::TlsFacts;
use crate::webmail;
use crate::wiring::Parts;

/// How long a client may take for the header of a request, and between two of them.
const HEADER: Duration = Duration::from_secs(60);
/// Octets of a request's header.
const MAX_HEADER: usize = 16 * 1024;

/// Answers the requests of a connection.
pub(crate) async fn converse(
    stream: TcpStream,
    caller: Caller,
    terms: Arc<Terms>,
    parts: Arc<Parts>,
) {
    let seat = Arc::clone(&caller.seat);
    let mut phase = parts.shutdown.phase();
    tokio::select! {
        () = crate::shutdown::stopping(&mut phase) => {}
        () = secured(stream, caller, &terms, parts) => {}
    }
    drop(seat);
}

async fn secured(stream: TcpStream, caller: Caller, terms: &Terms, parts: Arc<Parts>) {
    if caller.door.listener.tls != Tls::Implicit {
        let visitor = Visitor::new(&parts, caller, None);
        return answer(stream, visitor, parts).await;
    }
    match timeout(terms.handshake, terms.acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let facts = TlsFacts::of(stream.get_ref().1);
            let visitor = Visitor::new(&parts, caller, Some(facts));
            answer(stream, visitor, parts).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_late) => {}
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    visitor: Visitor,
    parts: Arc<Parts>,
) {
    let visitor = Arc::new(visitor);
    let stream = Metered::new(stream, visitor.meter());
    let mut phase = parts.shutdown.phase();
    let routes = Router::new()
        .route("/.well-known/mta-sts.txt", get(mta_sts))
        .with_state(Arc::clone(&parts))
        .merge(acme::routes(Arc::clone(&parts)))
        .merge(discovery::routes(parts))
        .merge(jmap::routes(Arc::clone(&visitor)))
        .merge(webmail::routes(Arc::clone(&visitor)))
        .merge(api::routes(Arc::clone(&visitor)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(MAX_HEADER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
        // A WebSocket goes on when this has ended; who is at it ends it.
        .with_upgrades();
    let mut served = pin!(served);
    let mut login_ended = pin!(visitor.login_ended());
    let mut serving = true;
    loop {
        tokio::select! {
            done = served.as_mut() => {
                if let Err(error) = done {
                    tracing::debug!(%error, "a request over HTTP failed");
                }
                return;
            }
            // What is answered now is answered to its end.
            () = crate::shutdown::draining(&mut phase), if serving => {
                serving = false;
                served.as_mut().graceful_shutdown();
            }
            // What goes on for long, as events do, must not go on for somebody who is logged out.
            () = &mut login_ended => return,
            () = tokio::time::sleep_until(visitor.ends().into()) => {
                if visitor.ends() <= Instant::now() {
                    return;
                }
            }
        }
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
