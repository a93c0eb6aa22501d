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

/// Look-ups cached.
const CACHED: u64 = 50_000;
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

/// What accounts have set, as it was read under a version of the directory.
#[derive(Debug)]
pub(crate) struct Vacations(Cache<(u64, AccountId), Option<Arc<Record>>>);

impl Default for Vacations {
    fn default() -> Self {
        Self(Cache::new(CACHED))
    }
}

impl Store {
    /// What an account has set for the time that somebody is away. Cached: mail flow asks for each copy.
    pub async fn vacation(&self, account: AccountId) -> Result<Option<Arc<Record>>> {
        let Vacations(cache) = &self.inner.vacations;
        let key = (self.inner.directory.version().await?, account);
        if let Some(found) = cache.get(&key) {
            return Ok(found);
        }
        let arguments = vec![account.0.into(), RecordKind::Vacation.code().into()];
        let rows = Box::pin(self.inner.readers.fetch(&RECORDS_OF, arguments)).await?;
        let found = rows.first().map(record).transpose()?.map(Arc::new);
        cache.insert(key, found.clone());
        Ok(found)
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
