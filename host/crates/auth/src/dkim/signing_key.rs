//! Keys to sign with: read, generated, and published.
//!
//! Standards: RFC 6376 §3.6.1; RFC 8301 §3.2 (2048 bits); RFC 8463 §4 (Ed25519 keys are published bare).

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{DkimKey, Ed25519Key, RsaKey, SigningKey as _};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use super::Algorithm;

/// Octets of a key file; the largest RSA keys need 7,000 as PEM.
const MAX_FILE: usize = 64 * 1024;

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file holds no private key.
    #[error("this is no private key in PEM or DER (PKCS #8 or PKCS #1): {0}")]
    Unreadable(String),
    /// RFC 8301 §3.2: keys to sign with have 2048 bits.
    #[error("the key is neither RSA with 2048 bits or more nor Ed25519: {0}")]
    Kind(String),
    /// No key could be made, or nothing be signed with it.
    #[error("the cryptographic library failed: {0}")]
    Library(String),
}

/// A private key.
pub struct SigningKey {
    key: DkimKey,
    /// As `p=` has it, before base 64.
    public: Vec<u8>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.algorithm().key_type();
        write!(f, "SigningKey({kind})")
    }
}

impl SigningKey {
    /// Reads a key: PEM, or DER of PKCS #8 or PKCS #1.
    pub fn read(file: &[u8]) -> Result<Self, KeyError> {
        if file.len() > MAX_FILE {
            return Err(KeyError::Unreadable("it is too large".to_owned()));
        }
        let der = if file.trim_ascii_start().starts_with(b"-----BEGIN") {
            PrivateKeyDer::from_pem_slice(file)
                .map_err(|error| KeyError::Unreadable(error.to_string()))?
        } else {
            PrivateKeyDer::try_from(file).map_err(|error| KeyError::Unreadable(error.to_owned()))?
        };
        match rsa(&der) {
            Ok(pair) => Self::rsa(der, &pair),
            Err(not_rsa) => Self::ed25519(der.secret_der()).map_err(|_| KeyError::Kind(not_rsa)),
        }
    }

    fn rsa(der: PrivateKeyDer<'_>, pair: &RsaKeyPair) -> Result<Self, KeyError> {
        let public = pair.public_key().as_der();
        let public: PublicKeyX509Der<'_> = public.map_err(library)?;
        Ok(Self {
            public: public.as_ref().to_vec(),
            key: DkimKey::Rsa(RsaKey::from_key_der(der).map_err(library)?),
        })
    }

    fn ed25519(der: &[u8]) -> Result<Self, KeyError> {
        let key = Ed25519Key::from_pkcs8_maybe_unchecked_der(der).map_err(library)?;
        Ok(Self {
            public: key.public_key(),
            key: DkimKey::Ed25519(key),
        })
    }

    /// Makes a key, and gives it as DER (PKCS #8), to be kept secret.
    pub fn generate(algorithm: Algorithm) -> Result<Vec<u8>, KeyError> {
        let der: Pkcs8V1Der<'static> = match algorithm {
            // RFC 8301 §3.2: signers should use 2048 bits, whose record fits into a UDP answer.
            Algorithm::RsaSha256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .map_err(library)?
                .as_der()
                .map_err(library)?,
            Algorithm::Ed25519Sha256 => Ed25519KeyPair::generate()
                .map_err(library)?
                .as_der()
                .map_err(library)?,
        };
        Ok(der.as_ref().to_vec())
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.key {
            DkimKey::Rsa(_) => Algorithm::RsaSha256,
            DkimKey::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    /// The text to publish at `<selector>._domainkey.<domain>`.
    #[must_use]
    pub fn record(&self) -> String {
        let kind = self.algorithm().key_type();
        format!("v=DKIM1; k={kind}; p={}", STANDARD.encode(&self.public))
    }

    /// Signs octets in their canonical form.
    pub(crate) fn sign(&self, octets: &[u8]) -> Result<String, KeyError> {
        let signature = self.key.sign(octets).map_err(library)?;
        Ok(STANDARD.encode(signature))
    }
}

/// Whether a published text has the key of a record as [`SigningKey::record`] writes it, and says that it may be used for mail.
#[must_use]
pub fn is_published(record: &str, algorithm: Algorithm, text: &[u8]) -> bool {
    let usable = super::key::read(text, algorithm).is_ok();
    let public = |text: &[u8]| {
        let text = std::str::from_utf8(text).ok()?;
        crate::tags::base64(crate::tags::Tags::parse(text).ok()?.get("p")?)
    };
    usable && public(text).is_some_and(|key| public(record.as_bytes()) == Some(key))
}

fn rsa(der: &PrivateKeyDer<'_>) -> Result<RsaKeyPair, String> {
    match der {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err("SEC1 is for other kinds of keys".to_owned()),
    }
    .map_err(|error| error.to_string())
}

fn library(error: impl std::fmt::Display) -> KeyError {
    KeyError::Library(error.to_string())
}

/// A text cut as zone files want it: strings of at most 255 octets (RFC 1035 §3.3.14), each in quotes.
#[must_use]
pub fn zone_strings(text: &str) -> String {
    let chunks = text.as_bytes().chunks(255);
    let quoted = chunks.map(|chunk| format!("\"{}\"", String::from_utf8_lossy(chunk)));
    quoted.collect::<Vec<_>>().join(" ")
}
