//! How often contents are named, counted with the commit that changes it.
//!
//! A content's own row has the count that it was written with. What changes it later is counted in a row of a few octets
//! (`blob_references`), and only there: the row itself lies beside the octets of the content, and would be written with them.

use std::collections::BTreeMap;

use super::buffers::Write;
use crate::BlobId;
use crate::database::Value;
use crate::statement::{Rows, Sql};

// Contents that lose their last reference go without being counted down first.
static KEEP_LAST: Sql = Sql::new(
    "INSERT INTO garbage (file) SELECT b.file FROM {1: id i, delta i} AS r CROSS JOIN blobs b LEFT JOIN blob_references c ON c.blob = b.id
     WHERE b.id = r.id AND b.first_refs + coalesce(c.delta, 0) + r.delta <= 0 AND b.file <> '' ON CONFLICT DO NOTHING",
);
static DROP_LAST: Sql = Sql::new(
    "DELETE FROM blobs WHERE id IN
     (SELECT b.id FROM {1: id i, delta i} AS r CROSS JOIN blobs b LEFT JOIN blob_references c ON c.blob = b.id
      WHERE b.id = r.id AND b.first_refs + coalesce(c.delta, 0) + r.delta <= 0)",
);
static COUNT: Sql = Sql::new(
    "INSERT INTO blob_references (blob, delta) SELECT r.id, r.delta FROM {1: id i, delta i} AS r CROSS JOIN blobs b WHERE b.id = r.id
     ON CONFLICT (blob) DO UPDATE SET delta = blob_references.delta + excluded.delta",
);
// Two hosts may each have seen the other's reference: the second to count finds none left.
static KEEP_FILES: Sql = Sql::new(
    "INSERT INTO garbage (file) SELECT b.file FROM {1: id i, delta i} AS r CROSS JOIN blobs b JOIN blob_references c ON c.blob = b.id
     WHERE b.id = r.id AND b.first_refs + c.delta <= 0 AND b.file <> '' ON CONFLICT DO NOTHING",
);
static DROP_BLOBS: Sql = Sql::new(
    "DELETE FROM blobs WHERE id IN
     (SELECT b.id FROM {1: id i, delta i} AS r CROSS JOIN blobs b JOIN blob_references c ON c.blob = b.id WHERE b.id = r.id AND b.first_refs + c.delta <= 0)",
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
                    !["b", "c", "blobs", "blob_references"]
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
