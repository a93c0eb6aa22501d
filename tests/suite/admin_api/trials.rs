//! A new build of a plugin over HTTP: tried out beside the one in force, compared, replayed on recent mail, promoted, taken back, while mail flows.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use waxwing_tests::client::{Http, Page};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup, place};

use super::{ALICE, ROOT, WEB, ask, must, refused, token, with};

const STALE: &str =
    "policy.toml is not what it was when it was read: read it again, and make the change anew";
const TAKEN_BACK: &str = "policy.toml still is what was taken back: mend it, or let it become what serves (`waxwing plugin restore`)";

/// Builds that lie beside the shipped plugins.
pub(crate) fn builds() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixture = fs::read(place::plugins().join("fixture.wasm")).unwrap();
    // The same plugin as somebody might have built it anew: what it finds has another name.
    let next = with_other_symbol(&fixture);
    fs::write(folder.path().join("fixture-next.wasm"), next).unwrap();
    fs::write(folder.path().join("broken.wasm"), b"\0asm\x0d\0\x01\0no").unwrap();
    folder
}

fn with_other_symbol(component: &[u8]) -> Vec<u8> {
    let mut octets = component.to_vec();
    let places: Vec<usize> = octets
        .windows(7)
        .enumerate()
        .filter(|(_, window)| *window == b"FIXTURE")
        .map(|(place, _)| place)
        .collect();
    assert!(!places.is_empty(), "the fixture has its symbol");
    for place in places {
        octets[place..place + 7].copy_from_slice(b"FIXTURX");
    }
    octets
}

/// The shipped policy, with more of the last step's settings, and a step before all others that finds something in each message.
pub(crate) fn policy(settings: &str) -> Policy {
    let shipped = fs::read_to_string(place::repository().join("config/policy.toml")).unwrap();
    // What is tried comes to junk, all of it: that is what this is about, and no drift.
    Policy::Text(format!(
        "# Of this site.\n[[step]]\nname = \"p\"\nplugin = \"fixture\" # ours\ngrants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]\n\
         scores = {{ FIXTURX = 9.0 }}\nsettings = {{ hooks = {{ message = \"tag\" }} }}\n\n[drift]\nenabled = false\n\n{shipped}{settings}"
    ))
}

fn start(folder: &Path) -> Server {
    Setup::new()
        .policy(policy(""))
        .plugins(folder.to_owned())
        .settings(WEB)
        .start()
}

/// Sends one message after the other until it is to end; how many were taken, which is all.
pub(crate) fn flow(server: &Server, ended: &AtomicBool) -> usize {
    let mut number = 0;
    while !ended.load(Ordering::Relaxed) {
        send(server, number);
        number += 1;
    }
    number
}

/// What Alice has of them.
pub(crate) fn kept(server: &Server) -> usize {
    let mut imap = server.imap(ALICE);
    imap.select("INBOX").unwrap() + imap.select("Junk").unwrap()
}

fn send(server: &Server, number: usize) {
    let message = format!(
        "From: a@example.net\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}@example.net>\r\nSubject: {number}\r\n\r\ntext\r\n"
    );
    server
        .smtp()
        .send("a@example.net", &[ALICE], message.as_bytes())
        .unwrap()
        .class(2)
        .unwrap();
}

/// A request under the condition that the policy file is as it was told.
fn if_match(http: &mut Http, tag: &str, method: &str, path: &str, body: Option<&Value>) -> Page {
    http.field("If-Match", tag);
    let page = ask(http, method, path, body);
    http.field("If-Match", "");
    page
}

fn steps(server: &Server) -> Vec<(String, String)> {
    let policy = server.policy();
    let steps = policy["steps"].as_array().unwrap();
    let text = |step: &Value, member: &str| step[member].as_str().unwrap().to_owned();
    steps
        .iter()
        .map(|step| (text(step, "name"), text(step, "mode")))
        .collect()
}

fn written(server: &Server) -> String {
    fs::read_to_string(server.folder().join("policy.toml")).unwrap()
}

