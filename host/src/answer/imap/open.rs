//! The selected mailbox: opened, and what changed in it since.

use std::sync::Arc;

use waxwing_imap::types::{MailboxId as ImapMailbox, MailboxName, Rights};
use waxwing_imap::{Answer, Error};
use waxwing_store::{Account, AccountId, MailboxId};

use super::super::gate::Gate;
use super::convert as to_imap;
use super::places::permitted;
use super::{News, User};

pub(super) struct Selected {
    /// Whose mailbox it is.
    pub(super) owner: Arc<Account>,
    pub(super) mailbox: MailboxId,
    /// The mailbox's path in its owner's account.
    pub(super) path: String,
    /// UIDs from here on have not been shown to this session.
    uid_next: u32,
    /// The modification sequence up to which it has been told of changes.
    told: u64,
    /// Messages stop being recent for others when this session is told of them.
    takes_recent: bool,
}

/// A mailbox that is looked into, and not selected.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// Whose it is.
    pub(super) owner: AccountId,
    pub(super) mailbox: MailboxId,
}

impl User {
    /// Opens a mailbox beside the selected one, to be searched (RFC 7377): nothing of it changes.
    pub(super) async fn look(&mut self, gate: &Gate, name: &MailboxName) -> Result<Answer, Error> {
        let found = self.find(gate, name, Rights::READ).await?;
        if !found.mailbox.selectable {
            return Err(Error::NonExistent);
        }
        let (owner, mailbox) = (found.owner.id, found.mailbox.id);
        let store = &gate.parts().store;
        let snapshot = store.select(owner, mailbox, false).await;
        let snapshot = snapshot.map_err(|error| to_imap::error(error, gate.session()))?;
        let mut rights = Rights::ALL;
        if owner != self.account.id {
            // Behind the snapshot: it may hold what came after the right to read it had gone.
            rights = self.rights(gate, mailbox).await?;
            permitted(rights, Rights::READ)?;
        }
        self.beside = Some(Beside { owner, mailbox });
        Ok(Answer::Selected(to_imap::snapshot(&snapshot, true, rights)))
    }

    pub(super) async fn select(
        &mut self,
        gate: &Gate,
        name: &MailboxName,
        examine: bool,
    ) -> Result<Answer, Error> {
        self.close();
        let found = self.find(gate, name, Rights::READ).await?;
        let store = &gate.parts().store;
        let own = found.owner.id == self.account.id;
        self.changes = store.subscribe(found.owner.id);
        // Before the snapshot: what happens after it must be noticed.
        self.changes.borrow_and_update();
        let takes_recent = own && !examine;
        let snapshot = store
            .select(found.owner.id, found.mailbox.id, takes_recent)
            .await
            .map_err(|error| to_imap::error(error, gate.session()))?;
        let rights = if own {
            Rights::ALL
        } else {
            // Behind the snapshot: it may hold what came after the right to read it had gone.
            let rights = self.rights(gate, found.mailbox.id).await?;
            permitted(rights, Rights::READ)?;
            rights
        };
        // RFC 4314 §5.2
        let read_only = examine || !rights.writes();
        self.selected = Some(Selected {
            owner: found.owner,
            mailbox: found.mailbox.id,
            path: found.mailbox.path,
            uid_next: snapshot.mailbox.uid_next,
            told: snapshot.mailbox.highest_modseq,
            takes_recent,
        });
        self.theirs = if own {
            News::Never
        } else {
            News::At(self.changes.clone())
        };
        Ok(Answer::Selected(to_imap::snapshot(
            &snapshot, read_only, rights,
        )))
    }

    pub(super) async fn poll(
        &mut self,
        gate: &Gate,
        mailbox: ImapMailbox,
        since: u64,
    ) -> Result<Answer, Error> {
        let parts = gate.parts();
        let told = self.selected.as_ref().ok_or(Error::NonExistent)?.told;
        // Commits of other hosts (PostgreSQL) are not announced here: then the store is asked.
        let announced = parts.store_is_ours();
        if announced && since >= told && !self.changes.has_changed().unwrap_or(true) {
            return Ok(Answer::Changes(waxwing_imap::Changes {
                highest_modseq: since,
                ..Default::default()
            }));
        }
        self.changes.borrow_and_update();
        let failed = |error| to_imap::error(error, gate.session());
        let open = self.open(gate, mailbox).await?;
        let changes = parts.store.changes(open.owner, open.mailbox, since).await;
        let mut changes = changes.map_err(failed)?;
        if !changes.complete {
            // Tombstones are gone: whatever is not there any more has vanished.
            let fresh = parts.store.select(open.owner, open.mailbox, false).await;
            changes.vanished = to_imap::absent(&fresh.map_err(failed)?);
        }
        // Rights that went meanwhile: what came since is not told.
        let rights = self.open(gate, mailbox).await?.rights;
        let Some(selected) = &mut self.selected else {
            return Err(Error::NonExistent);
        };
        let known_below = selected.uid_next;
        selected.told = changes.mailbox.highest_modseq;
        selected.uid_next = changes.uid_next();
        let recent_from = if !selected.takes_recent || selected.uid_next == known_below {
            None
        } else {
            Some(parts.store.take_recent(&changes))
        };
        Ok(Answer::Changes(waxwing_imap::Changes {
            rights: Some(rights),
            ..to_imap::changes(&changes, known_below, recent_from)
        }))
    }
}
