//! What calls of plugins cost, beside wasmtime's own calls of the same components in the same run; prints JSON. `make bench` runs it.
//!
//! `cargo run --release -p waxwing-policy --example call-costs -- POLICY.TOML PLUGINS [NAME=PLUGIN.wasm…]`
//!
//! Things that are compared take turns, so that a slow moment of the machine hits all of them; a figure is the median of single
//! calls, and of several rounds. The plugins that are named at the end get a table of their own: what a step of each costs from file to call.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first error"
)]

mod bare;
#[path = "../../tests/policy/component.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod component;
mod languages;
mod shipped;
mod site;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;

use crate::bare::Bare;
use crate::component::Plugin;
use crate::site::Site;

/// Rounds, and calls in each.
const ROUNDS: usize = 40;
const CALLS: usize = 100;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut path = || {
        PathBuf::from(
            arguments
                .next()
                .expect("POLICY.TOML PLUGINS [NAME=PLUGIN.wasm…]"),
        )
    };
    let (policy, plugins) = (path(), path());
    let languages: Vec<String> = arguments.collect();
    let runtime = Runtime::new().expect("a runtime");
    let [bare_call, hook_call] = calls(&runtime);
    let [bare_instance, fresh_instance] = instances(&runtime, &plugins);
    let languages: Vec<_> = languages
        .iter()
        .map(|named| languages::measure(&runtime, named))
        .collect();
    let figures = json!({
        "bare-call-ns": bare_call,
        "hook-call-ns": hook_call,
        "bare-instance-ns": bare_instance,
        "fresh-instance-ns": fresh_instance,
        "shipped-policy-cpu-us": shipped::measure(&runtime, &policy, &plugins),
        "languages": languages,
    });
    println!("{figures:#}");
}

/// A call that calls the host once: wasmtime's, and that of a hook in an instance that waits for it.
fn calls(runtime: &Runtime) -> [f64; 2] {
    let plugin = Plugin::new()
        .calls("$age")
        .hook(
            "connect",
            "(drop (call $age (local.get 0))) (i32.const 1024)",
        )
        .build();
    let site = Site::new();
    site.plugin("asking", &plugin);
    site.policy("[[step]]\nplugin = \"asking\"\n");
    let policy = runtime.block_on(site.start());
    let mut bare = runtime.block_on(Bare::new(&plugin).instance());
    in_turns([&mut || runtime.block_on(bare.calls(CALLS)), &mut || {
        runtime.block_on(site::connects(&policy, CALLS))
    }])
}

/// An instance of a small Rust plugin: wasmtime's, and what a call costs more that gets one of its own.
fn instances(runtime: &Runtime, plugins: &std::path::Path) -> [f64; 2] {
    let plugin = std::fs::read(plugins.join("accepting.wasm")).expect("the plugin `accepting`");
    let bare = Bare::new(&plugin);
    let [pooled, fresh] = ["pooled", "call"].map(|isolation| {
        let site = Site::new();
        site.plugin("accepting", &plugin);
        site.policy(&format!("[[step]]\nplugin = \"accepting\"\ngrants = [\"credentials\", \"directory\"]\nisolation = \"{isolation}\"\n"));
        let policy = runtime.block_on(site.start());
        (site, policy)
    });
    let [bare, pooled, fresh] = in_turns([
        &mut || runtime.block_on(bare.instances(CALLS)),
        &mut || runtime.block_on(site::recipients(&pooled.1, CALLS)),
        &mut || runtime.block_on(site::recipients(&fresh.1, CALLS)),
    ]);
    [bare, fresh - pooled]
}

/// The median nanoseconds of several measurements that take turns; the first round warms up.
fn in_turns<const N: usize>(mut measure: [&mut dyn FnMut() -> Vec<Duration>; N]) -> [f64; N] {
    let mut medians: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..=ROUNDS {
        for (measure, medians) in measure.iter_mut().zip(&mut medians) {
            let times = measure();
            if round > 0 {
                medians.push(median(times.iter().map(|time| time.as_secs_f64() * 1e9)));
            }
        }
    }
    medians.map(median)
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How long this takes.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let done = future.await;
    (done, begun.elapsed())
}
