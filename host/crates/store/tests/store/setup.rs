//! A fresh store for each test, on either database.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sqlx::{Connection, Executor, PgConnection};
use waxwing_store::{
    Account, AccountId, Clock, Database, Delivery, Flags, Place, Quota, Store, StoreConfig, Target,
};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A store's place, gone with this value. Opening it again opens the same data.
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) directory: tempfile::TempDir,
    database: Database,
    schema: Option<String>,
    /// Milliseconds of Unix time, moved by hand.
    pub(crate) now: Arc<AtomicI64>,
}

/// The test server's URL.
pub(crate) fn postgres_url() -> String {
    std::env::var("WAXWING_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("WAXWING_TEST_POSTGRES_URL is not set: run the tests under tools/with-postgres.sh, as `make test` does")
    })
}

impl Setup {
    pub(crate) async fn new(kind: Kind) -> Setup {
        let directory = tempfile::tempdir().unwrap();
        let (database, schema) = match kind {
            Kind::Sqlite => (
                Database::Sqlite(directory.path().join("store.sqlite")),
                None,
            ),
            Kind::Postgres => {
                let url = postgres_url();
                let schema = format!("test_{:032x}", rand::random::<u128>());
                let mut connection = PgConnection::connect(&url).await.unwrap();
                connection
                    .execute(sqlx::query(sqlx::AssertSqlSafe(format!(
                        "CREATE SCHEMA {schema}"
                    ))))
                    .await
                    .unwrap();
                connection.close().await.unwrap();
                (
                    Database::Postgres(format!("{url}&options[search_path]={schema}")),
                    Some(schema),
                )
            }
        };
        Setup {
            kind,
            directory,
            database,
            schema,
            now: Arc::new(AtomicI64::new(1_700_000_000_000)),
        }
    }

    pub(crate) fn config(&self) -> StoreConfig {
        let mut config =
            StoreConfig::new(self.database.clone(), self.directory.path().join("blobs"));
        let now = Arc::clone(&self.now);
        config.clock = Clock::new(move || now.load(Ordering::SeqCst));
        config.staleness = Duration::ZERO;
        config
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.now
            .fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(self.config()).await.unwrap()
    }

    /// The database's URL, for another process.
    pub(crate) fn url(&self) -> String {
        match &self.database {
            Database::Sqlite(path) => format!("sqlite://{}", path.display()),
            Database::Postgres(url) => url.clone(),
        }
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn sabotage(&self, sql: &str) {
        self.try_to(sql).await.unwrap();
    }

    /// As [`Self::sabotage`], of a statement that may be refused.
    pub(crate) async fn try_to(&self, sql: &str) -> sqlx::Result<()> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.database {
            Database::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = sqlx::SqliteConnection::connect_with(&options)
                    .await
                    .unwrap();
                let done = connection.execute(sqlx::query(sql)).await;
                connection.close().await.unwrap();
                done.map(|_| ())
            }
            Database::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let done = connection.execute(sqlx::query(sql)).await;
                connection.close().await.unwrap();
                done.map(|_| ())
            }
        }
    }

    /// Clears SQLite's log; 1 if a reader keeps it from being cleared.
    pub(crate) async fn checkpoint(&self) -> i64 {
        use sqlx::Row as _;
        let Database::Sqlite(path) = &self.database else {
            return 0;
        };
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let options = options.busy_timeout(Duration::ZERO);
        let mut connection = sqlx::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        let sql = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
        connection.fetch_one(sql).await.unwrap().get(0)
    }

    /// Rows of a table, counted behind the store's back.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        use sqlx::Row as _;
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        match &self.database {
            Database::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = sqlx::SqliteConnection::connect_with(&options)
                    .await
                    .unwrap();
                let row = connection.fetch_one(sqlx::query(sql)).await.unwrap();
                row.get(0)
            }
            Database::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let row = connection.fetch_one(sqlx::query(sql)).await.unwrap();
                row.get(0)
            }
        }
    }

    pub(crate) async fn remove(&self) {
        if let Some(schema) = &self.schema {
            let mut connection = PgConnection::connect(&postgres_url()).await.unwrap();
            connection
                .execute(sqlx::query(sqlx::AssertSqlSafe(format!(
                    "DROP SCHEMA {schema} CASCADE"
                ))))
                .await
                .unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// Runs a test in a runtime of its own.
pub(crate) fn run<F: Future<Output = ()>>(kind: Kind, test: impl FnOnce(Arc<Setup>) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let setup = Arc::new(Setup::new(kind).await);
        test(Arc::clone(&setup)).await;
        setup.remove().await;
    });
}

/// Makes of each function a test on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[doc = $doc:literal])* $name:ident;)+) => {
        mod sqlite {
            $($(#[doc = $doc])* #[test] fn $name() { $crate::setup::run($crate::setup::Kind::Sqlite, super::$name); })+
        }
        mod postgres {
            $($(#[doc = $doc])* #[test] fn $name() { $crate::setup::run($crate::setup::Kind::Postgres, super::$name); })+
        }
    };
}

/// Adds example.org with an account.
pub(crate) async fn account(store: &Store, local: &str) -> Account {
    let _ = store.add_domain("example.org").await;
    store
        .add_account(&format!("{local}@example.org"), None, Quota::default())
        .await
        .unwrap()
}

pub(crate) fn target(account: AccountId) -> Target {
    Target {
        account,
        mailbox: Place::Inbox,
        flags: Flags::NONE,
        keywords: Vec::new(),
    }
}

pub(crate) fn delivery(content: impl Into<Bytes>, targets: Vec<Target>) -> Delivery {
    Delivery {
        content: content.into(),
        summary: b"summary".to_vec(),
        targets,
        internal_date: 1_600_000_000_000,
        internal_offset: -90,
        thread: 7,
        ledger: None,
    }
}

/// Delivers into INBOX; the UID.
pub(crate) async fn put(store: &Store, account: AccountId, content: &str) -> u32 {
    store
        .deliver(delivery(content.to_owned(), vec![target(account)]))
        .await
        .unwrap()[0]
        .uid
}

/// Fails unless the store is consistent.
pub(crate) async fn assert_sound(store: &Store) {
    assert_eq!(store.verify().await.unwrap().problems, Vec::<String>::new());
}
