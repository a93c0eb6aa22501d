//! The certificate that TLS listeners show, and its renewal while they serve.
//!
//! Standards: RFC 8446, RFC 5246; RFC 8996 (nothing older). Invariant: a pair of files that cannot be used changes
//! nothing; the old one stays and the log says why.

mod acceptor;
mod sources;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use notify::Watcher;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use tokio::sync::mpsc;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::config::{Config, TlsFiles};
pub(crate) use acceptor::{Acceptor, Validation};
use sources::Sources;
pub(crate) use sources::{certified, chain};

/// Files are written in several steps; they are read when nothing has happened for so long.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(200);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The key is not that of the certificate, or of an unknown kind.
    #[error("{}: {cause}; does {} belong to it?", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        cause: rustls::Error,
    },
    /// The development certificate could not be made.
    #[error("no development certificate could be made: {0}")]
    Development(#[from] rcgen::Error),
    /// rustls refuses its settings.
    #[error("TLS: {0}")]
    Settings(#[from] rustls::Error),
}

/// The current certificates; handshakes that begin after a change get the new ones.
#[derive(Debug)]
struct Current(ArcSwap<Vec<Arc<CertifiedKey>>>);

impl ResolvesServerCert for Current {
    /// The first certificate that has the name which the client asks for (RFC 6066 §3); without one, the first.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        pick(&self.0.load(), hello.server_name())
    }
}

fn pick(all: &[Arc<CertifiedKey>], wanted: Option<&str>) -> Option<Arc<CertifiedKey>> {
    let wanted = wanted.filter(|_| all.len() > 1);
    let name = wanted.and_then(|name| ServerName::try_from(name).ok());
    let named = name.and_then(|name| all.iter().find(|pair| has_name(pair, &name)));
    named.or_else(|| all.first()).cloned()
}

fn has_name(pair: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let certificate = pair.end_entity_cert().ok();
    let parsed = certificate.and_then(|own| ParsedCertificate::try_from(own).ok());
    parsed.is_some_and(|parsed| verify_server_name(&parsed, name).is_ok())
}

/// Whether a certificate is for this name.
pub(crate) fn names(pair: &CertifiedKey, name: &str) -> bool {
    ServerName::try_from(name).is_ok_and(|name| has_name(pair, &name))
}

/// TLS for the listeners.
#[derive(Clone)]
pub(crate) struct Certificates {
    sources: Sources,
    current: Arc<Current>,
    acceptor: Acceptor,
    /// The one that asks clients for a certificate; the other one where no authority is configured.
    asking: Acceptor,
    validation: Validation,
}

impl Certificates {
    /// Reads the files; makes a development certificate where none is configured and none is there yet.
    pub(crate) fn open(config: &Config) -> Result<Self, TlsError> {
        let TlsFiles {
            certificate, key, ..
        } = &config.tls;
        if config.development_certificate() && !certificate.exists() {
            make_development_certificate(&config.hostname, certificate, key)?;
        }
        let sources = Sources::of(config);
        let current = Arc::new(Current(ArcSwap::from_pointee(sources.read()?)));
        let validation = Validation::default();
        let acceptor = |authorities: &Path| {
            let verifier = clients(authorities)?;
            let settings = settings(Arc::clone(&current) as _, verifier)?;
            Ok::<_, TlsError>(Acceptor::new(settings, validation.clone()))
        };
        let asking = acceptor(&config.tls.client_authorities)?;
        let acceptor = acceptor(Path::new(""))?;
        Ok(Self {
            sources,
            current,
            acceptor,
            asking,
            validation,
        })
    }

    /// What shakes hands, and asks for a certificate if it is to.
    pub(crate) fn acceptor(&self, asking: bool) -> &Acceptor {
        if asking { &self.asking } else { &self.acceptor }
    }

    /// What is shown to a certification authority that looks at a name.
    pub(crate) fn validation(&self) -> &Validation {
        &self.validation
    }

    /// Reads the files again.
    pub(crate) fn reload(&self) {
        match self.sources.read() {
            Ok(pairs) => {
                tracing::info!(certificates = pairs.len(), "certificates loaded");
                self.current.0.store(Arc::new(pairs));
            }
            Err(error) => tracing::error!(%error, "the old certificates stay in use"),
        }
    }

