//! A complete message, from its last octet to its replies: judge, route, make room, file, store.
//!
//! Standards: RFC 5321 §4.4 (trace fields), §6.1 (responsibility), §6.3 (loops); RFC 2033 §4.2 (a reply each).
//! Invariants: whatever is stored is stored by one call, all of it or nothing, durable before any 250; an
//! account gets one copy in a mailbox however many recipients lead to it; a failure of ours is a 4yz.

use bytes::Bytes;
use waxwing_auth::dmarc::Policy;
use waxwing_mail::{EnhancedStatus, ForwardPath, Recipient, Reply};
use waxwing_policy::{AddedRecipient, MailboxChange, MessageOutcome, Placed, Transaction, Verdict};
use waxwing_smtp::{Message, replies};
use waxwing_store::{Delivery, LedgerRow, NewRecord, Outgoing, Stored, Target};

use super::super::events;
use super::super::fields::Header;
use super::super::filing::{Filed, Filer};
use super::super::gate::Gate;
use super::forms::{Form, forms};
use super::onward::{self, Arrived, Onward};
use super::record::{self, Record};
use super::respond::{self, Wished};
use super::{Led, Routed, Running, success};
use crate::config::Service;
use crate::outgoing::Notices;
use crate::telemetry::Reference;

/// What becomes of a recipient.
#[derive(Debug)]
pub(super) enum Fate {
    /// To be filed, or sent on, or both.
    Keep(Vec<Target>),
    /// Accepted, and kept nowhere.
    Drop,
    /// Refused, for now or for good.
    Refuse(Reply),
}

/// A recipient with its verdict and fate.
#[derive(Debug)]
pub(super) struct Judged {
    /// As the client named it, with what is to be told of it; none: a plugin added it.
    pub(super) given: Option<Recipient>,
    pub(super) address: String,
    /// The recipient's domain, by which the verdict is found.
    pub(super) domain: String,
    pub(super) verdict: &'static str,
    /// Accounts and mailboxes of the copies, in the order of the targets in `fate`.
    pub(super) filed: Vec<Filed>,
    /// Who of the accounts answers once it is stored.
    pub(super) responses: Vec<Wished>,
    /// Where else the message goes for this recipient.
    pub(super) onward: Vec<Onward>,
    pub(super) fate: Fate,
}

impl Judged {
    const fn is_refused(&self) -> bool {
        matches!(self.fate, Fate::Refuse(_))
    }
}

/// Without LMTP there is one reply for all: a no for one recipient is a no for all of them, and nothing is stored;
/// the sender tries again, or tells its user. A transient no comes first: what may come later must not be lost.
pub(super) fn for_all(replies: Vec<Reply>) -> Reply {
    let rank = |reply: &Reply| match (reply.code.is_transient(), reply.code.is_permanent()) {
        (true, _) => 0,
        (_, true) => 1,
        _ => 2,
    };
    replies
        .into_iter()
        .min_by_key(rank)
        .unwrap_or_else(replies::internal_error)
}

