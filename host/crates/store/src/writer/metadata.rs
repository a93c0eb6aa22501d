//! Changes of what clients note of mailboxes (RFC 5464 §4.3).

use std::collections::BTreeMap;

use super::Operation;
use super::transaction::Transaction;
use crate::database::Value;
use crate::metadata::{MAX_METADATA, MAX_METADATA_ENTRIES, MAX_METADATA_VALUE};
use crate::statement::Sql;
use crate::{AccountId, Error, MailboxId, MetadataChange, MetadataOf, Result};

static SIZES: Sql = Sql::new(
    "SELECT entry, CAST(length(value) + length(entry) AS BIGINT) FROM metadata WHERE mailbox = $1 AND account = $2",
);
static OWN: Sql = Sql::new(
    "SELECT CAST(coalesce(sum(length(value) + length(entry)), 0) AS BIGINT) FROM metadata WHERE account = $1",
);
static SHARED: Sql = Sql::new(
    "SELECT CAST(coalesce(sum(length(d.value) + length(d.entry)), 0) AS BIGINT) FROM mailboxes m JOIN metadata d ON d.mailbox = m.id
     WHERE m.account = $1 AND d.account = 0",
);
static SET: Sql = Sql::new(
    "INSERT INTO metadata (mailbox, account, entry, value) VALUES ($1, $2, $3, $4)
     ON CONFLICT (mailbox, account, entry) DO UPDATE SET value = excluded.value WHERE metadata.value <> excluded.value",
);
static REMOVE: Sql =
    Sql::new("DELETE FROM metadata WHERE mailbox = $1 AND account = $2 AND entry = $3");
static NEXT: Sql =
    Sql::new("UPDATE sequences SET next = next + 1 WHERE name = 'metadata' RETURNING next");
static LOG: Sql = Sql::new(
    "INSERT INTO metadata_changes (mailbox, account, entry, number, at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (mailbox, account, entry) DO UPDATE SET number = excluded.number, at = excluded.at",
);
static FORGET_OLDEST: Sql = Sql::new(
    "DELETE FROM metadata_changes WHERE mailbox = $1 AND account = $2 AND entry IN
     (SELECT o.entry FROM metadata_changes o WHERE o.mailbox = $1 AND o.account = $2 ORDER BY o.number DESC, o.entry LIMIT 10000 OFFSET $3)",
);
static REMOVE_ALL: Sql = Sql::new("DELETE FROM metadata WHERE mailbox = $1");
static FORGET_ALL: Sql = Sql::new("DELETE FROM metadata_changes WHERE mailbox = $1");
static COPY: Sql = Sql::new(
    "INSERT INTO metadata (mailbox, account, entry, value)
     SELECT CAST($2 AS BIGINT), account, entry, value FROM metadata WHERE mailbox = $1 AND account = $3",
);
static REMOVE_OF_MAILBOXES: Sql =
    Sql::new("DELETE FROM metadata WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = $1)");
static REMOVE_OWN: Sql = Sql::new("DELETE FROM metadata WHERE account = $1");
static FORGET_OF_MAILBOXES: Sql = Sql::new(
    "DELETE FROM metadata_changes WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = $1)",
);
static FORGET_OWN: Sql = Sql::new("DELETE FROM metadata_changes WHERE account = $1");

/// Changed entries of a mailbox that are remembered, of shared ones and of everybody's own: all could be replaced by others twice.
const MAX_REMEMBERED: usize = 4 * MAX_METADATA_ENTRIES;

/// A change of entries.
#[derive(Debug)]
pub(crate) struct SetMetadata {
    pub(crate) of: MetadataOf,
    /// For whom.
    pub(crate) account: AccountId,
    pub(crate) changes: Vec<MetadataChange>,
}

impl Operation for SetMetadata {
    type Output = u64;

    fn accounts(&self) -> Vec<AccountId> {
        match self.of {
            MetadataOf::Server => vec![self.account],
            MetadataOf::Mailbox(owner, _) => vec![owner, self.account],
        }
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<u64> {
        transaction.heads.account(self.account)?;
        match self.of {
            MetadataOf::Server if self.changes.iter().any(|change| !change.name.private) => {
                return Err(Error::NotAllowed(
                    "what all see of the server is not set here",
                ));
            }
            MetadataOf::Server => {}
            MetadataOf::Mailbox(owner, mailbox) => {
                let owner = transaction.heads.account(owner)?;
                if !owner.paths.contains_key(&mailbox) {
                    return Err(Error::NoSuchMailbox(mailbox.to_string()));
                }
            }
        }
        for private in [false, true] {
            self.check(transaction, private).await?;
        }
        let mut different = Vec::new();
        for change in &self.changes {
            let mut values = self.key(change);
            let sql = match &change.value {
                Some(value) => {
                    values.push(Value::Blob(value.clone()));
                    &SET
                }
                None => &REMOVE,
            };
            if transaction.execute(sql, values).await? > 0 {
                different.push(change);
            }
        }
        if different.is_empty() {
            return Ok(0);
        }
        self.log(transaction, &different).await
    }
}

impl SetMetadata {
    /// The columns mailbox, account and entry.
    fn key(&self, change: &MetadataChange) -> Vec<Value> {
        vec![
            self.of.number().into(),
            self.whose(change.name.private).into(),
            change.name.name.as_str().into(),
        ]
    }

