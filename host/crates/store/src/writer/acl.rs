//! Changes of access control lists (RFC 4314).

use super::Operation;
use super::transaction::Transaction;
use crate::acl::MAX_ACL;
use crate::database::Value;
use crate::statement::Sql;
use crate::{AccountId, AclChange, Error, Grantee, MailboxId, Result, RightsOperation};

static LIST: Sql = Sql::new("SELECT grantee, negative, rights FROM acl WHERE mailbox = $1");
static GRANTEE: Sql = Sql::new("SELECT count(*) FROM accounts WHERE id = $1");
static SET: Sql = Sql::new(
    "INSERT INTO acl (mailbox, grantee, negative, rights) VALUES ($1, $2, $3, $4)
     ON CONFLICT (mailbox, grantee, negative) DO UPDATE SET rights = excluded.rights",
);
static REMOVE: Sql =
    Sql::new("DELETE FROM acl WHERE mailbox = $1 AND grantee = $2 AND negative = $3");
static REMOVE_LIST: Sql = Sql::new("DELETE FROM acl WHERE mailbox = $1");
static INHERIT: Sql = Sql::new(
    "INSERT INTO acl (mailbox, grantee, negative, rights)
     SELECT CAST($1 AS BIGINT), grantee, negative, rights FROM acl WHERE mailbox = $2",
);
static REMOVE_LISTS_OF: Sql =
    Sql::new("DELETE FROM acl WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = $1)");
static REMOVE_GRANTEE: Sql = Sql::new("DELETE FROM acl WHERE grantee = $1");

/// A change of a list.
#[derive(Debug)]
pub(crate) struct ChangeAcl {
    pub(crate) owner: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) change: AclChange,
}

impl Operation for ChangeAcl {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        match self.change.grantee {
            Grantee::Account(account) => vec![self.owner, account],
            Grantee::Anyone => vec![self.owner],
        }
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let owner = transaction.heads.account(self.owner)?;
        owner.mailbox(self.mailbox)?;
        let AclChange {
            grantee,
            negative,
            operation,
            rights,
        } = self.change;
        if let Grantee::Account(account) = grantee {
            if account == self.owner {
                return Err(Error::NotAllowed("the owner has all rights"));
            }
            let rows = transaction.fetch(&GRANTEE, vec![account.0.into()]).await?;
            if rows.first().map_or(Ok(0), |row| row.int(0))? == 0 {
                return Err(Error::NoSuchAccount(account.to_string()));
            }
        }
        let key = (grantee.number(), i64::from(negative));
        let rows = transaction
            .fetch(&LIST, vec![self.mailbox.0.into()])
            .await?;
        let mut known = None;
        for row in &rows {
            if (row.int(0)?, row.int(1)?) == key {
                known = Some(row.number(2)?);
            }
        }
        let had: u32 = known.unwrap_or(0);
        let has = match operation {
            RightsOperation::Replace => rights,
            RightsOperation::Add => had | rights,
            RightsOperation::Remove => had & !rights,
        };
        if has == had {
            return Ok(());
        }
        if known.is_none() && rows.len() >= MAX_ACL {
            return Err(Error::TooLarge {
                what: "access control list",
                size: rows.len() + 1,
                limit: MAX_ACL,
            });
        }
        let mut values: Vec<Value> = vec![self.mailbox.0.into(), key.0.into(), key.1.into()];
        if has == 0 {
            transaction.execute(&REMOVE, values).await?;
        } else {
            values.push(i64::from(has).into());
            transaction.execute(&SET, values).await?;
        }
        // Sessions of others look at their rights again when they are woken, and who watches no mailbox of this owner yet is woken by his own account.
        transaction.heads.account(self.owner)?.next_modseq();
        if let Grantee::Account(account) = self.change.grantee {
            transaction.heads.account(account)?.next_modseq();
        }
        Ok(())
    }
}

/// A new mailbox is as open as the one above it (RFC 4314 §4).
pub(super) async fn inherit(
    transaction: &mut Transaction,
    mailbox: MailboxId,
    above: MailboxId,
) -> Result<()> {
    let values = vec![mailbox.0.into(), above.0.into()];
    transaction.execute(&INHERIT, values).await?;
    Ok(())
}

/// The list goes with its mailbox (RFC 4314 §4).
pub(super) async fn remove(transaction: &mut Transaction, mailbox: MailboxId) -> Result<()> {
    let values = vec![mailbox.0.into()];
    transaction.execute(&REMOVE_LIST, values).await?;
    Ok(())
}

/// An account goes: with the lists of its mailboxes, and from those of others.
pub(super) async fn remove_account(
    transaction: &mut Transaction,
    account: AccountId,
) -> Result<()> {
    for sql in [&REMOVE_LISTS_OF, &REMOVE_GRANTEE] {
        transaction.execute(sql, vec![account.0.into()]).await?;
    }
    Ok(())
}
