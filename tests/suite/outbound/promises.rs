//! What extensions promise of a message that goes on: reports (RFC 3461), TLS all the way (RFC 8689), in time (RFC 2852), not
//! before its time (RFC 4865), and before others (RFC 6710).

use std::fs;

use waxwing_tests::client::Smtp;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

use super::{IMPATIENT, inbox, policy, queue_is_empty, sender};

/// A message of a line.
const MESSAGE: &str = "Subject: x\r\nMessage-ID: <promise@waxwing.test>\r\n\r\nthe body\r\n";

/// A transaction over a connection, command by command.
pub(super) fn transaction(smtp: &mut Smtp, mail: &str, rcpt: &[&str], message: &str) {
    let mut lines = vec![format!("MAIL FROM:{mail}")];
    lines.extend(rcpt.iter().map(|rcpt| format!("RCPT TO:{rcpt}")));
    for line in lines {
        let reply = smtp.command(&line).unwrap();
        assert!(reply.code == 250, "{line}: {} {}", reply.code, reply.text);
    }
    smtp.command("DATA").unwrap().class(3).unwrap();
    smtp.content(message.as_bytes()).unwrap();
    smtp.reply().unwrap().class(2).unwrap();
}

/// Submits as alice, over TLS.
pub(super) fn submit(server: &Server, mail: &str, rcpt: &[&str], message: &str) {
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    smtp.starttls().unwrap();
    smtp.login("alice@waxwing.test", PASSWORD)
        .unwrap()
        .class(2)
        .unwrap();
    transaction(&mut smtp, mail, rcpt, message);
}

pub(super) fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is missing:\n{text}");
    }
}

#[test]
fn what_is_delivered_here_is_told_with_it() {
    let here = sender(&[], IMPATIENT);
    here.admin().add_alias(
        "both@waxwing.test",
        &["bob@waxwing.test", "away@remote.example"],
    );
    submit(
        &here,
        "<alice@waxwing.test> RET=HDRS ENVID=QQ314159",
        &[
            "<bob@waxwing.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2Bx@old.example",
            "<alice@waxwing.test> NOTIFY=FAILURE",
        ],
        MESSAGE,
    );
    // The copy and the report are one commit.
    let mut mine = inbox(&here, "alice@waxwing.test", 2);
    mine.retain(|message| message.contains("multipart/report"));
    has(
        &mine[0],
        &[
            "Return-Path: <>\r\n",
            "Original-Envelope-Id: QQ314159\r\n",
            "Original-Recipient: rfc822; Bob+x@old.example\r\n",
            "Final-Recipient: rfc822; bob@waxwing.test\r\n",
            "Action: delivered\r\nStatus: 2.0.0\r\n",
        ],
    );
    assert_eq!(mine[0].matches("Final-Recipient").count(), 1, "{}", mine[0]);
    assert!(!mine[0].contains("the body"));
    assert_eq!(inbox(&here, "bob@waxwing.test", 1).len(), 1);
}

#[test]
fn an_alias_that_leads_on_is_expanded() {
    let peer = Peer::start(|_, command| match command.get(..4) {
        Some("EHLO") => Act::Say("250-peer.example\r\n250 DSN"),
        _ => Act::Usual,
    });
    let here = sender(&[("remote.example", peer.address())], IMPATIENT);
    here.admin().add_alias(
        "both@waxwing.test",
        &["bob@waxwing.test", "away@remote.example"],
    );
    submit(
        &here,
        "<alice@waxwing.test> ENVID=one",
        &["<both@waxwing.test> NOTIFY=SUCCESS,FAILURE"],
        MESSAGE,
    );
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    has(
        &report,
        &["Final-Recipient: rfc822; both@waxwing.test\r\nAction: expanded\r\n"],
    );
    let taken = peer.takes(1).remove(0);
    assert_eq!(taken.rcpt, ["RCPT TO:<away@remote.example> NOTIFY=FAILURE"]);
    assert!(taken.mail.ends_with(" ENVID=one"), "{}", taken.mail);
    queue_is_empty(&here);
}

#[test]
fn who_does_not_report_is_reported_as_a_relay() {
    let peer = Peer::start(|_, _| Act::Usual);
    let here = sender(&[("remote.example", peer.address())], IMPATIENT);
    submit(
        &here,
        "<alice@waxwing.test> RET=FULL ENVID=two",
        &["<carol@remote.example> NOTIFY=SUCCESS ORCPT=rfc822;carol@remote.example"],
        MESSAGE,
    );
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    has(
        &report,
        &["Original-Envelope-Id: two\r\n", "Action: relayed\r\n"],
    );
    // RFC 3461 §5.2.2 (a).
    let taken = peer.takes(1).remove(0);
    assert_eq!(taken.rcpt, ["RCPT TO:<carol@remote.example>"]);
    assert!(!taken.mail.contains("ENVID") && !taken.mail.contains("RET"));
}

