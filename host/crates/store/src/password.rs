//! Password hashes: Argon2id with 19 MiB, 2 passes, 1 lane (OWASP's first choice), in PHC strings.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::{Error, Result};

/// Longest password taken, in bytes.
pub(crate) const MAX_PASSWORD: usize = 1024;

fn argon2() -> Result<Argon2<'static>> {
    let params =
        Params::new(19 * 1024, 2, 1, None).map_err(|e| Error::PasswordHash(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password under a new salt. Takes 19 MiB and some ten milliseconds; call it on a blocking thread.
///
/// # Errors
/// `TooLarge` above 1024 bytes.
pub fn hash_password(password: &str) -> Result<String> {
    if password.len() > MAX_PASSWORD {
        return Err(Error::TooLarge {
            what: "password",
            size: password.len(),
            limit: MAX_PASSWORD,
        });
    }
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>())
        .map_err(|e| Error::PasswordHash(e.to_string()))?;
    let hash = argon2()?
        .hash_password(password.as_bytes(), &salt)
        .map_err(|e| Error::PasswordHash(e.to_string()))?;
    Ok(hash.to_string())
}

/// Whether a password is the one that was hashed. As costly as hashing.
///
/// # Errors
/// `PasswordHash` if the stored string is none.
pub fn password_matches(stored: &str, password: &str) -> Result<bool> {
    let hash = PasswordHash::new(stored).map_err(|e| Error::PasswordHash(e.to_string()))?;
    if password.len() > MAX_PASSWORD {
        return Ok(false);
    }
    match argon2()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::Password) => Ok(false),
        Err(error) => Err(Error::PasswordHash(error.to_string())),
    }
}
