//! What clients note of mailboxes and of the server (RFC 5464).

use std::collections::HashMap;

use waxwing_imap::types::{EntryName, EntryScope, EntryValues, MailboxName, Rights};
use waxwing_imap::{Answer, Error, MetadataChanged, MetadataNews, Others};
use waxwing_store::{
    Error as StoreError, MailboxId, MetadataChange, MetadataName, MetadataOf, OTHERS,
};

use super::super::gate::Gate;
use super::User;
use super::convert as to_imap;

fn entry_name(name: MetadataName) -> EntryName {
    let scope = if name.private {
        EntryScope::Private
    } else {
        EntryScope::Shared
    };
    EntryName::of_parts(scope, name.name)
}

fn store_name(entry: &EntryName) -> MetadataName {
    MetadataName {
        private: entry.scope() == EntryScope::Private,
        name: entry.rest().to_owned(),
    }
}

/// RFC 5464 §3.3: the right to look it up, and one to use it.
fn may_note(rights: Rights) -> bool {
    let any = Rights::READ
        .with(Rights::SEEN)
        .with(Rights::WRITE)
        .with(Rights::INSERT)
        .with(Rights::POST);
    rights.has(Rights::LOOKUP) && rights.has_any(any)
}

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
        let entries = entries.into_iter();
        let entries = entries.map(|entry| (entry_name(entry.name), entry.size));
        Ok(Answer::Metadata(entries.collect()))
    }

    /// The values of some of it.
    pub(super) async fn metadata_values(
        &self,
        gate: &Gate,
        name: Option<&MailboxName>,
        entries: &[EntryName],
    ) -> Result<Answer, Error> {
        let of = self.noted(gate, name).await?;
        let names: Vec<MetadataName> = entries.iter().map(store_name).collect();
        let store = &gate.parts().store;
        let values = store.metadata_values(of, self.account.id, &names).await;
        let values = values.map_err(|error| to_imap::error(error, gate.session()))?;
        let values = values.into_iter();
        let values = values.map(|(name, value)| (entry_name(name), value));
        Ok(Answer::MetadataValues(values.collect()))
    }

    /// What changed of what the account may know.
    pub(super) async fn metadata_news(
        &self,
        gate: &Gate,
        since: Option<u64>,
        others: &Others,
    ) -> Result<Answer, Error> {
        let store = &gate.parts().store;
        let failed = |error| to_imap::error(error, gate.session());
        let Some(since) = since else {
            let number = store.metadata_number().await.map_err(failed)?;
            return Ok(Answer::MetadataNews(MetadataNews {
                number,
                ..MetadataNews::default()
            }));
        };
        let anybody = match others {
            Others::All => true,
            Others::Of { owners, subscribed } => *subscribed || !owners.is_empty(),
        };
        let news = store.metadata_news(self.account.id, since, anybody).await;
        let news = news.map_err(failed)?;
        let meant = |owner: &String| match others {
            Others::All => true,
            Others::Of { owners, subscribed } => *subscribed || owners.contains(owner),
        };
        let mut known: HashMap<MailboxId, Rights> = HashMap::new();
        let mut changed = Vec::new();
        for entry in news.changed {
            let (name, rights) = match entry.of {
                MetadataOf::Server => (None, Rights::ALL),
                MetadataOf::Mailbox(owner, _) if owner == self.account.id => {
                    (Some(entry.path), Rights::ALL)
                }
                MetadataOf::Mailbox(_, mailbox) => {
                    if !meant(&entry.owner) {
                        continue;
                    }
                    let rights = match known.get(&mailbox) {
                        Some(rights) => *rights,
                        None => self.rights(gate, mailbox).await?,
                    };
                    known.insert(mailbox, rights);
                    let name = format!("{OTHERS}/{}/{}", entry.owner, entry.path);
                    (Some(name), rights)
                }
            };
            let name = name.map(|name| MailboxName::new(&name)).transpose();
            if let (Ok(mailbox), true) = (name, may_note(rights)) {
                changed.push(MetadataChanged {
                    mailbox,
                    entry: entry_name(entry.name),
                    number: entry.number,
                    readable: rights.has(Rights::READ),
                });
            }
        }
        Ok(Answer::MetadataNews(MetadataNews {
            changed,
            number: news.number,
            more: news.more,
        }))
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
            name: store_name(&entry),
            value,
        };
        let changes = values.into_iter().map(change).collect();
        let set = gate
            .parts()
            .store
            .set_metadata(of, self.account.id, changes);
        match set.await {
            Ok(number) => Ok(Answer::MetadataSet(number)),
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
        if !may_note(found.rights) {
            return Err(Error::NoPermission);
        }
        Ok(MetadataOf::Mailbox(found.owner.id, found.mailbox.id))
    }
}
