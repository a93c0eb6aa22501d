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

static GARBAGE: Sql = Sql::new("SELECT file FROM garbage WHERE file > $1 ORDER BY file LIMIT 500");
static NAMED_FILES: Sql = Sql::new(
    "SELECT b.file FROM {1: file t} AS r CROSS JOIN blobs b WHERE b.file = r.file AND b.file <> ''",
);
static IN_GARBAGE: Sql =
    Sql::new("SELECT g.file FROM {1: file t} AS r CROSS JOIN garbage g WHERE g.file = r.file");

/// Starts the rounds; they end when the store is gone.
pub(crate) fn start(store: &Store) {
    let weak = Arc::downgrade(&store.inner);
    tokio::spawn(rounds(weak, store.inner.config.sweep_interval));
}

/// What a round does.
enum Round {
    WriteOut,
    Rows,
    Everything,
}

async fn rounds(weak: Weak<Inner>, interval: Duration) {
    let mut write_out = tokio::time::interval(WRITE_OUT);
    let mut sweep = tokio::time::interval_at(
        tokio::time::Instant::now() + interval,
        interval.max(WRITE_OUT),
    );
    // Looking through the whole blob directory is for once in a while.
    let mut look_through =
        tokio::time::interval_at(tokio::time::Instant::now() + COMMIT_GRACE, COMMIT_GRACE);
    loop {
        let round = tokio::select! {
            _ = write_out.tick() => Round::WriteOut,
            _ = sweep.tick() => Round::Rows,
            _ = look_through.tick() => Round::Everything,
        };
        let Some(inner) = weak.upgrade() else { return };
        let store = Store { inner };
        let done = match round {
            Round::WriteOut => store.write_out().await,
            Round::Rows => store.sweep_rows().await,
            Round::Everything => store.sweep().await,
        };
        match done {
            Err(Error::Closed) => return,
            Err(error) => tracing::warn!(%error, "housekeeping of the store"),
            Ok(()) => {}
        }
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Store {
    /// What is written behind: counters, and rows of the ledger.
    async fn write_out(&self) -> Result<()> {
        let counters = self.inner.kv.write_out().await;
        self.write_later_rows().await.and(counters)
    }

    /// Housekeeping now, all of it: expired key-values, old ledger rows and tombstones, unused files.
    pub async fn sweep(&self) -> Result<()> {
        self.sweep_rows().await?;
        self.sweep_orphans(SystemTime::now() - COMMIT_GRACE).await
    }

    /// Removes rows that have outlived their time, and files whose last row went.
    async fn sweep_rows(&self) -> Result<()> {
        let config = &self.inner.config;
        let now = config.clock.now();
        self.inner.kv.forget_expired(now);
        let ledger_before = now.saturating_sub(millis(config.ledger_retention));
        let vanished_before = now.saturating_sub(millis(config.vanished_retention));
        let uploads_before = now.saturating_sub(millis(config.upload_retention));
        let web_logins_before = [config.web_login_idle, config.web_login_longest]
            .map(|time| now.saturating_sub(millis(time)));
        let audit_before = now.saturating_sub(millis(config.audit_retention));
        while self
            .inner
            .writer
            .write(Sweep {
                ledger_before,
                vanished_before,
                uploads_before,
                web_logins_before,
                audit_before,
            })
            .await?
        {}
        self.sweep_garbage().await
    }

    /// The first round after opening. Nobody else writes to an SQLite store, so no file can be waiting for its commit.
    pub(crate) async fn sweep_after_crash(&self) -> Result<()> {
        match self.inner.config.database {
            Database::Sqlite(_) => self.sweep_orphans(SystemTime::now() + COMMIT_GRACE).await,
            Database::Postgres(_) => self.sweep_orphans(SystemTime::now() - COMMIT_GRACE).await,
        }
    }

    async fn sweep_orphans(&self, before: SystemTime) -> Result<()> {
        let orphans = self.orphans(before).await?;
        self.remove_files(orphans).await?;
        Ok(())
    }

    async fn sweep_garbage(&self) -> Result<()> {
        let mut after = String::new();
        loop {
            let rows = self
                .inner
                .readers
                .fetch(&GARBAGE, vec![after.as_str().into()])
                .await?;
            let names: Vec<String> = rows.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
            let Some(last) = names.last() else { break };
            // Past what cannot be removed; the next round tries it again.
            after.clone_from(last);
            let more = names.len() >= FILES;
            let removed = self.remove_files(names).await?;
            if !removed.is_empty() {
                self.inner.writer.write(Swept(removed)).await?;
            }
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Removes what can be removed, and returns the names of that.
    async fn remove_files(&self, mut names: Vec<String>) -> Result<Vec<String>> {
        let files = self.inner.files.clone();
        let remove = move || {
            names.retain(|name| match files.remove(name) {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(%error, "a message content that nobody needs cannot be removed");
                    false
                }
            });
            names
        };
        tokio::task::spawn_blocking(remove)
            .await
            .map_err(|_| Error::Closed)
    }

    /// Files written before a moment that no row names.
    pub(crate) async fn orphans(&self, before: SystemTime) -> Result<Vec<String>> {
        let files = self.inner.files.clone();
        let list = move || {
            files.sweep_temporary(before)?;
            files.older_than(before)
        };
        let names = tokio::task::spawn_blocking(list)
            .await
            .map_err(|_| Error::Closed)??;
        let mut orphans = Vec::new();
        for names in names.chunks(FILES) {
            let mut asked = Rows::default();
            for name in names {
                asked.row().str(name);
            }
            let asked = asked.finish();
            // In this order: a file leaves its row for the garbage, not the other way.
            let mut known = HashSet::new();
            for sql in [&NAMED_FILES, &IN_GARBAGE] {
                for row in self
                    .inner
                    .readers
                    .fetch(sql, vec![asked.clone().into()])
                    .await?
                {
                    known.insert(row.text(0)?);
                }
            }
            orphans.extend(names.iter().filter(|name| !known.contains(*name)).cloned());
        }
        Ok(orphans)
    }
}
