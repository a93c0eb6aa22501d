//! Who may do what in mailboxes, told and changed (RFC 4314 §3).

use waxwing_imap::types::{MailboxName, Rights, RightsChange};
use waxwing_imap::{Answer, Error, Grantable};
use waxwing_store::{Account, AclChange, Error as StoreError, Grantee, RightsOperation};

use super::super::gate::Gate;
use super::User;
use super::convert as to_imap;

/// Every account of the owner's domain.
// Deviation from RFC 4314 §2, where it is everybody: who shares a mailbox with all means those he has something to do with, and
// not the other domains of this server.
const ANYONE: &str = "anyone";

/// Whom an identifier means.
struct Identified {
    grantee: Grantee,
    /// The entry takes rights away.
    negative: bool,
}

impl User {
    /// The access control list of a mailbox, its owner first.
    pub(super) async fn acl(&self, gate: &Gate, name: &MailboxName) -> Result<Answer, Error> {
        let found = self.find(gate, name, Rights::ADMINISTER).await?;
        let listed = gate.parts().store.acl(found.mailbox.id).await;
        let listed = listed.map_err(|error| to_imap::error(error, gate.session()))?;
        let mut entries = vec![(found.owner.address.clone(), Rights::ALL)];
        entries.extend(listed.into_iter().map(|entry| {
            let sign = if entry.negative { "-" } else { "" };
            let who = match entry.grantee {
                Grantee::Anyone => ANYONE,
                Grantee::Account(_) => &entry.address,
            };
            (format!("{sign}{who}"), to_imap::rights(entry.rights))
        }));
        Ok(Answer::Acl(entries))
    }

    /// Changes what somebody may do in a mailbox.
    pub(super) async fn set_acl(
        &self,
        gate: &Gate,
        name: &MailboxName,
        identifier: &str,
        change: RightsChange,
    ) -> Result<Answer, Error> {
        let found = self.find(gate, name, Rights::ADMINISTER).await?;
        let who = identified(gate, identifier, &found.owner).await?;
        let (operation, rights) = match change {
            RightsChange::Replace(rights) => (RightsOperation::Replace, rights),
            RightsChange::Add(rights) => (RightsOperation::Add, rights),
            RightsChange::Remove(rights) => (RightsOperation::Remove, rights),
        };
        let change = AclChange {
            grantee: who.grantee,
            negative: who.negative,
            operation,
            rights: rights.bits().into(),
        };
        let store = &gate.parts().store;
        let changed = store.change_acl(found.owner.id, found.mailbox.id, change);
        match changed.await {
            Ok(()) => Ok(Answer::Done),
            Err(StoreError::NoSuchAccount(_)) => Err(nobody()),
            Err(error) => Err(to_imap::error(error, gate.session())),
        }
    }

    /// What somebody can be let do in a mailbox.
    pub(super) async fn list_rights(
        &self,
        gate: &Gate,
        name: &MailboxName,
        identifier: &str,
    ) -> Result<Answer, Error> {
        let found = self.find(gate, name, Rights::ADMINISTER).await?;
        let who = identified(gate, identifier, &found.owner).await?;
        let owner = who.grantee == Grantee::Account(found.owner.id);
        Ok(Answer::Grantable(match (owner, who.negative) {
            (true, false) => Grantable {
                always: Rights::ALL,
                optional: Rights::NONE,
            },
            // Nothing is taken from the owner.
            (true, true) => Grantable::default(),
            (false, _) => Grantable {
                always: Rights::NONE,
                optional: Rights::ALL,
            },
        }))
    }
}

/// Whom an identifier means in the list of an owner's mailbox: an address, or its first part for an account of the same domain.
async fn identified(gate: &Gate, identifier: &str, owner: &Account) -> Result<Identified, Error> {
    let (negative, name) = match identifier.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, identifier),
    };
    if name.eq_ignore_ascii_case(ANYONE) {
        return Ok(Identified {
            grantee: Grantee::Anyone,
            negative,
        });
    }
    let domain = owner.address.rsplit_once('@').map_or("", |(_, it)| it);
    let address = if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@{domain}")
    };
    let account = gate.parts().store.directory().account(&address).await;
    let account = account.map_err(|error| to_imap::error(error, gate.session()))?;
    // Accounts of other domains are no business of this one's: not whether there are any, and they are sent no names of mailboxes.
    let account = account.filter(|account| account.domain == owner.domain);
    let account = account.ok_or_else(nobody)?;
    Ok(Identified {
        grantee: Grantee::Account(account.id),
        negative,
    })
}

fn nobody() -> Error {
    Error::Cannot("there is no account of that name".into())
}
