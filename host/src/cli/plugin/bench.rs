//! `waxwing plugin bench`: what a plugin costs, on this machine, through the server's own engine.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use waxwing_policy::Inspection;

use super::super::{Common, runtime};
use super::component::{self, show};
use super::run::Call;
use crate::admin::Failure;

/// Fresh instances that are made.
const FRESH: usize = 200;
/// Calls before any is counted.
const WARM_UP: usize = 20;

#[derive(Debug, Args)]
pub(in crate::cli) struct Bench {
    #[command(flatten)]
    call: Call,
    /// How many calls are measured.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
}

/// The figures; times in microseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Figures {
    calls: usize,
    call_p50: f64,
    call_p99: f64,
    host_calls: u32,
    fresh_p50: f64,
    fresh_p99: f64,
    memory: u64,
    size: u64,
    compile_ms: f64,
}

impl Bench {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let file = component::file(&self.call.plugin)?;
        let size = Inspection::of(&file).map_err(Failure::data)?.size.file;
        let workbench = component::open(&file)?;
        let figures = runtime()?.block_on(self.measure(&workbench, size))?;
        show(common, &figures, || figures.told());
        Ok(())
    }

    async fn measure(
        &self,
        workbench: &waxwing_policy::Workbench,
        size: u64,
    ) -> Result<Figures, Failure> {
        let (mut bench, step) = self.call.ready(workbench, false).await?;
        let count = usize::try_from(self.calls).unwrap_or(1);
        let mut calls = Vec::with_capacity(count);
        let mut last = None;
        for turn in 0..WARM_UP + count {
            let seen = bench.call(&step).await.map_err(Failure::data)?;
            if seen.failed {
                return Err(Failure::data(format!("the plugin failed: {}", seen.answer)));
            }
            if turn >= WARM_UP {
                calls.push(seen.took());
            }
            last = Some(seen);
        }
        let mut fresh = Vec::with_capacity(FRESH);
        for _ in 0..FRESH {
            fresh.push(bench.fresh().await.map_err(Failure::data)?);
        }
        let seen = last.ok_or_else(|| Failure::data("nothing was called"))?;
        Ok(Figures {
            calls: count,
            host_calls: seen.host_call_count,
            memory: seen.memory,
            size,
            compile_ms: workbench.compile_time().as_secs_f64() * 1000.0,
            call_p50: quantile(&mut calls, 50),
            call_p99: quantile(&mut calls, 99),
            fresh_p50: quantile(&mut fresh, 50),
            fresh_p99: quantile(&mut fresh, 99),
        })
    }
}

/// The time that so many of a hundred do not exceed, in microseconds.
fn quantile(times: &mut [Duration], of_hundred: usize) -> f64 {
    times.sort_unstable();
    let place = (times.len().saturating_sub(1) * of_hundred).div_ceil(100);
    times
        .get(place)
        .map_or(0.0, |time| time.as_secs_f64() * 1_000_000.0)
}

impl Figures {
    fn told(&self) -> String {
        format!(
            "a call          {:.1} µs (p99 {:.1} µs, {} calls, {} host calls each)\n\
             a new instance  {:.1} µs (p99 {:.1} µs)\n\
             memory          {} KiB\n\
             size            {} KiB\n\
             compilation     {:.0} ms\n",
            self.call_p50,
            self.call_p99,
            self.calls,
            self.host_calls,
            self.fresh_p50,
            self.fresh_p99,
            self.memory >> 10,
            self.size.div_ceil(1024),
            self.compile_ms
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_measured() {
        let mut times: Vec<Duration> = (1..=100).rev().map(Duration::from_micros).collect();
        assert!((quantile(&mut times, 50) - 51.0).abs() < 1e-6);
        assert!((quantile(&mut times, 99) - 100.0).abs() < 1e-6);
        assert!(quantile(&mut [], 50).abs() < 1e-6);
    }
}
