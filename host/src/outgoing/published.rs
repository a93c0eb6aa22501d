//! What the domain of a recipient, and a host of it, publish of TLS: records for DANE, a policy of MTA-STS.
//!
//! Standards: RFC 7672 §2 (DANE), RFC 8461 (MTA-STS).
//! Invariant: DANE counts before MTA-STS, which cannot undo its no (RFC 8461 §2).

pub(super) mod sts;

use std::sync::Arc;

use waxwing_auth::dane::Tlsa;
use waxwing_auth::mta_sts::StsPolicy;
use waxwing_policy::{DnsOutcome, DnsQuestion, DnsRecord, DnsSecurity};

use super::resolve::{Found, Stop};
use crate::dns::Resolver;

/// TLSA (RFC 6698 §7.1).
const TLSA: u16 = 52;

/// What is published of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// Nothing that binds.
    Nothing,
    /// Records, secure by DNSSEC.
    Dane(Vec<Tlsa>),
    /// Whether there are records could not be found out: who may have them is not sent to.
    DaneUnknown,
    /// The domain's policy.
    Sts(Arc<StsPolicy>),
}

/// Looks up what binds a host, whose domain has this policy.
pub(super) async fn of(
    resolver: &Resolver,
    stop: &Stop,
    policy: Option<&Arc<StsPolicy>>,
) -> Published {
    let dane = match stop.found {
        // RFC 7672 §2.2: the chain of trust begins at the MX records, and goes over the host's addresses.
        Found::Mx {
            signed: true,
            addresses_signed: true,
        } => records(resolver, stop).await,
        // Whoever names a host in a policy vouches for its name.
        Found::Named => records(resolver, stop).await,
        Found::Mx { .. } => Published::Nothing,
    };
    match (dane, policy) {
        (Published::Nothing, Some(policy)) => Published::Sts(Arc::clone(policy)),
        (dane, _) => dane,
    }
}

/// RFC 7672 §2.2.3. Deviation from §2.2.2: an exchange that is an alias, which RFC 5321 §5.1 does not have, is looked up by its own
/// name only.
async fn records(resolver: &Resolver, stop: &Stop) -> Published {
    let question = DnsQuestion {
        name: format!("_{}._tcp.{}", stop.address.port(), stop.name),
        kind: TLSA,
    };
    let answer = resolver.resolve(&question).await;
    match (answer.outcome, answer.security) {
        (DnsOutcome::Found, DnsSecurity::Secure) => {
            Published::Dane(answer.records.into_iter().filter_map(record).collect())
        }
        // RFC 7672 §2.1.2, §2.2: no answer, or a bogus one, might hide records.
        (DnsOutcome::TemporaryFailure, _) => Published::DaneUnknown,
        _ => Published::Nothing,
    }
}

fn record(record: DnsRecord) -> Option<Tlsa> {
    match record {
        DnsRecord::Tlsa {
            usage,
            selector,
            matching,
            association,
        } => Some(Tlsa {
            usage,
            selector,
            matching,
            association,
        }),
        _ => None,
    }
}
