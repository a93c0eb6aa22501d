//! Connections: one writer and a pool of readers, on either database.
//!
//! The only file that knows sqlx's types for the two databases; all others speak [`Sql`], [`Value`] and [`Row`].
//! SQLite runs in WAL mode with synchronous=FULL: a commit is one fsync of the log (<https://sqlite.org/wal.html>).

use std::convert::Infallible;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{
    ConnectOptions, Connection as _, Executor, PgConnection, Postgres, Row as _, SqlSafeStr,
    SqlStr, Sqlite, SqliteConnection,
};

use crate::migrations::{POSTGRES_MIGRATIONS, SQLITE_MIGRATIONS, migrator};
use crate::statement::{Dialect, Sql};
use crate::{Database, Error, Result, StoreConfig};

/// Bytes of an SQLite page. Small: a delivery touches one page of each mailbox, and each touched page is logged whole.
const PAGE: u32 = 4096;

/// An argument. There are no nulls: absence is 0, -1 or the empty text, as the schema says.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<&str> for Value {
    /// NUL, which PostgreSQL has no text for, becomes U+FFFD.
    fn from(value: &str) -> Value {
        Value::Text(if value.contains('\0') {
            value.replace('\0', "\u{fffd}")
        } else {
            value.to_owned()
        })
    }
}

impl From<crate::statement::Rows> for Value {
    fn from(rows: crate::statement::Rows) -> Value {
        Value::Text(rows.finish())
    }
}

/// A row of an answer.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! column {
    ($name:ident, $type:ty) => {
        pub(crate) fn $name(&self, column: usize) -> Result<$type> {
            Ok(match self {
                Row::Sqlite(row) => row.try_get(column)?,
                Row::Postgres(row) => row.try_get(column)?,
            })
        }
    };
}

impl Row {
    column!(int, i64);
    column!(text, String);
    column!(bytes, Vec<u8>);

    /// A number that the schema keeps at 0 or above.
    pub(crate) fn natural(&self, column: usize) -> Result<u64> {
        u64::try_from(self.int(column)?)
            .map_err(|_| Error::Corrupt("a count is negative".to_owned()))
    }

    /// A number that fits IMAP's 32 bits.
    pub(crate) fn number(&self, column: usize) -> Result<u32> {
        u32::try_from(self.int(column)?)
            .map_err(|_| Error::Corrupt("a number is not of 32 bits".to_owned()))
    }
}

fn sqlite_arguments(values: Vec<Value>) -> Result<SqliteArguments> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Int(v) => arguments.add(v),
            Value::Text(v) => arguments.add(v),
            Value::Blob(v) => arguments.add(v),
        }
        .map_err(|e| Error::from(sqlx::Error::Encode(e)))?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: Vec<Value>) -> Result<PgArguments> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(v) => arguments.add(v),
            Value::Text(v) => arguments.add(v),
            Value::Blob(v) => arguments.add(v),
        }
        .map_err(|e| Error::from(sqlx::Error::Encode(e)))?;
    }
    Ok(arguments)
}

/// The writer's connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement and collects its rows.
    pub(crate) async fn fetch(
        &mut self,
        sql: &'static Sql,
        values: Vec<Value>,
    ) -> Result<Vec<Row>> {
        let text = sql.text(self.dialect());
        match self {
            Connection::Sqlite(c) => {
                let rows = c.fetch(sqlx::query_with(text, sqlite_arguments(values)?));
                Ok(rows.map_ok(Row::Sqlite).try_collect().await?)
            }
            Connection::Postgres(c) => {
                let rows = c.fetch(sqlx::query_with(text, postgres_arguments(values)?));
                Ok(rows.map_ok(Row::Postgres).try_collect().await?)
            }
        }
    }

    /// Runs statements, on SQLite several in one text; returns the rows affected by the last.
    pub(crate) async fn execute(&mut self, text: SqlStr, values: Vec<Value>) -> Result<u64> {
        match self {
            Connection::Sqlite(c) => Ok(c
                .execute(sqlx::query_with(text, sqlite_arguments(values)?))
                .await?
                .rows_affected()),
            Connection::Postgres(c) => Ok(c
                .execute(sqlx::query_with(text, postgres_arguments(values)?))
                .await?
                .rows_affected()),
        }
    }

    /// Runs statements in one text without arguments, in one exchange with the server; the rows of all of them.
    pub(crate) async fn run(&mut self, text: &'static str) -> Result<Vec<Row>> {
        let text = sqlx::raw_sql(text.into_sql_str());
        match self {
            Connection::Sqlite(c) => Ok(c.fetch(text).map_ok(Row::Sqlite).try_collect().await?),
            Connection::Postgres(c) => {
                Ok(c.fetch(text).map_ok(Row::Postgres).try_collect().await?)
            }
        }
    }

    pub(crate) async fn close(self) {
        let closed = match self {
            Connection::Sqlite(c) => c.close().await,
            Connection::Postgres(c) => c.close().await,
        };
        if let Err(error) = closed {
            tracing::warn!(%error, "closing the store's connection");
        }
    }
}

