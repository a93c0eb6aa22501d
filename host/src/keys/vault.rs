//! Private keys at rest: sealed with a secret of the server, so that who reads the database, or a copy of it, cannot sign.
//!
//! The secret is a file of the data directory, 32 octets in base64, mode 0600, made with the first key. Hosts that share a store share a
//! copy of it. What is sealed: an octet 1, the nonce, and the key under AES-256-GCM, bound to its domain and selector.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The one form there is.
const FORM: u8 = 1;

/// Why a secret is not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    /// The file of the secret cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not there, and keys that were sealed with it are.
    #[error(
        "{} is not there, and the store has keys that were sealed with it: copy it from the host that made them, or remove the keys \
         (`waxwing domain key remove DOMAIN --all`) and add new ones",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file has something else in it.
    #[error("{} is not 32 octets in base64", .0.display())]
    Malformed(PathBuf),
    /// What is sealed was sealed with another secret, or damaged.
    #[error("the private key of {place} was not sealed with {}, or is damaged", path.display())]
    Other {
        /// Selector and domain.
        place: String,
        /// The secret's file.
        path: PathBuf,
    },
}

/// Seals and opens.
pub(crate) struct Vault {
    path: PathBuf,
}

impl Vault {
    /// With the secret in this file. Nothing is read or made yet.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes a secret where there is none.
    pub(crate) fn make(&self) -> Result<(), VaultError> {
        if self.path.exists() {
            return Ok(());
        }
        let text = STANDARD.encode(rand::random::<[u8; 32]>()) + "\n";
        let fresh = self
            .path
            .with_extension(format!("{:08x}", rand::random::<u32>()));
        let made = write(&fresh, text.as_bytes());
        // A link takes nobody's place: of two who make one, the first one's stays, whole.
        let made = made.and_then(|()| match std::fs::hard_link(&fresh, &self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
        let _gone = std::fs::remove_file(&fresh);
        made.map_err(|cause| self.file(cause))
    }

    /// Seals a key that belongs to this place.
    pub(crate) fn seal(&self, place: &str, key: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut octets = key.to_vec();
        let nonce = self
            .secret()?
            .seal_in_place_append_tag(Aad::from(place), &mut octets)
            .map_err(|_| self.other(place))?;
        Ok([&[FORM], nonce.as_ref().as_slice(), &octets].concat())
    }

    /// Opens what was sealed for this place.
    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let other = || self.other(place);
        let rest = sealed.strip_prefix(&[FORM]).ok_or_else(other)?;
        let (nonce, octets) = rest.split_at_checked(NONCE_LEN).ok_or_else(other)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| other())?;
        let mut octets = octets.to_vec();
        let opened = self
            .secret()?
            .open_in_place(nonce, Aad::from(place), &mut octets);
        opened.map(|key| key.to_vec()).map_err(|_| other())
    }

    fn secret(&self) -> Result<RandomizedNonceKey, VaultError> {
        let text = std::fs::read_to_string(&self.path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => VaultError::Missing(self.path.clone()),
            _ => self.file(cause),
        })?;
        let octets = STANDARD.decode(text.trim()).unwrap_or_default();
        // The algorithm takes 32 octets and no other number.
        RandomizedNonceKey::new(&AES_256_GCM, &octets)
            .map_err(|_| VaultError::Malformed(self.path.clone()))
    }

    fn file(&self, cause: std::io::Error) -> VaultError {
        VaultError::File {
            path: self.path.clone(),
            cause,
        }
    }

    fn other(&self, place: &str) -> VaultError {
        VaultError::Other {
            place: place.to_owned(),
            path: self.path.clone(),
        }
    }
}

fn write(path: &Path, octets: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path().join("keys.secret"));
        assert!(matches!(
            vault.seal("a", b"key"),
            Err(VaultError::Missing(_))
        ));
        vault.make().unwrap();
        let sealed = vault.seal("s1 of a.example", b"key").unwrap();
        assert!(!sealed.windows(3).any(|three| three == b"key"));
        // A secret that is there stays.
        vault.make().unwrap();
        assert_eq!(vault.open("s1 of a.example", &sealed).unwrap(), b"key");
        assert!(vault.open("s2 of a.example", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(vault.open("s1 of a.example", &damaged).is_err(), "{at}");
        }
        assert!(vault.open("s1 of a.example", &[FORM]).is_err());
        let entries = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(entries, 1, "nothing else is left there");
        std::fs::write(&vault.path, "short").unwrap();
        let error = vault.open("s1 of a.example", &sealed).unwrap_err();
        assert!(matches!(error, VaultError::Malformed(_)), "{error}");
    }

    #[test]
    fn nobody_else_reads_the_secret() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path().join("keys.secret"));
        vault.make().unwrap();
        let mode = std::fs::metadata(&vault.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
