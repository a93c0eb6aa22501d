//! Who may do what: mailboxes of others are under `Other users/`, and `% acl OWNER MAILBOX IDENTIFIER RIGHTS` shares one.

use waxwing_imap::types::{MailboxInfo, MailboxName, Rights, RightsChange};
use waxwing_imap::{Answer, Ask, Error, Grantable, Others};

use super::{Fake, Mailbox};

const DOMAIN: &str = "waxwing.test";

/// The owner's address, if a mailbox is somebody else's.
fn owner(name: &MailboxName) -> Option<&str> {
    let rest = name.as_str().strip_prefix("Other users/")?;
    Some(rest.split_once('/')?.0)
}

/// Whether a name is kept for the mailboxes of others.
fn is_others(name: &MailboxName) -> bool {
    name.as_str().split('/').next() == Some("Other users")
}

/// An identifier with its domain.
fn whole(identifier: &str) -> String {
    if identifier.contains('@') || identifier.trim_start_matches('-') == "anyone" {
        identifier.to_lowercase()
    } else {
        format!("{}@{DOMAIN}", identifier.to_lowercase())
    }
}

fn change(mailbox: &mut Mailbox, identifier: &str, change: RightsChange) {
    let identifier = whole(identifier);
    let had = mailbox.acl.iter().position(|(who, _)| *who == identifier);
    let had = had.map_or(Rights::NONE, |at| mailbox.acl.remove(at).1);
    let has = match change {
        RightsChange::Replace(rights) => rights,
        RightsChange::Add(rights) => had.with(rights),
        RightsChange::Remove(rights) => had.without(rights),
    };
    if has != Rights::NONE {
        mailbox.acl.push((identifier, has));
    }
    let key = |who: &str| {
        let name = who.trim_start_matches('-').to_owned();
        (name != "anyone", name, who.starts_with('-'))
    };
    mailbox.acl.sort_by_key(|(who, _)| key(who));
}

impl Fake {
    /// `% acl OWNER MAILBOX IDENTIFIER RIGHTS`
    pub(super) fn share(&mut self, directive: &str) {
        let words: Vec<&str> = directive.split(' ').collect();
        let path = format!("Other users/{}@{DOMAIN}/{}", words[0], words[1]);
        let name = MailboxName::new(&path).unwrap();
        if self.find(&name).is_err() {
            let id = self.mailboxes.len() as i64 + 1;
            self.mailboxes
                .push(Mailbox::new(id, name.clone(), None, false));
        }
        let rights = RightsChange::parse(words[3]).unwrap();
        change(self.find(&name).unwrap(), words[2], rights);
    }

    /// Where a mailbox of an account is: that of others are where they are shared.
    pub(super) fn path(&self, account: &str, mailbox: &str) -> String {
        let others = format!("Other users/{account}@{DOMAIN}/{mailbox}");
        let shared = self.mailboxes.iter().any(|m| m.name.as_str() == others);
        if shared { others } else { mailbox.to_owned() }
    }

    /// All mailboxes that the session may know of.
    pub(super) fn visible(&self, others: &Others) -> Answer {
        let meant = |mailbox: &&Mailbox| match (owner(&mailbox.name), others) {
            (Some(owner), Others::Of { owners, subscribed }) => {
                owners.iter().any(|meant| meant == owner) || *subscribed && mailbox.subscribed
            }
            _ => true,
        };
        let all = self.mailboxes.iter().filter(meant);
        let infos = all.map(|mailbox| {
            let rights = self.rights(mailbox);
            let mut info = info(mailbox, rights);
            // What may not be known is at most the name of a subscription.
            info.exists &= rights.has(Rights::LOOKUP);
            info.selectable &= info.exists;
            info
        });
        let known = infos.filter(|info| info.exists || info.subscribed);
        Answer::Mailboxes(known.collect())
    }

    /// What the session may do in a mailbox.
    pub(super) fn rights(&self, mailbox: &Mailbox) -> Rights {
        if owner(&mailbox.name).is_none() {
            return Rights::ALL;
        }
        let of = |sign: &str| {
            let entries = mailbox.acl.iter().filter(|(who, _)| {
                *who == format!("{sign}{}", self.account) || *who == format!("{sign}anyone")
            });
            entries.fold(Rights::NONE, |sum, (_, rights)| sum.with(*rights))
        };
        of("").without(of("-"))
    }

