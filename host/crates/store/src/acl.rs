//! Who beside its owner may do what in a mailbox (RFC 4314).
//!
//! Rights are bits, whose meaning is the protocol's. What accounts are granted adds up, and what they are denied is taken from the sum,
//! whoever granted it. The owner is in no list: nobody asks about him.
//!
//! Invariants: a list goes with its mailbox, and an account's entries with the account, whose number nobody else gets; a new mailbox has
//! the list of the one above it.

use crate::database::Row;
use crate::mailboxes::mailbox_of_row;
use crate::statement::Sql;
use crate::writer::acl::ChangeAcl;
use crate::{AccountId, Mailbox, MailboxId, Result, Store};

/// Most entries of one list.
pub const MAX_ACL: usize = 128;
/// Most entries that are read to find out what an account can see of others.
const MAX_SEEN: i64 = 8192;

/// Whom an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grantee {
    /// An account.
    Account(AccountId),
    /// Every account of the owner's domain.
    Anyone,
}

impl Grantee {
    /// The number that stands for it in the database.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Account(account) => account.0,
            Self::Anyone => 0,
        }
    }
}

/// An entry of an access control list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclEntry {
    /// Whom it is about.
    pub grantee: Grantee,
    /// The address of that account; empty for [`Grantee::Anyone`].
    pub address: String,
    /// The rights are taken away.
    pub negative: bool,
    /// Which rights.
    pub rights: u32,
}

/// What is done with the rights of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsOperation {
    /// The entry has these rights and no others.
    Replace,
    /// It has these, too.
    Add,
    /// It has these no longer.
    Remove,
}

/// A change of an access control list. An entry that is left without rights goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclChange {
    /// Whom the entry is about.
    pub grantee: Grantee,
    /// Whether it is the one that takes rights away.
    pub negative: bool,
    /// What is done.
    pub operation: RightsOperation,
    /// With which rights.
    pub rights: u32,
}

/// A mailbox of another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedMailbox {
    /// The owner's address.
    pub owner: String,
    /// The mailbox; `subscribed` says nothing.
    pub mailbox: Mailbox,
    /// What may be done in it.
    pub rights: u32,
}

static ACL_OF: Sql = Sql::new(
    "SELECT l.grantee, l.negative, l.rights, coalesce(a.address, '') AS address FROM acl l LEFT JOIN accounts a ON a.id = l.grantee
     WHERE l.mailbox = $1 ORDER BY address, l.negative",
);
static RIGHTS_OF: Sql = Sql::new(
    "SELECT l.negative, l.rights FROM acl l JOIN mailboxes m ON m.id = l.mailbox JOIN accounts o ON o.id = m.account
     JOIN accounts a ON a.id = $2 WHERE l.mailbox = $1 AND (l.grantee = a.id OR (l.grantee = 0 AND o.domain = a.domain))",
);
// What is taken away comes first: where the bound cuts a list short, it is what is granted that is lost.
static SHARED_WITH: Sql = Sql::new(
    "SELECT m.id, m.account, m.path, m.special_use, m.selectable, m.uid_validity, m.uid_next, m.highest_modseq, m.messages, m.unseen,
     m.bytes, m.recent_from, CAST(0 AS BIGINT), o.address, l.negative, l.rights
     FROM accounts a JOIN acl l ON l.grantee IN (a.id, 0) JOIN mailboxes m ON m.id = l.mailbox JOIN accounts o ON o.id = m.account
     WHERE a.id = $1 AND m.account <> a.id AND (l.grantee = a.id OR o.domain = a.domain)
     ORDER BY o.address, m.path, m.id, l.negative DESC LIMIT $2",
);

/// What is granted, and what of it is taken away.
#[derive(Default)]
struct Sum {
    granted: u32,
    denied: u32,
}

impl Sum {
    /// Adds the columns negative and rights.
    fn add(&mut self, row: &Row, column: usize) -> Result<()> {
        let rights = row.number(column + 1)?;
        if row.int(column)? == 0 {
            self.granted |= rights;
        } else {
            self.denied |= rights;
        }
        Ok(())
    }

    fn rights(&self) -> u32 {
        self.granted & !self.denied
    }
}

impl Store {
    /// The access control list of a mailbox, by address; everybody of the domain comes first.
    ///
    /// # Errors
    /// Only those of the database: a mailbox that is not there has no entries.
    pub async fn acl(&self, mailbox: MailboxId) -> Result<Vec<AclEntry>> {
        let rows = self
            .inner
            .readers
            .fetch(&ACL_OF, vec![mailbox.0.into()])
            .await?;
        let entry = |row: &Row| {
            Ok(AclEntry {
                grantee: match row.int(0)? {
                    0 => Grantee::Anyone,
                    account => Grantee::Account(AccountId(account)),
                },
                negative: row.int(1)? != 0,
                rights: row.number(2)?,
                address: row.text(3)?,
            })
        };
        rows.iter().map(entry).collect()
    }

    /// What an account that is not the owner may do in a mailbox.
    ///
    /// # Errors
    /// Only those of the database: in a mailbox that is not there nothing may be done.
    pub async fn rights(&self, mailbox: MailboxId, account: AccountId) -> Result<u32> {
        let arguments = vec![mailbox.0.into(), account.0.into()];
        let mut sum = Sum::default();
        for row in &self.inner.readers.fetch(&RIGHTS_OF, arguments).await? {
            sum.add(row, 0)?;
        }
        Ok(sum.rights())
    }

    /// Mailboxes of others in which the account may do anything, by owner and path.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn shared_with(&self, account: AccountId) -> Result<Vec<SharedMailbox>> {
        let arguments = vec![account.0.into(), MAX_SEEN.into()];
        let rows = self.inner.readers.fetch(&SHARED_WITH, arguments).await?;
        let mut shared: Vec<(SharedMailbox, Sum)> = Vec::new();
        for row in &rows {
            let id = MailboxId(row.int(0)?);
            if shared.last().is_none_or(|(last, _)| last.mailbox.id != id) {
                let mut mailbox = mailbox_of_row(row)?;
                mailbox.recent_from = self.recent_mark(&mailbox);
                let found = SharedMailbox {
                    owner: row.text(13)?,
                    mailbox,
                    rights: 0,
                };
                shared.push((found, Sum::default()));
            }
            if let Some((found, sum)) = shared.last_mut() {
                sum.add(row, 14)?;
                found.rights = sum.rights();
            }
        }
        let found = shared.into_iter().map(|(found, _)| found);
        Ok(found.filter(|found| found.rights != 0).collect())
    }

    /// Changes the access control list of a mailbox. Those who watch its owner's account are told.
    ///
    /// # Errors
    /// `NoSuchMailbox`; `NoSuchAccount` (the grantee's); `NotAllowed` for the owner; `TooLarge` (too many entries).
    pub async fn change_acl(
        &self,
        owner: AccountId,
        mailbox: MailboxId,
        change: AclChange,
    ) -> Result<()> {
        let change = ChangeAcl {
            owner,
            mailbox,
            change,
        };
        self.inner.writer.write(change).await
    }
}
