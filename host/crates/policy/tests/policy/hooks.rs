//! What each hook's answers come to, and what is said where nobody answers.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use waxwing_mail::{ForwardPath, Protocol, Recipient};
use waxwing_policy::{
    Decision, DeliverOutcome, HostCall, LoginAttempt, LoginOutcome, MailboxRef, Offered, Operation,
    Policy, QuotaOutcome, Recorder, Room, Sought, Target, Usage, Verdict,
};

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, code, recipient, session, session_of, step, transaction, transaction_of};

const MAIL: &[u8] = b"Subject: hello\r\n\r\ntext\r\n";

fn attempt(password: &str) -> LoginAttempt {
    LoginAttempt {
        mechanism: "PLAIN".into(),
        user: "alice@waxwing.test".into(),
        authorise_as: String::new(),
        offered: Offered::Password(password.into()),
    }
}

async fn serving(plugin: &Plugin) -> (Site, Policy) {
    let site = Site::new();
    site.plugin("p", plugin).policy(&step("p", ""));
    let policy = site.serving().await;
    (site, policy)
}

#[tokio::test]
async fn an_empty_policy_takes_nothing_and_says_why() {
    let site = Site::new();
    let policy = site.serving().await;
    let mut session = session(&policy);
    assert_eq!(session.connect().await, Decision::Pass);
    assert_eq!(session.ehlo("client.example", true).await, Decision::Pass);
    assert!(matches!(
        session.login(attempt("x")).await,
        LoginOutcome::Unavailable { .. }
    ));
    let mut transaction = transaction_of(&policy, &mut session);
    assert_eq!(transaction.mail_from().await, Decision::Pass);
    let Decision::Refuse(reply) = transaction.rcpt_to(&recipient("alice@waxwing.test")).await
    else {
        panic!("nobody accepted");
    };
    assert_eq!(
        reply.to_string(),
        "451 4.3.5 No policy step decided about this recipient"
    );
}

#[tokio::test]
async fn the_first_step_that_decides_ends_the_hook() {
    let site = Site::new();
    site.plugin(
        "pass",
        &Plugin::new().hook("connect", &format!("(i32.const {PASS})")),
    )
    .plugin("yes", &Plugin::new().says("connect", &case(1)))
    .plugin("no", &Plugin::new().reply("connect", 4, 554, "go away"));
    for (order, expected) in [(["pass", "yes", "no"], 250), (["pass", "no", "yes"], 554)] {
        site.policy(&order.map(|name| step(name, "")).concat());
        let policy = site.serving().await;
        let decision = session(&policy).connect().await;
        assert_eq!(code(&decision), expected);
        assert!(expected == 250 || matches!(decision, Decision::Disconnect(_)));
    }
}

#[tokio::test]
async fn recipients_lead_to_targets_and_loops_end() {
    // account "alice@waxwing.test"
    let mut plugin = Plugin::new();
    let name = plugin.put(b"alice@waxwing.test");
    let mut target = vec![0; 24];
    target[4..8].copy_from_slice(&name.to_le_bytes());
    target[8..12].copy_from_slice(&18_u32.to_le_bytes());
    let targets = plugin.put(&target);
    let some = |targets: u32| {
        let mut answer = case(1);
        answer[8..12].copy_from_slice(&targets.to_le_bytes());
        answer[12..16].copy_from_slice(&1_u32.to_le_bytes());
        answer
    };
    let plugin = plugin
        .says("rcpt-to", &case(1))
        .says("route-inbound", &some(targets));
    let (_site, policy) = serving(&plugin).await;
    let mut one = transaction(&policy);
    assert_eq!(
        one.rcpt_to(&recipient("sales@waxwing.test")).await,
        Decision::Pass
    );
    assert_eq!(
        one.rcpt_to(&Recipient::new(ForwardPath::Postmaster)).await,
        Decision::Pass
    );
    assert_eq!(
        one.route(0).await,
        [Target::Account("alice@waxwing.test".into())]
    );
    assert_eq!(
        one.route(1).await,
        [Target::Account("alice@waxwing.test".into())]
    );
    assert!(matches!(one.route(7).await[..], [Target::Refuse(_)]));

    // alias sales@waxwing.test, whoever is asked about
    let mut plugin = Plugin::new();
    let (local, domain) = (plugin.put(b"sales"), plugin.put(b"waxwing.test"));
    let mut target = vec![1, 0, 0, 0];
    for number in [local, 5, domain, 12, 0] {
        target.extend(number.to_le_bytes());
    }
    let targets = plugin.put(&target);
    let plugin = plugin
        .says("rcpt-to", &case(1))
        .says("route-inbound", &some(targets));
    let (_site, policy) = serving(&plugin).await;
    let mut one = transaction(&policy);
    one.rcpt_to(&recipient("sales@waxwing.test")).await;
    let targets = one.route(0).await;
    let [Target::Refuse(reply)] = &targets[..] else {
        panic!("{targets:?}")
    };
    assert_eq!(reply.code.get(), 550);
}

