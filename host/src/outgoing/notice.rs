//! Reports to senders: written, and led to where the sender is.
//!
//! Standards: RFC 3461 §6, RFC 3464, RFC 5321 §4.5.5 (the null path is never answered), RFC 8689 §5, RFC 6710 §4.6.

use bytes::Bytes;
use waxwing_mail::{
    Address, Envelope, EnvelopeId, ForwardPath, Notify, QueueId, Recipient, Reply, Return,
    ReversePath,
};
use waxwing_policy::{MailboxChange, MailboxEvent, Placed};
use waxwing_queue::dsn::{
    Action, Composed, DoubleBounce, MAX_RETURNED, Notice, Report, ReturnContent, addressee, compose,
};
use waxwing_store::{Delivery, Leased, LedgerRow, Outgoing, ReturnContent as Asked, Stored};

use super::home::{self, Home};
use super::own::{self, Own};
use crate::answer::filing::Filed;
use crate::answer::{Outline, now_millis};
use crate::wiring::Parts;

/// What is told, each in a report of its own.
pub(super) const ACTIONS: [Action; 5] = [
    Action::Failed,
    Action::Delayed,
    Action::Delivered,
    Action::Relayed,
    Action::Expanded,
];

/// Reports that are to be stored and queued with what they tell of.
#[derive(Clone, Default)]
pub(crate) struct Notices {
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) outgoing: Vec<Outgoing>,
    /// Reports of these could not be led anywhere just now, and the queue has what they tell of.
    pub(super) later: Vec<Action>,
    /// Where the deliveries go, one a target.
    places: Vec<Filed>,
}

/// The message that reports are about.
pub(crate) struct About<'a> {
    pub(crate) queue_id: &'a str,
    /// The reverse path without `<>`; empty: nobody is told.
    sender: String,
    envid: &'a str,
    ret: ReturnContent,
    smtputf8: bool,
    require_tls: bool,
    priority: i8,
    /// When it came, milliseconds of Unix time.
    arrived: i64,
    /// The message, or as much of it as may be returned and an octet more.
    original: Bytes,
    /// It is in the queue, from where it can be told later.
    waits: bool,
}

impl<'a> About<'a> {
    /// One that is just arriving.
    pub(crate) fn arrived(queue_id: &'a str, envelope: &'a Envelope, content: &Bytes) -> Self {
        let sender = envelope.sender.address();
        Self {
            queue_id,
            sender: sender.map(ToString::to_string).unwrap_or_default(),
            envid: envelope.id.as_ref().map_or("", EnvelopeId::as_str),
            ret: match envelope.ret {
                None => ReturnContent::NotAsked,
                Some(Return::Full) => ReturnContent::Full,
                Some(Return::Headers) => ReturnContent::Headers,
            },
            smtputf8: envelope.smtputf8,
            require_tls: envelope.require_tls,
            priority: envelope.priority.unwrap_or(0),
            arrived: now_millis(),
            original: content.clone(),
            waits: false,
        }
    }

    /// None: the message is the server's own.
    fn own(queue_id: &'a str) -> Self {
        Self {
            queue_id,
            sender: String::new(),
            envid: "",
            ret: ReturnContent::NotAsked,
            smtputf8: false,
            require_tls: false,
            priority: 0,
            arrived: now_millis(),
            original: Bytes::new(),
            waits: false,
        }
    }

    /// One that is in the queue; of its content as much as may be returned is read.
    pub(super) async fn queued(parts: &Parts, leg: &'a Leased) -> Self {
        let envelope = &leg.message.envelope;
        let content = parts
            .store
            .read_blob(leg.message.blob, 0, MAX_RETURNED + 1)
            .await;
        let original = content.unwrap_or_else(|error| {
            tracing::error!(leg = leg.leg.0, %error, "a message could not be read for its report");
            Bytes::new()
        });
        Self {
            queue_id: &envelope.queue_id,
            sender: envelope.sender.clone(),
            envid: &envelope.envid,
            ret: match envelope.ret {
                Asked::NotAsked => ReturnContent::NotAsked,
                Asked::Full => ReturnContent::Full,
                Asked::Headers => ReturnContent::Headers,
            },
            smtputf8: envelope.smtp_utf8,
            require_tls: envelope.require_tls,
            priority: envelope.priority,
            arrived: envelope.received,
            original,
            waits: true,
        }
    }
}

