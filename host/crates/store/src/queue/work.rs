//! The worker's side of the queue: submit, lease, settle, sleep exactly.

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    BodyKind, DeliverBy, LeaseTerms, MAX_CONTEXT, MAX_QUEUED_RECIPIENTS, Notify, Outgoing,
    QueueEnvelope, QueuedMessage, QueuedRecipient, RecipientState, ReturnContent, Submitted,
};
use crate::database::{Row, Value};
use crate::statement::{Dialect, Rows, Sql};
use crate::writer::deliver::{Accepted, DeliverAll};
use crate::writer::queue::enqueue::Enqueue;
use crate::writer::queue::lease::{EndLeases, LANES, PutOff, Renew, Take, TakeFor};
use crate::writer::queue::settle::{GiveBack, Settle};
use crate::writer::records::{Put, Submit};
use crate::{BlobId, Delivery, Error, LeaseId, LegId, NewRecord, Result, Store, Stored};

/// Most legs leased at once.
const MAX_LEASED: usize = 1000;
/// Legs put off with one commit.
const PUT_OFF: i64 = 5000;

// The first of each lane: a step of the index each, however many legs wait.
pub(super) static NEXT_DUE: Sql = Sql::new(
    "WITH RECURSIVE lanes (lane) AS (
       SELECT min(lane) FROM queue_legs WHERE state = 0
       UNION ALL SELECT (SELECT min(l.lane) FROM queue_legs l WHERE l.state = 0 AND l.lane > lanes.lane) FROM lanes WHERE lanes.lane IS NOT NULL)
     SELECT (SELECT min(l.due) FROM queue_legs l WHERE l.state = 0 AND l.lane = lanes.lane) AS due FROM lanes
     WHERE lane IS NOT NULL ORDER BY due LIMIT 1",
);

// `due >= 0` always holds: with a range SQLite walks the index in order instead of sorting the table.
pub(super) static NEXT_IN_LANE: Sql = Sql::new(
    "SELECT l.due FROM queue_legs l WHERE l.state = 0 AND l.lane = $1 AND l.due >= $2
     AND l.destination NOT IN (SELECT r.name FROM {3: name t} AS r) ORDER BY l.due LIMIT 1",
);

pub(super) static DUE_FOR: Sql = Sql::new(
    "SELECT l.due FROM queue_legs l WHERE l.state = 0 AND l.destination = $1 AND l.due <= $2 ORDER BY l.due LIMIT 1",
);

/// A leg that this worker may try until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The leg.
    pub leg: LegId,
    /// The lease, the same for all that one call leased.
    pub lease: LeaseId,
    /// When the lease ends, milliseconds of Unix time.
    pub until: i64,
    /// What it is scheduled under.
    pub destination: String,
    /// Attempts that were settled before.
    pub attempts: u32,
    /// Its message.
    pub message: QueuedMessage,
    /// The recipients that are open.
    pub recipients: Vec<QueuedRecipient>,
    /// Those that are done, and of which its sender is still to be told. There is one at least, here or there; as a rule only in
    /// one of them, because what is owed gets a leg of its own.
    pub owed: Vec<Owed>,
}

/// A recipient that is done, and of which its sender is still to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The recipient, with the last words about it.
    pub recipient: QueuedRecipient,
    /// What was kept of the report ([`RecipientOutcome::owed`]).
    pub text: String,
}

impl Leased {
    /// From the columns of the statement that reads leased legs.
    pub(crate) fn of_row(row: &Row) -> Result<Leased> {
        let deliver_by = match row.int(18)? {
            0 => None,
            mode => Some(DeliverBy {
                at: row.int(17)?,
                give_up: mode & 3 == 1,
                trace: mode & 4 != 0,
            }),
        };
        let envelope = QueueEnvelope {
            queue_id: row.text(6)?,
            sender: row.text(10)?,
            ret: match row.int(11)? {
                1 => ReturnContent::Full,
                2 => ReturnContent::Headers,
                _ => ReturnContent::NotAsked,
            },
            envid: row.text(12)?,
            body: match row.int(13)? {
                1 => BodyKind::EightBit,
                2 => BodyKind::Binary,
                _ => BodyKind::SevenBit,
            },
            smtp_utf8: row.int(14)? != 0,
            require_tls: row.int(15)? != 0,
            priority: i8::try_from(row.int(16)?).unwrap_or(0),
            deliver_by,
            received: row.int(9)?,
            expires: row.int(19)?,
            context: row.text(20)?,
        };
        Ok(Leased {
            leg: LegId(row.int(0)?),
            lease: LeaseId(row.int(1)?),
            until: row.int(2)?,
            destination: row.text(3)?,
            attempts: row.number(4)?,
            message: QueuedMessage {
                envelope,
                size: row.natural(8)?,
                blob: BlobId(row.int(7)?),
            },
            recipients: Vec::new(),
            owed: Vec::new(),
        })
    }

