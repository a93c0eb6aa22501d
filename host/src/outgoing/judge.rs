//! What follows for a recipient from what was heard of it: policy has the last word.
//!
//! Standards: RFC 5321 §4.5.4.1 (retrying), RFC 3461 §5.2 and §6 (reports), RFC 2852 §4.1.4 (time is over).

use std::time::Duration;

use waxwing_mail::Reply;
use waxwing_policy::{Attempt, AttemptOutcome, Notice, Plan, ResultOutcome};
use waxwing_queue::attempt::{Failure, Fate};
use waxwing_queue::dsn::{Action, Report, is_wanted};
use waxwing_queue::schedule::{Next, Schedule};
use waxwing_store::{Leased, RecipientState};

use super::courier::{Via, words};
use super::entry::millis;
use super::facts;
use super::worker::Worker;
use crate::answer::now_millis;

/// What became of a recipient.
pub(super) struct Verdict {
    pub(super) place: usize,
    pub(super) state: RecipientState,
    pub(super) said: String,
    /// What its sender is told, if anything.
    pub(super) report: Option<Report>,
}

/// What became of a recipient whose mail was led into mailboxes here, or on from them.
pub(super) struct Led {
    pub(super) fate: Fate,
    /// What its sender is told of it, if it went well.
    pub(super) action: Option<Action>,
}

/// Judges a recipient.
pub(super) struct Judge<'a> {
    worker: &'a Worker,
    leg: &'a Leased,
    /// The host that was talked to, if one was tried, and how.
    tried: Option<(&'a Via, &'a Plan)>,
    now: i64,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        worker: &'a Worker,
        leg: &'a Leased,
        tried: Option<(&'a Via, &'a Plan)>,
    ) -> Self {
        Self {
            worker,
            leg,
            tried,
            now: now_millis(),
        }
    }

    /// What policy is told.
    pub(super) fn attempt(&self, fate: &Fate, took: Duration) -> Attempt {
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
        let via = self.tried.map(|(via, _)| via);
        Attempt {
            number: self.leg.attempts.saturating_add(1),
            queued: facts::queued_for(self.leg, self.now),
            outcome,
            host: via
                .map(|via| via.host.clone())
                .filter(|host| !host.is_empty()),
            reply,
            failure: failure.to_owned(),
            tls: via.and_then(|via| via.tls).map(str::to_owned),
            took,
        }
    }

    /// What becomes of a recipient, and when it is tried again if it is.
    pub(super) fn judge(
        &self,
        place: usize,
        fate: &Fate,
        follows: ResultOutcome,
    ) -> (Verdict, Option<i64>) {
        let (wait, notice) = match (fate, follows) {
            (Fate::Relayed(_), _) => return (self.relayed(place, fate), None),
            (_, ResultOutcome::GiveUp(notice)) => {
                return (self.given_up(place, fate, notice), None);
            }
            // Policy can have it tried again as often as it likes, and not for ever.
            (_, ResultOutcome::Retry { after, notice }) => {
                let expires = self.expires();
                let at = self.now.saturating_add(millis(after)).min(expires);
                let at = (self.now < expires).then(|| self.in_time(at));
                (at, self.promised(notice))
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
    pub(super) fn deposited(&self, place: usize, led: &Led) -> (Verdict, Option<i64>) {
        let Led { fate, action } = led;
        match (fate, self.next()) {
            (Fate::Relayed(_), _) => {
                let told = match action {
                    Some(action) => (*action, Notice::AsAsked),
                    None => (Action::Relayed, Notice::Never),
                };
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
            facts::since(self.leg).saturating_add(millis(stay))
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
        let warn = millis(self.worker.parts.config.queue.warn.duration());
        let late = facts::since(self.leg).saturating_add(warn);
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
            .map_or((false, false), |(via, _)| (via.dsn, via.deliver_by));
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

    pub(super) fn given_up(&self, place: usize, fate: &Fate, notice: Notice) -> Verdict {
        self.verdict(
            place,
            fate,
            RecipientState::Failed,
            (Action::Failed, notice),
        )
    }

    fn delayed(&self, place: usize, fate: &Fate, notice: Notice) -> Verdict {
        let queued = self.leg.recipients.get(place);
        // Once is enough; what others of the leg were told of is not told of this one.
        let notice = match queued.is_some_and(|queued| queued.delay_told > 0) {
            true => Notice::Never,
            false => notice,
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
        let host = self.tried.map_or("", |(via, _)| via.host.as_str());
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
