//! Plugins that are not in Rust: the JavaScript and the Python example judge real mail as steps of a running server.

use std::time::Duration;

use serde_json::{Value, json};
use waxwing_tests::live::replace;
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup, corpus, place};

/// Messages of the corpus that are judged.
const SAMPLE: usize = 60;
/// Python is 18 MB, which take 20 seconds of a processor to compile; other tests want it meanwhile.
const COMPILING: Duration = PATIENCE.saturating_mul(5);

const STEPS: &str = "[[step]]\nplugin = \"links\"\ngrants = [\"message\", \"actions\"]\n\
     [[step]]\nplugin = \"tone\"\ngrants = [\"message\", \"actions\"]\nlimits = { memory-mib = 64 }\nscores = { TONE_HURRIES = 2.0 }\n";

const BAIT: &[u8] = b"From: Your Bank <service@bank.example>\r\n\
    Reply-To: clerk@elsewhere.example\r\n\
    Subject: UNUSUAL ACTIVITY\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    \r\n\
    <p>Act now and confirm your p\xd0\xb0ssword: <a href=\"http://192.0.2.9/x\">https://www.bank.example/</a></p>\r\n";

/// A server whose policy has both plugins.
fn server() -> Server {
    let server = Setup::new()
        .policy(Policy::Accepting)
        .plugins(place::language_plugins())
        .start();
    let both = format!("{STEPS}{ACCEPTING}");
    server.change_within(COMPILING, || {
        replace(&server.folder().join("policy.toml"), both);
    });
    server
}

/// Sends a message that must be taken; its two entries in the ledger, by plugin.
fn judged(server: &Server, message: &[u8]) -> [Value; 2] {
    let reply = server
        .smtp()
        .send("sender@example.net", &["alice@waxwing.test"], message)
        .and_then(|reply| reply.class(2))
        .unwrap();
    let id = reply.text.rsplit(' ').next().unwrap();
    let request = json!({ "command": "trace", "id": id });
    let (rows, _) = until("the ledger knows the message", PATIENCE, || {
        server.admin().ask(&request).ok()
    });
    let steps = rows[0]["record"]["policy"]["steps"]
        .as_array()
        .expect("a ledger has steps");
    ["links", "tone"].map(|plugin| {
        let entry = steps.iter().find(|step| step["plugin"] == plugin);
        entry
            .unwrap_or_else(|| panic!("{plugin} did not judge {id}: {rows}"))
            .clone()
    })
}

/// The findings of an entry as `NAME score: evidence`.
fn findings(entry: &Value) -> Vec<String> {
    let findings = entry["findings"].as_array().cloned().unwrap_or_default();
    let told = |finding: &Value| {
        let options = finding["options"].as_array().cloned().unwrap_or_default();
        let options: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        format!(
            "{} {}: {}",
            finding["name"].as_str().unwrap(),
            finding["score"],
            options.join(", ")
        )
    };
    findings.iter().map(told).collect()
}

#[test]
fn javascript_and_python_judge_real_mail() {
    let server = server();
    finds_what_is_there(&server);
    judges_the_corpus(&server);
    checks_settings(&server);
}

fn finds_what_is_there(server: &Server) {
    let [links, tone] = judged(server, BAIT);
    assert_eq!(
        findings(&links),
        [
            "REPLY_ELSEWHERE 0.5: elsewhere.example",
            "LINK_DISGUISED 3.0: https://www.bank.example/ leads to 192.0.2.9",
            "LINK_TO_ADDRESS 2.0: 192.0.2.9",
            "LINK_URGED 1.5: confirm your, unusual activity"
        ],
        "{links}"
    );
    assert_eq!(
        findings(&tone),
        [
            "TONE_SHOUTS 1.0: UNUSUAL ACTIVITY",
            "TONE_HURRIES 1.4: act now",
            "TONE_MIXED_SCRIPTS 2.5: p\u{430}ssword",
            "DATE_ODD 1.0: none"
        ],
        "{tone}"
    );
}

fn judges_the_corpus(server: &Server) {
    let Some(files) = corpus::files() else { return };
    let files = corpus::sample(&files, SAMPLE);
    let mut found = [0, 0];
    for file in &files {
        let message = corpus::canonical(&std::fs::read(file).unwrap());
        for (entry, found) in judged(server, &message).iter().zip(&mut found) {
            assert_eq!(entry["fault"], Value::Null, "{}: {entry}", file.display());
            assert_eq!(entry["verdict"], "pass", "{}: {entry}", file.display());
            *found += findings(entry).len();
        }
    }
    let [javascript, python] = found;
    eprintln!(
        "{} messages of the corpus: {javascript} findings in JavaScript, {python} in Python",
        files.len()
    );
    assert!(
        javascript > 0 && python > 0,
        "real mail has something to be found"
    );
}

/// What is wrong with settings keeps a policy from serving, in the plugins' own words.
fn checks_settings(server: &Server) {
    let step = |plugin: &str, settings: &str| {
        format!(
            "[[step]]\nplugin = \"{plugin}\"\ngrants = [\"message\", \"actions\"]\n\
             limits = {{ memory-mib = 64 }}\nsettings = {settings}\n"
        )
    };
    let wrong = step("links", "{ shortners = [] }") + &step("tone", "{ amounts = \"many\" }");
    let problems =
        server.refused_change(|| replace(&server.folder().join("policy.toml"), wrong + ACCEPTING));
    for said in [
        "shortners: unknown; there are shorteners, urgent, most-hosts",
        "amounts: a number above 0 is expected",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(said)),
            "{said} is not among {problems:#?}"
        );
    }
}
