//! Who a message is from: asked of the DNS beside the conversation from MAIL on, and of the message before it is judged.
//!
//! Standards: RFC 8601 (Authentication-Results), RFC 7208 §9.1 (Received-SPF).
//! Invariants: the conversation never waits for the DNS, and a complete message at most twice the configured time; with the transaction ends
//! what is still being asked for it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::Instant;
use waxwing_auth::dmarc::Policy;
use waxwing_auth::{Envelope, EnvelopeResults, Limits, Results, fields};
use waxwing_mail::ReversePath;
use waxwing_policy::{AuthResults, Transaction};

use super::super::LARGE;
use super::told;
use crate::config::Auth;
use crate::dns::Resolver;
use crate::reports::DmarcDay;
use crate::signing::Found;
use crate::wiring::Parts;

/// What the envelope says of who the message is from.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The client.
    pub(super) client: IpAddr,
    /// What it greeted with.
    pub(super) helo: Box<str>,
    /// The reverse-path; empty for the null one.
    sender: String,
    /// This host's name.
    receiver: String,
    /// Whether fields may be written in UTF-8.
    smtputf8: bool,
}

impl Claim {
    pub(super) fn new(
        client: IpAddr,
        helo: &str,
        sender: &ReversePath,
        receiver: &str,
        smtputf8: bool,
    ) -> Self {
        Self {
            client,
            helo: helo.into(),
            sender: match sender {
                ReversePath::Null => String::new(),
                ReversePath::Address(address) => address.to_string(),
            },
            receiver: receiver.to_owned(),
            smtputf8,
        }
    }

    fn envelope(&self) -> Envelope<'_> {
        Envelope {
            client: self.client,
            helo: &self.helo,
            sender: &self.sender,
            receiver: &self.receiver,
        }
    }
}

/// The checks of one transaction.
pub(super) struct Origin {
    claim: Claim,
    means: Means,
    /// What the envelope's checks came to, once it is there.
    envelope: Option<EnvelopeResults>,
    /// The one task that works on it; it ends with this value.
    asking: JoinSet<EnvelopeResults>,
}

/// What checks are made with.
#[derive(Clone)]
struct Means {
    resolver: Arc<Resolver>,
    limits: Limits,
    time: std::time::Duration,
}

impl Means {
    fn new(parts: &Parts) -> Self {
        let Auth {
            questions,
            signatures,
            time,
            ..
        } = &parts.config.auth;
        let mut limits = Limits {
            questions: *questions,
            ..Limits::default()
        };
        limits.dkim.signatures = *signatures as usize;
        Self {
            resolver: Arc::clone(&parts.resolver),
            limits,
            time: time.duration(),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.time
    }

    async fn check_envelope(&self, claim: &Claim) -> EnvelopeResults {
        let (limits, deadline) = (self.limits, self.deadline());
        waxwing_auth::check_envelope(&claim.envelope(), limits, now(), deadline, &*self.resolver)
            .await
    }

    async fn check_message(&self, content: &[u8], envelope: EnvelopeResults) -> Results {
        let message = waxwing_auth::Message::read(content);
        let (limits, deadline) = (self.limits, self.deadline());
        waxwing_auth::check_message(&message, envelope, limits, now(), deadline, &*self.resolver)
            .await
    }
}

impl Origin {
    /// Begins with what the envelope tells.
    pub(super) fn begin(parts: &Parts, claim: Claim) -> Self {
        let means = Means::new(parts);
        let mut asking = JoinSet::new();
        let (of, by) = (claim.clone(), means.clone());
        asking.spawn(async move { by.check_envelope(&of).await });
        Self {
            claim,
            means,
            envelope: None,
            asking,
        }
    }

    /// Tells policy what the envelope's checks came to, if they are through.
    pub(super) fn tell_early(&mut self, policy: &mut Transaction) {
        if self.envelope.is_some() {
            return;
        }
        if let Some(Ok(results)) = self.asking.try_join_next() {
            policy.set_auth_results(told::envelope(&results));
            self.envelope = Some(results);
        }
    }

    /// All results, for policy and as fields for the message's top.
    pub(super) async fn finish(mut self, content: &Bytes) -> (AuthResults, Fields) {
        let envelope = match self.envelope.take() {
            Some(results) => results,
            // A check that failed has found out nothing.
            None => match self.asking.join_next().await {
                Some(Ok(results)) => results,
                _ => EnvelopeResults::default(),
            },
        };
        let results = check(self.means, content, envelope).await;
        (told::all(&results), Fields::new(self.claim, results))
    }
}

/// Hashing a large message takes long enough to hold others up.
async fn check(means: Means, content: &Bytes, envelope: EnvelopeResults) -> Results {
    if content.len() <= LARGE {
        return means.check_message(content, envelope).await;
    }
    let (runtime, content) = (tokio::runtime::Handle::current(), content.clone());
    tokio::task::spawn_blocking(move || runtime.block_on(means.check_message(&content, envelope)))
        .await
        .unwrap_or_default()
}

/// Results as they are written on top of a message.
pub(super) struct Fields {
    claim: Claim,
    results: Results,
}

impl Fields {
    fn new(claim: Claim, results: Results) -> Self {
        Self { claim, results }
    }

    /// What a seal says of them (RFC 8617 §4.1.1).
    pub(super) fn found(&self) -> Found {
        Found::new(&self.claim.envelope(), &self.results, self.claim.smtputf8)
    }

    /// Counts the message for the report that the author's domain gets (RFC 7489 §7.2).
    pub(super) fn count(&self, parts: &Parts, done: Policy) {
        if let Some((domain, seen)) = DmarcDay::of(&self.claim.envelope(), &self.results, done) {
            parts.reports.dmarc.note(&domain, seen);
        }
    }

    /// The fields with their line ends. RFC 8601 §5: above what others have written.
    pub(super) fn write(&self, authserv_id: &str) -> String {
        let (envelope, utf8) = (self.claim.envelope(), self.claim.smtputf8);
        let mut text = fields::authentication_results(authserv_id, &envelope, &self.results, utf8);
        let spf = &self.results.spf;
        // RFC 7208 §9.1.
        text.push_str(&fields::received_spf(
            &self.claim.receiver,
            &envelope,
            spf,
            utf8,
        ));
        text
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0)
}
