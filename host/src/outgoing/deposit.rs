//! Mail for mailboxes here that was held back: when its time has come, it is led into them.
//!
//! Standards: RFC 4865 §4 (future release), RFC 5321 §4.4 (Return-Path), RFC 3461 §5.2.3 (delivered), §5.2.7.2 and §5.2.7.3 (led on).
//! Invariant: the copies, the reports and the end of the leg are one commit.

use std::sync::Arc;

use bytes::Bytes;
use waxwing_mail::{ForwardPath, Recipient, Reply};
use waxwing_policy::Outbound;
use waxwing_queue::attempt::{Failure, Fate, Said};
use waxwing_store::{Delivery, Leased, Target};

use super::home::{self, Home, Letter};
use super::judge::Led;
use super::notice::{self, Notices};
use super::settle::{Ended, Written, settle};
use super::worker::Worker;
use super::{Entry, facts, heard};
use crate::answer::fields::Header;
use crate::answer::filing::Filed;
use crate::answer::now_millis;
use crate::answer::smtp::respond::{self, Wished};

/// What such mail is scheduled under; no domain is called so.
pub(crate) const HERE: &str = "here:";
/// How long a leg waits after trouble of our own.
const TROUBLE: i64 = 60_000;

/// Where all recipients lead.
#[derive(Default)]
struct All {
    targets: Vec<Target>,
    filed: Vec<Filed>,
    onward: Vec<Recipient>,
    led: Vec<(usize, Led)>,
    responses: Vec<Wished>,
}

/// Leads the recipients of a leg into their mailboxes.
pub(super) async fn deposit(worker: &Worker, leg: &Arc<Leased>, now: i64) {
    let parts = &worker.parts;
    let content = match parts.store.queued_content(leg.message.blob).await {
        Ok(content) => content,
        Err(error) => {
            tracing::error!(leg = leg.leg.0, %error, "a queued message could not be read");
            worker.give_back([&**leg], now + TROUBLE).await;
            return;
        }
    };
    let mut all = All::default();
    let envelope = &leg.message.envelope;
    let sender = facts::sender(envelope);
    for (place, queued) in leg.recipients.iter().enumerate() {
        let letter = Letter {
            queue_id: &envelope.queue_id,
            sender: &sender,
            smtputf8: envelope.smtp_utf8,
            size: Some(leg.message.size),
        };
        let recipient = facts::recipient(queued);
        let home = home::of(parts, letter, &recipient).await;
        all.take(place, &recipient, home);
    }
    let notices = match stored(worker, leg, &content, &mut all).await {
        Ok(notices) => notices,
        Err(reply) => {
            all.responses.clear();
            all.led
                .iter_mut()
                .for_each(|(_, one)| *one = not_led(fate(&reply)));
            Notices::default()
        }
    };
    let mut ended = Ended::new(leg, now);
    ended.deposited(all.led, notices);
    let mut policy = Outbound::new(parts.policy.current(), facts::outbound(leg));
    match settle(worker, &mut ended, &mut policy, false).await {
        Written::Recorded => {
            let about = (&sender, &Header::read(&content));
            respond::to_sender(parts, 0, about, all.responses.iter()).await;
        }
        Written::Lost => {}
        Written::NotStored => {
            let all = (0..leg.recipients.len()).map(|place| (place, not_led(not_stored())));
            ended.deposited(all.collect(), Notices::default());
            settle(worker, &mut ended, &mut policy, false).await;
        }
    }
}

fn not_led(fate: Fate) -> Led {
    Led { fate, action: None }
}

/// It is tried again, for as long as the queue tries anything.
fn not_stored() -> Fate {
    Fate::Transient(Failure {
        // RFC 3463 §3.4: other or undefined mail system status.
        status: "4.3.0".to_owned(),
        said: "it could not be stored".to_owned(),
        by_server: false,
    })
}

impl All {
    fn take(&mut self, place: usize, recipient: &Recipient, home: Result<Home, Reply>) {
        let led = match home {
            Ok(home) => {
                let action = notice::led(home.targets.len(), home.onward.len());
                let notify = match action {
                    // RFC 3461 §5.2.7.2: what leads to one address elsewhere is reported from there.
                    None => recipient.notify,
                    // RFC 3461 §5.2.7.3 (c).
                    Some(_) => recipient.notify.map(waxwing_mail::Notify::without_success),
                };
                self.onward
                    .extend(home.onward.into_iter().map(|to| Recipient {
                        path: ForwardPath::Address(to),
                        notify,
                        ..recipient.clone()
                    }));
                for (target, filed) in home.targets.into_iter().zip(home.filed) {
                    // One copy in a mailbox, however many recipients lead to it.
                    let same = |known: &Target| {
                        known.account == target.account && known.mailbox == target.mailbox
                    };
                    if !self.targets.iter().any(same) {
                        self.targets.push(target);
                        self.filed.push(filed);
                    }
                }
                self.responses.extend(home.responses);
                let fate = Fate::Relayed(Said {
                    code: 250,
                    text: "delivered".to_owned(),
                });
                Led { fate, action }
            }
            Err(reply) => not_led(fate(&reply)),
        };
        self.led.push((place, led));
    }
}

fn fate(reply: &Reply) -> Fate {
    let said = heard::said(reply);
    let failure = Failure {
        status: said.status(),
        said: format!("{} {}", said.code, said.text),
        by_server: false,
    };
    if reply.code.is_permanent() {
        Fate::Permanent(failure)
    } else {
        Fate::Transient(failure)
    }
}

/// What the commit stores, and what it queues of those who are led on.
async fn stored(
    worker: &Worker,
    leg: &Leased,
    content: &Bytes,
    all: &mut All,
) -> Result<Notices, Reply> {
    let parts = &worker.parts;
    let mut notices = Notices::default();
    let sender = facts::sender(&leg.message.envelope);
    if !all.targets.is_empty() {
        // RFC 5321 §4.4: Return-Path at the final delivery.
        let top = waxwing_mail::return_path(&sender);
        let content: Bytes = [top.as_bytes(), content].concat().into();
        let outline = crate::answer::outline(&content).await;
        let delivery = Delivery {
            summary: outline.summary,
            thread: outline.thread,
            content,
            targets: std::mem::take(&mut all.targets),
            internal_date: now_millis(),
            internal_offset: 0,
            ledger: None,
        };
        notices.deposit(delivery, std::mem::take(&mut all.filed));
    }
    if all.onward.is_empty() {
        return Ok(notices);
    }
    let mut envelope = facts::envelope(leg, &[], now_millis());
    envelope.recipients = std::mem::take(&mut all.onward);
    let forwarder = parts.forwarder(&sender).await?;
    let domain = |recipient: &Recipient| {
        let address = recipient.path.address();
        address.map_or_else(String::new, |address| address.domain().as_str().to_owned())
    };
    let recipients = envelope.recipients.iter();
    let entry = Entry {
        queue_id: &leg.message.envelope.queue_id,
        envelope: &envelope,
        sender: &forwarder,
        recipients: recipients.map(|one| (one, domain(one))).collect(),
        identity: None,
        priority: leg.message.envelope.priority,
        tags: &[],
        content: content.clone(),
        held: false,
    };
    notices.outgoing.push(entry.outgoing(&parts.config.queue));
    Ok(notices)
}
