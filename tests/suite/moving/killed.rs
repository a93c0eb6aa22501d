//! `kill -9` while mail is moved: the next run goes on, and nothing is there twice.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};

use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup, process};

use super::{ALICE, done, text};

const MESSAGES: usize = 3_000;

fn start(server: &Server, arguments: &[&str]) -> Child {
    let mut command = server.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the command starts")
}

/// Messages in INBOX, by the server; none while it is not there.
fn count(server: &Server) -> usize {
    server.imap(ALICE).select("INBOX").unwrap_or(0)
}

fn subjects(server: &Server) -> Vec<String> {
    let mut imap = server.imap(ALICE);
    imap.select("INBOX").unwrap();
    let found = imap.fetch("1:*").unwrap();
    let subject = |octets: &[u8]| {
        String::from_utf8_lossy(octets.split(|o| *o == b'\r').next().unwrap()).into_owned()
    };
    found
        .iter()
        .map(|message| subject(&message.octets))
        .collect()
}

fn make_maildir(server: &Server) -> std::path::PathBuf {
    let maildir = server.folder().join("maildir");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    for number in 0..MESSAGES {
        let long = if number % 50 == 0 {
            "x\n".repeat(60_000)
        } else {
            "x\n".repeat(number % 700)
        };
        fs::write(
            maildir.join(format!("cur/{number}.x:2,S")),
            format!("Subject: {number}\n\n{long}"),
        )
        .unwrap();
    }
    maildir
}

#[test]
fn an_import_goes_on_where_it_was_killed() {
    let mut server = Setup::new().start();
    let maildir = make_maildir(&server);
    let import = ["import", "maildir", ALICE, text(&maildir)];
    // The command is killed, and once the server, when some more messages are there.
    for round in 1..=5 {
        let goal = count(&server) + 20 * round;
        let mut child = start(&server, &import);
        until("some messages are there", PATIENCE, || {
            let ended = child.try_wait().expect("it can be asked").is_some();
            (ended || count(&server) >= goal).then_some(())
        });
        if round == 3 {
            server.kill();
            process::ends(&mut child, "it ends without its server");
            server.start();
        } else {
            process::kill(&mut child);
        }
    }
    let before = count(&server) as u64;
    assert!(
        before < MESSAGES as u64,
        "it was killed too late to tell anything"
    );
    let (messages, known) = done(&server, &import);
    assert_eq!(messages + known, MESSAGES as u64);
    // What was on its way when the command was killed the server may have stored a moment later.
    assert!(known >= before);
    let all = subjects(&server);
    assert_eq!(all.len(), MESSAGES);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), MESSAGES);
    server.verify();
}

#[test]
fn an_export_goes_on_where_it_was_killed() {
    let server = Setup::new().start();
    let maildir = make_maildir(&server);
    assert_eq!(
        done(&server, &["import", "maildir", ALICE, text(&maildir)]),
        (MESSAGES as u64, 0)
    );

    let out = server.folder().join("out");
    let export = ["export", "maildir", ALICE, text(&out)];
    let written = || fs::read_dir(out.join("cur")).map_or(0, Iterator::count);
    for round in 1..=3 {
        let mut child = start(&server, &export);
        until("some files are there", PATIENCE, || {
            (written() >= 200 * round).then_some(())
        });
        process::kill(&mut child);
    }
    assert!(
        written() < MESSAGES,
        "it was killed too late to tell anything"
    );
    let (messages, known) = done(&server, &export);
    assert_eq!(messages + known, MESSAGES as u64);
    super::python("same_maildirs.py", &[text(&maildir), text(&out)]);

    let out = server.folder().join("mboxes");
    let export = ["export", "mbox", ALICE, text(&out)];
    let file = out.join("INBOX.mbox");
    for round in 1..=3 {
        let mut child = start(&server, &export);
        until("some of the file is there", PATIENCE, || {
            (fs::metadata(&file).map_or(0, |file| file.len()) >= 400_000 * round).then_some(())
        });
        process::kill(&mut child);
    }
    done(&server, &export);
    let text = fs::read_to_string(&file).unwrap();
    let subjects: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("Subject: "))
        .collect();
    assert_eq!(subjects.len(), MESSAGES);
    assert_eq!(subjects.iter().collect::<BTreeSet<_>>().len(), MESSAGES);
}
