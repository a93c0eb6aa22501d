//! Adds one header field to each message, as the milter in `bench/milter` does: the benchmarks hold one against the other.
//!
//! Hook: message. Host calls: actions.
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

use waxwing_plugin::prelude::*;

/// The plugin; it has no settings.
#[derive(Debug)]
pub struct Stamping;

/// No settings at all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

impl Plugin for Stamping {
    type Settings = NoSettings;

    fn new(_settings: NoSettings) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }
}

impl OnMessage for Stamping {
    fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError> {
        call.actions.add_header("X-Bench", "seen")?;
        Ok(MessageDecision::Pass)
    }
}

waxwing_plugin::export!(Stamping: message);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Stamping>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
