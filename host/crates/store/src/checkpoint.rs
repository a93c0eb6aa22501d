//! SQLite's log is copied into the database beside the writer, not within one of its commits: that commit would take some milliseconds more
//! than all others (<https://sqlite.org/wal.html#ckpt>).
//!
//! The log begins anew only where a commit finds all of it copied. While commits follow each other closely none does; the writer then copies
//! the rest itself, in one commit of as many as fill the log (`wal_autocheckpoint`), and there is little left of it by then.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::database::{Connection, Connector};
use crate::shared::Shared;
use crate::statement::Sql;
use crate::{Error, Result};

/// Pages of the log that are worth to be copied.
const WORTH_IT: i64 = 1_000;
/// What is committed within this time is looked at together.
const PAUSE: Duration = Duration::from_millis(50);
/// How long to wait until it is tried again after an error.
const AGAIN: Duration = Duration::from_secs(10);

static LOOK: Sql = Sql::new("PRAGMA wal_checkpoint = NOOP");
static COPY: Sql = Sql::new("PRAGMA wal_checkpoint = PASSIVE");

/// The task that copies.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    /// Gone: it is to end.
    end: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Checkpoint {
    /// Begins to copy what is committed. On PostgreSQL there is nothing to be done.
    pub(crate) fn start(connector: &Connector, shared: &Shared) -> Option<Checkpoint> {
        if !matches!(connector, Connector::Sqlite(_)) {
            return None;
        }
        let (end, ending) = watch::channel(());
        let task = Task {
            connector: connector.clone(),
            commits: shared.commit_news(),
            ending,
        };
        let task = tokio::spawn(task.run());
        Some(Checkpoint { end, task })
    }

    /// Ends it, and its connection: nobody else may have the database open before.
    pub(crate) async fn end(self) {
        drop(self.end);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the task that copies the log");
        }
    }
}

struct Task {
    connector: Connector,
    commits: watch::Receiver<()>,
    ending: watch::Receiver<()>,
}

impl Task {
    async fn run(mut self) {
        let mut told = false;
        loop {
            match self.copy().await {
                Ok(()) => return,
                Err(error) if told => tracing::debug!(%error, "the log is not copied yet"),
                Err(error) => {
                    tracing::warn!(%error, "the log is copied by the writer until this can be done again");
                    told = true;
                }
            }
            if self.ends_within(AGAIN).await {
                return;
            }
        }
    }

    /// Until it is to end.
    async fn copy(&mut self) -> Result<()> {
        let mut connection = self.connector.connect_beside().await?;
        let done = self.follow(&mut connection).await;
        connection.close().await;
        done
    }

    async fn follow(&mut self, connection: &mut Connection) -> Result<()> {
        loop {
            tokio::select! {
                news = self.commits.changed() => if news.is_err() {
                    return Ok(());
                },
                _ = self.ending.changed() => return Ok(()),
            }
            if self.ends_within(PAUSE).await {
                return Ok(());
            }
            self.commits.borrow_and_update();
            let (log, copied) = pages(connection, &LOOK).await?;
            if log - copied >= WORTH_IT {
                pages(connection, &COPY).await?;
            }
        }
    }

    async fn ends_within(&mut self, time: Duration) -> bool {
        // Nothing is ever sent: it changes by its end.
        tokio::time::timeout(time, self.ending.changed())
            .await
            .is_ok()
    }
}

/// Pages in the log, and how many of them are copied.
async fn pages(connection: &mut Connection, sql: &'static Sql) -> Result<(i64, i64)> {
    let rows = connection.fetch(sql, Vec::new()).await?;
    let row = rows.first();
    let row = row.ok_or_else(|| Error::Corrupt("a checkpoint has no row".to_owned()))?;
    Ok((row.int(1)?, row.int(2)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans;

    static VERSION: Sql = Sql::new("SELECT sqlite_version()");

    /// Before 3.51.3 a log that began anew just while another connection copied it could damage the database
    /// (<https://sqlite.org/releaselog/3_51_3.html>).
    #[tokio::test]
    async fn two_connections_may_copy_the_log() {
        plans::on_sqlite(async |mut connection| {
            let rows = connection.fetch(&VERSION, Vec::new()).await.unwrap();
            let version = rows[0].text(0).unwrap();
            let numbers: Vec<u32> = version.split('.').map(|n| n.parse().unwrap()).collect();
            assert!(numbers >= vec![3, 51, 3], "SQLite {version}");
            connection.close().await;
        })
        .await;
    }
}
