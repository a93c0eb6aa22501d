//! One-time codes behind passwords.
//!
//! Standards: RFC 4226 (HOTP), RFC 6238 (TOTP): HMAC-SHA-1, 30 seconds, six digits, what every authenticator speaks.
//! Invariant: a code is good once, on whichever host.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::accounts::normal_address;
use crate::writer::credentials::CredentialChange;
use crate::{Result, Store, recovery};

/// Digits of a code.
const DIGITS: usize = 6;
/// RFC 4226 §4: octets of a secret, 160 bits.
pub const TOTP_SECRET: usize = 20;
/// RFC 6238 §4: milliseconds of a step.
const STEP: i64 = 30_000;
/// RFC 6238 §5.2: steps that a clock may be off, in either direction.
const OFF: i64 = 1;

/// A password and the code behind it, if there is one.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let at = text.len().checked_sub(DIGITS)?;
    let (password, code) = text.split_at_checked(at)?;
    code.bytes()
        .all(|octet| octet.is_ascii_digit())
        .then_some((password, code))
}

/// The step that a code is of, among those that may be used at this time.
pub(crate) fn step_of(secret: &[u8], code: &str, now: i64) -> Option<i64> {
    let step = now.div_euclid(STEP);
    (step - OFF..=step + OFF).find(|step| {
        let right = self::code(secret, *step);
        bool::from(right.as_bytes().ct_eq(code.as_bytes()))
    })
}

/// RFC 4226 §5.3, with RFC 6238 §4.2's counter.
fn code(secret: &[u8], step: i64) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = digest.last().map_or(0, |octet| usize::from(octet & 0xf));
    let chosen = digest.get(offset..offset + 4).unwrap_or_default();
    let number = chosen
        .iter()
        .fold(0_u32, |number, octet| number << 8 | u32::from(*octet));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

impl Store {
    /// Wants a code behind an account's password from now on, by a new secret, which is given with its recovery codes, as one act, and
    /// cannot be had again.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn enable_totp(&self, address: &str) -> Result<(Vec<u8>, Vec<String>)> {
        let secret = Self::new_totp_secret().to_vec();
        let codes = self.want_totp(address, secret.clone(), 0).await?;
        Ok((secret, codes))
    }

    /// A secret for an account to come; it changes nothing.
    #[must_use]
    pub fn new_totp_secret() -> [u8; TOTP_SECRET] {
        rand::random()
    }

    /// Wants codes of a secret behind an account's password from now on, if the code is one: whoever shows it has the secret where codes are
    /// made. The code is used up. Gives the recovery codes that go with the secret from the same moment on; none: the code is not one.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn confirm_totp(
        &self,
        address: &str,
        secret: [u8; TOTP_SECRET],
        code: &str,
    ) -> Result<Option<Vec<String>>> {
        let Some(step) = step_of(&secret, code, self.inner.config.clock.now()) else {
            return Ok(None);
        };
        self.want_totp(address, secret.to_vec(), step)
            .await
            .map(Some)
    }

    /// Wants no code any more.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn disable_totp(&self, address: &str) -> Result<()> {
        self.set_totp(address, Vec::new(), Vec::new(), 0).await
    }

    /// Wants codes of a secret, and gives what takes their place.
    async fn want_totp(&self, address: &str, secret: Vec<u8>, used: i64) -> Result<Vec<String>> {
        let (codes, hashes) = recovery::made();
        self.set_totp(address, secret, hashes, used).await?;
        Ok(codes)
    }

    async fn set_totp(
        &self,
        address: &str,
        secret: Vec<u8>,
        recovery: Vec<Vec<u8>>,
        used: i64,
    ) -> Result<()> {
        let change = CredentialChange::SetTotp {
            address: normal_address(address)?,
            secret,
            recovery,
            used,
        };
        self.inner.writer.write(change).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_rfc_6238_appendix_b() {
        let secret = b"12345678901234567890";
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(secret, seconds / 30), expected, "{seconds}");
            assert_eq!(
                step_of(secret, expected, seconds * 1000),
                Some(seconds / 30)
            );
            assert_eq!(step_of(secret, expected, seconds * 1000 + 61_000), None);
        }
    }

    #[test]
    fn a_code_stands_behind_the_password() {
        assert_eq!(split("secret123456"), Some(("secret", "123456")));
        assert_eq!(split("123456"), Some(("", "123456")));
        for none in ["12345", "secret12345x", "", "sécré€"] {
            assert_eq!(split(none), None, "{none}");
        }
    }
}
