//! Which mailbox a name means, and what whoever is logged in may do in it (RFC 2342, RFC 4314).
//!
//! Invariant: a mailbox of somebody else is handed out only with the rights that were asked for; where they are missing the answer is that of a
//! mailbox that is not there, unless its name may be known (RFC 4314 §6).

use std::collections::HashSet;
use std::sync::Arc;

use waxwing_imap::types::{MailboxId as ImapMailbox, MailboxInfo, MailboxName, Rights};
use waxwing_imap::{Answer, Error, Others};
use waxwing_store::{Account, AccountId, Mailbox, MailboxId, OTHERS, Usage};

use super::super::gate::Gate;
use super::convert as to_imap;
use super::open::Beside;
use super::{News, User};

/// Where a name leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// Into the account of whoever is logged in.
    Own(&'a str),
    /// Into another: the owner's address, and the path there.
    Other { owner: &'a str, path: &'a str },
    /// To a level above the mailboxes of others.
    Level,
}

/// A mailbox that may be used as was asked for.
pub(super) struct Found {
    pub(super) owner: Arc<Account>,
    pub(super) mailbox: Mailbox,
    pub(super) rights: Rights,
}

/// The selected mailbox, as it may be used now.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) owner: AccountId,
    pub(super) mailbox: MailboxId,
    pub(super) rights: Rights,
}

/// Where a name leads.
pub(super) fn named(name: &str) -> Named<'_> {
    let Some(rest) = name.strip_prefix(OTHERS) else {
        return Named::Own(name);
    };
    if rest.is_empty() {
        return Named::Level;
    }
    let Some(rest) = rest.strip_prefix('/') else {
        return Named::Own(name);
    };
    rest.split_once('/')
        .map_or(Named::Level, |(owner, path)| Named::Other { owner, path })
}

/// Whose mailbox a name means, if it is another's.
fn owner(name: &str) -> Option<&str> {
    match named(name) {
        Named::Other { owner, .. } => Some(owner),
        _ => None,
    }
}

/// Whether what is needed is among the rights; who may not even know that the mailbox is there does not learn it.
pub(super) fn permitted(rights: Rights, need: Rights) -> Result<(), Error> {
    if rights.has(need) {
        Ok(())
    } else if rights.has(Rights::LOOKUP) {
        Err(Error::NoPermission)
    } else {
        Err(Error::NonExistent)
    }
}

impl User {
    /// The mailbox of this name, if all that is in `need` may be done in it.
    pub(super) async fn find(
        &self,
        gate: &Gate,
        name: &MailboxName,
        need: Rights,
    ) -> Result<Found, Error> {
        let found = self.seek(gate, name).await?;
        permitted(found.rights, need)?;
        Ok(found)
    }

    /// What may be done in the mailbox of this name.
    pub(super) async fn my_rights(&self, gate: &Gate, name: &MailboxName) -> Result<Answer, Error> {
        let rights = self.seek(gate, name).await?.rights;
        // RFC 4314 §4: any of these is required.
        let any = Rights::LOOKUP
            .with(Rights::READ)
            .with(Rights::INSERT)
            .with(Rights::MAKE)
            .with(Rights::REMOVE)
            .with(Rights::ADMINISTER);
        if rights.has_any(any) {
            Ok(Answer::Rights(rights))
        } else {
            Err(Error::NonExistent)
        }
    }

    /// The mailbox of this name, whatever may be done in it.
    async fn seek(&self, gate: &Gate, name: &MailboxName) -> Result<Found, Error> {
        let store = &gate.parts().store;
        let failed = |error| to_imap::error(error, gate.session());
        match named(name.as_str()) {
            Named::Own(path) => Ok(Found {
                owner: Arc::clone(&self.account),
                mailbox: store.mailbox(self.account.id, path).await.map_err(failed)?,
                rights: Rights::ALL,
            }),
            Named::Level => Err(Error::NonExistent),
            Named::Other { owner, path } => {
                let owner = self.other(gate, owner).await?;
                let owner = owner.ok_or(Error::NonExistent)?;
                let mailbox = store.mailbox(owner.id, path).await.map_err(failed)?;
                let rights = self.rights(gate, mailbox.id).await?;
                Ok(Found {
                    owner,
                    mailbox,
                    rights,
                })
            }
        }
    }

    /// Another account, by its address.
    pub(super) async fn other(
        &self,
        gate: &Gate,
        address: &str,
    ) -> Result<Option<Arc<Account>>, Error> {
        let found = gate.parts().store.directory().account(address).await;
        let found = found.map_err(|error| to_imap::error(error, gate.session()))?;
        Ok(found.filter(|found| found.id != self.account.id))
    }

    /// What may be done in a mailbox of somebody else.
    pub(super) async fn rights(&self, gate: &Gate, mailbox: MailboxId) -> Result<Rights, Error> {
        let rights = gate.parts().store.rights(mailbox, self.account.id).await;
        let rights = rights.map_err(|error| to_imap::error(error, gate.session()))?;
        Ok(to_imap::rights(rights))
    }

