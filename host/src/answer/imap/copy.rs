//! Copies of messages, which take room of their own.

use std::sync::Arc;

use waxwing_imap::types::{MailboxId as ImapMailbox, MailboxName, UidSet};
use waxwing_imap::{Answer, Error};
use waxwing_policy::MailboxChange;
use waxwing_store::MailboxId;

use super::super::events;
use super::super::gate::Gate;
use super::User;
use super::convert::{self as to_imap, ranges};

impl User {
    /// Copies messages, if there is room for them; with `whole` only if none of them is gone.
    pub(super) async fn copy(
        &self,
        gate: &mut Gate,
        mailbox: ImapMailbox,
        uids: &UidSet,
        to: &MailboxName,
        whole: bool,
    ) -> Result<Answer, Error> {
        let parts = Arc::clone(gate.parts());
        let (store, account, from) = (&parts.store, self.account.id, MailboxId(mailbox.0));
        let session = gate.session();
        let failed = |error| to_imap::error(error, session);
        let place = store.mailbox(account, to.as_str()).await.map_err(failed)?;
        let ranges = ranges(uids);
        let copied = store
            .fetch(account, from, &ranges, false)
            .await
            .map_err(|error| to_imap::source_error(error, mailbox, session))?;
        // RFC 2180 §4.4.1: by number all are copied or none.
        if whole && copied.len() < uids.len() as usize {
            return Err(Error::Expunged);
        }
        self.room(
            gate,
            copied.iter().map(|message| message.size).sum(),
            copied.len() as u64,
        )
        .await?;
        let copied = store
            .copy(account, from, &ranges, place.id)
            .await
            .map_err(|error| to_imap::source_error(error, mailbox, session))?;
        self.tell(gate, |selected| {
            MailboxChange::Copy(events::moved(selected, to.as_str(), &copied))
        });
        Ok(Answer::Copied(to_imap::copied(&copied)))
    }
}