#[tokio::test]
async fn smtp_has_one_reply_for_all_and_lmtp_one_for_each() {
    // Refuses for domains of 12 octets, delivers to others.
    let mut plugin = Plugin::new();
    let text = plugin.put(b"spam");
    let mut refuse = vec![0, 0, 0, 0, 5, 0, 0, 0];
    refuse.extend(550_u16.to_le_bytes());
    refuse.extend([0; 10]);
    refuse.extend(text.to_le_bytes());
    refuse.extend(4_u32.to_le_bytes());
    refuse.extend([0; 16]);
    let (refuse, deliver) = (plugin.put(&refuse), plugin.put(&case(1)));
    let body = format!(
        "(if (result i32) (i32.eq (local.get 3) (i32.const 12)) (then (i32.const {refuse})) (else (i32.const {deliver})))"
    );
    let plugin = plugin.says("rcpt-to", &case(1)).hook("verdict", &body);
    let (site, policy) = serving(&plugin).await;
    site.services.add_domain("long.waxwing.test");
    let both = ["alice@waxwing.test", "alice@long.waxwing.test"];
    for (protocol, to, expected) in [
        (Protocol::Smtp, &both[..], vec!["junk", "deliver"]),
        (Protocol::Smtp, &both[..1], vec!["reject"]),
        (Protocol::Lmtp, &both[..], vec!["reject", "deliver"]),
    ] {
        let mut session = session_of(&policy, protocol);
        let mut one = transaction_of(&policy, &mut session);
        for to in to {
            assert_eq!(one.rcpt_to(&recipient(to)).await, Decision::Pass);
        }
        let outcome = one.message(Bytes::from_static(MAIL)).await;
        let words: Vec<&str> = outcome
            .verdicts
            .iter()
            .map(|(_, verdict)| verdict.word())
            .collect();
        assert_eq!(words, expected);
    }
}

#[tokio::test]
async fn a_message_hook_can_end_the_matter_and_change_the_header() {
    let mut plugin = Plugin::new().calls("$add-header");
    let (name, value) = (plugin.put(b"X-Seen"), plugin.put(b"yes"));
    let quarantine = {
        let text = plugin.put(b"looks odd");
        let mut answer = case(5);
        answer[8..12].copy_from_slice(&text.to_le_bytes());
        answer[12..16].copy_from_slice(&9_u32.to_le_bytes());
        plugin.put(&answer)
    };
    let body = format!(
        "(call $add-header (local.get 3) (i32.const {name}) (i32.const 6) (i32.const {value}) (i32.const 3) (i32.const 2048)) (i32.const {quarantine})"
    );
    let plugin = plugin.says("rcpt-to", &case(1)).hook("message", &body);
    let (_site, policy) = serving(&plugin).await;
    let mut one = transaction(&policy);
    one.rcpt_to(&recipient("alice@waxwing.test")).await;
    let content = Bytes::from_static(MAIL);
    let outcome = one.message(content.clone()).await;
    let verdict = outcome.verdict("waxwing.test").clone();
    assert_eq!(verdict, Verdict::Quarantine("looks odd".into()));
    let rewritten = outcome.rewrite(&content, &verdict, false);
    assert!(rewritten.top.contains("X-Seen: yes\r\n"), "{rewritten:?}");
    assert!(one.ledger().to_json().contains("add-header X-Seen: yes"));
}

