//! Message contents: stored once, however many mailboxes have them.
//!
//! Small ones are rows; large ones are files, synced before the commit that names them and removed after the commit
//! that dropped the last name.

use bytes::Bytes;

use crate::statement::Sql;
use crate::{BlobId, Error, Result, Store};

// Rows hold at most `inline_limit` bytes of content: a piece is cut out here.
static READ: Sql = Sql::new("SELECT file, content FROM blobs WHERE id = $1");

impl Store {
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

    /// A whole content. Use [`Store::read_blob`] for what may be large.
    ///
    /// # Errors
    /// `NoSuchBlob`.
    pub async fn blob(&self, blob: BlobId) -> Result<Bytes> {
        self.read_blob(blob, 0, usize::MAX).await
    }
}
