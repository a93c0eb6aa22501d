//! Steps that run side by side, and steps that would have everything for themselves.

use std::time::{Duration, Instant};

use bytes::Bytes;
use waxwing_policy::{Decision, Ledger, Policy};

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, code, recipient, session, transaction};

const MAIL: &[u8] = b"Subject: hello\r\n\r\ntext\r\n";

/// Code that goes on for so many milliseconds by the clock, and lets others run meanwhile. Its locals come after so many parameters.
fn dawdle(milliseconds: u32, parameters: u32) -> String {
    let (end, turns) = (parameters, parameters + 1);
    let nanoseconds = u64::from(milliseconds) * 1_000_000;
    format!(
        "(local i64 i32) (local.set {end} (i64.add (call $now) (i64.const {nanoseconds}))) \
         (loop $again (local.set {turns} (i32.const 2000)) \
         (loop $turn (br_if $turn (local.tee {turns} (i32.sub (local.get {turns}) (i32.const 1))))) \
         (br_if $again (i64.lt_u (call $now) (local.get {end}))))"
    )
}

/// Finds `name` after a while, and answers.
fn slow(name: &[u8], answer: Option<u8>) -> Plugin {
    let mut plugin = Plugin::new().calls("$now").calls("$add");
    let length = name.len();
    let name = plugin.put(name);
    let answer = answer.map_or(PASS, |answer| plugin.put(&case(answer)));
    let body = format!(
        "{} (call $add (i32.const {name}) (i32.const {length}) (f64.const 1) (i32.const 0) (i32.const 0) (i32.const 2048)) (i32.const {answer})",
        dawdle(300, 4)
    );
    plugin.hook("message", &body)
}

fn scoring(plugin: &str, parallel: bool) -> String {
    // Spinning by the clock costs host calls; they are not what is shown here.
    format!(
        "[[step]]\nplugin = \"{plugin}\"\ngrants = [\"message\"]\nparallel = {parallel}\nlimits = {{ cpu-ms = 20000, deadline-ms = 20000, host-calls = 10000000 }}\n"
    )
}

async fn judge(policy: &Policy) -> (Duration, Ledger, Vec<(String, f64)>) {
    let mut one = transaction(policy);
    assert_eq!(
        one.rcpt_to(&recipient("alice@waxwing.test")).await,
        Decision::Pass
    );
    let begun = Instant::now();
    let outcome = one.message(Bytes::from_static(MAIL)).await;
    (begun.elapsed(), one.ledger(), outcome.symbols)
}

/// A ledger without what no two runs share.
fn told(ledger: &Ledger) -> Vec<String> {
    ledger
        .steps
        .iter()
        .map(|entry| {
            format!(
                "{} {} {} {:?} {:?}",
                entry.step.name, entry.hook, entry.verdict, entry.findings, entry.fault
            )
        })
        .collect()
}

fn site() -> Site {
    let site = Site::new();
    site.plugin("yes", &Plugin::new().says("rcpt-to", &case(1)));
    for (name, answer) in [
        ("one", None),
        ("two", None),
        ("three", Some(1)),
        ("four", None),
    ] {
        site.plugin(name, &slow(name.to_uppercase().as_bytes(), answer));
    }
    site
}

async fn policy(site: &Site, steps: &[&str], parallel: bool) -> Policy {
    let steps: String = steps.iter().map(|name| scoring(name, parallel)).collect();
    site.policy(&format!("[[step]]\nplugin = \"yes\"\n{steps}"));
    site.serving().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_side_by_side_take_the_time_of_one_and_say_the_same() {
    let site = site();
    let steps = ["one", "two", "four"];
    let (alone, in_turn, found) = judge(&policy(&site, &steps, false).await).await;
    let (beside, together, found_together) = judge(&policy(&site, &steps, true).await).await;
    assert!(alone >= Duration::from_millis(900), "{alone:?}");
    assert!(
        beside < alone * 2 / 3,
        "{beside:?} beside each other, {alone:?} in turn"
    );
    assert_eq!(told(&together), told(&in_turn));
    assert_eq!(found_together, found);
    assert_eq!(found.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_decision_in_order_wins_and_what_comes_after_it_does_not_count() {
    let site = site();
    let steps = ["one", "three", "four"];
    let (_, in_turn, found) = judge(&policy(&site, &steps, false).await).await;
    let (_, together, found_together) = judge(&policy(&site, &steps, true).await).await;
    assert_eq!(told(&together), told(&in_turn));
    assert_eq!(found_together, found);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_step_cannot_have_every_instance() {
    let site = Site::new();
    let body = format!("{} (i32.const {PASS})", dawdle(1500, 2));
    site.plugin("slow", &Plugin::new().calls("$now").hook("mail-from", &body))
        .plugin("quick", &Plugin::new().says("connect", &case(1)))
        .policy(
            "[[step]]\nplugin = \"slow\"\nlimits = { instances = 1000, cpu-ms = 20000, deadline-ms = 20000, host-calls = 10000000 }\n\
             [[step]]\nplugin = \"quick\"\nisolation = \"call\"\n",
        );
    let policy = site.serving().await;
    // More calls than there are instances, of all plugins together.
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let mut one = transaction(&policy);
            tokio::spawn(async move { one.mail_from().await })
        })
        .collect();
    crate::site::until("the slow step has all that it gets", || {
        policy.status().steps[0].instances == 18
    })
    .await;
    let begun = Instant::now();
    assert_eq!(code(&session(&policy).connect().await), 250);
    assert!(
        begun.elapsed() < Duration::from_millis(1000),
        "{:?}",
        begun.elapsed()
    );
    for call in calls {
        call.abort();
    }
}
