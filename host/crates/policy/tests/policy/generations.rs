//! What two generations share while both are at work: keys, windows, and the clock of ticks.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use waxwing_policy::{KeyValues as _, Policy, Space, Transaction};

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, recipient, step, transaction, until};

/// What a key of the step `p` counts; 1 is added if `more`.
async fn counted(site: &Site, key: &str, more: i64) -> i64 {
    let space = Space {
        plugin: "p",
        domain: None,
    };
    let value = site.services.kv_increment(space, key, more, None).await;
    value.unwrap()
}

/// Waits until a key counts something; the test fails if it does not within a minute.
async fn reached(site: &Site, key: &str) {
    let counts = async {
        while counted(site, key, 0).await == 0 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), counts).await;
    assert!(waited.is_ok(), "waited in vain for `{key}`");
}

/// WAT that adds to a key of the plugin's and leaves the value at 2056.
fn add(key: u32, length: usize, delta: i64) -> String {
    format!(
        "(call $increment (i32.const 1) (i32.const {key}) (i32.const {length}) (i64.const {delta}) (i32.const 0) (i64.const 0) (i32.const 2048))"
    )
}

/// Ticks: counts `begun`, waits until somebody sets `go`, counts `ended`.
fn patient() -> Plugin {
    let mut plugin = Plugin::new().calls("$increment");
    let (begun, go, ended) = (
        plugin.put(b"begun"),
        plugin.put(b"go"),
        plugin.put(b"ended"),
    );
    let body = format!(
        "(local i32) {} (loop $wait
           (local.set 1 (i32.const 2000000))
           (loop $spin (local.set 1 (i32.sub (local.get 1) (i32.const 1))) (br_if $spin (local.get 1)))
           {} (br_if $wait (i64.eqz (i64.load (i32.const 2056)))))
         {} (i32.const {PASS})",
        add(begun, 5, 1),
        add(go, 2, 0),
        add(ended, 5, 1),
    );
    plugin.hook("tick", &body)
}

/// Ticks: counts `new`.
fn quick() -> Plugin {
    let mut plugin = Plugin::new().calls("$increment");
    let new = plugin.put(b"new");
    let body = format!("{} (i32.const {PASS})", add(new, 3, 1));
    plugin.hook("tick", &body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_under_way_ends_where_it_began_and_the_next_is_the_new_generations() {
    let site = Site::new();
    let ticking = step(
        "p",
        "tick = \"1s\"\nlimits = { deadline-ms = 30000, cpu-ms = 30000, host-calls = 100000 }",
    );
    site.plugin("p", &patient()).policy(&ticking);
    let policy = site.serving().await;
    let running = tokio::spawn({
        let policy = policy.clone();
        async move { policy.run().await }
    });
    reached(&site, "begun").await;
    site.plugin("p", &quick());
    policy.reload().await.unwrap();
    assert_eq!(policy.current().number(), 2);
    // Calls of a step never overlap: the new one's tick is due before long, and waits for the old one's end.
    assert_eq!(counted(&site, "ended", 0).await, 0);
    assert_eq!(counted(&site, "new", 0).await, 0);
    counted(&site, "go", 1).await;
    reached(&site, "new").await;
    assert_eq!(counted(&site, "begun", 0).await, 1);
    assert_eq!(counted(&site, "ended", 0).await, 1);
    let status = policy.status();
    assert_eq!(
        status.steps[0].faults, 0,
        "{:?}",
        status.steps[0].last_fault
    );
    running.abort();
}

/// Counts messages, and finds `COUNTED` with what it counted; `octets` make it another component.
fn counting(octets: &[u8]) -> Plugin {
    let mut plugin = Plugin::new()
        .calls("$add")
        .calls("$increment")
        .says("rcpt-to", &case(1));
    let (name, key) = (plugin.put(b"COUNTED"), plugin.put(b"seen"));
    plugin.put(octets);
    let body = format!(
        "{} (call $add (i32.const {name}) (i32.const 7) (f64.convert_i64_s (i64.load (i32.const 2056))) (i32.const 0) (i32.const 0) (i32.const 2048)) (i32.const {PASS})",
        add(key, 4, 1)
    );
    plugin.hook("message", &body)
}

async fn begun(policy: &Policy) -> Transaction {
    let mut mail = transaction(policy);
    mail.mail_from().await;
    mail.rcpt_to(&recipient("alice@waxwing.test")).await;
    mail
}

#[tokio::test]
async fn what_generations_count_they_count_together() {
    let site = Site::new();
    site.plugin("p", &counting(b"old")).policy(&step("p", ""));
    let policy = site.serving().await;
    let old = [begun(&policy).await, begun(&policy).await];
    site.plugin("p", &counting(b"new"));
    policy.reload().await.unwrap();
    let [first, last] = old;
    let mut scores = Vec::new();
    for mut mail in [first, begun(&policy).await, last] {
        mail.message(Bytes::from_static(b"Subject: hello\r\n\r\n"))
            .await;
        let ledger = mail.ledger();
        scores.push((ledger.generation, ledger.score));
    }
    assert_eq!(scores, [(1, 1.0), (2, 2.0), (1, 3.0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_older_than_the_one_before_serves_as_well() {
    let site = Site::new();
    site.plugin("p", &counting(b"old")).policy(&step("p", ""));
    let policy = site.start_watching().await;
    // As from a backup, or on a machine whose clock was set back.
    let (new, path) = (site.path("set-back"), site.path("plugins/p.wasm"));
    std::fs::write(&new, counting(b"new").build()).unwrap();
    let file = std::fs::File::options().write(true).open(&new).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000))
        .unwrap();
    std::fs::rename(new, path).unwrap();
    until("the older file serves", || policy.current().number() == 2).await;
    assert!(policy.status().problems.is_empty());
}
