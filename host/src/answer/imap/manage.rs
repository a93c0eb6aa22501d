//! CREATE, DELETE and RENAME, of own mailboxes and of those that others let one manage (RFC 4314 §4).

use waxwing_imap::types::{MailboxId as ImapMailbox, MailboxName, Rights, SpecialUse};
use waxwing_imap::{Answer, Error};

use super::super::gate::Gate;
use super::User;
use super::convert as to_imap;
use super::places::{Named, named};

fn reserved() -> Error {
    Error::Cannot("that name is for the mailboxes of others".into())
}

impl User {
    pub(super) async fn create(
        &self,
        gate: &Gate,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<Answer, Error> {
        let (owner, path) = match named(name.as_str()) {
            Named::Own(path) => (self.account.id, path),
            Named::Level => return Err(reserved()),
            Named::Other { owner, path } => {
                let owner = self.other(gate, owner).await?;
                // The same answer whether or not there is such an account, or such a mailbox.
                let owner = owner.ok_or(Error::NoPermission)?.id;
                let above = self.rights_above(gate, owner, path).await?;
                if !above.has(Rights::MAKE) {
                    return Err(Error::NoPermission);
                }
                if special_use.is_some() {
                    return Err(Error::SpecialUse("it is not yours".into()));
                }
                (owner, path)
            }
        };
        let special_use = special_use.map(to_imap::store_use);
        let created = gate.parts().store.create_mailbox(owner, path, special_use);
        let created = created.await;
        let created = created.map_err(|error| to_imap::error(error, gate.session()))?;
        Ok(Answer::Created(ImapMailbox(created.id.0)))
    }

    pub(super) async fn delete(&self, gate: &Gate, name: &MailboxName) -> Result<Answer, Error> {
        let found = self.find(gate, name, Rights::REMOVE).await?;
        let store = &gate.parts().store;
        let deleted =
            store.delete_mailbox_if(found.owner.id, &found.mailbox.path, Some(found.mailbox.id));
        match deleted.await {
            Ok(()) => Ok(Answer::Done),
            Err(error) => Err(to_imap::error(error, gate.session())),
        }
    }

    pub(super) async fn rename(
        &self,
        gate: &Gate,
        from: &MailboxName,
        to: &MailboxName,
    ) -> Result<Answer, Error> {
        let found = self.find(gate, from, Rights::REMOVE).await?;
        let own = found.owner.id == self.account.id;
        let path = match named(to.as_str()) {
            Named::Own(path) if own => path,
            Named::Level => return Err(reserved()),
            Named::Other { owner, path } if !own => {
                let target = self.other(gate, owner).await?;
                if target.is_none_or(|target| target.id != found.owner.id) {
                    return Err(not_ours());
                }
                // Its messages would go, and it would stay (RFC 3501 §6.3.5): that is for its owner.
                let inbox = found.mailbox.path == "INBOX";
                let above = self.rights_above(gate, found.owner.id, path).await?;
                if inbox || !above.has(Rights::MAKE) {
                    return Err(Error::NoPermission);
                }
                path
            }
            Named::Own(_) | Named::Other { .. } => return Err(not_ours()),
        };
        let store = &gate.parts().store;
        let renamed = store.rename_mailbox_if(
            found.owner.id,
            &found.mailbox.path,
            path,
            Some(found.mailbox.id),
        );
        match renamed.await {
            Ok(()) => Ok(Answer::Done),
            Err(error) => Err(to_imap::error(error, gate.session())),
        }
    }
}

fn not_ours() -> Error {
    Error::Cannot("a mailbox stays with its owner".into())
}
