//! Accounts of others, as somebody sees them who was granted rights to some of their mailboxes (RFC 8620 §1.6.2, RFC 8621 §2, RFC 4314).
//!
//! What is seen is what IMAP lists in the namespace of other users: mailboxes with the right `l`, and the mail of those that have `r`, too.
//! Flags are shared, `\Seen` among them; what its owner uses a mailbox for is nothing to others.
//!
//! Invariants: whatever is answered of such an account is of its [`Visible`] part, looked up anew for each question, and thrown away where
//! the part was another one when the answer was ready; whatever is not in it looks as if it were not there. A state says which part it is
//! of, so that changes are told only within one and the same.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use waxwing_imap::types::Rights;
use waxwing_jmap::{Access, Mailbox, MailboxId, MailboxRights, Mailboxes, Role};
use waxwing_store::{Account, AccountId, Error, OTHERS, SharedMailbox, Store, Visible};

use super::mail::unsigned;
use super::mailboxes::{INBOX, SHOWN};

/// Bits of a state that are a modification sequence; the others tell which part of an account it is of.
const MODSEQ: u32 = 40;
const LOW: u64 = (1 << MODSEQ) - 1;
/// What is lent a mailbox's mail to be read (RFC 8621 §2: mayReadItems).
const READ: Rights = Rights::LOOKUP.with(Rights::READ);

/// An account of somebody else, as it is seen.
#[derive(Debug, Clone)]
pub(super) struct Other {
    pub(super) id: AccountId,
    /// The owner's address.
    pub(super) address: String,
    pub(super) visible: Visible,
    /// By path.
    mailboxes: Vec<Shown>,
    /// Tells what is seen, and what may be done with it, from anything else.
    mark: u64,
}

/// A mailbox of somebody else.
#[derive(Debug, Clone)]
struct Shown {
    mailbox: waxwing_store::Mailbox,
    rights: Rights,
    /// By whoever sees it.
    subscribed: bool,
}

/// All accounts of others of which somebody sees something.
pub(super) async fn all(store: &Store, viewer: AccountId) -> Result<Vec<Other>, Error> {
    let shared = store.shared_with(viewer).await?;
    gather(store, viewer, shared).await
}

/// One of them.
pub(super) async fn one(
    store: &Store,
    viewer: AccountId,
    account: AccountId,
) -> Result<Option<Other>, Error> {
    Ok(some(store, viewer, &[account]).await?.pop())
}

/// Some of them.
pub(super) async fn some(
    store: &Store,
    viewer: AccountId,
    accounts: &[AccountId],
) -> Result<Vec<Other>, Error> {
    let mut owners = Vec::with_capacity(accounts.len());
    for account in accounts {
        owners.extend(store.directory().account_by_id(*account).await?);
    }
    let owners = owners.iter().map(|owner| owner.address.as_str());
    let shared = store.shared_by(owners, viewer).await?;
    let mut found = gather(store, viewer, shared).await?;
    found.retain(|other| accounts.contains(&other.id));
    Ok(found)
}

async fn gather(
    store: &Store,
    viewer: AccountId,
    shared: Vec<SharedMailbox>,
) -> Result<Vec<Other>, Error> {
    let mut seen: Vec<(String, Shown)> = Vec::with_capacity(shared.len());
    for found in shared {
        let rights = Rights::from_bits(u16::try_from(found.rights).unwrap_or(0));
        if found.mailbox.selectable && rights.has(Rights::LOOKUP) {
            let shown = Shown {
                mailbox: found.mailbox,
                rights,
                subscribed: false,
            };
            seen.push((found.owner, shown));
        }
    }
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    let subscriptions: HashSet<String> = store.subscriptions(viewer).await?.into_iter().collect();
    for (owner, shown) in &mut seen {
        let name = format!("{OTHERS}/{owner}/{}", shown.mailbox.path);
        shown.subscribed = subscriptions.contains(&name);
    }
    let of_owners = seen.chunk_by(|(_, a), (_, b)| a.mailbox.account == b.mailbox.account);
    Ok(of_owners.filter_map(Other::of).collect())
}

