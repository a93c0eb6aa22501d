//! The hooks of mail that leaves: what each answer comes to, and what the ledger says of it.

use std::time::Duration;

use bytes::Bytes;
use waxwing_mail::{Reply, ReversePath};
use waxwing_policy::{
    Attempt, AttemptOutcome, Cause, NextHop, Notice, Outbound, OutboundFacts, OutboundOutcome,
    Policy, ResultOutcome, SubmitFate, TransactionFacts,
};

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, address, recipient, step};

const MAIL: &[u8] = b"Subject: hello\r\n\r\ntext\r\n";

fn message(policy: &Policy) -> Outbound {
    let transaction = TransactionFacts {
        queue_id: "q7".into(),
        sender: ReversePath::Address(address("alice@waxwing.test")),
        params: Vec::new(),
        declared_size: None,
        smtputf8: false,
    };
    let facts = OutboundFacts {
        transaction,
        identity: None,
        recipients: vec![recipient("carol@example.net")],
        tags: vec![("seen".into(), "yes".into())],
    };
    Outbound::new(policy.current(), facts)
}

async fn serving(plugin: &Plugin) -> (Site, Policy) {
    let site = Site::new();
    site.plugin("p", plugin).policy(&step("p", ""));
    let policy = site.serving().await;
    (site, policy)
}

/// `ok(case(number))`.
fn number(of: u8, number: u32) -> Vec<u8> {
    let mut answer = case(of);
    answer[8..12].copy_from_slice(&number.to_le_bytes());
    answer
}

#[tokio::test]
async fn without_a_step_mail_leaves_as_it_is() {
    let site = Site::new();
    let policy = site.serving().await;
    let mut one = message(&policy);
    let submitted = one.submit(Bytes::from_static(MAIL), Cause::Submitted).await;
    assert_eq!(submitted.fate, SubmitFate::Queue);
    assert_eq!(submitted.tags, [("seen".into(), "yes".into())]);
    let OutboundOutcome::Attempt(plan) = one.plan(0, Attempt::default()).await else {
        panic!("attempted")
    };
    assert_eq!(plan.hop, NextHop::Mx);
    assert_eq!(
        one.result(0, Attempt::default()).await,
        ResultOutcome::AsUsual
    );
    assert!(matches!(
        one.plan(7, Attempt::default()).await,
        OutboundOutcome::Bounce(_)
    ));
}

#[tokio::test]
async fn a_message_is_signed_on_its_way_into_the_queue_and_held() {
    let mut plugin = Plugin::new().calls("$sign").calls("$seal");
    let (domain, selector) = (plugin.put(b"waxwing.test"), plugin.put(b"mail"));
    let reason = plugin.put(b"too many");
    let mut hold = case(2);
    hold[8..12].copy_from_slice(&reason.to_le_bytes());
    hold[12..16].copy_from_slice(&8_u32.to_le_bytes());
    let hold = plugin.put(&hold);
    let nonsense = plugin.put(b"no key");
    // The second key is none, and the third stands for all of the domain.
    let body = format!(
        "(call $sign (local.get 3) (i32.const {domain}) (i32.const 12) (i32.const {selector}) (i32.const 4) (i32.const 2048)) \
         (call $sign (local.get 3) (i32.const {domain}) (i32.const 12) (i32.const {nonsense}) (i32.const 6) (i32.const 2048)) \
         (call $sign (local.get 3) (i32.const {domain}) (i32.const 12) (i32.const {selector}) (i32.const 0) (i32.const 2048)) \
         (call $seal (local.get 3) (i32.const {domain}) (i32.const 12) (i32.const {selector}) (i32.const 4) (i32.const 2048)) \
         (i32.const {hold})"
    );
    let (_site, policy) = serving(&plugin.hook("submit", &body)).await;
    let mut one = message(&policy);
    let submitted = one.submit(Bytes::from_static(MAIL), Cause::Submitted).await;
    assert_eq!(submitted.fate, SubmitFate::Hold("too many".into()));
    let keys: Vec<_> = submitted
        .signatures
        .iter()
        .map(|key| (key.domain.as_str(), key.selector.as_str()))
        .collect();
    assert_eq!(keys, [("waxwing.test", "mail"), ("waxwing.test", "")]);
    let seal = submitted.seal.map(|key| key.to_string());
    assert_eq!(seal.as_deref(), Some("waxwing.test mail"));
    let ledger = one.ledger();
    assert_eq!(
        ledger.steps[0].actions,
        [
            "sign waxwing.test mail",
            "sign waxwing.test",
            "seal waxwing.test mail"
        ]
    );
    assert_eq!(ledger.steps[0].verdict, "hold: too many");
}

