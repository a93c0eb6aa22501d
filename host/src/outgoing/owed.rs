//! Reports that could not be stored with what they tell of: the queue keeps what they need with the recipient, and they are
//! written when they can be.
//!
//! Standards: RFC 5321 §4.5.5, RFC 3461 §6 (whoever gives a message up says so).
//! Invariant: none is lost but one that nobody could store in all the time that the queue has; none waits for an operator, whatever
//! is held or removed of its message.

use serde::{Deserialize, Serialize};
use waxwing_queue::dsn::{Action, Report};
use waxwing_queue::schedule::{Next, Schedule};
use waxwing_store::{Leased, Owed, Settlement};

use super::entry::millis;
use super::notice::{self, About};
use super::record::{Enclosed, Written, record};
use super::worker::Worker;
use crate::answer::now_millis;

/// What is kept of a report; the rest is the recipient's.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Since when it is owed, milliseconds of Unix time.
    since: i64,
    /// As in RFC 3464 §2.3.3.
    action: String,
    status: String,
    by_server: bool,
    remote: String,
    tried: i64,
}

/// What of a report is kept with its recipient.
pub(super) fn text(report: &Report) -> String {
    let kept = Kept {
        since: now_millis(),
        action: report.action.word().to_owned(),
        status: report.status.clone(),
        by_server: report.by_server,
        remote: report.remote.clone(),
        tried: report.tried,
    };
    // Plain data with string keys always has a JSON form.
    serde_json::to_string(&kept).unwrap_or_default()
}

/// A report again, and since when it is owed.
fn report(owed: &Owed) -> Option<(i64, Report)> {
    let kept: Kept = serde_json::from_str(&owed.text).ok()?;
    let action = notice::ACTIONS
        .into_iter()
        .find(|action| action.word() == kept.action)?;
    let recipient = &owed.recipient;
    let report = Report {
        address: recipient.address.clone(),
        orcpt: recipient.orcpt.clone(),
        action,
        status: kept.status,
        said: recipient.said.clone(),
        by_server: kept.by_server,
        remote: kept.remote,
        tried: kept.tried,
        retry_until: 0,
    };
    Some((kept.since, report))
}

/// What is owed of a leg, by the numbers of its recipients.
#[derive(Default)]
struct Debts {
    /// To be told still.
    open: Vec<(u32, Report)>,
    /// Nobody could be told in time, or it makes no sense.
    void: Vec<u32>,
}

impl Debts {
    fn of(leg: &Leased, now: i64, lasts: i64) -> (Self, Vec<Report>) {
        let (mut debts, mut late) = (Self::default(), Vec::new());
        for owed in &leg.owed {
            let number = owed.recipient.number;
            match report(owed) {
                Some((since, report)) if now < since.saturating_add(lasts) => {
                    debts.open.push((number, report));
                }
                report => {
                    debts.void.push(number);
                    late.extend(report.map(|(_, report)| report));
                }
            }
        }
        (debts, late)
    }

    /// Who is told, or not any more, where these are not told now.
    fn told(&self, later: &[Action]) -> Vec<u32> {
        let told = self.open.iter();
        let told = told.filter(|(_, report)| !later.contains(&report.action));
        let told = told.map(|(number, _)| *number);
        told.chain(self.void.iter().copied()).collect()
    }
}

/// Tells what is owed of a leg, if it can be done now. The open recipients' turn comes after it.
pub(super) async fn tell(worker: &Worker, leg: &Leased) -> Written {
    let parts = &worker.parts;
    let now = now_millis();
    let lasts = millis(parts.config.queue.expire.duration());
    let (debts, late) = Debts::of(leg, now, lasts);
    let about = About::queued(parts, leg).await;
    if !late.is_empty() {
        notice::dropped(parts, &about, &late, "it could not be stored in time");
    }
    let reports = debts.open.iter().map(|(_, report)| report.clone());
    let reports = notice::write(parts, &about, reports.collect()).await;
    let seed = leg.leg.0.unsigned_abs();
    let attempts = leg.attempts.saturating_add(1);
    let tell_at = match Schedule::default().next(attempts, seed, now, i64::MAX) {
        Next::At(at) => at,
        Next::GiveUp => now,
    };
    let settlement = |later: &[Action]| Settlement {
        leg: leg.leg,
        lease: leg.lease,
        at: now_millis(),
        host: String::new(),
        said: String::new(),
        outcomes: Vec::new(),
        retry_at: now,
        tell_at,
        stores: false,
        told: debts.told(later),
        goes_on: !leg.recipients.is_empty(),
    };
    let enclosed = Enclosed {
        deposits: notice::Notices::default(),
        reports,
    };
    record(worker, settlement, enclosed).await
}

#[cfg(test)]
mod tests {
    use waxwing_store::{Notify, QueuedRecipient};

    use super::*;

    #[test]
    fn what_is_kept_is_the_report_again() {
        let of = Report {
            address: "carol@remote.example".to_owned(),
            orcpt: "rfc822;c@old.example".to_owned(),
            action: Action::Failed,
            status: "5.1.1".to_owned(),
            said: "550 5.1.1 no".to_owned(),
            by_server: true,
            remote: "mx.remote.example".to_owned(),
            tried: 7,
            retry_until: 0,
        };
        let owed = Owed {
            recipient: QueuedRecipient {
                number: 3,
                address: of.address.clone(),
                notify: Notify::NOT_ASKED,
                orcpt: of.orcpt.clone(),
                said: of.said.clone(),
                delay_told: 0,
            },
            text: text(&of),
        };
        let (since, again) = report(&owed).unwrap();
        assert!(since > 0);
        assert_eq!(again, of);
        let other = Owed {
            text: "what?".to_owned(),
            ..owed
        };
        assert!(report(&other).is_none());
    }
}
