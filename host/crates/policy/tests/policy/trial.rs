//! Steps that are tried out: shadow steps change nothing and are compared; canaries decide about their part, the same part each time.

use bytes::Bytes;
use waxwing_mail::Protocol;
use waxwing_policy::{KeyValues as _, Ledger, LedgerEntry, Policy, Space, Tried};

use crate::component::{PASS, Plugin, case};
use crate::site::{
    Site, code, recipient, session_from, step, transaction, transaction_from, until,
};

/// Accepts, finds this with a weight in `message`, and judges junk from 5 on.
fn judging(symbol: &str, weight: f64) -> Plugin {
    let mut plugin = Plugin::new()
        .calls("$add")
        .calls("$total")
        .calls("$increment");
    let (name, key) = (plugin.put(symbol.as_bytes()), plugin.put(b"seen"));
    let (junk, deliver) = (plugin.put(&case(2)), plugin.put(&case(1)));
    let message = format!(
        "(call $add (i32.const {name}) (i32.const {}) (f64.const {weight:?}) (i32.const 0) (i32.const 0) (i32.const 2048))
         (call $increment (i32.const 1) (i32.const {key}) (i32.const 4) (i64.const 1) (i32.const 0) (i64.const 0) (i32.const 2048)) (i32.const {PASS})",
        symbol.len()
    );
    let verdict = format!(
        "(if (result i32) (f64.ge (call $total) (f64.const 5)) (then (i32.const {junk})) (else (i32.const {deliver})))"
    );
    plugin
        .hook("message", &message)
        .hook("verdict", &verdict)
        .says("rcpt-to", &case(1))
}

/// One message from start to end; the verdict, the ledger, and what was tried.
async fn send(policy: &Policy) -> (String, Vec<LedgerEntry>, Vec<LedgerEntry>) {
    let mut one = transaction(policy);
    one.mail_from().await;
    one.rcpt_to(&recipient("alice@waxwing.test")).await;
    let outcome = one.message(Bytes::from_static(b"Subject: x\r\n\r\n")).await;
    let tried = match one.tried() {
        Some(tried) => said(tried).await,
        None => Vec::new(),
    };
    (
        outcome.verdict("waxwing.test").word().to_owned(),
        entries(&one.ledger()),
        tried,
    )
}

async fn said(tried: Tried) -> Vec<LedgerEntry> {
    let (tell, told) = tokio::sync::oneshot::channel();
    tried.then(|ledger| {
        assert!(ledger.score.abs() < 1e-9, "nothing of it counts");
        let _ = tell.send(entries(&ledger));
    });
    told.await.unwrap()
}

fn entries(ledger: &Ledger) -> Vec<LedgerEntry> {
    let entries = ledger.steps.iter();
    entries.map(|entry| LedgerEntry::clone(entry)).collect()
}