#[tokio::test]
async fn quota_and_delivery_have_their_answers() {
    let mut plugin = Plugin::new().calls("$keep");
    let text = plugin.put(b"full");
    let mut over = case(3);
    over[8..12].copy_from_slice(&text.to_le_bytes());
    over[12..16].copy_from_slice(&4_u32.to_le_bytes());
    let done = plugin.put(&case(1));
    let keep = format!(
        "(call $keep (local.get 15) (i32.const 0) (i32.const 0) (i32.const 2048)) (i32.const {done})"
    );
    let plugin = plugin
        .says("quota", &over)
        .says("rcpt-to", &case(1))
        .hook("deliver", &keep);
    let (_site, policy) = serving(&plugin).await;
    let usage = Usage {
        bytes: 5,
        messages: 1,
    };
    let room = Room {
        account: "alice@waxwing.test",
        limited: false,
        operation: Operation::Append,
        current: usage,
        adding: usage,
    };
    assert_eq!(
        session(&policy).quota(&room).await,
        QuotaOutcome::Over("full".into())
    );
    let mut one = transaction(&policy);
    one.rcpt_to(&recipient("alice@waxwing.test")).await;
    one.message(Bytes::from_static(MAIL)).await;
    let DeliverOutcome::File(filings) = one.deliver(0, "alice@waxwing.test", false).await else {
        panic!("filed")
    };
    assert_eq!(filings.len(), 1);
    assert_eq!(filings[0].mailbox, MailboxRef::Inbox);
}

/// Writes down the names of host calls, and everything that was said in them.
#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

impl Recorder for Listener {
    fn host_call(&self, call: &HostCall<'_>) {
        self.0.lock().unwrap().push(format!(
            "{} {} {:?} {:?}",
            call.step, call.name, call.arguments, call.answer
        ));
    }
}

#[tokio::test]
async fn a_login_runs_through_its_hooks_and_passwords_are_not_recorded() {
    let mut plugin = Plugin::new().calls("$verify");
    let user = plugin.put(b"alice@waxwing.test");
    let failure = plugin.put(&case(2));
    // success(identity { account: what `verify` gave, …the same, mechanism: the same })
    let body = format!(
        "(call $verify (local.get 1) (i32.const {user}) (i32.const 18) (i32.const 3072)) \
         (if (result i32) (i32.eqz (i32.load8_u (i32.const 3076))) (then \
         (i32.store (i32.const 3204) (i32.const 1)) \
         (i32.store (i32.const 3208) (i32.load (i32.const 3080))) (i32.store (i32.const 3212) (i32.load (i32.const 3084))) \
         (i32.store (i32.const 3216) (i32.load (i32.const 3080))) (i32.store (i32.const 3220) (i32.load (i32.const 3084))) \
         (i32.store (i32.const 3224) (i32.load (i32.const 3080))) (i32.store (i32.const 3228) (i32.load (i32.const 3084))) \
         (i32.const 3200)) (else (i32.const {failure})))"
    );
    let mut delay = case(1);
    delay[8..12].copy_from_slice(&250_u32.to_le_bytes());
    let delay_at = plugin.put(&delay);
    let plugin = plugin
        .hook("authenticate", &body)
        .hook("login", &format!("(i32.const {PASS})"))
        .function("hook-login", "failed", &format!("(i32.const {delay_at})"));
    let site = Site::new();
    site.plugin("p", &plugin).policy(&step("p", ""));
    let listener = Arc::new(Listener::default());
    let policy = site.start_recorded(listener.clone()).await;
    assert!(
        policy.status().problems.is_empty(),
        "{:?}",
        policy.status().problems
    );
    let mut one = session_of(&policy, Protocol::Imap);
    let wrong = one.login(attempt("guess")).await;
    assert_eq!(
        wrong,
        LoginOutcome::Refused {
            text: None,
            delay: Duration::from_millis(250)
        }
    );
    let LoginOutcome::Success { identity, delay } = one.login(attempt("waxwing-demo")).await else {
        panic!("right")
    };
    assert_eq!(
        (&*identity.account, delay),
        ("alice@waxwing.test", Duration::ZERO)
    );
    // A password that is proved: whose it is to be, and what the proof came to.
    let by_proof = |offered| LoginAttempt {
        offered,
        ..attempt("")
    };
    let sought = one.sought(by_proof(Offered::Sought(OnceLock::new()))).await;
    assert_eq!(
        sought,
        Sought::Of {
            account: Ok("alice@waxwing.test".to_owned()),
            refused: false,
            delay: Duration::ZERO
        }
    );
    let proof = |account: &str, proved| {
        by_proof(Offered::Proof {
            account: account.to_owned(),
            proved,
        })
    };
    for (account, proved) in [("alice@waxwing.test", false), ("bob@waxwing.test", true)] {
        assert_eq!(one.login(proof(account, proved)).await, wrong, "{account}");
    }
    assert!(matches!(
        one.login(proof("alice@waxwing.test", true)).await,
        LoginOutcome::Success { .. }
    ));
    let heard = listener.0.lock().unwrap().join("\n");
    assert!(
        heard.contains("p credentials.verify \"alice@waxwing.test\""),
        "{heard}"
    );
    assert!(
        !heard.contains("waxwing-demo") && !heard.contains("guess"),
        "{heard}"
    );
}

