//! TLS to the server that mail comes from: its certificate is checked unless somebody says otherwise.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::admin::{Exit, Failure};

/// Who vouches for the server.
#[derive(Debug, Clone)]
pub(crate) enum Trust {
    /// The authorities of the system.
    System,
    /// Those of a PEM file.
    Authorities(PathBuf),
    /// Nobody need.
    Anybody,
}

impl Trust {
    /// A handshake to come with a host.
    pub(super) fn connection(&self, host: &str) -> Result<ClientConnection, Failure> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(&error))?;
        let config = match self {
            Self::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
                .with_no_client_auth(),
            _ => builder
                .with_root_certificates(self.roots()?)
                .with_no_client_auth(),
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::new(Exit::Usage, format!("{host:?} is no name of a host")))?;
        ClientConnection::new(Arc::new(config), name).map_err(|error| refused(&error))
    }

    fn roots(&self) -> Result<RootCertStore, Failure> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::Authorities(path) => {
                let unread = |error| Failure::data(format!("{}: {error}", path.display()));
                let certificates = CertificateDer::pem_file_iter(path).map_err(unread)?;
                for certificate in certificates {
                    roots
                        .add(certificate.map_err(unread)?)
                        .map_err(|error| refused(&error))?;
                }
            }
            _ => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(Failure::new(
                Exit::Unavailable,
                "there are no certification authorities to check the server's certificate by; install ca-certificates, or name a file \
                 with --authority",
            ));
        }
        Ok(roots)
    }
}

fn refused(error: &rustls::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("TLS: {error}"))
}

/// Takes any certificate, of which the peer has the key.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _above: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
