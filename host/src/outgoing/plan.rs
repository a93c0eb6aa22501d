//! How policy wants each recipient of a leg to be tried, and which of them go together.

use std::time::Duration;

use waxwing_mail::Reply;
use waxwing_policy::{Attempt, NextHop, Outbound, OutboundOutcome, Plan, TlsPolicy};
use waxwing_queue::grouping::{Group, MAX_RECIPIENTS, group};
use waxwing_store::Leased;

use super::facts;

/// A hop and how it is spoken to; what is alike can share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) plan: Plan,
    /// The recipients' domain, where its MX records are what counts; else empty.
    pub(super) domain: String,
    /// The message demands TLS all the way (RFC 8689).
    pub(super) require_tls: bool,
}

/// What of TLS a conversation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    Never,
    Opportunistic,
    Encrypt,
    Verify,
}

/// What is to be done about the recipients of a leg, by their places in it.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) groups: Vec<Group<Way, usize>>,
    /// Given up, with what is told.
    pub(super) bounced: Vec<(usize, Reply)>,
    /// Asked about again after so long.
    pub(super) later: Vec<(usize, Duration)>,
    /// To wait for an operator, and why.
    pub(super) held: Option<String>,
}

impl Way {
    pub(super) fn demand(&self) -> Demand {
        let planned = match self.plan.tls {
            Some(TlsPolicy::Never) => Demand::Never,
            Some(TlsPolicy::Encrypt) => Demand::Encrypt,
            // Neither TLSA records nor policies of MTA-STS are looked up: what demands them gets no less than they ask for.
            Some(TlsPolicy::Verify | TlsPolicy::Dane | TlsPolicy::MtaSts) => Demand::Verify,
            Some(TlsPolicy::Opportunistic | TlsPolicy::Published) => Demand::Opportunistic,
            // A password goes to nobody in particular only if policy says so.
            None if self.logs_in() => Demand::Verify,
            None => Demand::Opportunistic,
        };
        // RFC 8689 §4.2.1: the certificate is verified.
        if self.require_tls {
            Demand::Verify
        } else {
            planned
        }
    }

    fn logs_in(&self) -> bool {
        matches!(&self.plan.hop, NextHop::Relay(hosts) if hosts.iter().any(|host| host.secret.is_some()))
    }
}

/// Asks policy about every recipient.
pub(super) async fn plan(policy: &mut Outbound, leg: &Leased, now: i64) -> Planned {
    let mut planned = Planned::default();
    let mut ways = Vec::with_capacity(leg.recipients.len());
    let last = Attempt {
        number: leg.attempts,
        queued: facts::queued_for(leg, now),
        ..Attempt::default()
    };
    for (index, queued) in leg.recipients.iter().enumerate() {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        match policy.plan(number, last.clone()).await {
            OutboundOutcome::Attempt(plan) => {
                ways.push((way(*plan, &queued.address, leg), index));
            }
            OutboundOutcome::Hold(reason) => planned.held = Some(reason),
            OutboundOutcome::Later(wait) => planned.later.push((index, wait)),
            OutboundOutcome::Bounce(reply) => planned.bounced.push((index, reply)),
        }
    }
    planned.groups = group(ways, MAX_RECIPIENTS);
    planned
}

fn way(plan: Plan, address: &str, leg: &Leased) -> Way {
    let domain = match plan.hop {
        NextHop::Mx => address.rsplit_once('@').map_or("", |(_, domain)| domain),
        _ => "",
    };
    Way {
        domain: domain.to_ascii_lowercase(),
        require_tls: leg.message.envelope.require_tls,
        plan,
    }
}