    pub(crate) fn add_recipient(&mut self, row: &Row) -> Result<()> {
        let recipient = QueuedRecipient {
            number: row.number(1)?,
            address: row.text(2)?,
            notify: Notify(u8::try_from(row.int(3)?).unwrap_or(0)),
            orcpt: row.text(4)?,
            said: row.text(5)?,
            delay_told: row.int(8)?,
        };
        match RecipientState::of_code(row.int(6)?) {
            RecipientState::Open => self.recipients.push(recipient),
            _ => self.owed.push(Owed {
                recipient,
                text: row.text(7)?,
            }),
        }
        Ok(())
    }
}

/// What became of one recipient in an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientOutcome {
    /// Its number in the message.
    pub number: u32,
    /// `Open`: it is tried again.
    pub state: RecipientState,
    /// What was said of it, at most [`super::MAX_SAID`].
    pub said: String,
    /// Set for one that is done, if its sender is to be told and is not with this settlement: what is needed to do it later,
    /// opaque here. It comes back with [`Leased::owed`]. Empty: nothing is owed.
    pub owed: String,
    /// Set for one that is open, if its sender is told with this settlement that it has to wait.
    pub delay_told: bool,
}

/// What an attempt on a leg came to, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The leg.
    pub leg: LegId,
    /// The lease under which it was tried.
    pub lease: LeaseId,
    /// When, milliseconds of Unix time.
    pub at: i64,
    /// The host that was talked to last, for the history.
    pub host: String,
    /// The last words, for the history.
    pub said: String,
    /// What became of recipients; those not named are open as before.
    pub outcomes: Vec<RecipientOutcome>,
    /// When those that are open are tried again, milliseconds of Unix time.
    pub retry_at: i64,
    /// When what is owed is told, milliseconds of Unix time.
    pub tell_at: i64,
    /// Relayed here means stored by this very settlement: without the lease there is nothing to say.
    pub stores: bool,
    /// Recipients of which its sender was to be told still, and is with this settlement.
    pub told: Vec<u32>,
    /// The attempt goes on with other recipients: the lease stays, and the attempt is not counted yet.
    pub goes_on: bool,
}

/// What a settlement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// All of it is written, notices too. If it was already, and its caller did not learn that, there are none again.
    Recorded {
        /// Notices stored in mailboxes.
        stored: Vec<Stored>,
        /// Notices queued.
        legs: Vec<LegId>,
    },
    /// The lease had ended and somebody else has the leg, or it was removed. Recipients that were relayed are recorded
    /// as such, so that they are not sent to again; nothing else is, and no notice.
    Lost,
}

fn check(outgoing: &Outgoing) -> Result<()> {
    let sizes = [
        (
            "list of recipients",
            outgoing.recipients.len(),
            MAX_QUEUED_RECIPIENTS,
        ),
        ("context", outgoing.envelope.context.len(), MAX_CONTEXT),
    ];
    if let Some((what, size, limit)) = sizes.into_iter().find(|(_, size, limit)| size > limit) {
        return Err(Error::TooLarge { what, size, limit });
    }
    if outgoing.recipients.is_empty() {
        return Err(Error::NotAllowed("a queued message has recipients"));
    }
    Ok(())
}

/// A form that only the queue has.
fn form_of(content: Bytes, received: i64) -> Delivery {
    Delivery {
        content,
        summary: Vec::new(),
        targets: Vec::new(),
        internal_date: received,
        internal_offset: 0,
        thread: 0,
        ledger: None,
    }
}

impl Store {
    /// Stores local copies and what is told of them, and queues what goes on, or nothing of any: with one commit, and one
    /// content for all forms of the same bytes. A mailbox gets one of the copies, and each of the notices. On disk when it
    /// returns.
    ///
    /// # Errors
    /// As [`Store::deliver`]; `TooLarge` and `NotAllowed` for what is queued.
    pub async fn submit(
        &self,
        deliveries: Vec<Delivery>,
        notices: Vec<Delivery>,
        outgoing: Vec<Outgoing>,
    ) -> Result<Submitted> {
        self.submit_with(deliveries, notices, outgoing, None).await
    }

