//! Clients that come back and want to know what changed meanwhile (RFC 7162), on each database.

use waxwing_tests::client::{Imap, ImapReply};
use waxwing_tests::database::Database;
use waxwing_tests::{Server, Setup};

const ALICE: &str = "alice@waxwing.test";
const MESSAGE: &[u8] = b"Subject: back again\r\n\r\nx\r\n";

fn on_each(test: impl Fn(&Server)) {
    for database in Database::all() {
        test(&Setup::new().database(database).start());
    }
}

/// What is selected, and up to which modification sequence the client knows of changes.
struct Known {
    uid_validity: u64,
    modseq: u64,
}

/// The number behind a response code.
fn number(reply: &ImapReply, code: &str) -> u64 {
    let text = format!("{}\n{}", reply.text(), reply.tagged);
    let (_, rest) = text
        .rsplit_once(code)
        .unwrap_or_else(|| panic!("no {code} in {text}"));
    let digits = rest.trim_start().chars().take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap()
}

fn select(imap: &mut Imap, mailbox: &str) -> Known {
    let reply = imap.command(&format!("SELECT {mailbox}")).unwrap().ok();
    let reply = reply.unwrap();
    Known {
        uid_validity: number(&reply, "[UIDVALIDITY"),
        modseq: number(&reply, "[HIGHESTMODSEQ"),
    }
}

fn ok(imap: &mut Imap, command: &str) -> ImapReply {
    imap.command(command).unwrap().ok().unwrap()
}

fn with_messages(server: &Server, count: usize) -> Imap {
    let mut imap = server.imap(ALICE);
    for _ in 0..count {
        imap.append("INBOX", "", MESSAGE).unwrap().ok().unwrap();
    }
    imap
}

#[test]
fn whoever_comes_back_is_told_what_changed_and_what_went() {
    on_each(|server| {
        let mut away = with_messages(server, 40);
        ok(&mut away, "ENABLE QRESYNC");
        let known = select(&mut away, "INBOX");
        ok(&mut away, "UNSELECT");
        let mut other = server.imap(ALICE);
        ok(&mut other, "SELECT INBOX");
        ok(&mut other, "STORE 2,10:30 +FLAGS.SILENT (\\Deleted)");
        ok(&mut other, "UID EXPUNGE 10:30");
        ok(&mut other, "STORE 1 +FLAGS (work)");
        let Known {
            uid_validity,
            modseq,
        } = known;
        let back = ok(
            &mut away,
            &format!("SELECT INBOX (QRESYNC ({uid_validity} {modseq}))"),
        );
        let text = back.text();
        assert!(text.contains("* VANISHED (EARLIER) 10:30\n"), "{text}");
        assert!(text.contains("* 1 FETCH (UID 1 FLAGS (work"), "{text}");
        assert!(text.contains("* 2 FETCH (UID 2 FLAGS (\\Deleted"), "{text}");
        assert_eq!(text.matches(" FETCH (").count(), 2, "{text}");
        // Whoever knows all there is to know is told nothing.
        let modseq = number(&back, "[HIGHESTMODSEQ");
        let again = ok(
            &mut away,
            &format!("EXAMINE INBOX (QRESYNC ({uid_validity} {modseq} 1:40))"),
        );
        let text = again.text();
        assert!(
            !text.contains("FETCH") && !text.contains("VANISHED"),
            "{text}"
        );
    });
}

#[test]
fn what_changed_since_is_fetched_and_found() {
    on_each(|server| {
        let mut imap = with_messages(server, 40);
        let known = select(&mut imap, "INBOX");
        ok(&mut imap, "STORE 7,31 +FLAGS.SILENT (\\Flagged)");
        imap.append("INBOX", "", MESSAGE).unwrap().ok().unwrap();
        let since = known.modseq;
        let fetched = ok(
            &mut imap,
            &format!("UID FETCH 1:* FLAGS (CHANGEDSINCE {since})"),
        );
        let text = fetched.text();
        for number in [7, 31, 41] {
            assert!(
                text.contains(&format!("* {number} FETCH (UID {number} FLAGS (")),
                "{text}"
            );
        }
        assert_eq!(text.matches(" FETCH (").count(), 3, "{text}");
        let found = ok(&mut imap, &format!("SEARCH MODSEQ {}", since + 1)).text();
        assert!(found.starts_with("* SEARCH 7 31 41 (MODSEQ "), "{found}");
        let all = ok(&mut imap, "SEARCH NOT MODSEQ 1");
        assert_eq!(all.text(), "* SEARCH\n");
    });
}

#[test]
fn of_two_who_store_under_a_condition_one_is_told_that_it_came_late() {
    on_each(|server| {
        let mut one = with_messages(server, 3);
        let mut other = server.imap(ALICE);
        let known = select(&mut one, "INBOX").modseq;
        select(&mut other, "INBOX");
        let store = format!("STORE 1:3 (UNCHANGEDSINCE {known}) +FLAGS.SILENT (mine)");
        let first = ok(&mut one, &store);
        assert!(first.tagged.starts_with("OK STORE"), "{}", first.tagged);
        assert_eq!(first.text().matches("FETCH (UID ").count(), 3);
        let second = ok(&mut other, &store);
        assert!(
            second.tagged.starts_with("OK [MODIFIED 1:3]"),
            "{}",
            second.tagged
        );
        // It learns why, and may try again.
        assert!(second.text().contains("FLAGS (mine"), "{}", second.text());
        let modseq = number(&second, "MODSEQ (");
        let again = format!("STORE 1:3 (UNCHANGEDSINCE {modseq}) +FLAGS (late)");
        let third = ok(&mut other, &again);
        assert!(third.tagged.starts_with("OK STORE"), "{}", third.tagged);
    });
}

#[test]
fn removals_are_told_by_uid_and_with_the_new_modification_sequence() {
    on_each(|server| {
        let mut one = with_messages(server, 4);
        let mut other = server.imap(ALICE);
        for imap in [&mut one, &mut other] {
            ok(imap, "ENABLE QRESYNC CONDSTORE");
            select(imap, "INBOX");
        }
        ok(&mut one, "UID STORE 2,4 +FLAGS (\\Deleted)");
        let gone = ok(&mut one, "EXPUNGE");
        assert_eq!(gone.text(), "* VANISHED 2,4\n");
        let modseq = number(&gone, "[HIGHESTMODSEQ");
        let status = ok(&mut one, "STATUS INBOX (HIGHESTMODSEQ)");
        assert_eq!(number(&status, "HIGHESTMODSEQ"), modseq);
        let delayed = ok(&mut other, "FETCH 1 (FLAGS MODSEQ)");
        assert!(!delayed.text().contains("VANISHED"), "{}", delayed.text());
        let told = ok(&mut other, "NOOP");
        assert!(told.text().contains("* VANISHED 2,4\n"), "{}", told.text());
        let earlier = ok(
            &mut other,
            &format!("UID FETCH 1:* FLAGS (CHANGEDSINCE {} VANISHED)", modseq - 1),
        );
        assert_eq!(earlier.text(), "* VANISHED (EARLIER) 2,4\n");
    });
}
