//! What is written is what is read, whatever a stranger puts into a message.

use std::fs::File;
use std::io::Read as _;

use proptest::prelude::*;
use waxwing_store::Flags;

use super::super::{Spool, Target as _};
use super::split::Split;
use super::{MboxTarget, Quoting};
use crate::admin::mail::{MailboxRow, MessageRow};

const MAILBOX: MailboxRow = MailboxRow {
    id: 7,
    path: String::new(),
    selectable: true,
    uid_validity: 1,
    uid_next: 9,
    messages: 2,
};

fn row(uid: u32) -> MessageRow {
    MessageRow {
        uid,
        flags: Flags::FLAGGED.bits(),
        keywords: vec!["work".to_owned()],
        date: 1_795_726_526_000,
        octets: 0,
        content: 0,
        verbatim: false,
    }
}

/// Messages written to an mbox, and read from it.
fn journey(messages: &[String], quoting: Quoting) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut target = MboxTarget::at(folder.path(), quoting);
    let mailbox = MailboxRow {
        path: "Work".to_owned(),
        ..MAILBOX
    };
    target.open("a@b.test").unwrap();
    target.mailbox(&mailbox).unwrap();
    for (uid, message) in (1..).zip(messages) {
        let content = Spool::of(&mut message.as_bytes()).unwrap();
        target.message(&row(uid), content).unwrap();
    }
    target.done().unwrap();
    let file = File::open(folder.path().join("Work.mbox")).unwrap();
    let mut split = Split::new(file, None, u64::MAX).unwrap();
    let mut found = Vec::new();
    while let Some(part) = split.part().unwrap() {
        assert_eq!(part.status.absent, None);
        assert_eq!(part.status.marks.flags, Flags::FLAGGED);
        assert_eq!(part.status.marks.keywords, ["work"]);
        let mut text = String::new();
        let mut content = part.content.for_file(true).unwrap();
        content.read_to_string(&mut text).unwrap();
        found.push(text);
    }
    found
}

fn messages() -> impl Strategy<Value = String> {
    let lines = prop_oneof![
        Just("Return-Path: <>\n"),
        Just("Subject: DON'T DELETE THIS MESSAGE\n"),
        Just("Status: RO\n"),
        Just(">Status: RO\n"),
        Just(" Status: RO\n"),
        Just("X-Status: D\n"),
        Just("X-Keywords: junk\n"),
        Just("X-IMAP: 1 2\n"),
        Just("X-Mozilla-Status: 0008\n"),
        Just("Content-Length: 3\n"),
        Just(">content-length: 0\n"),
        Just("From \n"),
        Just(">From x\n"),
        Just("From a@b.test Thu Nov 26 20:55:26 2026\n"),
        Just("text\n"),
        Just("\n"),
    ];
    proptest::collection::vec(lines, 1..12).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn messages_come_back(messages in proptest::collection::vec(messages(), 1..4), counted in any::<bool>()) {
        let quoting = if counted { Quoting::Cl2 } else { Quoting::Rd };
        prop_assert_eq!(journey(&messages, quoting), messages);
    }
}
