//! The Sender Rewriting Scheme: a reverse path of our own for mail that is forwarded, so that SPF passes and failures
//! come back, and from which the first sender can be read again.
//!
//! Source: M. Wong, S. Benham, "Sender Rewriting Scheme" (2004): `SRS0=hash=day=domain=local@us` for a first forwarder,
//! `SRS1=hash=first-forwarder==hash=day=domain=local@us` for all after it. Nothing is stored: the hash is proof that we
//! made the address. Hosts on the way may change the case of a local part, so hash and day are base32 and the hash is
//! made over the lower case.
//! Local parts are given and returned without quotes; the caller quotes what needs it.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Longest local part that is made.
/// Deviation from RFC 5321 §4.5.3.1.1 (64 octets): a rewritten address holds another's domain and local part, and
/// servers take longer ones.
pub const MAX_LOCAL: usize = 200;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters of the hash: 30 bits.
const HASH: usize = 6;
/// Days after which the two characters of a day repeat.
const DAYS: i64 = 1024;
const DAY_MILLIS: i64 = 86_400_000;

/// Why an address was not rewritten or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrsError {
    /// It would be longer than [`MAX_LOCAL`].
    #[error("the rewritten address is too long")]
    TooLong,
    /// It is no rewritten address, or none of this form.
    #[error("not a rewritten address")]
    NotSrs,
    /// Its hash is not ours.
    #[error("the rewritten address was not made here")]
    Forged,
    /// It is older than addresses may be.
    #[error("the rewritten address has expired")]
    Expired,
}

/// Rewrites and reads addresses.
pub struct Srs {
    domain: String,
    secrets: Vec<Vec<u8>>,
    max_age_days: i64,
}

impl std::fmt::Debug for Srs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the secrets.
        f.debug_struct("Srs")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

fn base32(mut number: u64, characters: usize) -> String {
    let mut reversed = Vec::with_capacity(characters);
    for _ in 0..characters {
        let at = usize::try_from(number % 32).unwrap_or(0);
        reversed.push(ALPHABET.get(at).copied().map_or('a', char::from));
        number /= 32;
    }
    reversed.into_iter().rev().collect()
}

fn from_base32(text: &str) -> Option<i64> {
    text.bytes().try_fold(0i64, |number, byte| {
        let digit = ALPHABET
            .iter()
            .position(|c| c.eq_ignore_ascii_case(&byte))?;
        number
            .checked_mul(32)?
            .checked_add(i64::try_from(digit).ok()?)
    })
}

/// `SRS0` or `SRS1` in any case, and what follows the separator.
fn tagged<'a>(local: &'a str, tag: &str) -> Option<&'a str> {
    let (start, rest) = local.split_at_checked(4)?;
    let rest = rest.strip_prefix(['=', '-', '+'])?;
    start.eq_ignore_ascii_case(tag).then_some(rest)
}

impl Srs {
    /// For addresses of `domain`. The first secret signs; all of them verify, so that secrets can be changed: put the new
    /// one first and keep the old one for `max_age_days` (at most 512). Without secrets nothing is ever accepted.
    pub fn new(domain: impl Into<String>, secrets: Vec<Vec<u8>>, max_age_days: u16) -> Srs {
        Srs {
            domain: domain.into(),
            secrets,
            max_age_days: i64::from(max_age_days).clamp(1, DAYS / 2),
        }
    }

    /// The reverse path under which mail of `local@domain` is forwarded at `now` (milliseconds of Unix time). One that is
    /// ours already stays; the null path has no address and is not asked about.
    ///
    /// # Errors
    /// `TooLong`; `Forged` if there is no secret.
    pub fn forward(&self, local: &str, domain: &str, now: i64) -> Result<String, SrsError> {
        if domain.eq_ignore_ascii_case(&self.domain) {
            return Ok(format!("{local}@{domain}"));
        }
        let (tag, signed) = if let Some(rest) = tagged(local, "SRS1") {
            // The second forwarder's hash gives way to ours; the first forwarder stays.
            match rest.split_once('=') {
                Some((_, signed)) if signed.contains('=') => ("SRS1", signed.to_owned()),
                _ => ("SRS0", self.first(local, domain, now)),
            }
        } else if tagged(local, "SRS0").is_some() {
            // With the first forwarder's separator, whatever it is.
            (
                "SRS1",
                format!("{domain}={}", local.get(4..).unwrap_or_default()),
            )
        } else {
            ("SRS0", self.first(local, domain, now))
        };
        let secret = self.secrets.first().ok_or(SrsError::Forged)?;
        let rewritten = format!("{tag}={}={signed}", hash(secret, &signed));
        if rewritten.len() > MAX_LOCAL {
            return Err(SrsError::TooLong);
        }
        Ok(format!("{rewritten}@{}", self.domain))
    }

