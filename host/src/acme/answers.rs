//! What a certification authority is shown to see that a name is ours, while it looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use instant_acme::KeyAuthorization;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::trouble::Trouble;
use super::update::{Updates, Written};
use crate::config::{ChallengeKind, Config};
use crate::tls::Validation;
use crate::wiring::Parts;

/// Pages for `http-01`: what is to be read, by token.
#[derive(Default)]
pub(crate) struct Pages(Mutex<HashMap<String, String>>);

impl Pages {
    fn all(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is shown, and has to be taken away.
pub(super) enum Shown {
    Page(String),
    Certificate,
    Record(Box<(Updates, Written)>),
}

/// Shows what a challenge wants of a name.
pub(super) async fn show(
    parts: &Parts,
    kind: ChallengeKind,
    (name, token, key): (&str, &str, &KeyAuthorization),
) -> Result<Shown, Trouble> {
    match kind {
        ChallengeKind::Http01 => {
            let page = key.as_str().to_owned();
            parts.acme.pages.all().insert(token.to_owned(), page);
            Ok(Shown::Page(token.to_owned()))
        }
        ChallengeKind::TlsAlpn01 => {
            certificate(parts.certificates.validation(), name, key)?;
            Ok(Shown::Certificate)
        }
        ChallengeKind::Dns01 => {
            let updates = Updates::open(&parts.config.acme.dns)?;
            let written = updates.add(name, &key.dns_value()).await?;
            tokio::time::sleep(parts.config.acme.dns.settle.duration()).await;
            Ok(Shown::Record(Box::new((updates, written))))
        }
    }
}

/// Takes it away.
pub(super) async fn withdraw(parts: &Parts, shown: Shown) {
    match shown {
        Shown::Page(token) => {
            parts.acme.pages.all().remove(&token);
        }
        Shown::Certificate => parts.certificates.validation().end(),
        Shown::Record(record) => {
            let (updates, written) = *record;
            if let Err(error) = updates.remove(written).await {
                tracing::warn!(%error, "a record for dns-01 was left behind");
            }
        }
    }
}

/// RFC 8737 §3: self-signed, for the name alone, with the digest in an extension that is critical.
fn certificate(validation: &Validation, name: &str, key: &KeyAuthorization) -> Result<(), Trouble> {
    let failed = |cause: &dyn std::fmt::Display| {
        Trouble::here(format!("no certificate for tls-alpn-01: {cause}"))
    };
    let mut params =
        CertificateParams::new(vec![name.to_owned()]).map_err(|cause| failed(&cause))?;
    let digest = key.digest();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
    let own = KeyPair::generate().map_err(|cause| failed(&cause))?;
    let made = params.self_signed(&own).map_err(|cause| failed(&cause))?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let signer = aws_lc_rs::sign::any_supported_type(&private).map_err(|cause| failed(&cause))?;
    // Not held against its key as others are: nobody knows the extension, as it has to be.
    let pair = CertifiedKey::new(vec![made.der().clone()], signer);
    validation.show(name, pair).map_err(|cause| failed(&cause))
}

/// Whether a challenge of this kind can be answered here.
pub(super) fn possible(config: &Config, kind: ChallengeKind) -> bool {
    use crate::config::{Service, Tls};
    let mut listeners = config.listeners.iter();
    match kind {
        ChallengeKind::Http01 => {
            listeners.any(|listener| listener.service == Service::Http && listener.tls == Tls::None)
        }
        ChallengeKind::TlsAlpn01 => listeners.any(|listener| listener.tls == Tls::Implicit),
        ChallengeKind::Dns01 => true,
    }
}

/// Where the authority reads a page (RFC 8555 §8.3).
pub(crate) fn routes(parts: Arc<Parts>) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(page))
        .with_state(parts)
}

async fn page(State(parts): State<Arc<Parts>>, Path(token): Path<String>) -> Response {
    let page = parts.acme.pages.all().get(&token).cloned();
    match page {
        Some(page) => ([(header::CONTENT_TYPE, "application/octet-stream")], page).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