/// The readers. A reader sees every commit that was answered.
#[derive(Debug, Clone)]
pub(crate) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Readers {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Readers::Sqlite(_) => Dialect::Sqlite,
            Readers::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a query and collects its rows.
    pub(crate) async fn fetch(&self, sql: &'static Sql, values: Vec<Value>) -> Result<Vec<Row>> {
        let text = sql.text(self.dialect());
        match self {
            Readers::Sqlite(pool) => {
                let mut connection = pool.acquire().await?;
                let rows = connection.fetch(sqlx::query_with(text, sqlite_arguments(values)?));
                Ok(rows.map_ok(Row::Sqlite).try_collect().await?)
            }
            Readers::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let rows = connection.fetch(sqlx::query_with(text, postgres_arguments(values)?));
                Ok(rows.map_ok(Row::Postgres).try_collect().await?)
            }
        }
    }

    /// Runs a query that answers one row at most.
    pub(crate) async fn fetch_one(
        &self,
        sql: &'static Sql,
        values: Vec<Value>,
    ) -> Result<Option<Row>> {
        Ok(self.fetch(sql, values).await?.into_iter().next())
    }

    /// A reader that sees the database as it is now, whatever is committed meanwhile.
    pub(crate) async fn snapshot(&self) -> Result<SnapshotReader> {
        let (begin, mut reader) = match self {
            Readers::Sqlite(pool) => ("BEGIN", SnapshotReader::Sqlite(pool.acquire().await?)),
            Readers::Postgres(pool) => (
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                SnapshotReader::Postgres(pool.acquire().await?),
            ),
        };
        // Whatever becomes of it: not back into the pool with an open transaction.
        match &mut reader {
            SnapshotReader::Sqlite(c) => c.close_on_drop(),
            SnapshotReader::Postgres(c) => c.close_on_drop(),
        }
        reader.execute(begin).await?;
        Ok(reader)
    }

    pub(crate) async fn close(&self) {
        match self {
            Readers::Sqlite(pool) => pool.close().await,
            Readers::Postgres(pool) => pool.close().await,
        }
    }
}

/// A reader in a transaction; its connection is not used for anything else after it.
#[derive(Debug)]
pub(crate) enum SnapshotReader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl SnapshotReader {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            SnapshotReader::Sqlite(_) => Dialect::Sqlite,
            SnapshotReader::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn execute(&mut self, text: &'static str) -> Result<()> {
        match self {
            SnapshotReader::Sqlite(c) => c.execute(sqlx::query(text)).await.map(|_| ())?,
            SnapshotReader::Postgres(c) => c.execute(sqlx::query(text)).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Runs a query and collects its rows.
    pub(crate) async fn fetch(
        &mut self,
        sql: &'static Sql,
        values: Vec<Value>,
    ) -> Result<Vec<Row>> {
        let text = sql.text(self.dialect());
        let rows = match self {
            SnapshotReader::Sqlite(c) => {
                let rows = c.fetch(sqlx::query_with(text, sqlite_arguments(values)?));
                rows.map_ok(Row::Sqlite).try_collect().await
            }
            SnapshotReader::Postgres(c) => {
                let rows = c.fetch(sqlx::query_with(text, postgres_arguments(values)?));
                rows.map_ok(Row::Postgres).try_collect().await
            }
        };
        Ok(rows?)
    }

    /// Ends the transaction.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.execute("ROLLBACK").await
    }
}

/// How to connect; kept to connect again when a PostgreSQL connection breaks.
#[derive(Debug, Clone)]
pub(crate) enum Connector {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Connector {
    pub(crate) fn new(config: &StoreConfig) -> Result<Connector> {
        Ok(match &config.database {
            Database::Sqlite(path) => {
                Connector::Sqlite(Box::new(sqlite_options(path, config.max_database_bytes)))
            }
            Database::Postgres(url) => {
                let options = PgConnectOptions::from_str(url)?
                    .application_name("waxwing")
                    // A 250 promises durability, whatever the server's default.
                    .options([("synchronous_commit", "on")])
                    // What another session holds, or a peer that is gone, must not stop the writer for good.
                    .options([
                        ("lock_timeout", millis(config.write_timeout / 6)),
                        (
                            "idle_in_transaction_session_timeout",
                            millis(config.write_timeout),
                        ),
                        ("tcp_keepalives_idle", "30".to_owned()),
                        ("tcp_user_timeout", millis(config.write_timeout)),
                    ])
                    .disable_statement_logging();
                Connector::Postgres(Box::new(options))
            }
        })
    }