    fn first(&self, local: &str, domain: &str, now: i64) -> String {
        let day = now.div_euclid(DAY_MILLIS).rem_euclid(DAYS);
        format!("{}={domain}={local}", base32(day.unsigned_abs(), 2))
    }

    /// Whether a local part of our domain looks rewritten, so that [`Srs::reverse`] is worth asking.
    pub fn is_rewritten(local: &str) -> bool {
        tagged(local, "SRS0")
            .or_else(|| tagged(local, "SRS1"))
            .is_some()
    }

    /// The address behind a rewritten local part of our domain.
    ///
    /// # Errors
    /// `NotSrs`, `Forged`, `Expired`. SRS1 does not expire here: the first forwarder sees to that.
    pub fn reverse(&self, local: &str, now: i64) -> Result<String, SrsError> {
        if let Some(rest) = tagged(local, "SRS1") {
            let signed = self.verified(rest)?;
            let (first, opaque) = signed.split_once('=').ok_or(SrsError::NotSrs)?;
            return Ok(format!("SRS0{opaque}@{first}"));
        }
        let rest = tagged(local, "SRS0").ok_or(SrsError::NotSrs)?;
        let signed = self.verified(rest)?;
        let mut parts = signed.splitn(3, '=');
        let (Some(day), Some(domain), Some(local)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(SrsError::NotSrs);
        };
        let made = from_base32(day)
            .filter(|_| day.len() == 2)
            .ok_or(SrsError::NotSrs)?;
        let age = (now.div_euclid(DAY_MILLIS) - made).rem_euclid(DAYS);
        // A day ahead: another host's clock.
        if age > self.max_age_days && age != DAYS - 1 {
            return Err(SrsError::Expired);
        }
        Ok(format!("{local}@{domain}"))
    }

    /// What the hash at the start stands for, if one of our secrets made it.
    fn verified<'a>(&self, rest: &'a str) -> Result<&'a str, SrsError> {
        let (given, signed) = rest.split_once('=').ok_or(SrsError::NotSrs)?;
        let given = given.to_ascii_lowercase();
        let ours = self
            .secrets
            .iter()
            .filter(|secret| same(&hash(secret, signed), &given));
        // All secrets are tried, whichever it is.
        match ours.count() {
            0 => Err(SrsError::Forged),
            _ => Ok(signed),
        }
    }
}

/// Compared without telling where they differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |differ, (a, b)| differ | (a ^ b))
            == 0
}

