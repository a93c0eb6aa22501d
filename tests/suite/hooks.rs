//! Hooks beyond the life of one message, in the running server: DATA, what happens in mailboxes, the clock, and changes of the envelope.

use waxwing_tests::client::Smtp;
use waxwing_tests::live::replace;
use waxwing_tests::setup::{ACCEPTING, PASSWORD};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

const MESSAGE: &[u8] = b"From: sender@example.net\r\nSubject: hello\r\n\r\ntext\r\n";

/// A step of the fixture, by another name if there is one already.
fn step(name: &str, settings: &str, more: &str) -> String {
    format!(
        "[[step]]\nplugin = \"fixture\"\nname = \"{name}\"\n\
         grants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]\nsettings = {settings}\n{more}\n"
    )
}

fn serve(server: &Server, steps: &str) {
    let text = format!("{steps}{ACCEPTING}");
    server.change(|| replace(&server.folder().join("policy.toml"), text));
}

#[test]
fn a_plugin_exports_the_hooks_that_it_implements_and_no_others() {
    let server = Setup::new().policy(Policy::Accepting).start();
    assert_eq!(
        server.policy()["steps"][0]["hooks"],
        serde_json::json!(["authenticate", "rcpt-to", "route-inbound"])
    );
}

#[test]
fn data_is_refused_before_any_content() {
    let server = Setup::new().policy(Policy::Accepting).start();
    serve(
        &server,
        &step("no", "{ hooks = { data = \"reject\" } }", ""),
    );
    let mut smtp = server.smtp();
    for command in [
        "MAIL FROM:<sender@example.net>",
        "RCPT TO:<alice@waxwing.test>",
    ] {
        smtp.command(command).unwrap().class(2).unwrap();
    }
    let reply = smtp.command("DATA").unwrap();
    assert_eq!(reply.code, 550, "{}", reply.text);
    // The transaction stays open, and the session goes on.
    smtp.command("RSET").unwrap().class(2).unwrap();
}

#[test]
fn every_hook_of_a_transaction_is_traced() {
    let server = Setup::new().start();
    let policy = server.folder().join("policy.toml");
    // Of clients that nobody trusts, and of accounts with a limit, every step has something to say.
    let shipped = std::fs::read_to_string(&policy)
        .unwrap()
        .replace("trust = [\"127.0.0.0/8\", \"::1\"]", "trust = []")
        .replace("# account = {", "account = {");
    let looks = step(
        "looks",
        "{ hooks = { data = \"tag\" } }",
        "hooks = [\"data\"]",
    );
    let trial = step(
        "trial",
        "{ hooks = { submit = \"tag\" } }",
        "hooks = [\"submit\"]\nmode = \"shadow\"",
    );
    server.change(|| replace(&policy, format!("{looks}{trial}{shipped}")));
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    let login = smtp.login("alice@waxwing.test", PASSWORD);
    login.unwrap().class(2).unwrap();
    let sent = smtp.send(
        "alice@waxwing.test",
        &["carol@remote.example", "bob@waxwing.test"],
        b"From: alice@waxwing.test\r\n\r\nhello\r\n",
    );
    let reply = sent.unwrap().class(2).unwrap();
    let id = reply.text.split_whitespace().last().unwrap();
    let rows = server.json(&["trace", id]);
    let steps = rows[0]["record"]["policy"]["steps"].as_array().unwrap();
    for hook in [
        "connect",
        "ehlo",
        "login",
        "authenticate",
        "mail-from",
        "rcpt-to",
        "route-inbound",
        "data",
        "message",
        "verdict",
        "quota",
        "deliver",
        "submit",
        "route-outbound",
    ] {
        let asked = steps.iter().any(|step| step["hook"] == hook);
        assert!(asked, "{hook}: {rows:#}");
    }
    // And what is tried out, beside it.
    until("what was tried out is traced", PATIENCE, || {
        let printed = server.cli(&["trace", id]);
        let (_, tried) = printed.split_once("tried out, and nothing of it counted:")?;
        (tried.contains("trial=fixture") && tried.contains("  submit")).then_some(())
    });
}

#[test]
fn who_sends_under_the_name_of_another_is_refused() {
    let server = Setup::new().start();
    server
        .admin()
        .add_alias("info@waxwing.test", &["alice@waxwing.test"]);
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    let login = smtp.login("alice@waxwing.test", PASSWORD);
    login.unwrap().class(2).unwrap();
    let refused = smtp.command("MAIL FROM:<bob@waxwing.test>").unwrap();
    assert_eq!(
        (refused.code, refused.text.as_str()),
        (
            550,
            "5.7.1 bob@waxwing.test is not an address of alice@waxwing.test"
        )
    );
    for (from, told) in [
        ("Alice <alice@waxwing.test>", None),
        ("info@waxwing.test", None),
        (
            "Bob <bob@waxwing.test>",
            Some("5.7.1 From: bob@waxwing.test is not an address of alice@waxwing.test"),
        ),
        (
            "alice@waxwing.test\r\nFrom: bob@waxwing.test",
            Some("5.7.1 The message has 2 fields From"),
        ),
    ] {
        let message = format!("From: {from}\r\nSubject: x\r\n\r\nhello\r\n");
        let sent = smtp.send(
            "alice@waxwing.test",
            &["bob@waxwing.test"],
            message.as_bytes(),
        );
        let reply = sent.unwrap();
        match told {
            None => assert_eq!(reply.code, 250, "{}", reply.text),
            Some(told) => assert_eq!((reply.code, reply.text.as_str()), (550, told)),
        }
    }
    // A stranger's author is not for this step to judge.
    let sent = server
        .smtp()
        .send("ann@example.org", &["alice@waxwing.test"], MESSAGE);
    sent.unwrap().class(2).unwrap();
}

