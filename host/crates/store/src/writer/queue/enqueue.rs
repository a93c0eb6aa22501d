//! Putting a message into the queue: rows that go out with the commit, like those of a delivery.

use std::collections::{BTreeMap, BTreeSet};

use super::super::buffers::{Write, signed};
use super::super::transaction::Transaction;
use crate::database::Value;
use crate::queue::{
    BodyKind, LeaseTerms, Leased, NewRecipient, QueueEnvelope, QueuedMessage, QueuedRecipient,
    ReturnContent,
};
use crate::statement::{Rows, Sql};
use crate::{BlobId, LeaseId, LegId, Result};

static INSERT_MESSAGES: Sql = Sql::new(
    "INSERT INTO queue_messages (id, queue_id, blob, size, received, sender, ret, envid, body, smtp_utf8, require_tls, priority,
     deliver_by, deliver_by_mode, expires, context)
     SELECT r.id, r.queue_id, r.blob, r.size, r.received, r.sender, r.ret, r.envid, r.body, r.smtp_utf8, r.require_tls, r.priority,
     r.deliver_by, r.deliver_by_mode, r.expires, r.context
     FROM {1: id i, queue_id t, blob i, size i, received i, sender t, ret i, envid t, body i, smtp_utf8 i, require_tls i, priority i,
     deliver_by i, deliver_by_mode i, expires i, context t} AS r",
);
static INSERT_LEGS: Sql = Sql::new(
    "INSERT INTO queue_legs (id, message, destination, lane, state, due, lease, owner, attempts, delayed, tried, said)
     SELECT r.id, r.message, r.destination, r.lane, r.state, r.due, r.lease, r.owner, 0, 0, 0, ''
     FROM {1: id i, message i, destination t, lane i, state i, due i, lease i, owner t} AS r",
);
static INSERT_RECIPIENTS: Sql = Sql::new(
    "INSERT INTO queue_recipients (message, number, leg, state, notify, address, orcpt, said)
     SELECT r.message, r.number, r.leg, 0, r.notify, r.address, r.orcpt, ''
     FROM {1: message i, number i, leg i, notify i, address t, orcpt t} AS r",
);

static END: [Sql; 4] = [
    Sql::new("DELETE FROM queue_recipients WHERE message IN (SELECT r.id FROM {1: id i} AS r)"),
    Sql::new("DELETE FROM queue_attempts WHERE message IN (SELECT r.id FROM {1: id i} AS r)"),
    Sql::new("DELETE FROM queue_legs WHERE message IN (SELECT r.id FROM {1: id i} AS r)"),
    Sql::new("DELETE FROM queue_messages WHERE id IN (SELECT r.id FROM {1: id i} AS r)"),
];

/// A message to be queued, beside the content that it has with its form.
#[derive(Debug)]
pub(crate) struct Enqueue {
    pub(crate) envelope: QueueEnvelope,
    pub(crate) recipients: Vec<NewRecipient>,
    pub(crate) due: i64,
    pub(crate) held: bool,
    /// Its legs are leased at once.
    pub(crate) lease: Option<LeaseTerms>,
}

/// Rows of the queue that wait for the commit.
#[derive(Debug, Default)]
pub(crate) struct QueueRows {
    messages: Rows,
    legs: Rows,
    recipients: Rows,
    /// Messages that end.
    ended: BTreeSet<i64>,
}

impl QueueRows {
    /// A message ends with all that belongs to it but its content.
    pub(super) fn end(&mut self, message: i64) {
        self.ended.insert(message);
    }

    /// Whether a message ends with this commit.
    pub(super) fn is_ended(&self, message: i64) -> bool {
        self.ended.contains(&message)
    }

