//! Mail that this server writes itself, on its way into the queue: policy is asked as of any other, and it is signed.

use bytes::Bytes;
use waxwing_mail::{Body, Envelope, Recipient, ReversePath};
use waxwing_policy::{Cause, Outbound, OutboundFacts, SubmitFate, SubmitOutcome, TransactionFacts};
use waxwing_store::Outgoing;

use super::Entry;
use crate::signing::{self, Signed};
use crate::wiring::Parts;

/// A message of this server's, from the null sender (RFC 5321 §4.5.5).
pub(crate) struct Own<'a> {
    /// Under which it is traced.
    pub(crate) queue_id: &'a str,
    pub(crate) recipients: &'a [Recipient],
    pub(crate) content: Bytes,
    /// Its header has UTF-8 (RFC 6531).
    pub(crate) utf8: bool,
    /// Its body has octets above 127.
    pub(crate) eight_bit: bool,
    /// It goes over verified TLS where that is to be had (RFC 8689 §5).
    pub(crate) require_tls: bool,
    /// -9 to 9, if the policy does not say (RFC 6710 §4.6).
    pub(crate) priority: i8,
}

/// As it enters the queue; nothing if the policy does not want it.
pub(crate) async fn outgoing(parts: &Parts, own: Own<'_>) -> Option<Outgoing> {
    let queue_id = own.queue_id;
    let submitted = submit(parts, &own).await;
    let held = match &submitted.fate {
        SubmitFate::Queue => false,
        SubmitFate::Hold(_) => true,
        SubmitFate::Discard => return None,
        SubmitFate::Refuse(reply) if reply.code.is_permanent() => {
            tracing::warn!(queue_id, %reply, "the policy refuses a message of this server's");
            return None;
        }
        // Who should know of a failure hears of it, even if a step fails.
        SubmitFate::Refuse(_) => false,
    };
    let signed = signing::sign(parts, &submitted, &own.content, None, own.utf8).await;
    let signed = signed.unwrap_or_else(|error| {
        tracing::error!(queue_id, %error, "a message of this server's goes unsigned");
        Signed::as_it_is(own.content.clone())
    });
    let mut envelope = Envelope::new(ReversePath::Null);
    envelope.smtputf8 = own.utf8;
    envelope.require_tls = own.require_tls;
    if own.eight_bit {
        envelope.body = Body::EightBitMime;
    }
    let domain = |recipient: &Recipient| {
        let address = recipient.path.address();
        address.map_or_else(String::new, |address| address.domain().as_str().to_owned())
    };
    let recipients = own.recipients.iter();
    let entry = Entry {
        queue_id,
        envelope: &signed.envelope(&envelope),
        sender: &ReversePath::Null,
        recipients: recipients.map(|one| (one, domain(one))).collect(),
        identity: None,
        priority: submitted.priority.unwrap_or(own.priority),
        tags: &submitted.tags,
        content: signed.content.clone(),
        held,
    };
    Some(entry.outgoing(&parts.config.queue))
}

async fn submit(parts: &Parts, own: &Own<'_>) -> SubmitOutcome {
    let facts = OutboundFacts {
        transaction: TransactionFacts {
            queue_id: own.queue_id.to_owned(),
            sender: ReversePath::Null,
            params: Vec::new(),
            declared_size: None,
            smtputf8: own.utf8,
        },
        identity: None,
        recipients: own.recipients.to_vec(),
        tags: Vec::new(),
    };
    let mut outbound = Outbound::new(parts.policy.current(), facts);
    outbound.submit(own.content.clone(), Cause::Reported).await
}
