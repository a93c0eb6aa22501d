//! What an attempt came to: outcomes of recipients, the next attempt, and the notices that follow, in one commit.

use super::super::Operation;
use super::super::deliver::{Accepted, DeliverAll};
use super::super::transaction::Transaction;
use crate::database::Value;
use crate::queue::{MAX_SAID, RecipientState, Settled, Settlement, bounded};
use crate::statement::{Dialect, Rows, Sql};
use crate::{AccountId, Error, Result};

static LEG: Sql = Sql::new("SELECT message, lease FROM queue_legs WHERE id = $1");
static LOCK_LEG: Sql = Sql::new("SELECT message, lease FROM queue_legs WHERE id = $1 FOR UPDATE");
static OUTCOMES: Sql = Sql::new(
    "UPDATE queue_recipients SET state = r.state, said = r.said FROM {3: number i, state i, said t} AS r
     WHERE queue_recipients.message = $1 AND queue_recipients.leg = $2 AND queue_recipients.number = r.number AND queue_recipients.state = 0",
);
static ATTEMPT: Sql = Sql::new(
    "INSERT INTO queue_attempts (message, id, leg, at, host, said) VALUES ($1, $2, $3, $4, $5, $6)",
);
static OPEN: Sql =
    Sql::new("SELECT count(*) FROM queue_recipients WHERE message = $1 AND leg = $2 AND state = 0");
static AGAIN: Sql = Sql::new(
    "UPDATE queue_legs SET due = $2, lease = 0, owner = '', attempts = attempts + 1, tried = $3, said = $4,
     delayed = CASE WHEN $5 > 0 THEN $5 ELSE delayed END WHERE id = $1",
);
static GIVE_BACK: Sql =
    Sql::new("UPDATE queue_legs SET due = $3, lease = 0, owner = '' WHERE id = $1 AND lease = $2");

/// A settlement with the notices that go with it.
#[derive(Debug)]
pub(crate) struct Settle {
    pub(crate) settlement: Settlement,
    pub(crate) notices: DeliverAll,
}

impl Operation for Settle {
    type Output = Settled;

    fn accounts(&self) -> Vec<AccountId> {
        self.notices.accounts()
    }

    fn weight(&self) -> usize {
        self.notices.weight()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Settled> {
        // Refused before anything is changed, like every request.
        let checked = self.notices.check(transaction)?;
        let Some((message, leased)) = self.find(transaction).await? else {
            return Ok(Settled::Lost);
        };
        self.outcomes(transaction, message, leased).await?;
        let rows = vec![message.into(), self.settlement.leg.0.into()];
        let open = transaction.fetch(&OPEN, rows).await?;
        if open.first().map_or(Ok(0), |row| row.int(0))? == 0 {
            super::end_legs(transaction, message, &[self.settlement.leg.0]).await?;
        } else if leased {
            self.again(transaction).await?;
        }
        if !leased {
            return Ok(Settled::Lost);
        }
        let Accepted { stored, legs } = self.notices.write(transaction, checked).await?;
        Ok(Settled::Recorded { stored, legs })
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        self.notices.settle(outcome, unknown);
    }
}

impl Settle {
    /// The leg's message, locked, and whether the lease holds; none if the leg is gone.
    async fn find(&self, transaction: &mut Transaction) -> Result<Option<(i64, bool)>> {
        let leg = self.settlement.leg.0;
        let rows = transaction.fetch(&LEG, vec![leg.into()]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let message = row.int(0)?;
        super::lock(transaction, [message]).await?;
        let sql = match transaction.dialect() {
            Dialect::Sqlite => &LEG,
            Dialect::Postgres => &LOCK_LEG,
        };
        let rows = transaction.fetch(sql, vec![leg.into()]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some((message, row.int(1)? == self.settlement.lease.0)))
    }

    /// Without the lease only what was handed over counts: somebody else is at the rest.
    async fn outcomes(
        &self,
        transaction: &mut Transaction,
        message: i64,
        leased: bool,
    ) -> Result<()> {
        let Settlement {
            leg,
            at,
            host,
            said,
            outcomes,
            ..
        } = &self.settlement;
        let mut rows = Rows::default();
        for outcome in outcomes {
            if leased || outcome.state == RecipientState::Relayed {
                let row = rows.row().int(outcome.number.into());
                row.int(outcome.state.code())
                    .str(bounded(&outcome.said, MAX_SAID));
            }
        }
        let values = vec![message.into(), leg.0.into(), rows.into()];
        transaction.execute(&OUTCOMES, values).await?;
        let id = transaction.ids(1).await?;
        let mut values = vec![message.into(), id.into(), leg.0.into(), (*at).into()];
        values.extend([host, said].map(|text| Value::from(bounded(text, MAX_SAID))));
        transaction.execute(&ATTEMPT, values).await?;
        Ok(())
    }

    async fn again(&self, transaction: &mut Transaction) -> Result<()> {
        let s = &self.settlement;
        let mut values = vec![s.leg.0.into(), s.retry_at.into(), s.at.into()];
        values.push(Value::from(bounded(&s.said, MAX_SAID)));
        values.push(s.delay_told.map_or(0, |at| at).into());
        transaction.execute(&AGAIN, values).await?;
        Ok(())
    }
}

/// Ends leases without an attempt: a worker that stops, or that may not try now.
#[derive(Debug)]
pub(crate) struct GiveBack {
    /// Legs with the moments at which they are due.
    pub(crate) legs: Vec<(crate::LegId, i64)>,
    pub(crate) lease: crate::LeaseId,
}

impl Operation for GiveBack {
    type Output = ();

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        for (leg, due) in &self.legs {
            let values = vec![leg.0.into(), self.lease.0.into(), (*due).into()];
            transaction.execute(&GIVE_BACK, values).await?;
        }
        if self.legs.iter().any(|(_, due)| *due <= transaction.now) {
            transaction.change_queue();
        }
        Ok(())
    }
}
