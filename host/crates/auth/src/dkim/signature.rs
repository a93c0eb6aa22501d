//! The DKIM-Signature field, and ARC-Message-Signature, which is like it.
//!
//! Standards: RFC 6376 §3.5, §6.1.1; RFC 8617 §4.1.2.

use mail_auth::common::crypto;
use mail_auth::dkim::Canonicalization;
use serde::{Deserialize, Serialize};

use crate::dns::is_name;
use crate::tags::{Tags, base64, items};

/// Names in `h=`; longer lists are not made by anybody.
const MAX_NAMES: usize = 256;

/// How a signature was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// `rsa-sha256`.
    #[serde(rename = "rsa-sha256")]
    RsaSha256,
    /// `ed25519-sha256` (RFC 8463).
    #[serde(rename = "ed25519-sha256")]
    Ed25519Sha256,
}

impl Algorithm {
    /// As `a=` says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    /// The type of its keys, as `k=` says it.
    #[must_use]
    pub fn key_type(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa",
            Self::Ed25519Sha256 => "ed25519",
        }
    }

    pub(crate) fn of_mail_auth(self) -> crypto::Algorithm {
        match self {
            Self::RsaSha256 => crypto::Algorithm::RsaSha256,
            Self::Ed25519Sha256 => crypto::Algorithm::Ed25519Sha256,
        }
    }

    /// Reads `a=`.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        match text.to_ascii_lowercase().as_str() {
            "rsa-sha256" => Ok(Self::RsaSha256),
            "ed25519-sha256" => Ok(Self::Ed25519Sha256),
            // RFC 8301 §3.1: signatures with SHA-1 have permanently failed.
            "rsa-sha1" => Err(Unreadable::Refused("a=rsa-sha1 is not accepted".to_owned())),
            _ => Err(Unreadable::Malformed("a= is not known".to_owned())),
        }
    }
}

/// Why a signature cannot be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It makes no sense.
    Malformed(String),
    /// It makes sense, and can never hold.
    Refused(String),
}

impl From<String> for Unreadable {
    fn from(why: String) -> Self {
        Self::Malformed(why)
    }
}

/// A signature that can be verified.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) algorithm: Algorithm,
    pub(crate) octets: Vec<u8>,
    pub(crate) body_hash: Vec<u8>,
    pub(crate) header_form: Canonicalization,
    pub(crate) body_form: Canonicalization,
    /// Lower-case A-labels.
    pub(crate) domain: String,
    /// Lower-case A-labels.
    pub(crate) selector: String,
    pub(crate) names: Vec<String>,
    /// The domain of `i=`, if that is there.
    pub(crate) identity_domain: Option<String>,
    pub(crate) body_length: Option<u64>,
    pub(crate) expires: Option<u64>,
}

impl Signature {
    /// Reads DKIM-Signature.
    pub(crate) fn dkim(tags: &Tags<'_>) -> Result<Self, Unreadable> {
        // RFC 6376 §3.5: the version is 1.
        if tags.need("v")? != "1" {
            return Err(Unreadable::Malformed("v= is not 1".to_owned()));
        }
        let signature = Self::read(tags)?;
        if !signature
            .names
            .iter()
            .any(|name| name.eq_ignore_ascii_case("from"))
        {
            // RFC 6376 §6.1.1.
            return Err(Unreadable::Refused("From is not signed".to_owned()));
        }
        // RFC 6376 §3.5: other ways to get keys were never defined.
        let by_dns = |list: &str| items(list).any(|way| way.eq_ignore_ascii_case("dns/txt"));
        if tags.get("q").is_some_and(|list| !by_dns(list)) {
            return Err(Unreadable::Malformed("q= has no dns/txt".to_owned()));
        }
        Ok(signature)
    }

