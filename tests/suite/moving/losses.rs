//! Nothing is lost without a word: what cannot be moved is told of and counted, and comes when it can be.

use std::fs::{self, File};

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
