//! DKIM: which domains take responsibility for a message.
//!
//! Standards: RFC 6376; RFC 8301 (no SHA-1, no short keys); RFC 8463 (Ed25519); RFC 8616 §5 (internationalised domains).
//! Invariants: a message costs at most [`DkimLimits::signatures`] hashes of its body and look-ups; a signature that leaves From out holds
//! for nothing.
//!
//! The arithmetic of signatures and the canonical form of headers are mail-auth's; bodies are in `canonical`, which says why.

pub(crate) mod key;
pub mod rotation;
pub(crate) mod sign;
pub(crate) mod signature;
pub(crate) mod signing_key;
pub(crate) mod verify;

pub use sign::{DkimSigner, sign};
pub use signature::{Algorithm, key_name};
pub use signing_key::{KeyError, SigningKey, is_published, zone_strings};
pub use verify::{DkimOutcome, DkimReport, verify};

/// What verifying may cost, and which keys are good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DkimLimits {
    /// Signatures that are verified, from the top; others are counted.
    pub signatures: usize,
    /// RSA keys with fewer bits hold for nothing (RFC 8301 §3.2: 1024).
    pub rsa_bits: usize,
    /// Octets at a body's end that a signature may leave out with `l=`: whoever adds text there speaks in the signer's name (RFC 6376 §8.2).
    pub unsigned_octets: u64,
}

impl Default for DkimLimits {
    fn default() -> Self {
        Self {
            signatures: 8,
            rsa_bits: 1024,
            unsigned_octets: 0,
        }
    }
}