    /// The same with a record that tells of it, in the same commit.
    ///
    /// # Errors
    /// As above; `TooLarge` for the record.
    pub async fn submit_with(
        &self,
        deliveries: Vec<Delivery>,
        notices: Vec<Delivery>,
        outgoing: Vec<Outgoing>,
        record: Option<NewRecord>,
    ) -> Result<Submitted> {
        let all = self.forms(deliveries, notices, outgoing).await?;
        self.submit_all(all, record).await
    }

    /// The same; what is queued is leased with it on these terms, and nobody is told that it is due: the caller has it tried.
    ///
    /// # Errors
    /// As above.
    pub async fn submit_leased(
        &self,
        deliveries: Vec<Delivery>,
        notices: Vec<Delivery>,
        outgoing: Vec<Outgoing>,
        (record, terms): (Option<NewRecord>, &LeaseTerms),
    ) -> Result<Submitted> {
        let mut all = self.forms(deliveries, notices, outgoing).await?;
        all.lease(terms);
        self.submit_all(all, record).await
    }

    async fn submit_all(&self, all: DeliverAll, record: Option<NewRecord>) -> Result<Submitted> {
        let accepted = match record {
            None => self.inner.writer.write(all).await?,
            Some(record) => {
                crate::records::check(&record)?;
                let put = Put { record };
                self.inner.writer.write(Submit { all, put }).await?
            }
        };
        Ok(self.pass_on(accepted))
    }

    /// Keeps what has just been queued for whoever sends it.
    pub(crate) fn pass_on(&self, accepted: Accepted) -> Submitted {
        for (blob, content, legs) in &accepted.passing {
            self.inner.passing.keep(*blob, content, *legs);
        }
        Submitted {
            stored: accepted.stored,
            legs: accepted.legs,
            leased: accepted.leased,
        }
    }

    /// The content that a leg is to be sent with, from memory if it has just been queued here.
    ///
    /// # Errors
    /// `NoSuchBlob` if the message was removed from the queue meanwhile.
    pub async fn queued_content(&self, blob: BlobId) -> Result<Bytes> {
        match self.inner.passing.take(blob) {
            Some(content) => Ok(content),
            None => self.blob(blob).await,
        }
    }

    pub(crate) async fn forms(
        &self,
        deliveries: Vec<Delivery>,
        notices: Vec<Delivery>,
        outgoing: Vec<Outgoing>,
    ) -> Result<DeliverAll> {
        let of_one = deliveries.len();
        let mut forms: Vec<(Delivery, Vec<Enqueue>)> = deliveries
            .into_iter()
            .chain(notices)
            .map(|form| (form, Vec::new()))
            .collect();
        for outgoing in outgoing {
            check(&outgoing)?;
            let Outgoing {
                content,
                envelope,
                recipients,
                due,
                held,
            } = outgoing;
            let received = envelope.received;
            let enqueue = Enqueue {
                envelope,
                recipients,
                due,
                held,
                lease: None,
            };
            // A form without places is a ledger row, its content is not kept.
            let same = forms.iter_mut().find(|(form, queued)| {
                form.content == content && !(form.targets.is_empty() && queued.is_empty())
            });
            match same {
                Some((_, queued)) => queued.push(enqueue),
                None => forms.push((form_of(content, received), vec![enqueue])),
            }
        }
        let mut prepared = Vec::with_capacity(forms.len());
        for (place, (form, queued)) in forms.into_iter().enumerate() {
            let mut form = self.prepare(form, queued).await?;
            form.alone = place >= of_one;
            prepared.push(form);
        }
        Ok(DeliverAll(prepared))
    }

    /// Leases legs that are due, the most urgent first, at most `limit`, for `owner` until the given moment
    /// (milliseconds of Unix time). `except` names destinations that are not to be tried now; what is due for them is
    /// passed over one by one, so one with a long backlog is better [put off](Store::put_off). Legs whose lease ended are
    /// due.
    pub async fn lease(
        &self,
        owner: &str,
        until: i64,
        limit: usize,
        except: &[String],
    ) -> Result<Vec<Leased>> {
        // Looking is cheap, a transaction is not.
        let now = self.inner.config.clock.now();
        if self.next_due(except).await?.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        let take = Take {
            owner: owner.to_owned(),
            until,
            limit: limit.min(MAX_LEASED),
            except: except.to_vec(),
        };
        self.inner.writer.write(take).await
    }

