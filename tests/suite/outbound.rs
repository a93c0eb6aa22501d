//! Mail that leaves: from a submission through the queue to another server, and what comes back if it cannot.

mod behind;
mod both_die;
mod daemons;
mod dmarc;
mod killed;
mod next_hops;
mod operators;
mod peers;
mod promises;
mod published;
mod settled;

use std::net::SocketAddr;

use waxwing_tests::client::Smtp;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

/// The steps of a server that sends, with routes to servers of the test.
fn policy(routes: &[(&str, SocketAddr)], waits: &str) -> Policy {
    let mut text = "[[step]]\nplugin = \"login\"\ngrants = [\"credentials\", \"kv\"]\nlimits = { deadline-ms = 15000 }\n\
        settings = { trust = [\"127.0.0.0/8\"] }\n\
        [[step]]\nplugin = \"recipients\"\ngrants = [\"directory\", \"relay\"]\n\
        [[step]]\nplugin = \"outbound\"\n[step.settings]\njitter-percent = 0\n"
        .to_owned();
    text.push_str(waits);
    for (domain, address) in routes {
        text.push_str(&format!(
            "\nroutes.{domain:?} = {{ hosts = [{{ host = \"127.0.0.1\", port = {} }}] }}",
            address.port()
        ));
    }
    text.push('\n');
    Policy::Text(text)
}

/// Tries again at once.
const IMPATIENT: &str = "retry-after-seconds = [1]";

fn sender(routes: &[(&str, SocketAddr)], waits: &str) -> Server {
    Setup::new()
        .policy(policy(routes, waits))
        .settings("[queue]\nreply = \"1s\"\nlease = \"3s\"\n")
        .start()
}

/// A server that waits an hour after each failure, with more settings, and with rules for what comes.
pub(crate) fn waiting(routes: &[(&str, SocketAddr)], settings: &str) -> Server {
    let Policy::Text(mut text) = policy(routes, "retry-after-seconds = [3600]") else {
        unreachable!("it is made as a text");
    };
    text.push_str("[[step]]\nplugin = \"rules\"\ngrants = [\"message\"]\nsettings-files = [\"rules/*.toml\"]\n");
    Setup::new()
        .policy(Policy::Text(text))
        .settings(settings)
        .start()
}

/// Submits as alice.
pub(crate) fn submit(server: &Server, to: &[&str], message: &str) {
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    smtp.login("alice@waxwing.test", PASSWORD)
        .unwrap()
        .class(2)
        .unwrap();
    let sent = smtp.send("alice@waxwing.test", to, message.as_bytes());
    sent.unwrap().class(2).unwrap();
}

/// The messages of a mailbox once there are as many as that.
fn inbox(server: &Server, user: &str, count: usize) -> Vec<String> {
    let enough = || {
        let mut imap = server.imap(user);
        (imap.select("INBOX").unwrap() >= count).then(|| imap.fetch("1:*").unwrap())
    };
    let (messages, _) = until("mail arrives", PATIENCE, enough);
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    messages
        .iter()
        .map(|message| text(&message.octets))
        .collect()
}

fn queue_is_empty(server: &Server) {
    until("the queue is empty", PATIENCE, || {
        let queued = server.json(&["queue", "list"]);
        queued.as_array().unwrap().is_empty().then_some(())
    });
}

#[test]
fn mail_goes_from_one_server_to_another() {
    let there = Setup::new()
        .policy(Policy::Accepting)
        .accounts(["carol@remote.example"])
        .start();
    let here = sender(&[("remote.example", there.address("smtp"))], IMPATIENT);
    submit(
        &here,
        &["carol@remote.example", "bob@waxwing.test"],
        "From: alice@waxwing.test\r\nBcc: secret@waxwing.test\r\nSubject: gr\u{fc}\u{df}e\r\n\r\nHello \u{fc}\r\n.dot\r\n",
    );
    let arrived = inbox(&there, "carol@remote.example", 1).remove(0);
    assert!(
        arrived.starts_with("Return-Path: <alice@waxwing.test>\r\nReceived: "),
        "{arrived}"
    );
    // Opportunistic TLS, and the login of its first hop.
    assert!(
        arrived.contains("with ESMTPS") || arrived.contains("with UTF8SMTPS"),
        "{arrived}"
    );
    assert!(arrived.contains("with ESMTPA"), "{arrived}");
    assert_eq!(arrived.matches("Return-Path").count(), 1);
    assert!(arrived.contains("\r\nMessage-ID: <") && arrived.contains("\r\nDate: "));
    assert!(!arrived.contains("Bcc"));
    assert!(
        arrived.ends_with("\r\n\r\nHello \u{fc}\r\n.dot\r\n"),
        "{arrived}"
    );
    let copy = inbox(&here, "bob@waxwing.test", 1).remove(0);
    assert!(copy.contains("\r\nMessage-ID: <") && !copy.contains("Bcc"));
    queue_is_empty(&here);
}

#[test]
fn strangers_may_not_relay() {
    let here = sender(&[], IMPATIENT);
    let mut smtp = here.smtp();
    let refused = smtp.send("x@elsewhere.example", &["carol@remote.example"], b"\r\n");
    assert!(refused.unwrap_err().to_string().contains("Relaying"));
}