impl Other {
    /// From the mailboxes of an owner.
    fn of(seen: &[(String, Shown)]) -> Option<Self> {
        let (address, first) = seen.first()?;
        let mailboxes: Vec<Shown> = seen.iter().map(|(_, shown)| shown.clone()).collect();
        let visible = mailboxes
            .iter()
            .map(|shown| (shown.mailbox.id, shown.rights.has(READ)));
        let mut other = Self {
            id: first.mailbox.account,
            address: address.clone(),
            visible: Visible::of(visible),
            mailboxes,
            mark: 0,
        };
        other.mark = other.marked();
        Some(other)
    }

    /// What a client may do where it is told of no mailbox: as the Session object has it.
    pub(super) fn access(&self) -> Access {
        Access {
            id: waxwing_jmap::AccountId(unsigned(self.id.0)),
            name: self.address.clone(),
            personal: false,
            read_only: true,
        }
    }

    /// Whether somebody sees exactly the same.
    pub(super) fn is_as(&self, before: &Self) -> bool {
        (self.id, self.mark) == (before.id, before.mark)
    }

    /// A state of this part of the account.
    pub(super) const fn state(&self, modseq: u64) -> u64 {
        (self.mark << MODSEQ) | (modseq & LOW)
    }

    /// The modification sequence of a state, if it is one of this part.
    pub(super) fn modseq(&self, state: u64) -> Option<u64> {
        let modseq = state & LOW;
        (self.state(modseq) == state).then_some(modseq)
    }

    /// How it is now.
    pub(super) async fn now(&self, store: &Store) -> Result<u64, Error> {
        let modseq = store.visible_state(self.id, &self.visible).await?;
        Ok(self.state(modseq))
    }

    /// Where a mailbox is shown: in the nearest one above it that is seen, by the rest of its path, as IMAP names all of it.
    fn place<'p>(
        &self,
        path: &'p str,
        ids: &HashMap<&str, MailboxId>,
    ) -> (Option<MailboxId>, &'p str) {
        let mut ends = path.rmatch_indices('/').map(|(at, _)| at);
        let found = ends.find_map(|at| Some((*ids.get(path.get(..at)?)?, path.get(at + 1..)?)));
        found.map_or((None, path), |(above, name)| (Some(above), name))
    }

    fn ids(&self) -> HashMap<&str, MailboxId> {
        let ids = self.mailboxes.iter().map(|shown| {
            let id = MailboxId(unsigned(shown.mailbox.id.0));
            (shown.mailbox.path.as_str(), id)
        });
        ids.collect()
    }

    /// What tells this part from another: which mailboxes there are and what may be done in them; how they are called where that changes
    /// with others, which do not show; and what is the viewer's own of them, which no log of the account has.
    fn marked(&self) -> u64 {
        let ids = self.ids();
        let mut digest = Sha256::new();
        for shown in &self.mailboxes {
            digest.update(shown.mailbox.id.0.to_be_bytes());
            digest.update(shown.rights.bits().to_be_bytes());
            digest.update([u8::from(shown.subscribed)]);
            let (above, name) = self.place(&shown.mailbox.path, &ids);
            digest.update(above.map_or(0, |above| above.0).to_be_bytes());
            if name.contains('/') || above.is_none() {
                digest.update(name);
            }
            digest.update([0]);
        }
        let [a, b, c, ..] = <[u8; 32]>::from(digest.finalize());
        u64::from_be_bytes([0, 0, 0, 0, 0, a, b, c])
    }

    /// The mailboxes as JMAP has them.
    pub(super) fn mailboxes(&self, state: u64) -> Mailboxes {
        let ids = self.ids();
        let mailbox = |shown: &Shown| {
            let path = shown.mailbox.path.as_str();
            let (parent, name) = self.place(path, &ids);
            let inbox = path == INBOX;
            Mailbox {
                id: MailboxId(unsigned(shown.mailbox.id.0)),
                name: if inbox { SHOWN } else { name }.to_owned(),
                parent,
                role: inbox.then_some(Role::Inbox),
                subscribed: shown.subscribed,
                rights: may(shown.rights, inbox),
                sort_order: None,
            }
        };
        Mailboxes {
            state,
            list: self.mailboxes.iter().map(mailbox).collect(),
        }
    }
}