#[test]
fn everything_is_passed_on_to_who_knows_it() {
    // The example of RFC 6710 §8.
    let peer = Peer::start(|_, command| match command.get(..4) {
        Some("EHLO") => Act::Say("250-example.net\r\n250-DSN\r\n250-DELIVERBY\r\n250 MT-PRIORITY"),
        _ => Act::Usual,
    });
    let here = sender(&[("ivory.example", peer.address())], IMPATIENT);
    submit(
        &here,
        "<alice@waxwing.test> BY=125;R ENVID=QQ314159 MT-PRIORITY=3",
        &["<Dana@ivory.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.example.net"],
        MESSAGE,
    );
    let taken = peer.takes(1).remove(0);
    let (front, back) = taken.mail.split_once(" BY=").unwrap();
    assert_eq!(front, "MAIL FROM:<alice@waxwing.test> ENVID=QQ314159");
    let (left, rest) = back.split_once(';').unwrap();
    let left: u32 = left.parse().unwrap();
    assert!(
        (100..=125).contains(&left),
        "{left} of 125 seconds are left"
    );
    assert_eq!(rest, "R MT-PRIORITY=3");
    assert_eq!(
        taken.rcpt,
        ["RCPT TO:<Dana@ivory.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.example.net"]
    );
    // RFC 6710 §4.1: and in the trace.
    assert!(
        taken.content.contains("\n\tPRIORITY 3;"),
        "{}",
        taken.content
    );
    queue_is_empty(&here);
    assert_eq!(here.imap("alice@waxwing.test").select("INBOX").unwrap(), 0);
}

#[test]
fn a_report_comes_back_from_the_other_server() {
    let here = sender(&[], IMPATIENT);
    let there = Setup::new()
        .policy(policy(&[("waxwing.test", here.address("smtp"))], IMPATIENT))
        .accounts(["carol@remote.example"])
        .start();
    let Policy::Text(text) = policy(&[("remote.example", there.address("smtp"))], IMPATIENT) else {
        unreachable!()
    };
    here.change(|| fs::write(here.folder().join("policy.toml"), text).unwrap());
    submit(
        &here,
        "<alice@waxwing.test> RET=HDRS ENVID=far",
        &["<carol@remote.example> NOTIFY=SUCCESS ORCPT=rfc822;Carol@remote.example"],
        MESSAGE,
    );
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    has(
        &report,
        &[
            "Original-Envelope-Id: far\r\n",
            "Original-Recipient: rfc822; Carol@remote.example\r\n",
            "Final-Recipient: rfc822; carol@remote.example\r\nAction: delivered\r\n",
        ],
    );
    assert_eq!(inbox(&there, "carol@remote.example", 1).len(), 1);
    queue_is_empty(&here);
    queue_is_empty(&there);
}

#[test]
fn what_requires_tls_goes_nowhere_without() {
    let peer = Peer::start(|_, _| Act::Usual);
    let here = sender(&[("remote.example", peer.address())], IMPATIENT);
    submit(
        &here,
        "<alice@waxwing.test> REQUIRETLS RET=FULL",
        &["<carol@remote.example>"],
        MESSAGE,
    );
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    has(&report, &["Action: failed\r\nStatus: 5.7.10\r\n"]);
    // RFC 8689 §5: the header is enough.
    assert!(!report.contains("the body"), "{report}");
    assert!(peer.taken().is_empty());
    queue_is_empty(&here);
}

#[test]
fn what_requires_tls_waits_while_there_is_none_just_now() {
    let peer = Peer::start(|_, command| match command.get(..4) {
        Some("EHLO") => Act::Say("250-peer.example\r\n250-REQUIRETLS\r\n250 STARTTLS"),
        // RFC 3207 §4.
        Some("STAR") => Act::Say("454 4.7.0 TLS not available due to temporary reason"),
        _ => Act::Usual,
    });
    let here = sender(
        &[("remote.example", peer.address())],
        "retry-after-seconds = [3600]",
    );
    submit(
        &here,
        "<alice@waxwing.test> REQUIRETLS",
        &["<carol@remote.example>"],
        MESSAGE,
    );
    let (listed, _) = until("an attempt is settled", PATIENCE, || {
        let listed = here.json(&["queue", "list"]);
        (listed[0]["attempts"] == 1).then_some(listed)
    });
    let said = listed[0]["said"].as_str().unwrap();
    assert!(said.contains("454 4.7.0"), "{said}");
    assert_eq!(listed[0]["recipients"][0]["state"], "open");
    assert_eq!(here.imap("alice@waxwing.test").select("INBOX").unwrap(), 0);
}

