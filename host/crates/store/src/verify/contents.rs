//! Contents: how often each is named, and whether it is what was stored.
//!
//! Reading all of them takes long. It is done in pages, without a snapshot: that would keep SQLite's log from being
//! cleared, and PostgreSQL's dead rows, until the last is read. What is removed meanwhile is no damage.

use sha2::{Digest, Sha256};

use super::Verification;
use crate::database::Row;
use crate::statement::Sql;
use crate::{Error, Result, Store};

/// Contents read at a time.
const PAGE: i64 = 64;

static COUNTED: Sql = Sql::new(
    "SELECT b.id, b.refs_as_written + coalesce(c.delta, 0), b.size, CAST(COALESCE(m.refs, 0) AS BIGINT), COALESCE(m.least, b.size), COALESCE(m.most, b.size)
     FROM blobs b LEFT JOIN blob_references c ON c.blob = b.id LEFT JOIN (SELECT blob, count(*) AS refs, min(size) AS least, max(size) AS most
       FROM (SELECT blob, size FROM messages UNION ALL SELECT blob, size FROM queue_messages UNION ALL SELECT blob, size FROM uploads) AS n GROUP BY blob) AS m
     ON m.blob = b.id WHERE b.refs_as_written + coalesce(c.delta, 0) <= 0 OR b.refs_as_written + coalesce(c.delta, 0) <> COALESCE(m.refs, 0) OR m.least <> b.size OR m.most <> b.size LIMIT 1000",
);
static CONTENTS: Sql =
    Sql::new("SELECT id, size, hash, file, content FROM blobs WHERE id > $1 ORDER BY id LIMIT $2");
static IS_THERE: Sql = Sql::new("SELECT id FROM blobs WHERE id = $1");

/// Reference counts and sizes.
pub(super) async fn check_references(store: &Store, found: &mut Verification) -> Result<()> {
    for row in store.inner.readers.fetch(&COUNTED, Vec::new()).await? {
        let (id, kept, size, counted) = (row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?);
        let (least, most) = (row.int(4)?, row.int(5)?);
        found.equal(&format!("references of content {id}"), kept, counted);
        if kept <= 0 && counted <= 0 {
            found.problem(format!("content {id} is named by nothing"));
        }
        if (least, most) != (size, size) {
            found.problem(format!(
                "content {id} has {size} bytes, its messages say {least} to {most}"
            ));
        }
    }
    Ok(())
}

/// Reads and hashes every content.
pub(super) async fn check_contents(store: &Store, found: &mut Verification) -> Result<()> {
    let mut after = 0;
    loop {
        let page = vec![after.into(), PAGE.into()];
        let rows = store.inner.readers.fetch(&CONTENTS, page).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.int(0)?;
        for row in &rows {
            found.blobs += 1;
            if let Some(problem) = problem_of(store, row).await?
                && is_there(store, row.int(0)?).await?
            {
                found.problem(problem);
            }
        }
    }
}

async fn is_there(store: &Store, id: i64) -> Result<bool> {
    let row = store.inner.readers.fetch_one(&IS_THERE, vec![id.into()]);
    Ok(row.await?.is_some())
}

/// What is wrong with a content.
async fn problem_of(store: &Store, row: &Row) -> Result<Option<String>> {
    let (id, size, hash, file) = (row.int(0)?, row.int(1)?, row.bytes(2)?, row.text(3)?);
    let content = if file.is_empty() {
        row.bytes(4)?.into()
    } else {
        match store.read_file(file.clone(), 0, usize::MAX).await {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(Some(format!("content {id}: file {file} is missing"))),
            Err(Error::Closed) => return Err(Error::Closed),
            Err(error) => return Ok(Some(format!("content {id}: {error}"))),
        }
    };
    let sound = i64::try_from(content.len()) == Ok(size)
        && Sha256::digest(&content).as_slice() == hash.as_slice();
    Ok((!sound).then(|| {
        let found = content.len();
        format!("content {id} is not what was stored: {size} bytes were, {found} are there")
    }))
}