    /// What may be done in the nearest mailbox above a path of somebody else (RFC 4314 §4, CREATE); nothing, if there is none.
    pub(super) async fn rights_above(
        &self,
        gate: &Gate,
        owner: AccountId,
        path: &str,
    ) -> Result<Rights, Error> {
        for (end, _) in path.rmatch_indices('/') {
            let above = path.get(..end).unwrap_or_default();
            match gate.parts().store.mailbox(owner, above).await {
                Ok(mailbox) => return self.rights(gate, mailbox.id).await,
                Err(waxwing_store::Error::NoSuchMailbox(_)) => {}
                Err(error) => return Err(to_imap::error(error, gate.session())),
            }
        }
        Ok(Rights::NONE)
    }

    /// The selected mailbox, or the one that is searched beside it, if it is this one. What may be done in somebody else's is looked at each time, so that rights which are taken
    /// away end at once (RFC 4314 §5.1.1).
    pub(super) async fn open(&self, gate: &Gate, mailbox: ImapMailbox) -> Result<Open, Error> {
        let selected = self.selected.as_ref().map(|selected| Beside {
            owner: selected.owner.id,
            mailbox: selected.mailbox,
        });
        let mut opened = [selected, self.beside].into_iter().flatten();
        let opened = opened.find(|opened| opened.mailbox.0 == mailbox.0);
        let Beside { owner, mailbox } = opened.ok_or(Error::Gone)?;
        let rights = if owner == self.account.id {
            Rights::ALL
        } else {
            self.rights(gate, mailbox).await?
        };
        if !rights.has(Rights::READ) {
            return Err(Error::Gone);
        }
        Ok(Open {
            owner,
            mailbox,
            rights,
        })
    }

    /// What was read of the selected mailbox, if it may be read still: what came into it after the right had gone is not told.
    pub(super) async fn as_read(
        &self,
        gate: &Gate,
        mailbox: ImapMailbox,
        answer: Answer,
    ) -> Result<Answer, Error> {
        self.open(gate, mailbox).await.map(|_| answer)
    }

    /// Mailboxes of others whose names may be known, of all or of some.
    pub(super) async fn others(
        &self,
        gate: &Gate,
        subscriptions: &[String],
        deleted: bool,
        whose: &Others,
    ) -> Result<Vec<MailboxInfo>, Error> {
        let store = &gate.parts().store;
        let failed = |error| to_imap::error(error, gate.session());
        let subscribed: HashSet<&str> = subscriptions.iter().map(String::as_str).collect();
        let mut infos = Vec::new();
        let found = match whose {
            Others::All => store.shared_with(self.account.id).await,
            Others::Of {
                owners,
                subscribed: also,
            } => {
                let subscribed = subscribed.iter().filter(|_| *also);
                let owners: HashSet<&str> = subscribed
                    .filter_map(|name| owner(name))
                    .chain(owners.iter().map(String::as_str))
                    .collect();
                store.shared_by(owners, self.account.id).await
            }
        };
        for shared in found.map_err(failed)? {
            let rights = to_imap::rights(shared.rights);
            let name = format!("{OTHERS}/{}/{}", shared.owner, shared.mailbox.path);
            let Ok(name) = MailboxName::new(&name) else {
                continue;
            };
            if !shared.mailbox.selectable || !rights.has(Rights::LOOKUP) {
                continue;
            }
            let deleted = if deleted && rights.has(Rights::READ) {
                let counted = store.deleted_in(shared.mailbox.id).await;
                counted.map_err(failed)?
            } else {
                Usage::default()
            };
            infos.push(MailboxInfo {
                // What its owner uses it for is nothing to others.
                special_use: None,
                subscribed: subscribed.contains(name.as_str()),
                selectable: true,
                exists: true,
                rights,
                status: to_imap::status(&shared.mailbox, deleted),
                name,
            });
        }
        Ok(infos)
    }

    /// What happens in the accounts of these wakes the session from now on.
    pub(super) async fn watch(&mut self, gate: &Gate, owners: &[String]) -> Result<Answer, Error> {
        let mut watched = Vec::with_capacity(owners.len());
        for owner in owners {
            let Some(owner) = self.other(gate, owner).await? else {
                continue;
            };
            let mut before = self.watched.iter();
            let place = before.position(|(account, _)| *account == owner.id);
            watched.push(match place {
                Some(place) => self.watched.swap_remove(place),
                None => {
                    let mut changes = gate.parts().store.subscribe(owner.id);
                    // It may have changed since it was looked at.
                    changes.mark_changed();
                    (owner.id, News::At(changes))
                }
            });
        }
        self.watched = watched;
        Ok(Answer::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_into_accounts() {
        for own in [
            "INBOX",
            "Other",
            "Other users2",
            "other users/a/b",
            "a/Other users/b",
        ] {
            assert_eq!(named(own), Named::Own(own));
        }
        for level in ["Other users", "Other users/bob@a.test"] {
            assert_eq!(named(level), Named::Level);
        }
        let (owner, path) = ("bob@a.test", "INBOX/x");
        assert_eq!(
            named("Other users/bob@a.test/INBOX/x"),
            Named::Other { owner, path }
        );
    }

    #[test]
    fn what_may_not_be_known_is_not_there() {
        let rights = |letters| Rights::parse(letters).unwrap();
        assert_eq!(permitted(rights("r"), Rights::READ), Ok(()));
        assert_eq!(
            permitted(rights("l"), Rights::READ),
            Err(Error::NoPermission)
        );
        let hidden = permitted(rights("rswipkxtea"), Rights::LOOKUP);
        assert_eq!(hidden, Err(Error::NonExistent));
    }
}