/// Judges and stores; one reply a recipient.
pub(super) async fn deliver(
    gate: &Gate,
    running: Running,
    message: Message,
    (content, kept): (Bytes, Option<NewRecord>),
) -> Vec<Reply> {
    let Running {
        queue_id,
        mut policy,
        origin,
        recipients,
        ..
    } = running;
    let parts = gate.parts();
    let header = Header::read(&content);
    let queue_id = queue_id.to_string();
    let record = Record::new(gate, &queue_id, &message, &header);
    if header.hops >= parts.config.limits.received_hops as usize {
        // RFC 5321 §6.3, RFC 3463 §3.5.
        let reply = Reply::new(
            554,
            Some(EnhancedStatus(5, 4, 6)),
            "Too many Received fields: the message loops",
        );
        record.refused(&policy, &reply);
        return vec![reply; message.envelope.recipients.len()];
    }
    let origin = match origin {
        Some(origin) => {
            let (results, fields) = origin.finish(&content).await;
            policy.set_auth_results(results);
            Some(fields)
        }
        None => None,
    };
    let outcome = policy.message(content.clone()).await;
    let mut judged = Vec::with_capacity(message.envelope.recipients.len());
    let size = content.len() as u64;
    let given = recipients.len();
    let held = message.envelope.release.is_some();
    for recipient in recipients {
        let given = recipient.recipient.clone();
        let one = match held && recipient.waits_here() {
            true => hold(&outcome, &recipient),
            false => judge(gate, &mut policy, &outcome, recipient, size).await,
        };
        judged.push(Judged {
            given: Some(given),
            ..one
        });
    }
    for added in &outcome.added {
        judged.push(judge_added(gate, &mut policy, &outcome, added, size).await);
    }
    if gate.caller().door.listener.service != Service::Lmtp {
        all_or_none(&mut judged);
    }
    let found = origin.as_ref().map(|origin| origin.found());
    let results = origin.map_or_else(String::new, |origin| {
        if let Some(done) = done(&judged) {
            origin.count(parts, done);
        }
        origin.write(&parts.config.auth.authserv_id)
    });
    // RFC 7208 §9.1, RFC 8601 §4: results stand above the Received field of the server that found them.
    let trace = results + &record::received(gate, &queue_id, &message);
    let arrived = Arrived {
        queue_id: &queue_id,
        message_id: &header.message_id,
        trace: &trace,
        message: &message,
        content: &content,
        found,
    };
    let stored = match onward::queue(gate, &arrived, &policy, &outcome, &judged).await {
        Ok(queued) => {
            let kept = Kept {
                forms: forms(gate, &trace, &message, &outcome, &content, &judged),
                queued,
                notices: success::report(gate, &queue_id, &message, &content, &judged).await,
                // Where all are refused, it was not sent.
                record: kept.filter(|_| judged.iter().any(|one| !one.is_refused())),
            };
            store(gate, kept, &record, &policy, &judged).await
        }
        Err(reply) => {
            refuse_all(&mut judged, &reply);
            store(gate, Kept::default(), &record, &policy, &judged).await
        }
    };
    if stored.is_ok() {
        record.tried(&policy);
        let about = (outcome.sender, header);
        respond::beside(parts, gate.session(), about, respond::wished(&mut judged)).await;
    }
    let mut replies = reply(gate, stored, judged, &queue_id, &message);
    // RFC 2033 §4.2: a reply for each recipient that the client named; it knows of no other.
    if gate.caller().door.listener.service == Service::Lmtp {
        replies.truncate(given);
    }
    replies
}

/// What was done with a message, in the words of DMARC: the worst of its recipients. None: it will come again.
fn done(judged: &[Judged]) -> Option<Policy> {
    let later =
        |one: &Judged| matches!(&one.fate, Fate::Refuse(reply) if !reply.code.is_permanent());
    if judged.iter().any(later) {
        return None;
    }
    let done = |one: &Judged| match (&one.fate, one.verdict) {
        (Fate::Refuse(_), _) => Policy::Reject,
        (_, "junk" | "quarantine") => Policy::Quarantine,
        _ => Policy::None,
    };
    judged.iter().map(done).max()
}

/// A recipient here of a message that is held back: it waits in the queue, and is led into mailboxes when its time has come.
fn hold(outcome: &MessageOutcome, routed: &Routed) -> Judged {
    let path = &routed.recipient.path;
    let address = path.address();
    let domain = address.map_or("", |address| address.domain().as_str());
    let verdict = outcome.verdict(domain);
    let onward = Onward::held(&routed.recipient);
    let fate = match verdict {
        _ if outcome.removed.contains(&routed.led.number) => Fate::Drop,
        Verdict::Refuse(reply) | Verdict::Defer(reply) => Fate::Refuse(reply.clone()),
        Verdict::Discard => Fate::Drop,
        // The queue has addresses only, and what it does not have is kept nowhere.
        _ if onward.is_none() => Fate::Refuse(Reply::new(
            550,
            Some(EnhancedStatus(5, 1, 3)),
            "An address without a domain cannot wait until the message is released",
        )),
        Verdict::Deliver | Verdict::Junk | Verdict::Quarantine(_) => Fate::Keep(Vec::new()),
    };
    Judged {
        given: None,
        address: address.map_or_else(|| path.to_string(), ToString::to_string),
        domain: domain.to_owned(),
        verdict: verdict.word(),
        filed: Vec::new(),
        responses: Vec::new(),
        onward: onward.into_iter().collect(),
        fate,
    }
}

