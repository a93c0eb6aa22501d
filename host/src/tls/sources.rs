//! Where certificates are: the files of the configuration, and what the server got by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::TlsError;
use crate::acme::Shelf;
use crate::config::{Config, TlsPair};

/// All places, in the order in which certificates are picked.
#[derive(Clone)]
pub(super) struct Sources {
    /// Of the configuration, or the development certificate.
    pub(super) files: Arc<[TlsPair]>,
    /// Those that the server got by itself (ACME), if it is to.
    shelf: Option<Shelf>,
    /// Whether those are better than the files: they are the development certificate.
    shelf_first: bool,
}

impl Sources {
    pub(super) fn of(config: &Config) -> Self {
        let first = TlsPair {
            certificate: config.tls.certificate.clone(),
            key: config.tls.key.clone(),
        };
        let more = config.tls.more.iter().cloned();
        Self {
            files: std::iter::once(first).chain(more).collect(),
            shelf: Shelf::of(config),
            shelf_first: config.development_certificate(),
        }
    }

    /// All of the configuration's, or none; of the others those that are good.
    pub(super) fn read(&self) -> Result<Vec<Arc<CertifiedKey>>, TlsError> {
        let read = |pair: &TlsPair| read_pair(&pair.certificate, &pair.key).map(Arc::new);
        let files = self.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let others = self.shelf.iter().flat_map(Shelf::others);
        let others = others.filter_map(|path| got(&path));
        Ok(self.lead().into_iter().chain(files).chain(others).collect())
    }

    /// The host's own, where the server gets that by itself.
    fn lead(&self) -> Option<Arc<CertifiedKey>> {
        let shelf = self.shelf.as_ref().filter(|_| self.shelf_first)?;
        let path = shelf.lead();
        path.exists().then(|| got(&path)).flatten()
    }
}

/// What the server got by itself. What cannot be used is ordered anew.
fn got(path: &Path) -> Option<Arc<CertifiedKey>> {
    let pair = read_pair(path, path);
    if let Err(error) = &pair {
        tracing::error!(%error, "a certificate that was got by ACME is passed over");
    }
    pair.ok().map(Arc::new)
}

/// The certificates that are shown, the server's own first, DER; none if they cannot be read.
pub(crate) fn chain(config: &Config) -> Vec<Vec<u8>> {
    let sources = Sources::of(config);
    let own = || read_pair(&config.tls.certificate, &config.tls.key);
    let first = sources.lead().or_else(|| own().ok().map(Arc::new));
    let chain = first.iter().flat_map(|pair| &pair.cert);
    chain.map(|one| one.to_vec()).collect()
}

/// A chain and its key, which may be in one file.
pub(super) fn read_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let file = |path: &Path, cause: &dyn std::fmt::Display| TlsError::File {
        path: PathBuf::from(path),
        cause: cause.to_string(),
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|cause| file(certificate, &cause))?;
    if chain.is_empty() {
        return Err(file(certificate, &"no certificate (PEM) in it"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|cause| file(key, &cause))?;
    certified(chain, &private).map_err(|cause| TlsError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        cause,
    })
}

/// A chain with its key, if they belong together.
pub(crate) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
) -> Result<CertifiedKey, rustls::Error> {
    let signer = aws_lc_rs::sign::any_supported_type(key)?;
    let certified = CertifiedKey::new(chain, signer);
    certified.keys_match()?;
    Ok(certified)
}
