//! POP3 beside other sessions of the same account: numbers stay, what is gone is told, and QUIT removes what is there.

use waxwing_tests::client::Pop3;
use waxwing_tests::database::Database;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Policy, Server, Setup};

const ALICE: &str = "alice@waxwing.test";

fn fill(server: &Server, count: usize) {
    let mut imap = server.imap(ALICE);
    for number in 1..=count {
        let message = format!(
            "Subject: {number}\r\n\r\n{}",
            "x\r\n".repeat(number * 30_000)
        );
        let appended = imap.append("INBOX", "", message.as_bytes());
        appended.unwrap().ok().unwrap();
    }
}

/// The first line of a message.
fn subject(pop3: &mut Pop3, number: usize) -> String {
    let message = pop3.retrieve(number).unwrap();
    let line = message.split(|octet| *octet == b'\r').next().unwrap();
    String::from_utf8_lossy(line).into_owned()
}

#[test]
fn what_imap_removes_or_moves_is_gone_and_the_rest_keeps_its_numbers() {
    for database in Database::all() {
        let server = Setup::new().database(database).start();
        fill(&server, 5);
        let mut pop3 = server.pop3(ALICE);
        let mut imap = server.imap(ALICE);
        imap.select("INBOX").unwrap();
        imap.command("STORE 2 +FLAGS (\\Deleted)")
            .unwrap()
            .ok()
            .unwrap();
        imap.command("EXPUNGE").unwrap().ok().unwrap();
        // The content of this one lives on in another mailbox.
        imap.command("MOVE 2 Archive").unwrap().ok().unwrap();

        let before = pop3.stat().unwrap();
        assert_eq!(before.0, 5, "the maildrop is that of the login");
        for gone in [2, 3] {
            let refused = pop3.command(&format!("RETR {gone}")).unwrap_err();
            assert!(refused.to_string().contains("-ERR"), "{refused}");
            let refused = pop3.command(&format!("TOP {gone} 0")).unwrap_err();
            assert!(refused.to_string().contains("-ERR"), "{refused}");
        }
        assert_eq!(subject(&mut pop3, 1), "Subject: 1");
        assert_eq!(subject(&mut pop3, 4), "Subject: 4");
        // What comes meanwhile is the next session's.
        fill(&server, 1);
        assert_eq!(pop3.stat().unwrap(), before);
        for number in [2, 3, 4] {
            pop3.command(&format!("DELE {number}")).unwrap();
        }
        pop3.command("QUIT").unwrap();

        assert_eq!(imap.select("INBOX").unwrap(), 3);
        let left: Vec<String> = imap
            .fetch("1:*")
            .unwrap()
            .iter()
            .map(|message| String::from_utf8_lossy(&message.octets[..10]).into_owned())
            .collect();
        assert_eq!(left, ["Subject: 1", "Subject: 5", "Subject: 1"]);
        assert_eq!(
            imap.select("Archive").unwrap(),
            1,
            "what was moved is not removed by QUIT"
        );
        server.verify();
    }
}

/// Small messages are read before they are asked for, large ones are not; no client must notice.
#[test]
fn messages_come_whole_in_any_order() {
    let text = |number: usize| {
        let lines = if number.is_multiple_of(9) {
            20_000
        } else {
            number * 40
        };
        format!(
            "Subject: {number}\r\n\r\n{}",
            format!("line of {number}\r\n").repeat(lines)
        )
    };
    for database in Database::all() {
        let server = Setup::new().database(database).start();
        let mut imap = server.imap(ALICE);
        for number in 1..=40 {
            let appended = imap.append("INBOX", "", text(number).as_bytes());
            appended.unwrap().ok().unwrap();
        }
        imap.select("INBOX").unwrap();
        let mut pop3 = server.pop3(ALICE);
        let came = |pop3: &mut Pop3, number| {
            let message = pop3.retrieve(number).unwrap();
            assert!(message == text(number).as_bytes(), "message {number}");
        };
        for number in 1..=20 {
            came(&mut pop3, number);
        }
        // What was read ahead is gone before it is asked for.
        imap.command("STORE 22 +FLAGS (\\Deleted)")
            .unwrap()
            .ok()
            .unwrap();
        imap.command("EXPUNGE").unwrap().ok().unwrap();
        came(&mut pop3, 21);
        assert!(pop3.command("RETR 22").is_err());
        // Flags that change and mail that comes change nothing.
        imap.command("STORE 30 +FLAGS (\\Seen)")
            .unwrap()
            .ok()
            .unwrap();
        let appended = imap.append("INBOX", "", text(41).as_bytes());
        appended.unwrap().ok().unwrap();
        for number in (23..=40).chain((23..=40).rev()).chain([5, 6, 7, 8, 3, 4]) {
            came(&mut pop3, number);
        }
        assert!(pop3.command("RETR 41").is_err());
    }
}

#[test]
fn two_sessions_share_a_maildrop_and_each_removes_once() {
    let server = Setup::new().start();
    fill(&server, 4);
    let (mut one, mut other) = (server.pop3(ALICE), server.pop3(ALICE));
    for number in [1, 2] {
        one.command(&format!("DELE {number}")).unwrap();
    }
    for number in [2, 3] {
        other.command(&format!("DELE {number}")).unwrap();
    }
    assert_eq!(
        subject(&mut other, 1),
        "Subject: 1",
        "nothing is removed before QUIT"
    );
    one.command("QUIT").unwrap();
    assert!(other.command("RETR 1").is_err());
    assert_eq!(subject(&mut other, 4), "Subject: 4");
    other.command("QUIT").unwrap();
    assert_eq!(server.pop3(ALICE).stat().unwrap().0, 1);
    // Unique ids are the same in every session (RFC 1939 §7).
    let listed = |mut pop3: Pop3| {
        pop3.command("UIDL").unwrap();
        pop3.lines().unwrap()
    };
    assert_eq!(listed(server.pop3(ALICE)), listed(server.pop3(ALICE)));
    server.verify();
}

#[test]
fn an_inbox_that_is_renamed_takes_its_messages_along() {
    let server = Setup::new().start();
    fill(&server, 2);
    let mut pop3 = server.pop3(ALICE);
    let mut imap = server.imap(ALICE);
    imap.command("RENAME INBOX Old").unwrap().ok().unwrap();
    assert!(pop3.command("RETR 1").is_err());
    pop3.command("DELE 1").unwrap();
    pop3.command("QUIT").unwrap();
    assert_eq!(imap.select("Old").unwrap(), 2);
}

#[test]
fn policy_says_how_mail_is_kept_and_how_often_it_is_looked_for() {
    let policy = "[[step]]\nplugin = \"access\"\ngrants = [\"kv\", \"directory\"]\n\
                  settings = { pop3 = { expire-days = 30, login-delay = 600 } }\n\
                  [[step]]\nplugin = \"login\"\ngrants = [\"credentials\", \"kv\"]\nsettings = { pop3-login-delay = 600 }\n";
    let server = Setup::new().policy(Policy::Text(policy.into())).start();
    let mut pop3 = server.pop3(ALICE);
    pop3.command("CAPA").unwrap();
    let lines = pop3.lines().unwrap();
    for line in ["EXPIRE 30", "LOGIN-DELAY 600"] {
        assert!(lines.iter().any(|told| told == line.as_bytes()), "{line}");
    }
    let refused = Pop3::login(server.address("pop3"), ALICE, PASSWORD)
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("-ERR [LOGIN-DELAY]"),
        "{refused}"
    );
    // Another account, and another protocol, have nothing to do with it.
    let _bob = server.pop3("bob@waxwing.test");
    let _alice = server.imap(ALICE);
}
