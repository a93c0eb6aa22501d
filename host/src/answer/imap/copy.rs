//! Copies of messages, which take room of their own, and moves.

use std::sync::Arc;

use waxwing_imap::types::{MailboxId as ImapMailbox, MailboxName, Rights, UidSet};
use waxwing_imap::{Answer, Error};
use waxwing_policy::MailboxChange;
use waxwing_store::{CopyTo, UidRange};

use super::super::events;
use super::super::gate::Gate;
use super::User;
use super::convert::{self as to_imap, ranges};
use super::places::{Found, Open};

/// Where messages go, with the flags that may be set there (RFC 4314 §4).
fn target(found: &Found) -> CopyTo {
    CopyTo {
        account: found.owner.id,
        mailbox: found.mailbox.id,
        keep: to_imap::scope(found.rights),
    }
}

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
        let mut open = self.open(gate, mailbox).await?;
        let mut place = self.find(gate, to, Rights::INSERT).await?;
        let ranges = ranges(uids);
        let whole = whole.then_some(uids.len() as usize);
        self.room_for(gate, open, &ranges, &place, whole).await?;
        // Rights may have gone while policy was asked.
        open = self.open(gate, mailbox).await?;
        place = self.find(gate, to, Rights::INSERT).await?;
        let parts = Arc::clone(gate.parts());
        let copied = parts
            .store
            .copy_to(open.owner, open.mailbox, &ranges, target(&place))
            .await
            .map_err(|error| to_imap::source_error(error, mailbox, gate.session()))?;
        // Of what goes on in the account of somebody else its owner tells nothing here.
        if place.owner.id == open.owner {
            self.tell(gate, |selected| {
                MailboxChange::Copy(events::moved(selected, &place.mailbox.path, &copied))
            });
        }
        Ok(Answer::Copied(to_imap::copied(&copied, place.rights)))
    }

    /// Moves messages. Within an account that takes no more room.
    pub(super) async fn move_to(
        &self,
        gate: &mut Gate,
        mailbox: ImapMailbox,
        uids: &UidSet,
        to: &MailboxName,
    ) -> Result<Answer, Error> {
        let (mut open, mut place) = self.ends_of_move(gate, mailbox, to).await?;
        let ranges = ranges(uids);
        if place.owner.id != open.owner {
            self.room_for(gate, open, &ranges, &place, None).await?;
            // Rights may have gone while policy was asked.
            (open, place) = self.ends_of_move(gate, mailbox, to).await?;
        }
        let parts = Arc::clone(gate.parts());
        let copied = parts
            .store
            .move_to(open.owner, open.mailbox, &ranges, target(&place))
            .await
            .map_err(|error| to_imap::source_error(error, mailbox, gate.session()))?;
        let (source, target) = (open.owner, place.owner.id);
        self.tell(gate, |selected| {
            if source == target {
                MailboxChange::Move(events::moved(selected, &place.mailbox.path, &copied))
            } else {
                events::expunged(selected, copied.uids.iter().map(|(old, _)| *old))
            }
        });
        Ok(Answer::Copied(to_imap::copied(&copied, place.rights)))
    }

    /// From where to where messages are moved, if they may be.
    async fn ends_of_move(
        &self,
        gate: &Gate,
        mailbox: ImapMailbox,
        to: &MailboxName,
    ) -> Result<(Open, Found), Error> {
        let open = self.open(gate, mailbox).await?;
        let place = self.find(gate, to, Rights::INSERT).await?;
        // RFC 6851 §4.2: what STORE, COPY and EXPUNGE need together.
        if !open.rights.has(Rights::DELETED.with(Rights::EXPUNGE)) {
            return Err(Error::NoPermission);
        }
        Ok((open, place))
    }

    /// Whether the owner of a mailbox may keep these messages, too; `whole`: and so many of them are there.
    async fn room_for(
        &self,
        gate: &mut Gate,
        open: Open,
        ranges: &[UidRange],
        place: &Found,
        whole: Option<usize>,
    ) -> Result<(), Error> {
        let parts = Arc::clone(gate.parts());
        let source = waxwing_imap::types::MailboxId(open.mailbox.0);
        let messages = parts
            .store
            .fetch(open.owner, open.mailbox, ranges, false)
            .await
            .map_err(|error| to_imap::source_error(error, source, gate.session()))?;
        // RFC 2180 §4.4.1: by number all are copied or none.
        if whole.is_some_and(|wanted| messages.len() < wanted) {
            return Err(Error::Expunged);
        }
        let octets = messages.iter().map(|message| message.size).sum();
        Self::room(gate, &place.owner, octets, messages.len() as u64).await
    }
}
