//! What an attempt came to: outcomes of recipients, the next attempt, and the notices that follow, in one commit.

use std::collections::HashSet;

use super::super::Operation;
use super::super::deliver::{Accepted, DeliverAll};
use super::super::transaction::Transaction;
use super::known::{self, Known, Waiting};
use super::part::{Left, part};
use crate::database::Value;
use crate::queue::{MAX_SAID, RecipientState, Settled, Settlement, bounded};
use crate::statement::{Rows, Sql};
use crate::{AccountId, Error, LegId, Result};

static OUTCOMES: Sql = Sql::new(
    "UPDATE queue_recipients SET state = r.state, said = r.said, owed = r.owed,
     delayed = CASE WHEN r.delayed > 0 THEN r.delayed ELSE queue_recipients.delayed END
     FROM {3: number i, state i, said t, owed t, delayed i} AS r
     WHERE queue_recipients.message = $1 AND queue_recipients.leg = $2 AND queue_recipients.number = r.number AND queue_recipients.state = 0",
);
static TOLD: Sql = Sql::new(
    "UPDATE queue_recipients SET owed = '' WHERE message = $1 AND leg = $2 AND number IN (SELECT r.number FROM {3: number i} AS r)",
);
static ATTEMPT: Sql = Sql::new(
    "INSERT INTO queue_attempts (message, id, leg, at, host, said) VALUES ($1, $2, $3, $4, $5, $6)",
);
static AGAIN: Sql = Sql::new(
    "UPDATE queue_legs SET due = $2, lease = 0, owner = '', attempts = attempts + 1, tried = $3, said = CASE WHEN $4 <> '' THEN $4 ELSE said END
     WHERE id = $1",
);
static GOES_ON: Sql = Sql::new(
    "UPDATE queue_legs SET tried = $2, said = CASE WHEN $3 <> '' THEN $3 ELSE said END WHERE id = $1",
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

    fn legs(&self) -> Vec<LegId> {
        vec![self.settlement.leg]
    }

    fn weight(&self) -> usize {
        self.notices.weight()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Settled> {
        // Refused before anything is changed, like every request.
        let checked = self.notices.check(transaction)?;
        let known = known::take(transaction, self.settlement.leg).await?;
        let gone = |known: &Known| transaction.buffers.queue.is_ended(known.message);
        let Some(known) = known.filter(|known| !gone(known)) else {
            return Ok(Settled::Lost);
        };
        let leased = known.lease == self.settlement.lease.0;
        if !leased && self.settlement.stores {
            return Ok(Settled::Lost);
        }
        let repeated = self.is_repeated(&known);
        if leased && known.legs == 1 && self.ends(&known) && !self.owes() {
            // The usual end: all is relayed. The rows go with the commit, together with those of other messages.
            transaction.buffers.refs(known.blob, -1);
            transaction.buffers.queue.end(known.message);
        } else {
            self.record(transaction, &known, leased, repeated).await?;
        }
        if !leased {
            return Ok(Settled::Lost);
        }
        if repeated {
            return Ok(Settled::Recorded {
                stored: Vec::new(),
                legs: Vec::new(),
            });
        }
        let Accepted { stored, legs, .. } = self.notices.write(transaction, checked).await?;
        Ok(Settled::Recorded { stored, legs })
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        self.notices.settle(outcome, unknown);
    }
}

impl Settle {
    /// Whether something is to be told that is not told with it.
    fn owes(&self) -> bool {
        let outcomes = &self.settlement.outcomes;
        outcomes.iter().any(|outcome| !outcome.owed.is_empty())
    }

    /// Whether no recipient would be left that is open, or to be reported as it was before.
    fn ends(&self, known: &Known) -> bool {
        let ended: HashSet<u32> = self.ended().collect();
        let told: HashSet<u32> = self.settlement.told.iter().copied().collect();
        let left = |one: &Waiting| {
            one.open && !ended.contains(&one.number) || one.owed && !told.contains(&one.number)
        };
        !known.recipients.iter().any(left)
    }

    /// Whether all that it tells of was recorded before: it comes again, because the answer to its commit got lost. What is told
    /// went with it then, or was written down as owed. The recipients' own rows know that, and nothing else has to be kept for it.
    fn is_repeated(&self, known: &Known) -> bool {
        let Settlement { outcomes, told, .. } = &self.settlement;
        let ended: HashSet<u32> = self.ended().collect();
        let told: HashSet<u32> = told.iter().copied().collect();
        // Where anything is told for good, that decides: a delay can be told at the next attempt.
        let for_good = !(ended.is_empty() && told.is_empty());
        let late: HashSet<u32> = outcomes
            .iter()
            .filter(|outcome| outcome.delay_told && !for_good)
            .map(|outcome| outcome.number)
            .collect();
        let news = |one: &Waiting| {
            one.open && ended.contains(&one.number)
                || one.owed && told.contains(&one.number)
                || one.open && !one.delay_told && late.contains(&one.number)
        };
        (for_good || !late.is_empty()) && !known.recipients.iter().any(news)
    }

    /// The recipients of whom nothing more is to be tried.
    fn ended(&self) -> impl Iterator<Item = u32> {
        let outcomes = self.settlement.outcomes.iter();
        let ended = outcomes.filter(|outcome| outcome.state != RecipientState::Open);
        ended.map(|outcome| outcome.number)
    }

    async fn record(
        &self,
        transaction: &mut Transaction,
        known: &Known,
        leased: bool,
        repeated: bool,
    ) -> Result<()> {
        let message = known.message;
        self.outcomes(transaction, message, leased, repeated)
            .await?;
        let leg = self.settlement.leg.0;
        if leased && !self.settlement.told.is_empty() {
            let told = of_numbers(&self.settlement.told);
            let values = vec![message.into(), leg.into(), told.into()];
            transaction.execute(&TOLD, values).await?;
        }
        let tell_at = self.settlement.tell_at;
        match part(transaction, message, leg, tell_at).await? {
            Left::Nothing => super::end_legs(transaction, message, &[leg]).await,
            left if leased => self.again(transaction, left).await,
            _ => Ok(()),
        }
    }

    /// Without the lease only what was handed over counts: somebody else is at the rest, and tells of all.
    async fn outcomes(
        &self,
        transaction: &mut Transaction,
        message: i64,
        leased: bool,
        repeated: bool,
    ) -> Result<()> {
        let Settlement {
            leg,
            at,
            host,
            said,
            outcomes,
            ..
        } = &self.settlement;
        if outcomes.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::default();
        for outcome in outcomes {
            if leased || outcome.state == RecipientState::Relayed {
                let row = rows.row().int(outcome.number.into());
                let row = row.int(outcome.state.code());
                let row = row.str(bounded(&outcome.said, MAX_SAID));
                let row = row.str(if leased { &outcome.owed } else { "" });
                let is_told = leased && outcome.delay_told && !repeated;
                row.int(if is_told { *at } else { 0 });
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

    async fn again(&self, transaction: &mut Transaction, left: Left) -> Result<()> {
        let s = &self.settlement;
        let said = Value::from(bounded(&s.said, MAX_SAID));
        let due = match left {
            Left::Owed => s.tell_at,
            Left::Open | Left::Nothing => s.retry_at,
        };
        let (leg, due, at) = (s.leg.0.into(), due.into(), s.at.into());
        let (sql, values) = match s.goes_on {
            true => (&GOES_ON, vec![leg, at, said]),
            false => (&AGAIN, vec![leg, due, at, said]),
        };
        transaction.execute(sql, values).await?;
        Ok(())
    }
}

/// Numbers of recipients, as rows.
fn of_numbers(numbers: &[u32]) -> Rows {
    Rows::of_ints(numbers.iter().map(|number| (*number).into()))
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
