//! The sets of a message, put in order (RFC 8617 §4.2, §5.2 steps 1 to 3).

use super::MAX_SETS;
use crate::dkim::signature::{Algorithm, Signature, Unreadable, domain, octets, selector};
use crate::message::{Field, Message};
use crate::tags::Tags;

/// RFC 8617 §4.1.3: what a seal says of the chain before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChainStatus {
    None,
    Pass,
    Fail,
}

impl ChainStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
        }
    }
}

/// A seal (RFC 8617 §4.1.3).
pub(super) struct Seal {
    pub(super) algorithm: Algorithm,
    pub(super) octets: Vec<u8>,
    pub(super) domain: String,
    pub(super) selector: String,
    pub(super) status: ChainStatus,
}

/// A set: the three fields of one instance.
pub(super) struct Set<'a> {
    pub(super) results: Field<'a>,
    pub(super) signature_field: Field<'a>,
    pub(super) signature: Signature,
    pub(super) seal_field: Field<'a>,
    pub(super) seal: Seal,
}

/// The names of the three fields.
pub(super) const RESULTS: &str = "ARC-Authentication-Results";
pub(super) const SIGNATURE: &str = "ARC-Message-Signature";
pub(super) const SEAL: &str = "ARC-Seal";

/// Why there is no chain.
pub(super) enum NoChain {
    /// There are no ARC fields.
    None,
    /// There are, and they make no chain; what can be told of the newest seal comes with it.
    Broken(String),
}

/// All sets, the oldest first. All instances from 1 on are there, once each.
pub(super) fn chain<'a>(message: &Message<'a>) -> Result<Vec<Set<'a>>, NoChain> {
    let counts = [RESULTS, SIGNATURE, SEAL].map(|name| message.named(name).count());
    if counts == [0; 3] {
        return Err(NoChain::None);
    }
    let broken = |why: String| NoChain::Broken(why);
    let [count, signatures, seals] = counts;
    if count != signatures || count != seals {
        return Err(broken("a set lacks a field, or has one twice".to_owned()));
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if count > MAX_SETS {
        return Err(broken("there are too many sets".to_owned()));
    }
    let mut results = by_instance(message, RESULTS).map_err(broken)?;
    let mut signatures = by_instance(message, SIGNATURE).map_err(broken)?;
    let mut seals = by_instance(message, SEAL).map_err(broken)?;
    let mut sets = Vec::new();
    for instance in 1..=count {
        let take = |fields: &mut Vec<(u32, Field<'a>)>| {
            let at = fields.iter().position(|(of, _)| *of == instance)?;
            Some(fields.swap_remove(at).1)
        };
        let (Some(results), Some(signature), Some(seal)) =
            (take(&mut results), take(&mut signatures), take(&mut seals))
        else {
            return Err(broken(format!("instance {instance} is not whole")));
        };
        let set = set(results, signature, seal).map_err(|unreadable| {
            let (Unreadable::Malformed(why) | Unreadable::Refused(why)) = unreadable;
            NoChain::Broken(format!("instance {instance}: {why}"))
        })?;
        sets.push(set);
    }
    statuses(&sets).map_err(NoChain::Broken)?;
    Ok(sets)
}

/// RFC 8617 §5.2 step 3: the first seal says none, all others pass.
fn statuses(sets: &[Set<'_>]) -> Result<(), String> {
    for (index, set) in sets.iter().enumerate() {
        let expected = if index == 0 {
            ChainStatus::None
        } else {
            ChainStatus::Pass
        };
        if set.seal.status != expected {
            return Err(format!(
                "instance {} says cv={}",
                index + 1,
                set.seal.status.as_str()
            ));
        }
    }
    Ok(())
}

/// The fields of a name with their instances.
fn by_instance<'a>(message: &Message<'a>, name: &str) -> Result<Vec<(u32, Field<'a>)>, String> {
    let numbered = message.named(name).map(|field| {
        let instance = instance(&field).ok_or_else(|| format!("{name} has no instance"))?;
        Ok((instance, field))
    });
    numbered.collect()
}

/// The instance of a field; RFC 8617 §4.1.1: the results have it in front, the others anywhere.
pub(super) fn instance(field: &Field<'_>) -> Option<u32> {
    let text = field.text()?;
    let number = if field.is(RESULTS) {
        let (tag, number) = text.split(';').next()?.split_once('=')?;
        (tag.trim() == "i").then(|| number.trim().to_owned())?
    } else {
        Tags::parse(text).ok()?.get("i")?.to_owned()
    };
    number
        .parse()
        .ok()
        .filter(|instance| (1..=MAX_SETS).contains(instance))
}

fn set<'a>(
    results: Field<'a>,
    signature_field: Field<'a>,
    seal_field: Field<'a>,
) -> Result<Set<'a>, Unreadable> {
    let tags = |field: &'_ Field<'a>| -> Result<Tags<'a>, Unreadable> {
        let text = std::str::from_utf8(field.value)
            .map_err(|_| Unreadable::Malformed("it is no text".to_owned()))?;
        Ok(Tags::parse(text)?)
    };
    let signature_tags = tags(&signature_field)?;
    // RFC 8617 §4.1.2: i= is the instance here, not an identity.
    let signature = Signature::read(&signature_tags.without("i"))?;
    // RFC 8617 §4.1.2: seals are not among what the message signature signs.
    if signature
        .names
        .iter()
        .any(|name| name.eq_ignore_ascii_case(SEAL))
    {
        return Err(Unreadable::Malformed("h= has ARC-Seal".to_owned()));
    }
    let seal = seal(&tags(&seal_field)?)?;
    Ok(Set {
        results,
        signature_field,
        signature,
        seal_field,
        seal,
    })
}

fn seal(tags: &Tags<'_>) -> Result<Seal, Unreadable> {
    // RFC 8617 §4.1.3: a seal with h= has failed.
    if tags.get("h").is_some() {
        return Err(Unreadable::Malformed("the seal has h=".to_owned()));
    }
    let status = match tags.need("cv")?.to_ascii_lowercase().as_str() {
        "none" => ChainStatus::None,
        "pass" => ChainStatus::Pass,
        "fail" => ChainStatus::Fail,
        _ => return Err(Unreadable::Malformed("cv= is not known".to_owned())),
    };
    let domain = domain(tags.need("d")?)?;
    Ok(Seal {
        algorithm: Algorithm::parse(tags.need("a")?)?,
        octets: octets(tags, "b")?,
        selector: selector(tags.need("s")?, &domain)?,
        domain,
        status,
    })
}