#[tokio::test]
async fn isolation_is_what_the_step_says() {
    // Accepts from its second call on.
    let mut plugin = Plugin::new();
    let yes = plugin.put(&case(1));
    let body = format!(
        "(global.set $count (i32.add (global.get $count) (i32.const 1))) \
         (if (result i32) (i32.ge_u (global.get $count) (i32.const 2)) (then (i32.const {yes})) (else (i32.const {PASS})))"
    );
    let plugin = plugin.hook("rcpt-to", &body);
    for (isolation, within, across) in [
        ("call", 451, 451),
        ("transaction", 250, 451),
        ("pooled", 250, 250),
    ] {
        let site = Site::new();
        site.plugin("p", &plugin)
            .policy(&step("p", &format!("isolation = \"{isolation}\"")));
        let policy = site.serving().await;
        let mut one = transaction(&policy);
        assert_eq!(
            code(&one.rcpt_to(&recipient("alice@waxwing.test")).await),
            451
        );
        assert_eq!(
            code(&one.rcpt_to(&recipient("alice@waxwing.test")).await),
            within,
            "{isolation}"
        );
        assert_eq!(
            code(
                &transaction(&policy)
                    .rcpt_to(&recipient("alice@waxwing.test"))
                    .await
            ),
            across,
            "{isolation}"
        );
        drop(one);
        assert_eq!(
            policy.status().steps[0].instances,
            usize::from(isolation == "pooled"),
            "{isolation}"
        );
    }
}

#[tokio::test]
async fn a_pooled_instance_is_thrown_away_after_some_calls() {
    // Remembers how often it was called; accepts when it was more often than any instance may be.
    let mut plugin = Plugin::new();
    let yes = plugin.put(&case(1));
    let body = format!(
        "(global.set $count (i32.add (global.get $count) (i32.const 1))) \
         (if (result i32) (i32.gt_u (global.get $count) (i32.const 512)) (then (i32.const {yes})) (else (i32.const {PASS})))"
    );
    let (_site, policy) = serving(&plugin.hook("rcpt-to", &body)).await;
    let mut one = transaction(&policy);
    for _ in 0..1300 {
        assert_eq!(
            code(&one.rcpt_to(&recipient("alice@waxwing.test")).await),
            451
        );
    }
}
