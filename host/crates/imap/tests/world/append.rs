//! Messages on their way into a mailbox.

use waxwing_imap::types::{FlagSet, InternalDate, MailboxName};
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
        for (content, flags, date) in ready {
            let at = self.store(mailbox.as_str(), &content, flags);
            appended.uid_validity = at.uid_validity;
            appended.uids.extend(at.uids);
            if let Some(date) = date {
                let mailbox = self.find(&mailbox).unwrap();
                mailbox.messages.last_mut().unwrap().internal_date = date;
            }
        }
        Ok(Answer::Appended(appended))
    }
}
