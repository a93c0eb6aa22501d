//! Messages that clients append: their content comes in pieces, is counted, and is stored in one commit.

use std::sync::Arc;

use waxwing_imap::types::{FlagSet, InternalDate};
use waxwing_imap::{Answer, Appended, Error};
use waxwing_policy::MailboxChange;
use waxwing_store::{Delivery, MailboxId, Place, Target};

use super::super::events;
use super::super::gate::Gate;
use super::User;
use super::convert as to_imap;
use crate::budget::Content;

/// A message that is being appended.
pub(super) struct Append {
    mailbox: MailboxId,
    name: String,
    flags: FlagSet,
    internal_date: Option<InternalDate>,
    pub(super) content: Content,
}

impl User {
    /// Whether a message of so many octets may come, and lets its content come if so.
    pub(super) async fn append_begin(
        &mut self,
        gate: &mut Gate,
        name: &str,
        size: u64,
        flags: FlagSet,
        internal_date: Option<InternalDate>,
    ) -> Result<Answer, Error> {
        if gate.pressed() {
            return Err(Error::Limit("no room for more mail now".into()));
        }
        let parts = Arc::clone(gate.parts());
        let mailbox = parts.store.mailbox(self.account.id, name).await;
        let mailbox = mailbox.map_err(|error| to_imap::error(error, gate.session()))?;
        self.room(gate, size, 1).await?;
        let content = Content::new(&parts.budget, gate.caller().client.ip());
        self.append = Some(Append {
            mailbox: mailbox.id,
            name: name.to_owned(),
            flags,
            internal_date,
            content,
        });
        Ok(Answer::Done)
    }

    /// Stores the message whose content has come.
    pub(super) async fn append_end(&mut self, gate: &mut Gate) -> Result<Answer, Error> {
        let Some(mut append) = self.append.take() else {
            return Err(Error::Cannot("no append is running".into()));
        };
        let Some((content, _reservation)) = append.content.take() else {
            return Err(Error::Limit(
                "the server has no memory for this message now; try again later".into(),
            ));
        };
        let summary = super::super::summary(&content).await;
        let (internal_date, internal_offset) = append.internal_date.map_or_else(
            || (super::super::now_millis(), 0),
            |date| (date.seconds.saturating_mul(1000), date.offset),
        );
        let target = Target {
            account: self.account.id,
            mailbox: Place::Id(append.mailbox),
            flags: to_imap::store_flags(&append.flags),
            keywords: append.flags.keywords().to_vec(),
        };
        let delivery = Delivery {
            content,
            summary,
            targets: vec![target],
            internal_date,
            internal_offset,
            ledger: None,
        };
        let stored = gate
            .parts()
            .store
            .deliver(delivery)
            .await
            .map_err(|error| to_imap::error(error, gate.session()))?;
        let stored = stored
            .first()
            .ok_or_else(|| Error::Cannot("nothing was stored".into()))?;
        gate.tell(&self.account.address, || {
            let flags = to_imap::store_flags(&append.flags);
            let keywords = append.flags.keywords();
            MailboxChange::Append(events::placed(&append.name, stored.uid, flags, keywords))
        });
        Ok(Answer::Appended(Appended {
            uid_validity: stored.uid_validity,
            uid: stored.uid,
        }))
    }
}
