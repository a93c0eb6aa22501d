//! Password hashes as PHC strings. New ones are Argon2id with 19 MiB, 2 passes, 1 lane (OWASP's first choice); those that came from elsewhere
//! may be Argon2i, Argon2d, scrypt or PBKDF2 as well.
//!
//! Invariant: what verifying costs is bounded here, since a hash that somebody else made names its own price.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::{Error, Result};

/// Longest password taken, in bytes.
pub(crate) const MAX_PASSWORD: usize = 1024;

/// Octets that verifying a hash may take.
const MAX_MEMORY: u64 = 64 << 20;
/// Rounds of PBKDF2 that it may take, and what a pass over that memory counts as.
const MAX_WORK: u64 = 16 * WORK_OF_A_PASS;
const WORK_OF_A_PASS: u64 = 100_000;

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
    let verifier = verifier(&hash)?;
    match verifier.verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::Password) => Ok(false),
        Err(error) => Err(Error::PasswordHash(error.to_string())),
    }
}

/// Who verifies a hash, if it costs no more than it may.
fn verifier(hash: &PasswordHash<'_>) -> Result<Box<dyn PasswordVerifier>> {
    let broken = |error: argon2::password_hash::Error| Error::PasswordHash(error.to_string());
    let name = hash.algorithm;
    let (memory, work, verifier): (u64, u64, Box<dyn PasswordVerifier>) = match name.as_str() {
        "argon2id" | "argon2i" | "argon2d" => {
            let params = Params::try_from(hash).map_err(broken)?;
            let memory = u64::from(params.m_cost()) << 10;
            let work = u64::from(params.t_cost()) * u64::from(params.p_cost());
            (memory, work * WORK_OF_A_PASS, Box::new(argon2()?))
        }
        "scrypt" => {
            let params = scrypt::Params::try_from(hash).map_err(broken)?;
            let memory = (u64::from(params.r()) * 128)
                .checked_shl(params.log_n().into())
                .unwrap_or(u64::MAX);
            let work = u64::from(params.p()) * WORK_OF_A_PASS;
            (memory, work, Box::new(scrypt::Scrypt))
        }
        "pbkdf2-sha256" | "pbkdf2-sha512" => {
            let rounds = hash.params.get_decimal("i").unwrap_or(u32::MAX);
            (0, rounds.into(), Box::new(pbkdf2::Pbkdf2))
        }
        _ => {
            return Err(Error::PasswordHash(format!(
                "hashes of the kind {name} are not known here"
            )));
        }
    };
    if memory > MAX_MEMORY || work > MAX_WORK {
        return Err(Error::PasswordHash(
            "the hash costs more than may be spent on a password".to_owned(),
        ));
    }
    Ok(verifier)
}