    /// [`Store::lease`] for one destination: one that was excepted and has a connection free again.
    pub async fn lease_for(
        &self,
        destination: &str,
        owner: &str,
        until: i64,
        limit: usize,
    ) -> Result<Vec<Leased>> {
        let now = self.inner.config.clock.now();
        let values = vec![Value::from(destination), now.into()];
        let due = self.inner.readers.fetch_one(&DUE_FOR, values).await?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let take = TakeFor {
            destination: destination.to_owned(),
            owner: owner.to_owned(),
            until,
            limit: limit.min(MAX_LEASED),
        };
        self.inner.writer.write(take).await
    }

    /// Ends the leases of a worker that died, as far as it is known that it did: an SQLite database has one host at a time, and this
    /// one has none yet. Of hosts that share PostgreSQL each lease ends by itself. `lasts` is how long a lease lasts at most,
    /// milliseconds. Returns how many legs are due again.
    pub async fn end_dead_leases(&self, lasts: i64) -> Result<u64> {
        if self.inner.readers.dialect() == Dialect::Postgres {
            return Ok(0);
        }
        let until = self.inner.config.clock.now().saturating_add(lasts);
        self.inner.writer.write(EndLeases { until }).await
    }

    /// Makes leases end later; returns the legs that are leased under it still. What is missing was taken over.
    pub async fn renew_lease(
        &self,
        lease: LeaseId,
        legs: &[LegId],
        until: i64,
    ) -> Result<Vec<LegId>> {
        let legs = legs.to_vec();
        self.inner.writer.write(Renew { legs, lease, until }).await
    }

    /// Ends leases without an attempt: each leg with the moment at which it is due.
    pub async fn give_back(&self, lease: LeaseId, legs: &[(LegId, i64)]) -> Result<()> {
        let legs = legs.to_vec();
        self.inner.writer.write(GiveBack { legs, lease }).await
    }

    /// Records what an attempt came to, and stores and queues the notices that follow from it, with one commit. After an
    /// error that leaves open whether it was made it can be called again: what is told of a recipient is told once.
    ///
    /// # Errors
    /// As [`Store::submit`]; nothing is recorded then, and the lease runs on.
    pub async fn settle(
        &self,
        settlement: Settlement,
        notices: Vec<Delivery>,
        outgoing: Vec<Outgoing>,
    ) -> Result<Settled> {
        let notices = self.forms(Vec::new(), notices, outgoing).await?;
        let settle = Settle {
            settlement,
            notices,
        };
        self.inner.writer.write(settle).await
    }

    /// Puts off all that waits for a destination and would be due before a moment: the destination as a whole is not to
    /// be tried until then. Returns how many legs that were.
    pub async fn put_off(&self, destination: &str, until: i64) -> Result<u64> {
        let mut total = 0;
        loop {
            let round = PutOff {
                destination: destination.to_owned(),
                until,
                limit: PUT_OFF,
            };
            let done = self.inner.writer.write(round).await?;
            total += done;
            if done < PUT_OFF.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    /// When the next leg is due (or its lease ends), milliseconds of Unix time; it may be past. Those for the destinations
    /// in `except` do not count. None: nothing waits.
    pub async fn next_due(&self, except: &[String]) -> Result<Option<i64>> {
        let readers = &self.inner.readers;
        if except.is_empty() {
            let row = readers.fetch_one(&NEXT_DUE, Vec::new()).await?;
            return row.map(|row| row.int(0)).transpose();
        }
        let mut names = Rows::default();
        for name in except {
            names.row().str(name);
        }
        let names: Value = names.into();
        let mut next: Option<i64> = None;
        for lane in readers.fetch(&LANES, Vec::new()).await? {
            let values = vec![lane.int(0)?.into(), 0.into(), names.clone()];
            if let Some(row) = readers.fetch_one(&NEXT_IN_LANE, values).await? {
                let due = row.int(0)?;
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        Ok(next)
    }

    /// A receiver that changes when something became due sooner than was known: queued, released, given back. Of other
    /// hosts' changes, too, on PostgreSQL. A worker sleeps until [`Store::next_due`] or this; for hosts that died, and
    /// connections that broke, at most a minute.
    pub fn queue_news(&self) -> watch::Receiver<u64> {
        self.inner.shared.queue_news()
    }
}
