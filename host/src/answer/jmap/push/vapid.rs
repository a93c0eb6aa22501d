//! Who a push message is from: RFC 8292 (Voluntary Application Server Identification), with a key that all hosts of a store share.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::json;
use waxwing_store::Namespace;

use crate::keys::VaultError;
use crate::wiring::Parts;

/// How long a signature is good; RFC 8292 §2: a day at most.
const GOOD: i64 = 12 * 3600;
/// What the private key is sealed for, and where it is kept.
const PLACE: &str = "vapid";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(super) enum VapidError {
    /// It is not kept, or not found.
    #[error(transparent)]
    Store(#[from] waxwing_store::Error),
    /// It is not sealed, or not opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It is no key.
    #[error("the key of push messages is none")]
    Key,
}

/// The key.
pub(super) struct Vapid {
    pair: EcdsaKeyPair,
    /// The public key, an uncompressed point in base64url.
    pub(super) public: String,
}

impl Vapid {
    /// The key that is kept, or a new one.
    pub(super) async fn load(parts: &Parts) -> Result<Self, VapidError> {
        // No plugin has an area of this name.
        let namespace = Namespace {
            plugin: "waxwing".to_owned(),
            area: "push".to_owned(),
            domain: String::new(),
        };
        let (kv, vault) = (parts.store.kv(), parts.keys.vault());
        if let Some(kept) = kv.get(&namespace, PLACE).await? {
            return Self::of(&vault.open(PLACE, &kept.value)?);
        }
        // As for the keys of domains: the first secret is made where there is nothing that another one has sealed.
        if parts.store.domains_with_keys().await?.is_empty() {
            vault.make()?;
        }
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let made = made.map_err(|_| VapidError::Key)?;
        let sealed = vault.seal(PLACE, made.as_ref())?;
        let first = kv
            .compare_and_set(&namespace, PLACE, 0, &sealed, None)
            .await?;
        if first.is_some() {
            return Self::of(made.as_ref());
        }
        // Another host has been faster.
        let kept = kv.get(&namespace, PLACE).await?.ok_or(VapidError::Key)?;
        Self::of(&vault.open(PLACE, &kept.value)?)
    }

    fn of(pkcs8: &[u8]) -> Result<Self, VapidError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
        let pair = pair.map_err(|_| VapidError::Key)?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Ok(Self { pair, public })
    }

    /// The value of Authorization for a push service (RFC 8292 §3), if it can be signed.
    pub(super) fn authorization(&self, origin: &str, contact: &str) -> Option<String> {
        let header = json!({"typ": "JWT", "alg": "ES256"});
        let expires = Timestamp::now().as_second() + GOOD;
        let claims = json!({"aud": origin, "exp": expires, "sub": contact});
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .ok()?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Some(format!("vapid t={signed}.{signature}, k={}", self.public))
    }
}
