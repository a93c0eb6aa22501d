//! What is written down about a message: its Received field and its row of the ledger.

use serde::Serialize;
use waxwing_mail::{Received, Reply, With};
use waxwing_policy::{LeanLedger, Transaction};
use waxwing_smtp::Message;
use waxwing_store::LedgerRow;

use super::super::fields::Header;
use super::super::gate::Gate;
use super::deliver::{Fate, Judged};

/// The row of a message, as far as it is known before it is judged.
pub(super) struct Record<'a> {
    gate: &'a Gate,
    queue_id: &'a str,
    message: &'a Message,
    header: &'a Header,
}

/// The row's JSON.
#[derive(Serialize)]
struct Row<'a> {
    envelope: Facts<'a>,
    recipients: Vec<Recipient>,
    policy: LeanLedger<'a>,
}

#[derive(Serialize)]
struct Facts<'a> {
    session: u64,
    listener: &'a str,
    client: String,
    helo: &'a str,
    tls: Option<String>,
    login: Option<&'a str>,
    sender: String,
    size: u64,
}

#[derive(Serialize)]
struct Recipient {
    address: String,
    verdict: &'static str,
    fate: &'static str,
    filed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    onward: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
}

impl<'a> Record<'a> {
    pub(super) fn new(
        gate: &'a Gate,
        queue_id: &'a str,
        message: &'a Message,
        header: &'a Header,
    ) -> Self {
        Self {
            gate,
            queue_id,
            message,
            header,
        }
    }

    /// The row of a judged message.
    pub(super) fn row(&self, policy: &Transaction, judged: &[Judged]) -> LedgerRow {
        let recipients = judged.iter().map(|judged| {
            let (fate, reply) = match &judged.fate {
                Fate::Keep(_) if judged.filed.is_empty() => ("queued", None),
                Fate::Keep(_) => ("filed", None),
                Fate::Drop => ("dropped", None),
                Fate::Refuse(reply) => ("refused", Some(reply.to_string())),
            };
            Recipient {
                address: judged.address.clone(),
                verdict: judged.verdict,
                fate,
                filed: judged
                    .filed
                    .iter()
                    .map(|filed| format!("{} {}", filed.account, filed.mailbox))
                    .collect(),
                onward: judged
                    .onward
                    .iter()
                    .map(|onward| onward.address.to_string())
                    .collect(),
                reply,
            }
        });
        self.write(policy, outcome(judged), recipients.collect())
    }

    /// Writes the row of a message that was refused before it was judged.
    pub(super) fn refused(&self, policy: &Transaction, reply: &Reply) {
        let recipients = self
            .message
            .envelope
            .recipients
            .iter()
            .map(|recipient| Recipient {
                address: recipient.path.to_string(),
                verdict: "",
                fate: "refused",
                filed: Vec::new(),
                onward: Vec::new(),
                reply: Some(reply.to_string()),
            });
        let row = self.write(policy, "refused", recipients.collect());
        self.gate.parts().store.record(row);
        self.tried(policy);
    }

    /// Has what shadow steps say written down, too, once they have said it: the message does not wait for them.
    pub(super) fn tried(&self, policy: &Transaction) {
        if let Some(tried) = policy.tried() {
            let store = &self.gate.parts().store;
            super::super::tried::record(tried, store, self.queue_id, &self.header.message_id);
        }
    }

    fn write(&self, policy: &Transaction, outcome: &str, recipients: Vec<Recipient>) -> LedgerRow {
        let ledger = policy.ledger();
        let caller = self.gate.caller();
        let peer = &self.message.peer;
        let envelope = Facts {
            session: caller.id,
            listener: &caller.door.name,
            client: caller.client.to_string(),
            helo: &peer.helo,
            tls: caller
                .tls
                .as_ref()
                .map(|tls| format!("{} {}", tls.version, tls.cipher)),
            login: peer
                .identity
                .as_ref()
                .map(|identity| identity.account.as_ref()),
            sender: self.message.envelope.sender.to_string(),
            size: self.message.size,
        };
        let row = Row {
            envelope,
            recipients,
            policy: ledger.lean(),
        };
        LedgerRow {
            queue_id: self.queue_id.to_owned(),
            message_id: self.header.message_id.clone(),
            at: super::super::now_millis(),
            generation: ledger.generation,
            outcome: outcome.to_owned(),
            // Plain data with string keys always has a JSON form.
            json: serde_json::to_string(&row).unwrap_or_default(),
            roster: Some(super::super::roster(&ledger)),
        }
    }
}

/// One word for all recipients: the best that happened.
fn outcome(judged: &[Judged]) -> &'static str {
    let kept = |judged: &&Judged| matches!(judged.fate, Fate::Keep(_));
    if let Some(first) = judged.iter().find(kept) {
        let filed = !first.filed.is_empty()
            || judged
                .iter()
                .filter(kept)
                .any(|judged| !judged.filed.is_empty());
        return if filed { "delivered" } else { "queued" };
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
        priority: message.envelope.priority,
        at: &at,
    };
    field.to_string()
}
