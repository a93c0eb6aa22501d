//! What a step says before it is asked: where it will pass, and where a recipient leads. It is taken for its answer, and counts for nobody else.

use waxwing_policy::{Decision, Policy, Target};

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, code, recipient, session, step, transaction, transaction_of};

/// At `connect` it promises to pass at `hook`; asked there all the same, it refuses.
fn silent(hook: &'static str) -> Plugin {
    let mut plugin = Plugin::new().calls("$pass-ahead");
    let name = plugin.put(hook.as_bytes());
    let mut list = name.to_le_bytes().to_vec();
    list.extend(u32::try_from(hook.len()).unwrap().to_le_bytes());
    let list = plugin.put(&list);
    let promise = format!(
        "(call $pass-ahead (local.get 0) (i32.const {list}) (i32.const 1)) (i32.const {PASS})"
    );
    plugin
        .hook("connect", &promise)
        .reply("ehlo", 3, 550, "it was asked")
}

/// It accepts every recipient and says that it leads to alice; asked where, it says bob.
fn leading() -> Plugin {
    let mut plugin = Plugin::new().calls("$leads-to");
    let alice = plugin.put(b"alice@waxwing.test");
    let bob = plugin.put(b"bob@waxwing.test");
    let accept = plugin.put(&case(1));
    let mut target = vec![0; 24];
    target[4..8].copy_from_slice(&bob.to_le_bytes());
    target[8..12].copy_from_slice(&16_u32.to_le_bytes());
    let target = plugin.put(&target);
    let mut answer = case(1);
    answer[8..12].copy_from_slice(&target.to_le_bytes());
    answer[12..16].copy_from_slice(&1_u32.to_le_bytes());
    let accept = format!(
        "(call $leads-to (local.get 1) (i32.const {alice}) (i32.const 18)) (i32.const {accept})"
    );
    plugin
        .hook("rcpt-to", &accept)
        .says("route-inbound", &answer)
}

async fn greeted(policy: &Policy) -> u16 {
    let mut session = session(policy);
    assert_eq!(session.connect().await, Decision::Pass);
    code(&session.ehlo("client.example", true).await)
}

#[tokio::test]
async fn a_step_that_promised_to_pass_is_not_asked() {
    let site = Site::new();
    site.plugin("p", &silent("ehlo")).policy(&step("p", ""));
    assert_eq!(greeted(&site.serving().await).await, 250);
    for other in ["data", "connect", "moonlight"] {
        site.plugin("p", &silent(other));
        assert_eq!(greeted(&site.serving().await).await, 550, "{other}");
    }
}

#[tokio::test]
async fn a_promise_is_nobody_elses_and_ends_with_the_connection() {
    let site = Site::new();
    site.plugin("p", &silent("ehlo"))
        .plugin("q", &Plugin::new().reply("ehlo", 3, 550, "another"))
        .policy(&[step("p", ""), step("q", "")].concat());
    let policy = site.serving().await;
    assert_eq!(greeted(&policy).await, 550);
    site.policy(&step("p", ""));
    let policy = site.serving().await;
    assert_eq!(greeted(&policy).await, 250);
    let unpromised = session(&policy).ehlo("client.example", true).await;
    assert_eq!(code(&unpromised), 550);
}

#[tokio::test]
async fn a_policy_that_serves_since_is_asked_though_the_one_before_promised() {
    let site = Site::new();
    let promising = silent("mail-from").reply("mail-from", 3, 550, "it was asked");
    // It is asked at EHLO, too, which nobody greets with here.
    site.plugin("p", &promising).policy(&step("p", ""));
    let policy = site.serving().await;
    let mut session = session(&policy);
    session.connect().await;
    let mut one = transaction_of(&policy, &mut session);
    assert_eq!(code(&one.mail_from().await), 250);
    site.policy(&step("p", "on-error = \"skip\""));
    policy.reload().await.expect("it loads");
    let mut one = transaction_of(&policy, &mut session);
    assert_eq!(code(&one.mail_from().await), 550);
}

#[tokio::test]
async fn where_a_recipient_leads_is_not_asked_again() {
    let site = Site::new();
    site.plugin("p", &leading()).policy(&step("p", ""));
    let policy = site.serving().await;
    let mut one = transaction(&policy);
    one.rcpt_to(&recipient("sales@waxwing.test")).await;
    let alice = Target::Account("alice@waxwing.test".into());
    assert_eq!(one.route(0).await, [alice]);
    let ledger = one.ledger().to_json();
    assert!(ledger.contains("leads-to alice@waxwing.test"), "{ledger}");
    assert_eq!(ledger.matches("route-inbound").count(), 1, "{ledger}");
}

#[tokio::test]
async fn a_step_before_the_one_that_said_it_is_asked_first() {
    let mut before = Plugin::new();
    // some([drop])
    let target = before.put(&[3, 0, 0, 0]);
    let mut answer = case(1);
    answer[8..12].copy_from_slice(&target.to_le_bytes());
    answer[12..16].copy_from_slice(&1_u32.to_le_bytes());
    let site = Site::new();
    site.plugin("before", &before.says("route-inbound", &answer))
        .plugin("p", &leading())
        .policy(&[step("before", ""), step("p", "")].concat());
    let policy = site.serving().await;
    let mut one = transaction(&policy);
    one.rcpt_to(&recipient("sales@waxwing.test")).await;
    assert_eq!(one.route(0).await, [Target::Drop]);
}