    /// The writer's connection, the schema brought up to date.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        Ok(match self {
            Connector::Sqlite(options) => Connection::Sqlite(options.connect().await?),
            Connector::Postgres(options) => {
                let mut connection = options.connect().await?;
                compile_nothing(&mut connection).await?;
                Connection::Postgres(connection)
            }
        })
    }

    /// One more connection to a database that is there.
    pub(crate) async fn connect_beside(&self) -> Result<Connection> {
        let Connector::Sqlite(options) = self else {
            return self.connect().await;
        };
        let options = (**options).clone().create_if_missing(false);
        Ok(Connection::Sqlite(options.connect().await?))
    }

    pub(crate) async fn migrate(&self, connection: &mut Connection) -> Result<()> {
        let done = match connection {
            Connection::Sqlite(c) => migrator(SQLITE_MIGRATIONS).run_direct(None, c, false).await,
            Connection::Postgres(c) => {
                migrator(POSTGRES_MIGRATIONS)
                    .run_direct(None, c, false)
                    .await
            }
        };
        done.map_err(|e| Error::from(sqlx::Error::from(e)))
    }

    /// Hears what other hosts tell on channels, on PostgreSQL: `heard` is called with the channel and the text of each notice, and
    /// with none after a connection broke, for what was missed meanwhile. Does not end; drop it.
    pub(crate) async fn listen(
        self,
        channels: &'static [&'static str],
        mut heard: impl FnMut(Option<(&str, &str)>),
    ) {
        let Connector::Postgres(options) = self else {
            return;
        };
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(*options);
        loop {
            let Err(error) = hear(&pool, channels, &mut heard).await;
            tracing::debug!(%error, "listening is interrupted");
            tokio::time::sleep(LISTEN_AGAIN).await;
            heard(None);
        }
    }

    pub(crate) async fn readers(&self, config: &StoreConfig) -> Result<Readers> {
        let readers = config.readers.max(1);
        Ok(match self {
            Connector::Sqlite(options) => {
                let pool = SqlitePoolOptions::new()
                    .max_connections(readers)
                    .test_before_acquire(false);
                Readers::Sqlite(
                    pool.connect_with((**options).clone().read_only(true).create_if_missing(false))
                        .await?,
                )
            }
            Connector::Postgres(options) => {
                // Asked whether it still is there: one that broke while it lay idle would fail a caller.
                let pool = PgPoolOptions::new()
                    .max_connections(readers)
                    .after_connect(|connection, _| Box::pin(compile_nothing(connection)))
                    .test_before_acquire(true);
                Readers::Postgres(pool.connect_with((**options).clone()).await?)
            }
        })
    }
}

/// PostgreSQL compiles a statement that it takes for a long one, and it takes a list in an argument for a longer one than it is: compiling
/// is most of the time then. Asked for here and not with the connection, which what knows no such setting would refuse.
async fn compile_nothing(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let asked = connection.execute(sqlx::raw_sql("SET jit = off")).await;
    match asked {
        Err(error @ sqlx::Error::Database(_)) => {
            tracing::debug!(%error, "whether statements are compiled is left to the server");
            Ok(())
        }
        asked => asked.map(|_| ()),
    }
}

/// How long to wait until a broken connection is tried again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// What ends the names of a store's channels, in SQL: stores may share a database, each in a schema of its own, and have nothing to tell
/// each other.
macro_rules! of_schema {
    () => {
        "left(encode(sha256(convert_to(current_schema(), 'UTF8')), 'hex'), 32)"
    };
}
pub(crate) use of_schema;

const SCHEMA: &str = concat!("SELECT ", of_schema!());

/// Until the connection breaks for good.
async fn hear(
    pool: &PgPool,
    channels: &[&str],
    heard: &mut impl FnMut(Option<(&str, &str)>),
) -> Result<Infallible, sqlx::Error> {
    let schema: String = sqlx::query_scalar(SCHEMA).fetch_one(pool).await?;
    let names: Vec<String> = channels
        .iter()
        .map(|channel| format!("{channel}_{schema}"))
        .collect();
    let mut listener = PgListener::connect_with(pool).await?;
    listener
        .listen_all(names.iter().map(String::as_str))
        .await?;
    loop {
        // None: it broke and is whole again.
        let notice = listener.try_recv().await?;
        let heard_of = notice.as_ref().and_then(|notice| {
            let place = names.iter().position(|name| name == notice.channel())?;
            Some((*channels.get(place)?, notice.payload()))
        });
        heard(heard_of);
    }
}

/// A time as PostgreSQL's settings take it. 0 would mean for ever.
fn millis(time: Duration) -> String {
    time.as_millis().clamp(1, 2_147_483_647).to_string()
}

fn sqlite_options(path: &Path, max_bytes: Option<u64>) -> SqliteConnectOptions {
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(PAGE)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30))
        .foreign_keys(false)
        // Pages of the log before a commit of the writer's copies into the database what is not there yet: 64 MiB. Most of it is, by
        // then (`checkpoint`); but only so does the log begin anew while there is much to write.
        .pragma("wal_autocheckpoint", "16000")
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", "-16384")
        .pragma("mmap_size", "268435456")
        .pragma("temp_store", "memory")
        // Rows that a statement is ahead of who takes them: each time it waits, two threads change places.
        .row_buffer_size(1024)
        .disable_statement_logging();
    if let Some(bytes) = max_bytes {
        options = options.pragma(
            "max_page_count",
            (bytes / u64::from(PAGE)).max(1).to_string(),
        );
    }
    options
}

#[cfg(test)]
mod tests;
