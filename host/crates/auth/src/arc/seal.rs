//! Adding a set (RFC 8617 §5.1).

use mail_auth::dkim::Canonicalization;

use super::chain::{RESULTS, SEAL, SIGNATURE, chain, instance};
use super::{ArcOutcome, MAX_SETS};
use crate::canonical::body_hash;
use crate::dkim::sign::{DkimSigner, canonical, folded, names, signed};
use crate::dkim::signing_key::KeyError;
use crate::message::Message;
use crate::tags::Tags;
use crate::verdict::Verdict;

/// Why no set is added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// RFC 8617 §5.1: what an earlier sealer marked as failed gets no more sets.
    #[error("the chain was marked as failed before")]
    FailedBefore,
    /// RFC 8617 §4.2.1.
    #[error("the chain has 50 sets")]
    Full,
    /// The DNS did not answer, so that nobody knows what the chain is worth.
    #[error("it is not known whether the chain holds")]
    NotKnown,
    /// The key failed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Seals messages in the name of a domain.
#[derive(Debug)]
pub struct Sealer<'a> {
    /// The key and its names.
    pub signer: &'a DkimSigner,
    /// Who says the results (RFC 8601 §2.5).
    pub authserv_id: &'a str,
}

impl Sealer<'_> {
    /// The three fields to put on top of a message as it leaves, given what was found when it came: the results as in
    /// Authentication-Results, after the id and its semicolon.
    pub fn seal(
        &self,
        message: &Message<'_>,
        found: &ArcOutcome,
        results: &str,
        now: u64,
    ) -> Result<String, SealError> {
        let status = match found.verdict {
            Verdict::None => "none",
            Verdict::Pass => "pass",
            Verdict::TempError => return Err(SealError::NotKnown),
            _ => "fail",
        };
        let instance = next_instance(message)?;
        let id = self.authserv_id;
        let DkimSigner {
            key,
            domain,
            selector,
        } = self.signer;
        let algorithm = key.algorithm().as_str();

        let results = format!(" i={instance}; {id};{results}\r\n");
        let hash = body_hash(message.body(), Canonicalization::Relaxed, None);
        let head = format!(
            "i={instance}; a={algorithm}; c=relaxed/relaxed;\r\n\td={domain}; s={selector}; t={now};\r\n"
        );
        let names = names(message, &["DKIM-Signature"], false);
        let signature = signed(SIGNATURE, &head, &names, &hash.digest, message, key)?;

        let seal = format!(
            " i={instance}; a={algorithm}; t={now}; cv={status};\r\n\td={domain}; s={selector};\r\n\tb="
        );
        let signature_value = signature
            .strip_prefix(SIGNATURE)
            .and_then(|rest| rest.strip_prefix(':'))
            .unwrap_or_default();
        // RFC 8617 §5.1.2: where the chain has failed, only the own set is sealed.
        let mut fields = Vec::new();
        let before = match status {
            "pass" => chain(message).unwrap_or_default(),
            _ => Vec::new(),
        };
        for set in &before {
            let all = [set.results, set.signature_field, set.seal_field];
            fields.extend(all.map(|field| (field.name, field.value)));
        }
        fields.push((RESULTS.as_bytes(), results.as_bytes()));
        fields.push((SIGNATURE.as_bytes(), signature_value.as_bytes()));
        fields.push((SEAL.as_bytes(), seal.as_bytes()));
        let sealed = folded(&key.sign(&canonical(&fields))?);
        Ok(format!(
            "{SEAL}:{seal}{sealed}\r\n{signature}{RESULTS}:{results}"
        ))
    }
}

/// One more than the highest there is, unless the newest seal says that the chain has failed (RFC 8617 §5.1).
fn next_instance(message: &Message<'_>) -> Result<u32, SealError> {
    let newest = [RESULTS, SIGNATURE, SEAL]
        .iter()
        .flat_map(|name| message.named(name))
        .filter_map(|field| instance(&field))
        .max()
        .unwrap_or(0);
    let failed = message.named(SEAL).any(|field| {
        let tags = field.text().and_then(|text| Tags::parse(text).ok());
        let says = tags.and_then(|tags| tags.get("cv").map(str::to_ascii_lowercase));
        instance(&field) == Some(newest) && says.as_deref() == Some("fail")
    });
    if failed {
        return Err(SealError::FailedBefore);
    }
    if newest >= MAX_SETS {
        return Err(SealError::Full);
    }
    Ok(newest + 1)
}
