//! What is kept in `acme/` of the data directory: the account, and a file for each name with its key and its certificates.
//!
//! Invariant: a file is the old one or the new one, whole, whatever dies meanwhile; nobody but the server's user reads it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::Config;

/// The folder.
#[derive(Clone)]
pub(crate) struct Shelf {
    folder: PathBuf,
    host: String,
    /// The key of the development certificate, which the host's first certificate is for: what was published of it (DANE) stays true.
    first_key: Option<PathBuf>,
}

/// A certificate that is there.
pub(crate) struct Held {
    pub(crate) der: CertificateDer<'static>,
    /// Seconds since 1970.
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl Shelf {
    /// Of a server that gets certificates by itself.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        (!config.acme.directory.is_empty()).then(|| Self {
            folder: config.data.join("acme"),
            host: config.hostname.to_ascii_lowercase(),
            first_key: config
                .development_certificate()
                .then(|| config.tls.key.clone()),
        })
    }

    /// Where the host's own certificate is, once there is one.
    pub(crate) fn lead(&self) -> PathBuf {
        self.path(&self.host)
    }

    /// The certificates of other names that are there.
    pub(crate) fn others(&self) -> Vec<PathBuf> {
        let lead = self.lead();
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path());
        let mut found: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|is| is == "pem") && *path != lead)
            .collect();
        found.sort();
        found
    }

    /// A name's certificate, if it is there with its key.
    pub(crate) fn held(&self, name: &str) -> Option<Held> {
        let text = fs::read_to_string(self.path(name)).ok()?;
        let _key = KeyPair::from_pem(&text).ok()?;
        let der = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let (from, until) = {
            let validity = parsed.validity();
            (
                validity.not_before.timestamp(),
                validity.not_after.timestamp(),
            )
        };
        Some(Held { der, from, until })
    }

    /// The key that a name's certificate is to be for: the one it has, or a new one.
    pub(crate) fn key(&self, name: &str) -> Result<KeyPair, rcgen::Error> {
        let own = self.path(name);
        let first = self.first_key.clone().filter(|_| name == self.host);
        let kept = [Some(own), first].into_iter().flatten().find_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            KeyPair::from_pem(&text).ok()
        });
        kept.map_or_else(KeyPair::generate, Ok)
    }

    /// Puts a name's certificates (PEM) there with their key.
    pub(crate) fn put(&self, name: &str, chain: &str, key: &KeyPair) -> io::Result<()> {
        let text = key.serialize_pem() + chain;
        self.write(&format!("{name}.pem"), text.as_bytes())
    }

    /// Another file's content, if it is there.
    pub(crate) fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    /// Writes a file in one step.
    pub(crate) fn write(&self, file: &str, content: &[u8]) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let fresh = self.folder.join(format!("{file}.new"));
        let mut out = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        out.write_all(content)?;
        out.sync_all()?;
        fs::rename(&fresh, self.folder.join(file))?;
        File::open(&self.folder)?.sync_all()
    }

    /// Forgets a file.
    pub(crate) fn remove(&self, file: &str) {
        // One that is not there is as good as removed.
        let _missing = fs::remove_file(self.folder.join(file));
    }

    /// Names are those of hosts, in lower case: no separators.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn shelf(data: &std::path::Path) -> (Config, Shelf) {
        let mut config = Config {
            hostname: "MX.example.org".into(),
            data: data.into(),
            ..Config::default()
        };
        config.acme.directory = "https://ca.example/dir".into();
        config.complete();
        let shelf = Shelf::of(&config).unwrap();
        (config, shelf)
    }

    #[test]
    fn a_certificate_and_its_key_are_one_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let (_, shelf) = shelf(folder.path());
        assert!(shelf.held("mx.example.org").is_none());
        let key = shelf.key("mx.example.org").unwrap();
        let params = rcgen::CertificateParams::new(vec!["mx.example.org".into()]).unwrap();
        let made = params.self_signed(&key).unwrap();
        shelf.put("mx.example.org", &made.pem(), &key).unwrap();
        let held = shelf.held("mx.example.org").unwrap();
        assert_eq!(held.der, *made.der());
        assert!(held.from < held.until);
        let mode = fs::metadata(shelf.lead()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // One that has lost its key is to be got anew.
        fs::write(shelf.path("lost.example.org"), made.pem()).unwrap();
        assert!(shelf.held("lost.example.org").is_none());
        fs::remove_file(shelf.path("lost.example.org")).unwrap();
        // The next one is for the same key.
        let again = shelf.key("mx.example.org").unwrap();
        assert_eq!(again.serialize_der(), key.serialize_der());
        assert_eq!(shelf.others(), Vec::<PathBuf>::new());
        shelf.put("mta-sts.example.org", &made.pem(), &key).unwrap();
        assert_eq!(
            shelf.others(),
            [folder.path().join("acme/mta-sts.example.org.pem")]
        );
    }

    #[test]
    fn the_hosts_first_certificate_is_for_the_key_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (config, shelf) = shelf(folder.path());
        let _made = crate::tls::Certificates::open(&config).unwrap();
        let development = fs::read_to_string(&config.tls.key).unwrap();
        assert_eq!(
            shelf.key("mx.example.org").unwrap().serialize_pem(),
            development
        );
        assert_ne!(
            shelf.key("other.example.org").unwrap().serialize_pem(),
            development
        );
    }
}
