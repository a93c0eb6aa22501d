//! Message contents: stored once, however many mailboxes have them.
//!
//! Small ones are rows; large ones are files, synced before the commit that names them and removed after the commit
//! that dropped the last name.

use bytes::Bytes;

use crate::statement::{Rows, Sql};
use crate::{BlobId, Error, Result, Store};

// Rows hold at most `inline_limit` bytes of content: a piece is cut out here.
static READ: Sql = Sql::new("SELECT file, content FROM blobs WHERE id = $1");
static SIZE: Sql = Sql::new("SELECT size FROM blobs WHERE id = $1");
static HEADS: Sql = Sql::new(
    "SELECT r.i, b.file, substr(b.content, 1, CAST($2 AS INTEGER)) FROM {1: i i, blob i} AS r CROSS JOIN blobs b WHERE b.id = r.blob",
);

static RECENT: Sql = Sql::new("SELECT id, size FROM blobs ORDER BY id DESC LIMIT $1");

impl Store {
    /// The contents that came last, the latest first, with their sizes; messages that came, and what accounts put there themselves.
    pub async fn recent_blobs(&self, most: usize) -> Result<Vec<(BlobId, u64)>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = self.inner.readers.fetch(&RECENT, vec![most.into()]).await?;
        rows.iter()
            .map(|row| Ok((BlobId(row.int(0)?), row.natural(1)?)))
            .collect()
    }

    /// A piece of a content: up to `length` bytes from `offset`; shorter at the end, empty after it.
    ///
    /// # Errors
    /// `NoSuchBlob` if the last message with it was removed meanwhile.
    pub async fn read_blob(&self, blob: BlobId, offset: u64, length: usize) -> Result<Bytes> {
        let missing = || Error::NoSuchBlob(blob.0);
        let row = self
            .inner
            .readers
            .fetch_one(&READ, vec![blob.0.into()])
            .await?
            .ok_or_else(missing)?;
        let file = row.text(0)?;
        if file.is_empty() {
            let content = Bytes::from(row.bytes(1)?);
            let from = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(content.len());
            let to = from.saturating_add(length).min(content.len());
            return Ok(content.slice(from..to));
        }
        let files = self.inner.files.clone();
        let read = move || files.read(&file, offset, length);
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| Error::Closed)??
            .ok_or_else(missing)
    }

    /// Bytes of a content.
    ///
    /// # Errors
    /// `NoSuchBlob`.
    pub async fn blob_size(&self, blob: BlobId) -> Result<u64> {
        let row = self.inner.readers.fetch_one(&SIZE, vec![blob.0.into()]);
        let row = row.await?.ok_or_else(|| Error::NoSuchBlob(blob.0))?;
        row.natural(0)
    }

    /// The first bytes of several contents, up to `length` of each, in the order asked; `None` for one that is gone.
    /// One statement for all: made for header fields of many messages at once.
    pub async fn blob_heads(&self, blobs: &[BlobId], length: usize) -> Result<Vec<Option<Bytes>>> {
        let mut asked = Rows::default();
        for (i, blob) in (0..).zip(blobs) {
            asked.row().int(i).int(blob.0);
        }
        let length_value = i64::from(i32::try_from(length).unwrap_or(i32::MAX));
        let mut heads: Vec<Option<Bytes>> = vec![None; blobs.len()];
        for row in self
            .inner
            .readers
            .fetch(&HEADS, vec![asked.into(), length_value.into()])
            .await?
        {
            let Some(slot) = usize::try_from(row.int(0)?)
                .ok()
                .and_then(|at| heads.get_mut(at))
            else {
                continue;
            };
            let file = row.text(1)?;
            *slot = if file.is_empty() {
                Some(row.bytes(2)?.into())
            } else {
                self.read_file(file, 0, length).await?
            };
        }
        Ok(heads)
    }

    /// A piece of a content's file; none if the file is gone.
    pub(crate) async fn read_file(
        &self,
        file: String,
        offset: u64,
        length: usize,
    ) -> Result<Option<Bytes>> {
        let files = self.inner.files.clone();
        tokio::task::spawn_blocking(move || files.read(&file, offset, length))
            .await
            .map_err(|_| Error::Closed)?
    }

    /// A whole content. Use [`Store::read_blob`] for what may be large.
    ///
    /// # Errors
    /// `NoSuchBlob`.
    pub async fn blob(&self, blob: BlobId) -> Result<Bytes> {
        self.read_blob(blob, 0, usize::MAX).await
    }
}
