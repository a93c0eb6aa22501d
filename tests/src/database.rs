//! The databases that a server runs on.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::process;

/// A database for one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file in the server's data folder.
    Sqlite,
    /// A database of its own on the PostgreSQL server that the tests were given, by URL.
    Postgres(String),
}

impl Database {
    /// SQLite, and PostgreSQL where the tests were given one (`tools/with-postgres.sh`).
    #[must_use]
    pub fn all() -> Vec<Database> {
        let mut all = vec![Database::Sqlite];
        match server() {
            Some(server) => all.push(Database::Postgres(create(&server))),
            None => {
                eprintln!("SKIPPED on PostgreSQL: {VARIABLE} is not set; `make test` starts one");
            }
        }
        all
    }

    /// The URL for `store.database`, if it is not the default.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Database::Sqlite => None,
            Database::Postgres(url) => Some(url),
        }
    }
}

/// Where tests find a PostgreSQL server: the URL of a database in which databases may be created.
const VARIABLE: &str = "WAXWING_TEST_POSTGRES_URL";

fn server() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())
}

/// Creates a database with a name of its own and gives its URL.
fn create(server: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "suite_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let statement = format!("CREATE DATABASE {name}");
    let output = process::ask("psql", &[server, "-qc", &statement]);
    assert!(
        output.status.success(),
        "{statement}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (base, query) = server
        .split_once('?')
        .map_or((server, None), |(base, query)| (base, Some(query)));
    let (base, _) = base.rsplit_once('/').expect("a URL with a database");
    query.map_or_else(
        || format!("{base}/{name}"),
        |query| format!("{base}/{name}?{query}"),
    )
}
