//! How the certification authority is talked to: by the client that all other requests of this server go through.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use waxwing_policy::HttpRequest;

use super::trouble::Trouble;
use crate::config::Config;
use crate::dns::Resolver;
use crate::fetch::Client;

/// How long the authority may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Octets of an answer: chains of certificates are the largest.
const MAX_ANSWER: usize = 1 << 20;
/// The longest that we are held off by an answer: a day.
const LONGEST: u64 = 86_400;

/// A client for one authority.
#[derive(Clone)]
pub(super) struct Web {
    client: Arc<Client>,
    /// Seconds that an answer which said no wants us to wait (RFC 8555 §6.6).
    wait: Arc<Mutex<Option<u64>>>,
}

impl Web {
    pub(super) fn open(config: &Config, resolver: &Arc<Resolver>) -> Result<Self, Trouble> {
        let client = Client::new(Arc::clone(resolver)).through(&config.queue.https_proxy);
        let client = if config.acme.roots.as_os_str().is_empty() {
            client
        } else {
            client.believing(roots(config)?)
        };
        Ok(Self {
            client: Arc::new(client),
            wait: Arc::default(),
        })
    }

    /// What the last answer that said no wanted us to wait.
    pub(super) fn wait(&self) -> Option<u64> {
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, wait: Option<u64>) {
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner) = wait;
    }

    async fn exchange(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await;
        let uri = &head.uri;
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        let text = |value: &hyper::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = head.headers.iter();
        let request = HttpRequest {
            secure,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            method: head.method.to_string(),
            target: uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            body: body.to_bytes(),
            timeout: PATIENCE,
            max_response: MAX_ANSWER,
            // The configuration names it: it may be anywhere.
            private: true,
        };
        let answer = self.client.fetch(request).await;
        let answer = answer.map_err(|failure| Error::Other(Box::new(failure)))?;
        let mut response = Response::builder().status(answer.status);
        for (name, value) in &answer.headers {
            response = response.header(name, value);
        }
        let response = response.body(Full::new(answer.body))?;
        self.note(held_off(&response));
        Ok(BytesResponse::from(response))
    }
}

/// RFC 9110 §10.2.3, of an answer that says no; of its two forms the one that authorities use here.
fn held_off<B>(response: &Response<B>) -> Option<u64> {
    let status = response.status();
    let no = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
    let value = response.headers().get(hyper::header::RETRY_AFTER)?;
    let seconds: u64 = value.to_str().ok()?.trim().parse().ok()?;
    no.then(|| seconds.min(LONGEST))
}

impl HttpClient for Web {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().exchange(request))
    }
}

fn roots(config: &Config) -> Result<RootCertStore, Trouble> {
    let path = &config.acme.roots;
    let wrong = |cause: &dyn std::fmt::Display| {
        Trouble::here(format!("acme.roots: {}: {cause}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|cause| wrong(&cause))? {
        let certificate = certificate.map_err(|cause| wrong(&cause))?;
        roots.add(certificate).map_err(|cause| wrong(&cause))?;
    }
    Ok(roots)
}