#[test]
fn a_build_goes_from_shadow_to_force_and_back_while_mail_flows() {
    let folder = builds();
    let server = start(folder.path());
    let mut http = with(&server, &token(&server, "pilot", "policy:write"));
    let ended = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        // Whoever asks for something wrong ends the flow, too.
        let _end = End(&ended);
        let flow = scope.spawn(|| flow(&server, &ended));
        tried_and_taken_back(&server, &mut http);
        ended.store(true, Ordering::Relaxed);
        flow.join().unwrap()
    });
    assert_eq!(kept(&server), sent, "each message that was taken is there");
    let audit = server.json(&["audit", "--who", "token pilot"]);
    let rows = audit["items"].as_array().unwrap();
    let row = |row: &Value| format!("{} {}: {}", row["action"], row["subject"], row["outcome"]);
    let mut rows: Vec<String> = rows.iter().map(row).collect();
    rows.reverse();
    assert_eq!(
        rows,
        [
            "\"plugin-try\" \"p\": \"done\"",
            "\"plugin-replay\" \"fixture-next\": \"done\"",
            &format!("\"plugin-promote\" \"fixture-next\": \"failed: {STALE}\""),
            "\"plugin-promote\" \"fixture-next\": \"done\"",
            "\"plugin-rollback\" \"\": \"done\"",
            &format!("\"plugin-try\" \"p\": \"failed: {TAKEN_BACK}\""),
            "\"plugin-restore\" \"\": \"done\"",
            "\"plugin-withdraw\" \"fixture-next\": \"done\"",
        ]
    );
    server.verify();
}

/// Ends the flow of mail when its test does, well or not.
pub(crate) struct End<'a>(pub(crate) &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn junk(server: &Server) -> usize {
    server.imap(ALICE).select("Junk").unwrap()
}

fn tried_and_taken_back(server: &Server, http: &mut Http) {
    let before = written(server);
    let listed = ask(http, "GET", "/plugins", None);
    let tag = listed.header("etag").unwrap().to_owned();
    assert_eq!(
        tag,
        format!("\"{}\"", listed.json()["policy-digest"].as_str().unwrap())
    );
    let builds = must(http, "GET", "/plugins/builds", None);
    let builds = builds["items"].as_array().unwrap();
    let build = |name: &str| builds.iter().find(|build| build["name"] == name).unwrap();
    assert_eq!(build("fixture")["steps"], json!(["p"]));
    assert_eq!(build("fixture-next")["steps"], json!([]));
    assert!(build("broken")["problem"].is_string());

    let wanted = json!({ "plugin": "fixture-next" });
    let page = if_match(http, &tag, "POST", "/plugins/p/trial", Some(&wanted));
    let amended = page.json();
    assert_eq!(
        (page.status, &amended["generation"]),
        (200, &json!(2)),
        "{page:?}"
    );
    let shadowed = page.header("etag").unwrap().to_owned();
    assert_eq!(
        &steps(server)[..2],
        [
            ("p".into(), "enforce".into()),
            ("fixture-next".into(), "shadow".into())
        ]
    );
    let (report, _) = until("the trial is compared", PATIENCE, || {
        let reports = must(http, "GET", "/plugins/comparison?step=fixture-next", None);
        let report = reports["items"][0].clone();
        (report["compared"].as_u64() >= Some(5)).then_some(report)
    });
    assert_eq!(report["replaces"], "p");
    let symbols = report["symbols"].as_array().unwrap();
    let names: Vec<&str> = symbols
        .iter()
        .filter_map(|symbol| symbol["name"].as_str())
        .collect();
    assert_eq!(names, ["FIXTURE", "FIXTURX"], "{report}");
    assert_eq!(junk(server), 0, "a shadow changes nothing");
    let replay = json!({ "step": "fixture-next", "messages": 3 });
    let seen = must(http, "POST", "/plugins/replay", Some(&replay));
    assert_eq!(
        (&seen["tried"], &seen["verdicts"], &seen["changed"]),
        (&json!(3), &json!(3), &json!(["p"])),
        "{seen:#}"
    );
    assert_eq!(seen["messages"][0]["before"]["verdict"], "deliver");
    assert_eq!(seen["messages"][0]["after"]["verdict"], "junk");

    let late = if_match(http, &tag, "POST", "/plugins/fixture-next/promote", None);
    assert_eq!(refused(&late), (412, STALE.to_owned()));
    let page = if_match(
        http,
        &shadowed,
        "POST",
        "/plugins/fixture-next/promote",
        None,
    );
    assert_eq!((page.status, &page.json()["generation"]), (200, &json!(3)));
    let text = written(server);
    assert!(
        text.starts_with("# Of this site.\n[[step]]\nplugin = \"fixture-next\" # ours\n"),
        "{text}"
    );
    assert!(text.contains("\nname = \"p\"\n\n[drift]\n"), "{text}");
    until("its verdict is in force", PATIENCE, || {
        (junk(server) > 0).then_some(())
    });

    let back = must(
        http,
        "POST",
        "/plugins/rollback",
        Some(&json!({ "reason": "all is junk" })),
    );
    assert_eq!(back["generation"], 4);
    // A message whose transaction began before ends under what served then.
    let mut counted = junk(server);
    until("nothing becomes junk any more", PATIENCE, || {
        let before = std::mem::replace(&mut counted, junk(server));
        let inbox = server.imap(ALICE).select("INBOX").unwrap();
        until("mail flows on", PATIENCE, || {
            (server.imap(ALICE).select("INBOX").unwrap() > inbox + 2).then_some(())
        });
        (before == counted && junk(server) == counted).then_some(())
    });
    // The file still is what was taken back: a change beside that would let it serve again.
    let page = ask(http, "POST", "/plugins/p/trial", Some(&wanted));
    assert_eq!(refused(&page), (422, TAKEN_BACK.to_owned()));
    must(http, "POST", "/plugins/restore", None);
    assert_eq!(server.policy_problems(), Vec::<String>::new());
    assert_eq!(server.generation(), 4);
    must(http, "DELETE", "/plugins/fixture-next", None);
    assert_eq!(written(server), before);
}

