//! Generations that turn out to be bad: taken back without a hand, within two hundred transactions, and not taken again.

use waxwing_policy::Policy;

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, code, recipient, step, transaction, until};

fn good() -> Plugin {
    Plugin::new()
        .says("rcpt-to", &case(1))
        .says("verdict", &case(1))
        .hook("mail-from", &format!("(i32.const {PASS})"))
}

/// One message; the code of the first refusal.
async fn send(policy: &Policy) -> u16 {
    let mut one = transaction(policy);
    let said = code(&one.mail_from().await);
    if said != 250 {
        return said;
    }
    let said = code(&one.rcpt_to(&recipient("alice@waxwing.test")).await);
    if said == 250 {
        one.message(bytes::Bytes::new()).await;
    }
    said
}

/// Serves a good plugin, then a bad one; the number of messages that the bad one judged before it was taken back, and why.
async fn taken_back(bad: &Plugin, first: &Plugin) -> (usize, String) {
    let site = Site::new();
    site.plugin("p", first).policy(&step("p", ""));
    let policy = site.start_kept().await;
    for _ in 0..100 {
        assert_eq!(send(&policy).await, 250);
    }
    site.plugin("p", bad);
    assert_eq!(policy.reload().await.unwrap(), 2);
    let mut judged = 0;
    while policy.current().number() == 2 && judged < 200 {
        send(&policy).await;
        judged += 1;
    }
    // What it judged is enough, however long the way back takes to begin.
    until("it is taken back", || policy.current().number() == 3).await;
    until("it is recorded", || policy.history().len() == 3).await;
    assert_eq!(policy.current().number(), 3);
    let event = policy.history().pop().unwrap();
    assert_eq!(event.again, Some(1));
    assert_eq!(send(&policy).await, 250, "the old one serves again");
    let problem = policy.status().problems[0].to_string();
    assert!(problem.contains("these files do not serve"), "{problem}");
    (judged, event.why)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_refuses_everything() {
    let bad = good().reply("rcpt-to", 3, 550, "no");
    let (judged, why) = taken_back(&bad, &good()).await;
    assert!(judged <= 200, "{judged}");
    assert!(
        why.starts_with("rolled back by itself from generation 2: refusals 0 % -> 100 % of"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_ten_times_slower() {
    let busy = |rounds: u32| {
        good().hook(
            "mail-from",
            &format!(
                "(local i32) (loop $again (local.set 2 (i32.add (local.get 2) (i32.const 1))) \
                 (br_if $again (i32.lt_u (local.get 2) (i32.const {rounds})))) (i32.const {PASS})"
            ),
        )
    };
    let (judged, why) = taken_back(&busy(20_000_000), &busy(2_000_000)).await;
    assert!(judged <= 200, "{judged}");
    assert!(why.contains("time of the steps"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_traps_on_every_tenth_message() {
    let body = format!(
        "(global.set $count (i32.add (global.get $count) (i32.const 1))) \
         (if (i32.ge_u (global.get $count) (i32.const 10)) (then (unreachable))) (i32.const {PASS})"
    );
    let (judged, why) = taken_back(&good().hook("mail-from", &body), &good()).await;
    assert!(judged <= 200, "{judged}");
    assert!(why.contains("failures 0 % -> "), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_step_that_always_fails_goes_at_its_tenth_failure() {
    let (judged, why) = taken_back(&good().hook("mail-from", "(unreachable)"), &good()).await;
    assert!(judged <= 200, "{judged}");
    assert!(
        why.contains("step `p`, which is new in it, keeps failing: mail-from: trapped"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_step_that_fails_is_not_asked_until_it_is_well() {
    // It fails while the key is set, and then it is well.
    let site = Site::new();
    let mut plugin = good().calls("$increment");
    let key = plugin.put(b"sick");
    let body = format!(
        "(call $increment (i32.const 1) (i32.const {key}) (i32.const 4) (i64.const 0) (i32.const 0) (i64.const 0) (i32.const 2048)) \
         (if (i64.gt_s (i64.load (i32.const 2056)) (i64.const 0)) (then (unreachable))) (i32.const {PASS})"
    );
    site.plugin("p", &plugin.hook("mail-from", &body))
        .policy(&step("p", ""));
    let policy = site.start_kept().await;
    assert_eq!(send(&policy).await, 250);
    let set = |delta| {
        let space = waxwing_policy::Space {
            plugin: "p",
            domain: None,
        };
        waxwing_policy::KeyValues::kv_increment(&*site.services, space, "sick", delta, None)
    };
    set(1).await.unwrap();
    for _ in 0..15 {
        assert_eq!(send(&policy).await, 451);
    }
    let status = policy.status().steps.remove(0);
    assert_eq!((status.breaker, policy.current().number()), ("open", 1));
    let mut one = transaction(&policy);
    one.mail_from().await;
    let fault = one.ledger().steps[0].fault.clone().unwrap();
    assert!(fault.contains("its breaker is open"), "{fault}");
    set(-1).await.unwrap();
    let handle = tokio::runtime::Handle::current();
    until("it is tried again", || {
        tokio::task::block_in_place(|| handle.block_on(send(&policy))) == 250
    })
    .await;
    assert_eq!(policy.status().steps[0].breaker, "closed");
}
