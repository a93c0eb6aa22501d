//! What follows an attempt: for each recipient policy has the last word, and all of it is one commit with the reports.
//!
//! Standards: RFC 5321 §4.5.4.1 (retrying), RFC 3461 §5.2 and §6 (reports), RFC 2852 §4.1.4 (time is over).

use std::time::Duration;

use waxwing_mail::Reply;
use waxwing_policy::{Attempt, AttemptOutcome, Notice, Outbound, Plan, ResultOutcome};
use waxwing_queue::attempt::{Failure, Fate};
use waxwing_queue::dsn::{Action, Report, is_wanted};
use waxwing_queue::schedule::{Next, Schedule};
use waxwing_store::{Leased, LedgerRow, RecipientOutcome, RecipientState, Settled, Settlement};

use super::courier::{Tried, words};
use super::entry::{Context, millis};
use super::facts;
use super::notice::{self, About, Notices};
use super::worker::Worker;
use crate::answer::{now_millis, roster, tried};

/// How often it is tried to write down what an attempt came to; meanwhile the lease runs.
const TRIES: u32 = 6;

/// What was done about a leg, before it is known what follows.
pub(super) struct Ended<'a> {
    leg: &'a Leased,
    begun: i64,
    /// Given up by policy without an attempt.
    decided: Vec<(usize, Fate)>,
    /// Led into mailboxes here, or not.
    deposited: Vec<(usize, Fate)>,
    /// What comes into mailboxes here, and goes on from them.
    deposits: Notices,
    tries: Vec<(Tried, Plan, Duration)>,
    retry: Option<i64>,
}

/// What became of a recipient.
struct Verdict {
    place: usize,
    state: RecipientState,
    said: String,
    /// What its sender is told, if anything.
    report: Option<Report>,
}

impl<'a> Ended<'a> {
    pub(super) fn new(leg: &'a Leased, begun: i64) -> Self {
        Self {
            leg,
            begun,
            decided: Vec::new(),
            deposited: Vec::new(),
            deposits: Notices::default(),
            tries: Vec::new(),
            retry: None,
        }
    }

    /// Policy gave a recipient up.
    pub(super) fn decided(&mut self, place: usize, fate: Fate) {
        self.decided.push((place, fate));
    }

    /// Recipients were led into mailboxes here, by what is to be stored.
    pub(super) fn deposited(&mut self, fates: Vec<(usize, Fate)>, deposits: Notices) {
        self.deposited = fates;
        self.deposits = deposits;
    }

    /// Some recipients were tried.
    pub(super) fn tried(&mut self, tried: Tried, plan: &Plan, took: Duration) {
        self.tries.push((tried, plan.clone(), took));
    }

    /// What is open is to be looked at again, at this moment at the latest.
    pub(super) fn retry_by(&mut self, at: i64) {
        self.retry = Some(self.retry.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn retry_at(&self) -> Option<i64> {
        self.retry
    }

    /// Whether there is anything to write down.
    pub(super) fn is_something(&self) -> bool {
        !(self.decided.is_empty() && self.deposited.is_empty() && self.tries.is_empty())
    }
}

/// Asks policy what follows and writes it down.
pub(super) async fn settle(worker: &Worker, mut ended: Ended<'_>, policy: &mut Outbound) {
    let leg = ended.leg;
    let mut verdicts = Vec::new();
    for (place, fate) in std::mem::take(&mut ended.decided) {
        let judge = Judge::new(worker, leg, None);
        verdicts.push(judge.given_up(place, &fate, Notice::AsAsked));
    }
    for (place, fate) in std::mem::take(&mut ended.deposited) {
        let (verdict, retry) = Judge::new(worker, leg, None).deposited(place, &fate);
        if let Some(at) = retry {
            ended.retry_by(at);
        }
        verdicts.push(verdict);
    }
    let tries = std::mem::take(&mut ended.tries);
    for (tried, plan, took) in &tries {
        let judge = Judge::new(worker, leg, Some((tried, plan)));
        for (place, fate) in &tried.fates {
            let attempt = judge.attempt(fate, *took);
            let number = u32::try_from(*place).unwrap_or(u32::MAX);
            let follows = policy.result(number, attempt).await;
            let (verdict, retry) = judge.judge(*place, fate, follows);
            if let Some(at) = retry {
                ended.retry_by(at);
            }
            verdicts.push(verdict);
        }
    }
    let last = tries.last().map(|(tried, ..)| tried);
    let retry_at = ended.retry.unwrap_or(ended.begun);
    if let Some(tried) = last
        && tried.unreached
    {
        worker.back_off(&leg.destination, retry_at);
    }
    let mut settlement = settlement(leg, &verdicts, last, retry_at);
    settlement.stores = !ended.deposits.is_empty();
    let row = row(leg, &verdicts, last, policy);
    if let Some(said) = policy.tried() {
        tried::record(said, &worker.parts.store, &row.queue_id, &row.message_id);
    }
    worker.parts.store.record(row);
    tell(leg, &verdicts, last);
    let reports: Vec<Report> = verdicts
        .into_iter()
        .filter_map(|verdict| verdict.report)
        .collect();
    let mut notices = ended.deposits;
    if !reports.is_empty() {
        let about = About::queued(&worker.parts, leg).await;
        notices.append(notice::write(&worker.parts, &about, reports).await);
    }
    record(worker, settlement, notices).await;
}

/// Writes down, with patience: what is not written down is sent again.
async fn record(worker: &Worker, settlement: Settlement, notices: Notices) {
    let leg = settlement.leg.0;
    for again in 0..TRIES {
        let (deliveries, outgoing) = (notices.deliveries.clone(), notices.outgoing.clone());
        let settled = worker
            .parts
            .store
            .settle(settlement.clone(), deliveries, outgoing);
        match settled.await {
            Ok(Settled::Recorded { stored, .. }) => return notices.arrived(&worker.parts, &stored),
            Ok(Settled::Lost) => {
                return tracing::warn!(leg, "another worker took a message over while it was sent");
            }
            Err(error) => {
                tracing::error!(leg, %error, "what an attempt came to could not be written down");
            }
        }
        tokio::time::sleep(Duration::from_secs(1 << again)).await;
    }
}

/// Judges the recipients of one try.
struct Judge<'a> {
    worker: &'a Worker,
    leg: &'a Leased,
    tried: Option<(&'a Tried, &'a Plan)>,
    now: i64,
}

impl<'a> Judge<'a> {
    fn new(worker: &'a Worker, leg: &'a Leased, tried: Option<(&'a Tried, &'a Plan)>) -> Self {
        Self {
            worker,
            leg,
            tried,
            now: now_millis(),
        }
    }