    fn message(&mut self, id: i64, blob: BlobId, size: u64, envelope: &QueueEnvelope) {
        let e = envelope;
        let ret = match e.ret {
            ReturnContent::NotAsked => 0,
            ReturnContent::Full => 1,
            ReturnContent::Headers => 2,
        };
        let body = match e.body {
            BodyKind::SevenBit => 0,
            BodyKind::EightBit => 1,
            BodyKind::Binary => 2,
        };
        let (by, mode) = e.deliver_by.map_or((0, 0), |by| {
            let mode = if by.give_up { 1 } else { 2 };
            (by.at, mode + if by.trace { 4 } else { 0 })
        });
        let row = self.messages.row().int(id).str(&e.queue_id).int(blob.0);
        let row = row.int(signed(size)).int(e.received).str(&e.sender);
        let row = row.int(ret).str(&e.envid).int(body);
        let row = row.int(e.smtp_utf8.into()).int(e.require_tls.into());
        let row = row.int(e.priority.into()).int(by).int(mode);
        row.int(e.expires).str(&e.context);
    }

    /// The rows as statements.
    pub(crate) fn take(self, writes: &mut Vec<Write>) {
        for (sql, rows) in [
            (&INSERT_MESSAGES, self.messages),
            (&INSERT_LEGS, self.legs),
            (&INSERT_RECIPIENTS, self.recipients),
        ] {
            if !rows.is_empty() {
                writes.push((sql, vec![rows.into()]));
            }
        }
        if !self.ended.is_empty() {
            let ended: Value = Rows::of_ints(self.ended).into();
            writes.extend(END.each_ref().map(|sql| (sql, vec![ended.clone()])));
        }
    }
}

impl Enqueue {
    /// Bytes that it brings.
    pub(crate) fn weight(&self) -> usize {
        let of = |r: &NewRecipient| r.address.len() + r.destination.len() + r.orcpt.len() + 32;
        self.envelope.context.len() + self.recipients.iter().map(of).sum::<usize>()
    }

    /// Fills the rows; the content is written by the caller, with a reference for this message.
    pub(crate) async fn apply(
        &self,
        transaction: &mut Transaction,
        blob: BlobId,
        size: u64,
    ) -> Result<(Vec<LegId>, Vec<Leased>)> {
        let mut by_destination: BTreeMap<&str, Vec<(usize, &NewRecipient)>> = BTreeMap::new();
        for (number, recipient) in self.recipients.iter().enumerate() {
            let of = by_destination.entry(&recipient.destination).or_default();
            of.push((number, recipient));
        }
        let message = transaction.ids(by_destination.len() + 1).await?;
        let queue = &mut transaction.buffers.queue;
        queue.message(message, blob, size, &self.envelope);
        let lane = 9 - i64::from(self.envelope.priority.clamp(-9, 9));
        let mut legs = Vec::with_capacity(by_destination.len());
        let mut leased = Vec::new();
        // The message's number is that of no other lease: they are all of one sequence.
        let lease = self.lease.as_ref().map(|terms| (LeaseId(message), terms));
        for (leg, (destination, recipients)) in (message + 1..).zip(by_destination) {
            let row = queue.legs.row().int(leg).int(message).str(destination);
            let row = row.int(lane).int(self.held.into());
            match lease {
                None => row.int(self.due).int(0).str(""),
                Some((id, terms)) => row.int(terms.until).int(id.0).str(&terms.owner),
            };
            if let Some((lease, terms)) = lease {
                leased.push(Leased {
                    leg: LegId(leg),
                    lease,
                    until: terms.until,
                    destination: destination.to_owned(),
                    attempts: 0,
                    message: QueuedMessage {
                        envelope: self.envelope.clone(),
                        size,
                        blob,
                    },
                    recipients: recipients.iter().map(queued).collect(),
                    owed: Vec::new(),
                });
            }
            for (number, recipient) in recipients {
                let row = queue.recipients.row().int(message).int(signed(number));
                let row = row.int(leg).int(recipient.notify.0.into());
                row.str(&recipient.address).str(&recipient.orcpt);
            }
            legs.push(LegId(leg));
        }
        if !self.held && self.lease.is_none() {
            transaction.change_queue();
        }
        Ok((legs, leased))
    }
}

/// A recipient as it is read with its leg.
fn queued((number, recipient): &(usize, &NewRecipient)) -> QueuedRecipient {
    QueuedRecipient {
        number: u32::try_from(*number).unwrap_or(u32::MAX),
        address: recipient.address.clone(),
        notify: recipient.notify,
        orcpt: recipient.orcpt.clone(),
        said: String::new(),
        delay_told: 0,
    }
}