    /// Watches the files' directories until the task is dropped.
    pub(crate) async fn watch(self) {
        let (sender, mut changes) = mpsc::channel(1);
        let files = self.sources.files.iter();
        let ours: Vec<PathBuf> = files
            .flat_map(|pair| [pair.certificate.clone(), pair.key.clone()])
            .collect();
        let folders: Vec<PathBuf> = ours
            .iter()
            .map(|path| path.parent().unwrap_or(Path::new("/")).to_owned())
            .collect();
        let noticed = move |event: notify::Result<notify::Event>| {
            let touched = |event: &notify::Event| {
                !event.kind.is_access()
                    && event
                        .paths
                        .iter()
                        .any(|path| ours.contains(path) || path.is_symlink())
            };
            if event.as_ref().is_ok_and(touched) {
                // A full channel has a notice in it already.
                let _full = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(noticed).and_then(|mut watcher| {
            folders
                .iter()
                .try_for_each(|folder| watcher.watch(folder, notify::RecursiveMode::NonRecursive))
                .map(|()| watcher)
        });
        let _watcher = match watcher {
            Ok(watcher) => watcher,
            Err(error) => {
                tracing::warn!(%error, "certificates are not watched; SIGHUP reloads them");
                return;
            }
        };
        while changes.recv().await.is_some() {
            while tokio::time::timeout(SETTLE, changes.recv()).await.is_ok() {}
            self.reload();
        }
    }
}

/// What is wrong with the configured certificates; the development one is made when it is needed.
pub(crate) fn problem(config: &Config) -> Option<String> {
    let asking = config
        .listeners
        .iter()
        .find(|listener| listener.client_certificates);
    if let Some(listener) = asking
        && config.tls.client_authorities.as_os_str().is_empty()
    {
        return Some(format!(
            "listener {}: client-certificates believes nobody without tls.client-authorities",
            listener.name
        ));
    }
    if let Err(error) = clients(&config.tls.client_authorities) {
        return Some(error.to_string());
    }
    let made_later = config.development_certificate() && !config.tls.certificate.exists();
    if made_later {
        None
    } else {
        Sources::of(config)
            .read()
            .err()
            .map(|error| error.to_string())
    }
}

/// Whose certificates are believed, of clients that have one.
fn clients(authorities: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    if authorities.as_os_str().is_empty() {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let wrong = |cause: &dyn std::fmt::Display| TlsError::File {
        path: authorities.to_owned(),
        cause: cause.to_string(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authorities).map_err(|cause| wrong(&cause))? {
        let certificate = certificate.map_err(|cause| wrong(&cause))?;
        roots.add(certificate).map_err(|cause| wrong(&cause))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|cause| wrong(&cause))
}

/// The mail addresses that a certificate names (RFC 5280 §4.2.1.6, `rfc822Name`), in lower case.
pub(crate) fn addresses(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    // A resumed session brings back what was verified when it was new (RFC 8446 §4.6.1).
    if !certificate.validity().is_valid() {
        return Vec::new();
    }
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let address = |name: &GeneralName<'_>| match name {
        GeneralName::RFC822Name(address) => Some(address.to_lowercase()),
        _ => None,
    };
    names
        .value
        .general_names
        .iter()
        .filter_map(address)
        .collect()
}

fn settings(
    current: Arc<dyn ResolvesServerCert>,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(current);
    // Resumption by tickets (RFC 8446 §4.6.1): no memory here for peers that never come back.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

/// A self-signed certificate for the host name and the loopback.
fn make_development_certificate(
    hostname: &str,
    certificate: &Path,
    key: &Path,
) -> Result<(), TlsError> {
    let names = [hostname, "localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)?;
    write_private(key, made.signing_key.serialize_pem().as_bytes())?;
    write_private(certificate, made.cert.pem().as_bytes())?;
    tracing::info!(certificate = %certificate.display(), "made a development certificate");
    Ok(())
}

fn write_private(path: &Path, content: &[u8]) -> Result<(), TlsError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let write = || {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|cause| TlsError::File {
        path: path.to_owned(),
        cause: cause.to_string(),
    })
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::config::TlsPair;

    fn config(data: &Path) -> Config {
        let mut config = Config {
            hostname: "mx.waxwing.example".into(),
            data: data.into(),
            ..Config::default()
        };
        config.complete();
        config
    }

    #[test]
    fn a_development_certificate_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        Certificates::open(&config).unwrap();
        let first = std::fs::read(&config.tls.certificate).unwrap();
        Certificates::open(&config).unwrap();
        assert_eq!(std::fs::read(&config.tls.certificate).unwrap(), first);
    }

    #[test]
    fn the_name_that_is_asked_for_picks_the_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        let more = TlsPair {
            certificate: folder.path().join("more/c.pem"),
            key: folder.path().join("more/k.pem"),
        };
        make_development_certificate("mta-sts.example.org", &more.certificate, &more.key).unwrap();
        config.tls.more = vec![more];
        let certificates = Certificates::open(&config).unwrap();
        let all = certificates.current.0.load();
        let picked = |name| {
            let picked = pick(&all, name).unwrap();
            all.iter().position(|pair| Arc::ptr_eq(pair, &picked))
        };
        assert_eq!(picked(Some("mta-sts.example.org")), Some(1));
        for first in [
            None,
            Some("mx.waxwing.example"),
            Some("localhost"),
            Some("unknown.example"),
        ] {
            assert_eq!(picked(first), Some(0), "{first:?}");
        }
    }

    #[test]
    fn a_bad_pair_changes_nothing_and_a_good_one_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let certificates = Certificates::open(&config).unwrap();
        let serial = |certificates: &Certificates| {
            certificates.current.0.load()[0]
                .cert
                .first()
                .unwrap()
                .as_ref()
                .to_vec()
        };
        let first = serial(&certificates);

        // Half of a renewal: the certificate is there, its key is not yet.
        let renewed = folder.path().join("renewed");
        make_development_certificate(
            "mx.waxwing.example",
            &renewed.join("c.pem"),
            &renewed.join("k.pem"),
        )
        .unwrap();
        std::fs::copy(renewed.join("c.pem"), &config.tls.certificate).unwrap();
        certificates.reload();
        assert_eq!(serial(&certificates), first);
        let error = sources::read_pair(&config.tls.certificate, &config.tls.key).unwrap_err();
        assert!(error.to_string().contains("does "), "{error}");

        std::fs::copy(renewed.join("k.pem"), &config.tls.key).unwrap();
        certificates.reload();
        assert_ne!(serial(&certificates), first);

        std::fs::write(&config.tls.certificate, "nonsense").unwrap();
        certificates.reload();
        assert_ne!(serial(&certificates), first);
    }
}