#[test]
fn what_cannot_be_changes_nothing_and_is_said() {
    let folder = builds();
    let server = start(folder.path());
    let before = written(&server);
    let mut http = with(&server, &token(&server, "pilot", "policy:write"));
    let place = server.folder().join("policy.toml").display().to_string();
    let folder = folder.path().display().to_string();
    let plugins = place::plugins().display().to_string();
    let mut said = |method: &str, path: &str, body: Value| {
        let body = (!body.is_null()).then_some(body);
        let page = ask(&mut http, method, path, body.as_ref());
        let (status, title) = refused(&page);
        (status, title.replace(&place, "policy.toml"))
    };
    let told = |status: u16, text: &str| (status, text.to_owned());
    let of = |plugin: &str| json!({ "plugin": plugin });
    let (status, title) = said("POST", "/plugins/p/trial", of("broken"));
    assert!(
        status == 422
            && title.starts_with(&format!(
                "policy.toml:10: plugin `broken`: {folder}/broken.wasm "
            )),
        "{title}"
    );
    assert_eq!(
        said("POST", "/plugins/p/trial", of("missing")),
        told(
            422,
            &format!(
                "policy.toml:10: plugin `missing` has no file missing.wasm in {plugins}, {folder}"
            )
        )
    );
    assert_eq!(
        said("POST", "/plugins/p/trial", of("../p")),
        told(
            422,
            "policy.toml:11: `plugin` is the name of a plugin (a-z, 0-9 and -), not a path"
        )
    );
    assert_eq!(
        said("POST", "/plugins/nobody/trial", of("fixture-next")),
        told(422, "policy.toml: the policy has no step `nobody`")
    );
    assert_eq!(
        said("POST", "/plugins/p/promote", Value::Null),
        told(
            422,
            "policy.toml: step `p` is not tried out: it enforces already"
        )
    );
    assert_eq!(
        said("DELETE", "/plugins/p", Value::Null),
        told(
            422,
            "policy.toml: step `p` is not tried out: only a trial is withdrawn"
        )
    );
    assert_eq!(
        said("PUT", "/plugins/p/mode", json!({ "mode": "shadow" })),
        told(
            422,
            "policy.toml: step `p` enforces and replaces no other: try a build beside it, or write its mode into policy.toml"
        )
    );
    let other = json!({ "plugin": "fixture-next", "build": "00" });
    assert_eq!(
        said("POST", "/plugins/p/trial", other),
        told(
            412,
            "the build `fixture-next` is not what it was when it was read: read it again, and make the change anew"
        )
    );
    assert_eq!(
        said("PUT", "/plugins/p/mode", json!({ "mode": "canary" })),
        told(
            422,
            "a canary needs the share of transactions that it decides, in percent"
        )
    );
    assert_eq!(
        said("PUT", "/plugins/p/mode", json!({ "mode": "off" })).0,
        400
    );
    assert_eq!(
        said("POST", "/plugins/replay", json!({ "step": "p" })),
        told(
            422,
            "policy.toml: step `p` is not tried out: it enforces already"
        )
    );
    let tagged = if_match(&mut http, "W/\"x\"", "POST", "/plugins/restore", None);
    assert_eq!(
        refused(&tagged),
        told(400, "If-Match is one strong entity tag, or *")
    );
    let elsewhere = if_match(
        &mut http,
        "\"x\"",
        "POST",
        "/plugins/rollback",
        Some(&json!({})),
    );
    assert_eq!(
        refused(&elsewhere),
        told(400, "This request takes no If-Match")
    );
    let mut reader = with(&server, &token(&server, "reader", "policy:read"));
    for (method, path, body) in [
        ("POST", "/plugins/p/trial", Some(of("fixture-next"))),
        ("PUT", "/plugins/p/mode", Some(json!({ "mode": "shadow" }))),
        (
            "POST",
            "/plugins/replay",
            Some(json!({ "step": "p", "plugin": "fixture-next" })),
        ),
        ("POST", "/plugins/restore", None),
        ("DELETE", "/plugins/p", None),
    ] {
        let page = ask(&mut reader, method, path, body.as_ref());
        assert_eq!(
            refused(&page),
            told(403, "The token has no scope policy:write"),
            "{method} {path}"
        );
    }
    assert_eq!((written(&server), server.generation()), (before, 1));
}

