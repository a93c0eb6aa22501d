//! Rule files over HTTP: which there are, what is wrong, what would change, and that nothing else is read or written.

use std::fs;

use serde_json::{Value, json};
use waxwing_tests::client::Http;
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::{Policy, Server, Setup};

use super::{ALICE, WEB, ask, must, refused, start, token, with};

const BASIC: &str = "/rules/rules%2Fbasic.toml";

fn editor(server: &Server) -> Http {
    with(server, &token(server, "editor", "policy:write"))
}

fn send(server: &Server, subject: &str) {
    let message = format!(
        "From: a@example.net\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{subject}@example.net>\r\nSubject: {subject}\r\n\r\ntext\r\n"
    );
    server
        .smtp()
        .send("a@example.net", &[ALICE], message.as_bytes())
        .unwrap()
        .class(2)
        .unwrap();
}

#[test]
fn what_would_change_is_shown_before_it_is_saved() {
    let server = start();
    let mut http = editor(&server);
    for subject in ["tulips", "roses", "more-tulips"] {
        send(&server, subject);
    }
    let mut imap = server.imap(ALICE);
    imap.select("INBOX").unwrap();
    drop(imap);
    let had = must(&mut http, "GET", BASIC, None);
    let (text, digest) = (had["text"].as_str().unwrap(), &had["digest"]);
    assert_eq!(had["steps"], json!(["rules"]));
    let draft = format!(
        "{text}\n[[rule]]\nname = \"TULIPS\"\nscore = 50\nheader = \"Subject\"\nmatches = 'tulips'\n"
    );
    let calls = |server: &Server| {
        let steps = server.json(&["plugin", "list"])["steps"].clone();
        let of = |name: &str| {
            steps
                .as_array()
                .unwrap()
                .iter()
                .find(|step| step["name"] == name)
                .unwrap()["calls"]
                .clone()
        };
        (of("rules"), of("verdict"))
    };
    let before = calls(&server);
    let seen = must(
        &mut http,
        "POST",
        &format!("{BASIC}/preview"),
        Some(&json!({ "text": draft, "messages": 10 })),
    );
    assert_eq!(seen["changed"], json!(["rules"]));
    assert_eq!(
        (&seen["tried"], &seen["differing"], &seen["verdicts"]),
        (&json!(3), &json!(2), &json!(2)),
        "{seen:#}"
    );
    let one = &seen["messages"][0];
    assert_eq!(one["sender"], "a@example.net");
    assert_eq!(one["recipients"], json!([ALICE]));
    assert_eq!(one["before"]["verdict"], "deliver");
    assert_eq!(one["after"]["findings"]["TULIPS"], 50.0);
    assert_ne!(one["after"]["verdict"], "deliver");
    let file = server.folder().join("draft.toml");
    fs::write(&file, &draft).unwrap();
    let told = server.cli(&[
        "rules",
        "preview",
        "rules/basic.toml",
        file.to_str().unwrap(),
    ]);
    assert!(
        told.starts_with("3 messages were tried: 2 come to something else, 2 to another verdict\n"),
        "{told}"
    );
    // Nothing of it was counted, and nothing serves yet.
    assert_eq!(calls(&server), before);
    send(&server, "yet-more-tulips");
    assert_eq!(server.imap(ALICE).select("INBOX").unwrap(), 4);

    let generation = server.generation();
    let saved = must(
        &mut http,
        "PUT",
        BASIC,
        Some(&json!({ "text": draft, "digest": digest })),
    );
    assert_eq!(saved["generation"], generation + 1);
    assert_eq!(
        fs::read_to_string(server.folder().join("rules/basic.toml")).unwrap(),
        draft
    );
    let history = must(&mut http, "GET", "/plugins/history", None);
    let last = history["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["who"], &last["why"]),
        (&json!("token editor"), &json!("save rules/basic.toml"))
    );
    // Whoever read it before does not overwrite it.
    let late = ask(
        &mut http,
        "PUT",
        BASIC,
        Some(&json!({ "text": text, "digest": digest })),
    );
    assert_eq!(refused(&late).0, 409);
    let unread = ask(&mut http, "PUT", BASIC, Some(&json!({ "text": text })));
    assert_eq!(refused(&unread).0, 409);
}

