//! For tests: how a database goes about a statement, on an empty store of either kind.

use crate::database::{Connection, Connector, Value};
use crate::statement::{Dialect, Sql};
use crate::{Database, StoreConfig};

/// A statement of the caller's making.
pub(crate) fn made(text: String) -> &'static Sql {
    Box::leak(Box::new(Sql::new(text.leak())))
}

/// The plan of a statement, a line each.
pub(crate) async fn plan(
    connection: &mut Connection,
    sql: &'static Sql,
    values: Vec<Value>,
) -> String {
    let dialect = connection.dialect();
    let (explain, column) = match dialect {
        Dialect::Sqlite => ("EXPLAIN QUERY PLAN", 3),
        Dialect::Postgres => ("EXPLAIN", 0),
    };
    let explain = made(format!("{explain} {}", sql.text(dialect)));
    let rows = connection.fetch(explain, values).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.text(column).unwrap()).collect();
    lines.join("\n")
}

async fn connect(database: Database) -> Connection {
    let connector = Connector::new(&StoreConfig::new(database, "unused")).unwrap();
    let mut connection = connector.connect().await.unwrap();
    connector.migrate(&mut connection).await.unwrap();
    connection
}

/// Has an empty SQLite store looked at.
pub(crate) async fn on_sqlite(check: impl AsyncFnOnce(Connection)) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plans.sqlite");
    check(connect(Database::Sqlite(file)).await).await;
}

/// The test server's URL.
pub(crate) fn postgres_url() -> String {
    std::env::var("WAXWING_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("WAXWING_TEST_POSTGRES_URL is not set: run the tests under tools/with-postgres.sh, as `make test` does")
    })
}

/// Has an empty PostgreSQL store looked at.
pub(crate) async fn on_postgres(check: impl AsyncFnOnce(Connection)) {
    let url = postgres_url();
    let schema = format!("plans_{:032x}", rand::random::<u128>());
    let connector = |url: &str| Database::Postgres(url.to_owned());
    let server = Connector::new(&StoreConfig::new(connector(&url), "unused")).unwrap();
    let mut admin = server.connect().await.unwrap();
    let run = async |admin: &mut Connection, text: String| {
        admin.fetch(made(text), Vec::new()).await.unwrap();
    };
    run(&mut admin, format!("CREATE SCHEMA {schema}")).await;
    check(connect(connector(&format!("{url}&options[search_path]={schema}"))).await).await;
    run(&mut admin, format!("DROP SCHEMA {schema} CASCADE")).await;
    admin.close().await;
}
