//! What accounts may hold: what `% account ADDRESS quota=OCTETS` says.

use waxwing_imap::types::MailboxName;
use waxwing_imap::{Answer, Error, QuotaRoot};

use super::{Fake, Mailbox};

impl Fake {
    fn limit(&self) -> Option<u64> {
        let mut quotas = self.quotas.iter();
        let (_, limit) = quotas.find(|(address, _)| *address == self.account)?;
        Some(*limit)
    }

    fn held(&self) -> u64 {
        let status = self.mailboxes.iter().map(Mailbox::status);
        status.map(|status| status.size).sum()
    }

    /// Whether so much more may be kept.
    pub(super) fn room(&self, more: u64) -> Result<(), Error> {
        match self.limit() {
            Some(limit) if self.held() + more > limit => {
                Err(Error::OverQuota("the mailbox is full".into()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn quota(&self, mailbox: Option<&MailboxName>) -> Answer {
        if mailbox.is_some_and(|name| name.as_str().starts_with("Other users/")) {
            return Answer::Quota(Vec::new());
        }
        let messages = self.mailboxes.iter().map(|mailbox| mailbox.messages.len());
        Answer::Quota(vec![QuotaRoot {
            name: self.account.clone(),
            bytes: self.held(),
            bytes_limit: self.limit(),
            messages: messages.sum::<usize>() as u64,
            messages_limit: None,
        }])
    }
}
