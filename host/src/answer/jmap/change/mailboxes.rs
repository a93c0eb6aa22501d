//! Mailboxes: created, changed and removed.

use waxwing_jmap::{MailboxId, MailboxShape, Refusal, Role, Shaped};
use waxwing_store::{Error, MailboxRefusal, MailboxShaped, SpecialUse};

use super::super::asks::Asks;
use super::mailbox;

impl Asks<'_> {
    pub(super) async fn shape(
        &self,
        id: Option<MailboxId>,
        shape: MailboxShape,
    ) -> Result<Result<Shaped, Refusal>, Error> {
        let MailboxShape {
            name,
            parent,
            role,
            subscribed,
            sort_order,
        } = shape;
        let special_use = match role {
            Some(Some(role)) => match special_use(role) {
                Some(special_use) => Some(Some(special_use)),
                None => return Ok(Err(Refusal::RoleTaken)),
            },
            Some(None) => Some(None),
            None => None,
        };
        let shape = waxwing_store::MailboxShape {
            name,
            parent: parent.map(|parent| parent.map(mailbox)),
            special_use,
            subscribed,
            sort_order,
        };
        let store = &self.visitor.parts.store;
        let shaped = store.shape_mailbox(self.account.id, id.map(mailbox), shape);
        Ok(outcome(shaped.await?))
    }

    pub(super) async fn remove_mailbox(
        &self,
        id: MailboxId,
        with_emails: bool,
    ) -> Result<Result<Shaped, Refusal>, Error> {
        let store = &self.visitor.parts.store;
        let removed = store.destroy_mailbox(self.account.id, mailbox(id), with_emails);
        Ok(outcome(removed.await?))
    }
}

fn outcome(of: Result<MailboxShaped, MailboxRefusal>) -> Result<Shaped, Refusal> {
    let shaped = of.map_err(|refusal| match refusal {
        MailboxRefusal::NotFound => Refusal::NotFound,
        MailboxRefusal::NoParent => Refusal::NoParent,
        MailboxRefusal::Exists => Refusal::NameTaken,
        MailboxRefusal::Name(reason) => Refusal::Name(reason.into()),
        MailboxRefusal::UseTaken => Refusal::RoleTaken,
        MailboxRefusal::TooMany => Refusal::TooMany,
        MailboxRefusal::Inbox => Refusal::Inbox,
        MailboxRefusal::HasChild => Refusal::HasChild,
        MailboxRefusal::HasMessages => Refusal::HasEmail,
    })?;
    Ok(Shaped {
        mailbox: MailboxId(shaped.mailbox.0.unsigned_abs()),
        before: shaped.before,
        after: shaped.after,
    })
}

/// INBOX has its role by its name.
const fn special_use(role: Role) -> Option<SpecialUse> {
    Some(match role {
        Role::All => SpecialUse::All,
        Role::Archive => SpecialUse::Archive,
        Role::Drafts => SpecialUse::Drafts,
        Role::Flagged => SpecialUse::Flagged,
        Role::Junk => SpecialUse::Junk,
        Role::Sent => SpecialUse::Sent,
        Role::Trash => SpecialUse::Trash,
        Role::Inbox => return None,
    })
}
