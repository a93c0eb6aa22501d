//! Messages that clients append: their content comes in pieces, is counted, and is stored in one commit.

use std::sync::Arc;

use bytes::Bytes;
use waxwing_imap::types::{FlagSet, InternalDate, MailboxId as ImapMailbox, MailboxName, Rights};
use waxwing_imap::{Answer, Error};
use waxwing_message::{Body, Summary};
use waxwing_policy::MailboxChange;
use waxwing_store::{Account, AccountId, Delivery, MailboxId, Place, Stored, Target, UidRange};

use super::super::gate::Gate;
use super::super::{events, now_millis, off_the_loop, outline};
use super::User;
use super::convert as to_imap;
use super::places::{Open, permitted};
use crate::budget::{Content, Reservation};

/// Messages that are being appended (RFC 3502: all or none).
pub(super) struct Append {
    /// For whom they count.
    owner: Arc<Account>,
    mailbox: MailboxId,
    /// The mailbox's path in its owner's account.
    path: String,
    /// In their order; the last one is still coming.
    messages: Vec<Message>,
    /// Octets that were announced of all of them.
    octets: u64,
    /// The message that goes when they are stored.
    replaces: Option<Replaced>,
}

/// A message that is about to come.
pub(super) struct Announced {
    pub(super) size: u64,
    pub(super) flags: FlagSet,
    pub(super) internal_date: Option<InternalDate>,
}

/// The message that REPLACE removes.
struct Replaced {
    mailbox: ImapMailbox,
    uid: u32,
    /// Its octets, if it counts for whom the new one counts.
    frees: Option<u64>,
}

struct Message {
    flags: FlagSet,
    internal_date: Option<InternalDate>,
    content: Content,
}

impl Append {
    /// Takes a piece of the message that is coming.
    pub(super) fn push(&mut self, bytes: Bytes) {
        if let Some(message) = self.messages.last_mut() {
            message.content.push(bytes);
        }
    }

    /// Whether what came last is there still, as all before it was when it came: what cannot be stored any more is not worth the rest, which a
    /// client that puts messages together need not even send.
    fn kept(&self) -> Result<(), Error> {
        match self.messages.last().is_some_and(|it| it.content.is_lost()) {
            true => Err(no_memory()),
            false => Ok(()),
        }
    }
}

fn none_runs() -> Error {
    Error::Cannot("no append is running".into())
}

fn no_memory() -> Error {
    Error::Limit("the server has no memory for this message now; try again later".into())
}

impl User {
    /// Whether a message of so many octets may come, and lets its content come if so.
    pub(super) async fn append_begin(
        &mut self,
        gate: &mut Gate,
        name: &MailboxName,
        replaces: Option<(ImapMailbox, u32)>,
        message: Announced,
    ) -> Result<Answer, Error> {
        self.append = None;
        if gate.pressed() {
            return Err(Error::Limit("no room for more mail now".into()));
        }
        let found = self.find(gate, name, Rights::INSERT).await?;
        let replaces = match replaces {
            Some(replaces) => Some(self.replaced(gate, replaces, found.owner.id).await?),
            None => None,
        };
        let append = Append {
            owner: found.owner,
            mailbox: found.mailbox.id,
            path: found.mailbox.path,
            messages: Vec::new(),
            octets: 0,
            replaces,
        };
        self.expect(gate, append, message).await
    }

    /// The same for another message of the append that is running, which is given up if not.
    pub(super) async fn append_more(
        &mut self,
        gate: &mut Gate,
        message: Announced,
    ) -> Result<Answer, Error> {
        let append = self.append.take().ok_or_else(none_runs)?;
        append.kept()?;
        // Small messages may take what is left, and many of them need no more than a line.
        if gate.pressed() {
            return Err(no_memory());
        }
        self.expect(gate, append, message).await
    }

