//! Message contents: stored once, however many mailboxes have them.
//!
//! Small ones are rows; large ones are files, synced before the commit that names them and removed after the commit
//! that dropped the last name.

use bytes::Bytes;

use crate::{BlobId, Error, Result, Store};

impl Store {
    /// A piece of a content: up to `length` bytes from `offset`; shorter at the end, empty after it.
    ///
    /// # Errors
    /// `NoSuchBlob` if the last message with it was removed meanwhile.
    pub async fn read_blob(&self, _blob: BlobId, _offset: u64, _length: usize) -> Result<Bytes> {
        Err(Error::Closed)
    }

    /// A whole content. Use [`Store::read_blob`] for what may be large.
    pub async fn blob(&self, _blob: BlobId) -> Result<Bytes> {
        Err(Error::Closed)
    }
}
