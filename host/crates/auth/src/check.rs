//! All checks of a message, in their order.

use std::net::IpAddr;

use tokio::time::Instant;

use crate::arc::{self, ArcOutcome};
use crate::dkim::{self, DkimLimits, DkimReport};
use crate::dmarc::{self, DmarcOutcome};
use crate::dns::{Lookups, Resolver};
use crate::iprev::{self, IprevOutcome};
use crate::message::Message;
use crate::spf::{self, SpfOutcome, SpfRequest};

/// What a client says of itself and its message.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Its address.
    pub client: IpAddr,
    /// The name in HELO or EHLO.
    pub helo: &'a str,
    /// The reverse-path; empty for the null one.
    pub sender: &'a str,
    /// The name of this host.
    pub receiver: &'a str,
}

/// What all checks of one message may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Questions to the DNS: at the envelope, and again at the message.
    pub questions: u32,
    /// Of signatures.
    pub dkim: DkimLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Two times SPF with ten terms, each with ten names, is the most that RFC 7208 §4.6.4 lets happen; what is honest needs a fifth.
            questions: 250,
            dkim: DkimLimits::default(),
        }
    }
}

/// What is known once the reverse-path is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvelopeResults {
    /// The client's name and address.
    pub iprev: IprevOutcome,
    /// SPF of the greeting.
    pub spf_helo: SpfOutcome,
    /// SPF of the reverse-path; of the greeting, if that is the null one.
    pub spf: SpfOutcome,
}

/// All that is known of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// The client's name and address.
    pub iprev: IprevOutcome,
    /// SPF of the greeting.
    pub spf_helo: SpfOutcome,
    /// SPF of the reverse-path.
    pub spf: SpfOutcome,
    /// Each signature.
    pub dkim: DkimReport,
    /// The author's domain.
    pub dmarc: DmarcOutcome,
    /// Those who passed the message on.
    pub arc: ArcOutcome,
}

/// What can be checked at MAIL: iprev and SPF, side by side. At a time in seconds since 1970, and to be done by the deadline.
pub async fn check_envelope(
    envelope: &Envelope<'_>,
    limits: Limits,
    now: u64,
    deadline: Instant,
    resolver: &dyn Resolver,
) -> EnvelopeResults {
    let lookups = Lookups::new(resolver, deadline, limits.questions);
    let request = SpfRequest {
        client: envelope.client,
        helo: envelope.helo,
        receiver: envelope.receiver,
        now,
    };
    let (iprev, spf_helo, spf) = tokio::join!(
        iprev::check(envelope.client, &lookups),
        spf::check_helo(&request, &lookups),
        async {
            match envelope.sender {
                "" => None,
                sender => Some(spf::check_mail_from(&request, sender, &lookups).await),
            }
        },
    );
    EnvelopeResults {
        iprev,
        // RFC 7208 §2.4: without a reverse-path the greeting's result stands for it.
        spf: spf.unwrap_or_else(|| spf_helo.clone()),
        spf_helo,
    }
}

/// What the message itself adds: DKIM and ARC side by side, and then DMARC.
pub async fn check_message(
    message: &Message<'_>,
    envelope: EnvelopeResults,
    limits: Limits,
    now: u64,
    deadline: Instant,
    resolver: &dyn Resolver,
) -> Results {
    let lookups = Lookups::new(resolver, deadline, limits.questions);
    let (dkim, arc) = tokio::join!(
        dkim::verify(message, limits.dkim, now, &lookups),
        arc::verify(message, limits.dkim, now, &lookups),
    );
    let authors = dmarc::authors(message);
    let dmarc = dmarc::evaluate(&authors, &envelope.spf, &dkim, &lookups).await;
    Results {
        iprev: envelope.iprev,
        spf_helo: envelope.spf_helo,
        spf: envelope.spf,
        dkim,
        dmarc,
        arc,
    }
}
