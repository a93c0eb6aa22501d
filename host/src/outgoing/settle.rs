//! What follows an attempt is one commit with the reports of it, as far as they can be stored now.
//!
//! Standards: RFC 5321 §4.5.4.1 (retrying), RFC 3461 §5.2 and §6 (reports).

use std::sync::Arc;
use std::time::Duration;

use waxwing_policy::{Notice, Outbound, Plan};
use waxwing_queue::attempt::Fate;
use waxwing_queue::dsn::{Action, Report};
use waxwing_store::{Leased, RecipientOutcome, Settlement};

use super::courier::{Tried, Via};
use super::judge::{Judge, Led, Verdict};
use super::notice::{self, About, Notices};
use super::record::{Enclosed, record};
use super::worker::Worker;
use super::{owed, told};
use crate::answer::{now_millis, tried};

pub(super) use super::record::Written;

/// How long a report that could not be stored waits at first, milliseconds.
const OWED: i64 = 60_000;

/// What was done about a leg, before it is known what follows.
pub(super) struct Ended {
    leg: Arc<Leased>,
    begun: i64,
    /// Given up by policy without an attempt.
    decided: Vec<(usize, Fate)>,
    /// Led into mailboxes here, or not.
    deposited: Vec<(usize, Led)>,
    /// What comes into mailboxes here, and goes on from them.
    deposits: Notices,
    tries: Vec<(Tried, Plan, Duration)>,
    /// When what is open is looked at again, milliseconds of Unix time.
    retry: Option<i64>,
    /// A part of the attempt is written down already.
    begun_to_settle: bool,
}

impl Ended {
    pub(super) fn new(leg: &Arc<Leased>, begun: i64) -> Self {
        Self {
            leg: Arc::clone(leg),
            begun,
            decided: Vec::new(),
            deposited: Vec::new(),
            deposits: Notices::default(),
            tries: Vec::new(),
            retry: None,
            begun_to_settle: false,
        }
    }

    pub(super) fn leg(&self) -> &Arc<Leased> {
        &self.leg
    }

    /// Policy gave a recipient up.
    pub(super) fn decided(&mut self, place: usize, fate: Fate) {
        self.decided.push((place, fate));
    }

    /// Recipients were led into mailboxes here, by what is to be stored.
    pub(super) fn deposited(&mut self, led: Vec<(usize, Led)>, deposits: Notices) {
        self.deposited = led;
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

    /// Whether there is anything to write down, be it that the attempt has ended.
    pub(super) fn is_something(&self) -> bool {
        self.begun_to_settle
            || !(self.decided.is_empty() && self.deposited.is_empty() && self.tries.is_empty())
    }
}

/// Asks policy what follows and writes it down; the attempt goes on with other recipients, or ends with that.
pub(super) async fn settle(
    worker: &Worker,
    ended: &mut Ended,
    policy: &mut Outbound,
    goes_on: bool,
) -> Written {
    let leg = &*Arc::clone(&ended.leg);
    let unreached = ended
        .tries
        .last()
        .is_some_and(|(tried, ..)| tried.unreached);
    let (verdicts, last) = judge(worker, ended, policy).await;
    let (open_at, owed_at) = (ended.retry, ended.begun.saturating_add(OWED));
    if unreached {
        let until = open_at.unwrap_or(ended.begun);
        worker.places.back_off(&leg.destination, until);
    }
    let reports: Vec<Report> = verdicts
        .iter()
        .filter_map(|verdict| verdict.report.clone())
        .collect();
    let mut enclosed = Enclosed {
        deposits: std::mem::take(&mut ended.deposits),
        reports: Notices::default(),
    };
    if !reports.is_empty() {
        let about = About::queued(&worker.parts, leg).await;
        enclosed.reports = notice::write(&worker.parts, &about, reports).await;
    }
    let stores = !enclosed.deposits.is_empty();
    let settlement = |later: &[Action]| Settlement {
        retry_at: open_at.unwrap_or(owed_at),
        tell_at: owed_at,
        stores,
        goes_on,
        ..settlement(leg, &verdicts, last.as_ref(), later)
    };
    let written = record(worker, settlement, enclosed).await;
    if written == Written::NotStored {
        return written;
    }
    ended.begun_to_settle = true;
    if !verdicts.is_empty() {
        let row = told::row(leg, &verdicts, last.as_ref(), policy);
        if !goes_on && let Some(said) = policy.tried() {
            tried::record(said, &worker.parts.store, &row.queue_id, &row.message_id);
        }
        worker.parts.store.record(row);
        told::tell(leg, &verdicts, last.as_ref());
    }
    written
}

/// What becomes of each recipient of which anything is known, and the host that was talked to last.
async fn judge(
    worker: &Worker,
    ended: &mut Ended,
    policy: &mut Outbound,
) -> (Vec<Verdict>, Option<Via>) {
    let leg = &*Arc::clone(&ended.leg);
    let mut verdicts = Vec::new();
    for (place, fate) in std::mem::take(&mut ended.decided) {
        let judge = Judge::new(worker, leg, None);
        verdicts.push(judge.given_up(place, &fate, Notice::AsAsked));
    }
    for (place, led) in std::mem::take(&mut ended.deposited) {
        let (verdict, retry) = Judge::new(worker, leg, None).deposited(place, &led);
        if let Some(at) = retry {
            ended.retry_by(at);
        }
        verdicts.push(verdict);
    }
    let mut last = None;
    for (tried, plan, took) in std::mem::take(&mut ended.tries) {
        for end in tried.ends {
            let judge = Judge::new(worker, leg, Some((&end.via, &plan)));
            let number = u32::try_from(end.place).unwrap_or(u32::MAX);
            let follows = policy.result(number, judge.attempt(&end.fate, took)).await;
            let (verdict, retry) = judge.judge(end.place, &end.fate, follows);
            if let Some(at) = retry {
                ended.retry_by(at);
            }
            verdicts.push(verdict);
            last = Some(end.via);
        }
    }
    (verdicts, last)
}

/// What is written down where these reports are not told with it.
fn settlement(
    leg: &Leased,
    verdicts: &[Verdict],
    last: Option<&Via>,
    later: &[Action],
) -> Settlement {
    let now = now_millis();
    let outcome = |verdict: &Verdict| {
        let queued = leg.recipients.get(verdict.place)?;
        let (mut owed, mut delay_told) = (String::new(), false);
        match verdict.report.as_ref() {
            None => {}
            Some(report) if report.action == Action::Delayed => {
                // If not with this attempt, it is told with the next one.
                delay_told = !later.contains(&Action::Delayed);
            }
            Some(report) if later.contains(&report.action) => owed = owed::text(report),
            Some(_) => {}
        }
        Some(RecipientOutcome {
            number: queued.number,
            state: verdict.state,
            said: verdict.said.clone(),
            owed,
            delay_told,
        })
    };
    Settlement {
        leg: leg.leg,
        lease: leg.lease,
        at: now,
        host: last.map(|via| via.host.clone()).unwrap_or_default(),
        said: verdicts
            .last()
            .map(|verdict| verdict.said.clone())
            .unwrap_or_default(),
        outcomes: verdicts.iter().filter_map(outcome).collect(),
        retry_at: now,
        tell_at: now,
        stores: false,
        told: Vec::new(),
        goes_on: false,
    }
}