#[test]
fn an_author_behind_what_the_server_looks_at_is_not_sent_under() {
    let server = Setup::new().start();
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    let login = smtp.login("alice@waxwing.test", PASSWORD);
    login.unwrap().class(2).unwrap();
    let details: String = (0..100)
        .map(|n| format!("alice+{n}@waxwing.test,\r\n "))
        .collect();
    let comment = format!("({})", "\r\n some words that nobody reads".repeat(1100));
    let to: String = (0..3000)
        .map(|n| format!("somebody-whose-name-is-long-{n}@example.net,\r\n "))
        .collect();
    for (header, told) in [
        (
            format!("{}From: bob@waxwing.test", "A: b\r\n".repeat(1000)),
            "5.7.1 The header is too large to tell whose the message is",
        ),
        (
            format!("From: {details}bob@waxwing.test"),
            "5.7.1 From names 100 authors or more",
        ),
        (
            format!("From: alice@waxwing.test {comment},\r\n bob@waxwing.test"),
            "5.7.1 The field From is too long",
        ),
        (
            format!("To: {to}z@example.net\r\nFrom: alice@waxwing.test, bob@waxwing.test"),
            "5.7.1 The header is too large to tell whose the message is",
        ),
    ] {
        let message = format!("{header}\r\nSubject: x\r\n\r\nhello\r\n");
        let sent = smtp.send(
            "alice@waxwing.test",
            &["bob@waxwing.test"],
            message.as_bytes(),
        );
        let reply = sent.unwrap();
        assert_eq!((reply.code, reply.text.as_str()), (550, told));
    }
}

#[test]
fn what_happens_in_mailboxes_is_told() {
    let server = Setup::new().policy(Policy::Accepting).start();
    serve(
        &server,
        &step("hears", "{ hooks = { mailbox = \"tag\" } }", ""),
    );
    server
        .smtp()
        .send("sender@example.net", &["alice@waxwing.test"], MESSAGE)
        .unwrap()
        .class(2)
        .unwrap();
    let mut imap = server.imap("alice@waxwing.test");
    imap.append("INBOX", "\\Seen", MESSAGE)
        .unwrap()
        .ok()
        .unwrap();
    imap.command("CREATE Kept").unwrap().ok().unwrap();
    imap.select("INBOX").unwrap();
    imap.command("UID STORE 1 +FLAGS (\\Flagged)")
        .unwrap()
        .ok()
        .unwrap();
    imap.command("UID COPY 1 Kept").unwrap().ok().unwrap();
    imap.command("UID MOVE 2 Kept").unwrap().ok().unwrap();
    imap.command("UID STORE 1 +FLAGS (\\Deleted)")
        .unwrap()
        .ok()
        .unwrap();
    imap.command("EXPUNGE").unwrap().ok().unwrap();
    imap.command("LOGOUT").unwrap().ok().unwrap();
    for line in [
        "smtp alice@waxwing.test deliver INBOX 1-1",
        "imap alice@waxwing.test login",
        "imap alice@waxwing.test append INBOX 2-2 \\\\Seen",
        "imap alice@waxwing.test flag INBOX 1-1 add \\\\Flagged",
        "imap alice@waxwing.test copy INBOX Kept 1-1",
        "imap alice@waxwing.test move INBOX Kept 2-2",
        "imap alice@waxwing.test expunge INBOX 1-1",
        "imap alice@waxwing.test logout",
    ] {
        // The log may escape what it quotes.
        let plain = line.replace("\\\\", "\\");
        until(line, PATIENCE, || {
            let log = server.log();
            (log.contains(line) || log.contains(&plain)).then_some(())
        });
    }
}

#[test]
fn a_step_ticks_in_the_running_server() {
    let server = Setup::new().policy(Policy::Accepting).start();
    serve(
        &server,
        &step("clock", "{ hooks = { tick = \"tag\" } }", "tick = \"1s\""),
    );
    until("the second tick", PATIENCE, || {
        server.log().contains("tick 2").then_some(())
    });
}

#[test]
fn who_is_added_gets_the_message_and_who_is_taken_out_does_not() {
    let server = Setup::new().policy(Policy::Accepting).start();
    let changes = "{ marker = \"good-bye\", add-recipient = \"bob@waxwing.test\", hooks = { message = \"readdress\" } }";
    let tells = "{ hooks = { message = \"echo\" } }";
    serve(
        &server,
        &format!(
            "{}{}",
            step("changes", changes, ""),
            step("tells", tells, "")
        ),
    );
    server
        .smtp()
        .send("sender@example.net", &["alice@waxwing.test"], MESSAGE)
        .unwrap()
        .class(2)
        .unwrap();
    assert_eq!(
        server.imap("alice@waxwing.test").select("INBOX").unwrap(),
        0
    );
    let mut pop3 = server.pop3("bob@waxwing.test");
    let message = String::from_utf8(pop3.retrieve(1).unwrap()).unwrap();
    assert!(
        message.starts_with("Return-Path: <fixture@fixture.example>\r\n"),
        "{message}"
    );
    assert!(message.contains("\r\nSubject: good-bye\r\n"), "{message}");
    // What the second step saw.
    let seen = message.replace("\r\n ", " ");
    assert!(
        seen.contains("X-Fixture-Saw: fixture@fixture.example -> 1 bob@waxwing.test: good-bye\r\n"),
        "{message}"
    );
}
