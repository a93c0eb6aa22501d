//! Policy that is tried out before it counts, and taken back when it turns out to be bad.

use std::fs;

use serde_json::{Value, json};
use waxwing_tests::live::replace;
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup, place, process};

const MESSAGE: &[u8] = b"Subject: x\r\n\r\ntext\r\n";
const GRANTS: &str =
    "[\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]";

/// A step of the fixture.
fn fixture(name: &str, more: &str, hooks: &str) -> String {
    format!(
        "[[step]]\nname = \"{name}\"\nplugin = \"fixture\"\ngrants = {GRANTS}\n{more}\nsettings = {{ busy-ms = 15, hooks = {{ {hooks} }} }}\n"
    )
}

fn serve(server: &Server, text: &str) {
    server.change(|| replace(&server.folder().join("policy.toml"), text));
}

/// Sends a message; the code of its last reply, or of the first refusal.
fn send(server: &Server, from: &str) -> u16 {
    match server.smtp().send(from, &["alice@waxwing.test"], MESSAGE) {
        Ok(reply) => reply.code,
        Err(refused) => {
            let text = refused.to_string();
            let code = text.get(..3).and_then(|code| code.parse().ok());
            code.unwrap_or_else(|| panic!("the server answers: {text}"))
        }
    }
}

fn history(server: &Server) -> Vec<Value> {
    let events = server.json(&["plugin", "history"]);
    events.as_array().expect("a list of events").clone()
}

#[test]
fn a_bad_generation_is_taken_back_by_itself() {
    for (behaviour, why) in [
        ("rcpt-to = \"reject\"", "refusals 0 % -> 100 %"),
        ("message = \"busy\"", "time of the steps"),
        ("message = \"tenth-trap\"", "failures 0 % -> "),
    ] {
        let good = format!("{}{ACCEPTING}", fixture("p", "", ""));
        let server = Setup::new().policy(Policy::Text(good)).start();
        for _ in 0..100 {
            assert_eq!(send(&server, "sender@example.net"), 250);
        }
        let bad = format!("{}{ACCEPTING}", fixture("p", "", behaviour));
        serve(&server, &bad);
        let sent = (1..=200)
            .find(|_| {
                send(&server, "sender@example.net");
                server.generation() > 2
            })
            .unwrap_or(200);
        until(&format!("{behaviour} is taken back"), PATIENCE, || {
            (server.generation() > 2).then_some(())
        });
        eprintln!("{behaviour} was taken back after {sent} transactions");
        assert_eq!(send(&server, "sender@example.net"), 250);
        let (event, _) = until("it is recorded", PATIENCE, || {
            history(&server).into_iter().nth(2)
        });
        let told = event["why"].as_str().unwrap();
        assert!(
            told.starts_with("rolled back by itself from generation 2: ") && told.contains(why),
            "{told}"
        );
        let metrics = server.metrics();
        let counted = metrics
            .lines()
            .any(|line| line.starts_with("waxwing_policy_rollbacks_total{by=\"drift\"} 1"));
        assert!(counted, "{metrics}");
        let listed = server.cli(&["plugin", "list"]);
        assert!(listed.contains("these files do not serve"), "{listed}");
    }
}

#[test]
fn a_shadow_step_costs_no_message_its_verdict() {
    let server = Setup::new().start();
    let policy = server.folder().join("policy.toml");
    let shipped = fs::read_to_string(&policy).unwrap();
    let trial = fixture(
        "trial",
        "mode = \"shadow\"",
        "rcpt-to = \"reject\", message = \"tag\"",
    );
    serve(&server, &format!("{trial}{shipped}"));
    for _ in 0..20 {
        assert_eq!(send(&server, "sender@example.net"), 250);
    }
    assert_eq!(
        server.imap("alice@waxwing.test").select("INBOX").unwrap(),
        20
    );
    let request = json!({ "command": "plugin-diff", "step": "trial" });
    let (report, _) = until("all is compared", PATIENCE, || {
        let reports = server.admin().ask(&request).unwrap();
        let changes = reports[0]["changes"].as_array()?.clone();
        changes
            .iter()
            .any(|change| change["kind"] == "pass -> reject" && change["count"] == 20)
            .then(|| reports[0].clone())
    });
    assert_eq!(report["symbols"][0]["name"], "FIXTURE");
    let id = report["examples"][0]["queue-id"].as_str().unwrap();
    // It is written down beside the message, when it is there.
    until("what was tried is in the ledger", PATIENCE, || {
        let traced = server.cli(&["trace", id]);
        let (counted, tried) = traced.split_once("tried out, and nothing of it counted:")?;
        assert!(!counted.contains("(shadow)"), "{traced}");
        tried.contains("trial=fixture").then_some(())
    });
    let told = server.cli(&["plugin", "diff"]);
    assert!(told.contains("trial (shadow, beside nothing)"), "{told}");
}

