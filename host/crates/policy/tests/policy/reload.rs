//! Generations swapped while mail flows: whole or not at all, and each transaction judged by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::component::{Plugin, case};
use sha2::{Digest as _, Sha256};
use waxwing_mail::Protocol;

use crate::site::{
    Site, code, recipient, session_of, step, transaction, transaction_from, truncated, until,
};

/// Says this code at `mail-from`.
fn saying(code: u16) -> Plugin {
    Plugin::new().reply("mail-from", if code >= 500 { 3 } else { 2 }, code, "no")
}

async fn says(policy: &waxwing_policy::Policy) -> u16 {
    code(&transaction(policy).mail_from().await)
}

/// Seconds that a release build promises; a debug build beside other tests gets more.
fn promised(seconds: u64) -> Duration {
    Duration::from_secs(if cfg!(debug_assertions) {
        8 * seconds
    } else {
        seconds
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_plugin_policy_or_settings_file_serves_soon() {
    let site = Site::new();
    site.plugin("p", &saying(451))
        .file("rules/a.toml", b"x = 1\n")
        .policy(&step("p", "settings-files = [\"rules/*.toml\"]"));
    let policy = site.start_watching().await;
    assert_eq!((policy.current().number(), says(&policy).await), (1, 451));

    site.plugin("p", &saying(551));
    let took = until("the plugin serves", || policy.current().number() == 2).await;
    assert!(took < promised(1), "a plugin took {took:?}");
    assert_eq!(says(&policy).await, 551);

    site.file("rules/a.toml", b"x = 2\n");
    let took = until("the settings serve", || policy.current().number() == 3).await;
    assert!(took < promised(1), "settings took {took:?}");

    site.file("rules/b.toml", b"y = 2\n");
    until("a new file serves", || policy.current().number() == 4).await;

    site.policy("");
    until("the policy serves", || policy.current().number() == 5).await;
    assert_eq!(says(&policy).await, 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_written_file_leaves_the_old_one_serving_until_it_is_whole() {
    let site = Site::new();
    site.plugin("p", &saying(451)).policy(&step("p", ""));
    let policy = site.start_watching().await;
    let whole = saying(552).build();
    let path = site.path("plugins/p.wasm");
    truncated(&path, &whole[..whole.len() / 2]);
    until("the reason is told", || {
        !policy.status().problems.is_empty()
    })
    .await;
    assert_eq!((policy.current().number(), says(&policy).await), (1, 451));
    let status = policy.status();
    assert!(
        status.problems[0]
            .text
            .contains("is no whole WebAssembly component"),
        "{:?}",
        status.problems
    );
    assert!(status.failed_at.is_some());
    truncated(&path, &whole);
    until("it is whole", || policy.current().number() == 2).await;
    assert_eq!(says(&policy).await, 552);
    assert!(policy.status().problems.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_is_broken_from_the_start_defers_until_it_is_mended() {
    let site = Site::new();
    site.plugin("p", &saying(551))
        .file("rules/a.toml", b"x =\n")
        .policy(&step("p", "settings-files = [\"rules/*.toml\"]"));
    let policy = site.start_watching().await;
    assert_eq!(policy.current().number(), 0);
    assert!(
        policy.status().problems[0]
            .to_string()
            .contains("rules/a.toml:1: "),
        "{:?}",
        policy.status().problems
    );
    assert_eq!(
        code(
            &transaction(&policy)
                .rcpt_to(&recipient("alice@waxwing.test"))
                .await
        ),
        451
    );
    site.file("rules/a.toml", b"x = 1\n");
    until("it is mended", || policy.current().number() == 1).await;
    assert_eq!(says(&policy).await, 551);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_and_back_again() {
    let site = Site::new();
    let (a, b) = (saying(451).build(), saying(551).build());
    site.file("plugins/p.wasm", &a).policy(&step("p", ""));
    let policy = site.start().await;
    for round in 1..=4_u64 {
        site.file("plugins/p.wasm", &b);
        assert_eq!(policy.reload().await.unwrap(), 2 * round);
        assert_eq!(says(&policy).await, 551);
        site.file("plugins/p.wasm", &a);
        assert_eq!(policy.reload().await.unwrap(), 2 * round + 1);
        assert_eq!(says(&policy).await, 451);
        // A reload that changes nothing is no new generation.
        assert_eq!(policy.reload().await.unwrap(), 2 * round + 1);
    }
    assert_eq!(policy.status().generations_alive, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_files_replaced_in_a_hurry_the_last_ones_serve() {
    let site = Site::new();
    let name = |number: u32| format!("plugins/p{number}.wasm");
    let steps: String = (0..50)
        .map(|number| step(&format!("p{number}"), ""))
        .collect();
    let old = saying(451).build();
    for number in 0..50 {
        site.file(&name(number), &old);
    }
    site.policy(&steps);
    let policy = site.start_watching().await;
    assert_eq!((policy.current().number(), says(&policy).await), (1, 451));
    // Fifty at once, each twice within the time that the watch waits for more.
    for new in [saying(552).build(), saying(553).build()] {
        for number in 0..50 {
            site.file(&name(number), &new);
        }
    }
    let last: String = Sha256::digest(saying(553).build())
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    until("the last of all serve", || {
        let steps = policy.status().steps;
        steps.iter().all(|step| step.digest == last)
    })
    .await;
    assert_eq!(says(&policy).await, 553);
    let generations = policy.current().number();
    assert!(generations < 50, "{generations} generations for one change");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_sessions_live_through_a_reload() {
    let site = Site::new();
    site.plugin("p", &saying(451)).policy(&step("p", ""));
    let policy = site.serving().await;
    let mut sessions: Vec<_> = (0..10_000)
        .map(|_| session_of(&policy, Protocol::Smtp))
        .collect();
    site.plugin("p", &saying(551));
    assert_eq!(policy.reload().await.unwrap(), 2);
    assert_eq!(
        policy.status().generations_alive,
        2,
        "they hold the old one"
    );
    // An hour may have passed: each is judged by what serves at its next MAIL.
    for session in sessions.iter_mut().step_by(100) {
        let mut one = transaction_from(&policy, session, "bob@example.org");
        assert_eq!(code(&one.mail_from().await), 551);
    }
    drop(sessions);
    assert_eq!(policy.status().generations_alive, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_that_did_not_change_are_taken_over() {
    let site = Site::new();
    site.plugin("p", &saying(451))
        .plugin("q", &Plugin::new().says("connect", &case(1)))
        .policy(&step("p", ""));
    let policy = site.serving().await;
    says(&policy).await;
    site.policy(&format!("{}{}", step("q", ""), step("p", "")));
    assert_eq!(policy.reload().await.unwrap(), 2);
    let status = policy.status();
    assert_eq!(
        status
            .steps
            .iter()
            .map(|step| step.calls)
            .collect::<Vec<_>>(),
        [0, 1]
    );
    site.policy(&format!(
        "{}{}",
        step("q", ""),
        step("p", "scores = { X = 1 }")
    ));
    assert_eq!(policy.reload().await.unwrap(), 3);
    assert_eq!(policy.status().steps[1].calls, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_judged_by_the_generation_it_began_with() {
    let site = Site::new();
    let accepting = |code| {
        saying(code)
            .says("rcpt-to", &case(1))
            .says("verdict", &case(if code == 451 { 1 } else { 2 }))
    };
    site.plugin("p", &accepting(451)).policy(&step("p", ""));
    let policy = site.serving().await;
    let mut old = transaction(&policy);
    assert_eq!(code(&old.mail_from().await), 451);
    site.plugin("p", &accepting(551));
    policy.reload().await.unwrap();
    let mut new = transaction(&policy);
    for one in [&mut old, &mut new] {
        one.rcpt_to(&recipient("alice@waxwing.test")).await;
    }
    assert_eq!(
        old.message(Bytes::new())
            .await
            .verdict("waxwing.test")
            .word(),
        "deliver"
    );
    assert_eq!(
        new.message(Bytes::new())
            .await
            .verdict("waxwing.test")
            .word(),
        "junk"
    );
    assert!(old.ledger().steps.iter().all(|entry| entry.generation == 1));
    assert_eq!(policy.status().generations_alive, 2);
    drop(old);
    assert_eq!(policy.status().generations_alive, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_swaps_while_twenty_sessions_send() {
    let site = Site::new();
    // The code of MAIL and the verdict belong together: 451 with deliver, 551 with junk.
    let variant = |code, verdict| {
        saying(code)
            .says("rcpt-to", &case(1))
            .says("verdict", &case(verdict))
            .build()
    };
    let (a, b) = (variant(451, 1), variant(551, 2));
    // All junk, then none: a policy that is watched would go back.
    site.file("plugins/p.wasm", &a)
        .policy(&format!("[drift]\nenabled = false\n{}", step("p", "")));
    let policy = site.serving().await;
    let (stop, sent) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let sessions: Vec<_> = (0..20)
        .map(|_| {
            let (policy, stop, sent) = (policy.clone(), stop.clone(), sent.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let mut one = transaction(&policy);
                    let said = code(&one.mail_from().await);
                    assert_eq!(
                        code(&one.rcpt_to(&recipient("alice@waxwing.test")).await),
                        250
                    );
                    let outcome = one.message(Bytes::from_static(b"Subject: x\r\n\r\n")).await;
                    let expected = if said == 451 { "deliver" } else { "junk" };
                    assert_eq!(
                        outcome.verdict("waxwing.test").word(),
                        expected,
                        "judged by two generations"
                    );
                    let ledger = one.ledger();
                    assert!(ledger.steps.iter().all(
                        |entry| entry.fault.is_none() && entry.generation == ledger.generation
                    ));
                    sent.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for swap in 0..200_u64 {
        site.file("plugins/p.wasm", if swap % 2 == 0 { &b } else { &a });
        assert_eq!(policy.reload().await.unwrap(), swap + 2);
    }
    stop.store(true, Ordering::Relaxed);
    for session in sessions {
        session.await.unwrap();
    }
    assert!(sent.load(Ordering::Relaxed) > 200);
    assert_eq!(policy.status().generations_alive, 1);
}
