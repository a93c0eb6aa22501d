//! The certificate that TLS listeners show, and its renewal while they serve.
//!
//! Standards: RFC 8446, RFC 5246; RFC 8996 (nothing older). Invariant: a pair of files that cannot be used changes
//! nothing; the old one stays and the log says why.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use notify::Watcher;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::config::Config;

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

/// The current certificate; handshakes that begin after a change get the new one.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// TLS for the listeners.
#[derive(Clone)]
pub(crate) struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl Certificates {
    /// Reads the files; makes a development certificate where none is configured and none is there yet.
    pub(crate) fn open(config: &Config) -> Result<Self, TlsError> {
        let (certificate, key) = (config.tls.certificate.clone(), config.tls.key.clone());
        if config.development_certificate() && !certificate.exists() {
            make_development_certificate(&config.hostname, &certificate, &key)?;
        }
        let current = Arc::new(Current(ArcSwap::from_pointee(read_pair(
            &certificate,
            &key,
        )?)));
        let acceptor = TlsAcceptor::from(Arc::new(settings(Arc::clone(&current) as _)?));
        Ok(Self {
            certificate,
            key,
            current,
            acceptor,
        })
    }

    /// What shakes hands.
    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reads the files again.
    pub(crate) fn reload(&self) {
        match read_pair(&self.certificate, &self.key) {
            Ok(pair) => {
                self.current.0.store(Arc::new(pair));
                tracing::info!(certificate = %self.certificate.display(), "certificate loaded");
            }
            Err(error) => tracing::error!(%error, "the old certificate stays in use"),
        }
    }

    /// Watches the files' directories until the task is dropped.
    pub(crate) async fn watch(self) {
        let (sender, mut changes) = mpsc::channel(1);
        let ours = [self.certificate.clone(), self.key.clone()];
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
        let folders =
            [&self.certificate, &self.key].map(|path| path.parent().unwrap_or(Path::new("/")));
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

/// What is wrong with the configured certificate; the development one is made when it is needed.
pub(crate) fn problem(config: &Config) -> Option<String> {
    let made_later = config.development_certificate() && !config.tls.certificate.exists();
    if made_later {
        None
    } else {
        read_pair(&config.tls.certificate, &config.tls.key)
            .err()
            .map(|error| error.to_string())
    }
}

fn settings(current: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current);
    // Resumption by tickets (RFC 8446 §4.6.1): no memory here for peers that never come back.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

fn read_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let file = |path: &Path, cause: &dyn std::fmt::Display| TlsError::File {
        path: path.to_owned(),
        cause: cause.to_string(),
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|cause| file(certificate, &cause))?;
    if chain.is_empty() {
        return Err(file(certificate, &"no certificate (PEM) in it"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|cause| file(key, &cause))?;
    let pair = |cause| TlsError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        cause,
    };
    let signer = aws_lc_rs::sign::any_supported_type(&private).map_err(pair)?;
    let certified = CertifiedKey::new(chain, signer);
    certified.keys_match().map_err(pair)?;
    Ok(certified)
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
    fn a_bad_pair_changes_nothing_and_a_good_one_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let certificates = Certificates::open(&config).unwrap();
        let serial = |certificates: &Certificates| {
            certificates
                .current
                .0
                .load()
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
        let error = read_pair(&config.tls.certificate, &config.tls.key).unwrap_err();
        assert!(error.to_string().contains("does "), "{error}");

        std::fs::copy(renewed.join("k.pem"), &config.tls.key).unwrap();
        certificates.reload();
        assert_ne!(serial(&certificates), first);

        std::fs::write(&config.tls.certificate, "nonsense").unwrap();
        certificates.reload();
        assert_ne!(serial(&certificates), first);
    }
}
