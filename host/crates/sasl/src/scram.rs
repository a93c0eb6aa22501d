//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: a password is proved, and never sent.
//!
//! Standards: RFC 5802 (the mechanism), RFC 7677 (SHA-256), RFC 5803 (how keys are kept), RFC 9266 (`tls-exporter`
//! channel binding), RFC 4013 (SASLprep).
//! Invariants: keys and proofs are compared in constant time and never printed; what a peer can make long or costly is
//! bounded.

pub(crate) mod client;
pub(crate) mod server;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::exchange::SaslError;

/// What the text of kept keys begins with (RFC 5803 §2, RFC 7677 §4).
const SCHEME: &str = "SCRAM-SHA-256$";

/// The only channel binding that is known (RFC 9266 §3).
pub(crate) const TLS_EXPORTER: &str = "tls-exporter";

/// What [RFC 9266 §3] takes from a TLS connection: 32 octets of the exporter with the label `EXPORTER-Channel-Binding`
/// and an empty context.
///
/// [RFC 9266 §3]: https://www.rfc-editor.org/rfc/rfc9266#section-3
pub type ChannelBinding = [u8; 32];

/// What a server keeps instead of a password (RFC 5802 §3).
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// The salt, at least one octet.
    pub salt: Vec<u8>,
    /// How often the password was hashed; RFC 7677 §4 wants 4096 at least.
    pub iterations: u32,
    /// `StoredKey`.
    pub stored_key: [u8; 32],
    /// `ServerKey`.
    pub server_key: [u8; 32],
}

impl ScramKeys {
    /// The keys of a password. Costs as much as its iterations do.
    ///
    /// # Errors
    /// The password has characters that RFC 4013 forbids.
    pub fn derive(password: &str, salt: &[u8], iterations: u32) -> Result<Self, SaslError> {
        let salted = salted_password(password, salt, iterations)?;
        Ok(Self {
            salt: salt.to_vec(),
            iterations,
            stored_key: sha256(&hmac(&salted, &[b"Client Key"])),
            server_key: hmac(&salted, &[b"Server Key"]),
        })
    }

    /// The keys as a text to be kept, as RFC 5803 §2 writes them: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let [salt, stored, server] = [&self.salt[..], &self.stored_key, &self.server_key]
            .map(|octets| STANDARD.encode(octets));
        format!("{SCHEME}{}:{salt}${stored}:{server}", self.iterations)
    }

    /// The keys of a text that [`ScramKeys::to_stored`] gave.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let (info, keys) = text.strip_prefix(SCHEME)?.split_once('$')?;
        let (iterations, salt) = info.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let key = |text: &str| STANDARD.decode(text).ok()?.try_into().ok();
        let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?;
        Some(Self {
            salt,
            iterations: iterations.parse().ok()?,
            stored_key: key(stored)?,
            server_key: key(server)?,
        })
    }

    /// Keys for a user that there is not: always the same, so that a stranger does not find out, and fitting no password.
    #[must_use]
    pub fn pretend(secret: &[u8], user: &str, iterations: u32) -> Self {
        let of = |what: &[u8]| hmac(secret, &[what, b"\0", user.as_bytes()]);
        Self {
            salt: of(b"salt").get(..16).unwrap_or_default().to_vec(),
            iterations,
            stored_key: of(b"stored"),
            server_key: of(b"server"),
        }
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// `SaltedPassword := Hi(Normalize(password), salt, i)`
fn salted_password(password: &str, salt: &[u8], iterations: u32) -> Result<[u8; 32], SaslError> {
    let password = stringprep::saslprep(password).map_err(|_| SaslError::Malformed)?;
    let mut salted = [0; 32];
    // RFC 5802 §2.2: Hi() is PBKDF2 with HMAC and one block of output.
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations.max(1), &mut salted);
    Ok(salted)
}

fn hmac(key: &[u8], pieces: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().into()
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

fn xor(a: [u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let mut out = a;
    for (octet, other) in out.iter_mut().zip(b) {
        *octet ^= other;
    }
    out
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// `AuthMessage := client-first-message-bare + "," + server-first-message + "," + client-final-message-without-proof`
fn auth_message(first_bare: &str, server_first: &str, without_proof: &str) -> String {
    format!("{first_bare},{server_first},{without_proof}")
}

/// The value of an attribute such as `r=`, if that is what stands there.
fn attribute(part: Option<&str>, name: char) -> Result<&str, SaslError> {
    part.and_then(|part| part.strip_prefix(name)?.strip_prefix('='))
        .ok_or(SaslError::Malformed)
}

fn base64(text: &str) -> Result<Vec<u8>, SaslError> {
    STANDARD.decode(text).map_err(|_| SaslError::Malformed)
}

/// RFC 5802 §5.1: printable, without commas, and of a bearable length.
fn is_nonce(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'!'..=b'~') && b != b',')
}

/// RFC 5802 §5.1: `saslname`, with `,` and `=` written out.
fn encode_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn decode_name(text: &str) -> Result<String, SaslError> {
    let mut name = String::with_capacity(text.len());
    let mut pieces = text.split('=');
    name.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (c, rest) = match piece.split_at_checked(2) {
            Some(("2C", rest)) => (',', rest),
            Some(("3D", rest)) => ('=', rest),
            _ => return Err(SaslError::Malformed),
        };
        name.push(c);
        name.push_str(rest);
    }
    if name.chars().any(char::is_control) {
        return Err(SaslError::Malformed);
    }
    Ok(name)
}
