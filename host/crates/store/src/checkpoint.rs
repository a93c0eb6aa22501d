//! SQLite's log is copied into the database beside the writer, not within one of its commits: that commit would take some milliseconds more
//! than all others (<https://sqlite.org/wal.html#ckpt>). The writer does it only where this falls behind.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::database::{Connection, Connector};
use crate::shared::Shared;
use crate::statement::Sql;
use crate::{Error, Result};

/// Pages of the log that are worth to be copied.
const WORTH_IT: i64 = 1_000;
/// What is committed within this time is looked at together.
const PAUSE: Duration = Duration::from_millis(50);

static LOOK: Sql = Sql::new("PRAGMA wal_checkpoint = NOOP");
static COPY: Sql = Sql::new("PRAGMA wal_checkpoint = PASSIVE");

/// Begins to copy what is committed; ends when the writer has. On PostgreSQL there is nothing to be done.
pub(crate) fn start(connector: &Connector, shared: &Arc<Shared>) {
    if matches!(connector, Connector::Sqlite(_)) {
        let (connector, shared) = (connector.clone(), Arc::downgrade(shared));
        tokio::spawn(async move {
            if let Err(error) = copy(&connector, &shared).await {
                tracing::warn!(%error, "the log is copied by the writer from now on");
            }
        });
    }
}

async fn copy(connector: &Connector, shared: &Weak<Shared>) -> Result<()> {
    let Some(mut commits) = shared.upgrade().map(|shared| shared.commit_news()) else {
        return Ok(());
    };
    let mut connection = connector.connect().await?;
    while commits.changed().await.is_ok() {
        tokio::time::sleep(PAUSE).await;
        commits.borrow_and_update();
        let (log, copied) = run(&mut connection, &LOOK).await?;
        if log - copied >= WORTH_IT {
            run(&mut connection, &COPY).await?;
        }
    }
    connection.close().await;
    Ok(())
}

/// Pages in the log, and how many of them are copied.
async fn run(connection: &mut Connection, sql: &'static Sql) -> Result<(i64, i64)> {
    let rows = connection.fetch(sql, Vec::new()).await?;
    let row = rows.first();
    let row = row.ok_or_else(|| Error::Corrupt("a checkpoint has no row".to_owned()))?;
    Ok((row.int(1)?, row.int(2)?))
}
