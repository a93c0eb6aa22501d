//! What of a message goes on to other servers: who gets it, under which sender, and how it enters the queue.
//!
//! Standards: RFC 5321 §3.6 (relaying), §3.9 (forwarding); RFC 3461 §5.2 and §6 (what is asked travels on); RFC 8689 §4.
//! Invariant: nothing here is stored; it goes into the commit of the local copies.

use bytes::Bytes;
use waxwing_mail::{Address, ForwardPath, Recipient, Reply, ReversePath};
use waxwing_policy::{
    Attempt, Cause, MessageOutcome, Outbound, OutboundOutcome, SubmitFate, Target, Transaction,
    Verdict,
};
use waxwing_smtp::Message;
use waxwing_store::Outgoing;

use super::super::fields;
use super::super::gate::Gate;
use super::super::tried;
use super::Routed;
use super::deliver::{self, Fate, Judged};
use crate::outgoing::{Entry, HERE, destination};
use crate::signing::{self, Found};

/// A recipient elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Onward {
    pub(super) address: Address,
    /// What its sender asked to be told, and whom it was first addressed to.
    recipient: Recipient,
    /// It is not where the client sent it to, but where that leads.
    forwarded: bool,
    /// It is an address here, whose mail is held back.
    here: bool,
}

impl Onward {
    /// Whom a recipient leads to elsewhere.
    pub(super) fn of(routed: &Routed) -> Vec<Self> {
        let leads: Vec<&Address> = routed
            .led
            .targets
            .iter()
            .filter_map(|target| match target {
                Target::Forward(address) => Some(address),
                _ => None,
            })
            .collect();
        let alone = leads.len() == 1 && !routed.has_account();
        let onward = |address: &&Address| {
            let address = Address::clone(address);
            Self {
                recipient: Recipient {
                    path: ForwardPath::Address(address.clone()),
                    notify: routed.recipient.notify.map(|notify| match alone {
                        true => notify,
                        // RFC 3461 §5.2.7.3 (c): that it went well is told from here.
                        false => notify.without_success(),
                    }),
                    ..routed.recipient.clone()
                },
                address,
                forwarded: routed.local,
                here: false,
            }
        };
        leads.iter().map(onward).collect()
    }

    /// A recipient here who gets the message later.
    pub(super) fn held(recipient: &Recipient) -> Option<Self> {
        Some(Self {
            address: recipient.path.address()?.clone(),
            recipient: recipient.clone(),
            forwarded: false,
            here: true,
        })
    }
}

/// Recipients with one verdict under one sender.
struct Batch<'a> {
    verdict: &'a Verdict,
    sender: ReversePath,
    /// They are not where the client sent it to.
    forwarded: bool,
    recipients: Vec<Recipient>,
    /// Which of them are here, each in its place.
    here: Vec<bool>,
}

/// A message as it came; `trace` is what this server says of how: whole fields.
pub(super) struct Arrived<'a> {
    pub(super) queue_id: &'a str,
    pub(super) message_id: &'a str,
    pub(super) trace: &'a str,
    pub(super) message: &'a Message,
    pub(super) content: &'a Bytes,
    /// What was found out about who it is from.
    pub(super) found: Option<Found>,
}

impl Arrived<'_> {
    fn cause(&self, batch: &Batch<'_>) -> Cause {
        match (&self.message.peer.identity, batch.forwarded) {
            (Some(_), _) => Cause::Submitted,
            (None, true) => Cause::Forwarded,
            (None, false) => Cause::Relayed,
        }
    }
}

