//! The signature of a component: Ed25519 over its SHA-256, in a custom section that is the last thing in the file.
//!
//! Invariants: what is signed is every octet before the signature; a signature that does not fit, or is of a key that is not trusted, is never
//! passed over, whatever is said of unsigned components.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The custom section that holds it.
pub(crate) const SECTION: &str = "waxwing:signature";
/// What is signed begins with this, so that it can be taken for nothing else.
const DOMAIN: &[u8] = b"waxwing plugin signature 1\n";
/// Octets of a public key, of a secret one, of a signature.
const KEY: usize = 32;
const SIGNATURE: usize = 64;
/// What the section begins with: custom, its length, the length of its name, the name, the version of this layout.
const HEAD: [u8; 21] = *b"\x00\x73\x11waxwing:signature\x01";
/// The whole section.
const LENGTH: usize = HEAD.len() + KEY + SIGNATURE;

/// A key that signs plugins.
pub struct SigningKey {
    seed: [u8; KEY],
    pair: Ed25519KeyPair,
}

/// A key that verifies what [`SigningKey`] signed, written `ed25519:BASE64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; KEY]);

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not written as a key is.
    #[error("is no key: write {0}")]
    Unreadable(&'static str),
    /// The system gives no randomness, or the library takes no such key.
    #[error("the key cannot be made or used")]
    Unusable,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; KEY];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| KeyError::Unusable)?;
        Self::of_seed(seed)
    }

    /// Reads a key as [`SigningKey::to_text`] writes it.
    ///
    /// # Errors
    /// The text is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        const FORM: &str = "ed25519-secret:BASE64, as `waxwing plugin sign --new-key FILE` does";
        let seed = decode(text.trim(), "ed25519-secret:").ok_or(KeyError::Unreadable(FORM))?;
        Self::of_seed(seed)
    }

    fn of_seed(seed: [u8; KEY]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Unusable)?;
        Ok(Self { seed, pair })
    }

    /// The key as its file holds it. Whoever reads it can sign.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("ed25519-secret:{}\n", STANDARD.encode(self.seed))
    }

    /// What others verify with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut key = [0; KEY];
        let own = self.pair.public_key().as_ref();
        key.iter_mut().zip(own).for_each(|(to, from)| *to = *from);
        PublicKey(key)
    }

    /// The component with a signature of this key; an earlier one is replaced.
    #[must_use]
    pub fn sign(&self, component: &[u8]) -> Vec<u8> {
        let (content, _) = split(component);
        let signature = self.pair.sign(&signed(content));
        let mut whole = content.to_vec();
        whole.extend(HEAD);
        whole.extend(self.public().0);
        whole.extend(signature.as_ref());
        whole
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public()).finish()
    }
}

impl std::str::FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = decode(text, "ed25519:");
        key.map(Self).ok_or(KeyError::Unreadable(
            "ed25519:BASE64, as `waxwing plugin sign` prints",
        ))
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ed25519:{}", STANDARD.encode(self.0))
    }
}

/// Who signed a component; none if nobody did. An error says why the signature does not count.
pub(crate) fn signer(component: &[u8]) -> Result<Option<PublicKey>, String> {
    let (content, Some((key, signature))) = split(component) else {
        return Ok(None);
    };
    UnparsedPublicKey::new(&ED25519, key.0)
        .verify(&signed(content), signature)
        .map_err(|_| {
            format!(
                "carries a signature of {key} that does not fit: it was changed after it was signed"
            )
        })?;
    Ok(Some(key))
}

/// The octets that are signed for, and the signature at their end.
fn split(component: &[u8]) -> (&[u8], Option<(PublicKey, &[u8])>) {
    let unsigned = (component, None);
    let Some((content, section)) = component
        .len()
        .checked_sub(LENGTH)
        .and_then(|at| component.split_at_checked(at))
    else {
        return unsigned;
    };
    let parts = section
        .strip_prefix(&HEAD)
        .and_then(|rest| rest.split_first_chunk::<KEY>());
    match parts {
        Some((key, signature)) => (content, Some((PublicKey(*key), signature))),
        None => unsigned,
    }
}

fn signed(content: &[u8]) -> Vec<u8> {
    [DOMAIN, Sha256::digest(content).as_slice()].concat()
}

fn decode(text: &str, before: &str) -> Option<[u8; KEY]> {
    let octets = STANDARD.decode(text.strip_prefix(before)?).ok()?;
    octets.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_what_its_head_says() {
        assert_eq!(usize::from(HEAD[1]), LENGTH - 2);
        assert_eq!(usize::from(HEAD[2]), SECTION.len());
        assert!(HEAD[3..].starts_with(SECTION.as_bytes()));
    }

    #[test]
    fn what_was_signed_is_known_by_its_key_and_signing_again_replaces() {
        let (first, second) = (
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let component = b"\0asm\x0d\0\x01\0".to_vec();
        assert_eq!(signer(&component).unwrap(), None);
        let signed = first.sign(&component);
        assert_eq!(signer(&signed).unwrap(), Some(first.public()));
        let again = second.sign(&signed);
        assert_eq!(again.len(), signed.len());
        assert_eq!(signer(&again).unwrap(), Some(second.public()));
    }

    #[test]
    fn one_bit_more_or_less_and_it_does_not_fit() {
        let key = SigningKey::generate().unwrap();
        let signed = key.sign(b"\0asm\x0d\0\x01\0");
        for place in (0..8).chain(8 + HEAD.len()..signed.len()) {
            let mut changed = signed.clone();
            changed[place] ^= 1;
            assert!(signer(&changed).is_err(), "octet {place}");
        }
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key = SigningKey::generate().unwrap();
        let same = SigningKey::parse(&key.to_text()).unwrap();
        assert_eq!(same.public(), key.public());
        let public = key.public();
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        for text in ["", "ed25519:", "ed25519:AAAA", "rsa:AAAA"] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
        assert!(!format!("{key:?}").contains(key.to_text().trim()));
    }
}
