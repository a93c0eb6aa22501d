//! Nothing is lost without a word: what cannot be moved is told of and counted, and comes when it can be.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use waxwing_tests::{Server, Setup};

use super::{ALICE, done, text};

const BOB: &str = "bob@waxwing.test";

/// What a command says that leaves something out, or refuses: exit code, and standard error.
fn told(server: &Server, arguments: &[&str]) -> (i32, String) {
    let output = server.run(arguments, "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("an exit code"), said)
}

#[test]
fn a_message_that_cannot_be_read_now_is_exported_later() {
    let server = Setup::new().start();
    let mut imap = server.imap(ALICE);
    // What is large is a file of its own.
    let large = format!("Subject: large\r\n\r\n{}", "x\r\n".repeat(50_000));
    for message in [large.as_str(), "Subject: small\r\n\r\nx\r\n"] {
        imap.append("INBOX", "", message.as_bytes())
            .unwrap()
            .ok()
            .unwrap();
    }
    let (blobs, aside) = (server.data().join("blobs"), server.data().join("aside"));
    for form in ["maildir", "mbox"] {
        let out = server.folder().join(form);
        let export = ["export", form, ALICE, text(&out)];
        fs::rename(&blobs, &aside).unwrap();
        for known in ["0", "1"] {
            let output = server.run(&export, "");
            assert_eq!(output.status.code(), Some(65), "{form}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                said.contains("UID 1 of \"INBOX\"") && said.contains("1 left out"),
                "{said}"
            );
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains(&format!("{known} were there")), "{said}");
        }
        fs::rename(&aside, &blobs).unwrap();
        assert_eq!(done(&server, &export), (1, 1), "{form}");
        assert_eq!(done(&server, &export), (0, 2), "{form}");
        let under = ["import", form, BOB, text(&out), "--under", form];
        assert_eq!(done(&server, &under), (2, 0), "{form}");
    }
}

#[test]
fn an_export_goes_on_with_nothing_but_its_own() {
    let server = Setup::new().start();
    for user in [ALICE, BOB] {
        let mut imap = server.imap(user);
        let message = format!("Subject: of {user}\r\n\r\nx\r\n");
        imap.append("INBOX", "", message.as_bytes())
            .unwrap()
            .ok()
            .unwrap();
    }
    let out = server.folder().join("out");
    let export = ["export", "mbox", ALICE, text(&out)];
    assert_eq!(done(&server, &export), (1, 0));
    let whole = fs::read(out.join("INBOX.mbox")).unwrap();
    for (others, why) in [
        (&["export", "mbox", BOB, text(&out)][..], ALICE),
        (
            &["export", "mbox", ALICE, text(&out), "--quoting", "o"],
            "quoting",
        ),
    ] {
        let (code, said) = told(&server, others);
        assert!(code == 65 && said.contains(why), "{code} {said}");
        assert_eq!(fs::read(out.join("INBOX.mbox")).unwrap(), whole);
    }
    // Nor at the same time with another one.
    let lock = File::options()
        .write(true)
        .open(out.join(".waxwing-export"))
        .unwrap();
    lock.lock().unwrap();
    for form in ["mbox", "maildir"] {
        let (code, said) = told(&server, &["export", form, ALICE, text(&out)]);
        assert!(
            code == 75 && said.contains("another export"),
            "{code} {said}"
        );
    }
    drop(lock);
    assert_eq!(done(&server, &export), (0, 1));
}

/// The contents of a mailbox in their order.
fn contents(server: &Server, user: &str, mailbox: &str) -> Vec<String> {
    let mut imap = server.imap(user);
    imap.select(mailbox).unwrap();
    let found = imap.fetch("1:*").unwrap().into_iter();
    found
        .map(|message| String::from_utf8_lossy(&message.octets).into_owned())
        .collect()
}

#[test]
fn a_strangers_fields_are_no_flags() {
    let server = Setup::new().start();
    let mut imap = server.imap(ALICE);
    for message in [
        "Return-Path: <>\r\nSubject: DON'T DELETE THIS MESSAGE\r\nX-IMAP: 1 2\r\n\r\nx\r\n",
        "X-Mozilla-Status: 0008\r\nContent-Length: 2\r\n\r\nx\r\n\r\nFrom \r\ny\r\n",
        "Status: RO\r\n x\r\n>X-Status: D\r\nX-Keywords: junk\r\nSubject: x\r\n\r\nStatus: R\r\n",
    ] {
        imap.append("INBOX", "", message.as_bytes())
            .unwrap()
            .ok()
            .unwrap();
    }
    let sent = contents(&server, ALICE, "INBOX");
    for quoting in ["rd", "cl2"] {
        let out = server.folder().join(quoting);
        let export = ["export", "mbox", ALICE, text(&out), "--quoting", quoting];
        assert_eq!(done(&server, &export), (3, 0));
        let back = ["import", "mbox", BOB, text(&out), "--under", quoting];
        assert_eq!(done(&server, &back), (3, 0));
        let mailbox = format!("{quoting}/INBOX");
        assert_eq!(contents(&server, BOB, &mailbox), sent);
        let mut imap = server.imap(BOB);
        imap.select(&mailbox).unwrap();
        for message in imap.fetch("1:*").unwrap() {
            let items = message.items.to_lowercase();
            let flagged = |flag: &&str| items.contains(*flag);
            assert_eq!(
                ["\\seen", "\\deleted", "junk"]
                    .iter()
                    .find(|flag| flagged(flag)),
                None
            );
        }
    }
}

