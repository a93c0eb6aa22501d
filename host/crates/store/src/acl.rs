//! Who beside its owner may do what in a mailbox (RFC 4314).
//!
//! Rights are bits, whose meaning is the protocol's. What accounts are granted adds up, and what they are denied is taken from the sum,
//! whoever granted it. The owner is in no list: nobody asks about him.
//!
//! Invariants: a list goes with its mailbox, and an account's entries with the account, whose number nobody else gets; a new mailbox has
//! the list of the one above it.

use crate::database::Row;
use crate::mailboxes::mailbox_of_row;
use crate::statement::{Rows, Sql};
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
// The first entries of every owner come first: where the bound cuts the list short, who shares most loses most. Of an owner they are in order,
// and of a mailbox what is taken away comes first: it is what is granted that is lost.
macro_rules! shared {
    ($from:literal) => {
        Sql::new(concat!(
            "SELECT id, account, path, special_use, selectable, uid_validity, uid_next, highest_modseq, messages, unseen,
             bytes, recent_from, CAST(0 AS BIGINT), address, negative, rights FROM
             (SELECT m.*, o.address, l.negative, l.rights,
              row_number() OVER (PARTITION BY m.account ORDER BY m.path, m.id, l.negative DESC) AS place FROM ",
            $from,
            " WHERE a.id = $1 AND m.account <> a.id AND (l.grantee = a.id OR l.grantee = 0 AND o.domain = a.domain)) AS s
             ORDER BY place, address LIMIT $2"
        ))
    };
}
static SHARED_WITH: Sql = shared!(
    "accounts a JOIN acl l ON l.grantee IN (a.id, 0) JOIN mailboxes m ON m.id = l.mailbox JOIN accounts o ON o.id = m.account"
);
static SHARED_BY: Sql = shared!(
    "{3: address t} AS r JOIN accounts o ON o.address = r.address JOIN mailboxes m ON m.account = o.id JOIN acl l ON l.mailbox = m.id
     CROSS JOIN accounts a"
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
        self.shared(rows)
    }

    /// The same, of some owners by their addresses.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn shared_by<'a>(
        &self,
        owners: impl IntoIterator<Item = &'a str>,
        account: AccountId,
    ) -> Result<Vec<SharedMailbox>> {
        let mut addresses = Rows::default();
        for owner in owners {
            addresses.row().str(owner);
        }
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let arguments = vec![account.0.into(), MAX_SEEN.into(), addresses.into()];
        let rows = self.inner.readers.fetch(&SHARED_BY, arguments).await?;
        self.shared(rows)
    }

    fn shared(&self, rows: Vec<Row>) -> Result<Vec<SharedMailbox>> {
        let key = |row: &Row| -> Result<_> { Ok((row.text(13)?, row.text(2)?, row.int(0)?)) };
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            keyed.push((key(&row)?, row));
        }
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let rows = keyed.into_iter().map(|(_, row)| row);
        let mut shared: Vec<(SharedMailbox, Sum)> = Vec::new();
        for row in rows {
            let id = MailboxId(row.int(0)?);
            if shared.last().is_none_or(|(last, _)| last.mailbox.id != id) {
                let mut mailbox = mailbox_of_row(&row)?;
                mailbox.recent_from = self.recent_mark(&mailbox);
                let found = SharedMailbox {
                    owner: row.text(13)?,
                    mailbox,
                    rights: 0,
                };
                shared.push((found, Sum::default()));
            }
            if let Some((found, sum)) = shared.last_mut() {
                sum.add(&row, 14)?;
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