    /// What DKIM-Signature and ARC-Message-Signature share.
    pub(crate) fn read(tags: &Tags<'_>) -> Result<Self, Unreadable> {
        let (header_form, body_form) = canonicalization(tags.get("c"))?;
        let names: Vec<String> = items(tags.need("h")?).map(str::to_owned).collect();
        if names.len() > MAX_NAMES {
            return Err(Unreadable::Malformed("h= is too long".to_owned()));
        }
        let domain = domain(tags.need("d")?)?;
        let identity_domain = match tags.get("i").and_then(|i| i.rsplit_once('@')) {
            Some((_, of)) => Some(within(of, &domain)?),
            None if tags.get("i").is_some() => {
                return Err(Unreadable::Malformed("i= is no address".to_owned()));
            }
            None => None,
        };
        let (made, expires) = (tags.number("t")?, tags.number("x")?);
        // RFC 6376 §3.5: x= must be greater than t= if both are there.
        if let (Some(made), Some(expires)) = (made, expires)
            && expires <= made
        {
            return Err(Unreadable::Malformed("x= is not after t=".to_owned()));
        }
        Ok(Self {
            algorithm: Algorithm::parse(tags.need("a")?)?,
            octets: octets(tags, "b")?,
            body_hash: octets(tags, "bh")?,
            header_form,
            body_form,
            selector: selector(tags.need("s")?, &domain)?,
            domain,
            names,
            identity_domain,
            body_length: tags.number("l")?,
            expires,
        })
    }

    /// Whether it has expired at a time in seconds since 1970.
    pub(crate) fn expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The name at which a key is: RFC 6376 §3.6.2.1.
#[must_use]
pub fn key_name(selector: &str, domain: &str) -> String {
    format!("{selector}._domainkey.{domain}")
}

pub(crate) fn octets(tags: &Tags<'_>, name: &str) -> Result<Vec<u8>, Unreadable> {
    base64(tags.need(name)?).ok_or_else(|| Unreadable::Malformed(format!("{name}= is no base 64")))
}

/// RFC 6376 §3.5: `c=`; simple where nothing is said.
fn canonicalization(c: Option<&str>) -> Result<(Canonicalization, Canonicalization), Unreadable> {
    let one = |text: &str| match text.to_ascii_lowercase().as_str() {
        "simple" => Ok(Canonicalization::Simple),
        "relaxed" => Ok(Canonicalization::Relaxed),
        _ => Err(Unreadable::Malformed("c= is not known".to_owned())),
    };
    let c = c.unwrap_or("simple/simple");
    let (header, body) = c.split_once('/').unwrap_or((c, "simple"));
    Ok((one(header)?, one(body)?))
}

/// RFC 8616 §5: a domain may be written in U-labels; it is asked for in A-labels.
pub(crate) fn domain(text: &str) -> Result<String, Unreadable> {
    idna::domain_to_ascii(text)
        .ok()
        .filter(|ascii| is_name(ascii))
        .ok_or_else(|| Unreadable::Malformed("d= is no domain".to_owned()))
}

/// RFC 6376 §3.1: a selector is made of labels; with its domain it must fit into a name.
pub(crate) fn selector(text: &str, domain: &str) -> Result<String, Unreadable> {
    idna::domain_to_ascii(text)
        .ok()
        .filter(|ascii| is_name(&key_name(ascii, domain)))
        .ok_or_else(|| Unreadable::Malformed("s= is no selector".to_owned()))
}

/// RFC 6376 §3.5: the domain of `i=` is that of `d=` or below it.
fn within(identity: &str, domain: &str) -> Result<String, Unreadable> {
    let identity = idna::domain_to_ascii(identity).unwrap_or_default();
    let below = identity
        .strip_suffix(domain)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'));
    if below {
        Ok(identity)
    } else {
        Err(Unreadable::Refused("i= is not within d=".to_owned()))
    }
}

/// The value of a signing field with what is in `b=` left out, and without its last CRLF (RFC 6376 §3.7).
pub(crate) fn unsigned(value: &[u8]) -> Vec<u8> {
    let value = value.strip_suffix(b"\r\n").unwrap_or(value);
    let mut out = Vec::with_capacity(value.len());
    for (index, spec) in value.split(|octet| *octet == b';').enumerate() {
        if index > 0 {
            out.push(b';');
        }
        match spec.iter().position(|octet| *octet == b'=') {
            Some(at) if spec.get(..at).unwrap_or_default().trim_ascii() == b"b" => {
                out.extend_from_slice(spec.get(..=at).unwrap_or_default());
            }
            _ => out.extend_from_slice(spec),
        }
    }
    out
}
