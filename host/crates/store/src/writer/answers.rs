//! Automatic answers: given and remembered at once.

use super::Operation;
use super::deliver::{Accepted, DeliverAll};
use super::transaction::Transaction;
use crate::answers::{Answered, MAX_ANSWER_PERIOD, MAX_ANSWERS_A_DAY, NewAnswer};
use crate::database::Value;
use crate::statement::Sql;
use crate::{AccountId, Error, Result};

/// A day, milliseconds.
const DAY: i64 = 24 * 3600 * 1000;
/// Answers that an account remembers at most. Where there would be more, it gives none until some are forgotten.
const MOST: i64 = 50_000;

static KNOWN: Sql =
    Sql::new("SELECT 1 FROM answers WHERE account = $1 AND sender = $2 AND until > $3");
static COUNTS: Sql = Sql::new(
    "SELECT count(*), count(CASE WHEN at > $2 THEN 1 END) FROM answers WHERE account = $1",
);
// Another host may have answered in between.
static REMEMBER: Sql = Sql::new(
    "INSERT INTO answers (account, sender, at, until) VALUES ($1, $2, $3, $4)
     ON CONFLICT (account, sender) DO UPDATE SET at = excluded.at, until = excluded.until WHERE answers.until <= $3",
);
static SWEEP: Sql = Sql::new("DELETE FROM answers WHERE until <= $1 AND at <= $2");
/// What goes with an account.
pub(super) static FORGET_ALL: Sql = Sql::new("DELETE FROM answers WHERE account = $1");

/// An answer, and what of it is stored and queued.
#[derive(Debug)]
pub(crate) struct Respond {
    pub(crate) answer: NewAnswer,
    pub(crate) all: DeliverAll,
}

impl Operation for Respond {
    type Output = std::result::Result<Accepted, Answered>;

    fn accounts(&self) -> Vec<AccountId> {
        let mut accounts = self.all.accounts();
        accounts.push(self.answer.account);
        accounts
    }

    fn weight(&self) -> usize {
        self.all.weight()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Self::Output> {
        transaction.heads.account(self.answer.account)?;
        let checked = self.all.check(transaction)?;
        if let Some(not) = self.remember(transaction).await? {
            self.all.give_up();
            return Ok(Err(not));
        }
        Ok(Ok(self.all.write(transaction, checked).await?))
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        self.all.settle(outcome, unknown);
    }
}

impl Respond {
    /// Notes the answer; says why it is not to be given.
    async fn remember(&self, transaction: &mut Transaction) -> Result<Option<Answered>> {
        let (now, account) = (transaction.now, self.answer.account.0);
        let key = self.answer.key();
        let known = vec![account.into(), Value::Blob(key.clone()), now.into()];
        if !transaction.fetch(&KNOWN, known).await?.is_empty() {
            return Ok(Some(Answered::Lately));
        }
        let since = now.saturating_sub(DAY);
        let counts = transaction.fetch(&COUNTS, vec![account.into(), since.into()]);
        let counts = counts.await?;
        let count = |column| counts.first().map_or(Ok(0), |row| row.int(column));
        let most = i64::from(self.answer.most_a_day.min(MAX_ANSWERS_A_DAY));
        if count(0)? >= MOST || count(1)? >= most {
            return Ok(Some(Answered::TooMany));
        }
        let until = now.saturating_add(self.answer.period.clamp(0, MAX_ANSWER_PERIOD));
        let values = vec![account.into(), Value::Blob(key), now.into(), until.into()];
        let noted = transaction.execute(&REMEMBER, values).await?;
        Ok((noted == 0).then_some(Answered::Lately))
    }
}

/// Forgets whose time is over. What was given today counts still.
pub(super) async fn sweep(transaction: &mut Transaction) -> Result<()> {
    let now = transaction.now;
    let values = vec![now.into(), now.saturating_sub(DAY).into()];
    transaction.execute(&SWEEP, values).await?;
    Ok(())
}
