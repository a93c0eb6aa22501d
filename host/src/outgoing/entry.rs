//! A message on its way into the queue: what the store keeps of it, and what each attempt has again.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use waxwing_mail::{
    Body, ByMode, Envelope, Identity, Notify as Asked, Recipient, Release, Return, ReversePath,
};
use waxwing_store::{
    BodyKind, DeliverBy, NewRecipient, Notify, Outgoing, QueueEnvelope, ReturnContent,
};

use crate::answer::fields::Header;
use crate::answer::now_millis;
use crate::config::Queue;

/// A message with its envelope and those of its recipients that go on.
pub(crate) struct Entry<'a> {
    pub(crate) queue_id: &'a str,
    pub(crate) envelope: &'a Envelope,
    /// The reverse path under which it goes on.
    pub(crate) sender: &'a ReversePath,
    /// Each with what it is scheduled under.
    pub(crate) recipients: Vec<(&'a Recipient, String)>,
    pub(crate) identity: Option<&'a Identity>,
    /// -9 to 9, as policy says.
    pub(crate) priority: i8,
    pub(crate) tags: &'a [(String, String)],
    pub(crate) content: Bytes,
    /// It waits for an operator.
    pub(crate) held: bool,
}

/// What the store keeps for the queue without looking at it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Context {
    /// Account, account acted as, mechanism.
    pub(super) identity: Option<(String, String, String)>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) message_id: String,
    /// TLS-Required: No (RFC 8689 §3).
    pub(super) tls_optional: bool,
    /// When a message that was held back is released (RFC 4865), milliseconds of Unix time; 0: it was not.
    pub(super) released: i64,
}

impl Entry<'_> {
    /// As the store takes it.
    pub(crate) fn outgoing(self, limits: &Queue) -> Outgoing {
        let now = now_millis();
        let due = match self.envelope.release {
            None => now,
            // RFC 4865 §4: not before.
            Some(Release::After(wait)) => now.saturating_add(millis(wait)),
            Some(Release::At(moment)) => moment.as_millisecond().max(now),
        };
        let header = Header::read(&self.content);
        let context = Context {
            identity: self.identity.map(|identity| {
                let texts = [
                    &identity.account,
                    &identity.authorised_as,
                    &identity.mechanism,
                ];
                let [account, acting, mechanism] = texts.map(|text| text.to_string());
                (account, acting, mechanism)
            }),
            tags: self.tags.to_vec(),
            message_id: header.message_id,
            // RFC 8689 §4.1: the parameter counts, not the field.
            tls_optional: header.tls_optional && !self.envelope.require_tls,
            released: if due > now { due } else { 0 },
        };
        let envelope = QueueEnvelope {
            queue_id: self.queue_id.to_owned(),
            sender: self
                .sender
                .address()
                .map(ToString::to_string)
                .unwrap_or_default(),
            ret: match self.envelope.ret {
                None => ReturnContent::NotAsked,
                Some(Return::Full) => ReturnContent::Full,
                Some(Return::Headers) => ReturnContent::Headers,
            },
            envid: self
                .envelope
                .id
                .as_ref()
                .map(|id| id.as_str().to_owned())
                .unwrap_or_default(),
            body: body(self.envelope.body, &self.content),
            smtp_utf8: self.envelope.smtputf8,
            require_tls: self.envelope.require_tls,
            priority: self.priority,
            deliver_by: self.envelope.deliver_by.map(|by| DeliverBy {
                // RFC 2852 §4: the time to deliver it in. While it is held back as its sender wants (RFC 4865) it is not delivered, and
                // the time does not run.
                at: due.saturating_add(by.seconds.saturating_mul(1000)),
                give_up: by.mode == ByMode::Return,
                trace: by.trace,
            }),
            received: now,
            expires: due.saturating_add(millis(limits.expire.duration())),
            context: context.encode(),
        };
        Outgoing {
            content: self.content,
            envelope,
            recipients: self.recipients.into_iter().filter_map(recipient).collect(),
            due,
            held: self.held,
        }
    }
}

impl Context {
    /// What it is kept as; tags that do not fit are left out.
    fn encode(mut self) -> String {
        // Plain data with string keys always has a JSON form.
        let mut text = serde_json::to_string(&self).unwrap_or_default();
        if text.len() > waxwing_store::MAX_CONTEXT {
            self.tags.clear();
            text = serde_json::to_string(&self).unwrap_or_default();
        }
        text
    }

    /// Of what was kept.
    pub(super) fn decode(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// What the content needs: some clients send octets above 127 and do not say so.
fn body(said: Body, content: &[u8]) -> BodyKind {
    match said {
        Body::BinaryMime => BodyKind::Binary,
        Body::EightBitMime => BodyKind::EightBit,
        Body::SevenBit if content.is_ascii() => BodyKind::SevenBit,
        Body::SevenBit => BodyKind::EightBit,
    }
}

fn recipient((recipient, destination): (&Recipient, String)) -> Option<NewRecipient> {
    let notify = match recipient.notify {
        None => Notify::NOT_ASKED,
        Some(Asked::Never) => Notify::NEVER,
        Some(Asked::When {
            success,
            failure,
            delay,
        }) => {
            let bit = |wanted, bit: Notify| if wanted { bit.0 } else { 0 };
            Notify(
                bit(success, Notify::SUCCESS)
                    | bit(failure, Notify::FAILURE)
                    | bit(delay, Notify::DELAY),
            )
        }
    };
    Some(NewRecipient {
        address: recipient.path.address()?.to_string(),
        destination,
        notify,
        orcpt: recipient
            .original
            .as_ref()
            .map(|original| format!("{};{}", original.kind(), original.address()))
            .unwrap_or_default(),
    })
}

pub(super) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use waxwing_mail::DeliverBy as By;

    use super::*;

    #[test]
    fn the_time_to_deliver_in_begins_when_the_message_is_released() {
        let mut envelope = Envelope::new(ReversePath::Null);
        envelope.release = Some(Release::After(Duration::from_secs(3600)));
        envelope.deliver_by = Some(By {
            seconds: 60,
            mode: ByMode::Return,
            trace: false,
        });
        let entry = Entry {
            queue_id: "Q1",
            envelope: &envelope,
            sender: &ReversePath::Null,
            recipients: Vec::new(),
            identity: None,
            priority: 0,
            tags: &[],
            content: Bytes::from_static(b"Subject: x\r\n\r\n"),
            held: false,
        };
        let outgoing = entry.outgoing(&Queue::default());
        let by = outgoing.envelope.deliver_by.unwrap();
        assert_eq!(by.at, outgoing.due + 60_000);
        let context = Context::decode(&outgoing.envelope.context);
        assert_eq!(context.released, outgoing.due);
    }
}