fn filer(gate: &Gate) -> Filer<'_> {
    Filer {
        store: &gate.parts().store,
        session: gate.session(),
    }
}

/// Octets that are taken to come where none are declared: most messages have fewer, so that one question about room is enough for them.
const UNDECLARED: u64 = 64 << 10;

/// Where a recipient leads, and whether there is room for so many octets: asked at RCPT, where one recipient can be refused without the others.
/// Who does not declare any is refused only where there is room for nothing.
pub(super) async fn route(
    gate: &Gate,
    policy: &mut Transaction,
    number: u32,
    declared: Option<u64>,
) -> Result<Led, Reply> {
    let targets = policy.route(number).await;
    let mut room = declared.unwrap_or(UNDECLARED);
    let mut accounts: Vec<&str> = Vec::new();
    for target in &targets {
        match target {
            waxwing_policy::Target::Account(account) if accounts.contains(&account.as_str()) => {}
            waxwing_policy::Target::Account(account) => {
                let filer = filer(gate);
                let found = filer.known(account).await?;
                let mut answer = filer.room(policy, &found, room).await;
                if answer.is_err() && declared.is_none() && room > 0 {
                    room = 0;
                    answer = filer.room(policy, &found, room).await;
                }
                answer?;
                accounts.push(account);
            }
            waxwing_policy::Target::Forward(_) | waxwing_policy::Target::Drop => {}
            waxwing_policy::Target::Refuse(reply) => return Err(reply.clone()),
        }
    }
    Ok(Led {
        number,
        targets,
        room,
    })
}

/// The same for a recipient that a plugin added, who is led to accounts now.
async fn judge_added(
    gate: &Gate,
    policy: &mut Transaction,
    outcome: &MessageOutcome,
    added: &AddedRecipient,
    size: u64,
) -> Judged {
    let recipient = Recipient::new(ForwardPath::Address(added.address.clone()));
    match route(gate, policy, added.number, Some(size)).await {
        Ok(led) => {
            let routed = Routed {
                led,
                recipient,
                // A plugin sends it there: it is forwarded, whoever sent it here.
                local: true,
            };
            judge(gate, policy, outcome, routed, size).await
        }
        Err(reply) => Judged {
            given: None,
            address: added.address.to_string(),
            domain: added.address.domain().as_str().to_owned(),
            verdict: outcome.verdict(added.address.domain().as_str()).word(),
            filed: Vec::new(),
            responses: Vec::new(),
            onward: Vec::new(),
            fate: Fate::Refuse(reply),
        },
    }
}

/// One recipient's verdict, room for a message of so many octets, and filing.
async fn judge(
    gate: &Gate,
    policy: &mut Transaction,
    outcome: &MessageOutcome,
    routed: Routed,
    size: u64,
) -> Judged {
    let recipient = &routed.recipient;
    let domain = recipient
        .path
        .address()
        .map(|address| address.domain().as_str())
        .unwrap_or_default();
    let verdict = outcome.verdict(domain);
    let address = recipient
        .path
        .address()
        .map_or_else(|| recipient.path.to_string(), ToString::to_string);
    let mut judged = Judged {
        given: None,
        address,
        domain: domain.to_owned(),
        verdict: verdict.word(),
        filed: Vec::new(),
        responses: Vec::new(),
        onward: Vec::new(),
        fate: Fate::Drop,
    };
    judged.fate = match verdict {
        _ if outcome.removed.contains(&routed.led.number) => Fate::Drop,
        Verdict::Refuse(reply) | Verdict::Defer(reply) => Fate::Refuse(reply.clone()),
        Verdict::Discard => Fate::Drop,
        Verdict::Deliver | Verdict::Junk | Verdict::Quarantine(_) => {
            judged.onward = Onward::of(&routed);
            file_all(gate, policy, &routed, size, &mut judged).await
        }
    };
    judged
}

