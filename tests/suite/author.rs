//! The author's tools on the plugins that are shipped: what they say of them, and that the cases hold in WebAssembly, too.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use waxwing_tests::{place, process};

/// `waxwing plugin …`, to its end.
fn plugin(arguments: &[&str]) -> Output {
    process::run(
        Command::new(place::binary()).arg("plugin").args(arguments),
        "",
    )
}

/// The same with `--json`; its exit code besides.
fn json(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = plugin(&[arguments, &["--json"]].concat());
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "waxwing plugin {arguments:?}: {error}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (output.status.code(), value)
}

fn shipped(name: &str) -> String {
    let path: PathBuf = place::plugins().join(format!("{name}.wasm"));
    path.display().to_string()
}

const SHIPPED: [&str; 13] = [
    "access",
    "authentication",
    "autoresponder",
    "filing",
    "login",
    "outbound",
    "quota",
    "recipients",
    "reputation",
    "rules",
    "senders",
    "signing",
    "verdict",
];

#[test]
fn the_cases_of_every_shipped_plugin_hold_in_webassembly() {
    for name in SHIPPED.iter().chain(&["accepting", "asking"]) {
        let (code, outcomes) = json(&["test", &shipped(name)]);
        let failed: Vec<&Value> = outcomes
            .as_array()
            .expect("a list of cases")
            .iter()
            .filter(|outcome| outcome.get("failure").is_some())
            .collect();
        assert!(failed.is_empty(), "{name}: {failed:#?}");
        assert_eq!(code, Some(0), "{name}");
    }
}

#[test]
fn a_case_that_does_not_hold_is_told_with_what_was_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = folder.path().join("wrong.toml");
    std::fs::write(
        &cases,
        "[[case]]\nname = \"strangers are turned away\"\nsteps = [{ hook = \"connect\", expect = \"reject\" }]\n",
    )
    .expect("a case");
    let path = cases.display().to_string();
    let (code, outcomes) = json(&["test", &shipped("access"), "--cases", &path]);
    assert_eq!(code, Some(65));
    assert_eq!(
        outcomes[0]["failure"],
        "step 1 (turn 1): connect answered \"pass\", expected \"reject\""
    );
}

#[test]
fn the_shipped_policy_grants_what_every_plugin_wants() {
    for name in SHIPPED {
        let (code, inspection) = json(&["inspect", &shipped(name)]);
        assert_eq!(code, Some(0), "{name}");
        assert_eq!(inspection["problems"], serde_json::json!([]), "{name}");
        let manifest = &inspection["manifest"];
        assert_eq!(manifest["name"], name);
        assert!(manifest["settings-schema"].is_string(), "{name}");
        // What a manifest asks for and what is imported are the same: nobody is asked for more than is used.
        let sorted = |value: &Value| {
            let mut names: Vec<String> = value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            names.sort();
            names
        };
        assert_eq!(
            sorted(&inspection["grants"]),
            sorted(&manifest["grants"]),
            "{name}"
        );
    }
}

#[test]
fn one_message_through_one_plugin_shows_what_it_asked_and_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.toml");
    std::fs::write(
        &settings,
        "[[rule]]\nname = \"GTUBE\"\nscore = 7.5\nbody = \"XJS\"\n",
    )
    .expect("settings");
    let message = folder.path().join("spam.eml");
    std::fs::write(&message, "Subject: x\r\n\r\nXJS*C4JDBQADN1\r\n").expect("a message");
    let (code, seen) = json(&[
        "run",
        &shipped("rules"),
        "--message",
        &message.display().to_string(),
        "--settings",
        &settings.display().to_string(),
    ]);
    assert_eq!(code, Some(0), "{seen}");
    assert_eq!(seen["answer"], "pass");
    assert_eq!(seen["findings"], serde_json::json!(["GTUBE=7.5"]));
    let calls = seen["host-calls"].as_array().expect("host calls");
    assert!(
        calls.iter().any(|call| call["name"] == "findings.add"),
        "{calls:#?}"
    );
    assert!(seen["memory"].as_u64() > Some(0));
}

#[test]
fn a_trap_is_told_with_its_message_its_functions_and_its_last_host_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, "hooks = { connect = \"trap\" }\n").expect("settings");
    let (code, seen) = json(&[
        "run",
        &shipped("fixture"),
        "--hook",
        "connect",
        "--settings",
        &settings.display().to_string(),
    ]);
    assert_eq!(code, Some(65));
    let answer = seen["answer"].as_str().expect("an answer");
    for part in [
        "trapped: ",
        "it said: told to panic",
        "in waxwing_fixture::",
        "last host calls: log.log",
    ] {
        assert!(answer.contains(part), "{part:?} is not in {answer}");
    }
    let log = seen["log"].as_array().expect("a log");
    assert!(
        log.iter().any(|line| line
            .as_str()
            .is_some_and(|line| line.starts_with("error: told to panic at="))),
        "{log:#?}"
    );
}

#[test]
fn what_would_not_load_is_told_before_any_server_tries() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, "junk = 5\n\nrefuse = \"always\"\n").expect("settings");
    let path = settings.display().to_string();
    let (code, found) = json(&["check", &shipped("verdict"), "--settings", &path]);
    assert_eq!(code, Some(65));
    let problems = found["problems"].to_string();
    assert!(
        problems.contains("settings.toml:3: plugin `verdict`: must be"),
        "{problems}"
    );
    let missing = plugin(&["check", "/nowhere/at-all.wasm"]);
    assert_eq!(missing.status.code(), Some(65));
}

#[test]
fn a_key_is_made_once_and_signs() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let (key, copy) = (
        folder.path().join("key"),
        folder.path().join("verdict.wasm"),
    );
    std::fs::copy(shipped("verdict"), &copy).expect("a copy");
    let key_path = key.display().to_string();
    let made = plugin(&["sign", "--new-key", &key_path]);
    assert!(made.status.success());
    let public = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    assert!(public.starts_with("ed25519:"), "{public}");
    let mode = |path: &Path| {
        std::fs::metadata(path)
            .expect("a file")
            .permissions()
            .mode()
    };
    assert_eq!(mode(&key) & 0o777, 0o600);
    assert_eq!(
        plugin(&["sign", "--new-key", &key_path]).status.code(),
        Some(65)
    );
    let copy_path = copy.display().to_string();
    assert!(
        plugin(&["sign", &copy_path, "--key", &key_path])
            .status
            .success()
    );
    let (_, inspection) = json(&["inspect", &copy_path]);
    assert_eq!(inspection["signer"], public.as_str());
}
