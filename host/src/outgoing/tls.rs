//! TLS to other servers: with a certificate that an authority or the host's domain vouches for, or with whatever they show.
//!
//! Standards: RFC 7435 (encryption without knowing to whom is better than none), RFC 8689 §4.2.1, RFC 7672 §3, RFC 8461 §4.2.
//! Invariant: that the peer holds the key of its certificate is checked always.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_rustls::TlsConnector;
use waxwing_auth::dane::{self, DaneVerdict, Tlsa};

use super::demand::Demand;

/// What is needed for handshakes, made when it is first needed.
#[derive(Default)]
pub(super) struct ClientTls {
    authorities: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

/// A handshake to come.
#[derive(Clone)]
pub(super) struct Handshake {
    pub(super) connector: TlsConnector,
    /// What was wrong with the certificate, once it has been seen.
    pub(super) noted: Noted,
}

/// What was wrong with a certificate.
pub(super) type Noted = Arc<OnceLock<rustls::Error>>;

impl ClientTls {
    /// A handshake with a host of a name, for mail to a domain; none if it cannot be had.
    pub(super) fn handshake(&self, demand: &Demand, name: &str, domain: &str) -> Option<Handshake> {
        let trust = match demand {
            Demand::Verify => Trust::Authorities(self.authorities()?),
            Demand::Noted => Trust::Noted(self.authorities()?),
            Demand::Dane(records) => Trust::Published {
                records: records.clone(),
                names: vec![name.to_owned(), domain.to_owned()],
            },
            Demand::Never | Demand::Opportunistic | Demand::Encrypt | Demand::Refuse(_) => {
                Trust::Anybody
            }
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let noted = Noted::default();
        let judge = Judge {
            trust,
            provider: Arc::clone(&provider),
            noted: Arc::clone(&noted),
        };
        let builder = ClientConfig::builder_with_provider(provider);
        let mut config = builder
            .with_safe_default_protocol_versions()
            .ok()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_no_client_auth();
        // A session that is taken up again shows no certificate.
        config.resumption = Resumption::disabled();
        Some(Handshake {
            connector: TlsConnector::from(Arc::new(config)),
            noted,
        })
    }

    fn authorities(&self) -> Option<Arc<WebPkiServerVerifier>> {
        self.authorities.get_or_init(authorities).clone()
    }
}

fn authorities() -> Option<Arc<WebPkiServerVerifier>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certification authority of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::error!(
            "the system has no certification authorities: no server's certificate can be verified; install ca-certificates"
        );
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .inspect_err(|error| tracing::error!(%error, "no server's certificate can be verified"))
        .ok()
}

/// Who vouches for a certificate.
#[derive(Debug)]
enum Trust {
    /// Nobody need (RFC 7435 §3: unauthenticated encryption).
    Anybody,
    Authorities(Arc<WebPkiServerVerifier>),
    /// The same, and one that does not do is taken, too.
    Noted(Arc<WebPkiServerVerifier>),
    /// The host's domain (RFC 7672).
    Published {
        records: Vec<Tlsa>,
        /// RFC 7672 §3.2.2: the host's name, and the domain that the mail is for.
        names: Vec<String>,
    },
}

/// Judges the certificates of one handshake.
#[derive(Debug)]
struct Judge {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    noted: Noted,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Authorities(verifier) | Trust::Noted(verifier) => {
                verifier.verify_server_cert(own, above, name, ocsp, now)
            }
            Trust::Published { records, names } => published(own, above, records, names, now),
        };
        match (judged, &self.trust) {
            (Err(error), Trust::Noted(_)) => {
                let _once = self.noted.set(error);
                Ok(ServerCertVerified::assertion())
            }
            (Err(error), _) => {
                let _once = self.noted.set(error.clone());
                Err(error)
            }
            (verified, _) => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

fn published(
    own: &CertificateDer<'_>,
    above: &[CertificateDer<'_>],
    records: &[Tlsa],
    names: &[String],
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    let chain: Vec<&[u8]> = std::iter::once(own)
        .chain(above)
        .map(AsRef::as_ref)
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match dane::verify(&chain, &names, records, now.as_secs()) {
        DaneVerdict::EndEntity | DaneVerdict::TrustAnchor | DaneVerdict::Unusable => {
            Ok(ServerCertVerified::assertion())
        }
        DaneVerdict::Mismatch => Err(rustls::Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        )),
    }
}
