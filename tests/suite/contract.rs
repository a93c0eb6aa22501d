//! The contract, whole: every host call of `plugin-sdk/wit` is made by a plugin of the tests, and answers in a running server.

use std::collections::BTreeSet;
use std::fs;

use waxwing_tests::live::replace;
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Setup, place};

/// Interfaces that plugins export, and types.
fn is_exported(interface: &str) -> bool {
    interface.starts_with("hook-")
        || ["lifecycle", "settings-check", "self-test", "types"].contains(&interface)
}

/// The functions of the contract as `waxwing plugin inspect` calls them: `kv.get`, `message.part.text`, `message.pattern-set`.
fn contract() -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    for entry in fs::read_dir(place::repository().join("plugin-sdk/wit")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let (mut interface, mut resource) = (String::new(), String::new());
        for line in text
            .lines()
            .map(|line| line.split("//").next().unwrap_or("").trim())
        {
            let word = |keyword: &str| {
                let rest = line.strip_prefix(keyword)?;
                Some(rest.trim_end_matches('{').trim().to_owned())
            };
            if let Some(name) = word("interface ") {
                (interface, resource) = (name, String::new());
            } else if let Some(name) = word("resource ") {
                resource = format!(".{name}");
            } else if line == "}" {
                resource.clear();
            } else if !is_exported(&interface) && line.starts_with("constructor(") {
                calls.insert(format!("{interface}{resource}"));
            } else if let Some((name, _)) = line.split_once(": func(")
                && !is_exported(&interface)
            {
                let name = name.trim_start_matches('%');
                calls.insert(format!("{interface}{resource}.{name}"));
            }
        }
    }
    calls
}

#[test]
fn every_host_call_is_made_by_a_plugin_of_the_tests() {
    let server = Setup::new().policy(Policy::Accepting).start();
    let mut made = BTreeSet::new();
    for entry in fs::read_dir(place::plugins()).unwrap() {
        let path = entry.unwrap().path().display().to_string();
        let inspection = server.json(&["plugin", "inspect", &path]);
        let calls = inspection["calls"].as_array().unwrap().iter();
        made.extend(calls.map(|call| call.as_str().unwrap().to_owned()));
    }
    let contract = contract();
    assert!(contract.len() > 150, "the contract is read: {contract:?}");
    let never: Vec<_> = contract.difference(&made).collect();
    assert!(never.is_empty(), "no plugin calls {never:?}");
    let unknown: Vec<_> = made.difference(&contract).collect();
    assert!(unknown.is_empty(), "not of the contract: {unknown:?}");
}

#[test]
fn every_host_call_answers_in_the_hooks_that_have_its_handles() {
    let server = Setup::new().policy(Policy::Accepting).start();
    let step = "[[step]]\nplugin = \"fixture\"\ngrants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]\n\
        settings = { hooks = { connect = \"everything\", authenticate = \"everything\", message = \"everything\", mailbox = \"everything\" } }\n";
    server.change(|| {
        replace(
            &server.folder().join("policy.toml"),
            format!("{step}{ACCEPTING}"),
        );
    });
    let message = b"From: Ann <ann@example.org>\r\nSubject: words\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsee https://shop.example/\r\n";
    let sent = server
        .smtp()
        .send("ann@example.org", &["alice@waxwing.test"], message);
    let reply = sent.unwrap().class(2).unwrap();
    let id = reply.text.split_whitespace().last().unwrap().to_owned();
    let traced = server.cli(&["trace", &id]);
    for part in [
        "again=true there=true many=1 keys=1 one=",
        "local=false random=16 time=true left=true mode=enforce hook=message",
        "session=true protocol=smtp listener=smtp client=127.0.0.1 ports=true helo=",
        "queue-id=true sender=ann@example.org",
        "recipients=1 first=alice@waxwing.test listed=1 verdict=- noted=false tag=-",
        "subjects=1 first=words has=true raw-field=",
        "subject=words authors=1 message-id=-",
        "part=0 parent=- depth=0 type=text/plain charset=utf-8 disposition=- file=- encoding=",
        "digest=32",
    ] {
        assert!(traced.contains(part), "{part}: {traced}");
    }
    // A login is asked about, and what happens in the mailbox is told.
    server.imap("alice@waxwing.test").select("INBOX").unwrap();
    until("events are told", PATIENCE, || {
        server
            .log()
            .contains("event time=true session=")
            .then_some(())
    });
    let steps = server.policy()["steps"].clone();
    assert_eq!(steps[0]["faults"], 0, "{steps}");
}