impl Notices {
    /// With a message that comes into mailboxes here, which are called so.
    pub(super) fn deposit(&mut self, delivery: Delivery, places: Vec<Filed>) {
        self.deliveries.push(delivery);
        self.places.extend(places);
    }

    /// What is to be stored, and what to be queued.
    pub(crate) fn take(&mut self) -> (Vec<Delivery>, Vec<Outgoing>) {
        let stored = std::mem::take(&mut self.deliveries);
        (stored, std::mem::take(&mut self.outgoing))
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.outgoing.is_empty()
    }

    /// With these, too.
    pub(super) fn and(&self, more: &Self) -> Self {
        let mut both = self.clone();
        both.deliveries.extend_from_slice(&more.deliveries);
        both.outgoing.extend_from_slice(&more.outgoing);
        both.places.extend_from_slice(&more.places);
        both
    }

    /// Tells policy what came where.
    pub(crate) fn arrived(self, parts: &Parts, stored: &[Stored]) {
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

/// What a sender is told of an address here that it is led from, with so many copies here, and to so many other addresses.
pub(crate) fn led(copies: usize, onward: usize) -> Option<Action> {
    match (copies, onward) {
        // RFC 3461 §5.2.7.2: what leads to one address elsewhere is reported from there.
        (0, 0 | 1) => None,
        (_, 0) => Some(Action::Delivered),
        // RFC 3461 §5.2.7.3 (c).
        _ => Some(Action::Expanded),
    }
}

/// Writes the reports of a message: one for what failed, one for what is late, one for each way in which it went well.
pub(crate) async fn write(parts: &Parts, about: &About<'_>, reports: Vec<Report>) -> Notices {
    let mut notices = Notices::default();
    for action in ACTIONS {
        let these: Vec<Report> = reports
            .iter()
            .filter(|report| report.action == action)
            .cloned()
            .collect();
        if !these.is_empty() {
            one(parts, about, action, &these, &mut notices).await;
        }
    }
    notices
}

/// Sends a message of the server's own, with the null path; `Err` says why it cannot be led anywhere.
pub(crate) async fn send(
    parts: &Parts,
    queue_id: &str,
    to: Address,
    content: Vec<u8>,
) -> Result<(), String> {
    let notices = letter(parts, queue_id, to, content).await;
    let mut notices = notices.map_err(|reply| reply.to_string())?;
    let (told, outgoing) = notices.take();
    let submitted = parts.store.submit(Vec::new(), told, outgoing).await;
    let submitted = submitted.map_err(|error| error.to_string())?;
    notices.arrived(parts, &submitted.stored);
    Ok(())
}

/// A message with the null path, as it is to be stored and queued.
pub(crate) async fn letter(
    parts: &Parts,
    queue_id: &str,
    to: Address,
    content: Vec<u8>,
) -> Result<Notices, Reply> {
    let about = About::own(queue_id);
    let utf8 = needs_utf8(&to, &content);
    let to = Recipient::new(ForwardPath::Address(to));
    let home = home::find(parts, queue_id, &to).await?;
    let composed = Composed {
        eight_bit: !content.is_ascii(),
        utf8,
        content,
    };
    let mut notices = Notices::default();
    lead(parts, (queue_id, &about), composed, home, &mut notices).await;
    Ok(notices)
}

/// Whether a message can only go where internationalized ones are taken (RFC 6531 §3.1): for who gets it, or for what its header says.
fn needs_utf8(to: &Address, content: &[u8]) -> bool {
    let end = content.windows(4).position(|four| four == b"\r\n\r\n");
    let header = content.get(..end.unwrap_or(content.len()));
    !to.is_ascii() || !header.unwrap_or_default().is_ascii()
}

async fn one(
    parts: &Parts,
    about: &About<'_>,
    action: Action,
    reports: &[Report],
    notices: &mut Notices,
) {
    let names: Vec<&str> = reports
        .iter()
        .map(|report| report.address.as_str())
        .collect();
    let double = DoubleBounce::Drop;
    let to = addressee(action, &about.sender, &names, &double);
    let Some(to) = to.and_then(|to| Address::parse(to).ok()) else {
        return dropped(parts, about, reports, "nobody is told");
    };
    let now = now_millis();
    let queue_id = QueueId::new(u64::try_from(now).unwrap_or(0), rand::random()).to_string();
    let composed = compose(&Notice {
        host: &parts.config.hostname,
        from: &format!("MAILER-DAEMON@{}", parts.config.hostname),
        to: &to.to_string(),
        unique: &queue_id,
        now,
        arrived: about.arrived,
        envid: about.envid,
        // RFC 8689 §5: as if RET=HDRS were there, whatever is.
        ret: match about.require_tls {
            true => ReturnContent::Headers,
            false => about.ret,
        },
        original: &about.original,
        utf8: about.smtputf8,
        reports,
    });
    metrics::counter!("waxwing_queue_notices_total", "kind" => kind(action)).increment(1);
    tracing::info!(queue_id, of = about.queue_id, kind = kind(action), "report");
    // What was rewritten here leads back to who sent it (SRS).
    let to = match parts
        .outgoing
        .rewritten(&Recipient::new(ForwardPath::Address(to.clone())))
    {
        Some(Ok(first)) => first,
        _ => to,
    };
    let to = Recipient::new(ForwardPath::Address(to));
    match home::find(parts, &queue_id, &to).await {
        Ok(home) => lead(parts, (&queue_id, about), composed, home, notices).await,
        Err(reply) if about.waits && !reply.code.is_permanent() => {
            tracing::warn!(of = about.queue_id, %reply, "a report waits");
            notices.later.push(action);
        }
        Err(reply) => dropped(parts, about, reports, &reply.to_string()),
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
pub(super) fn dropped(parts: &Parts, about: &About<'_>, reports: &[Report], reason: &str) {
    tracing::warn!(queue_id = about.queue_id, reason, "a report is dropped");
    metrics::counter!("waxwing_queue_notices_total", "kind" => "dropped").increment(1);
    let recipients: Vec<_> = reports
        .iter()
        .map(|report| serde_json::json!({ "address": report.address, "verdict": "", "fate": "not reported", "reply": report.said }))
        .collect();
    parts.store.record(LedgerRow {
        queue_id: about.queue_id.to_owned(),
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
    (queue_id, about): (&str, &About<'_>),
    composed: Composed,
    home: Home,
    notices: &mut Notices,
) {
    let content = Bytes::from(composed.content);
    if !home.targets.is_empty() {
        // RFC 5321 §4.4: Return-Path at the final delivery.
        let top = waxwing_mail::return_path(&ReversePath::Null);
        let content: Bytes = [top.as_bytes(), &content].concat().into();
        let outline = Outline::read(&content);
        let delivery = Delivery {
            summary: outline.summary,
            thread: outline.thread,
            content,
            targets: home.targets,
            internal_date: now_millis(),
            internal_offset: 0,
            ledger: None,
        };
        notices.deposit(delivery, home.filed);
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
        // RFC 8689 §5: protected like the message.
        require_tls: about.require_tls,
        // RFC 6710 §4.6.
        priority: about.priority,
        content,
        utf8: composed.utf8,
        eight_bit: composed.eight_bit,
    };
    notices.outgoing.extend(own::outgoing(parts, own).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_needs_utf8_for_its_recipient_or_its_header() {
        let needs = |to: &str, content: &str| needs_utf8(&to.parse().unwrap(), content.as_bytes());
        let (bob, header) = ("bob@example.net", "From: alice@waxwing.test\r\n");
        assert!(!needs(bob, &format!("{header}\r\nGr\u{fc}\u{df}e\r\n")));
        assert!(needs("b\u{f6}b@example.net", &format!("{header}\r\n")));
        assert!(needs(bob, "From: \u{e4}lice@waxwing.test\r\n\r\nhello\r\n"));
        assert!(needs(bob, "From: \u{e4}lice@waxwing.test\r\n"));
    }

    #[test]
    fn what_is_told_follows_where_it_went() {
        let told = [(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2)];
        assert_eq!(
            told.map(|(copies, onward)| led(copies, onward)),
            [
                None,
                None,
                Some(Action::Delivered),
                Some(Action::Delivered),
                Some(Action::Expanded),
                Some(Action::Expanded),
            ]
        );
    }
}
