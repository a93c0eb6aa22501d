//! What a message's score means: junk, quarantine, refusal; thresholds for each recipient domain.
//!
//! Hook: verdict. Host calls: findings. README.md has the settings.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod logic;
pub mod settings;

use logic::Outcome;
use settings::Settings;
use waxwing_plugin::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Verdict {
    settings: Settings,
}

impl Plugin for Verdict {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn self_test(&self) -> Vec<SelfTest> {
        let nothing = logic::outcome(self.settings.thresholds(""), -1000.0);
        vec![SelfTest::equal(
            "the best mail is delivered",
            &nothing,
            &Outcome::Deliver,
        )]
    }
}

impl OnVerdict for Verdict {
    fn on_verdict(
        &self,
        _conn: &Connection,
        env: &Envelope,
        domain: &str,
    ) -> Result<Judgement, HookError> {
        let score = findings::total();
        let deliver = |reason| Judgement {
            action: VerdictAction::Deliver,
            reason,
        };
        // Asked only where it makes a difference.
        let trusted = || self.settings.trust_authenticated && env.identity().is_some();
        let (action, reached) = match logic::outcome(self.settings.thresholds(domain), score) {
            Outcome::Deliver => {
                return Ok(deliver(format!("score {score:.1} reaches no threshold")));
            }
            _ if trusted() => {
                return Ok(deliver(format!("score {score:.1}; the sender logged in")));
            }
            Outcome::Junk(from) => (VerdictAction::Junk, ("junk", from)),
            Outcome::Quarantine(from) => (
                VerdictAction::Quarantine(format!("score {score:.1}")),
                ("quarantine", from),
            ),
            Outcome::Refuse(from) => {
                let reply = SmtpReply::new(550, (5, 7, 1), self.settings.refuse_text.as_str());
                (VerdictAction::Reject(reply), ("refuse", from))
            }
        };
        Ok(Judgement {
            action,
            reason: format!("score {score:.1} reaches {} at {}", reached.0, reached.1),
        })
    }
}

waxwing_plugin::export!(Verdict: verdict);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Verdict>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
