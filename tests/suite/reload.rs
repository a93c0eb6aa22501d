//! Policy that changes while mail flows, seen from both sides of the swap.
//!
//! `WAXWING_SWAPS` sets how many swaps are made under load, 200 if it is absent.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use waxwing_tests::live::replace;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup, place};

const SESSIONS: usize = 20;

/// A rule file whose only rule fits every message of these tests.
fn rules(symbol: &str) -> String {
    format!(
        "[[rule]]\nname = \"{symbol}\"\ndescription = \"every message of this test\"\nscore = 0.5\nheader = \"Subject\"\nmatches = \"swap\"\n"
    )
}

/// A release keeps the promise; a debug build, on a machine that runs other tests, is given more time.
fn promised(release: Duration) -> Duration {
    if cfg!(debug_assertions) {
        release * 8
    } else {
        release
    }
}

#[test]
fn swaps_under_load() {
    let swaps: usize = std::env::var("WAXWING_SWAPS")
        .ok()
        .and_then(|swaps| swaps.parse().ok())
        .unwrap_or(200);
    let server = Setup::new().start();
    let file = server.folder().join("rules/local.toml");
    let (stop, sent) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SESSIONS)
            .map(|session| {
                let (server, stop, sent) = (&server, &stop, &sent);
                scope.spawn(move || send_until(server, session, stop, sent))
            })
            .collect();
        for swap in 0..swaps {
            server.change(|| replace(&file, rules(&format!("SWAP_{swap}"))));
        }
        stop.store(true, Ordering::Relaxed);
        // A session that was dropped, or a transaction that failed, is a panic of its thread.
        for sender in senders {
            sender.join().unwrap();
        }
    });
    let took = begun.elapsed();
    let sent = sent.into_inner().unwrap();
    let judged = judged_by(&server, &sent);
    eprintln!(
        "{swaps} swaps under {SESSIONS} sessions in {took:.1?}: {} messages, judged by {judged} generations",
        sent.len()
    );
    assert!(
        judged > swaps / 10,
        "the load went on while policy was swapped"
    );
    until("old generations are let go", PATIENCE, || {
        let alive = server.policy()["generations-alive"].as_u64()?;
        (alive <= 2).then_some(())
    });
}

/// Sends messages in one session until it is told to stop.
fn send_until(server: &Server, session: usize, stop: &AtomicBool, sent: &Mutex<Vec<String>>) {
    let mut smtp = server.smtp();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = format!("<{session}-{number}@swap.example>");
        let message = format!("Subject: swap {number}\r\nMessage-ID: {id}\r\n\r\ntext\r\n");
        let to = ["alice@waxwing.test", "bob@waxwing.test"];
        let reply = smtp
            .send("sender@example.net", &to, message.as_bytes())
            .and_then(|reply| reply.class(2));
        reply.unwrap_or_else(|error| panic!("session {session}, message {number}: {error}"));
        sent.lock().unwrap().push(id);
        number += 1;
    }
    smtp.command("QUIT").unwrap().class(2).unwrap();
}

/// How many generations judged these messages; each message was judged by one, and all arrived.
fn judged_by(server: &Server, sent: &[String]) -> usize {
    let mut generations = std::collections::BTreeSet::new();
    for id in sent.iter().step_by((sent.len() / 500).max(1)) {
        let rows = trace(server, id);
        let row = &rows[0];
        let generation = row["generation"]
            .as_u64()
            .expect("a ledger names its generation");
        for step in row["record"]["policy"]["steps"]
            .as_array()
            .expect("a ledger has steps")
        {
            // What judged the connection, before the transaction began, may be older.
            let of_connection = ["connect", "ehlo", "authenticate", "login"]
                .contains(&step["hook"].as_str().unwrap_or_default());
            assert!(
                of_connection || step["generation"] == generation,
                "{id} was judged by two generations: {row}"
            );
        }
        generations.insert(generation);
    }
    let mut imap = server.imap("alice@waxwing.test");
    let arrived = imap.select("INBOX").unwrap() + imap.select("Junk").unwrap();
    assert_eq!(arrived, sent.len(), "what was acknowledged arrived");
    generations.len()
}

/// The ledger rows of a message; they are written right after its acknowledgement.
fn trace(server: &Server, id: &str) -> Value {
    let request = json!({ "command": "trace", "id": id });
    until("the ledger knows the message", PATIENCE, || {
        server.admin().ask(&request).ok()
    })
    .0
}