/// RFC 8621 §2: what rights (RFC 4314) let do.
fn may(rights: Rights, inbox: bool) -> MailboxRights {
    let has = |right: Rights| rights.has(right.with(Rights::LOOKUP));
    MailboxRights {
        read_items: has(Rights::READ),
        add_items: has(Rights::INSERT),
        remove_items: has(Rights::DELETED.with(Rights::EXPUNGE)),
        set_seen: has(Rights::SEEN),
        set_keywords: has(Rights::WRITE),
        create_child: has(Rights::MAKE),
        rename: has(Rights::REMOVE) && !inbox,
        delete: has(Rights::REMOVE) && !inbox,
        submit: has(Rights::POST),
    }
}

/// Who sees an account: its owner, or somebody a part of it.
#[derive(Debug, Clone)]
pub(super) enum Sees {
    All(AccountId),
    Part(Arc<Other>),
}

impl Sees {
    pub(super) fn account(&self) -> AccountId {
        match self {
            Self::All(account) => *account,
            Self::Part(other) => other.id,
        }
    }

    /// The account's state, for who sees it.
    pub(super) async fn state(&self, store: &Store) -> Result<u64, Error> {
        match self {
            Self::All(account) => store.account_state(*account).await,
            Self::Part(other) => other.now(store).await,
        }
    }
}

/// What of an account somebody sees; none if nothing.
pub(super) async fn sees(
    store: &Store,
    viewer: &Account,
    account: waxwing_jmap::AccountId,
) -> Result<Option<Sees>, Error> {
    let account = AccountId(i64::try_from(account.0).unwrap_or(i64::MAX));
    if account == viewer.id {
        return Ok(Some(Sees::All(account)));
    }
    let other = one(store, viewer.id, account).await?;
    Ok(other.map(|other| Sees::Part(Arc::new(other))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(mailboxes: &[(i64, &str, &str)]) -> Other {
        let shown = |(id, path, rights): &(i64, &str, &str)| {
            let mailbox = waxwing_store::Mailbox {
                id: waxwing_store::MailboxId(*id),
                account: AccountId(9),
                path: (*path).to_owned(),
                special_use: Some(waxwing_store::SpecialUse::Trash),
                subscribed: true,
                selectable: true,
                uid_validity: 1,
                uid_next: 1,
                highest_modseq: 1,
                messages: 0,
                unseen: 0,
                bytes: 0,
                recent_from: 1,
            };
            let shown = Shown {
                mailbox,
                rights: Rights::parse(rights).unwrap(),
                subscribed: false,
            };
            ("bob@waxwing.test".to_owned(), shown)
        };
        let seen: Vec<_> = mailboxes.iter().map(shown).collect();
        Other::of(&seen).unwrap()
    }

    #[test]
    fn a_mailbox_is_in_the_nearest_one_that_is_seen() {
        let other = other(&[(1, "A", "lr"), (2, "A/x/B", "l"), (3, "C/D", "lrswipkxte")]);
        let all = other.mailboxes(7).list;
        let names: Vec<_> = all.iter().map(|it| (it.name.as_str(), it.parent)).collect();
        assert_eq!(
            names,
            [("A", None), ("x/B", Some(MailboxId(1))), ("C/D", None)]
        );
        assert!(all.iter().all(|it| it.role.is_none() && !it.subscribed));
        let may = |nth: usize| all[nth].rights;
        assert!(may(0).read_items && !may(0).add_items && !may(1).read_items);
        assert!(may(2).remove_items && may(2).submit && may(2).rename);
    }

    #[test]
    fn a_state_is_of_one_part() {
        let parts = [
            other(&[(1, "A", "lr")]),
            other(&[(1, "A", "l")]),
            other(&[(1, "A", "lrs")]),
            other(&[(2, "A", "lr")]),
            other(&[(1, "A", "lr"), (2, "B", "lr")]),
        ];
        for (at, one) in parts.iter().enumerate() {
            for (nth, another) in parts.iter().enumerate() {
                let state = another.state(77);
                assert_eq!(one.modseq(state), (at == nth).then_some(77));
                assert_eq!(one.is_as(another), at == nth);
            }
        }
    }
}