    /// The column account.
    fn whose(&self, private: bool) -> i64 {
        if private { self.account.0 } else { 0 }
    }

    /// Writes down that entries are different now, and lets those know who watch the accounts.
    async fn log(&self, transaction: &mut Transaction, changes: &[&MetadataChange]) -> Result<u64> {
        // Its row is locked until the commit, so that numbers rise in the order of the commits.
        let rows = transaction.fetch(&NEXT, Vec::new()).await?;
        let missing = || Error::Corrupt("the metadata sequence is missing".to_owned());
        let number = rows.first().ok_or_else(missing)?.int(0)?;
        for change in changes {
            let mut values = self.key(change);
            values.extend([number.into(), transaction.now.into()]);
            transaction.execute(&LOG, values).await?;
        }
        for private in [false, true] {
            let mut concerned = changes.iter();
            if !concerned.any(|change| change.name.private == private) {
                continue;
            }
            let mailbox = self.of.number().into();
            let bound = i64::try_from(MAX_REMEMBERED).unwrap_or(i64::MAX).into();
            let values = vec![mailbox, self.whose(private).into(), bound];
            transaction.execute(&FORGET_OLDEST, values).await?;
            let told = match self.of {
                MetadataOf::Mailbox(owner, _) if !private => owner,
                _ => self.account,
            };
            transaction.heads.account(told)?.next_modseq();
        }
        let number = u64::try_from(number).unwrap_or_default();
        transaction.change_metadata(number);
        Ok(number)
    }

    /// Whether what is there after the change is within the bounds, or less than before.
    async fn check(&self, transaction: &mut Transaction, private: bool) -> Result<()> {
        let arguments = vec![self.of.number().into(), self.whose(private).into()];
        let rows = transaction.fetch(&SIZES, arguments).await?;
        let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
        for row in &rows {
            sizes.insert(row.text(0)?, row.natural(1)?);
        }
        let (entries, before) = (sizes.len(), sizes.values().sum::<u64>());
        for change in self.changes.iter().filter(|it| it.name.private == private) {
            let name = &change.name.name;
            let Some(value) = &change.value else {
                sizes.remove(name);
                continue;
            };
            too_large("metadata value", value.len(), MAX_METADATA_VALUE)?;
            // A name counts, too: entries without a value are not free.
            let octets = value.len() + name.chars().count();
            sizes.insert(name.clone(), octets as u64);
        }
        let after: u64 = sizes.values().sum();
        if sizes.len() > entries {
            too_large("metadata", sizes.len(), MAX_METADATA_ENTRIES)?;
        }
        if after <= before {
            return Ok(());
        }
        let (sql, payer) = match self.of {
            MetadataOf::Mailbox(owner, _) if !private => (&SHARED, owner),
            _ => (&OWN, self.account),
        };
        let rows = transaction.fetch(sql, vec![payer.0.into()]).await?;
        let all = rows.first().map_or(Ok(0), |row| row.natural(0))?;
        let all = all.saturating_sub(before).saturating_add(after);
        let whole = |octets: u64| usize::try_from(octets).unwrap_or(usize::MAX);
        too_large("metadata", whole(all), whole(MAX_METADATA))
    }
}

fn too_large(what: &'static str, size: usize, limit: usize) -> Result<()> {
    if size > limit {
        return Err(Error::TooLarge { what, size, limit });
    }
    Ok(())
}

/// The entries go with their mailbox (RFC 5464 §4.1).
pub(super) async fn remove(transaction: &mut Transaction, mailbox: MailboxId) -> Result<()> {
    for sql in [&REMOVE_ALL, &FORGET_ALL] {
        transaction.execute(sql, vec![mailbox.0.into()]).await?;
    }
    Ok(())
}

/// An INBOX that is renamed keeps its entries, and what it becomes has those that all see and its owner's own (RFC 5464 §4.1), as far as there
/// is room for them.
pub(super) async fn copy(
    transaction: &mut Transaction,
    owner: AccountId,
    from: MailboxId,
    to: MailboxId,
) -> Result<()> {
    for (sql, account) in [(&SHARED, 0), (&OWN, owner.0)] {
        let sizes = transaction.fetch(&SIZES, vec![from.0.into(), account.into()]);
        let mut more = 0;
        for row in &sizes.await? {
            more += row.natural(1)?;
        }
        let rows = transaction.fetch(sql, vec![owner.0.into()]).await?;
        let all = rows.first().map_or(Ok(0), |row| row.natural(0))?;
        if all.saturating_add(more) <= MAX_METADATA {
            let values = vec![from.0.into(), to.0.into(), account.into()];
            transaction.execute(&COPY, values).await?;
        }
    }
    Ok(())
}

/// An account goes, with all that was noted of its mailboxes and by it.
pub(super) async fn remove_account(
    transaction: &mut Transaction,
    account: AccountId,
) -> Result<()> {
    let all = [
        &REMOVE_OF_MAILBOXES,
        &REMOVE_OWN,
        &FORGET_OF_MAILBOXES,
        &FORGET_OWN,
    ];
    for sql in all {
        transaction.execute(sql, vec![account.0.into()]).await?;
    }
    Ok(())
}