#[test]
fn what_is_broken_leaves_the_old_serving() {
    let server = Setup::new().own_plugins().start();
    let plugin = server.folder().join("plugins/rules.wasm");
    let policy = server.folder().join("policy.toml");
    let rules_file = server.folder().join("rules/local.toml");
    let (good_plugin, good_policy) = (
        fs::read(&plugin).unwrap(),
        fs::read_to_string(&policy).unwrap(),
    );
    let still_serves = |what: &str| {
        let sent = server.smtp().send(
            "sender@example.net",
            &["alice@waxwing.test"],
            b"Subject: still\r\n\r\nserved\r\n",
        );
        sent.and_then(|reply| reply.class(2))
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    };
    let refused = |what: &str, make: &dyn Fn(), mentions: &str, restore: &dyn Fn()| {
        let problems = server.refused_change(make);
        assert!(
            problems.iter().any(|problem| problem.contains(mentions)),
            "{what}: no reason names {mentions}: {problems:#?}"
        );
        let listed = server.cli(&["plugin", "list"]);
        assert!(
            listed.contains(mentions),
            "{what}: `waxwing plugin list` does not tell: {listed}"
        );
        still_serves(what);
        restore();
        until("the restored policy has no problem", PATIENCE, || {
            server.policy_problems().is_empty().then_some(())
        });
        still_serves("restored");
    };
    let restore_plugin = || replace(&plugin, &good_plugin);
    let restore_policy = || replace(&policy, &good_policy);
    refused(
        "a file that is no component",
        &|| replace(&plugin, b"not a component"),
        "rules",
        &restore_plugin,
    );
    refused(
        "half a file",
        &|| fs::write(&plugin, &good_plugin[..good_plugin.len() / 2]).unwrap(),
        "rules",
        &restore_plugin,
    );
    refused(
        "no file",
        &|| fs::remove_file(&plugin).unwrap(),
        "rules",
        &restore_plugin,
    );
    refused(
        "a policy that is no TOML",
        &|| replace(&policy, good_policy.clone() + "\n[[step]\n"),
        "policy.toml",
        &restore_policy,
    );
    let ungranted = good_policy.replace("\"credentials\", ", "");
    assert_ne!(ungranted, good_policy, "the login step has a grant to lose");
    refused(
        "a grant that is missing",
        &|| replace(&policy, &ungranted),
        "credentials",
        &restore_policy,
    );
    let unknown = good_policy.clone() + "\n[[step]]\nplugin = \"nobody-wrote-this\"\n";
    refused(
        "a plugin that is not there",
        &|| replace(&policy, &unknown),
        "nobody-wrote-this",
        &restore_policy,
    );
    let fixture = |settings: &str, grants: &str| {
        format!(
            "{good_policy}\n[[step]]\nplugin = \"fixture\"\ngrants = [{grants}]\nsettings = {settings}\n"
        )
    };
    let all_grants = "\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"";
    let failing = fixture("{ self-test = \"reject\" }", all_grants);
    refused(
        "a self-test that fails",
        &|| replace(&policy, &failing),
        "fixture",
        &restore_policy,
    );
    let looping = fixture("{ self-test = \"loop\" }", all_grants);
    refused(
        "a self-test without end",
        &|| replace(&policy, &looping),
        "fixture",
        &restore_policy,
    );
    let starting = fixture("{ init = \"trap\" }", all_grants);
    refused(
        "a plugin that traps at its start",
        &|| replace(&policy, &starting),
        "fixture",
        &restore_policy,
    );
    let mistaken = fixture("{ hooks = { nowhere = \"pass\" } }", all_grants);
    refused(
        "settings that the plugin refuses",
        &|| replace(&policy, &mistaken),
        "nowhere",
        &restore_policy,
    );
    let poor = fixture("{}", "\"message\", \"actions\"");
    refused(
        "a plugin that wants what it is not granted",
        &|| replace(&policy, &poor),
        "kv",
        &restore_policy,
    );
    refused(
        "a rule that is no regular expression",
        &|| {
            replace(
                &rules_file,
                "[[rule]]\nname = \"X\"\nscore = 1\nheader = \"Subject\"\nmatches = \"(\"\n",
            );
        },
        "local.toml",
        &|| {
            fs::remove_file(&rules_file).unwrap();
        },
    );
}

