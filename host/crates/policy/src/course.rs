//! How a transaction went, as far as the watch for drift wants to know: one word, one score.

use crate::outcome::{Decision, DeliverOutcome, QuotaOutcome, Target, Verdict};
use crate::tally::Fate;

/// What was decided about a transaction so far.
#[derive(Debug, Default)]
pub(crate) struct Course {
    accepted: bool,
    /// The last no before the content.
    refusal: Option<Fate>,
    judged: Option<Fate>,
    score: Option<f64>,
}

impl Course {
    /// About the sender.
    pub(crate) fn sender(&mut self, decision: &Decision) {
        self.refusal = of_decision(decision);
    }

    /// About a recipient.
    pub(crate) fn recipient(&mut self, decision: &Decision) {
        match of_decision(decision) {
            None => self.accepted = true,
            refusal => self.refusal = refusal,
        }
    }

    /// About whether the content may come: a no is the last word on the transaction, unless the client asks again.
    pub(crate) fn content(&mut self, decision: &Decision) {
        if let Some(fate) = of_decision(decision) {
            self.worse(fate);
        }
    }

    /// About the content.
    pub(crate) fn message(&mut self, verdicts: &[(String, Verdict)], score: Option<f64>) {
        self.score = score;
        self.judged = Some(Fate::Passed);
        for (_, verdict) in verdicts {
            self.worse(match verdict {
                Verdict::Deliver | Verdict::Discard => Fate::Passed,
                Verdict::Junk | Verdict::Quarantine(_) => Fate::Junk,
                Verdict::Defer(_) => Fate::Deferred,
                Verdict::Refuse(_) => Fate::Refused,
            });
        }
    }

    /// About where a recipient leads.
    pub(crate) fn targets(&mut self, targets: &[Target]) {
        for target in targets {
            if let Target::Refuse(reply) = target {
                self.worse(of_reply(reply));
            }
        }
    }

    /// About room: that an account is full says nothing about the policy.
    pub(crate) fn room(&mut self, outcome: &QuotaOutcome) {
        if let QuotaOutcome::Unavailable(reply) = outcome {
            self.worse(of_reply(reply));
        }
    }

    /// About a copy.
    pub(crate) fn delivery(&mut self, outcome: &DeliverOutcome) {
        if let DeliverOutcome::Refuse(reply) = outcome {
            self.worse(of_reply(reply));
        }
    }

    /// The word for all of it; none if the client left before anything was decided.
    pub(crate) fn fate(&self) -> Option<Fate> {
        match (self.judged, self.accepted) {
            (Some(judged), _) => Some(judged),
            (None, true) => None,
            (None, false) => self.refusal,
        }
    }

    pub(crate) fn score(&self) -> Option<f64> {
        self.score
    }

    fn worse(&mut self, fate: Fate) {
        let rank = |fate: Fate| match fate {
            Fate::Passed => 0,
            Fate::Junk => 1,
            Fate::Deferred => 2,
            Fate::Refused => 3,
        };
        if self.judged.is_none_or(|judged| rank(fate) > rank(judged)) {
            self.judged = Some(fate);
        }
    }
}

/// A no as a fate; none for a yes.
pub(crate) fn of_decision(decision: &Decision) -> Option<Fate> {
    match decision {
        Decision::Pass => None,
        Decision::Refuse(reply) | Decision::Disconnect(reply) => Some(of_reply(reply)),
    }
}

fn of_reply(reply: &waxwing_mail::Reply) -> Fate {
    if reply.code.is_transient() {
        Fate::Deferred
    } else {
        Fate::Refused
    }
}

#[cfg(test)]
mod tests {
    use waxwing_mail::Reply;

    use super::*;

    #[test]
    fn one_word_for_all_of_it() {
        let no = |code| Decision::Refuse(Reply::new(code, None, "no"));
        let mut course = Course::default();
        course.sender(&Decision::Pass);
        assert_eq!(course.fate(), None);
        course.recipient(&no(451));
        assert_eq!(course.fate(), Some(Fate::Deferred));
        course.recipient(&Decision::Pass);
        assert_eq!(course.fate(), None, "the client may still send, or leave");
        course.content(&no(451));
        assert_eq!(course.fate(), Some(Fate::Deferred));
        course.message(&[("a.test".into(), Verdict::Junk)], Some(7.0));
        assert_eq!(
            (course.fate(), course.score()),
            (Some(Fate::Junk), Some(7.0))
        );
        course.targets(&[Target::Drop, Target::Refuse(Reply::new(550, None, "no"))]);
        assert_eq!(course.fate(), Some(Fate::Refused));
    }
}
