//! The rounds that remove what has outlived its time, and write counters behind.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use crate::blob_files::COMMIT_GRACE;
use crate::open::Inner;
use crate::statement::{Rows, Sql};
use crate::writer::sweep::{Sweep, Swept};
use crate::{Database, Error, Result, Store};

/// How often counters, buckets and windows are written.
const WRITE_OUT: Duration = Duration::from_secs(1);
/// Files handled by one statement.
const FILES: usize = 500;

static GARBAGE: Sql = Sql::new("SELECT file FROM garbage ORDER BY file LIMIT 500");
static NAMED_FILES: Sql = Sql::new("SELECT b.file FROM blobs b WHERE b.file <> ''");
static IN_GARBAGE: Sql =
    Sql::new("SELECT g.file FROM {1: file t} AS r CROSS JOIN garbage g WHERE g.file = r.file");

/// Starts the rounds; they end when the store is gone.
pub(crate) fn start(store: &Store) {
    let weak = Arc::downgrade(&store.inner);
    tokio::spawn(rounds(weak, store.inner.config.sweep_interval));
}

async fn rounds(weak: Weak<Inner>, interval: Duration) {
    let mut write_out = tokio::time::interval(WRITE_OUT);
    let mut sweep = tokio::time::interval_at(
        tokio::time::Instant::now() + interval,
        interval.max(WRITE_OUT),
    );
    loop {
        let sweeping = tokio::select! {
            _ = write_out.tick() => false,
            _ = sweep.tick() => true,
        };
        let Some(inner) = weak.upgrade() else { return };
        let store = Store { inner };
        let done = if sweeping {
            store.sweep().await
        } else {
            store.inner.kv.write_out().await
        };
        match done {
            Err(Error::Closed) => return,
            Err(error) => tracing::warn!(%error, "housekeeping of the store"),
            Ok(()) => {}
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Store {
    /// One round of housekeeping now: expired key-values, old ledger rows and tombstones, unused files.
    pub async fn sweep(&self) -> Result<()> {
        let config = &self.inner.config;
        let now = config.clock.now();
        self.inner.kv.forget_expired(now);
        let ledger_before = now.saturating_sub(millis(config.ledger_retention));
        let vanished_before = now.saturating_sub(millis(config.vanished_retention));
        while self
            .inner
            .writer
            .write(Sweep {
                ledger_before,
                vanished_before,
            })
            .await?
        {}
        self.sweep_files(SystemTime::now() - COMMIT_GRACE).await
    }

    /// The first round after opening. Nobody else writes to an SQLite store, so no file can be waiting for its commit.
    pub(crate) async fn sweep_after_crash(&self) -> Result<()> {
        match self.inner.config.database {
            Database::Sqlite(_) => self.sweep_files(SystemTime::now() + COMMIT_GRACE).await,
            Database::Postgres(_) => self.sweep_files(SystemTime::now() - COMMIT_GRACE).await,
        }
    }

    /// Removes files that no row names: those whose last row went, and those a crash left without one.
    async fn sweep_files(&self, before: SystemTime) -> Result<()> {
        loop {
            let rows = self.inner.readers.fetch(&GARBAGE, Vec::new()).await?;
            let names: Vec<String> = rows.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
            if names.is_empty() {
                break;
            }
            self.remove_files(names.clone()).await?;
            let more = names.len() >= FILES;
            self.inner.writer.write(Swept(names)).await?;
            if !more {
                break;
            }
        }
        let orphans = self.orphans(before).await?;
        self.remove_files(orphans).await
    }

    async fn remove_files(&self, names: Vec<String>) -> Result<()> {
        let files = self.inner.files.clone();
        let remove = move || names.iter().try_for_each(|name| files.remove(name));
        tokio::task::spawn_blocking(remove)
            .await
            .map_err(|_| Error::Closed)?
    }

    /// Files written before a moment that no row names.
    pub(crate) async fn orphans(&self, before: SystemTime) -> Result<Vec<String>> {
        let files = self.inner.files.clone();
        let list = move || {
            files.sweep_temporary(before)?;
            files.older_than(before)
        };
        let mut names = tokio::task::spawn_blocking(list)
            .await
            .map_err(|_| Error::Closed)??;
        if names.is_empty() {
            return Ok(names);
        }
        // Read after the list was made: a file listed and not named here was old without a row.
        let rows = self.inner.readers.fetch(&NAMED_FILES, Vec::new()).await?;
        let named: HashSet<String> = rows.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
        names.retain(|name| !named.contains(name));
        let mut asked = Rows::default();
        for name in &names {
            asked.row().str(name);
        }
        let rows = self
            .inner
            .readers
            .fetch(&IN_GARBAGE, vec![asked.into()])
            .await?;
        let known: HashSet<String> = rows.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
        names.retain(|name| !known.contains(name));
        Ok(names)
    }
}