    async fn expect(
        &mut self,
        gate: &mut Gate,
        mut append: Append,
        message: Announced,
    ) -> Result<Answer, Error> {
        let Announced {
            size,
            flags,
            internal_date,
        } = message;
        append.octets = append.octets.saturating_add(size);
        let messages = append.messages.len() as u64 + 1;
        Self::fits(gate, &append, messages).await?;
        // They are held until all have come: what many small ones take is bounded as what a large one takes.
        let content = append.messages.first().map_or_else(
            || Content::new(&gate.parts().budget, gate.caller().client.ip()),
            |first| first.content.beside(),
        );
        append.messages.push(Message {
            flags,
            internal_date,
            content,
        });
        self.append = Some(append);
        Ok(Answer::Done)
    }

    /// Whether there can be memory for what was announced, in so many messages, and policy lets the account of the mailbox keep it.
    async fn fits(gate: &mut Gate, append: &Append, messages: u64) -> Result<(), Error> {
        if append.octets > gate.parts().budget.most_together() {
            return Err(Error::Limit(
                "so much is not taken at once; append fewer messages at a time".into(),
            ));
        }
        // RFC 8508 §3.4: only what it comes to counts.
        let freed = append.replaces.as_ref().and_then(|it| it.frees);
        let octets = append.octets.saturating_sub(freed.unwrap_or(0));
        if freed.is_some() && octets == 0 {
            return Ok(());
        }
        let messages = messages.saturating_sub(freed.map_or(0, |_| 1));
        Self::room(gate, &append.owner, octets, messages).await
    }

    /// The same for more octets of the message that is coming (RFC 4469); the append is given up if they may not come.
    pub(super) async fn append_extend(
        &mut self,
        gate: &mut Gate,
        size: u64,
    ) -> Result<Answer, Error> {
        let mut append = self.append.take().ok_or_else(none_runs)?;
        append.kept()?;
        append.octets = append.octets.saturating_add(size);
        Self::fits(gate, &append, append.messages.len() as u64).await?;
        self.append = Some(append);
        Ok(Answer::Done)
    }

    /// Stores the messages whose content has come.
    pub(super) async fn append_end(&mut self, gate: &mut Gate) -> Result<Answer, Error> {
        let mut append = self.append.take().ok_or_else(none_runs)?;
        // As it is now: what was let in when the command began may be so no longer.
        let rights = if append.owner.id == self.account.id {
            Rights::ALL
        } else {
            self.rights(gate, append.mailbox).await?
        };
        permitted(rights, Rights::INSERT)?;
        let mut deliveries = Vec::with_capacity(append.messages.len());
        let mut held = Vec::with_capacity(append.messages.len());
        for message in &mut append.messages {
            // RFC 4314 §4: flags that may not be set are left out, and that is no failure.
            message.flags = rights.permitted(&message.flags);
            let (delivery, memory) = message.deliver(append.owner.id, append.mailbox).await?;
            deliveries.push(delivery);
            held.push(memory);
        }
        let stored = match &append.replaces {
            Some(replaces) => self.replace(gate, replaces, deliveries).await?,
            None => {
                let stored = gate.parts().store.deliver_each(deliveries).await;
                stored.map_err(|error| to_imap::error(error, gate.session()))?
            }
        };
        drop(held);
        for (stored, message) in stored.iter().zip(&append.messages) {
            gate.tell(&append.owner.address, || {
                let flags = to_imap::store_flags(&message.flags);
                let keywords = message.flags.keywords();
                MailboxChange::Append(events::placed(&append.path, stored.uid, flags, keywords))
            });
        }
        Ok(Answer::Appended(to_imap::appended(&stored, rights)))
    }
}

impl User {
    /// A message that may be removed, and what that frees for `payer` (RFC 8508 §4.1: as UID STORE and UID EXPUNGE).
    async fn replaced(
        &self,
        gate: &Gate,
        (mailbox, uid): (ImapMailbox, u32),
        payer: AccountId,
    ) -> Result<Replaced, Error> {
        let open = self.may_remove(gate, mailbox).await?;
        let one = [UidRange::one(uid)];
        let found = gate
            .parts()
            .store
            .fetch(open.owner, open.mailbox, &one, false);
        let found = found
            .await
            .map_err(|error| to_imap::source_error(error, mailbox, gate.session()))?;
        let message = found.first().ok_or(Error::Expunged)?;
        Ok(Replaced {
            mailbox,
            uid,
            frees: (open.owner == payer).then_some(message.size),
        })
    }