/// What is to be queued, after `hook-submit` of each; a no for one is a no for all.
pub(super) async fn queue(
    gate: &Gate,
    arrived: &Arrived<'_>,
    policy: &Transaction,
    outcome: &MessageOutcome,
    judged: &[Judged],
) -> Result<Vec<Outgoing>, Reply> {
    let Arrived {
        queue_id,
        message_id: _,
        trace,
        message,
        content,
        found,
    } = arrived;
    let mut queued = Vec::new();
    for batch in batches(gate, outcome, judged).await? {
        let smtputf8 = message.envelope.smtputf8;
        let rewritten = outcome.rewrite(content, batch.verdict, smtputf8);
        // RFC 5321 §4.4: Received on top; Return-Path is for the final delivery to add.
        let mut top = (*trace).to_owned();
        top.push_str(&rewritten.top);
        let content =
            fields::assemble(&top, &rewritten.rest, &gate.parts().config.auth.authserv_id);
        let mut outbound = policy.outbound(batch.sender.clone(), batch.recipients.clone());
        let cause = arrived.cause(&batch);
        let submitted = outbound.submit(content.clone(), cause).await;
        let held = match &submitted.fate {
            SubmitFate::Queue => matches!(batch.verdict, Verdict::Quarantine(_)),
            SubmitFate::Hold(reason) => {
                tracing::info!(queue_id, reason, "held in the queue");
                true
            }
            SubmitFate::Refuse(_) | SubmitFate::Discard => {
                told(gate, arrived, policy, &outbound);
                match submitted.fate {
                    SubmitFate::Refuse(reply) => return Err(reply),
                    _ => continue,
                }
            }
        };
        let signed = signing::sign(gate.parts(), &submitted, &content, found.as_ref(), smtputf8)
            .await
            .map_err(|error| deliver::temporary("a message could not be signed", gate, &error))?;
        let destinations = destinations(&mut outbound, &batch).await;
        told(gate, arrived, policy, &outbound);
        let entry = Entry {
            queue_id,
            envelope: &signed.envelope(&message.envelope),
            sender: &batch.sender,
            recipients: batch.recipients.iter().zip(destinations).collect(),
            identity: message.peer.identity.as_deref(),
            // RFC 6710 §4.1: site policy may raise it and lower it.
            priority: submitted
                .priority
                .or(message.envelope.priority)
                .unwrap_or(0),
            tags: &submitted.tags,
            content: signed.content.clone(),
            held,
        };
        queued.push(entry.outgoing(&gate.parts().config.queue));
    }
    Ok(queued)
}

/// What the steps said of a part of the message, those that are tried out included, is traced with the whole.
fn told(gate: &Gate, arrived: &Arrived<'_>, policy: &Transaction, outbound: &Outbound) {
    policy.join(outbound);
    if let Some(tried) = outbound.tried() {
        let store = &gate.parts().store;
        tried::record(tried, store, arrived.queue_id, arrived.message_id);
    }
}

async fn batches<'a>(
    gate: &Gate,
    outcome: &'a MessageOutcome,
    judged: &[Judged],
) -> Result<Vec<Batch<'a>>, Reply> {
    let mut batches: Vec<Batch<'a>> = Vec::new();
    let kept = judged
        .iter()
        .filter(|judged| matches!(judged.fate, Fate::Keep(_)));
    for judged in kept {
        for onward in &judged.onward {
            let verdict = outcome.verdict(&judged.domain);
            let sender = match onward.forwarded {
                true => gate.parts().forwarder(&outcome.sender).await?,
                false => outcome.sender.clone(),
            };
            let known = batches
                .iter_mut()
                .find(|batch| batch.suits(verdict, &sender, onward.forwarded));
            match known {
                Some(batch) if batch.has(&onward.recipient) => {}
                Some(batch) => batch.add(onward),
                None => batches.push(Batch {
                    verdict,
                    sender,
                    forwarded: onward.forwarded,
                    recipients: vec![onward.recipient.clone()],
                    here: vec![onward.here],
                }),
            }
        }
    }
    Ok(batches)
}

impl Batch<'_> {
    /// Whether a recipient of this kind goes with it.
    fn suits(&self, verdict: &Verdict, sender: &ReversePath, forwarded: bool) -> bool {
        self.verdict.word() == verdict.word()
            && self.sender == *sender
            && self.forwarded == forwarded
    }

    /// One copy for an address, however many ways lead to it.
    fn has(&self, recipient: &Recipient) -> bool {
        self.recipients
            .iter()
            .any(|known| known.path == recipient.path)
    }

    fn add(&mut self, onward: &Onward) {
        self.recipients.push(onward.recipient.clone());
        self.here.push(onward.here);
    }
}

/// What each recipient is scheduled under: where policy would send it now. It is asked again before each attempt.
async fn destinations(outbound: &mut Outbound, batch: &Batch<'_>) -> Vec<String> {
    let mut known: Vec<(&str, String)> = Vec::new();
    let mut all = Vec::with_capacity(batch.recipients.len());
    for (number, (recipient, here)) in (0..).zip(batch.recipients.iter().zip(&batch.here)) {
        if *here {
            all.push(HERE.to_owned());
            continue;
        }
        let domain = recipient
            .path
            .address()
            .map_or("", |address| address.domain().as_str());
        if let Some((_, name)) = known.iter().find(|(other, _)| *other == domain) {
            all.push(name.clone());
            continue;
        }
        let name = match outbound.plan(number, Attempt::default()).await {
            OutboundOutcome::Attempt(plan) => destination(&plan.hop, domain),
            _ => domain.to_owned(),
        };
        known.push((domain, name.clone()));
        all.push(name);
    }
    all
}