#[test]
fn what_of_mboxes_is_not_read_is_told_of() {
    let server = Setup::new().start();
    let folder = server.folder().join("in");
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write(
        "Mozilla",
        "From \r\nX-Mozilla-Status: 0001\r\nDate: Thu, 26 Nov 2026 20:55:26 +0000\r\n\r\nx\r\n\r\n\
         From - Thu Nov 26 20:55:26 2026\r\nX-Mozilla-Status: 0008\r\nA: 1\r\n\r\nremoved\r\n\r\n\
         From \r\nX-Mozilla-Status: 0009\r\nA: 1\r\n\r\nremoved\r\n\r\n",
    );
    write(
        "Uw",
        "From MAILER-DAEMON Thu Nov 26 20:55:26 2026\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nx\n\n\
         From a@b.test Thu Nov 26 20:55:26 2026\nSubject: x\nStatus: RO\n\nx\n\n",
    );
    write("notes", "From here on it is no mbox\n");
    symlink("/etc/passwd", folder.join("link")).unwrap();
    symlink("nowhere", folder.join("lock")).unwrap();
    let latin = OsStr::from_bytes(b"Entw\xfcrfe");
    fs::write(folder.join(latin), "From \nA: 1\n\nx\n").unwrap();
    let import = ["import", "mbox", ALICE, text(&folder)];
    let (code, said) = told(&server, &import);
    for told in [
        "2 messages of",
        "Uw: the first message is none",
        "notes: it does not begin",
        "link: it is a link",
        "rfe: its name is not",
        "5 left out",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(code == 65 && !said.contains("lock"), "{said}");
    assert_eq!(
        contents(&server, ALICE, "Mozilla"),
        ["Date: Thu, 26 Nov 2026 20:55:26 +0000\r\n\r\nx\r\n"]
    );
    assert_eq!(contents(&server, ALICE, "Uw"), ["Subject: x\r\n\r\nx\r\n"]);
    let mut imap = server.imap(ALICE);
    imap.select("Mozilla").unwrap();
    let date = imap.command("FETCH 1 INTERNALDATE").unwrap().text();
    assert!(date.contains("26-Nov-2026 20:55:26"), "{date}");
}

#[test]
fn what_of_a_maildir_is_not_read_is_told_of() {
    let server = Setup::new().start();
    let maildir = server.folder().join("maildir");
    let write = |name: &[u8], text: &str| {
        let path = maildir.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    // Names that differ in octets that are no UTF-8 are two.
    write(b"cur/1.\xfc:2,S", "Subject: one\n\n");
    write(b"cur/1.\xfd:2,S", "Subject: two\n\n");
    write(b"cur/2.x:2,", "Subject: three\n\n");
    write(b"new/2.x", "Subject: another one\n\n");
    write(b".Entw\xfcrfe/cur/1.x:2,", "Subject: x\n\n");
    write(b".a..b/cur/1.x:2,", "Subject: x\n\n");
    write(b".Half/tmp/x", "");
    symlink(maildir.join("cur"), maildir.join(".Half/cur")).unwrap();
    symlink(&maildir, maildir.join(".Loop")).unwrap();
    let import = ["import", "maildir", ALICE, text(&maildir), "--again"];
    for round in 1..=2 {
        let (code, said) = told(&server, &import);
        for told in [
            "rfe: its name is not",
            ".a..b: its name",
            ".Half/cur: it is a link",
            ".Loop: it is a link",
            "2.x:2,: another message",
            "5 left out",
        ] {
            assert!(said.contains(told), "{told}: {said}");
        }
        assert_eq!(code, 65);
        assert_eq!(contents(&server, ALICE, "INBOX").len(), 3 * round);
    }
    let only = ["import", "maildir", ALICE, text(&maildir), "--only", "Half"];
    let (code, said) = told(&server, &only);
    assert!(
        code == 65 && said.contains(".Half/cur: it is a link"),
        "{said}"
    );
}

#[test]
fn keywords_without_a_place_are_told_of() {
    let server = Setup::new().start();
    let maildir = server.folder().join("maildir");
    fs::create_dir_all(maildir.join("cur")).unwrap();
    fs::write(maildir.join("dovecot-keywords"), "0 na\u{ef}ve\n1 work\n").unwrap();
    fs::write(maildir.join("cur/1.x:2,Sab"), "Subject: x\n\n").unwrap();
    let (code, said) = told(&server, &["import", "maildir", ALICE, text(&maildir)]);
    assert!(
        code == 65 && said.contains("keyword \"na\u{ef}ve\""),
        "{said}"
    );
    let mut imap = server.imap(ALICE);
    assert_eq!(imap.select("INBOX").unwrap(), 1);
    let many: Vec<String> = (0..26).map(|number| format!("k{number}")).collect();
    let message = b"Subject: y\r\n\r\n";
    let appended = imap.append("INBOX", &many.join(" "), message);
    appended.unwrap().ok().unwrap();
    let out = server.folder().join("out");
    let (code, said) = told(&server, &["export", "maildir", ALICE, text(&out)]);
    assert!(
        code == 65 && said.contains("of UID 2 of \"INBOX\"") && said.contains("1 left out"),
        "{said}"
    );
    // A mailbox is not found by another name.
    let (code, said) = told(
        &server,
        &["export", "maildir", ALICE, text(&out), "--only", "sent"],
    );
    assert!(code == 65 && said.contains("no mailbox \"sent\""), "{said}");
}