/// The copies of all accounts that a recipient leads to, or a no.
async fn file_all(
    gate: &Gate,
    policy: &mut Transaction,
    routed: &Routed,
    size: u64,
    judged: &mut Judged,
) -> Fate {
    // What had room at RCPT is not asked about again.
    let unchecked = (size > routed.led.room).then_some(size);
    let mut targets = Vec::new();
    let mut accounts: Vec<&str> = Vec::new();
    for target in &routed.led.targets {
        let waxwing_policy::Target::Account(account) = target else {
            continue;
        };
        if accounts.contains(&account.as_str()) {
            continue;
        }
        let filed = &mut judged.filed;
        let copies = filer(gate).file(policy, routed.led.number, account, unchecked, filed);
        match copies.await {
            Ok(copies) => targets.extend(copies),
            Err(reply) => return Fate::Refuse(reply),
        }
        let wished = policy.take_response();
        judged.responses.extend(Wished::by(account, wished));
        accounts.push(account);
    }
    if targets.is_empty() && judged.onward.is_empty() {
        Fate::Drop
    } else {
        Fate::Keep(targets)
    }
}

/// Without LMTP nothing is kept for one recipient if another is refused; see [`for_all`].
fn all_or_none(judged: &mut [Judged]) {
    let refusals = judged.iter().filter_map(|judged| match &judged.fate {
        Fate::Refuse(reply) => Some(reply.clone()),
        _ => None,
    });
    let refusals: Vec<_> = refusals.collect();
    if refusals.is_empty() {
        return;
    }
    refuse_all(judged, &for_all(refusals));
}

/// Who was not refused is now.
fn refuse_all(judged: &mut [Judged], reply: &Reply) {
    for recipient in judged {
        if !matches!(recipient.fate, Fate::Refuse(_)) {
            recipient.fate = Fate::Refuse(reply.clone());
        }
    }
}

/// What is kept of a message.
#[derive(Default)]
struct Kept {
    forms: Vec<Form>,
    queued: Vec<Outgoing>,
    /// What its sender is told already.
    notices: Notices,
    /// What its sender's account keeps of it.
    record: Option<NewRecord>,
}