#[tokio::test]
async fn an_attempt_is_planned() {
    let mut plugin = Plugin::new().calls("$mx-of");
    let domain = plugin.put(b"Backup.example");
    let send = plugin.put(&case(1));
    let body = format!(
        "(call $mx-of (local.get 13) (i32.const {domain}) (i32.const 14) (i32.const 2048)) (i32.const {send})"
    );
    let (_site, policy) = serving(&plugin.hook("route-outbound", &body)).await;
    let mut one = message(&policy);
    let OutboundOutcome::Attempt(plan) = one.plan(0, Attempt::default()).await else {
        panic!("attempted")
    };
    assert_eq!(plan.hop, NextHop::MxOf("backup.example".into()));
    let entry = &one.ledger().steps[0];
    assert_eq!(
        (entry.about.as_deref(), &*entry.verdict),
        (
            Some("carol@example.net"),
            "send to the MX of backup.example"
        )
    );
}

#[tokio::test]
async fn a_plan_can_wait_or_end_and_a_failure_loses_nothing() {
    for (plugin, expected) in [
        (
            Plugin::new().says("route-outbound", &number(3, 90)),
            OutboundOutcome::Later(Duration::from_secs(90)),
        ),
        (
            Plugin::new().says("route-outbound", &number(3, 0)),
            OutboundOutcome::Later(Duration::from_secs(300)),
        ),
        (
            Plugin::new().hook("route-outbound", "(unreachable)"),
            OutboundOutcome::Later(Duration::from_secs(300)),
        ),
        (
            Plugin::new().reply("route-outbound", 4, 550, "no"),
            OutboundOutcome::Bounce(Reply::new(550, None, "no")),
        ),
    ] {
        let (_site, policy) = serving(&plugin).await;
        assert_eq!(message(&policy).plan(0, Attempt::default()).await, expected);
    }
}

#[tokio::test]
async fn what_follows_an_attempt_is_decided() {
    let mut retry = number(1, 60);
    // `never`.
    retry[12] = 2;
    let deferred = Attempt {
        number: 1,
        outcome: AttemptOutcome::Deferred,
        reply: Some(Reply::new(451, None, "later")),
        ..Attempt::default()
    };
    let delivered = Attempt {
        outcome: AttemptOutcome::Delivered,
        ..deferred.clone()
    };
    let (_site, policy) = serving(&Plugin::new().says("delivery-result", &retry)).await;
    let mut one = message(&policy);
    assert_eq!(
        one.result(0, deferred.clone()).await,
        ResultOutcome::Retry {
            after: Duration::from_secs(60),
            notice: Notice::Never
        }
    );
    // Nothing is sent twice because a plugin said so.
    assert_eq!(one.result(0, delivered).await, ResultOutcome::AsUsual);
    assert!(one.ledger().steps.iter().any(|entry| entry.fault.is_some()));

    let (_site, policy) = serving(&Plugin::new().says("delivery-result", &number(2, 1))).await;
    assert_eq!(
        message(&policy).result(0, deferred).await,
        ResultOutcome::GiveUp(Notice::Always)
    );
    let (_site, policy) =
        serving(&Plugin::new().hook("submit", &format!("(i32.const {PASS})"))).await;
    assert_eq!(
        message(&policy)
            .submit(Bytes::from_static(MAIL), Cause::Submitted)
            .await
            .fate,
        SubmitFate::Queue
    );
}
