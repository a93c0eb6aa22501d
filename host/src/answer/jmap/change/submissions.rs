//! What is sent, and what has become of it (RFC 8621 §7).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use waxwing_jmap::{
    Addressed, Delivered, EmailId, Envelope, IdentityId, KeptChange, NotKept, Piece, Refusal,
    Sendable, Submission, SubmissionId, ThreadId, Undo,
};
use waxwing_mail::Reply;
use waxwing_message::{AddressItem, Summary, header};
use waxwing_store::{
    BlobId, Error, LegState, QueueEntry, Recalled, RecipientState, Record, RecordKind, Seen,
};

use super::super::asks::Asks;
use super::super::visitor::identity;
use super::sending::{Outcome, fresh, kept_change, signed};
use crate::answer::now_millis;
use crate::answer::smtp::submit::{Path, Refused, Taken, submit};
use crate::telemetry::Reference;

/// Submissions that the queue is asked about at once.
const TOGETHER: usize = 100;

/// A submission as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    identity: u64,
    email: u64,
    thread: u64,
    mail_from: Address,
    rcpt_to: Vec<Address>,
    send_at: i64,
    queue_id: String,
    canceled: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Address {
    email: String,
    parameters: Option<Vec<(String, Option<String>)>>,
}

impl From<Addressed> for Address {
    fn from(of: Addressed) -> Self {
        let Addressed { email, parameters } = of;
        Self { email, parameters }
    }
}

impl From<Address> for Addressed {
    fn from(of: Address) -> Self {
        let Address { email, parameters } = of;
        Self { email, parameters }
    }
}