#[test]
fn what_does_not_load_is_not_saved() {
    let server = start();
    let mut http = editor(&server);
    let had = must(&mut http, "GET", BASIC, None);
    let (generation, text) = (server.generation(), had["text"].as_str().unwrap());
    for (broken, line, said) in [
        ("[[rule]]\nname = \n".to_owned(), 2, ""),
        (
            "[[rule]]\nname = \"X\"\nscore = 1\nheader = \"Subject\"\nmatches = '('\n".to_owned(),
            5,
            "plugin `rules`",
        ),
    ] {
        let checked = must(
            &mut http,
            "POST",
            &format!("{BASIC}/check"),
            Some(&json!({ "text": broken })),
        );
        let problem = &checked["problems"][0];
        assert!(
            problem["file"]
                .as_str()
                .unwrap()
                .ends_with("rules/basic.toml"),
            "{problem}"
        );
        assert_eq!(problem["line"], line, "{problem}");
        assert!(
            problem["text"].as_str().unwrap().contains(said),
            "{problem}"
        );
        let body = json!({ "text": broken, "digest": had["digest"] });
        let (status, title) = refused(&ask(&mut http, "PUT", BASIC, Some(&body)));
        assert!(
            status == 422 && title.contains(&format!("basic.toml:{line}")),
            "{title}"
        );
        let seen = ask(
            &mut http,
            "POST",
            &format!("{BASIC}/preview"),
            Some(&json!({ "text": broken })),
        );
        assert_eq!(refused(&seen).0, 422);
    }
    assert_eq!(
        fs::read_to_string(server.folder().join("rules/basic.toml")).unwrap(),
        text
    );
    assert_eq!(server.generation(), generation);
    let clean = must(
        &mut http,
        "POST",
        &format!("{BASIC}/check"),
        Some(&json!({ "text": text })),
    );
    assert_eq!(clean["problems"], json!([]));
}

#[test]
fn nothing_else_is_read_or_written() {
    let server = start();
    let mut http = editor(&server);
    let listed = must(&mut http, "GET", "/rules", None);
    let names: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["name"])
        .collect();
    assert_eq!(names, [&json!("rules/basic.toml")]);
    let outside = server.folder().join("outside.toml");
    fs::write(&outside, "kept = 1\n").unwrap();
    let absolute = outside.display().to_string().replace('/', "%2F");
    let text = json!({ "text": "" });
    for name in [
        "outside.toml",
        "policy.toml",
        "waxwing.toml",
        "rules%2F..%2Foutside.toml",
        "rules%2f%2e%2e%2foutside.toml",
        "..%2Foutside.toml",
        "rules%2F.hidden.toml",
        "rules%2Fsub%2Fx.toml",
        "rules%2F",
        "rules%2Fx.wasm",
        "rules%5C..%5Cx.toml",
        "rules%252F..%252Foutside.toml",
        &absolute,
    ] {
        let path = format!("/rules/{name}");
        assert_eq!(
            refused(&ask(&mut http, "GET", &path, None)).0,
            404,
            "{name}"
        );
        for (method, path) in [
            ("PUT", path.clone()),
            ("POST", format!("{path}/check")),
            ("POST", format!("{path}/preview")),
        ] {
            assert_eq!(
                refused(&ask(&mut http, method, &path, Some(&text))).0,
                404,
                "{name}"
            );
        }
    }
    assert_eq!(fs::read_to_string(outside).unwrap(), "kept = 1\n");
    let entries = fs::read_dir(server.folder().join("rules")).unwrap().count();
    assert_eq!(entries, 1);
}

#[test]
fn a_policy_without_rule_files_says_so() {
    let server = Setup::new()
        .policy(Policy::Text(ACCEPTING.to_owned()))
        .settings(WEB)
        .start();
    let mut http = editor(&server);
    assert_eq!(must(&mut http, "GET", "/rules", None)["items"], json!([]));
    assert_eq!(refused(&ask(&mut http, "GET", BASIC, None)).0, 404);
}
