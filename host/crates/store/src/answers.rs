//! Automatic answers (RFC 3834): what an account has set for the time that somebody is away, and who was told.
//!
//! Invariants: an answer and the note that it was given are one commit, so that nobody is answered twice, whatever happens in between;
//! how many are given and remembered is bounded for each account, so that two machines that answer each other fall silent.

use std::sync::Arc;

use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::records::{RECORDS_OF, Record, RecordKind, record};
use crate::writer::answers::Respond;
use crate::{AccountId, Delivery, Outgoing, Result, Store, Submitted};

/// Octets of look-ups cached. Users say how long an answer is, so it is not their number that is bounded.
const CACHED: u64 = 32 << 20;
/// Octets that a look-up takes beside the answer itself, about.
const BESIDE: usize = 200;
/// Most answers that an account gives a day, whatever is wished.
pub const MAX_ANSWERS_A_DAY: u32 = 10_000;
/// Longest time that an answer is remembered, milliseconds.
pub const MAX_ANSWER_PERIOD: i64 = 400 * 24 * 3600 * 1000;

/// An answer that is about to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnswer {
    /// Who answers.
    pub account: AccountId,
    /// Whom.
    pub sender: String,
    /// What counts as the same answer.
    pub handle: String,
    /// How long nobody is told the same again, milliseconds.
    pub period: i64,
    /// How many answers the account gives a day at most.
    pub most_a_day: u32,
}

impl NewAnswer {
    /// Under which it is remembered. The domain of an address knows no case, and few servers tell local parts by it.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut digest = Sha256::new();
        digest.update(self.sender.to_lowercase());
        digest.update([0]);
        digest.update(&self.handle);
        digest.finalize().to_vec()
    }
}

/// Whether an answer goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It is stored, or queued.
    Yes(Submitted),
    /// The sender was told not long ago.
    Lately,
    /// The account has given as many as it may for now.
    TooMany,
}

/// What an account has set.
#[derive(Debug, Clone)]
struct Known {
    /// The version that it was read under; under another it is not found, and replaced.
    version: u64,
    record: Option<Arc<Record>>,
}

/// What accounts have set, as far as it was looked up.
#[derive(Debug)]
pub(crate) struct Vacations(Cache<AccountId, Known>);

impl Default for Vacations {
    fn default() -> Self {
        let octets = |_: &AccountId, known: &Known| {
            let value = known.record.as_ref().map_or(0, |one| one.value.capacity());
            u32::try_from(BESIDE + value).unwrap_or(u32::MAX)
        };
        Self(
            Cache::builder()
                .weigher(octets)
                .max_capacity(CACHED)
                .build(),
        )
    }
}

impl Store {
    /// What an account has set for the time that somebody is away. Cached: mail flow asks for each copy.
    pub async fn vacation(&self, account: AccountId) -> Result<Option<Arc<Record>>> {
        let Vacations(cache) = &self.inner.vacations;
        let version = self.inner.directory.vacations_version().await?;
        let known = cache.get(&account);
        if let Some(known) = known.filter(|known| known.version == version) {
            return Ok(known.record);
        }
        let arguments = vec![account.0.into(), RecordKind::Vacation.code().into()];
        let rows = Box::pin(self.inner.readers.fetch(&RECORDS_OF, arguments)).await?;
        let record = rows.first().map(record).transpose()?.map(Arc::new);
        let known = Known {
            version,
            record: record.clone(),
        };
        cache.insert(account, known);
        Ok(record)
    }

    /// Gives an answer: stores what goes into mailboxes here and queues what leaves, unless its sender was told lately or the account
    /// has given too many.
    ///
    /// # Errors
    /// As [`Store::submit`]; nothing is remembered then.
    pub async fn respond(
        &self,
        answer: NewAnswer,
        deliveries: Vec<Delivery>,
        outgoing: Vec<Outgoing>,
    ) -> Result<Answered> {
        let all = self.forms(Vec::new(), deliveries, outgoing).await?;
        let given = self.inner.writer.write(Respond { answer, all }).await?;
        Ok(match given {
            Ok(accepted) => Answered::Yes(self.pass_on(accepted)),
            Err(not) => not,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, NewRecord, StoreConfig};

    fn known(version: u64, octets: usize) -> Known {
        Known {
            version,
            record: Some(Arc::new(Record {
                id: 1,
                created: 1,
                changed: version,
                value: "a".repeat(octets),
            })),
        }
    }

    #[test]
    fn what_is_cached_is_bounded_in_octets() {
        let Vacations(cache) = Vacations::default();
        for version in 0..200 {
            cache.insert(AccountId(1), known(version, 500 << 10));
        }
        cache.run_pending_tasks();
        assert_eq!(cache.entry_count(), 1, "an account has one place");
        for account in 0..200 {
            cache.insert(AccountId(account), known(1, 500 << 10));
        }
        cache.run_pending_tasks();
        assert!(cache.weighted_size() <= CACHED);
        assert!(cache.entry_count() > 0);
    }

    #[tokio::test]
    async fn what_users_set_leaves_the_directory_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("store.sqlite"));
        let config = StoreConfig::new(database, folder.path().join("blobs"));
        let store = Store::open(config).await.unwrap();
        store.add_domain("waxwing.test").await.unwrap();
        let alice = store.add_account("alice@waxwing.test", None, crate::Quota::default());
        let account = alice.await.unwrap().id;
        let versions = async || {
            let directory = store.directory();
            (
                directory.version().await.unwrap(),
                directory.vacations_version().await.unwrap(),
            )
        };
        let before = versions().await;
        let record = NewRecord {
            account,
            kind: RecordKind::Vacation,
            id: 1,
            value: "away".into(),
        };
        store.put_record(record).await.unwrap();
        assert_eq!(versions().await, (before.0, before.1 + 1));
        store.close().await;
    }
}