impl Asks<'_> {
    pub(super) async fn sendable(&self, email: EmailId) -> Result<Option<Sendable>, Error> {
        let Some(seen) = self.seen(email).await? else {
            return Ok(None);
        };
        let parts = &self.visitor.parts;
        let blob = BlobId(signed(email.0));
        let head = match parts.store.read_blob(blob, 0, header::MAX_HEADER).await {
            Ok(head) => head,
            // It went meanwhile.
            Err(Error::NoSuchBlob(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let limits = &parts.config.limits;
        Ok(Some(Sendable {
            thread: seen.thread.unsigned_abs(),
            size: seen.size,
            most_octets: limits.message_size.bytes(),
            most_recipients: u64::from(limits.recipients),
            ..fields(&head)
        }))
    }

    /// A place where an email can be seen.
    async fn seen(&self, email: EmailId) -> Result<Option<Seen>, Error> {
        let store = &self.visitor.parts.store;
        let blob = BlobId(signed(email.0));
        let sighting = store.sight(self.account.id, &HashSet::from([blob])).await?;
        let mut places = sighting.places(blob).iter();
        Ok(places.find(|seen| !seen.deleted).copied())
    }

    pub(super) async fn submit(
        &self,
        (email, thread, under): (EmailId, ThreadId, IdentityId),
        envelope: Envelope,
    ) -> Outcome {
        if self.seen(email).await?.is_none() {
            return Ok(Err(NotKept::Refused(Refusal::NotFound)));
        }
        let whole = waxwing_jmap::BlobId::Whole(waxwing_jmap::ContentId(email.0));
        let (content, _memory) = match self.raw(whole).await? {
            Ok(content) => content,
            Err(refusal) => return Ok(Err(NotKept::Refused(refusal))),
        };
        let submission = match commands(&envelope, content) {
            Ok(submission) => submission,
            Err(refused) => return Ok(Err(refused)),
        };
        let number = fresh();
        let Envelope { mail_from, rcpt_to } = envelope;
        let sent = Sent {
            identity: under.0,
            email: email.0,
            thread: thread.0,
            mail_from: mail_from.into(),
            rcpt_to: rcpt_to.into_iter().map(Address::from).collect(),
            send_at: 0,
            queue_id: String::new(),
            canceled: false,
        };
        let gate = self.visitor.gate(self.account).await;
        let most = self.visitor.parts.config.limits.message_size.bytes();
        let taken = submit(gate, identity(self.account), submission, |about| {
            let sent = Sent {
                send_at: about.send_at,
                queue_id: about.queue_id.to_owned(),
                ..sent
            };
            Some(self.record(RecordKind::Submission, number, &sent))
        });
        match Box::pin(taken).await {
            Ok(taken) => Ok(Ok(self.taken(number, &taken).await)),
            // Its record came with it, if the commit was made and only the answer to it was lost.
            Err(Refused::Message(reply)) if reply.code.is_transient() => {
                match self.kept(number).await {
                    Ok(Some(record)) => Ok(Ok(was_taken(number, &record))),
                    Ok(None) => Ok(Err(refused(Refused::Message(reply), most))),
                    Err(error) => Err(Error::Uncertain(Arc::new(error))),
                }
            }
            Err(error) => Ok(Err(refused(error, most))),
        }
    }

    /// Sends a message that is put together here, and of which nothing is kept.
    pub(super) async fn notify(
        &self,
        pieces: Vec<Piece>,
        envelope: Envelope,
    ) -> Result<Result<(), NotKept>, Error> {
        let (content, _memory) = match self.together(pieces).await? {
            Ok(content) => content,
            Err(refusal) => return Ok(Err(NotKept::Refused(refusal))),
        };
        let submission = match commands(&envelope, content) {
            Ok(submission) => submission,
            Err(refused) => return Ok(Err(refused)),
        };
        let gate = self.visitor.gate(self.account).await;
        let most = self.visitor.parts.config.limits.message_size.bytes();
        let taken = submit(gate, identity(self.account), submission, |_| None);
        let taken = Box::pin(taken).await;
        Ok(taken.map(|_| ()).map_err(|error| refused(error, most)))
    }

    /// The record of a submission.
    async fn kept(&self, number: u64) -> Result<Option<Record>, Error> {
        let store = &self.visitor.parts.store;
        let kind = RecordKind::Submission;
        let mut records = store.records(self.account.id, kind).await?.into_iter();
        Ok(records.find(|record| record.id == signed(number)))
    }

    /// What is told of a message that was taken. It goes, whatever becomes of this: without its record the client is told that it was sent,
    /// and the state before, after which it asks.
    async fn taken(&self, number: u64, taken: &Taken) -> KeptChange {
        let record = match self.kept(number).await {
            Ok(record) => record,
            Err(error) => {
                Reference::log("a message was sent, and its record is not read", 0, &error);
                None
            }
        };
        let after = record.map_or(0, |record| record.created);
        KeptChange {
            id: number,
            before: after.saturating_sub(1),
            after,
            send_at: taken.send_at,
            pending: taken.held,
        }
    }

    /// Those that are wanted, or all; `status`: with what has become of their recipients.
    pub(super) async fn submissions(
        &self,
        which: Option<&[SubmissionId]>,
        status: bool,
    ) -> Result<Vec<Submission>, Error> {
        let store = &self.visitor.parts.store;
        let records = store
            .records(self.account.id, RecordKind::Submission)
            .await?;
        let which = which.map(|ids| ids.iter().map(|id| signed(id.0)).collect::<HashSet<_>>());
        let wanted = |record: &&Record| which.as_ref().is_none_or(|it| it.contains(&record.id));
        let sent = |record: &Record| Some((record.id.unsigned_abs(), sent(record)?));
        let mut left: VecDeque<_> = records.iter().filter(wanted).filter_map(sent).collect();
        drop(records);
        let mut list = Vec::with_capacity(left.len());
        let mut here: HashMap<String, bool> = HashMap::new();
        let now = now_millis();
        while !left.is_empty() {
            // A bounded part of the queue in memory at a time.
            let some: Vec<_> = left.drain(..left.len().min(TOGETHER)).collect();
            let ids = some
                .iter()
                .filter(|(_, sent)| self.looked_for(sent, status, now));
            let ids: Vec<&str> = ids.map(|(_, sent)| sent.queue_id.as_str()).collect();
            let mut waiting: HashMap<String, Vec<QueueEntry>> = HashMap::new();
            for entry in store.queued_as(&ids).await? {
                let entries = waiting.entry(entry.queue_id.clone()).or_default();
                entries.push(entry);
            }
            for (number, sent) in some {
                let waiting = waiting.get(&sent.queue_id).map_or(&[][..], Vec::as_slice);
                if status {
                    self.look_up(&sent, waiting, &mut here).await?;
                }
                list.push(shown(number, sent, waiting, status.then_some(&here)));
            }
        }
        Ok(list)
    }

    /// Whether the queue has to be asked what is known of a submission.
    fn looked_for(&self, sent: &Sent, status: bool, now: i64) -> bool {
        // What has left the queue long ago need not be looked for there; what is not held cannot be called back.
        let since = match status {
            true => now - self.kept_in_queue(),
            false => now,
        };
        !sent.canceled && sent.send_at >= since
    }

    /// Finds out which recipients have accounts here, of those of whom nothing else is known.
    async fn look_up(
        &self,
        sent: &Sent,
        waiting: &[QueueEntry],
        here: &mut HashMap<String, bool>,
    ) -> Result<(), Error> {
        if sent.canceled {
            return Ok(());
        }
        let queued = waiting.iter().flat_map(|entry| &entry.recipients);
        let queued: HashSet<String> = queued.map(|it| it.address.to_lowercase()).collect();
        for Address { email, .. } in &sent.rcpt_to {
            if !here.contains_key(email) && !queued.contains(&email.to_lowercase()) {
                let directory = self.visitor.parts.store.directory();
                let account = directory.account(email).await?;
                here.insert(email.clone(), account.is_some());
            }
        }
        Ok(())
    }

    /// For how long something can be in the queue, in milliseconds.
    fn kept_in_queue(&self) -> i64 {
        const MOST: i64 = 30 * 24 * 3600 * 1000;
        MOST
    }

    pub(super) async fn cancel(&self, id: SubmissionId) -> Outcome {
        let store = &self.visitor.parts.store;
        let record = self.kept(id.0).await?;
        let Some(sent) = record.as_ref().and_then(sent) else {
            return Ok(Err(NotKept::Refused(Refusal::NotFound)));
        };
        let queue_id = sent.queue_id.clone();
        let canceled = Sent {
            canceled: true,
            ..sent
        };
        let record = self.record(RecordKind::Submission, id.0, &canceled);
        Ok(match store.recall(&queue_id, record).await? {
            Recalled::Yes(change) => Ok(kept_change(id.0, change)),
            Recalled::No => Err(NotKept::Gone),
        })
    }
}

fn sent(record: &Record) -> Option<Sent> {
    serde_json::from_str(&record.value).ok()
}

/// What is told of a message whose record is all that says it was taken.
fn was_taken(number: u64, record: &Record) -> KeptChange {
    let send_at = sent(record).map_or(0, |sent| sent.send_at);
    KeptChange {
        id: number,
        before: record.created.saturating_sub(1),
        after: record.created,
        send_at,
        pending: send_at > now_millis(),
    }
}

/// A submission with what the queue says of it; `here`: which addresses are those of accounts, if what has become of recipients is wanted.
fn shown(
    number: u64,
    sent: Sent,
    waiting: &[QueueEntry],
    here: Option<&HashMap<String, bool>>,
) -> Submission {
    let tried = |entry: &QueueEntry| {
        let open = |state| matches!(state, RecipientState::Open);
        let leased = matches!(entry.state, LegState::Leased { .. });
        leased || entry.attempts > 0 || !entry.recipients.iter().all(|it| open(it.state))
    };
    let held = sent.send_at > now_millis();
    let undo = match waiting {
        _ if sent.canceled => Undo::Canceled,
        [] => Undo::Final,
        waiting if !held || waiting.iter().any(tried) => Undo::Final,
        _ => Undo::Pending,
    };
    let mut known: HashMap<String, (String, Delivered)> = HashMap::new();
    for recipient in waiting.iter().flat_map(|entry| &entry.recipients) {
        let (said, delivered) = match recipient.state {
            RecipientState::Open => ("250 2.0.0 it is in the queue", Delivered::Queued),
            RecipientState::Relayed => ("250 2.0.0 it was taken", Delivered::Unknown),
            RecipientState::Failed | RecipientState::Removed => {
                ("550 5.0.0 it was given up", Delivered::No)
            }
        };
        let said = match recipient.said.is_empty() {
            true => said.to_owned(),
            false => recipient.said.clone(),
        };
        known.insert(recipient.address.to_lowercase(), (said, delivered));
    }
    let status = sent.rcpt_to.iter().map(|address| {
        let (said, delivered) = match known.get(&address.email.to_lowercase()) {
            Some((said, delivered)) => (said.clone(), *delivered),
            None if sent.canceled => ("550 5.7.0 it was called back".into(), Delivered::No),
            None if here.and_then(|here| here.get(&address.email)) == Some(&true) => {
                ("250 2.1.5 it was taken here".into(), Delivered::Yes)
            }
            // It was handed on, or its sender was told that it could not be.
            None => ("250 2.0.0 it has left the queue".into(), Delivered::Unknown),
        };
        (address.email.clone(), said, delivered)
    });
    Submission {
        id: SubmissionId(number),
        identity: IdentityId(sent.identity),
        email: EmailId(sent.email),
        thread: ThreadId(sent.thread),
        status: match here {
            Some(_) => status.collect(),
            None => Vec::new(),
        },
        envelope: Envelope {
            mail_from: sent.mail_from.into(),
            rcpt_to: sent.rcpt_to.into_iter().map(Addressed::from).collect(),
        },
        send_at: sent.send_at,
        undo,
    }
}

/// What the header of a message says of who sends it to whom.
fn fields(content: &[u8]) -> Sendable {
    let block = content.get(..header::end(content)).unwrap_or_default();
    let mut found = Sendable::default();
    for field in header::fields(block) {
        let read = |name: &str| field.is(name).then(|| addresses(field.raw));
        if let Some(addresses) = read("Sender") {
            found.senders.push(addresses);
        } else if let Some(addresses) = read("From") {
            found.authors.push(addresses);
        } else if let Some(addresses) = ["To", "Cc", "Bcc"].into_iter().find_map(read) {
            found.recipients.extend(addresses);
        }
    }
    found
}

/// The addresses of a field.
fn addresses(field: &[u8]) -> Vec<String> {
    // Its name does not matter to how its value is read.
    let value = field.iter().position(|octet| *octet == b':');
    let value = value
        .and_then(|colon| field.get(colon..))
        .unwrap_or_default();
    let summary = Summary::read(&[b"To", value, b"\r\n\r\n"].concat());
    let address = |item: &AddressItem| match item {
        AddressItem::Mailbox { local, domain, .. } if !domain.is_empty() => {
            Some(format!("{local}@{domain}"))
        }
        _ => None,
    };
    summary.envelope.to.iter().filter_map(address).collect()
}

/// The commands that a submission is.
fn commands(
    envelope: &Envelope,
    content: Bytes,
) -> Result<crate::answer::smtp::submit::Submission, NotKept> {
    let mut sender = path(&envelope.mail_from, true)?;
    let addresses = envelope.rcpt_to.iter().map(|it| it.email.as_str());
    let mut addresses = addresses.chain([envelope.mail_from.email.as_str()]);
    let end = header::end(&content);
    let international = !content.get(..end).unwrap_or_default().is_ascii()
        || addresses.any(|address| !address.is_ascii());
    let has = |name: &str| {
        let given = envelope.mail_from.parameters.iter().flatten();
        given
            .map(|(name, _)| name)
            .any(|it| it.eq_ignore_ascii_case(name))
    };
    for (name, wanted) in [
        ("SMTPUTF8", international),
        ("BODY=8BITMIME", !content.is_ascii() && !has("BODY")),
    ] {
        if wanted && !has(name) {
            sender.parameters.push(' ');
            sender.parameters.push_str(name);
        }
    }
    if !has("SIZE") {
        sender
            .parameters
            .push_str(&format!(" SIZE={}", content.len()));
    }
    let mut wrong = Vec::new();
    let mut recipients = Vec::with_capacity(envelope.rcpt_to.len());
    for address in &envelope.rcpt_to {
        if address.email.parse::<waxwing_mail::Address>().is_err() {
            wrong.push(address.email.clone());
            continue;
        }
        recipients.push(path(address, false)?);
    }
    if !wrong.is_empty() {
        return Err(NotKept::Recipients(wrong, "that is no address".into()));
    }
    Ok(crate::answer::smtp::submit::Submission {
        sender,
        recipients,
        content,
    })
}

/// An address and its parameters as they stand in a command.
fn path(of: &Addressed, sender: bool) -> Result<Path, NotKept> {
    let empty = sender && of.email.is_empty();
    if !empty && of.email.parse::<waxwing_mail::Address>().is_err() {
        return Err(NotKept::Parameters(format!("{:?} is no address", of.email)));
    }
    let mut parameters = String::new();
    for (name, value) in of.parameters.iter().flatten() {
        let token = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if name.is_empty() || !name.bytes().all(token) {
            return Err(NotKept::Parameters(format!("{name:?} is no parameter")));
        }
        parameters.push(' ');
        parameters.push_str(name);
        if let Some(value) = value {
            parameters.push('=');
            parameters.push_str(&written(name, value));
        }
    }
    Ok(Path {
        address: of.email.clone(),
        parameters,
    })
}

/// A value with its encoding (RFC 3461 §4).
fn written(name: &str, value: &str) -> String {
    let encode = waxwing_mail::xtext::encode;
    if name.eq_ignore_ascii_case("ENVID") {
        return encode(value);
    }
    if name.eq_ignore_ascii_case("ORCPT")
        && let Some((kind, address)) = value.split_once(';')
    {
        return format!("{};{}", encode(kind), encode(address));
    }
    // What no value of any other can have in it is shown to be none by its encoding.
    match value.bytes().all(|octet| octet.is_ascii_graphic()) {
        true => value.to_owned(),
        false => encode(value),
    }
}

/// A refusal of the session's, as JMAP has it.
fn refused(of: Refused, most: u64) -> NotKept {
    let too_large = |reply: &Reply| {
        let about = reply.enhanced.map(|status| (status.1, status.2));
        reply.code.get() == 552 || about == Some((3, 4))
    };
    match of {
        Refused::Sender(reply) | Refused::Message(reply) if too_large(&reply) => {
            NotKept::Refused(Refusal::TooLarge(most))
        }
        Refused::Sender(reply) => {
            let text = reply.text.to_string();
            match reply.code.get() {
                501 | 504 | 553 | 555 => NotKept::Parameters(text),
                _ if reply.code.is_transient() => NotKept::Sending(text),
                _ => NotKept::Sender(text),
            }
        }
        Refused::Recipients(refused) => {
            let transient = refused.iter().find(|(_, reply)| reply.code.is_transient());
            match (transient, refused.first()) {
                (Some((_, reply)), _) => NotKept::Sending(reply.text.to_string()),
                (None, first) => {
                    let text = first.map_or_else(String::new, |(_, reply)| reply.text.to_string());
                    let wrong = refused.into_iter().map(|(address, _)| address);
                    NotKept::Recipients(wrong.collect(), text)
                }
            }
        }
        Refused::Message(reply) => {
            let text = reply.text.to_string();
            let about = reply.enhanced.map(|status| (status.1, status.2));
            match about {
                _ if reply.code.is_transient() => NotKept::Sending(text),
                // RFC 3463 §3.8: not authorized. What is looked at last is under whose name it is.
                Some((7, 1)) => NotKept::Authors(text),
                Some((6 | 5, _)) => NotKept::Message(text),
                _ => NotKept::Sending(text),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_all_fields() {
        let content = b"From: A <a@b.test>\r\nTo: b@c.test, \"x, y\" <d@e.test>\r\nTo: us: f@g.test;\r\nBcc: h@i.test\r\n\r\nTo: z@z.test\r\n";
        let found = fields(content);
        assert_eq!(found.authors, [["a@b.test"]]);
        assert_eq!(
            found.recipients,
            ["b@c.test", "d@e.test", "f@g.test", "h@i.test"]
        );
        assert!(found.senders.is_empty());
    }

    #[test]
    fn parameters_are_written_as_they_stand_in_commands() {
        let address = Addressed {
            email: "a@b.test".into(),
            parameters: Some(vec![
                ("HOLDFOR".into(), Some("10".into())),
                ("ENVID".into(), Some("a b=".into())),
                ("REQUIRETLS".into(), None),
            ]),
        };
        let path = path(&address, true).unwrap();
        assert_eq!(path.parameters, " HOLDFOR=10 ENVID=a+20b+3D REQUIRETLS");
        let injected = Addressed {
            email: "a@b.test>\r\nRCPT TO:<c@d.test".into(),
            parameters: None,
        };
        assert!(self::path(&injected, false).is_err());
    }
}
