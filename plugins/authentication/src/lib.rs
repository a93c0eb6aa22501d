//! What SPF, DKIM, DMARC, ARC and iprev say of a message, as findings, and what follows.
//!
//! Hook: message. Host calls: auth-results, findings. RFC 7489 §6, RFC 8617 §7.2, RFC 7372. README.md has the settings.
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

use logic::{Outcome, Results};
use settings::Settings;
use std::net::IpAddr;
use waxwing_plugin::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Authentication {
    settings: Settings,
}

impl Plugin for Authentication {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }
}

impl OnMessage for Authentication {
    fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError> {
        let client = IpAddr::from(call.conn.client().address);
        if self.settings.trust.contains(client) {
            return Ok(MessageDecision::Pass);
        }
        let results = Results {
            iprev: auth_results::iprev(),
            spf: auth_results::spf(),
            dkim: auth_results::dkim(),
            dmarc: auth_results::dmarc(),
            arc: auth_results::arc(),
        };
        let (found, outcome) = logic::judge(&self.settings, &results);
        for (name, evidence) in found {
            findings::add(name, 1.0, &evidence)?;
        }
        Ok(match outcome {
            Outcome::Pass => MessageDecision::Pass,
            Outcome::Quarantine(reason) => MessageDecision::Quarantine(reason),
            Outcome::Reject(detail, text) => {
                MessageDecision::Reject(SmtpReply::new(550, (5, 7, detail), text))
            }
        })
    }
}

waxwing_plugin::export!(Authentication: message);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Authentication>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
