//! Keys, as domains publish them.
//!
//! Standards: RFC 6376 §3.6.1, §6.1.2; RFC 8301 §3.2; RFC 8463 §4.

use mail_auth::common::parse::TxtRecordParser as _;
use mail_auth::common::verify::DomainKey;

use super::Algorithm;
use super::signature::key_name;
use crate::dns::{Lookups, Outcome, RecordKind};
use crate::tags::{Tags, base64, items};
use crate::verdict::Verdict;

/// Octets of a record; RSA with 8192 bits needs 1,400.
const MAX_RECORD: usize = 8192;
/// Texts at one name of which the first that is a key counts.
const MAX_TEXTS: usize = 8;

/// A key that may be used for mail.
pub(crate) struct Key {
    pub(crate) domain_key: DomainKey,
    /// Of an RSA key.
    pub(crate) bits: usize,
    /// `t=y` (RFC 6376 §3.6.1): the domain is only trying.
    pub(crate) testing: bool,
    /// `t=s`: the domain of `i=` must be that of `d=`.
    pub(crate) strict: bool,
}

/// Why there is no key, and what that makes the result.
pub(crate) type NoKey = (Verdict, String);

/// Looks a key up that suits an algorithm.
pub(crate) async fn find(
    selector: &str,
    domain: &str,
    algorithm: Algorithm,
    lookups: &Lookups<'_>,
) -> Result<Key, NoKey> {
    let name = key_name(selector, domain);
    let answer = lookups.ask(&name, RecordKind::Txt).await;
    match answer.outcome {
        Outcome::Failed => {
            let why = format!("the DNS did not answer for {name}");
            return Err((Verdict::TempError, why));
        }
        Outcome::NoData | Outcome::NoSuchName => {
            return Err((Verdict::PermError, format!("there is no key at {name}")));
        }
        Outcome::Found => {}
    }
    let mut reason = format!("there is no text at {name}");
    for text in answer.texts().take(MAX_TEXTS) {
        match read(text, algorithm) {
            Ok(key) => return Ok(key),
            Err(why) => reason = format!("the key at {name}: {why}"),
        }
    }
    Err((Verdict::PermError, reason))
}

/// RFC 6376 §3.6.1: reads a record, and whether it may be used so.
pub(crate) fn read(text: &[u8], algorithm: Algorithm) -> Result<Key, String> {
    let record = std::str::from_utf8(text)
        .ok()
        .filter(|record| record.len() <= MAX_RECORD)
        .ok_or("it is no text")?;
    let tags = Tags::parse(record)?;
    if tags.get("v").is_some_and(|version| version != "DKIM1") {
        return Err("v= is not DKIM1".to_owned());
    }
    // RFC 6376 §3.6.1: a key that is there and empty has been revoked.
    match tags.get("p") {
        None => return Err("p= is missing".to_owned()),
        Some("") => return Err("it has been revoked".to_owned()),
        Some(octets) => base64(octets).ok_or("p= is no base 64")?,
    };
    let kind = tags.get("k").unwrap_or("rsa");
    if !kind.eq_ignore_ascii_case(algorithm.key_type()) {
        return Err(format!("k= is not for {}", algorithm.as_str()));
    }
    let named = |tag: &str, wanted: &[&str]| {
        let allows = |list: &str| items(list).any(|item| wanted.contains(&item));
        tags.get(tag).is_none_or(allows)
    };
    if !named("h", &["sha256"]) {
        return Err("h= has no sha256".to_owned());
    }
    if !named("s", &["*", "email"]) {
        return Err("s= has no email".to_owned());
    }
    let flag = |wanted: &str| {
        tags.get("t")
            .is_some_and(|list| items(list).any(|item| item == wanted))
    };
    let domain_key = DomainKey::parse(text).map_err(|error| error.to_string())?;
    Ok(Key {
        bits: match algorithm {
            Algorithm::RsaSha256 => domain_key.p.public_key_bits(),
            Algorithm::Ed25519Sha256 => usize::MAX,
        },
        domain_key,
        testing: flag("y"),
        strict: flag("s"),
    })
}