#[test]
fn what_is_late_comes_back_or_is_told() {
    let peer = Peer::start(|_, command| match command.get(..4) {
        Some("EHLO") => Act::Say("250-peer.example\r\n250 DELIVERBY"),
        Some("RCPT") => Act::Say("450 4.2.1 later"),
        _ => Act::Usual,
    });
    let waits = "retry-after-seconds = [3600]";
    let here = sender(&[("remote.example", peer.address())], waits);
    for by in ["1;R", "1;N"] {
        submit(
            &here,
            &format!("<alice@waxwing.test> BY={by}"),
            &["<carol@remote.example>"],
            MESSAGE,
        );
    }
    let reports = inbox(&here, "alice@waxwing.test", 2).concat();
    has(
        &reports,
        &[
            "Action: failed\r\nStatus: 5.4.7\r\n",
            "Action: delayed\r\nStatus: 4.2.1\r\n",
        ],
    );
    assert_eq!(here.json(&["queue", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_is_held_back_waits_here_and_there() {
    let peer = Peer::start(|_, _| Act::Usual);
    let here = sender(&[("remote.example", peer.address())], IMPATIENT);
    submit(
        &here,
        "<alice@waxwing.test> HOLDFOR=3",
        &[
            "<bob@waxwing.test> NOTIFY=SUCCESS",
            "<carol@remote.example>",
        ],
        MESSAGE,
    );
    assert_eq!(here.imap("bob@waxwing.test").select("INBOX").unwrap(), 0);
    assert_eq!(here.json(&["queue", "list"]).as_array().unwrap().len(), 2);
    let copy = inbox(&here, "bob@waxwing.test", 1).remove(0);
    assert!(
        copy.starts_with("Return-Path: <alice@waxwing.test>\r\nReceived: "),
        "{copy}"
    );
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    has(
        &report,
        &["Final-Recipient: rfc822; bob@waxwing.test\r\nAction: delivered\r\n"],
    );
    assert_eq!(peer.takes(1).len(), 1);
    queue_is_empty(&here);
    here.verify();
}

#[test]
fn what_was_held_back_tells_where_it_was_led() {
    let peer = Peer::start(|_, _| Act::Usual);
    let here = sender(&[("remote.example", peer.address())], IMPATIENT);
    here.admin().add_alias(
        "both@waxwing.test",
        &["bob@waxwing.test", "away@remote.example"],
    );
    here.admin().add_alias(
        "all@waxwing.test",
        &["one@remote.example", "two@remote.example"],
    );
    submit(
        &here,
        "<alice@waxwing.test> HOLDFOR=600",
        &[
            "<both@waxwing.test> NOTIFY=SUCCESS",
            "<all@waxwing.test> NOTIFY=SUCCESS",
        ],
        MESSAGE,
    );
    // Nothing is told before its time.
    assert_eq!(here.imap("alice@waxwing.test").select("INBOX").unwrap(), 0);
    let _said = here.cli(&["queue", "retry", "--all"]);
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    has(
        &report,
        &[
            "Final-Recipient: rfc822; both@waxwing.test\r\nAction: expanded\r\n",
            "Final-Recipient: rfc822; all@waxwing.test\r\nAction: expanded\r\n",
        ],
    );
    assert_eq!(inbox(&here, "bob@waxwing.test", 1).len(), 1);
    let taken = peer.takes(1).remove(0);
    assert_eq!(taken.rcpt.len(), 3, "{taken:?}");
    queue_is_empty(&here);
}

#[test]
fn what_policy_puts_off_for_ever_comes_back() {
    let Policy::Text(text) = policy(&[], IMPATIENT) else {
        unreachable!()
    };
    let step = "[[step]]\nplugin = \"fixture\"\ngrants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]\n\
        settings = { hooks = { route-outbound = \"defer\" } }\n";
    let here = Setup::new()
        .policy(Policy::Text(format!("{step}{text}")))
        .settings("[queue]\nexpire = \"1s\"\n")
        .start();
    submit(
        &here,
        "<alice@waxwing.test>",
        &["<carol@remote.example>"],
        MESSAGE,
    );
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    has(&report, &["Action: failed\r\nStatus: 4.4.7\r\n"]);
    queue_is_empty(&here);
}

#[test]
fn urgent_mail_goes_first() {
    let peer = Peer::start(|_, _| Act::Usual);
    let Policy::Text(text) = policy(&[("remote.example", peer.address())], IMPATIENT) else {
        unreachable!()
    };
    let text = text.replace("}] }", "}], connections = 1 }");
    let here = Setup::new().policy(Policy::Text(text)).start();
    // All become due together.
    for priority in [-1, 0, 3, 9] {
        let message = format!("Subject: {priority}\r\n\r\n\r\n");
        submit(
            &here,
            &format!("<alice@waxwing.test> HOLDFOR=60 MT-PRIORITY={priority}"),
            &["<carol@remote.example>"],
            &message,
        );
    }
    let _said = here.cli(&["queue", "retry", "--all"]);
    let order = || {
        let taken = peer.taken();
        (taken.len() == 4).then(|| {
            taken
                .iter()
                .map(|taken| subject(&taken.content))
                .collect::<Vec<_>>()
        })
    };
    let (order, _) = until("all are sent", PATIENCE, order);
    assert_eq!(order, ["9", "3", "0", "-1"]);
}

fn subject(content: &str) -> String {
    let line = content
        .lines()
        .find_map(|line| line.strip_prefix("Subject: "));
    line.unwrap_or_default().to_owned()
}
