//! Components of released versions of the contract, kept as they were built: whatever becomes of the contract, they are loaded and asked for ever.
//!
//! `tests/frozen/VERSION/hooks.wasm` has every hook and uses every capability that needs nobody outside; `asks.wasm` asks beyond the server.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use waxwing_tests::live::replace;
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

const MESSAGE: &[u8] =
    b"From: ann@example.org\r\nSubject: hello\r\n\r\nsee https://shop.example/\r\n";

const STEPS: &str = r#"
[[step]]
plugin = "hooks"
grants = ["message", "actions", "kv", "credentials", "directory", "relay"]
settings = { hooks = { connect = "tag", ehlo = "tag", mail-from = "tag", rcpt-to = "tag", data = "tag", message = "everything", verdict = "accept" } }

[[step]]
plugin = "asks"
grants = ["message", "actions", "kv", "auth-results", "dns", "dnsbl", "http", "passwords"]
dnsbl = { zones = ["list.example"] }
http = { hosts = ["api.example.org"] }
settings = { learn = ["cheap"], password = "correct horse", auth = true, look = true }

"#;

/// The folder of each released version.
fn versions() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/frozen");
    let mut versions: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of frozen components")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    versions.sort();
    versions
}

/// What the ledger says about each call that judged a message.
fn calls(server: &Server) -> Vec<Value> {
    let reply = server
        .smtp()
        .send("sender@example.net", &["alice@waxwing.test"], MESSAGE)
        .and_then(|reply| reply.class(2))
        .unwrap();
    let id = reply.text.rsplit(' ').next().unwrap();
    let request = json!({ "command": "trace", "id": id });
    let (rows, _) = until("the ledger knows the message", PATIENCE, || {
        server.admin().ask(&request).ok()
    });
    rows[0]["record"]["policy"]["steps"]
        .as_array()
        .expect("a ledger has steps")
        .clone()
}

#[test]
fn components_of_released_versions_serve() {
    let versions = versions();
    assert!(versions.iter().any(|version| version.ends_with("0.1.0")));
    for version in versions {
        let server = Setup::new()
            .policy(Policy::Accepting)
            .plugins(version.clone())
            .start();
        let text = format!("{STEPS}{ACCEPTING}");
        server.change(|| replace(&server.folder().join("policy.toml"), text));
        let calls = calls(&server);
        for (plugin, hooks) in [
            (
                "hooks",
                &[
                    "connect",
                    "ehlo",
                    "mail-from",
                    "rcpt-to",
                    "data",
                    "message",
                    "verdict",
                ][..],
            ),
            ("asks", &["message"]),
        ] {
            for hook in hooks {
                let call = calls
                    .iter()
                    .find(|call| call["plugin"] == plugin && call["hook"] == *hook)
                    .unwrap_or_else(|| {
                        panic!("{version:?}: {plugin} was not asked at {hook}: {calls:#?}")
                    });
                assert!(call.get("fault").is_none(), "{version:?}: {call:#}");
            }
        }
        let seen = calls.iter().filter_map(|call| call["actions"].as_array());
        let seen: Vec<&str> = seen.flatten().filter_map(Value::as_str).collect();
        assert!(
            seen.contains(&"add-header X-Asked: see links shop.example"),
            "{version:?}: {seen:#?}"
        );
    }
}
