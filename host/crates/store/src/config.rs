//! Where the store keeps its data and how much of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the store learns the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// A clock that answers milliseconds of Unix time.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// Milliseconds of Unix time.
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl Default for Clock {
    /// The system's clock.
    fn default() -> Clock {
        Clock::new(|| {
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// The database a store works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// An SQLite file, made when missing. One process at a time.
    Sqlite(PathBuf),
    /// A PostgreSQL database, as a `postgres://` URL. Several hosts may share it.
    Postgres(String),
}

impl Database {
    /// Reads `sqlite://PATH`, `sqlite:PATH`, `postgres://…` or `postgresql://…`.
    pub fn parse(url: &str) -> Option<Database> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Some(Database::Postgres(url.to_owned()));
        }
        let path = url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"))?;
        (!path.is_empty()).then(|| Database::Sqlite(PathBuf::from(path)))
    }
}

/// Everything that can be set about a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The database.
    pub database: Database,
    /// Directory for message contents above `inline_limit`, made when missing. Shared by all hosts of one database.
    pub blob_directory: PathBuf,
    /// Contents up to this many bytes live in the database. Default 64 KiB.
    pub inline_limit: usize,
    /// The largest message content taken, in bytes. Default 128 MiB.
    pub max_content: usize,
    /// Database size at which writes are refused with [`crate::Error::Full`]. Default: none. SQLite counts it in
    /// pages, exactly; PostgreSQL is asked every MiB written and refuses deliveries only.
    pub max_database_bytes: Option<u64>,
    /// Connections for reading. Default 4.
    pub readers: u32,
    /// How long PostgreSQL may take over one group commit until its connection is given up; a sixth of it is how long a
    /// lock is waited for. Default 60 s.
    pub write_timeout: Duration,
    /// Most jobs in one group commit. Default 256.
    pub batch_jobs: usize,
    /// A mailbox of so many messages is worth an image in the database, for the next start.
    pub image_messages: usize,
    /// Most content bytes in one group commit. Default 8 MiB.
    pub batch_bytes: usize,
    /// Ledger rows older than this are removed. Default 30 days.
    pub ledger_retention: Duration,
    /// Tombstones of expunged messages older than this are removed. Default 90 days.
    pub vanished_retention: Duration,
    /// Uploads older than this are removed. Default 24 hours.
    pub upload_retention: Duration,
    /// How long a browser stays logged in that nobody uses. Default 3 days.
    pub web_login_idle: Duration,
    /// How long a browser stays logged in at most. Default 30 days.
    pub web_login_longest: Duration,
    /// What administrators did longer ago is forgotten. Default two years.
    pub audit_retention: Duration,
    /// How old a directory or usage look-up may be when another host wrote (PostgreSQL only). Default 1 s.
    pub staleness: Duration,
    /// Time between housekeeping rounds (expired kv, old ledger rows, unused blobs). Default 60 s.
    pub sweep_interval: Duration,
    /// Whether to do housekeeping while open, and write counters behind; off for a command beside no server. Default: on.
    pub sweep: bool,
    /// Password verifications at a time; each takes 19 MiB and a core. Default: the number of cores.
    pub password_workers: usize,
    /// The clock. Default: the system's.
    pub clock: Clock,
}

impl StoreConfig {
    /// The defaults for a database and a blob directory.
    pub fn new(database: Database, blob_directory: impl Into<PathBuf>) -> StoreConfig {
        StoreConfig {
            database,
            blob_directory: blob_directory.into(),
            inline_limit: 64 * 1024,
            max_content: 128 * 1024 * 1024,
            max_database_bytes: None,
            readers: 4,
            write_timeout: Duration::from_secs(60),
            batch_jobs: 256,
            image_messages: 1000,
            batch_bytes: 8 * 1024 * 1024,
            ledger_retention: Duration::from_secs(30 * 86_400),
            vanished_retention: Duration::from_secs(90 * 86_400),
            upload_retention: Duration::from_secs(24 * 60 * 60),
            web_login_idle: Duration::from_secs(3 * 86_400),
            web_login_longest: Duration::from_secs(30 * 86_400),
            audit_retention: Duration::from_secs(730 * 86_400),
            staleness: Duration::from_secs(1),
            sweep_interval: Duration::from_secs(60),
            sweep: true,
            password_workers: std::thread::available_parallelism().map_or(2, usize::from),
            clock: Clock::default(),
        }
    }
}
