//! Uploads: contents that an account keeps for a while.

use bytes::Bytes;

use super::Operation;
use super::buffers::{NewBlob, signed};
use super::transaction::Transaction;
use crate::blob_files::BlobFile;
use crate::database::{Row, Value};
use crate::statement::{Rows, Sql};
use crate::uploads::MAX_UPLOADS;
use crate::{AccountId, BlobId, Error, Result};

static UPLOADS_OF: Sql =
    Sql::new("SELECT blob, size FROM uploads WHERE account = $1 ORDER BY at, blob");
static INSERT_UPLOAD: Sql =
    Sql::new("INSERT INTO uploads (account, blob, size, at) VALUES ($1, $2, $3, $4)");
// Whoever removes a row counts its reference down, and nobody else.
static REMOVE_UPLOADS: Sql = Sql::new(
    "DELETE FROM uploads WHERE account = $1 AND blob IN (SELECT r.blob FROM {2: blob i} AS r) RETURNING blob",
);
static HAS_UPLOAD: Sql = Sql::new("SELECT 1 FROM uploads WHERE account = $1 AND blob = $2");
static KEPT: Sql = Sql::new(
    "SELECT b.size FROM blobs b LEFT JOIN blob_references c ON c.blob = b.id
     WHERE b.id = $1 AND b.refs_as_written + coalesce(c.delta, 0) > 0",
);
static REMOVE_OLD: Sql = Sql::new("DELETE FROM uploads WHERE at < $1 RETURNING blob");
static REMOVE_ALL: Sql = Sql::new("DELETE FROM uploads WHERE account = $1 RETURNING blob");

/// A content to be kept.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) account: AccountId,
    pub(crate) content: Bytes,
    pub(crate) hash: [u8; 32],
    /// Set for a content that is kept in a file.
    pub(crate) file: Option<BlobFile>,
    pub(crate) summary: Vec<u8>,
    /// Bytes of all uploads of the account.
    pub(crate) room: u64,
}

impl Operation for Upload {
    type Output = BlobId;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    fn weight(&self) -> usize {
        self.content.len() + self.summary.len()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<BlobId> {
        transaction.heads.account(self.account)?;
        transaction.check_room(self.weight()).await?;
        let size = self.content.len() as u64;
        make_room(transaction, self.account, size, self.room).await?;
        let blob = BlobId(transaction.ids(1).await?);
        transaction.buffers.blob(&NewBlob {
            id: blob,
            refs: 1,
            content: &self.content,
            hash: &self.hash,
            file: self.file.as_ref().map_or("", BlobFile::name),
            summary: &self.summary,
        });
        let values = [self.account.0, blob.0, signed(size), transaction.now];
        let values = values.map(Value::from).into();
        transaction.execute(&INSERT_UPLOAD, values).await?;
        Ok(blob)
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        if let Some(file) = &mut self.file
            && (outcome.is_ok() || unknown)
        {
            file.keep();
        }
    }
}

/// A content that is there, to be kept for an account that did not bring it.
#[derive(Debug)]
pub(crate) struct TakeOver {
    pub(crate) account: AccountId,
    pub(crate) blob: BlobId,
    /// Bytes of all uploads of the account.
    pub(crate) room: u64,
}

impl Operation for TakeOver {
    /// Whether it is still there.
    type Output = bool;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<bool> {
        transaction.heads.account(self.account)?;
        let arguments = [self.account.0, self.blob.0].map(Value::from);
        let known = transaction.fetch(&HAS_UPLOAD, arguments.into()).await?;
        if !known.is_empty() {
            return Ok(true);
        }
        let rows = transaction.fetch(&KEPT, vec![self.blob.0.into()]).await?;
        let Some(row) = rows.first() else {
            return Ok(false);
        };
        let size = row.natural(0)?;
        make_room(transaction, self.account, size, self.room).await?;
        transaction.buffers.refs(self.blob, 1);
        let values = [self.account.0, self.blob.0, signed(size), transaction.now];
        let values = values.map(Value::from).into();
        transaction.execute(&INSERT_UPLOAD, values).await?;
        Ok(true)
    }
}

/// RFC 8620 §6: the oldest go first, until there is room.
async fn make_room(
    transaction: &mut Transaction,
    account: AccountId,
    size: u64,
    room: u64,
) -> Result<()> {
    let rows = transaction
        .fetch(&UPLOADS_OF, vec![account.0.into()])
        .await?;
    let mut bytes = size;
    for row in &rows {
        bytes = bytes.saturating_add(row.natural(1)?);
    }
    let mut count = rows.len() + 1;
    let mut going = Rows::default();
    for row in &rows {
        if bytes <= room && count <= MAX_UPLOADS {
            break;
        }
        bytes -= row.natural(1)?;
        count -= 1;
        going.row().int(row.int(0)?);
    }
    if going.is_empty() {
        return Ok(());
    }
    let values = vec![account.0.into(), going.into()];
    let removed = transaction.fetch(&REMOVE_UPLOADS, values).await?;
    count_down(transaction, &removed)
}

/// Those that were made before a moment.
pub(super) async fn remove_old(transaction: &mut Transaction, before: i64) -> Result<()> {
    let removed = transaction.fetch(&REMOVE_OLD, vec![before.into()]).await?;
    count_down(transaction, &removed)
}

/// Those of an account that goes.
pub(super) async fn remove_all(transaction: &mut Transaction, account: AccountId) -> Result<()> {
    let removed = transaction
        .fetch(&REMOVE_ALL, vec![account.0.into()])
        .await?;
    count_down(transaction, &removed)
}

fn count_down(transaction: &mut Transaction, removed: &[Row]) -> Result<()> {
    for row in removed {
        transaction.buffers.refs(BlobId(row.int(0)?), -1);
    }
    Ok(())
}
