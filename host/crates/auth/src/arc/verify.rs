//! Verifying a chain (RFC 8617 §5.2).

use mail_auth::dkim::Canonicalization;

use super::chain::{NoChain, Set, chain};
use crate::dkim::signature::unsigned;
use crate::dkim::verify::{body, header, holds, usable, whole};
use crate::dkim::{DkimLimits, key};
use crate::dns::Lookups;
use crate::message::Message;
use crate::verdict::Verdict;

/// What came of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArcOutcome {
    /// None without ARC fields; pass, fail, or temperror if the DNS did not answer.
    pub verdict: Verdict,
    /// The domains that sealed, the newest first; they can be told only of a chain in order.
    pub sealers: Vec<String>,
    /// The oldest instance whose signature of the message still holds (RFC 8617 §5.2 step 5); 0 if all do.
    pub oldest_pass: Option<u32>,
    /// Why it fails, for people.
    pub problem: Option<String>,
}

/// Verifies the chain of a message, at a time in seconds since 1970.
pub async fn verify(
    message: &Message<'_>,
    limits: DkimLimits,
    now: u64,
    lookups: &Lookups<'_>,
) -> ArcOutcome {
    let sets = match chain(message) {
        Ok(sets) => sets,
        Err(NoChain::None) => return ArcOutcome::default(),
        Err(NoChain::Broken(why)) => {
            return ArcOutcome {
                verdict: Verdict::Fail,
                problem: Some(why),
                ..ArcOutcome::default()
            };
        }
    };
    let mut outcome = ArcOutcome {
        sealers: sets
            .iter()
            .rev()
            .map(|set| set.seal.domain.clone())
            .collect(),
        ..ArcOutcome::default()
    };
    match judge(message, &sets, limits, now, lookups).await {
        Ok(oldest) => {
            outcome.verdict = Verdict::Pass;
            outcome.oldest_pass = Some(oldest);
        }
        Err((verdict, why)) => {
            // RFC 8617 §5.2: there are no errors but those that pass; all else is fail.
            outcome.verdict = if verdict == Verdict::TempError {
                Verdict::TempError
            } else {
                Verdict::Fail
            };
            outcome.problem = Some(why);
        }
    }
    outcome
}

type Failed = (Verdict, String);

/// RFC 8617 §5.2 steps 4 to 6; the oldest instance whose message signature holds.
async fn judge(
    message: &Message<'_>,
    sets: &[Set<'_>],
    limits: DkimLimits,
    now: u64,
    lookups: &Lookups<'_>,
) -> Result<u32, Failed> {
    let count = sets.len();
    let newest = sets.last().ok_or((Verdict::Fail, String::new()))?;
    message_signature(message, newest, limits, now, lookups)
        .await
        .map_err(|failed| named(count, "message signature", failed))?;
    for index in (0..count).rev() {
        let upto = sets.get(..=index).unwrap_or_default();
        sealed(upto, limits, lookups)
            .await
            .map_err(|failed| named(index + 1, "seal", failed))?;
    }
    // Step 5 is optional and costs a hash for each set, so that it stops at the first that fails and at the limit on signatures.
    let mut oldest = count;
    for (index, set) in sets.iter().enumerate().rev().skip(1) {
        if count - index > limits.signatures
            || message_signature(message, set, limits, now, lookups)
                .await
                .is_err()
        {
            return Ok(u32::try_from(oldest).unwrap_or(u32::MAX));
        }
        oldest = index + 1;
    }
    Ok(0)
}

fn named(instance: usize, what: &str, (verdict, why): Failed) -> Failed {
    (verdict, format!("the {what} of instance {instance}: {why}"))
}

async fn message_signature(
    message: &Message<'_>,
    set: &Set<'_>,
    limits: DkimLimits,
    now: u64,
    lookups: &Lookups<'_>,
) -> Result<(), Failed> {
    let signature = &set.signature;
    if signature.expired(now) {
        return Err((Verdict::Fail, "it has expired".to_owned()));
    }
    let unsigned = body(message, signature).map_err(|why| (Verdict::Fail, why))?;
    whole(unsigned, limits)?;
    let (selector, domain) = (&signature.selector, &signature.domain);
    let key = key::find(selector, domain, signature.algorithm, lookups).await?;
    usable(&key, limits)?;
    header(message, set.signature_field, signature, &key.domain_key)
        .map_err(|why| (Verdict::Fail, why))
}

/// RFC 8617 §5.1.1: a seal covers all sets up to its own, in their order, its own `b=` left out.
async fn sealed(sets: &[Set<'_>], limits: DkimLimits, lookups: &Lookups<'_>) -> Result<(), Failed> {
    let Some((own, before)) = sets.split_last() else {
        return Ok(());
    };
    let seal = &own.seal;
    let key = key::find(&seal.selector, &seal.domain, seal.algorithm, lookups).await?;
    usable(&key, limits)?;
    let stripped = unsigned(own.seal_field.value);
    let mut fields = Vec::with_capacity(sets.len() * 3);
    for set in before {
        let all = [set.results, set.signature_field, set.seal_field];
        fields.extend(all.map(|field| (field.name, field.value)));
    }
    fields.push((own.results.name, own.results.value));
    fields.push((own.signature_field.name, own.signature_field.value));
    fields.push((own.seal_field.name, stripped.as_slice()));
    let form = Canonicalization::Relaxed;
    if holds(&key.domain_key, &fields, &seal.octets, form, seal.algorithm) {
        Ok(())
    } else {
        Err((Verdict::Fail, "the chain was changed".to_owned()))
    }
}
