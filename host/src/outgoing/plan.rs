//! How policy wants each recipient of a leg to be tried, and which of them go together.

use std::time::Duration;

use waxwing_mail::Reply;
use waxwing_policy::{Attempt, NextHop, Outbound, OutboundOutcome, Plan};
use waxwing_queue::grouping::{Group, MAX_RECIPIENTS, group};
use waxwing_store::Leased;

use super::entry::Context;
use super::facts;

/// A hop and how it is spoken to; what is alike can share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) plan: Plan,
    /// The recipients' domain, where its MX records are what counts; else empty.
    pub(super) domain: String,
    /// The message demands TLS all the way (RFC 8689).
    pub(super) require_tls: bool,
    /// It wants to be sent whatever the recipient's domain demands (TLS-Required: No, RFC 8689 §3).
    pub(super) tls_optional: bool,
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
    /// The domain that the mail is for, where its hosts are looked up.
    pub(super) fn mail_domain(&self) -> &str {
        match &self.plan.hop {
            NextHop::MxOf(domain) => domain,
            _ => &self.domain,
        }
    }

    pub(super) fn logs_in(&self) -> bool {
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
    let envelope = &leg.message.envelope;
    Way {
        domain: domain.to_ascii_lowercase(),
        // RFC 8689 §4.2.1, §5: a report is better sent in clear than not at all.
        require_tls: envelope.require_tls && !envelope.sender.is_empty(),
        tls_optional: Context::decode(&envelope.context).tls_optional,
        plan,
    }
}
