//! More plugins than there can be instances: as a provider has whose domains bring their own.
//!
//! `WAXWING_POLICY_PLUGINS` sets how many, 60 if it is absent; if it is given, their start and memory are held to their bounds.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use waxwing_policy::Decision;

use crate::component::{Plugin, case};
use crate::site::{Site, session};

/// Resident KiB of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    value.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_plugins_is_asked() {
    let asked: Option<u64> = std::env::var("WAXWING_POLICY_PLUGINS")
        .ok()
        .and_then(|count| count.parse().ok());
    let count = asked.unwrap_or(60);
    let site = Site::new();
    let mut steps = String::new();
    for number in 0..count {
        // Each is another component: its text differs.
        let plugin = Plugin::new().says("connect", &case(0)).reply(
            "mail-from",
            2,
            451,
            &format!("no {number}"),
        );
        site.plugin(&format!("p{number}"), &plugin);
        writeln!(steps, "[[step]]\nplugin = \"p{number}\"\n").unwrap();
    }
    site.policy(&steps);
    drop(site.serving().await);
    let before = resident();
    let begun = Instant::now();
    let policy = site.serving().await;
    let took = begun.elapsed();
    assert_eq!(session(&policy).connect().await, Decision::Pass);
    let status = policy.status();
    assert!(
        status
            .steps
            .iter()
            .all(|step| step.calls == 1 && step.faults == 0),
        "{:#?}",
        status.steps
    );
    let each = resident().saturating_sub(before) / count;
    eprintln!("{count} plugins: {took:?} to start from the code cache, {each} KiB each");
    if asked.is_some() {
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(each < 2048, "{each} KiB each");
    }
}