    /// What policy is told.
    fn attempt(&self, fate: &Fate, took: Duration) -> Attempt {
        let (outcome, reply, failure) = match fate {
            Fate::Relayed(said) => (
                AttemptOutcome::Delivered,
                Some(reply(&format!("{} {}", said.code, said.text))),
                "",
            ),
            Fate::Transient(failure) => {
                (AttemptOutcome::Deferred, spoken(failure), unspoken(failure))
            }
            Fate::Permanent(failure) => {
                (AttemptOutcome::Refused, spoken(failure), unspoken(failure))
            }
        };
        let tried = self.tried.map(|(tried, _)| tried);
        Attempt {
            number: self.leg.attempts.saturating_add(1),
            queued: facts::queued_for(self.leg, self.now),
            outcome,
            host: tried
                .map(|tried| tried.host.clone())
                .filter(|host| !host.is_empty()),
            reply,
            failure: failure.to_owned(),
            tls: tried.and_then(|tried| tried.tls).map(str::to_owned),
            took,
        }
    }

    /// What becomes of a recipient, and when it is tried again if it is.
    fn judge(&self, place: usize, fate: &Fate, follows: ResultOutcome) -> (Verdict, Option<i64>) {
        let (wait, notice) = match (fate, follows) {
            (Fate::Relayed(_), _) => return (self.relayed(place, fate), None),
            (_, ResultOutcome::GiveUp(notice)) => {
                return (self.given_up(place, fate, notice), None);
            }
            (_, ResultOutcome::Retry { after, notice }) => {
                let at = self.in_time(self.now.saturating_add(millis(after)));
                (Some(at), self.promised(notice))
            }
            (Fate::Permanent(_), ResultOutcome::AsUsual) => {
                return (self.given_up(place, fate, Notice::AsAsked), None);
            }
            (Fate::Transient(_), ResultOutcome::AsUsual) => (self.next(), self.usual_notice()),
        };
        match wait {
            Some(at) => (self.delayed(place, fate, notice), Some(at)),
            None => (self.given_up(place, fate, Notice::AsAsked), None),
        }
    }

    /// What follows from leading it into mailboxes here, and when it is tried again if it is.
    fn deposited(&self, place: usize, fate: &Fate) -> (Verdict, Option<i64>) {
        match (fate, self.next()) {
            (Fate::Relayed(_), _) => {
                let told = (Action::Delivered, Notice::AsAsked);
                (
                    self.verdict(place, fate, RecipientState::Relayed, told),
                    None,
                )
            }
            (Fate::Transient(_), Some(at)) => {
                (self.delayed(place, fate, self.usual_notice()), Some(at))
            }
            _ => (self.given_up(place, fate, Notice::AsAsked), None),
        }
    }