#[test]
fn what_is_refused_for_good_comes_back() {
    let peer = Peer::start(|_, command| match command {
        "RCPT TO:<nobody@remote.example>" => Act::Say("550 5.1.1 no such user"),
        _ => Act::Usual,
    });
    let here = sender(&[("remote.example", peer.address())], IMPATIENT);
    let message = "Subject: lost\r\nMessage-ID: <1@waxwing.test>\r\n\r\nbody\r\n";
    submit(
        &here,
        &["nobody@remote.example", "carol@remote.example"],
        message,
    );
    let taken = peer.takes(1);
    assert_eq!(taken[0].rcpt, ["RCPT TO:<carol@remote.example>"]);
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    for line in [
        "Return-Path: <>\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "Final-Recipient: rfc822; nobody@remote.example\r\n",
        "Action: failed\r\n",
        "Status: 5.1.1\r\n",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "In-Reply-To: <1@waxwing.test>\r\n",
    ] {
        assert!(report.contains(line), "{line}{report}");
    }
    assert_eq!(report.matches("Final-Recipient").count(), 1);
    queue_is_empty(&here);
}

#[test]
fn what_nobody_takes_is_given_up_in_time() {
    // A port that nobody listens on.
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let waits = "retry-after-seconds = [1]\nexpire-after-seconds = 3\nwarn-after-seconds = 1";
    let here = sender(&[("remote.example", gone)], waits);
    submit(
        &here,
        &["carol@remote.example"],
        "Subject: x\r\n\r\nbody\r\n",
    );
    let reports = inbox(&here, "alice@waxwing.test", 2);
    assert!(
        reports[0].contains("Action: delayed\r\n") && reports[0].contains("Will-Retry-Until: "),
        "{}",
        reports[0]
    );
    assert!(
        reports[1].contains("Action: failed\r\n") && reports[1].contains("Status: 4.4.1\r\n"),
        "{}",
        reports[1]
    );
    queue_is_empty(&here);
}

#[test]
fn forwarded_mail_has_a_sender_that_leads_back() {
    let peer = Peer::start(|_, _| Act::Usual);
    let routes = [
        ("remote.example", peer.address()),
        ("elsewhere.example", peer.address()),
    ];
    let here = sender(&routes, IMPATIENT);
    here.admin().add_alias(
        "away@waxwing.test",
        &["carol@remote.example", "bob@waxwing.test"],
    );
    let message = b"Subject: x\r\n\r\nbody\r\n";
    let sent = here
        .smtp()
        .send("dave@elsewhere.example", &["away@waxwing.test"], message);
    sent.unwrap().class(2).unwrap();
    let taken = peer.takes(1).remove(0);
    let rewritten = taken.mail.split(['<', '>']).nth(1).unwrap().to_owned();
    assert!(
        rewritten.starts_with("SRS0=")
            && rewritten.ends_with("=elsewhere.example=dave@mx.waxwing.example"),
        "{rewritten}"
    );
    assert_eq!(taken.rcpt, ["RCPT TO:<carol@remote.example>"]);
    inbox(&here, "bob@waxwing.test", 1);
    // A report from the other side goes on to who sent the message.
    let sent = here
        .smtp()
        .send("", &[&rewritten], b"Subject: failed\r\n\r\n\r\n");
    sent.unwrap().class(2).unwrap();
    let report = peer.takes(2).remove(1);
    assert_eq!(
        report.mail.split(' ').take(2).collect::<Vec<_>>(),
        ["MAIL", "FROM:<>"]
    );
    assert_eq!(report.rcpt, ["RCPT TO:<dave@elsewhere.example>"]);
    // What was not made here leads nowhere.
    let forged = rewritten.replace("dave", "eve");
    let refused = here.smtp().send("", &[&forged], message).unwrap_err();
    assert!(refused.to_string().contains("550"), "{refused}");
}

#[test]
fn a_failure_to_report_is_not_reported() {
    let peer = Peer::start(|_, command| match command.get(..4) {
        Some("RCPT") => Act::Say("550 5.1.1 no such user"),
        _ => Act::Usual,
    });
    let here = sender(&[("remote.example", peer.address())], IMPATIENT);
    here.admin()
        .add_alias("away@waxwing.test", &["carol@remote.example"]);
    let sent = here
        .smtp()
        .send("", &["away@waxwing.test"], b"Message-ID: <null@x>\r\n\r\n");
    sent.unwrap().class(2).unwrap();
    until("the double bounce is in the ledger", PATIENCE, || {
        let log = here.log();
        log.contains("a report is dropped").then_some(())
    });
    queue_is_empty(&here);
}

#[test]
fn one_connection_serves_many_messages() {
    let peer = Peer::start(|_, _| Act::Usual);
    let address = peer.address();
    let policy = policy(&[("remote.example", address)], IMPATIENT);
    let Policy::Text(text) = policy else {
        unreachable!()
    };
    let text = text.replace("}] }", "}], connections = 1 }");
    let here = Setup::new().policy(Policy::Text(text)).start();
    let mut smtp = Smtp::open(here.address("submission")).unwrap();
    smtp.login("alice@waxwing.test", PASSWORD)
        .unwrap()
        .class(2)
        .unwrap();
    for number in 0..30 {
        let message = format!("Subject: {number}\r\n\r\nbody\r\n");
        let sent = smtp.send(
            "alice@waxwing.test",
            &["carol@remote.example"],
            message.as_bytes(),
        );
        sent.unwrap().class(2).unwrap();
    }
    let taken = peer.takes(30);
    let connections = taken.iter().map(|taken| taken.connection).max().unwrap() + 1;
    assert!(
        connections < 30,
        "{connections} connections for 30 messages"
    );
    queue_is_empty(&here);
}
