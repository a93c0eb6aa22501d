//! What a plugin says it wants, held against what its step gives it.

use bytes::Bytes;
use waxwing_mail::Identity;
use waxwing_policy::{AuthResults, Hook, Policy};

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, recipient, session, step, transaction, transaction_of};

fn passing(manifest: &str) -> Plugin {
    Plugin::new()
        .hook("connect", &format!("(i32.const {PASS})"))
        .manifest(&format!("hooks = [\"connect\"]\n{manifest}"))
}

async fn problems(plugin: &Plugin, policy: &str) -> Vec<String> {
    let site = Site::new();
    site.plugin("p", plugin).policy(policy);
    site.problems().await
}

#[tokio::test]
async fn a_grant_that_is_wanted_and_not_given_is_told_at_the_line_of_the_grants() {
    let policy = "[[step]]\nplugin = \"p\"\non-error = \"skip\"\ngrants = [\"kv\"]\n";
    assert_eq!(
        problems(&passing("grants = [\"kv\", \"directory\"]"), policy).await,
        [
            "policy.toml:4: plugin `p` wants `directory`, which is not granted: add \"directory\" to `grants` of this step"
        ]
    );
}

#[tokio::test]
async fn what_is_optional_need_not_be_given() {
    let plugin = passing("grants = [\"kv\"]\noptional-grants = [\"relay\"]");
    assert!(problems(&plugin, &step("p", "")).await.is_empty());
}

#[tokio::test]
async fn a_grant_that_no_policy_can_give_is_told() {
    assert_eq!(
        problems(&passing("grants = [\"files\"]"), &step("p", "")).await,
        ["policy.toml:1: plugin `p` wants the grant `files`, which this server does not have"]
    );
}

#[tokio::test]
async fn limits_below_what_the_plugin_needs_are_told() {
    let plugin = passing("limits = { deadline-ms = 5000, host-calls = 20 }");
    assert_eq!(
        problems(&plugin, &step("p", "limits = { host-calls = 10 }")).await,
        [
            "policy.toml:4: plugin `p` needs deadline-ms = 5000, this step gives 2000: write `deadline-ms = 5000` into `limits` of this step",
            "policy.toml:4: plugin `p` needs host-calls = 20, this step gives 10: write `host-calls = 20` into `limits` of this step"
        ]
    );
    let enough = step("p", "limits = { deadline-ms = 5000 }");
    assert!(problems(&plugin, &enough).await.is_empty());
}

#[tokio::test]
async fn hooks_that_are_told_and_not_exported_keep_a_plugin_out() {
    let plugin = Plugin::new()
        .hook("connect", &format!("(i32.const {PASS})"))
        .manifest("hooks = [\"connect\", \"message\"]");
    assert_eq!(
        problems(&plugin, &step("p", "")).await,
        [
            "policy.toml:1: plugin `p` exports the hooks connect, but its manifest says connect, message: build it again with `waxwing plugin build`"
        ]
    );
}

#[tokio::test]
async fn a_newer_contract_than_the_servers_is_told_with_both_versions() {
    assert_eq!(
        problems(&passing("abi = \"0.1.7\""), &step("p", "")).await,
        [
            "policy.toml:1: plugin `p` was built for waxwing:policy@0.1.7, this server has 0.1.0: update the server, or build it with an older SDK"
        ]
    );
}

#[tokio::test]
async fn settings_that_do_not_fit_the_schema_are_told_with_file_and_line() {
    let plugin = passing(
        "settings-schema = '{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":1},\"files\":{}}}'",
    );
    let site = Site::new();
    site.plugin("p", &plugin)
        .policy(&step("p", "[step.settings]\nlimit = 0\nlimmit = 3"));
    assert_eq!(
        site.problems().await,
        [
            "policy.toml:5: plugin `p`: must be at least 1",
            "policy.toml:6: plugin `p`: unknown key `limmit`; known are files, limit"
        ]
    );
}

#[tokio::test]
async fn a_manifest_or_a_schema_that_is_none_keeps_a_plugin_out() {
    for (plugin, reason) in [
        (
            passing("grants = 7"),
            "carries a manifest that cannot be read: invalid type",
        ),
        (
            passing("settings-schema = '{'"),
            "carries a settings schema that is none: EOF",
        ),
    ] {
        let problems = problems(&plugin, &step("p", "")).await;
        assert!(
            problems.len() == 1 && problems[0].contains(reason),
            "{problems:#?}"
        );
    }
}

