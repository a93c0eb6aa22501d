//! Messages that come from elsewhere in bulk, each of them once however often its import is run.
//!
//! An item names a message where it came from. It is written in the commit of the message, so that whoever imports and is
//! killed goes on where that was. It is forgotten with the mailbox that the message was put into, and not with the message:
//! what a user removed does not come back.

use crate::statement::{Rows, Sql};
use crate::writer::import::{Arrival, Forget, Import};
use crate::{AccountId, Delivery, Error, MailboxId, Result, Store};

/// Most messages of one call of [`Store::import`].
pub const MAX_IMPORTS: usize = 1_000;
/// Longest name of an item, in bytes.
pub const MAX_ITEM: usize = 64;

static KNOWN: Sql = Sql::new(
    "SELECT i.item FROM {2: item t} AS r CROSS JOIN imported i WHERE i.account = $1 AND i.item = r.item",
);
static VERBATIM: Sql = Sql::new(
    "SELECT uid FROM imported WHERE mailbox = $1 AND verbatim = 1 AND uid BETWEEN $2 AND $3 ORDER BY uid",
);

/// A message to be imported.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What it is where it comes from: 1 to 64 printable ASCII characters, a digest for instance.
    pub item: String,
    /// Whether its lines ended with CRLF there, which [`Store::verbatim`] tells again.
    pub verbatim: bool,
    /// The message, with one target.
    pub delivery: Delivery,
}

impl Store {
    /// Stores those messages whose items are not known yet, with one commit, all or none. Tells of each whether it was stored.
    ///
    /// # Errors
    /// `TooLarge` (a message, or too many), `InvalidName` (an item or a keyword), `NoSuchAccount`, `NoSuchMailbox`, `Full`.
    pub async fn import(&self, account: AccountId, messages: Vec<Imported>) -> Result<Vec<bool>> {
        let placed = self.import_placed(account, messages).await?;
        Ok(placed.into_iter().map(|uid| uid.is_some()).collect())
    }

    /// The same, and tells of each message that was stored its UID.
    ///
    /// # Errors
    /// As for [`Store::import`].
    pub async fn import_placed(
        &self,
        account: AccountId,
        messages: Vec<Imported>,
    ) -> Result<Vec<Option<u32>>> {
        if messages.len() > MAX_IMPORTS {
            return Err(Error::TooLarge {
                what: "list of messages",
                size: messages.len(),
                limit: MAX_IMPORTS,
            });
        }
        let mut arrivals = Vec::with_capacity(messages.len());
        for message in messages {
            check_item(&message.item)?;
            arrivals.push(Arrival {
                item: message.item,
                verbatim: message.verbatim,
                message: self.prepare(message.delivery, Vec::new()).await?,
            });
        }
        let import = Import { account, arrivals };
        self.inner.writer.write(import).await
    }

    /// Those of some items that were imported into an account before, in no order.
    pub async fn imported(&self, account: AccountId, items: &[String]) -> Result<Vec<String>> {
        let arguments = vec![account.0.into(), rows_of(items).into()];
        let rows = self.inner.readers.fetch(&KNOWN, arguments).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Which messages of a mailbox had lines ending with CRLF where they were imported from, of the UIDs `first` to `last`; ascending.
    pub async fn verbatim(&self, mailbox: MailboxId, first: u32, last: u32) -> Result<Vec<u32>> {
        let (first, last) = (i64::from(first), i64::from(last));
        let arguments = vec![mailbox.0.into(), first.into(), last.into()];
        let rows = self.inner.readers.fetch(&VERBATIM, arguments).await?;
        rows.iter().map(|row| row.number(0)).collect()
    }

    /// Forgets these items of an account, so that they can be imported once more. What [`Store::verbatim`] tells of their messages stays.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn forget_imported(&self, account: AccountId, items: Vec<String>) -> Result<()> {
        self.inner.writer.write(Forget { account, items }).await
    }
}

/// Items as an argument of a statement.
pub(crate) fn rows_of<'a, I>(items: I) -> Rows
where
    I: IntoIterator<Item = &'a String>,
{
    let mut rows = Rows::default();
    for item in items {
        rows.row().str(item);
    }
    rows
}

fn check_item(item: &str) -> Result<()> {
    if (1..=MAX_ITEM).contains(&item.len()) && item.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::InvalidName {
        name: item.chars().take(MAX_ITEM).collect(),
        reason: "an item is 1 to 64 printable ASCII characters",
    })
}
