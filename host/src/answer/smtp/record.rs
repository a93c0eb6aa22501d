//! What is written down about a message: its Received field and its row of the ledger.

use serde_json::{Value, json};
use waxwing_mail::{Received, Reply, With};
use waxwing_policy::Transaction;
use waxwing_smtp::Message;
use waxwing_store::LedgerRow;

use super::super::fields::Header;
use super::super::gate::Gate;
use super::deliver::{Fate, Judged};

/// The row of a message, as far as it is known before it is judged.
pub(super) struct Record<'a> {
    gate: &'a Gate,
    queue_id: String,
    message_id: String,
    facts: Value,
    recipients: Vec<String>,
}

impl<'a> Record<'a> {
    pub(super) fn new(gate: &'a Gate, queue_id: &str, message: &Message, header: &Header) -> Self {
        let caller = gate.caller();
        let facts = json!({
            "session": caller.id,
            "listener": caller.door.name.as_ref(),
            "client": caller.client.to_string(),
            "helo": message.peer.helo.as_ref(),
            "tls": caller.tls.as_ref().map(|tls| format!("{} {}", tls.version, tls.cipher)),
            "login": message.peer.identity.as_ref().map(|identity| identity.account.as_ref()),
            "sender": message.envelope.sender.to_string(),
            "size": message.size,
        });
        let recipients = message
            .envelope
            .recipients
            .iter()
            .map(|recipient| recipient.path.to_string());
        Self {
            gate,
            queue_id: queue_id.to_owned(),
            message_id: header.message_id.clone(),
            facts,
            recipients: recipients.collect(),
        }
    }

    /// The row of a judged message.
    pub(super) fn row(&self, policy: &Transaction, judged: &[Judged]) -> LedgerRow {
        let recipient = |judged: &Judged| {
            let (fate, reply) = match &judged.fate {
                Fate::File(_) => ("filed", None),
                Fate::Drop => ("dropped", None),
                Fate::Refuse(reply) => ("refused", Some(reply.to_string())),
            };
            json!({ "address": judged.address, "verdict": judged.verdict, "fate": fate, "filed": judged.filed, "reply": reply })
        };
        self.write(
            policy,
            outcome(judged),
            judged.iter().map(recipient).collect(),
        )
    }

    /// Writes the row of a message that was refused before it was judged.
    pub(super) fn refused(&self, policy: &Transaction, reply: &Reply) {
        let recipient = |address: &String| json!({ "address": address, "fate": "refused", "reply": reply.to_string() });
        let recipients = self.recipients.iter().map(recipient).collect();
        let row = self.write(policy, "refused", recipients);
        self.gate.parts().store.record(row);
    }

    fn write(&self, policy: &Transaction, outcome: &str, recipients: Vec<Value>) -> LedgerRow {
        let ledger = policy.ledger();
        let generation = ledger.generation;
        let json = json!({ "envelope": self.facts, "recipients": recipients, "policy": ledger });
        LedgerRow {
            queue_id: self.queue_id.clone(),
            message_id: self.message_id.clone(),
            at: super::super::now_millis(),
            generation,
            outcome: outcome.to_owned(),
            json: json.to_string(),
        }
    }
}

/// One word for all recipients: the best that happened.
fn outcome(judged: &[Judged]) -> &'static str {
    if judged
        .iter()
        .any(|judged| matches!(judged.fate, Fate::File(_)))
    {
        return "delivered";
    }
    if judged
        .iter()
        .any(|judged| matches!(judged.fate, Fate::Drop))
    {
        return "discarded";
    }
    let transient =
        |judged: &Judged| matches!(&judged.fate, Fate::Refuse(reply) if reply.code.is_transient());
    if judged.iter().any(transient) {
        "deferred"
    } else {
        "refused"
    }
}

/// The Received field (RFC 5321 §4.4).
pub(super) fn received(gate: &Gate, queue_id: &str, message: &Message) -> String {
    let caller = gate.caller();
    let recipient = match message.envelope.recipients.as_slice() {
        [only] => only.path.address().map(ToString::to_string),
        _ => None,
    };
    let at = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let field = Received {
        helo: &message.peer.helo,
        client_name: None,
        client: caller.client.ip(),
        by: &gate.parts().config.hostname,
        with: With {
            protocol: gate.protocol(),
            esmtp: message.peer.esmtp,
            tls: message.peer.tls,
            authenticated: message.peer.identity.is_some(),
            smtputf8: message.envelope.smtputf8,
        },
        cipher: caller.tls.as_ref().map(|tls| tls.cipher.as_str()),
        id: queue_id,
        recipient: recipient.as_deref(),
        at: &at,
    };
    field.to_string()
}
