//! Writing key-values.

use super::Operation;
use super::buffers::signed;
use super::transaction::Transaction;
use crate::database::Value;
use crate::kv::{KvKey, Memo};
use crate::statement::{Rows, Sql};
use crate::{Namespace, Result};

// Sets the value if the key is absent, outlived, or at the version expected; -1: whatever it is at.
static SET: Sql = Sql::new(
    "INSERT INTO kv (plugin, area, domain, kind, key, number, version, expires, value) VALUES ($1, $2, $3, 0, $4, 0, $5, $6, $7)
     ON CONFLICT (plugin, area, domain, kind, key) DO UPDATE SET version = $5, expires = $6, value = $7
     WHERE $8 = -1 OR kv.version = $8 OR ($8 = 0 AND kv.expires > 0 AND kv.expires <= $9)",
);
static SET_PRESENT: Sql = Sql::new(
    "UPDATE kv SET version = $5, expires = $6, value = $7 WHERE plugin = $1 AND area = $2 AND domain = $3 AND kind = 0 AND key = $4
     AND version = $8 AND (expires = 0 OR expires > $9)",
);
static DELETE: Sql =
    Sql::new("DELETE FROM kv WHERE plugin = $1 AND area = $2 AND domain = $3 AND key = $4");
// A counter's number is added up, so that hosts do not undo each other's counts; one that outlived its time starts over.
// The bytes of all values travel in one argument; the rows say where in it theirs are, counted from 1.
static REMEMBER: Sql = Sql::new(
    "INSERT INTO kv (plugin, area, domain, kind, key, number, version, expires, value)
     SELECT r.plugin, r.area, r.domain, r.kind, r.key, r.delta, 0, r.expires, substr($2, r.value_at, r.value_len)
     FROM {1: plugin t, area t, domain t, kind i, key t, delta i, expires i, value_at n, value_len n} AS r WHERE true
     ON CONFLICT (plugin, area, domain, kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires,
     number = CASE WHEN kv.expires > 0 AND kv.expires <= $3 THEN excluded.number ELSE kv.number + excluded.number END",
);

/// Sets a value, on condition of its version or not.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) namespace: Namespace,
    pub(crate) key: String,
    /// None: whatever the version is; 0: absent.
    pub(crate) expected: Option<u64>,
    pub(crate) value: Vec<u8>,
    /// Milliseconds of Unix time; 0 never.
    pub(crate) expires: i64,
}

impl Operation for Set {
    type Output = Option<u64>;

    fn weight(&self) -> usize {
        self.value.len()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Option<u64>> {
        let version = transaction.ids(1).await?;
        let expected = self.expected.map_or(-1, signed);
        let sql = if expected > 0 { &SET_PRESENT } else { &SET };
        let mut values = name_values(&self.namespace);
        values.extend([
            Value::from(self.key.as_str()),
            version.into(),
            self.expires.into(),
            Value::Blob(self.value.clone()),
        ]);
        values.extend([expected.into(), transaction.now.into()]);
        let set = transaction.execute(sql, values).await? > 0;
        Ok(set.then_some(u64::try_from(version).unwrap_or_default()))
    }
}

/// Sets many values together.
#[derive(Debug)]
pub(crate) struct SetMany(pub(crate) Vec<Set>);

impl Operation for SetMany {
    type Output = ();

    fn weight(&self) -> usize {
        self.0.iter().map(Set::weight).sum()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        for set in &mut self.0 {
            set.apply(transaction).await?;
        }
        Ok(())
    }
}

/// Removes a key of every kind.
#[derive(Debug)]
pub(crate) struct Delete {
    pub(crate) namespace: Namespace,
    pub(crate) key: String,
}

impl Operation for Delete {
    type Output = ();

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let mut values = name_values(&self.namespace);
        values.push(Value::from(self.key.as_str()));
        transaction.execute(&DELETE, values).await?;
        Ok(())
    }
}

/// Writes counters, buckets and windows as they are in memory.
#[derive(Debug)]
pub(crate) struct Remember(pub(crate) Vec<(KvKey, Memo)>);

impl Operation for Remember {
    type Output = ();

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        // Not empty: an empty argument is NULL to SQLite's binding.
        let (mut rows, mut bytes) = (Rows::default(), vec![0]);
        for (key, memo) in &self.0 {
            let Namespace {
                plugin,
                area,
                domain,
            } = &key.namespace;
            let row = rows.row().str(plugin).str(area).str(domain);
            let row = row.int(i64::from(key.kind)).str(&key.key);
            let row = row.int(memo.delta).int(memo.expires);
            row.int(signed(bytes.len()) + 1)
                .int(signed(memo.value.len()));
            bytes.extend_from_slice(&memo.value);
        }
        let values = vec![rows.into(), Value::Blob(bytes), transaction.now.into()];
        transaction.execute(&REMEMBER, values).await?;
        Ok(())
    }
}

fn name_values(namespace: &Namespace) -> Vec<Value> {
    [&namespace.plugin, &namespace.area, &namespace.domain]
        .map(|name| Value::from(name.as_str()))
        .to_vec()
}