    async fn may_remove(&self, gate: &Gate, mailbox: ImapMailbox) -> Result<Open, Error> {
        let open = self.open(gate, mailbox).await?;
        if open.rights.has(Rights::DELETED.with(Rights::EXPUNGE)) {
            Ok(open)
        } else {
            Err(Error::NoPermission)
        }
    }

    /// Stores the one message in the place of another.
    async fn replace(
        &self,
        gate: &Gate,
        replaces: &Replaced,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Stored>, Error> {
        let open = self.may_remove(gate, replaces.mailbox).await?;
        let mut deliveries = deliveries.into_iter();
        let delivery = deliveries.next().ok_or(Error::Expunged)?;
        let goes = (open.owner, open.mailbox, replaces.uid);
        let stored = gate.parts().store.replace(delivery, goes).await;
        let stored = stored
            .map_err(|error| to_imap::source_error(error, replaces.mailbox, gate.session()))?;
        let stored = stored.ok_or(Error::Expunged)?;
        self.tell(gate, |selected| events::expunged(selected, [replaces.uid]));
        Ok(vec![stored])
    }
}

impl Message {
    /// The message as it is stored, and the memory that it takes until then.
    async fn deliver(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<(Delivery, Reservation), Error> {
        let Some((content, memory)) = self.content.take() else {
            return Err(no_memory());
        };
        let content = without_nul(content).await?;
        let (internal_date, internal_offset) = self.internal_date.map_or_else(
            || (now_millis(), 0),
            |date| (date.seconds.saturating_mul(1000), date.offset),
        );
        let target = Target {
            account,
            mailbox: Place::Id(mailbox),
            flags: to_imap::store_flags(&self.flags),
            keywords: self.flags.keywords().to_vec(),
        };
        let outline = outline(&content).await;
        let delivery = Delivery {
            summary: outline.summary,
            thread: outline.thread,
            content,
            targets: vec![target],
            internal_date,
            internal_offset,
            ledger: None,
        };
        Ok((delivery, memory))
    }
}

/// RFC 3516 §6: what BODY shows has an encoding that clients without BINARY can read, so that the octet 0, which no literal
/// can hold, is encoded when it is stored.
async fn without_nul(content: Bytes) -> Result<Bytes, Error> {
    if !content.contains(&0) {
        return Ok(content);
    }
    // RFC 3516 §4.4: nothing is lost by it.
    let encoded = off_the_loop(content, |content| {
        let encoded = waxwing_message::seven_bit(content).ok();
        encoded.filter(|_| all_in_bodies(content))
    });
    encoded.await.map(Bytes::from).ok_or(Error::UnknownEncoding)
}

/// Whether all octets that are not of 7 bits, or 0, are in the bodies of parts, which can be given an encoding.
fn all_in_bodies(content: &[u8]) -> bool {
    let odd = |octets: &[u8]| {
        octets
            .iter()
            .filter(|it| **it == 0 || !it.is_ascii())
            .count()
    };
    let summary = Summary::read(content);
    let mut ahead = vec![&summary.root];
    let mut in_bodies = 0;
    while let Some(part) = ahead.pop() {
        match &part.content {
            Body::Leaf => in_bodies += odd(part.body.of(content)),
            Body::Multipart(parts) => ahead.extend(parts),
            Body::Message { part, .. } => ahead.push(part),
        }
    }
    in_bodies == odd(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn octets_0_are_encoded_where_nothing_is_lost_by_it() {
        let message = |preamble: &str, body: &str| {
            Bytes::from(format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n{preamble}\r\n--b\r\n\r\n{body}\r\n--b--\r\n"
            ))
        };
        let encoded = without_nul(message("plain", "a\0ü")).await.unwrap();
        assert!(!encoded.contains(&0) && encoded.is_ascii());
        let kept = message("Grüße", "text");
        assert_eq!(without_nul(kept.clone()).await, Ok(kept));
        for lossy in [message("a\0b", "text"), message("Grüße", "a\0b")] {
            assert_eq!(without_nul(lossy).await, Err(Error::UnknownEncoding));
        }
    }
}