#[test]
fn commands_do_the_same() {
    let folder = builds();
    let server = start(folder.path());
    let before = written(&server);
    send(&server, 1);
    let listed = server.cli(&["plugin", "builds"]);
    assert!(listed.contains("fixture-next"), "{listed}");
    let next = folder.path().join("fixture-next.wasm");
    let replayed = |arguments: &[&str]| {
        let told = server.cli(&[&["plugin", "replay"], arguments].concat());
        assert!(
            told.starts_with(
                "1 messages were tried: 1 come to something else, 1 to another verdict\n"
            ),
            "{told}"
        );
        assert!(told.contains("deliver") && told.contains("junk"), "{told}");
    };
    replayed(&["p", next.to_str().unwrap()]);
    replayed(&["p", "--plugin", "fixture-next"]);
    let other = server.folder().join("other.toml");
    fs::write(&other, before.replace("\"fixture\"", "\"fixture-next\"")).unwrap();
    replayed(&["--policy", other.to_str().unwrap()]);
    let strange = server.run(&["plugin", "replay", "p", "/nowhere.wasm"], "");
    let errors = String::from_utf8_lossy(&strange.stderr).into_owned();
    assert_eq!(strange.status.code(), Some(65), "{errors}");
    assert!(
        errors.contains("/nowhere.wasm cannot be read: "),
        "{errors}"
    );

    let tried = server.cli(&[
        "plugin",
        "try",
        "p",
        "--plugin",
        "fixture-next",
        "--percent",
        "100",
    ]);
    assert_eq!(tried, "generation 2 serves\n");
    replayed(&["fixture-next"]);
    send(&server, 2);
    assert_eq!(junk(&server), 1, "a canary at 100 % decides all");
    assert_eq!(
        server.cli(&["plugin", "mode", "fixture-next", "shadow"]),
        "generation 3 serves\n"
    );
    send(&server, 3);
    assert_eq!(junk(&server), 1);
    assert_eq!(
        server.cli(&["plugin", "withdraw", "fixture-next"]),
        "generation 4 serves\n"
    );
    assert_eq!(written(&server), before);
    let mut http = with(&server, &token(&server, "looker", "*"));
    for candidate in ["file", "policy"] {
        // Paths and whole policies are for the machine; a body that spells them has no such members.
        let body = json!({ "step": "p", candidate: "x" });
        let page = http
            .request(
                "POST",
                &format!("{ROOT}/plugins/replay"),
                Some("application/json"),
                body.to_string().as_bytes(),
            )
            .unwrap();
        assert_eq!(refused(&page).0, 400);
    }
}
