//! `runtime`: time, chance and where the plugin runs.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::RngCore;
use wasmtime::Result;

use crate::bindings::waxwing::policy::runtime::Host;
use crate::policy_file::Mode;
use crate::state::State;

const MAX_RANDOM: u32 = 1024;

impl Host for State {
    fn unix_ms(&mut self) -> Result<u64> {
        self.host_call("runtime.unix-ms", (), |state, ()| {
            Ok(state.shared.services.unix_ms())
        })
    }

    fn monotonic_ns(&mut self) -> Result<u64> {
        self.host_call("runtime.monotonic-ns", (), |_, ()| {
            static BEGIN: OnceLock<Instant> = OnceLock::new();
            Ok(
                u64::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_nanos())
                    .unwrap_or(u64::MAX),
            )
        })
    }

    fn random(&mut self, length: u32) -> Result<Vec<u8>> {
        self.host_call("runtime.random", length, |_, length| {
            let mut octets = vec![0; usize::try_from((*length).min(MAX_RANDOM)).unwrap_or(0)];
            rand::rng().fill_bytes(&mut octets);
            Ok(octets)
        })
    }

    fn remaining_ms(&mut self) -> Result<u32> {
        self.host_call("runtime.remaining-ms", (), |state, ()| {
            let left = state
                .budget
                .deadline
                .saturating_duration_since(Instant::now());
            Ok(u32::try_from(left.as_millis()).unwrap_or(u32::MAX))
        })
    }

    fn mode(&mut self) -> Result<String> {
        self.host_call("runtime.mode", (), |state, ()| {
            let mode = if state.self_testing {
                "self-test"
            } else if state.context.trial {
                Mode::Shadow.as_str()
            } else {
                state.shared.mode.as_str()
            };
            Ok(mode.to_owned())
        })
    }

    fn generation(&mut self) -> Result<u64> {
        self.host_call("runtime.generation", (), |state, ()| {
            Ok(state.context.generation)
        })
    }

    fn hook(&mut self) -> Result<String> {
        self.host_call("runtime.hook", (), |state, ()| {
            Ok(state.hook.map_or("init", |hook| hook.as_str()).to_owned())
        })
    }

    fn domain(&mut self) -> Result<Option<String>> {
        self.host_call("runtime.domain", (), |state, ()| {
            Ok(state.context.domain.as_deref().map(str::to_owned))
        })
    }

    fn settings(&mut self) -> Result<String> {
        self.host_call("runtime.settings", (), |state, ()| {
            Ok(state.shared.settings.to_string())
        })
    }
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
