//! A leg of the queue as policy and the client session want it.

use std::time::Duration;

use waxwing_mail::{
    Address, Body, ByMode, DeliverBy, Envelope, EnvelopeId, ForwardPath, Identity, Notify,
    OriginalRecipient, Recipient, Return, ReversePath,
};
use waxwing_policy::{OutboundFacts, TransactionFacts};
use waxwing_queue::dsn::Asked;
use waxwing_store::{BodyKind, Leased, QueueEnvelope, QueuedRecipient, ReturnContent};

use super::entry::Context;

/// The reverse path that the store keeps as a text.
pub(super) fn sender(envelope: &QueueEnvelope) -> ReversePath {
    Address::parse(&envelope.sender).map_or(ReversePath::Null, ReversePath::Address)
}

/// A recipient of a leg.
pub(super) fn recipient(queued: &QueuedRecipient) -> Recipient {
    let path =
        Address::parse(&queued.address).map_or(ForwardPath::Postmaster, ForwardPath::Address);
    let asked = asked(queued);
    Recipient {
        notify: match asked {
            Asked { given: false, .. } => None,
            Asked { never: true, .. } => Some(Notify::Never),
            Asked {
                success,
                failure,
                delay,
                ..
            } => Some(Notify::When {
                success,
                failure,
                delay,
            }),
        },
        original: queued
            .orcpt
            .split_once(';')
            .and_then(|(kind, address)| OriginalRecipient::new(kind, address)),
        ..Recipient::new(path)
    }
}

/// What its sender asked to be told of a recipient.
pub(super) fn asked(queued: &QueuedRecipient) -> Asked {
    use waxwing_store::Notify as Bits;
    let has = |bit: Bits| queued.notify.0 & bit.0 != 0;
    Asked {
        given: queued.notify != Bits::NOT_ASKED,
        never: has(Bits::NEVER),
        success: has(Bits::SUCCESS),
        failure: has(Bits::FAILURE),
        delay: has(Bits::DELAY),
    }
}

/// What policy is told of a leg; its recipients are numbered as they stand in it.
pub(super) fn outbound(leg: &Leased) -> OutboundFacts {
    let envelope = &leg.message.envelope;
    let context = Context::decode(&envelope.context);
    OutboundFacts {
        transaction: TransactionFacts {
            queue_id: envelope.queue_id.clone(),
            sender: sender(envelope),
            params: Vec::new(),
            declared_size: Some(leg.message.size),
            smtputf8: envelope.smtp_utf8,
        },
        identity: context
            .identity
            .map(|(account, acting, mechanism)| Identity {
                account: account.into(),
                authorised_as: acting.into(),
                mechanism: mechanism.into(),
            }),
        recipients: leg.recipients.iter().map(recipient).collect(),
        tags: context.tags,
    }
}

/// What a peer is told of a leg, for those of its recipients that go to it.
pub(super) fn envelope(leg: &Leased, recipients: &[usize], now: i64) -> Envelope {
    let queued = &leg.message.envelope;
    let mut envelope = Envelope::new(sender(queued));
    envelope.recipients = recipients
        .iter()
        .filter_map(|index| leg.recipients.get(*index))
        .map(recipient)
        .collect();
    envelope.smtputf8 = queued.smtp_utf8;
    envelope.body = match queued.body {
        BodyKind::SevenBit => Body::SevenBit,
        BodyKind::EightBit => Body::EightBitMime,
        BodyKind::Binary => Body::BinaryMime,
    };
    envelope.ret = match queued.ret {
        ReturnContent::NotAsked => None,
        ReturnContent::Full => Some(Return::Full),
        ReturnContent::Headers => Some(Return::Headers),
    };
    envelope.id = EnvelopeId::new(&queued.envid).filter(|_| !queued.envid.is_empty());
    envelope.require_tls = queued.require_tls;
    envelope.deliver_by = queued.deliver_by.map(|by| DeliverBy {
        // RFC 2852 §4.1.3: what is left of the time.
        seconds: (by.at - now).div_euclid(1000),
        mode: if by.give_up {
            ByMode::Return
        } else {
            ByMode::Notify
        },
        trace: by.trace,
    });
    // RFC 6710 §4.2: ordinary mail need not say so.
    envelope.priority = Some(queued.priority).filter(|priority| *priority != 0);
    envelope
}

/// Since when a message is to be sent, milliseconds of Unix time: it came then, or was released.
pub(super) fn since(leg: &Leased) -> i64 {
    let envelope = &leg.message.envelope;
    Context::decode(&envelope.context)
        .released
        .max(envelope.received)
}

/// How long a message has been in the queue to be sent.
pub(super) fn queued_for(leg: &Leased, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(now - since(leg)).unwrap_or(0))
}
