//! What clients note of mailboxes and of the server (RFC 5464).

use waxwing_imap::types::{EntryName, EntryScope, EntryValues, MailboxName, Rights};
use waxwing_imap::{Answer, Error};
use waxwing_store::{Error as StoreError, MetadataChange, MetadataOf};

use super::super::gate::Gate;
use super::User;
use super::convert as to_imap;

impl User {
    /// What the account sees.
    pub(super) async fn metadata(
        &self,
        gate: &Gate,
        name: Option<&MailboxName>,
    ) -> Result<Answer, Error> {
        let of = self.noted(gate, name).await?;
        let entries = gate.parts().store.metadata(of, self.account.id).await;
        let entries = entries.map_err(|error| to_imap::error(error, gate.session()))?;
        let entry = |entry: waxwing_store::MetadataEntry| {
            let scope = if entry.private {
                EntryScope::Private
            } else {
                EntryScope::Shared
            };
            (EntryName::of_parts(scope, entry.name), entry.value)
        };
        Ok(Answer::Metadata(entries.into_iter().map(entry).collect()))
    }

    /// Notes something.
    pub(super) async fn set_metadata(
        &self,
        gate: &Gate,
        name: Option<&MailboxName>,
        values: EntryValues,
    ) -> Result<Answer, Error> {
        let of = self.noted(gate, name).await?;
        let change = |(entry, value): (EntryName, Option<Vec<u8>>)| MetadataChange {
            private: entry.scope() == EntryScope::Private,
            name: entry.rest().to_owned(),
            value,
        };
        let changes = values.into_iter().map(change).collect();
        let set = gate
            .parts()
            .store
            .set_metadata(of, self.account.id, changes);
        match set.await {
            Ok(()) => Ok(Answer::Done),
            // RFC 5464 §3.3: what all see of the server is for its administrator.
            Err(StoreError::NotAllowed(_)) => Err(Error::NoPermission),
            Err(StoreError::TooLarge {
                what: "metadata value",
                limit,
                ..
            }) => Err(Error::MetadataSize(limit as u64)),
            Err(StoreError::TooLarge {
                what: "metadata", ..
            }) => Err(Error::MetadataTooMany),
            Err(error) => Err(to_imap::error(error, gate.session())),
        }
    }

    /// What a name means, if something may be noted of it.
    async fn noted(&self, gate: &Gate, name: Option<&MailboxName>) -> Result<MetadataOf, Error> {
        let Some(name) = name else {
            return Ok(MetadataOf::Server);
        };
        let found = self.find(gate, name, Rights::LOOKUP).await?;
        // RFC 5464 §3.3: the right to look it up, and any of these.
        let any = Rights::READ
            .with(Rights::SEEN)
            .with(Rights::WRITE)
            .with(Rights::INSERT)
            .with(Rights::POST);
        if !found.rights.has_any(any) {
            return Err(Error::NoPermission);
        }
        Ok(MetadataOf::Mailbox(found.owner.id, found.mailbox.id))
    }
}
