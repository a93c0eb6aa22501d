//! Reports to senders: written, and led to where the sender is.
//!
//! Standards: RFC 3461 §6, RFC 3464, RFC 5321 §4.5.5 (the null path is never answered).

use bytes::Bytes;
use waxwing_mail::{Address, ForwardPath, Notify, QueueId, Recipient, ReversePath};
use waxwing_policy::{MailboxChange, MailboxEvent, Placed};
use waxwing_queue::dsn::{
    Action, Composed, DoubleBounce, MAX_RETURNED, Notice, Report, ReturnContent, addressee, compose,
};
use waxwing_store::{Delivery, Leased, LedgerRow, Outgoing, ReturnContent as Asked, Stored};

use super::home::{self, Home};
use super::own::{self, Own};
use crate::answer::filing::Filed;
use crate::answer::now_millis;
use crate::wiring::Parts;

/// Reports that are to be stored and queued with what they tell of.
#[derive(Default)]
pub(super) struct Notices {
    pub(super) deliveries: Vec<Delivery>,
    pub(super) outgoing: Vec<Outgoing>,
    /// Where the deliveries go, one a target.
    places: Vec<Filed>,
}

impl Notices {
    /// Tells policy what came where.
    pub(super) fn arrived(self, parts: &Parts, stored: &[Stored]) {
        for (stored, filed) in stored.iter().zip(self.places) {
            parts.policy.tell(|| MailboxEvent {
                at: u64::try_from(now_millis()).unwrap_or(0),
                account: filed.account.into(),
                protocol: waxwing_mail::Protocol::Smtp,
                session: "queue".to_owned(),
                change: MailboxChange::Deliver(Placed {
                    mailbox: filed.mailbox,
                    uid: stored.uid,
                    flags: Vec::new(),
                }),
            });
        }
    }
}

/// Writes the reports of a leg: one for what failed, one for what is late, one for what went well.
pub(super) async fn write(parts: &Parts, leg: &Leased, reports: Vec<Report>) -> Notices {
    let mut notices = Notices::default();
    for action in [Action::Failed, Action::Delayed, Action::Relayed] {
        let about: Vec<Report> = reports
            .iter()
            .filter(|report| report.action == action)
            .cloned()
            .collect();
        if !about.is_empty() {
            one(parts, leg, action, &about, &mut notices).await;
        }
    }
    notices
}

async fn one(
    parts: &Parts,
    leg: &Leased,
    action: Action,
    reports: &[Report],
    notices: &mut Notices,
) {
    let envelope = &leg.message.envelope;
    let names: Vec<&str> = reports
        .iter()
        .map(|report| report.address.as_str())
        .collect();
    let double = DoubleBounce::Drop;
    let to = addressee(action, &envelope.sender, &names, &double);
    let Some(to) = to.and_then(|to| Address::parse(to).ok()) else {
        return dropped(parts, leg, reports, "nobody is told");
    };
    let original = match parts
        .store
        .read_blob(leg.message.blob, 0, MAX_RETURNED + 1)
        .await
    {
        Ok(original) => original,
        Err(error) => {
            tracing::error!(leg = leg.leg.0, %error, "a message could not be read for its report");
            Bytes::new()
        }
    };
    let now = now_millis();
    let queue_id = QueueId::new(u64::try_from(now).unwrap_or(0), rand::random()).to_string();
    let composed = compose(&Notice {
        host: &parts.config.hostname,
        from: &format!("MAILER-DAEMON@{}", parts.config.hostname),
        to: &to.to_string(),
        unique: &queue_id,
        now,
        arrived: envelope.received,
        envid: &envelope.envid,
        ret: match envelope.ret {
            Asked::NotAsked => ReturnContent::NotAsked,
            Asked::Full => ReturnContent::Full,
            Asked::Headers => ReturnContent::Headers,
        },
        original: &original,
        utf8: envelope.smtp_utf8,
        reports,
    });
    metrics::counter!("waxwing_queue_notices_total", "kind" => kind(action)).increment(1);
    tracing::info!(
        queue_id,
        of = envelope.queue_id,
        kind = kind(action),
        "report"
    );
    // What was rewritten here leads back to who sent it (SRS).
    let to = match parts
        .outgoing
        .rewritten(&Recipient::new(ForwardPath::Address(to.clone())))
    {
        Some(Ok(first)) => first,
        _ => to,
    };
    match home::find(parts, &queue_id, &to).await {
        Ok(home) => lead(parts, &queue_id, composed, home, notices).await,
        Err(reason) => dropped(parts, leg, reports, &reason),
    }
}

fn kind(action: Action) -> &'static str {
    match action {
        Action::Failed => "failure",
        Action::Delayed => "delay",
        _ => "success",
    }
}

/// A report that reaches nobody is in the ledger and nowhere else.
fn dropped(parts: &Parts, leg: &Leased, reports: &[Report], reason: &str) {
    let envelope = &leg.message.envelope;
    tracing::warn!(queue_id = envelope.queue_id, reason, "a report is dropped");
    metrics::counter!("waxwing_queue_notices_total", "kind" => "dropped").increment(1);
    let recipients: Vec<_> = reports
        .iter()
        .map(|report| serde_json::json!({ "address": report.address, "verdict": "", "fate": "not reported", "reply": report.said }))
        .collect();
    parts.store.record(LedgerRow {
        queue_id: envelope.queue_id.clone(),
        message_id: String::new(),
        at: now_millis(),
        generation: 0,
        outcome: "double-bounce".to_owned(),
        json: serde_json::json!({ "recipients": recipients, "reason": reason }).to_string(),
        roster: None,
    });
}

async fn lead(
    parts: &Parts,
    queue_id: &str,
    composed: Composed,
    home: Home,
    notices: &mut Notices,
) {
    let content = Bytes::from(composed.content);
    if !home.targets.is_empty() {
        // RFC 5321 §4.4: Return-Path at the final delivery.
        let top = waxwing_mail::return_path(&ReversePath::Null);
        let content: Bytes = [top.as_bytes(), &content].concat().into();
        notices.places.extend(home.filed);
        notices.deliveries.push(Delivery {
            summary: waxwing_message::Summary::read(&content).encode(),
            content,
            targets: home.targets,
            internal_date: now_millis(),
            internal_offset: 0,
            ledger: None,
        });
    }
    if home.onward.is_empty() {
        return;
    }
    let recipients: Vec<Recipient> = home
        .onward
        .into_iter()
        .map(|address| Recipient {
            // RFC 3461 §6.1: no report about a report.
            notify: Some(Notify::Never),
            ..Recipient::new(ForwardPath::Address(address))
        })
        .collect();
    let own = Own {
        queue_id,
        recipients: &recipients,
        content,
        utf8: composed.utf8,
        eight_bit: composed.eight_bit,
    };
    notices.outgoing.extend(own::outgoing(parts, own).await);
}
