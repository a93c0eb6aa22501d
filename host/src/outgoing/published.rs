//! What the domain of a recipient, and a host of it, publish of TLS: records for DANE, a policy of MTA-STS.
//!
//! Standards: RFC 7672 §2 (DANE), RFC 8461 (MTA-STS).
//! Invariant: DANE counts before MTA-STS, which cannot undo its no (RFC 8461 §2); what nobody can use of DANE does not undo MTA-STS.

pub(super) mod sts;

use std::sync::Arc;

use waxwing_auth::dane::Tlsa;
use waxwing_auth::mta_sts::{Mode, StsPolicy};
use waxwing_policy::{DnsOutcome, DnsSecurity};

use super::resolve::{Found, Stop};
use crate::dns::{Resolver, tlsa};

/// What is published of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    /// For DANE.
    pub(super) dane: Dane,
    /// By its domain, for MTA-STS.
    pub(super) sts: Sts,
}

/// What is published for DANE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dane {
    /// Nothing that binds.
    Nothing,
    /// Records, secure by DNSSEC.
    Records(Vec<Tlsa>),
    /// Records, secure by DNSSEC, none of which can be used.
    Unusable(Vec<Tlsa>),
    /// Whether there are records could not be found out: who may have them is not sent to.
    Unknown,
}

/// What a domain publishes for MTA-STS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Sts {
    /// No policy.
    #[default]
    Nothing,
    /// A policy, which applies.
    Policy(Arc<StsPolicy>),
    /// There should be one, and it could not be fetched just now: mail goes without (RFC 8461 §3.3).
    Unfetched,
    /// There may be one in the store, which could not be read: mail waits.
    Unread,
}

impl Published {
    /// Nothing that binds.
    pub(super) const NOTHING: Self = Self {
        dane: Dane::Nothing,
        sts: Sts::Nothing,
    };

    /// The policy of MTA-STS, if its host is in it.
    pub(super) fn allows(&self, host: &str) -> bool {
        matches!(&self.sts, Sts::Policy(policy) if policy.allows(host))
    }

    /// The policy of MTA-STS, if it is enforced.
    pub(super) fn enforced(&self) -> Option<&StsPolicy> {
        match &self.sts {
            Sts::Policy(policy) => {
                Some(policy.as_ref()).filter(|policy| policy.mode == Mode::Enforce)
            }
            _ => None,
        }
    }
}

/// Looks up what binds a host, whose domain publishes this for MTA-STS.
pub(super) async fn of(resolver: &Resolver, stop: &Stop, sts: &Sts) -> Published {
    let dane = match stop.found {
        // RFC 7672 §2.2: the chain of trust begins at the MX records, and goes over the host's addresses.
        Found::Mx {
            signed: true,
            addresses_signed: true,
        } => dane(resolver, stop).await,
        // Whoever names a host in a policy vouches for its name.
        Found::Named => dane(resolver, stop).await,
        Found::Mx { .. } => Dane::Nothing,
    };
    Published {
        dane,
        sts: sts.clone(),
    }
}

/// RFC 7672 §2.2.3. Deviation from §2.2.2: an exchange that is an alias, which RFC 5321 §5.1 does not have, is looked up by its own
/// name only.
async fn dane(resolver: &Resolver, stop: &Stop) -> Dane {
    let Some(address) = stop.address else {
        return Dane::Nothing;
    };
    let question = tlsa::question(&stop.name, address.port());
    let answer = resolver.resolve(&question).await;
    match (answer.outcome, answer.security) {
        (DnsOutcome::Found, DnsSecurity::Secure) => {
            let records = tlsa::records(answer);
            match records.iter().any(Tlsa::is_usable) {
                true => Dane::Records(records),
                false => Dane::Unusable(records),
            }
        }
        // RFC 7672 §2.1.2, §2.2: no answer, or a bogus one, might hide records.
        (DnsOutcome::TemporaryFailure, _) => Dane::Unknown,
        _ => Dane::Nothing,
    }
}