async fn counted(site: &Site, step: &str) -> i64 {
    let space = Space {
        plugin: step,
        domain: None,
    };
    site.services
        .kv_increment(space, "seen", 0, None)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_step_is_asked_and_compared_and_changes_nothing() {
    let site = Site::new();
    site.plugin("now", &judging("OLD", 1.0))
        .plugin("next", &judging("NEW", 7.0))
        .policy(&format!(
            "{}{}",
            step("now", ""),
            step(
                "next",
                "mode = \"shadow\"\nreplaces = \"now\"\nhooks = [\"message\"]"
            )
        ));
    let policy = site.serving().await;
    for _ in 0..10 {
        let (verdict, entries, shadow) = send(&policy).await;
        assert_eq!(verdict, "deliver");
        let sum: f64 = entries
            .iter()
            .flat_map(|entry| &entry.findings)
            .map(|finding| finding.score)
            .sum();
        assert!(
            (sum - 1.0).abs() < 1e-9,
            "the score is the sum of the ledger"
        );
        assert!(entries.iter().all(|entry| entry.mode.is_none()));
        assert_eq!(shadow.len(), 1, "{shadow:#?}");
        assert_eq!(shadow[0].mode, Some("shadow"));
        assert_eq!(shadow[0].findings[0].would, Some(7.0));
    }
    until("all is compared", || {
        policy.compare(None).unwrap()[0].compared == 10
    })
    .await;
    let report = policy.compare(Some("next")).unwrap().remove(0);
    assert_eq!(
        (report.changes[0].kind.as_str(), report.changes[0].count),
        ("deliver -> junk", 10)
    );
    assert_eq!(report.examples[0].queue_id, "q1");
    let symbols: Vec<_> = report
        .symbols
        .iter()
        .map(|symbol| (symbol.name.as_str(), symbol.only_trial, symbol.only_serving))
        .collect();
    assert_eq!(symbols, [("NEW", 10, 0), ("OLD", 0, 10)]);
    assert!(report.microseconds.iter().all(|mean| *mean > 0.0));
    // The enforcing step's own calls only: being asked on trial leaves no trace.
    assert_eq!(counted(&site, "now").await, 10);
    assert_eq!(counted(&site, "next").await, 0);
    assert_eq!(counted(&site, "next~shadow").await, 0);
    assert!(policy.compare(Some("nobody")).is_err());
}

/// Counts in `message`, and finds `COUNTED` with what it counted as the weight.
fn counting() -> Plugin {
    let mut plugin = Plugin::new().calls("$add").calls("$increment");
    let (name, key) = (plugin.put(b"COUNTED"), plugin.put(b"seen"));
    plugin.hook("message", &format!(
        "(call $increment (i32.const 1) (i32.const {key}) (i32.const 4) (i64.const 1) (i32.const 0) (i64.const 0) (i32.const 2048))
         (call $add (i32.const {name}) (i32.const 7) (f64.convert_i64_s (i64.load (i32.const 2056))) (i32.const 0) (i32.const 0) (i32.const 2048))
         (i32.const {PASS})"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_step_counts_on_from_the_keys_of_the_step_that_it_would_replace() {
    let site = Site::new();
    let now = Plugin::new().says("rcpt-to", &case(1));
    site.plugin("now", &now)
        .plugin("next", &counting())
        .policy(&format!(
            "{}{}",
            step("now", ""),
            step("next", "mode = \"shadow\"\nreplaces = \"now\"")
        ));
    let space = Space {
        plugin: "now",
        domain: None,
    };
    let real = site.services.kv_increment(space, "seen", 41, None);
    real.await.unwrap();
    let policy = site.serving().await;
    for expected in [42.0, 43.0, 44.0] {
        let (_, _, tried) = send(&policy).await;
        let weight = tried[0].findings[0].weight;
        assert!((weight - expected).abs() < 1e-9, "{weight}");
    }
    assert_eq!(counted(&site, "now").await, 41);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_step_that_traps_refuses_or_hangs_costs_nobody_anything() {
    for (plugin, word) in [
        (
            Plugin::new().hook("rcpt-to", "(unreachable)"),
            "pass -> failure",
        ),
        (
            Plugin::new().reply("rcpt-to", 3, 550, "no"),
            "pass -> reject",
        ),
        (
            Plugin::new().hook("rcpt-to", "(loop $again (br $again)) (unreachable)"),
            "pass -> failure",
        ),
    ] {
        let site = Site::new();
        site.plugin("bad", &plugin)
            .plugin("good", &Plugin::new().says("rcpt-to", &case(1)))
            .policy(&format!(
                "{}{}",
                step("bad", "mode = \"shadow\"\nlimits = { cpu-ms = 100 }"),
                step("good", "")
            ));
        let policy = site.serving().await;
        for _ in 0..3 {
            assert_eq!(
                code(
                    &transaction(&policy)
                        .rcpt_to(&recipient("alice@waxwing.test"))
                        .await
                ),
                250
            );
        }
        until("all is compared", || {
            policy.compare(None).unwrap()[0].compared == 3
        })
        .await;
        assert_eq!(policy.compare(None).unwrap()[0].changes[0].kind, word);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_decides_about_its_part_and_goes_on_with_the_keys() {
    let site = Site::new();
    site.plugin("now", &judging("OLD", 1.0))
        .plugin("next", &judging("NEW", 7.0))
        .policy(&format!(
            "{}{}",
            step("now", ""),
            step(
                "next",
                "mode = \"canary\"\npercent = 30\nreplaces = \"now\""
            )
        ));
    let policy = site.serving().await;
    let mut junk = 0;
    for sender in 0..200 {
        let mut verdicts = Vec::new();
        // A retry comes over another connection, of a neighbour's address.
        for port in ["192.0.2.7:1", "192.0.2.99:2"] {
            let mut session = session_from(&policy, Protocol::Smtp, port);
            let sender = format!("bob@{sender}.example");
            let mut one = transaction_from(&policy, &mut session, &sender);
            one.mail_from().await;
            one.rcpt_to(&recipient("alice@waxwing.test")).await;
            let outcome = one.message(Bytes::new()).await;
            verdicts.push(outcome.verdict("waxwing.test").clone());
            let names: Vec<_> = one
                .ledger()
                .steps
                .iter()
                .map(|entry| entry.step.name.clone())
                .collect();
            assert!(
                names.iter().all(|name| *name == names[0]),
                "one of the two, start to end: {names:?}"
            );
        }
        assert_eq!(verdicts[0], verdicts[1], "a retry is on the same side");
        junk += usize::from(verdicts[0].word() == "junk");
    }
    assert!((40..=80).contains(&junk), "{junk} of 200 at 30 %");
    assert_eq!(counted(&site, "now").await, 400);
    let report = policy.compare(None).unwrap().remove(0);
    let [with, without] = report.sides.unwrap();
    assert_eq!(
        (
            with.transactions + without.transactions,
            with.junk,
            without.junk
        ),
        (400, 1.0, 0.0)
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_told() {
    let site = Site::new();
    site.plugin("p", &Plugin::new().says("connect", &case(1)))
        .policy(
            "[[step]]\nplugin = \"p\"\npercent = 5\n\
             [[step]]\nplugin = \"p\"\nname = \"a\"\nmode = \"canary\"\nreplaces = \"nobody\"\n\
             [[step]]\nplugin = \"p\"\nname = \"b\"\nmode = \"try\"\nreplaces = \"p\"\n\
             [drift]\nrefusals = 2.0\ncolour = 1\n",
        );
    let problems = site.problems().await;
    for part in [
        "policy.toml:3: `percent` is of a step with mode",
        "policy.toml:7: a canary needs `percent`",
        "policy.toml:12: `mode` is one of enforce, shadow, canary",
        "policy.toml:13: `replaces` is of a step that is tried out",
        "policy.toml:15: `refusals` must be a number from 0 to 1",
        "policy.toml:16: unknown key `colour` in the watch for drift",
        "policy.toml:4: `replaces` of step `a` names no step that enforces: `nobody`",
    ] {
        assert!(
            problems.iter().any(|problem| problem.starts_with(part)),
            "{part}: {problems:#?}"
        );
    }
}
