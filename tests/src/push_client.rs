//! What a client of web push has on its device: keys, and what opens a message (RFC 8291), and tells whom it is from (RFC 8292).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_FIXED};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A client's keys.
pub struct PushClient {
    private: PrivateKey,
    public: Vec<u8>,
    auth: Vec<u8>,
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Default for PushClient {
    fn default() -> Self {
        Self::new()
    }
}

impl PushClient {
    /// With new keys.
    ///
    /// # Panics
    /// If there are none to be had.
    #[must_use]
    pub fn new() -> Self {
        let private = PrivateKey::generate(&ECDH_P256).expect("a key");
        let public = private.compute_public_key().expect("a public key");
        Self {
            public: public.as_ref().to_vec(),
            private,
            auth: (0..16).collect(),
        }
    }

    /// The keys as a subscription has them.
    #[must_use]
    pub fn keys(&self) -> Value {
        json!({"p256dh": URL_SAFE_NO_PAD.encode(&self.public), "auth": URL_SAFE_NO_PAD.encode(&self.auth)})
    }

    /// Opens a message.
    ///
    /// # Panics
    /// If it is not one for this client.
    #[must_use]
    pub fn open(&self, message: &[u8]) -> Value {
        let (salt, rest) = message.split_at(16);
        let (size, rest) = rest.split_at(4);
        assert_eq!(size, 4096_u32.to_be_bytes());
        let (theirs, sealed) = rest[1..].split_at(usize::from(rest[0]));
        let peer = UnparsedPublicKey::new(&ECDH_P256, theirs);
        let shared = agree(&self.private, peer, (), |secret| Ok(secret.to_vec()));
        let prk = Salt::new(HKDF_SHA256, &self.auth).extract(&shared.expect("a key agreed on"));
        let material = expand(&prk, &[b"WebPush: info\0", &self.public, theirs], 32);
        let prk = Salt::new(HKDF_SHA256, salt).extract(&material);
        let key = expand(&prk, &[b"Content-Encoding: aes128gcm\0"], 16);
        let nonce = expand(&prk, &[b"Content-Encoding: nonce\0"], 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key"));
        let nonce = Nonce::try_assume_unique_for_key(&nonce).expect("a nonce");
        let mut opened = sealed.to_vec();
        let opened = key.open_in_place(nonce, Aad::empty(), &mut opened);
        let (last, text) = opened.expect("it opens").split_last().expect("it is whole");
        assert_eq!(*last, 2);
        serde_json::from_slice(text).expect("it is JSON")
    }
}

fn expand(prk: &Prk, info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut octets = vec![0; length];
    let expanded = prk.expand(info, Length(length)).expect("a length");
    expanded.fill(&mut octets).expect("it fits");
    octets
}

/// The claims of the value of Authorization, if it is signed with the key.
///
/// # Panics
/// If it is not.
#[must_use]
pub fn claims(authorization: &str, key: &str) -> Value {
    let rest = authorization.strip_prefix("vapid t=").expect("VAPID");
    let (token, public) = rest.split_once(", k=").expect("a key");
    assert_eq!(public, key);
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let verifier = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decoded(public));
    let verified = verifier.verify(signed.as_bytes(), &decoded(signature));
    verified.expect("it is signed");
    let (header, claims) = signed.split_once('.').expect("a header");
    let header: Value = serde_json::from_slice(&decoded(header)).expect("JSON");
    assert_eq!(header["alg"], "ES256");
    serde_json::from_slice(&decoded(claims)).expect("JSON")
}