#[tokio::test]
async fn a_symbol_counts_as_the_manifest_says_unless_the_step_says_otherwise() {
    let mut plugin = passing("symbols.OFTEN = { score = 2.5, description = \"Often seen\" }");
    let name = plugin.put(b"OFTEN");
    let body = format!(
        "(call $add (i32.const {name}) (i32.const 5) (f64.const 2) (i32.const 0) (i32.const 0) (i32.const 2048)) (i32.const {PASS})"
    );
    let plugin = plugin
        .calls("$add")
        .hook("mail-from", &body)
        .manifest("hooks = [\"connect\", \"mail-from\"]\nsymbols.OFTEN = { score = 2.5, description = \"Often seen\" }");
    for (scores, expected) in [("", 5.0), ("scores = { OFTEN = 0.5 }", 1.0)] {
        let site = Site::new();
        site.plugin("p", &plugin).policy(&step("p", scores));
        let policy = site.serving().await;
        let mut mail = transaction(&policy);
        mail.mail_from().await;
        assert!((mail.ledger().score - expected).abs() < 1e-9, "{scores}");
    }
}

/// Which of the hooks `mail-from` and `message` a plugin is asked at by somebody who may have logged in and may have been looked into.
async fn asked(policy: &Policy, logged_in: bool, looked_into: bool) -> Vec<&'static str> {
    let mut session = session(policy);
    if logged_in {
        session.logged_in(Identity {
            account: "alice@waxwing.test".into(),
            authorised_as: "alice@waxwing.test".into(),
            mechanism: "PLAIN".into(),
        });
    }
    let mut mail = transaction_of(policy, &mut session);
    mail.mail_from().await;
    mail.admit(&recipient("alice@waxwing.test"));
    if looked_into {
        mail.set_auth_results(AuthResults::default());
    }
    mail.message(bytes::Bytes::from_static(b"From: a@example.org\r\n\r\n"))
        .await;
    let ledger = mail.ledger();
    ledger
        .steps
        .iter()
        .map(|entry| entry.hook.as_str())
        .collect()
}

#[tokio::test]
async fn a_plugin_is_asked_when_its_manifest_says_that_it_has_something_to_say() {
    let plugin = |when: &str| {
        Plugin::new()
            .hook("mail-from", &format!("(i32.const {PASS})"))
            .hook("message", &format!("(i32.const {PASS})"))
            .manifest(&format!("hooks = [\"mail-from\", \"message\"]\n{when}"))
    };
    let site = Site::new();
    let when = "when = { mail-from = \"authenticated\", message = \"auth-results\" }";
    site.plugin("p", &plugin(when)).policy(&step("p", ""));
    let policy = site.serving().await;
    assert_eq!(asked(&policy, false, false).await, [""; 0]);
    assert_eq!(asked(&policy, true, false).await, ["mail-from"]);
    assert_eq!(asked(&policy, false, true).await, ["message"]);
    assert_eq!(asked(&policy, true, true).await, ["mail-from", "message"]);
    // What this server does not know of is no reason not to ask.
    let site = Site::new();
    let when = "when = { mail-from = \"raining\", mailing = \"authenticated\" }";
    site.plugin("p", &plugin(when)).policy(&step("p", ""));
    let policy = site.serving().await;
    assert_eq!(asked(&policy, false, false).await, ["mail-from", "message"]);
}

/// The verdict over a message in which nothing was found, and how many of these steps were asked for it: names, what they say as a case of the
/// verdict, a line of their manifests.
async fn verdict_of(steps: &[(&str, u8, &str)]) -> (String, usize) {
    let site = Site::new();
    let mut policy = String::new();
    for (name, judgement, when) in steps {
        let plugin = Plugin::new()
            .says("rcpt-to", &case(1))
            .says("verdict", &case(*judgement));
        let hooks = "hooks = [\"rcpt-to\", \"verdict\"]\n";
        site.plugin(name, &plugin.manifest(&format!("{hooks}{when}")));
        policy.push_str(&step(name, ""));
    }
    site.policy(&policy);
    let policy = site.serving().await;
    let mut transaction = transaction(&policy);
    transaction.rcpt_to(&recipient("alice@waxwing.test")).await;
    let outcome = transaction.message(Bytes::new()).await;
    let verdict = outcome.verdict("waxwing.test").word().to_owned();
    let asked = transaction.ledger().steps;
    let asked = asked.iter().filter(|entry| entry.hook == Hook::Verdict);
    (verdict, asked.count())
}

#[tokio::test]
async fn a_verdict_that_waits_for_findings_hands_clean_mail_to_no_other_step() {
    let (deliver, junk) = (1, 2);
    let waits = "when = { verdict = \"found\" }";
    // Alone it is not asked; before another one it is, since to deliver ends the list.
    let alone = verdict_of(&[("a", junk, waits)]).await;
    assert_eq!(alone, ("deliver".to_owned(), 0));
    let first = verdict_of(&[("a", deliver, waits), ("b", junk, "")]).await;
    assert_eq!(first, ("deliver".to_owned(), 1));
    let always = verdict_of(&[("a", junk, "")]).await;
    assert_eq!(always, ("junk".to_owned(), 1));
}
