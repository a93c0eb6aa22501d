//! Hooks that listen: events come in batches by domain and hold nobody up; ticks come by the clock.

use std::time::{Duration, Instant};

use waxwing_mail::Protocol;
use waxwing_policy::{MailboxChange, MailboxEvent, Placed, Policy};

use crate::component::{PASS, Plugin};
use crate::site::{Site, step, until};

fn event(account: &str) -> MailboxEvent {
    MailboxEvent {
        at: 1,
        account: account.into(),
        protocol: Protocol::Imap,
        session: "s1".into(),
        change: MailboxChange::Append(Placed {
            mailbox: "INBOX".into(),
            uid: 7,
            flags: Vec::new(),
        }),
    }
}

fn calls(policy: &Policy) -> (u64, u64) {
    let status = policy.status();
    (status.steps[0].calls, status.steps[0].faults)
}

/// A plugin that traps unless it is told of two events at once.
fn pairs() -> Plugin {
    let body = format!(
        "(if (i32.ne (call $events (local.get 0)) (i32.const 2)) (then (unreachable))) (i32.const {PASS})"
    );
    Plugin::new().calls("$events").hook("mailbox", &body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_in_batches_each_of_one_domain() {
    let site = Site::new();
    site.plugin("p", &pairs()).policy(&step("p", ""));
    let policy = site.serving().await;
    for account in [
        "a@one.example",
        "b@two.example",
        "c@one.example",
        "d@two.example",
    ] {
        policy.tell(|| event(account));
    }
    let running = tokio::spawn({
        let policy = policy.clone();
        async move { policy.run().await }
    });
    until("both batches are told", || calls(&policy).0 == 2).await;
    assert_eq!(calls(&policy), (2, 0));
    let status = policy.status();
    let domains: Vec<_> = status.steps[0]
        .domains
        .iter()
        .map(|cost| (cost.domain.as_str(), cost.calls))
        .collect();
    assert_eq!(domains.len(), 2, "{domains:?}");
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_hears_holds_nobody_up() {
    let site = Site::new();
    let policy = site.serving().await;
    // No step listens: the event is not even made.
    policy.tell(|| panic!("nobody listens"));
    site.plugin("p", &pairs()).policy(&step("p", ""));
    policy.reload().await.unwrap();
    // Nobody hands on, and the channel fills: what comes then is dropped.
    let begun = Instant::now();
    for _ in 0..20_000 {
        policy.tell(|| event("a@one.example"));
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(calls(&policy), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_ticks_by_its_interval_and_not_without_one() {
    let site = Site::new();
    let plugin = Plugin::new().hook("tick", &format!("(i32.const {PASS})"));
    let both = plugin
        .clone()
        .hook("connect", &format!("(i32.const {PASS})"));
    site.plugin("ticks", &plugin)
        .plugin("silent", &both)
        .policy(&format!(
            "{}{}",
            step("ticks", "tick = \"1s\""),
            step("silent", "")
        ));
    let policy = site.serving().await;
    let running = tokio::spawn({
        let policy = policy.clone();
        async move { policy.run().await }
    });
    let begun = Instant::now();
    until("it ticked three times", || calls(&policy).0 >= 3).await;
    // The first comes within the interval, the others no sooner than it; the clock may have begun a little before this one.
    assert!(
        begun.elapsed() >= Duration::from_millis(1900),
        "{:?}",
        begun.elapsed()
    );
    let status = policy.status();
    assert_eq!(status.steps[1].calls, 0);
    assert_eq!(status.steps[1].hooks, ["connect"]);
    running.abort();
}

#[tokio::test]
async fn an_interval_and_its_hook_belong_together() {
    let site = Site::new();
    let plugin = Plugin::new().hook("tick", &format!("(i32.const {PASS})"));
    let other = Plugin::new().hook("connect", &format!("(i32.const {PASS})"));
    site.plugin("ticks", &plugin).plugin("other", &other);
    for (policy, problem) in [
        (
            step("ticks", "hooks = [\"tick\"]"),
            "policy.toml:4: a step at `tick` needs its interval, such as tick = \"5m\"",
        ),
        (
            step("ticks", "tick = \"0s\""),
            "policy.toml:4: `tick` is an interval from \"1s\" to \"7d\", such as \"30s\", \"5m\" or \"1h\"",
        ),
        (
            step("other", "tick = \"5m\""),
            "policy.toml:1: plugin `other` does not run at `tick` here, so the step's `tick` is for nothing; its hooks are connect",
        ),
        (
            step("other", "parallel = true"),
            "policy.toml:4: a step with the grant \"actions\" may change the message, so it cannot be `parallel`",
        ),
    ] {
        site.policy(&policy);
        assert_eq!(site.problems().await, [problem]);
    }
}