#[test]
fn a_saved_rule_judges_the_next_message() {
    let server = Setup::new().start();
    let file = server.folder().join("rules/local.toml");
    let mut slowest = Duration::ZERO;
    for round in 0..5 {
        let symbol = format!("SAVED_{round}");
        slowest = slowest.max(first_judged(&server, &symbol, &|| {
            replace(&file, rules(&symbol));
        }));
    }
    eprintln!("a saved rule judges after {slowest:.0?} at the latest");
    assert!(
        slowest < promised(Duration::from_millis(250)),
        "{slowest:?}"
    );
}

#[test]
fn a_recompiled_plugin_judges_the_next_message() {
    let server = Setup::new().own_plugins().start();
    let plugin = server.folder().join("plugins/rules.wasm");
    let good = fs::read(&plugin).unwrap();
    replace(
        &server.folder().join("rules/local.toml"),
        rules("RECOMPILED"),
    );
    let took = server.change(|| replace(&plugin, with_section(&good, "a new build")));
    eprintln!("a recompiled plugin serves after {took:.0?}");
    assert!(took < promised(Duration::from_secs(1)), "{took:?}");
    let digest = |policy: &Value| {
        policy["steps"]
            .as_array()
            .unwrap()
            .iter()
            .find(|step| step["plugin"] == "rules")
            .unwrap()["digest"]
            .clone()
    };
    let before = digest(&server.policy());
    server.change(|| replace(&plugin, &good));
    assert_ne!(digest(&server.policy()), before);
}

/// A component with one more custom section: the same program, another file (WebAssembly §5.5.3).
fn with_section(component: &[u8], text: &str) -> Vec<u8> {
    let name = b"note";
    let length = u8::try_from(1 + name.len() + text.len()).unwrap();
    assert!(length < 128, "one octet of LEB128");
    [
        component,
        &[0, length, u8::try_from(name.len()).unwrap()],
        name,
        text.as_bytes(),
    ]
    .concat()
}

/// Makes a change, sends messages all the while, and tells how long after the change the first one was sent that the symbol judged.
fn first_judged(server: &Server, symbol: &str, make: &dyn Fn()) -> Duration {
    let mut smtp = server.smtp();
    let changed = Instant::now();
    make();
    for number in 0.. {
        let begun = changed.elapsed();
        let id = format!("<{number}-{symbol}@swap.example>");
        let message = format!("Subject: swap\r\nMessage-ID: {id}\r\n\r\ntext\r\n");
        smtp.send(
            "sender@example.net",
            &["alice@waxwing.test"],
            message.as_bytes(),
        )
        .unwrap()
        .class(2)
        .unwrap();
        if judged(&trace(server, &id)[0], symbol) {
            return begun;
        }
        assert!(begun < PATIENCE, "no message was judged by {symbol}");
    }
    unreachable!("the loop ends by returning")
}

/// Whether a step found this.
fn judged(row: &Value, symbol: &str) -> bool {
    let steps = row["record"]["policy"]["steps"]
        .as_array()
        .expect("a ledger has steps");
    let mut findings = steps
        .iter()
        .filter_map(|step| step["findings"].as_array())
        .flatten();
    findings.any(|finding| finding["name"] == symbol)
}

#[test]
fn an_empty_policy_defers_everything_and_says_why() {
    let server = Setup::new()
        .policy(waxwing_tests::Policy::Text(String::new()))
        .start();
    let mut smtp = server.smtp();
    smtp.command("MAIL FROM:<sender@example.net>")
        .unwrap()
        .class(2)
        .unwrap();
    let reply = smtp.command("RCPT TO:<alice@waxwing.test>").unwrap();
    assert_eq!(reply.code, 451, "{}", reply.text);
    assert!(
        reply.text.starts_with("4.3.5 ") && reply.text.contains("No policy step decided"),
        "{}",
        reply.text
    );
    let mut imap = waxwing_tests::client::Imap::open(server.address("imap")).unwrap();
    let reply = imap
        .command("LOGIN alice@waxwing.test waxwing-demo")
        .unwrap();
    assert!(
        reply.tagged.starts_with("NO [UNAVAILABLE] "),
        "{}",
        reply.tagged
    );
    // A policy put there while it runs ends that.
    let config = place::repository().join("config");
    let shipped = fs::read_to_string(config.join("policy.toml")).unwrap();
    server.change(|| replace(&server.folder().join("policy.toml"), shipped));
    server
        .smtp()
        .send(
            "sender@example.net",
            &["alice@waxwing.test"],
            b"Subject: x\r\n\r\nx\r\n",
        )
        .unwrap()
        .class(2)
        .unwrap();
}
