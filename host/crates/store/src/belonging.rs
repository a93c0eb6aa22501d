//! Whether the blob directory is the one of the database: each has the same random number.
//!
//! The sweep removes files that no row names. With another database's directory those would be all.

use std::time::{Duration, SystemTime};

use crate::blob_files::BlobFiles;
use crate::database::{Connection, Value};
use crate::statement::Sql;
use crate::{Error, Result};

static STORE_ID: Sql = Sql::new("SELECT next FROM sequences WHERE name = 'store'");
// Of two hosts that start together, the first decides.
static GIVE_ID: Sql =
    Sql::new("INSERT INTO sequences (name, next) VALUES ('store', $1) ON CONFLICT DO NOTHING");
static NAMES_FILES: Sql = Sql::new("SELECT id FROM blobs WHERE file <> '' LIMIT 1");

/// Refuses a directory of another database; marks both where they are new.
pub(crate) async fn check(connection: &mut Connection, files: &BlobFiles) -> Result<()> {
    let known = id(connection).await?;
    let of_files = files.clone();
    let far = SystemTime::now() + Duration::from_secs(86_400 * 365);
    let look = move || {
        let marker = of_files.marker()?;
        // Looking through all of it is for once.
        let any = marker.is_none() && !of_files.older_than(far)?.is_empty();
        Ok::<_, Error>((marker, any))
    };
    let (marker, any_files) = tokio::task::spawn_blocking(look)
        .await
        .map_err(|_| Error::Closed)??;
    let reason = match (known, &marker) {
        (Some(id), Some(marker)) if *marker == text(id) => return Ok(()),
        (_, Some(_)) => Some("it belongs to another database"),
        (_, None) => {
            let named = !connection.fetch(&NAMES_FILES, Vec::new()).await?.is_empty();
            match (named, any_files) {
                (false, true) => Some("it holds files that this database does not know"),
                (true, false) => Some("it is empty, but the database names files in it"),
                _ => None,
            }
        }
    };
    let fresh = match known {
        Some(id) => id,
        None => {
            let id = rand::random::<i64>() & i64::MAX;
            let _rows = connection.fetch(&GIVE_ID, vec![Value::Int(id)]).await?;
            self::id(connection)
                .await?
                .ok_or_else(|| Error::Corrupt("the store has no number".to_owned()))?
        }
    };
    if let Some(reason) = reason {
        return Err(Error::WrongBlobs {
            path: files.root().to_owned(),
            reason,
            id: text(fresh),
        });
    }
    let files = files.clone();
    tokio::task::spawn_blocking(move || files.mark(&text(fresh)))
        .await
        .map_err(|_| Error::Closed)?
}

async fn id(connection: &mut Connection) -> Result<Option<i64>> {
    let rows = connection.fetch(&STORE_ID, Vec::new()).await?;
    rows.first().map(|row| row.int(0)).transpose()
}

fn text(id: i64) -> String {
    format!("{id:016x}")
}