/// Stores all forms, what goes on, what is told and the ledger row in one commit: trying again must not deliver a part of it twice.
async fn store(
    gate: &Gate,
    kept: Kept,
    record: &Record<'_>,
    policy: &Transaction,
    judged: &[Judged],
) -> Result<usize, Reply> {
    let store = &gate.parts().store;
    let mut row = Some(record.row(policy, judged));
    let Kept {
        forms,
        mut queued,
        mut notices,
        record: sent,
    } = kept;
    if forms.is_empty() && queued.is_empty() {
        if let Some(row) = row {
            store.record(row);
        }
        if let Some(sent) = sent {
            // All of it is discarded, which its sender does not learn.
            let kept = store.put_record(sent).await;
            kept.map_err(|error| temporary("a record could not be kept", gate, &error))?;
        }
        return Ok(0);
    }
    let mut deliveries = Vec::with_capacity(forms.len());
    let mut arrivals = Vec::new();
    for form in forms {
        let flags = form
            .targets
            .iter()
            .map(|target| events::names(target.flags, &target.keywords));
        arrivals.extend(form.filed.into_iter().zip(flags));
        let outline = super::super::outline(&form.content).await;
        deliveries.push(Delivery {
            summary: outline.summary,
            thread: outline.thread,
            content: form.content,
            targets: form.targets,
            internal_date: super::super::now_millis(),
            internal_offset: 0,
            ledger: row.take(),
        });
    }
    if let Some(row) = row {
        deliveries.push(alone(row));
    }
    let told = std::mem::take(&mut notices.deliveries);
    queued.append(&mut notices.outgoing);
    // What goes on goes at once, if it can.
    let promise = gate.parts().outgoing.fresh.ask(&queued);
    let submitted = match &promise {
        Some(promise) => {
            let with = (sent, &promise.terms);
            store.submit_leased(deliveries, told, queued, with).await
        }
        None => store.submit_with(deliveries, told, queued, sent).await,
    };
    match submitted {
        Ok(mut submitted) => {
            if let Some(promise) = promise {
                promise.keep(std::mem::take(&mut submitted.leased));
            }
            let copies = arrivals.len().min(submitted.stored.len());
            let (stored, told) = submitted.stored.split_at(copies);
            tell(gate, stored, arrivals);
            notices.arrived(gate.parts(), told);
            Ok(copies)
        }
        Err(waxwing_store::Error::Full) => {
            tracing::error!(
                session = gate.session(),
                "the store is full; messages are deferred"
            );
            Err(replies::no_space())
        }
        Err(error) => Err(temporary("a message could not be stored", gate, &error)),
    }
}

/// A ledger row with the commit of what goes on: a form without places keeps no content.
fn alone(row: LedgerRow) -> Delivery {
    Delivery {
        content: Bytes::new(),
        summary: Vec::new(),
        thread: 0,
        targets: Vec::new(),
        internal_date: row.at,
        internal_offset: 0,
        ledger: Some(row),
    }
}

/// Tells policy what came where.
fn tell(gate: &Gate, stored: &[Stored], arrivals: Vec<(Filed, Vec<String>)>) {
    for (stored, (filed, flags)) in stored.iter().zip(arrivals) {
        gate.tell(&filed.account, || {
            MailboxChange::Deliver(Placed {
                mailbox: filed.mailbox,
                uid: stored.uid,
                flags,
            })
        });
    }
}

/// One reply a recipient, and the figures and the line for the operator.
fn reply(
    gate: &Gate,
    stored: Result<usize, Reply>,
    judged: Vec<Judged>,
    queue_id: &str,
    message: &Message,
) -> Vec<Reply> {
    let service = gate.caller().door.listener.service;
    let copies = stored.as_ref().map_or(0, |copies| *copies);
    metrics::counter!("waxwing_messages_delivered_total").increment(copies as u64);
    for judged in &judged {
        metrics::counter!("waxwing_verdicts_total", "verdict" => judged.verdict).increment(1);
    }
    let reply = |judged: Judged| match (&stored, judged.fate) {
        (_, Fate::Refuse(reply)) => reply,
        (Err(reply), _) => reply.clone(),
        (Ok(_), _) if service == Service::Lmtp => replies::delivered(queue_id),
        (Ok(_), _) => replies::queued(queue_id),
    };
    let replies: Vec<_> = judged.into_iter().map(reply).collect();
    let accepted = replies
        .iter()
        .filter(|reply| reply.code.is_positive())
        .count();
    let name = if accepted > 0 {
        "waxwing_messages_accepted_total"
    } else {
        "waxwing_messages_refused_total"
    };
    metrics::counter!(name, "protocol" => service.as_str()).increment(1);
    tracing::info!(
        queue_id,
        session = gate.session(),
        size = message.size,
        recipients = replies.len(),
        accepted,
        copies,
        "message"
    );
    replies
}

pub(super) fn temporary(what: &str, gate: &Gate, error: &dyn std::error::Error) -> Reply {
    replies::unavailable(&Reference::log(what, gate.session(), error).to_string())
}

#[cfg(test)]
mod tests;
