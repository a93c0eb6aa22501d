//! Messages on their way into a mailbox.

use waxwing_imap::types::{FlagSet, InternalDate, MailboxId, MailboxName, Rights};
use waxwing_imap::{Answer, Appended, Error};

use super::Fake;

/// A message that is being appended.
pub(super) struct Appending {
    pub(super) size: u64,
    flags: FlagSet,
    internal_date: Option<InternalDate>,
    pub(super) content: Vec<u8>,
}

/// Those of one APPEND, and where they go.
pub(super) type Append = (MailboxName, Vec<Appending>);

impl Appending {
    pub(super) fn new(size: u64, flags: FlagSet, internal_date: Option<InternalDate>) -> Self {
        Self {
            size,
            flags,
            internal_date,
            content: Vec::new(),
        }
    }
}

impl Fake {
    /// Remembers which message REPLACE removes; its octets.
    pub(super) fn replaced(&mut self, replaces: Option<(MailboxId, u32)>) -> Result<u64, Error> {
        self.replaces = replaces;
        let Some((mailbox, uid)) = replaces else {
            return Ok(0);
        };
        let need = Rights::EXPUNGE.with(Rights::DELETED);
        if !self.rights_by_id(mailbox).has(need) {
            return Err(Error::NoPermission);
        }
        self.octets_of(mailbox, uid).ok_or(Error::Expunged)
    }

    fn octets_of(&self, mailbox: MailboxId, uid: u32) -> Option<u64> {
        let mut all = self.mailboxes.iter();
        let mut messages = all.find(|it| it.id == mailbox)?.messages.iter();
        Some(messages.find(|message| message.uid == uid)?.size)
    }

    /// The message that is coming is longer.
    pub(super) fn append_extend(&mut self, size: u64) -> Result<Answer, Error> {
        let freed = self
            .replaces
            .and_then(|(mailbox, uid)| self.octets_of(mailbox, uid));
        let (_, messages) = self.append.as_mut().unwrap();
        messages.last_mut().unwrap().size += size;
        let total: u64 = messages.iter().map(|message| message.size).sum();
        if let Err(error) = self.room(total.saturating_sub(freed.unwrap_or(0))) {
            self.append = None;
            return Err(error);
        }
        Ok(Answer::Done)
    }

    pub(super) fn append_end(&mut self) -> Result<Answer, Error> {
        let (mailbox, messages) = self.append.take().unwrap();
        let mut ready = Vec::new();
        for message in messages {
            assert_eq!(
                message.content.len() as u64,
                message.size,
                "all announced content must have come"
            );
            let content = if message.content.contains(&0) {
                waxwing_message::seven_bit(&message.content).map_err(|_| Error::UnknownEncoding)?
            } else {
                message.content
            };
            ready.push((content, message.flags, message.internal_date));
        }
        let mut appended = Appended {
            uid_validity: 0,
            uids: Vec::new(),
        };
        if let Some((mailbox, uid)) = self.replaces.take() {
            self.octets_of(mailbox, uid).ok_or(Error::Expunged)?;
            self.modseq += 1;
            let modseq = self.modseq;
            let mut all = self.mailboxes.iter_mut();
            let source = all.find(|it| it.id == mailbox).unwrap();
            source.remove(uid, modseq);
        }
        let target = self.find(&mailbox)?.id;
        let rights = self.rights_by_id(target);
        for (content, flags, date) in ready {
            let flags = rights.permitted(&flags);
            let at = self.store(mailbox.as_str(), &content, flags);
            appended.uid_validity = at.uid_validity;
            appended.uids.extend(at.uids);
            if let Some(date) = date {
                let mailbox = self.find(&mailbox).unwrap();
                mailbox.messages.last_mut().unwrap().internal_date = date;
            }
        }
        if !rights.has(Rights::READ) {
            appended = Appended::default();
        }
        Ok(Answer::Appended(appended))
    }
}
