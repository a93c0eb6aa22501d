//! Verifying signatures (RFC 6376 §6).

use mail_auth::common::verify::DomainKey;
use mail_auth::dkim::Canonicalization;

use super::key::{self, Key};
use super::signature::{Signature, Unreadable, unsigned};
use super::{Algorithm, DkimLimits};
use crate::canonical::body_hash;
use crate::dns::Lookups;
use crate::message::{Field, Message};
use crate::tags::Tags;
use crate::verdict::Verdict;

/// What came of one signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DkimOutcome {
    /// The result.
    pub verdict: Verdict,
    /// `d=` in lower-case A-labels; empty if it cannot be read.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// `i=`'s domain, if it is there.
    pub identity_domain: Option<String>,
    /// `a=`; empty if it is not known.
    pub algorithm: &'static str,
    /// The first octets of the signature in base 64, which tell signatures of one domain apart (RFC 6008 §4).
    pub beginning: String,
    /// The domain says that it is only trying (`t=y`).
    pub testing: bool,
    /// Octets at the body's end that are not signed (`l=`).
    pub unsigned_octets: u64,
    /// Why it does not hold, for people.
    pub problem: Option<String>,
}

/// What came of all signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DkimReport {
    /// In the order of the header.
    pub signatures: Vec<DkimOutcome>,
    /// Signatures beyond the limit, which nobody looked at.
    pub unread: usize,
}

/// Verifies the signatures of a message, at a time in seconds since 1970.
pub async fn verify(
    message: &Message<'_>,
    limits: DkimLimits,
    now: u64,
    lookups: &Lookups<'_>,
) -> DkimReport {
    let mut report = DkimReport::default();
    for field in message.named("DKIM-Signature") {
        if report.signatures.len() == limits.signatures {
            report.unread += 1;
            continue;
        }
        report
            .signatures
            .push(one(message, field, limits, now, lookups).await);
    }
    report
}

async fn one(
    message: &Message<'_>,
    field: Field<'_>,
    limits: DkimLimits,
    now: u64,
    lookups: &Lookups<'_>,
) -> DkimOutcome {
    let read = field
        .text()
        .ok_or_else(|| "it is no text".to_owned())
        .and_then(Tags::parse);
    let tags = match read {
        Ok(tags) => tags,
        Err(why) => {
            return DkimOutcome {
                verdict: Verdict::Neutral,
                problem: Some(why),
                ..DkimOutcome::default()
            };
        }
    };
    let mut outcome = described(&tags);
    let signature = match Signature::dkim(&tags) {
        Ok(signature) => signature,
        Err(unreadable) => {
            let (verdict, why) = match unreadable {
                Unreadable::Malformed(why) => (Verdict::Neutral, why),
                Unreadable::Refused(why) => (Verdict::PermError, why),
            };
            outcome.verdict = verdict;
            outcome.problem = Some(why);
            return outcome;
        }
    };
    outcome.domain.clone_from(&signature.domain);
    outcome.selector.clone_from(&signature.selector);
    outcome
        .identity_domain
        .clone_from(&signature.identity_domain);
    outcome.algorithm = signature.algorithm.as_str();
    match judge(
        message,
        field,
        &signature,
        limits,
        now,
        lookups,
        &mut outcome,
    )
    .await
    {
        Ok(()) => outcome.verdict = Verdict::Pass,
        Err((verdict, why)) => {
            outcome.verdict = verdict;
            outcome.problem = Some(why);
        }
    }
    outcome
}

/// What is said of a signature that cannot be read.
fn described(tags: &Tags<'_>) -> DkimOutcome {
    let compact = |tag: &str| -> String {
        let value = tags.get(tag).unwrap_or_default();
        let visible = value.chars().filter(|c| !c.is_whitespace());
        visible.take(255).collect()
    };
    DkimOutcome {
        domain: idna::domain_to_ascii(&compact("d")).unwrap_or_default(),
        selector: idna::domain_to_ascii(&compact("s")).unwrap_or_default(),
        beginning: compact("b").chars().take(8).collect(),
        ..DkimOutcome::default()
    }
}

async fn judge(
    message: &Message<'_>,
    field: Field<'_>,
    signature: &Signature,
    limits: DkimLimits,
    now: u64,
    lookups: &Lookups<'_>,
    outcome: &mut DkimOutcome,
) -> Result<(), (Verdict, String)> {
    if signature.expired(now) {
        return Err((Verdict::Fail, "it has expired".to_owned()));
    }
    outcome.unsigned_octets = body(message, signature).map_err(|why| (Verdict::Fail, why))?;
    let Signature {
        selector, domain, ..
    } = signature;
    let key = key::find(selector, domain, signature.algorithm, lookups).await?;
    outcome.testing = key.testing;
    usable(&key, limits)?;
    // RFC 6376 §3.6.1: with t=s the domain of i= is d= itself.
    let identity = signature.identity_domain.as_ref();
    if key.strict && identity.is_some_and(|identity| identity != domain) {
        return Err((Verdict::PermError, "i= is not d=, as t=s wants".to_owned()));
    }
    header(message, field, signature, &key.domain_key).map_err(|why| (Verdict::Fail, why))?;
    whole(outcome.unsigned_octets, limits)
}

/// RFC 6376 §8.2: what holds for the beginning of a body only is not acceptable here, unless the limits say so.
pub(crate) fn whole(unsigned_octets: u64, limits: DkimLimits) -> Result<(), (Verdict, String)> {
    if unsigned_octets > limits.unsigned_octets {
        let why = format!("{unsigned_octets} octets at the end are not signed");
        return Err((Verdict::Policy, why));
    }
    Ok(())
}

/// RFC 8301 §3.2: short keys hold for nothing.
pub(crate) fn usable(key: &Key, limits: DkimLimits) -> Result<(), (Verdict, String)> {
    if key.bits < limits.rsa_bits {
        let why = format!("the key has {} bits only", key.bits);
        return Err((Verdict::Policy, why));
    }
    Ok(())
}

/// RFC 6376 §6.1.3: the body's hash; how many octets it leaves out.
pub(crate) fn body(message: &Message<'_>, signature: &Signature) -> Result<u64, String> {
    let hash = body_hash(message.body(), signature.body_form, signature.body_length);
    let signed = signature.body_length.unwrap_or(hash.length);
    // RFC 6376 §3.5: l= must not be larger than the body is.
    let left = hash.length.checked_sub(signed);
    let left = left.ok_or("the body is shorter than l= says")?;
    if hash.digest != signature.body_hash {
        return Err("the body was changed".to_owned());
    }
    Ok(left)
}

/// RFC 6376 §6.1.3: the signature itself.
pub(crate) fn header(
    message: &Message<'_>,
    field: Field<'_>,
    signature: &Signature,
    key: &DomainKey,
) -> Result<(), String> {
    let own = unsigned(field.value);
    let mut fields = message.picked(&signature.names);
    fields.push((field.name, own.as_slice()));
    let Signature {
        octets,
        header_form,
        algorithm,
        ..
    } = signature;
    if holds(key, &fields, octets, *header_form, *algorithm) {
        Ok(())
    } else {
        Err("the header was changed, or it is not the key's signature".to_owned())
    }
}

/// mail-auth's arithmetic.
pub(crate) fn holds(
    key: &DomainKey,
    fields: &[(&[u8], &[u8])],
    signature: &[u8],
    form: Canonicalization,
    algorithm: Algorithm,
) -> bool {
    let mut fields = fields.iter().copied();
    let algorithm = algorithm.of_mail_auth();
    let verified = key.p.verify(&mut fields, signature, form, algorithm);
    verified.is_ok()
}
