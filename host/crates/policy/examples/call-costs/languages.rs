//! What a `message` plugin costs from its file to its call, whatever it is written in.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use waxwing_policy::Policy;

use crate::site::{self, Site};
use crate::{median, timed};

const STARTS: usize = 5;
const ROUNDS: usize = 5;
const CALLS: usize = 40;

/// The figures of a plugin given as `NAME=PLUGIN.wasm`.
pub(crate) fn measure(runtime: &Runtime, named: &str) -> Value {
    let (name, path) = named.split_once('=').expect("NAME=PLUGIN.wasm");
    let octets = std::fs::read(path).expect("a plugin");
    let site = Site::new();
    site.policy("");
    let empty = start(runtime, &site);
    site.plugin("measured", &octets);
    site.policy(&step("pooled"));
    let (_, compiling) = runtime.block_on(timed(site.start()));
    let compiled = site.compiled().expect("compiled code");
    let loading = start(runtime, &site);
    let policy = runtime.block_on(site.start());
    let warm = median((0..ROUNDS).map(|_| message_us(runtime, &policy)));
    site.policy(&step("call"));
    let policy = runtime.block_on(site.start());
    let fresh = median((0..ROUNDS).map(|_| message_us(runtime, &policy)));
    json!({
        "name": name,
        "component-kb": octets.len() as f64 / 1024.0,
        "compiled-kb": site::size(&compiled) as f64 / 1024.0,
        "compile-ms": milliseconds(compiling),
        "start-ms": loading - empty,
        "instance-us": fresh - warm,
        "call-us": warm,
    })
}

fn step(isolation: &str) -> String {
    format!(
        "[[step]]\nplugin = \"measured\"\ngrants = [\"message\", \"actions\"]\nlimits = {{ memory-mib = 64 }}\nisolation = \"{isolation}\"\n"
    )
}

/// Median milliseconds until the policy serves, with what is compiled already.
fn start(runtime: &Runtime, site: &Site) -> f64 {
    median((0..STARTS).map(|_| milliseconds(runtime.block_on(timed(site.start())).1)))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The median of what the ledgers of some messages say of their step.
fn message_us(runtime: &Runtime, policy: &Policy) -> f64 {
    median((0..CALLS).map(|_| {
        runtime.block_on(async {
            let mut transaction = site::transaction(policy, &mut site::session(policy));
            transaction.message(site::message()).await;
            let ledger = transaction.ledger();
            let [entry] = ledger.steps.as_slice() else {
                panic!("one step judges: {ledger:?}");
            };
            assert!(entry.fault.is_none(), "{entry:?}");
            f64::from(entry.microseconds)
        })
    }))
}
