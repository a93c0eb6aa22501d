//! Against Postfix and Exim: mail both ways, under TLS, with notifications, internationalised, in chunks, and of 7 bits where the
//! other takes no more.

use std::fs;
use std::net::SocketAddr;

use waxwing_tests::authority::Authority;
use waxwing_tests::client::Smtp;
use waxwing_tests::daemons::{Daemon, Kind};
use waxwing_tests::{Policy, Server};

use super::promises::{has, submit, transaction};
use super::{IMPATIENT, inbox, policy, queue_is_empty, sender};

const MESSAGE: &str = "From: alice@waxwing.test\r\nTo: carol@remote.example\r\nSubject: gr\u{fc}\u{df}e\r\nMIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nH\u{e4}llo\r\n.dot\r\n";

#[test]
fn postfix() {
    against(Kind::Postfix);
}

#[test]
fn exim() {
    against(Kind::Exim);
}

fn against(kind: Kind) {
    if !kind.is_installed() {
        return;
    }
    let authority = Authority::new();
    let here = sender(&[], IMPATIENT);
    let issued = authority.issue("mx.remote.example");
    let there = kind.start(&issued, here.address("smtp"));
    lead(&here, there.address());
    goes_there(&here, &there);
    comes_here(&here, &there);
    if let Some(seven_bit) = there.seven_bit() {
        lead(&here, seven_bit);
        goes_in_seven_bits(&here, &there);
    }
    here.verify();
}

/// Mail for the other server goes to this address from now on.
fn lead(here: &Server, to: SocketAddr) {
    let Policy::Text(text) = policy(&[("remote.example", to)], IMPATIENT) else {
        unreachable!()
    };
    here.change(|| fs::write(here.folder().join("policy.toml"), text).unwrap());
}

fn goes_there(here: &Server, there: &Daemon) {
    submit(
        here,
        "<alice@waxwing.test> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=peer",
        &["<carol@remote.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Carol@remote.example"],
        MESSAGE,
    );
    let arrived = there.carol(1).remove(0).replace("\r\n", "\n");
    has(
        &arrived,
        &["Subject: gr\u{fc}\u{df}e\n", "\n\nH\u{e4}llo\n.dot\n"],
    );
    let lower = arrived.to_ascii_lowercase();
    assert!(
        lower.contains("tlsv1.3") || lower.contains("tls1.3"),
        "{arrived}"
    );
    // RFC 3461 §5.2.1: who took it tells what became of it.
    let report = inbox(here, "alice@waxwing.test", 1).remove(0);
    // Names of fields are written in any case.
    has(
        &report.to_ascii_lowercase(),
        &[
            "original-envelope-id: peer\r\n",
            "original-recipient: rfc822;",
            "action: delivered\r\n",
        ],
    );
    // And nobody else does.
    assert_eq!(here.imap("alice@waxwing.test").select("INBOX").unwrap(), 1);
    queue_is_empty(here);
}

fn comes_here(here: &Server, there: &Daemon) {
    let mut smtp = Smtp::open(there.address()).unwrap();
    transaction(
        &mut smtp,
        "<carol@remote.example> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=back",
        &["<bob@waxwing.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@waxwing.test"],
        MESSAGE,
    );
    let arrived = inbox(here, "bob@waxwing.test", 1).remove(0);
    has(
        &arrived,
        &[
            "Return-Path: <carol@remote.example>\r\n",
            "with UTF8SMTPS\r\n",
            "Subject: gr\u{fc}\u{df}e\r\n",
            "\r\n\r\nH\u{e4}llo\r\n.dot\r\n",
        ],
    );
    let told = there.carol(2).concat().replace("\r\n", "\n");
    has(
        &told,
        &[
            "Original-Envelope-Id: back\n",
            "Original-Recipient: rfc822; Bob@waxwing.test\n",
            "Final-Recipient: rfc822; bob@waxwing.test\nAction: delivered\n",
        ],
    );
}

fn goes_in_seven_bits(here: &Server, there: &Daemon) {
    let message = MESSAGE.replace("gr\u{fc}\u{df}e", "seven");
    submit(
        here,
        "<alice@waxwing.test> BODY=8BITMIME",
        &["<carol@remote.example>"],
        &message,
    );
    let all = there.carol(3);
    let arrived = all
        .iter()
        .find(|message| message.contains("Subject: seven"));
    let arrived = arrived.unwrap().replace("\r\n", "\n");
    has(
        &arrived,
        &[
            "Content-Transfer-Encoding: quoted-printable\n",
            "\nH=C3=A4llo\n",
        ],
    );
    queue_is_empty(here);
}
