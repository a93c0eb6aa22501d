//! `waxwing import` and `waxwing export`: what comes from elsewhere is there as it was, once, and goes out again as it came.

mod awkward;
mod imap;
mod killed;
mod losses;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use waxwing_tests::database::Database;
use waxwing_tests::{Server, Setup, place, process};

const ALICE: &str = "alice@waxwing.test";

/// A script of the standard library's, which must succeed.
fn python(script: &str, arguments: &[&str]) {
    let script = place::tests().join("clients").join(script);
    let output = process::run(Command::new("python3").arg(&script).args(arguments), "");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", script.display());
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// What an import or export says that it did: messages moved, and known before.
fn done(server: &Server, arguments: &[&str]) -> (u64, u64) {
    let tally = server.json(arguments);
    assert_eq!(tally["left-out"], json!(0), "{tally}");
    let number = |name: &str| tally[name].as_u64().expect("a number");
    (number("messages"), number("known"))
}

#[test]
fn a_maildir_comes_and_goes() {
    for database in Database::all() {
        let mut server = Setup::new().database(database).start();
        let (here, there) = (server.folder().join("here"), server.folder().join("there"));
        python("make_maildir.py", &[text(&here), "40"]);
        fs::write(here.join("subscriptions"), "Work.Old\nNowhere\n").unwrap();
        let import = ["import", "maildir", ALICE, text(&here)];
        assert_eq!(done(&server, &import), (70, 0));
        assert_eq!(
            done(&server, &import),
            (0, 70),
            "a second time brings nothing"
        );

        let export = ["export", "maildir", ALICE, text(&there)];
        assert_eq!(done(&server, &export), (70, 0));
        assert_eq!(done(&server, &export), (0, 70));
        python("same_maildirs.py", &[text(&here), text(&there)]);
        let subscribed = fs::read_to_string(there.join("subscriptions")).unwrap();
        assert!(subscribed.contains("Work.Old\n") && subscribed.contains("Nowhere\n"));

        // The store itself, where no server runs; and back into another account.
        server.stop();
        let back = ["import", "maildir", "bob@waxwing.test", text(&there)];
        assert_eq!(done(&server, &back), (70, 0));
        let again = server.folder().join("again");
        assert_eq!(
            done(
                &server,
                &["export", "maildir", "bob@waxwing.test", text(&again)]
            ),
            (70, 0)
        );
        python("same_maildirs.py", &[text(&there), text(&again)]);
        server.start();
        server.verify();
    }
}

#[test]
fn keywords_of_dovecot_and_the_order_of_messages_are_kept() {
    let server = Setup::new().start();
    let maildir = server.folder().join("maildir");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let write = |name: &str, text: &str| fs::write(maildir.join(name), text).unwrap();
    write("dovecot-keywords", "0 work\n1 $Junk\n");
    write("dovecot-uidlist", "3 V1 N9\n4 :2.first\n7 :1.second\n");
    write("cur/1.second:2,Sab", "Subject: second\n\n");
    write("cur/2.first:2,Fb", "Subject: first\n\n");
    assert_eq!(
        done(&server, &["import", "maildir", ALICE, text(&maildir)]),
        (2, 0)
    );
    let mut imap = server.imap(ALICE);
    imap.select("INBOX").unwrap();
    let found = imap.fetch("1:*").unwrap();
    let has = |place: usize, flags: [&str; 2], content: &str| {
        let message = &found[place];
        let flagged = flags.iter().all(|flag| message.items.contains(flag));
        flagged && message.octets == content.as_bytes()
    };
    assert!(
        has(0, ["\\Flagged", "$Junk"], "Subject: first\r\n\r\n"),
        "{found:?}"
    );
    assert!(
        has(1, ["\\Seen", "work"], "Subject: second\r\n\r\n"),
        "{found:?}"
    );
    assert!(!found[0].items.contains("work"), "{found:?}");

    let out = server.folder().join("out");
    done(
        &server,
        &["export", "maildir", ALICE, text(&out), "--only", "inbox"],
    );
    assert_eq!(
        fs::read_to_string(out.join("dovecot-keywords")).unwrap(),
        "0 $Junk\n1 work\n"
    );
    let names = fs::read_dir(out.join("cur")).unwrap();
    let mut names: Vec<String> = names
        .map(|name| name.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_by_key(|name| name.rsplit_once(":2,").unwrap().1.to_owned());
    assert!(
        names[0].ends_with(":2,Fa") && names[1].ends_with(":2,Sab"),
        "{names:?}"
    );
}

#[test]
fn an_mbox_comes_and_goes() {
    let server = Setup::new().start();
    let (file, out) = (
        server.folder().join("old.mbox"),
        server.folder().join("out"),
    );
    python("make_mbox.py", &[text(&file), "25"]);
    let import = ["import", "mbox", ALICE, text(&file)];
    assert_eq!(done(&server, &import), (25, 0));
    assert_eq!(done(&server, &import), (0, 25));
    // What other programs add and remove moves messages in the file, and makes none of them another one.
    let whole = fs::read_to_string(&file).unwrap();
    let (_, rest) = whole.split_once("\n\nFrom ").unwrap();
    fs::write(
        &file,
        format!("From {rest}From x Thu Nov 26 20:55:26 2026\nSubject: new\n\nnew\n\n"),
    )
    .unwrap();
    assert_eq!(done(&server, &import), (1, 24));
    fs::write(&file, whole).unwrap();

    let export = [
        "export",
        "mbox",
        ALICE,
        text(&out),
        "--only",
        "INBOX",
        "--quoting",
        "o",
    ];
    assert_eq!(done(&server, &export), (26, 0));
    assert_eq!(done(&server, &export), (0, 26));
    let without_last = fs::read_to_string(out.join("INBOX.mbox")).unwrap();
    let (first, _) = without_last.rsplit_once("From MAILER-DAEMON").unwrap();
    let cut = server.folder().join("cut.mbox");
    fs::write(&cut, first).unwrap();
    python("same_mboxes.py", &[text(&file), text(&cut)]);
}

#[test]
fn mboxes_are_the_same_after_a_journey() {
    let server = Setup::new().start();
    let one = "From MAILER-DAEMON Thu Nov 26 20:55:26 2026\n";
    let whole = format!(
        "{one}A: 1\nStatus: RO\nX-Status: AF\nX-Keywords: $Forwarded work\n\n>From me\n>>From you\n\n\n\
         From a@b.test Fri Nov 27 00:00:01 2026\nReturn-Path: <a@b.test>\n\nGrüße\n.\n\n{one}B: 1\n\n{one}\nno header\n\n"
    );
    let folder = server.folder().join("in");
    fs::create_dir_all(folder.join("Work")).unwrap();
    fs::write(folder.join("inbox"), &whole).unwrap();
    fs::write(folder.join("Work/Old.mbox"), whole.replace('\n', "\r\n")).unwrap();
    fs::write(folder.join("notes.txt"), "no mbox").unwrap();
    assert_eq!(
        done(&server, &["import", "mbox", ALICE, text(&folder)]),
        (8, 0)
    );
    for (quoting, exact) in [("rd", true), ("cl2", false)] {
        let out = server.folder().join(quoting);
        assert_eq!(
            done(
                &server,
                &["export", "mbox", ALICE, text(&out), "--quoting", quoting]
            ),
            (8, 0)
        );
        if exact {
            assert_eq!(fs::read_to_string(out.join("INBOX.mbox")).unwrap(), whole);
            assert_eq!(
                fs::read_to_string(out.join("Work/Old.mbox")).unwrap(),
                whole.replace('\n', "\r\n")
            );
        }
        // What another account is made of by them is the same.
        let under = format!("from-{quoting}");
        let back = [
            "import",
            "mbox",
            "bob@waxwing.test",
            text(&out),
            "--under",
            &under,
        ];
        assert_eq!(done(&server, &back), (8, 0));
        let contents = |user: &str, mailbox: &str| {
            let mut imap = server.imap(user);
            imap.select(mailbox).unwrap();
            let found = imap.fetch("1:*").unwrap();
            found
                .into_iter()
                .map(|message| message.octets)
                .collect::<Vec<_>>()
        };
        for mailbox in ["INBOX", "Work/Old"] {
            let there = contents("bob@waxwing.test", &format!("{under}/{mailbox}"));
            assert_eq!(contents(ALICE, mailbox), there, "{quoting} {mailbox}");
        }
    }
    // A file that somebody else has written to is left alone.
    let out = server.folder().join("rd");
    let longer = fs::read_to_string(out.join("INBOX.mbox")).unwrap() + one + "\n";
    fs::write(out.join("INBOX.mbox"), &longer).unwrap();
    let refused = server.run(&["export", "mbox", ALICE, text(&out)], "");
    assert_eq!(refused.status.code(), Some(65));
    assert_eq!(fs::read_to_string(out.join("INBOX.mbox")).unwrap(), longer);
}

#[test]
fn what_cannot_be_moved_is_told_of_and_left_out() {
    let server = Setup::new()
        .settings("[limits]\nmessage-size = \"1MiB\"\nsessions-per-address = 20000\n")
        .start();
    let maildir = server.folder().join("maildir");
    python("make_maildir.py", &[text(&maildir), "1"]);
    fs::write(maildir.join("cur/9.large:2,"), "x\n".repeat(2 << 20)).unwrap();
    let output = server.run(&["import", "maildir", ALICE, text(&maildir)], "");
    assert_eq!(output.status.code(), Some(65));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("9.large") && said.contains("1 left out"),
        "{said}"
    );
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("31 messages imported"));
    let code = |arguments: &[&str]| server.run(arguments, "").status.code();
    assert_eq!(
        code(&["import", "maildir", "nobody@waxwing.test", text(&maildir)]),
        Some(65)
    );
    assert_eq!(
        code(&["import", "maildir", ALICE, "/nonexistent"]),
        Some(65)
    );
    assert_eq!(code(&["import", "mbox", ALICE, text(&maildir)]), Some(65));
    assert_eq!(
        code(&[
            "import",
            "maildir",
            ALICE,
            text(&maildir),
            "--only",
            "Nowhere"
        ]),
        Some(65)
    );
    assert_eq!(
        code(&["import", "imap", ALICE, "localhost", "--password", "x"]),
        Some(64)
    );
    assert_eq!(code(&["import", "imap", ALICE, "localhost"]), Some(64));
}

#[test]
fn a_large_message_is_not_held_in_memory() {
    let server = Setup::new().start();
    let (maildir, out) = (server.folder().join("maildir"), server.folder().join("out"));
    python("make_maildir.py", &[text(&maildir), "1"]);
    let large = "Subject: large\n\n".to_owned()
        + &"0123456789abcdef0123456789abcdef0123456789abcdef\n".repeat(960_000);
    fs::write(maildir.join("cur/9.large:2,S"), &large).unwrap();
    let peak = |arguments: &[&str]| {
        let (output, peak) = process::run_measured(&mut server.command(arguments));
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        peak
    };
    // This one leaves the large message out.
    let few = peak(&[
        "import",
        "maildir",
        "bob@waxwing.test",
        text(&maildir),
        "--only",
        "Work",
    ]) + (16 << 20);
    let import = peak(&["import", "maildir", ALICE, text(&maildir)]);
    assert!(import < few, "the import took {import} octets");
    let export = peak(&["export", "mbox", ALICE, text(&out)]);
    assert!(export < few, "the export took {export} octets");
    let written = fs::read_to_string(out.join("INBOX.mbox")).unwrap();
    assert!(written.contains(large.trim_start_matches("Subject: large\n\n")));
}
