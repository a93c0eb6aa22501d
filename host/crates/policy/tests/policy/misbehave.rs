//! Plugins that loop, trap, grow, flood and answer nonsense: 451 for their step under `defer`, no opinion under `skip`,
//! and the server goes on.

use std::time::{Duration, Instant};

use waxwing_policy::Decision;

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, code, recipient, session, step, transaction};

/// What such a plugin does in `mail-from`, and the word that its status must have for it.
fn culprits() -> Vec<(&'static str, Plugin, &'static str)> {
    let grow = format!(
        "(loop $again (drop (memory.grow (i32.const 16))) (if (i32.lt_u (memory.size) (i32.const 2048)) (then (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $again)))) (i32.const {PASS})"
    );
    let chatter =
        format!("(loop $again (drop (call $age (local.get 0))) (br $again)) (i32.const {PASS})");
    vec![
        ("loops", Plugin::new().hook("mail-from", "(loop $again (br $again)) (unreachable)"), "computed longer"),
        ("traps", Plugin::new().hook("mail-from", "(unreachable)"), "trapped"),
        ("recurses", Plugin::new().hook("mail-from", "(call $deep (i32.const 0)) )(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1))"), "trapped"),
        ("grows", Plugin::new().hook("mail-from", &grow), "memory"),
        ("grows at once", Plugin::new().hook("mail-from", &format!("(if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1)) (then unreachable)) (i32.const {PASS})")), "memory"),
        ("fills tables", Plugin::new().more("(table $own 1 funcref)").hook("mail-from", &format!("(loop $again (if (i32.eq (table.grow $own (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable)) (br $again)) (i32.const {PASS})")), "trapped"),
        // One instruction that copies all of the memory cannot be interrupted; a loop of them can.
        ("copies", Plugin::new().pages(60).hook("mail-from", "(loop $again (memory.copy (i32.const 1966080) (i32.const 0) (i32.const 1966080)) (br $again)) (unreachable)"), "computed longer"),
        ("chatters", Plugin::new().calls("$age").hook("mail-from", &chatter), "host-calls"),
        ("lies", Plugin::new().reply("mail-from", 3, 250, "welcome"), "nonsense"),
        ("raves", Plugin::new().says("mail-from", &case(9)), "trapped"),
        ("points", Plugin::new().hook("mail-from", "(i32.const 0x7fffff00)"), "trapped"),
        ("fails", { let mut plugin = Plugin::new(); let at = plugin.put(b"no such thing"); let mut answer = vec![1, 0, 0, 0, 1, 0, 0, 0]; answer.extend(at.to_le_bytes()); answer.extend(13_u32.to_le_bytes()); plugin.says("mail-from", &answer) }, "internal error: no such thing"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_a_451_under_defer_and_passed_over_under_skip() {
    for (name, plugin, word) in culprits() {
        let site = Site::new();
        site.plugin("bad", &plugin).plugin(
            "good",
            &Plugin::new().reply("mail-from", 3, 553, "good says no"),
        );
        for (on_error, expected) in [("defer", 451), ("skip", 553), ("reject", 554)] {
            // Few host calls, much time: on a busy machine, too, each meets its own limit first.
            let limits =
                "limits = { cpu-ms = 150, deadline-ms = 20000, memory-mib = 4, host-calls = 100 }";
            site.policy(&format!(
                "{}{}",
                step("bad", &format!("on-error = \"{on_error}\"\n{limits}")),
                step("good", "")
            ));
            let policy = site.serving().await;
            let mut transaction = transaction(&policy);
            let decision = transaction.mail_from().await;
            assert_eq!(
                code(&decision),
                expected,
                "{name} under {on_error}: {decision:?}"
            );
            if let (Decision::Refuse(reply), "defer") = (&decision, on_error) {
                assert!(reply.text.contains("q1"), "the reference: {reply}");
            }
            let status = policy.status();
            let bad = status.steps.iter().find(|step| step.name == "bad").unwrap();
            assert_eq!((bad.calls, bad.faults), (1, 1), "{name}");
            let told = bad.last_fault.as_deref().unwrap();
            assert!(
                told.starts_with("mail-from: ") && told.contains(word),
                "{name}: {told}"
            );
            // Only an instance that answered is used again.
            let answered = matches!(name, "lies" | "fails");
            assert_eq!(bad.instances, usize::from(answered), "{name}");
            let ledger = transaction.ledger();
            assert!(
                ledger.steps[0].fault.as_deref().unwrap().contains(word),
                "{name}"
            );
            // The next call finds the step as it was.
            assert_eq!(
                code(&crate::site::transaction(&policy).mail_from().await),
                expected
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_log_lines_is_cut_and_no_fault() {
    let site = Site::new();
    let body = format!(
        "(local i32) (loop $again (call $log (i32.const 2) (i32.const 1024) (i32.const 10) (i32.const 0) (i32.const 0)) \
         (local.set 2 (i32.add (local.get 2) (i32.const 1))) (br_if $again (i32.lt_u (local.get 2) (i32.const 5000)))) (i32.const {PASS})"
    );
    site.plugin(
        "loud",
        &Plugin::new().calls("$log").hook("mail-from", &body),
    )
    .policy(&step(
        "loud",
        "limits = { cpu-ms = 20000, deadline-ms = 20000 }",
    ));
    let policy = site.serving().await;
    assert_eq!(code(&transaction(&policy).mail_from().await), 250);
    assert_eq!(policy.status().steps[0].faults, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_go_on_while_one_computes() {
    let site = Site::new();
    site.plugin(
        "loops",
        &Plugin::new().hook("mail-from", "(loop $again (br $again)) (unreachable)"),
    )
    .plugin("quick", &Plugin::new().says("connect", &case(1)))
    .policy(&format!(
        "{}{}",
        step("loops", "limits = { cpu-ms = 400, deadline-ms = 20000 }"),
        step("quick", "")
    ));
    let policy = site.serving().await;
    // More loops than threads, so that no thread is left if they do not yield.
    let loops: Vec<_> = (0..4)
        .map(|_| {
            let mut transaction = transaction(&policy);
            tokio::spawn(async move { transaction.mail_from().await })
        })
        .collect();
    let mut asked = 0;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(200) {
        assert_eq!(session(&policy).connect().await, Decision::Pass);
        tokio::task::yield_now().await;
        asked += 1;
    }
    assert!(asked > 10, "only {asked} calls got through");
    for task in loops {
        assert_eq!(code(&task.await.unwrap()), 451);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_abandoned_costs_its_instance_only() {
    let site = Site::new();
    site.plugin(
        "loops",
        &Plugin::new().hook("mail-from", "(loop $again (br $again)) (unreachable)"),
    )
    .policy(&step(
        "loops",
        "limits = { cpu-ms = 5000, deadline-ms = 20000 }",
    ));
    let policy = site.serving().await;
    let mut one = transaction(&policy);
    let gone = tokio::time::timeout(Duration::from_millis(20), one.mail_from()).await;
    assert!(gone.is_err());
    assert_eq!(policy.status().steps[0].instances, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_ends_what_waits() {
    let site = Site::new();
    // More calls at once than instances: the last one waits for an instance until its deadline.
    site.plugin(
        "loops",
        &Plugin::new().hook("mail-from", "(loop $again (br $again)) (unreachable)"),
    )
    .policy(&step(
        "loops",
        "limits = { cpu-ms = 10000, deadline-ms = 60, instances = 1 }",
    ));
    let policy = site.serving().await;
    let (mut one, mut two) = (transaction(&policy), transaction(&policy));
    let (first, second) = tokio::join!(one.mail_from(), two.mail_from());
    assert_eq!((code(&first), code(&second)), (451, 451));
    let faults: Vec<String> = [one.ledger(), two.ledger()]
        .iter()
        .map(|ledger| ledger.steps[0].fault.as_deref().unwrap().to_owned())
        .collect();
    // The second gets its turn when the first is over, which may be just in time to be late itself.
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("longer than deadline-ms")),
        "{faults:?}"
    );
    assert!(
        faults.iter().all(|fault| fault.contains("deadline-ms")),
        "{faults:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acceptance_is_no_relaying() {
    let site = Site::new();
    site.plugin("yes", &Plugin::new().says("rcpt-to", &case(1)));
    for (grants, expected) in [("", 451), ("grants = [\"relay\"]", 250)] {
        site.policy(&format!("[[step]]\nplugin = \"yes\"\n{grants}\n"));
        let policy = site.serving().await;
        let mut transaction = transaction(&policy);
        assert_eq!(
            code(&transaction.rcpt_to(&recipient("alice@waxwing.test")).await),
            250
        );
        assert_eq!(
            code(&transaction.rcpt_to(&recipient("eve@example.net")).await),
            expected
        );
    }
}