#[test]
fn a_canary_keeps_a_retry_on_its_side() {
    let policy = format!(
        "{}{ACCEPTING}",
        fixture(
            "trial",
            "mode = \"canary\"\npercent = 40",
            "rcpt-to = \"defer\""
        )
    );
    let server = Setup::new().policy(Policy::Text(policy)).start();
    let mut deferred = 0;
    for number in 0..50 {
        let from = format!("sender@{number}.example");
        let said = [send(&server, &from), send(&server, &from)];
        assert_eq!(said[0], said[1], "{from}");
        deferred += usize::from(said[0] == 451);
    }
    assert!((8..=32).contains(&deferred), "{deferred} of 50 at 40 %");
    let report = server.json(&["plugin", "diff", "trial"]);
    assert_eq!(report[0]["sides"][0]["deferred"], 1.0, "{report}");
    assert_eq!(report[0]["sides"][1]["deferred"], 0.0, "{report}");
}

#[test]
fn a_rollback_survives_a_restart() {
    let good = format!("{}{ACCEPTING}", fixture("p", "", ""));
    let mut server = Setup::new().policy(Policy::Text(good)).start();
    let bad = format!("{}{ACCEPTING}", fixture("p", "", "rcpt-to = \"reject\""));
    serve(&server, &bad);
    assert_eq!(send(&server, "sender@example.net"), 550);
    let told = server.cli(&["plugin", "rollback", "--reason", "nobody gets mail"]);
    assert_eq!(told, "generation 3 serves\n");
    assert_eq!(send(&server, "sender@example.net"), 250);
    for way in ["stop", "kill"] {
        if way == "stop" {
            server.stop();
        } else {
            server.kill();
        }
        server.start();
        assert_eq!(server.generation(), 3, "after {way}");
        assert_eq!(send(&server, "sender@example.net"), 250);
    }
    let last = history(&server).pop().unwrap();
    assert_eq!(
        last["why"],
        "rolled back by an operator from generation 2: nobody gets mail"
    );
    // Who asked is who ran the command, as the kernel knows it.
    let user = process::ask("id", &["-un"]);
    let user = String::from_utf8(user.stdout).unwrap();
    assert_eq!(last["who"], user.trim());
    let who: Vec<_> = history(&server)
        .iter()
        .map(|event| event["who"].clone())
        .collect();
    assert_eq!(who[..2], ["start", "watch"]);
    let told = server.cli(&["plugin", "history"]);
    assert!(told.contains("(generation 1 again)"), "{told}");
    // A file that changes is taken.
    serve(
        &server,
        &format!("# Mended.\n{bad}").replace("\"reject\"", "\"pass\""),
    );
    assert_eq!(server.generation(), 4);
    // Files that do not load at a start leave what served.
    server.stop();
    replace(&server.folder().join("policy.toml"), "[[step]\n");
    server.start();
    assert_eq!(server.generation(), 4);
    assert_eq!(send(&server, "sender@example.net"), 250);
}

#[test]
fn a_promoted_step_takes_its_place_and_comments_stay() {
    let policy = format!(
        "# Of this site.\n\n# What serves.\n{}\n# What is to come.\n{}{ACCEPTING}",
        fixture("p", "", ""),
        fixture(
            "p-next",
            "mode = \"shadow\"\nreplaces = \"p\"",
            "rcpt-to = \"reject\""
        )
    );
    let server = Setup::new().policy(Policy::Text(policy)).start();
    assert_eq!(send(&server, "sender@example.net"), 250);
    let told = server.cli(&["plugin", "promote", "p-next"]);
    assert_eq!(told, "generation 2 serves\n");
    assert_eq!(send(&server, "sender@example.net"), 550);
    let text = fs::read_to_string(server.folder().join("policy.toml")).unwrap();
    assert!(
        text.starts_with(
            "# Of this site.\n\n# What serves.\n# What is to come.\n[[step]]\nname = \"p\"\n"
        ),
        "{text}"
    );
    assert!(
        !text.contains("shadow") && text.matches("[[step]]").count() == 2,
        "{text}"
    );
    let refused = server.run(&["plugin", "promote", "p"], "");
    assert_eq!(refused.status.code(), Some(65));
    assert_eq!(history(&server).pop().unwrap()["why"], "promote p-next");
}

#[test]
fn a_step_that_keeps_failing_is_not_asked() {
    // The first generation has nothing to go back to.
    let policy = format!("{}{ACCEPTING}", fixture("p", "", "message = \"trap\""));
    let server = Setup::new().policy(Policy::Text(policy)).start();
    for _ in 0..12 {
        assert_eq!(send(&server, "sender@example.net"), 451);
    }
    let listed = server.cli(&["plugin", "list"]);
    assert!(listed.contains("p: its breaker is "), "{listed}");
    assert_eq!(server.generation(), 1);
    let metrics = server.metrics();
    let shown = "waxwing_plugin_breaker_open{plugin=\"p\",hook=\"message\"} 1";
    assert!(metrics.contains(shown), "{metrics}");
    serve(&server, ACCEPTING);
    assert_eq!(send(&server, "sender@example.net"), 250);
}

#[test]
fn plugins_are_compiled_in_a_process_of_their_own() {
    let compile = |component: &[u8]| {
        let mut command = std::process::Command::new(place::binary());
        process::run(command.arg("compile-plugin"), component)
    };
    let good = compile(&fs::read(place::plugins().join("verdict.wasm")).unwrap());
    assert!(good.status.success() && good.stdout.len() > 10_000);
    let bad = compile(b"\0asm\x0d\0\x01\0nonsense");
    assert_eq!(bad.status.code(), Some(65));
    assert!(
        String::from_utf8_lossy(&bad.stderr).contains("does not compile"),
        "{bad:?}"
    );
}