fn hash(secret: &[u8], signed: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        // HMAC takes keys of any length.
        return String::new();
    };
    mac.update(signed.to_ascii_lowercase().as_bytes());
    let bytes = mac.finalize().into_bytes();
    let number = bytes
        .iter()
        .take(8)
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    base32(number >> 34, HASH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn srs(domain: &str, secrets: &[&str]) -> Srs {
        let secrets = secrets
            .iter()
            .map(|secret| secret.as_bytes().to_vec())
            .collect();
        Srs::new(domain, secrets, 21)
    }

    fn local(address: &str) -> &str {
        address.rsplit_once('@').unwrap().0
    }

    #[test]
    fn one_forwarder() {
        let us = srs("us.example", &["secret"]);
        let forwarded = us.forward("alice", "origin.example", NOW).unwrap();
        assert!(
            forwarded.starts_with("SRS0=")
                && forwarded.ends_with("=origin.example=alice@us.example"),
            "{forwarded}"
        );
        assert_eq!(
            us.reverse(local(&forwarded), NOW).unwrap(),
            "alice@origin.example"
        );
        assert_eq!(
            us.reverse(&local(&forwarded).to_lowercase(), NOW).unwrap(),
            "alice@origin.example"
        );
        assert_eq!(
            us.forward(local(&forwarded), "us.example", NOW).unwrap(),
            forwarded,
            "ours stays"
        );
    }

    #[test]
    fn many_forwarders() {
        let (one, two, three) = (
            srs("one.example", &["1"]),
            srs("two.example", &["2"]),
            srs("three.example", &["3"]),
        );
        let first = one.forward("alice", "origin.example", NOW).unwrap();
        let second = two.forward(local(&first), "one.example", NOW).unwrap();
        assert!(
            second.starts_with("SRS1=") && second.contains("=one.example=="),
            "{second}"
        );
        let third = three.forward(local(&second), "two.example", NOW).unwrap();
        assert!(
            third.contains("=one.example=="),
            "it goes straight back to the first: {third}"
        );
        assert_eq!(three.reverse(local(&third), NOW).unwrap(), first);
        assert_eq!(
            one.reverse(local(&first), NOW).unwrap(),
            "alice@origin.example"
        );
    }

    #[test]
    fn days_pass() {
        let us = srs("us.example", &["secret"]);
        let forwarded = us.forward("alice", "origin.example", NOW).unwrap();
        let after = |days: i64| us.reverse(local(&forwarded), NOW + days * DAY_MILLIS);
        assert!(after(21).is_ok() && after(-1).is_ok());
        assert_eq!(after(22), Err(SrsError::Expired));
        assert_eq!(after(500), Err(SrsError::Expired));
    }

    #[test]
    fn secrets_change() {
        let old = srs("us.example", &["old"])
            .forward("alice", "origin.example", NOW)
            .unwrap();
        assert!(
            srs("us.example", &["new", "old"])
                .reverse(local(&old), NOW)
                .is_ok()
        );
        assert_eq!(
            srs("us.example", &["new"]).reverse(local(&old), NOW),
            Err(SrsError::Forged)
        );
        assert_eq!(
            srs("us.example", &[]).reverse(local(&old), NOW),
            Err(SrsError::Forged)
        );
        assert_eq!(
            srs("us.example", &[]).forward("a", "b.example", NOW),
            Err(SrsError::Forged)
        );
    }

    #[test]
    fn what_is_not_ours() {
        let us = srs("us.example", &["secret"]);
        assert_eq!(us.reverse("alice", NOW), Err(SrsError::NotSrs));
        assert_eq!(us.reverse("SRS0=x", NOW), Err(SrsError::NotSrs));
        assert_eq!(
            us.reverse("SRS0=aaaaaa=ab=origin.example=alice", NOW),
            Err(SrsError::Forged)
        );
        assert_eq!(
            us.forward(&"x".repeat(190), "origin.example", NOW),
            Err(SrsError::TooLong)
        );
        assert!(
            Srs::is_rewritten("srs1+x")
                && !Srs::is_rewritten("srs2=x")
                && !Srs::is_rewritten("SRS0")
        );
        let forwarded = us.forward("alice", "origin.example", NOW).unwrap();
        let other = local(&forwarded).replace("alice", "bob");
        assert_eq!(us.reverse(&other, NOW), Err(SrsError::Forged));
    }

    proptest! {
        #[test]
        fn what_is_forwarded_comes_back(local_part in "[a-zA-Z0-9=+._-]{1,40}", domain in "[a-z]{1,10}\\.example", days in 0i64..2000) {
            let us = srs("us.example.org", &["s"]);
            let now = days * DAY_MILLIS;
            let forwarded = us.forward(&local_part, &domain, now).unwrap();
            let back = us.reverse(local(&forwarded), now).unwrap();
            if !Srs::is_rewritten(&local_part) {
                prop_assert_eq!(back, format!("{local_part}@{domain}"));
            }
        }

        #[test]
        fn no_text_panics_or_passes(text in "\\PC{0,60}", rest in "[a-z2-7=]{0,40}") {
            let us = srs("us.example", &["s"]);
            prop_assert!(us.reverse(&text, NOW).is_err());
            for tag in ["SRS0=", "SRS1="] {
                let forged = us.reverse(&format!("{tag}{rest}"), NOW);
                prop_assert!(forged.is_err());
            }
            let _ = us.forward(&text, "origin.example", NOW);
        }
    }
}
