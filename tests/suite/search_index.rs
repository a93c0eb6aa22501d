//! The search index of a real server: made beside what sessions do, of no consequence for what they find, and there again after `kill -9`.

use waxwing_tests::client::Imap;
use waxwing_tests::database::Database;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup};

const ALICE: &str = "alice@waxwing.test";

/// Searches, and what they find among messages 1 to 60.
fn searches() -> [(&'static str, Vec<u32>); 6] {
    let found = |has: fn(u32) -> bool| (1..=60).filter(|number| has(*number)).collect();
    [
        ("BODY xylophone", found(|number| number % 10 == 0)),
        ("SUBJECT \"number 7\"", found(|number| number == 7)),
        (
            "NOT BODY xylophone UID 1:20",
            found(|number| number <= 20 && number % 10 != 0),
        ),
        (
            "OR TEXT XYLO HEADER X-Odd \"\"",
            found(|number| number % 10 == 0 || number == 33),
        ),
        ("BODY nowhere", Vec::new()),
        // Shorter than anything that the index knows.
        ("BODY xy", found(|number| number % 10 == 0)),
    ]
}

fn message(number: u32) -> String {
    let word = if number.is_multiple_of(10) {
        "Xylophone"
    } else {
        "words"
    };
    let odd = if number == 33 { "X-Odd: yes\r\n" } else { "" };
    format!("From: a@waxwing.test\r\nSubject: number {number}.\r\n{odd}\r\nof {word} and more\r\n")
}

fn check(imap: &mut Imap) {
    for (keys, expected) in searches() {
        assert_eq!(imap.search(keys).unwrap(), expected, "{keys}");
    }
}

/// Messages that searches left out by what the index knows.
pub(super) fn left_out(server: &Server) -> u64 {
    let metrics = server.metrics();
    let name = "waxwing_search_messages_total{by=\"index\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

#[test]
fn searches_find_the_same_with_an_index_and_after_a_crash() {
    for database in Database::all() {
        let mut server = Setup::new().database(database).start();
        let mut imap = server.imap(ALICE);
        for number in 1..=60 {
            imap.append("INBOX", "", message(number).as_bytes())
                .unwrap()
                .ok()
                .unwrap();
        }
        imap.select("INBOX").unwrap();
        check(&mut imap);
        until("the index helps a search", PATIENCE, || {
            check(&mut imap);
            (left_out(&server) > 0).then_some(())
        });
        server.kill();
        server.start();
        let mut imap = server.imap(ALICE);
        imap.select("INBOX").unwrap();
        assert_eq!(left_out(&server), 0);
        check(&mut imap);
        assert!(left_out(&server) > 100, "it survives");
        // Messages that are gone are found no more, those that came are.
        imap.command("STORE 10 +FLAGS (\\Deleted)")
            .unwrap()
            .ok()
            .unwrap();
        imap.command("EXPUNGE").unwrap().ok().unwrap();
        imap.append("INBOX", "", message(70).as_bytes())
            .unwrap()
            .ok()
            .unwrap();
        imap.command("NOOP").unwrap().ok().unwrap();
        assert_eq!(
            imap.search("BODY xylophone").unwrap(),
            [19, 29, 39, 49, 59, 60]
        );
        server.verify();
    }
}

#[test]
fn who_may_read_a_mailbox_of_somebody_else_searches_with_its_index() {
    for database in Database::all() {
        let bob = "bob@waxwing.test";
        let accounts = [ALICE, bob].map(str::to_owned);
        let server = Setup::new().database(database).accounts(accounts).start();
        let (mut alice, mut bob) = (server.imap(ALICE), server.imap(bob));
        for number in 1..=60 {
            bob.append("INBOX", "", message(number).as_bytes())
                .unwrap()
                .ok()
                .unwrap();
        }
        // Messages of the same numbers in a mailbox of her own are others.
        for _ in 1..=60 {
            alice
                .append("INBOX", "", message(10).as_bytes())
                .unwrap()
                .ok()
                .unwrap();
        }
        bob.command("SETACL INBOX alice lr").unwrap().ok().unwrap();
        let select = |alice: &mut Imap| alice.select("Other users/bob@waxwing.test/INBOX");
        select(&mut alice).unwrap();
        until("the index helps a search", PATIENCE, || {
            check(&mut alice);
            (left_out(&server) > 0).then_some(())
        });
        for keys in ["BODY xylophone", "NOT BODY xylophone", "BODY nowhere"] {
            let mut alice = server.imap(ALICE);
            bob.command("SETACL INBOX alice lr").unwrap().ok().unwrap();
            select(&mut alice).unwrap();
            bob.command("SETACL INBOX alice l").unwrap().ok().unwrap();
            let found = alice.command(&format!("SEARCH {keys}")).unwrap();
            assert!(found.tagged.starts_with("NO "), "{keys}: {}", found.tagged);
            assert!(!found.text().contains("* SEARCH"), "{}", found.text());
        }
        server.verify();
    }
}