    fn expires(&self) -> i64 {
        let envelope = &self.leg.message.envelope;
        let planned = self.tried.and_then(|(_, plan)| plan.expire_after);
        let expires = planned.map_or(envelope.expires, |stay| {
            envelope.received.saturating_add(millis(stay))
        });
        // RFC 2852 §4.1.4: what is not delivered in time is returned.
        let by = envelope.deliver_by.filter(|by| by.give_up);
        by.map_or(expires, |by| expires.min(by.at))
    }

    /// When it is tried again by the plan's schedule or the usual one; none if its time is over.
    fn next(&self) -> Option<i64> {
        let expires = self.expires();
        let attempts = self.leg.attempts.saturating_add(1);
        let waits = self
            .tried
            .map_or(&[][..], |(_, plan)| plan.retry_after.as_slice());
        let place = usize::try_from(attempts - 1).unwrap_or(usize::MAX);
        if let Some(wait) = waits.get(place).or(waits.last()) {
            let at = self.now.saturating_add(millis(*wait));
            return (self.now < expires).then(|| self.in_time(at.min(expires)));
        }
        let seed = self.leg.leg.0.unsigned_abs();
        match Schedule::default().next(attempts, seed, self.now, expires) {
            Next::At(at) => Some(self.in_time(at)),
            Next::GiveUp => None,
        }
    }

    /// Delays are told when they are long, or longer than the sender allowed (RFC 2852 §4.1.4).
    fn usual_notice(&self) -> Notice {
        let envelope = &self.leg.message.envelope;
        let warn = millis(self.worker.parts.config.queue.warn.duration());
        let late = envelope.received.saturating_add(warn);
        let notice = match self.now >= late {
            true => Notice::AsAsked,
            false => Notice::Never,
        };
        self.promised(notice)
    }

    /// RFC 2852 §4.1.4: what is to be done when the time is over takes an attempt then.
    fn in_time(&self, at: i64) -> i64 {
        let by = self.leg.message.envelope.deliver_by.map(|by| by.at);
        by.filter(|by| *by > self.now).map_or(at, |by| at.min(by))
    }

    /// RFC 2852 §4.1.4: a delay is told when the time is over.
    fn promised(&self, notice: Notice) -> Notice {
        match self.leg.message.envelope.deliver_by {
            Some(by) if self.now >= by.at && notice == Notice::Never => Notice::AsAsked,
            _ => notice,
        }
    }

    fn relayed(&self, place: usize, fate: &Fate) -> Verdict {
        let (dsn, in_time) = self
            .tried
            .map_or((false, false), |(tried, _)| (tried.dsn, tried.deliver_by));
        let by = self.leg.message.envelope.deliver_by;
        let notice = match by {
            // RFC 2852 §4: whoever asked for a trace gets it where the promise is handed on; nobody keeps it beyond a host
            // that does not know it.
            Some(by) if by.trace && in_time || !by.give_up && !in_time => Notice::Always,
            // RFC 3461 §5.2.1: a host that knows DSN reports by itself.
            _ if dsn => Notice::Never,
            _ => Notice::AsAsked,
        };
        self.verdict(
            place,
            fate,
            RecipientState::Relayed,
            (Action::Relayed, notice),
        )
    }

    fn given_up(&self, place: usize, fate: &Fate, notice: Notice) -> Verdict {
        self.verdict(
            place,
            fate,
            RecipientState::Failed,
            (Action::Failed, notice),
        )
    }

    fn delayed(&self, place: usize, fate: &Fate, notice: Notice) -> Verdict {
        // Once is enough.
        let notice = if self.leg.delay_told > 0 {
            Notice::Never
        } else {
            notice
        };
        self.verdict(place, fate, RecipientState::Open, (Action::Delayed, notice))
    }

    fn verdict(
        &self,
        place: usize,
        fate: &Fate,
        state: RecipientState,
        told: (Action, Notice),
    ) -> Verdict {
        let (action, notice) = told;
        let queued = self.leg.recipients.get(place);
        let asked = queued.map(facts::asked).unwrap_or_default();
        let wanted = match notice {
            Notice::Never => false,
            // RFC 3461 §4.1: NEVER is never.
            Notice::Always => !asked.never,
            Notice::AsAsked => is_wanted(action, asked, true),
        };
        let said = words(fate);
        let report = queued.filter(|_| wanted).map(|queued| Report {
            address: queued.address.clone(),
            orcpt: queued.orcpt.clone(),
            action,
            status: status(fate),
            said: said.clone(),
            by_server: by_server(fate),
            remote: self.remote(),
            tried: self.tried.map_or(0, |_| self.now),
            retry_until: match action {
                Action::Delayed => self.expires(),
                _ => 0,
            },
        });
        Verdict {
            place,
            state,
            said,
            report,
        }
    }

