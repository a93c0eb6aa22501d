//! Opening and closing the store.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use crate::answers::Vacations;
use crate::blob_files::{BlobFiles, make_directory};
use crate::checkpoint::Checkpoint;
use crate::database::{Connector, Readers};
use crate::images::{Ahead, Images};
use crate::passing::Passing;
use crate::shared::Shared;
use crate::writer::Writer;
use crate::writer::transaction::Transaction;
use crate::{
    Database, Directory, Error, Kv, LedgerRow, MailboxId, Result, StoreConfig, belonging,
    housekeeping, scram,
};

/// The store. Cheap to clone; the last clone dropped without [`Store::close`] loses nothing that was answered.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: StoreConfig,
    pub(crate) readers: Readers,
    pub(crate) writer: Writer,
    pub(crate) shared: Arc<Shared>,
    pub(crate) files: BlobFiles,
    pub(crate) directory: Directory,
    pub(crate) kv: Kv,
    pub(crate) vacations: Vacations,
    /// The first UID not shown to any read-write session, where memory is ahead of the database.
    pub(crate) recent: Mutex<HashMap<MailboxId, u32>>,
    pub(crate) images: Arc<Images>,
    /// Held by who keeps an image in the database, beside what else goes on.
    pub(crate) keeping: Arc<tokio::sync::Mutex<()>>,
    /// Summaries that are being read before they are asked for.
    pub(crate) ahead: Ahead,
    pub(crate) passing: Passing,
    /// Ledger rows that are written with the next round of housekeeping.
    pub(crate) later_rows: Mutex<Vec<LedgerRow>>,
    /// Ledger rows dropped because the writer was too far behind.
    pub(crate) dropped_rows: AtomicU64,
}

impl Store {
    /// Opens the store, making or migrating the database and directory as needed. Call it within a tokio runtime.
    ///
    /// # Errors
    /// `InUse` if another process has the SQLite file open; `WrongBlobs` if the directory belongs to another database;
    /// `Database`; `Blob`.
    pub async fn open(config: StoreConfig) -> Result<Store> {
        let lock = match &config.database {
            Database::Sqlite(path) => Some(lock_file(path)?),
            Database::Postgres(_) => None,
        };
        let root = config.blob_directory.clone();
        let files = tokio::task::spawn_blocking(move || BlobFiles::open(&root))
            .await
            .map_err(|_| Error::Closed)??;
        let connector = Connector::new(&config)?;
        let mut connection = connector.connect().await?;
        connector.migrate(&mut connection).await?;
        belonging::check(&mut connection, &files).await?;
        let secret = scram::secret(&mut connection).await?;
        let readers = connector.readers(&config).await?;
        let shared = Arc::new(Shared::default());
        listen(&connector, &shared);
        let checkpoint = Checkpoint::start(&connector, &shared);
        let images = Arc::new(Images::default());
        let transaction = Transaction::new(connection, connector, Arc::clone(&images), &config);
        let writer = Writer::start(transaction, Arc::clone(&shared), &config, checkpoint, lock);
        let directory = Directory::new(
            readers.clone(),
            writer.clone(),
            Arc::clone(&shared),
            secret,
            &config,
        );
        let kv = Kv::new(readers.clone(), writer.clone(), config.clock.clone());
        let inner = Inner {
            config,
            readers,
            writer,
            shared,
            files,
            directory,
            kv,
            vacations: Vacations::default(),
            recent: Mutex::default(),
            images,
            keeping: Arc::default(),
            ahead: Ahead::default(),
            passing: Passing::default(),
            later_rows: Mutex::default(),
            dropped_rows: AtomicU64::new(0),
        };
        let store = Store {
            inner: Arc::new(inner),
        };
        if !store.inner.config.sweep {
            return Ok(store);
        }
        // Files too many are no reason not to serve.
        if let Err(error) = store.sweep_after_crash().await {
            tracing::warn!(%error, "unused message contents were not looked for");
        }
        housekeeping::start(&store);
        Ok(store)
    }

    /// Look-ups of addresses and passwords.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// Key-values of plugins.
    pub fn kv(&self) -> &Kv {
        &self.inner.kv
    }

    /// Transactions committed since the store was opened; on SQLite each is one fsync of the log.
    pub fn commits(&self) -> u64 {
        self.inner
            .shared
            .commits
            .load(std::sync::atomic::Ordering::Acquire)
    }

    /// How late what is written now is: how long the present commit takes, or the last one took if it ended just now.
    pub fn lag(&self) -> std::time::Duration {
        self.inner.writer.lag()
    }

    /// Changes that wait for the next commit.
    pub fn waiting(&self) -> usize {
        self.inner.writer.waiting()
    }

    /// Writes what waits (counters and images included), then closes. Later calls answer [`Error::Closed`].
    pub async fn close(&self) {
        if let Err(error) = self.inner.kv.write_out().await {
            tracing::warn!(%error, "counters of the last second were not written");
        }
        if let Err(error) = self.write_later_rows().await {
            tracing::warn!(%error, "rows of the ledger of the last second were not written");
        }
        if let Err(error) = self.keep_images().await {
            tracing::warn!(%error, "images of mailboxes were not kept for the next start");
        }
        // The writer last: whoever closes SQLite's last connection removes the log, unless it only reads.
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }
}

/// The channels on which hosts tell each other that there is something to be sent, and which accounts have changed.
const QUEUE: &str = "waxwing_queue";
const ACCOUNTS: &str = "waxwing_accounts";

/// Passes on what other hosts tell of the queue and of accounts, until nobody has the store any more.
fn listen(connector: &Connector, shared: &Arc<Shared>) {
    if matches!(connector, Connector::Sqlite(_)) {
        return;
    }
    let mut end = shared.queue_news();
    let shared = Arc::downgrade(shared);
    let heard = move |notice: Option<(&str, &str)>| {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match notice {
            Some((ACCOUNTS, text)) => shared.accounts_heard(text),
            Some(_) => shared.queue_changed(),
            None => {
                shared.queue_changed();
                shared.accounts_missed();
            }
        }
    };
    let listening = connector.clone().listen(&[QUEUE, ACCOUNTS], heard);
    tokio::spawn(async move {
        tokio::select! {
            () = listening => {}
            () = async { while end.changed().await.is_ok() {} } => {}
        }
    });
}

/// Locks the file beside the database.
fn lock_file(database: &Path) -> Result<fs::File> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        make_directory(parent).map_err(|e| Error::blob(parent, e))?;
    }
    let open = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = open.map_err(|e| Error::blob(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse { path }),
        Err(fs::TryLockError::Error(error)) => Err(Error::blob(path, error)),
    }
}
