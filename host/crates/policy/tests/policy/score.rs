//! The score of a message is the sum of its ledger.

use bytes::Bytes;
use proptest::prelude::*;

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, recipient, session, step, transaction_of};

/// A body that adds findings: names by number, with weights. The answers are looked at by nobody.
fn adding(plugin: &mut Plugin, findings: &[(u8, f64)]) -> String {
    let mut body = String::new();
    for (name, weight) in findings {
        let at = plugin.put(format!("SYMBOL_{name:03}").as_bytes());
        let weight = if weight.is_nan() {
            "nan".into()
        } else if weight.is_infinite() {
            "inf".into()
        } else {
            format!("{weight:?}")
        };
        body.push_str(&format!(
            "(call $add (i32.const {at}) (i32.const 10) (f64.const {weight}) (i32.const 0) (i32.const 0) (i32.const 2048))\n"
        ));
    }
    body.push_str(&format!("(i32.const {PASS})"));
    body
}

fn findings() -> impl Strategy<Value = Vec<(u8, f64)>> {
    let weight = prop_oneof![4 => -20.0..20.0_f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(1e300)];
    prop::collection::vec((0..6_u8, weight), 0..8)
}

async fn check(on: [Vec<(u8, f64)>; 4]) {
    let site = Site::new();
    for name in ["one", "two"] {
        let mut plugin = Plugin::new().calls("$add");
        let bodies = on.clone().map(|findings| adding(&mut plugin, &findings));
        let plugin = plugin
            .hook("connect", &bodies[0])
            .hook("mail-from", &bodies[1])
            .hook("message", &bodies[2])
            .hook("verdict", &bodies[3])
            .says("rcpt-to", &case(1));
        site.plugin(name, &plugin);
    }
    site.policy(&format!(
        "{}{}",
        step("one", "scores = { SYMBOL_001 = -3.5 }"),
        step("two", "scores = { SYMBOL_002 = 0 }")
    ));
    let policy = site.serving().await;
    let mut session = session(&policy);
    session.connect().await;
    // Two messages on one connection: what was found at its start counts for each.
    for _ in 0..2 {
        let mut transaction = transaction_of(&policy, &mut session);
        transaction.mail_from().await;
        transaction.rcpt_to(&recipient("alice@waxwing.test")).await;
        let outcome = transaction.message(Bytes::from_static(b"\r\n")).await;
        let ledger = transaction.ledger();
        assert!(
            ledger.steps.iter().all(|entry| entry.fault.is_none()),
            "{ledger:#?}"
        );
        let sum: f64 = ledger
            .steps
            .iter()
            .flat_map(|entry| &entry.findings)
            .map(|finding| finding.score)
            .sum();
        assert!(
            (ledger.score - sum).abs() < 1e-6,
            "{} is not {sum}",
            ledger.score
        );
        assert!((outcome.score - sum).abs() < 1e-6);
        let symbols: f64 = outcome.symbols.iter().map(|(_, score)| score).sum();
        assert!((symbols - sum).abs() < 1e-6);
        assert!(ledger.score.is_finite());
        assert!(
            !ledger.steps.is_empty() && (ledger.score != 0.0 || ledger.score.is_sign_positive()),
            "no score is below nothing"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_score_is_the_sum_of_the_ledger(on in [findings(), findings(), findings(), findings()]) {
        tokio::runtime::Runtime::new().unwrap().block_on(check(on));
    }
}