    pub(super) fn rights_by_id(&self, id: waxwing_imap::types::MailboxId) -> Rights {
        let mut all = self.mailboxes.iter();
        let found = all.find(|mailbox| mailbox.id == id);
        found.map_or(Rights::NONE, |mailbox| self.rights(mailbox))
    }

    /// The mailbox of a name, if this may be done there.
    pub(super) fn may(&mut self, name: &MailboxName, need: Rights) -> Result<&mut Mailbox, Error> {
        let rights = match self.find(name) {
            Ok(_) => {
                let mut all = self.mailboxes.iter();
                self.rights(all.find(|m| m.name == *name && m.exists).unwrap())
            }
            Err(error) => return Err(error),
        };
        if rights.has(need) {
            self.find(name)
        } else if rights.has(Rights::LOOKUP) {
            Err(Error::NoPermission)
        } else {
            Err(Error::NonExistent)
        }
    }

    /// A mailbox beside the selected one.
    pub(super) fn look(&mut self, name: &MailboxName) -> Result<Answer, Error> {
        let modseq = self.modseq;
        let found = self.may(name, Rights::READ)?;
        Ok(Answer::Selected(found.snapshot(modseq, true)))
    }

    /// Whether a mailbox may be made of this name.
    pub(super) fn may_make(&mut self, name: &MailboxName) -> Result<(), Error> {
        if !is_others(name) {
            return Ok(());
        }
        if owner(name).is_none() {
            return Err(Error::Cannot(
                "that name is for the mailboxes of others".into(),
            ));
        }
        for (end, _) in name.as_str().rmatch_indices('/') {
            let above = MailboxName::new(&name.as_str()[..end]).unwrap();
            if self.find(&above).is_ok() {
                let made = self.may(&above, Rights::MAKE);
                return made.map(drop).map_err(|_| Error::NoPermission);
            }
        }
        Err(Error::NoPermission)
    }

    pub(super) fn acl(&mut self, ask: Ask) -> Result<Answer, Error> {
        let me = self.account.clone();
        let of = |name: &MailboxName| owner(name).map_or_else(|| me.clone(), str::to_owned);
        Ok(match ask {
            Ask::Acl { mailbox } => {
                let found = self.may(&mailbox, Rights::ADMINISTER)?;
                let mut entries = vec![(of(&mailbox), Rights::ALL)];
                entries.extend(found.acl.clone());
                Answer::Acl(entries)
            }
            Ask::SetAcl {
                mailbox,
                identifier,
                change: how,
            } => {
                let found = self.may(&mailbox, Rights::ADMINISTER)?;
                check(&identifier)?;
                if whole(identifier.trim_start_matches('-')) == of(&mailbox) {
                    return Err(Error::Cannot("the owner has all rights".into()));
                }
                change(found, &identifier, how);
                Answer::Done
            }
            Ask::ListRights {
                mailbox,
                identifier,
            } => {
                self.may(&mailbox, Rights::ADMINISTER)?;
                check(&identifier)?;
                let owner = whole(identifier.trim_start_matches('-')) == of(&mailbox);
                Answer::Grantable(match (owner, identifier.starts_with('-')) {
                    (true, true) => Grantable::default(),
                    (true, false) => Grantable {
                        always: Rights::ALL,
                        optional: Rights::NONE,
                    },
                    (false, _) => Grantable {
                        always: Rights::NONE,
                        optional: Rights::ALL,
                    },
                })
            }
            Ask::MyRights { mailbox } => {
                self.find(&mailbox)?;
                let mut all = self.mailboxes.iter();
                let found = all.find(|m| m.name == mailbox && m.exists).unwrap();
                let rights = self.rights(found);
                let any = Rights::parse("lrikxa").unwrap();
                if !rights.has_any(any) {
                    return Err(Error::NonExistent);
                }
                Answer::Rights(rights)
            }
            _ => super::unavailable(),
        })
    }
}

fn info(mailbox: &Mailbox, rights: Rights) -> MailboxInfo {
    MailboxInfo {
        name: mailbox.name.clone(),
        special_use: mailbox.special_use,
        subscribed: mailbox.subscribed,
        selectable: mailbox.exists,
        exists: mailbox.exists,
        rights,
        status: mailbox.status(),
    }
}

/// Everybody has an account but `nobody`.
fn check(identifier: &str) -> Result<(), Error> {
    if identifier.contains("nobody") {
        return Err(Error::Cannot("there is no account of that name".into()));
    }
    Ok(())
}