    /// The host's name, without its address.
    fn remote(&self) -> String {
        let host = self.tried.map_or("", |(tried, _)| tried.host.as_str());
        host.split(' ').next().unwrap_or_default().to_owned()
    }
}

fn status(fate: &Fate) -> String {
    match fate {
        // RFC 3463 §3.1: nothing more is known of what was handed on.
        Fate::Relayed(_) => "2.0.0".to_owned(),
        Fate::Transient(failure) | Fate::Permanent(failure) => failure.status.clone(),
    }
}

fn by_server(fate: &Fate) -> bool {
    match fate {
        Fate::Relayed(_) => true,
        Fate::Transient(failure) | Fate::Permanent(failure) => failure.by_server,
    }
}

/// A reply as policy knows it, of `code text`.
fn reply(said: &str) -> Reply {
    let (code, text) = said.split_once(' ').unwrap_or((said, ""));
    Reply::new(code.parse().unwrap_or(0), None, text.to_owned())
}

fn spoken(failure: &Failure) -> Option<Reply> {
    failure.by_server.then(|| reply(&failure.said))
}

fn unspoken(failure: &Failure) -> &str {
    if failure.by_server { "" } else { &failure.said }
}

fn settlement(
    leg: &Leased,
    verdicts: &[Verdict],
    last: Option<&Tried>,
    retry_at: i64,
) -> Settlement {
    let told = |verdict: &Verdict| matches!(&verdict.report, Some(report) if report.action == Action::Delayed);
    let now = now_millis();
    let outcome = |verdict: &Verdict| {
        let queued = leg.recipients.get(verdict.place)?;
        Some(RecipientOutcome {
            number: queued.number,
            state: verdict.state,
            said: verdict.said.clone(),
        })
    };
    Settlement {
        leg: leg.leg,
        lease: leg.lease,
        at: now,
        host: last.map(|tried| tried.host.clone()).unwrap_or_default(),
        said: verdicts
            .last()
            .map(|verdict| verdict.said.clone())
            .unwrap_or_default(),
        outcomes: verdicts.iter().filter_map(outcome).collect(),
        retry_at,
        delay_told: verdicts.iter().any(told).then_some(now),
        stores: false,
    }
}

fn word(state: RecipientState) -> &'static str {
    match state {
        RecipientState::Open => "deferred",
        RecipientState::Relayed => "relayed",
        RecipientState::Failed => "bounced",
        RecipientState::Removed => "removed",
    }
}

/// The ledger's row of an attempt.
fn row(leg: &Leased, verdicts: &[Verdict], last: Option<&Tried>, policy: &Outbound) -> LedgerRow {
    let ledger = policy.ledger();
    let recipients: Vec<_> = verdicts
        .iter()
        .map(|verdict| {
            let queued = leg.recipients.get(verdict.place);
            serde_json::json!({
                "address": queued.map_or("", |queued| queued.address.as_str()),
                "verdict": "",
                "fate": word(verdict.state),
                "reply": verdict.said,
            })
        })
        .collect();
    let row = serde_json::json!({
        "attempt": {
            "number": leg.attempts + 1,
            "host": last.map_or("", |tried| tried.host.as_str()),
            "tls": last.and_then(|tried| tried.tls),
        },
        "recipients": recipients,
        "policy": ledger.lean(),
    });
    let states = || verdicts.iter().map(|verdict| verdict.state);
    let outcome = [RecipientState::Relayed, RecipientState::Open]
        .into_iter()
        .find(|state| states().any(|one| one == *state))
        .unwrap_or(RecipientState::Failed);
    LedgerRow {
        queue_id: leg.message.envelope.queue_id.clone(),
        message_id: Context::decode(&leg.message.envelope.context).message_id,
        at: now_millis(),
        generation: ledger.generation,
        outcome: word(outcome).to_owned(),
        json: row.to_string(),
        roster: Some(roster(&ledger)),
    }
}

/// The figures, and a line for the operator.
fn tell(leg: &Leased, verdicts: &[Verdict], last: Option<&Tried>) {
    let count = |state: RecipientState| {
        let count = verdicts
            .iter()
            .filter(|verdict| verdict.state == state)
            .count();
        metrics::counter!("waxwing_queue_recipients_total", "outcome" => word(state))
            .increment(count as u64);
        count
    };
    tracing::info!(
        queue_id = leg.message.envelope.queue_id,
        leg = leg.leg.0,
        destination = leg.destination,
        attempt = leg.attempts + 1,
        host = last.map_or("", |tried| tried.host.as_str()),
        relayed = count(RecipientState::Relayed),
        deferred = count(RecipientState::Open),
        bounced = count(RecipientState::Failed),
        said = verdicts.last().map_or("", |verdict| verdict.said.as_str()),
        "attempt"
    );
}
