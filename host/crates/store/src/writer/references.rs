//! How often contents are named, counted with the commit that changes it.
//!
//! A content's own row has the count that it was written with. What changes it later is counted in a row of a few octets
//! (`blob_references`), and only there: the row itself lies beside the octets of the content, and would be written with them. Such a row may
//! come to say 0 and stay, until the content is named less often again: it says what no row says.
//!
//! Several hosts count on PostgreSQL, each statement seeing what the others have committed by then. What is removed is named by nobody,
//! all the same. A content gets one more reference only from a message that has it, whose account this transaction has locked (a copy, an
//! email that comes into one more mailbox): the reference of that message is counted, and stays until the transaction has ended, so
//! whoever takes away another finds one left. Uploads and rows of the queue, which no lock keeps, are never what a reference is taken from.
//! Two that take the last two away wait for each other at the row beside, and the second finds none left.

use std::collections::BTreeMap;

use super::buffers::Write;
use crate::BlobId;
use crate::database::Value;
use crate::statement::{Rows, Sql};

// Contents that lose their last reference go without being counted down first. Not if another host has counted the one before it since the
// statement before, which has not seen to its file then: it is counted down.
static KEEP_LAST: Sql = Sql::new(
    "INSERT INTO garbage (file) SELECT b.file FROM {1: id i, delta i} AS r CROSS JOIN blobs b LEFT JOIN blob_references c ON c.blob = b.id
     WHERE b.id = r.id AND b.refs_as_written + coalesce(c.delta, 0) + r.delta <= 0 AND b.file <> '' ON CONFLICT DO NOTHING",
);
static DROP_LAST: Sql = Sql::new(
    "DELETE FROM blobs WHERE id IN
     (SELECT b.id FROM {1: id i, delta i} AS r CROSS JOIN blobs b LEFT JOIN blob_references c ON c.blob = b.id
      WHERE b.id = r.id AND b.refs_as_written + coalesce(c.delta, 0) + r.delta <= 0
        AND (b.file = '' OR EXISTS (SELECT 1 FROM garbage g WHERE g.file = b.file)))",
);
static COUNT: Sql = Sql::new(
    "INSERT INTO blob_references (blob, delta) SELECT r.id, r.delta FROM {1: id i, delta i} AS r CROSS JOIN blobs b WHERE b.id = r.id
     ON CONFLICT (blob) DO UPDATE SET delta = blob_references.delta + excluded.delta",
);
// Two hosts may each have seen the other's reference: the second to count finds none left.
static KEEP_FILES: Sql = Sql::new(
    "INSERT INTO garbage (file) SELECT b.file FROM {1: id i, delta i} AS r CROSS JOIN blobs b JOIN blob_references c ON c.blob = b.id
     WHERE b.id = r.id AND b.refs_as_written + c.delta <= 0 AND b.file <> '' ON CONFLICT DO NOTHING",
);
static DROP_BLOBS: Sql = Sql::new(
    "DELETE FROM blobs WHERE id IN
     (SELECT b.id FROM {1: id i, delta i} AS r CROSS JOIN blobs b JOIN blob_references c ON c.blob = b.id WHERE b.id = r.id AND b.refs_as_written + c.delta <= 0)",
);
// What was counted of contents that are gone, and of those that are named as often again as their rows say.
static FORGET: Sql = Sql::new(
    "DELETE FROM blob_references WHERE blob IN (SELECT r.id FROM {1: id i, delta i} AS r)
     AND (delta = 0 OR NOT EXISTS (SELECT 1 FROM blobs b WHERE b.id = blob_references.blob))",
);

/// Changes of counts that wait.
#[derive(Debug, Default)]
pub(super) struct References(BTreeMap<BlobId, i64>);

impl References {
    /// Counts references of a content up or down.
    pub(super) fn count(&mut self, blob: BlobId, delta: i64) {
        *self.0.entry(blob).or_insert(0) += delta;
    }

    /// The statements that write what waits, in a right order.
    pub(super) fn take(self, writes: &mut Vec<Write>) {
        let mut deltas = Rows::default();
        let mut falling = false;
        for (blob, delta) in self.0.iter().filter(|(_, delta)| **delta != 0) {
            falling |= *delta < 0;
            deltas.row().int(blob.0).int(*delta);
        }
        if deltas.is_empty() {
            return;
        }
        let deltas: Value = deltas.into();
        let statements: &[&Sql] = match falling {
            true => &[
                &KEEP_LAST,
                &DROP_LAST,
                &COUNT,
                &KEEP_FILES,
                &DROP_BLOBS,
                &FORGET,
            ],
            false => &[&COUNT],
        };
        for sql in statements.iter().copied() {
            writes.push((sql, vec![deltas.clone()]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans;

    const CONTENT: &str = "INSERT INTO blobs (id, refs_as_written, size, hash, file, summary, content) VALUES (1, 2, 1, x'00', 'file', x'', x'')";
    const ANOTHER: &str = "INSERT INTO blob_references (blob, delta) VALUES (1, -1)";

    /// What another host has counted is seen from whichever statement on that follows its commit, up to the one that waits for it.
    #[tokio::test]
    async fn the_last_to_count_removes_a_content_and_its_file() {
        for seen_before in 0..=2 {
            plans::on_sqlite(async |mut connection| {
                let content = plans::made(CONTENT.to_owned());
                connection.fetch(content, Vec::new()).await.unwrap();
                let mut references = References::default();
                references.count(BlobId(1), -1);
                let mut writes = Vec::new();
                references.take(&mut writes);
                for (place, (sql, values)) in writes.into_iter().enumerate() {
                    if place == seen_before {
                        let another = plans::made(ANOTHER.to_owned());
                        connection.fetch(another, Vec::new()).await.unwrap();
                    }
                    connection.fetch(sql, values).await.unwrap();
                }
                let left = plans::made(
                    "SELECT (SELECT count(*) FROM blobs), (SELECT count(*) FROM blob_references), (SELECT count(*) FROM garbage WHERE file = 'file')"
                        .to_owned(),
                );
                let left = connection.fetch(left, Vec::new()).await.unwrap();
                let left = [0, 1, 2].map(|column| left[0].int(column).unwrap());
                assert_eq!(left, [0, 0, 1], "seen before statement {seen_before}");
                connection.close().await;
            })
            .await;
        }
    }

    #[tokio::test]
    async fn contents_and_counts_are_gone_to_one_by_one() {
        plans::on_sqlite(async |mut connection| {
            for sql in [
                &KEEP_LAST,
                &DROP_LAST,
                &COUNT,
                &KEEP_FILES,
                &DROP_BLOBS,
                &FORGET,
            ] {
                let plan = plans::plan(&mut connection, sql, vec!["[[1,1]]".into()]).await;
                let reads_all = |table: &str| {
                    let mut lines = plan.lines();
                    lines.any(|line| line.trim_start().starts_with(&format!("SCAN {table}")))
                };
                assert!(
                    !["b", "c", "g", "blobs", "blob_references"]
                        .into_iter()
                        .any(reads_all),
                    "{plan}"
                );
            }
            connection.close().await;
        })
        .await;
    }
}
