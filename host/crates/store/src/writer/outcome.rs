//! How a PostgreSQL transaction ended whose connection died at COMMIT.
//!
//! Each transaction learns its number when it begins; on a new connection the server is asked what became of that
//! number (`pg_xact_status`). Numbers are those of one timeline: after a failover to a standby that had not seen the
//! transaction its number may be another's, so then nothing is said.

use std::time::Duration;

use super::transaction::is_connection_lost;
use crate::Result;
use crate::database::{Connection, Connector, Row, Value};
use crate::statement::Sql;

/// What a transaction can be asked after by.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// The 64-bit number, in digits.
    number: String,
    /// The server's timeline, as the names of its log files begin.
    timeline: String,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is on disk.
    Committed,
    /// Nothing of it is.
    Aborted,
    /// It cannot be found out.
    Unknown,
}

/// Time between two looks at a transaction that is not over yet, or at a server that does not answer.
const PAUSE: Duration = Duration::from_millis(100);

// Not everything that speaks PostgreSQL's protocol has these functions (PostgreSQL itself since 13).
static CAN_MARK: Sql = Sql::new(
    "SELECT CAST(count(*) AS BIGINT) FROM (SELECT DISTINCT proname FROM pg_proc
     WHERE proname IN ('pg_current_xact_id', 'pg_xact_status', 'pg_walfile_name')) AS known",
);
const BEGIN: &str = "BEGIN; SELECT pg_current_xact_id()::text, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)";
// A number that the server has forgotten is null.
static STATUS: Sql = Sql::new(
    "SELECT coalesce(pg_xact_status($1::text::xid8), ''), left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)",
);

/// Begins a transaction; its mark, if the server can be asked after it. `can_mark` is what is known of that.
pub(crate) async fn begin(
    connection: &mut Connection,
    can_mark: Option<bool>,
) -> Result<(Option<Mark>, bool)> {
    let can_mark = match can_mark {
        Some(known) => known,
        None => {
            let rows = connection.fetch(&CAN_MARK, Vec::new()).await?;
            rows.first().map_or(Ok(0), |row| row.int(0))? == 3
        }
    };
    if !can_mark {
        connection.run("BEGIN").await?;
        return Ok((None, false));
    }
    let rows = connection.run(BEGIN).await?;
    let mark = |row: &Row| {
        Ok::<_, crate::Error>(Mark {
            number: row.text(0)?,
            timeline: row.text(1)?,
        })
    };
    Ok((rows.first().map(mark).transpose()?, true))
}

/// Asks on a new connection, for at most `patience`; the connection can be used on.
pub(crate) async fn ask(
    connector: &Connector,
    mark: &Mark,
    patience: Duration,
) -> (Outcome, Option<Connection>) {
    let asking = async {
        loop {
            match look(connector, mark).await {
                Ok(Some((outcome, connection))) => return (outcome, Some(connection)),
                // The server is still at it: it may not have noticed yet that we are gone.
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "asking how a transaction ended"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(patience, asking)
        .await
        .unwrap_or((Outcome::Unknown, None))
}

/// One look; none: it is not over.
async fn look(connector: &Connector, mark: &Mark) -> Result<Option<(Outcome, Connection)>> {
    let mut connection = connector.connect().await?;
    let asked = connection
        .fetch(&STATUS, vec![Value::from(mark.number.as_str())])
        .await;
    let rows = match asked {
        Ok(rows) => rows,
        Err(error) if is_connection_lost(&error) => return Err(error),
        // A number that it has not given out yet, or no server that could commit anything.
        Err(_) => return Ok(Some((Outcome::Unknown, connection))),
    };
    let Some(row) = rows.first() else {
        return Ok(Some((Outcome::Unknown, connection)));
    };
    if row.text(1)? != mark.timeline {
        return Ok(Some((Outcome::Unknown, connection)));
    }
    let outcome = match row.text(0)?.as_str() {
        "committed" => Outcome::Committed,
        "aborted" => Outcome::Aborted,
        "in progress" => {
            connection.close().await;
            return Ok(None);
        }
        _ => Outcome::Unknown,
    };
    Ok(Some((outcome, connection)))
}
