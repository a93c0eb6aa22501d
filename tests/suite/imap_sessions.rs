//! IMAP sessions of one account side by side: what one does, the other hears of, and neither is harmed by.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use waxwing_tests::database::Database;
use waxwing_tests::{Server, Setup};

const MESSAGE: &[u8] = b"Subject: side by side\r\n\r\nx\r\n";

fn on_each(test: impl Fn(&Server)) {
    for database in Database::all() {
        test(&Setup::new().database(database).start());
    }
}

#[test]
fn flags_and_keywords_of_others_are_told() {
    on_each(|server| {
        let (mut one, mut other) = (
            server.imap("alice@waxwing.test"),
            server.imap("alice@waxwing.test"),
        );
        for _ in 0..3 {
            one.append("INBOX", "", MESSAGE).unwrap().ok().unwrap();
        }
        one.select("INBOX").unwrap();
        other.select("INBOX").unwrap();
        other.command("STORE 1:3 +FLAGS (work)").unwrap();
        // It changes nothing; what the other one did to messages 2 and 3 must be told all the same.
        let stored = one.command("STORE 1 +FLAGS.SILENT (work)").unwrap();
        let text = stored.ok().unwrap().text();
        assert!(text.starts_with("* FLAGS ("), "{text}");
        for number in 1..=3 {
            assert!(
                text.contains(&format!("* {number} FETCH (FLAGS (work")),
                "{text}"
            );
        }
    });
}

#[test]
fn what_arrives_is_recent_in_one_session() {
    on_each(|server| {
        let (mut one, mut other) = (
            server.imap("alice@waxwing.test"),
            server.imap("alice@waxwing.test"),
        );
        one.select("INBOX").unwrap();
        other.select("INBOX").unwrap();
        server
            .imap("alice@waxwing.test")
            .append("INBOX", "", MESSAGE)
            .unwrap()
            .ok()
            .unwrap();
        let mut recent = 0;
        for session in [&mut one, &mut other] {
            session.command("NOOP").unwrap();
            let flags = session.command("FETCH 1 FLAGS").unwrap().text();
            recent += usize::from(flags.contains("\\Recent"));
        }
        assert_eq!(recent, 1);
        let status = server
            .imap("alice@waxwing.test")
            .command("STATUS INBOX (RECENT)");
        assert!(status.unwrap().text().contains("(RECENT 0)"));
    });
}

#[test]
fn a_mailbox_made_anew_is_not_the_one_that_is_open() {
    on_each(|server| {
        let (mut one, mut other) = (
            server.imap("alice@waxwing.test"),
            server.imap("alice@waxwing.test"),
        );
        other.command("CREATE box/below").unwrap().ok().unwrap();
        other.append("box", "", MESSAGE).unwrap().ok().unwrap();
        one.select("box").unwrap();
        other.command("DELETE box").unwrap().ok().unwrap();
        other.command("CREATE box").unwrap().ok().unwrap();
        other.append("box", "", MESSAGE).unwrap().ok().unwrap();
        let refused = one.command("STORE 1 +FLAGS (\\Deleted)").unwrap();
        assert!(refused.tagged.starts_with("NO [NONEXISTENT]"));
        assert!(
            one.connection
                .line()
                .unwrap()
                .unwrap()
                .starts_with(b"* BYE")
        );
        other.select("box").unwrap();
        let flags = other.command("FETCH 1 FLAGS").unwrap().text();
        assert!(!flags.contains("\\Deleted"), "{flags}");
    });
}

#[test]
fn messages_that_go_do_not_break_a_fetch() {
    const ROUNDS: usize = 8;
    on_each(|server| {
        let mut fetching = server.imap("alice@waxwing.test");
        for _ in 0..ROUNDS {
            for _ in 0..40 {
                fetching.append("INBOX", "", MESSAGE).unwrap().ok().unwrap();
            }
            fetching.select("INBOX").unwrap();
            let emptied = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut emptying = server.imap("alice@waxwing.test");
                    emptying.select("INBOX").unwrap();
                    for number in (1..=40).rev() {
                        let delete = format!("STORE {number} +FLAGS.SILENT (\\Deleted)");
                        emptying.command(&delete).unwrap().ok().unwrap();
                        emptying.command("EXPUNGE").unwrap().ok().unwrap();
                    }
                    emptied.store(true, Ordering::Relaxed);
                });
                while !emptied.load(Ordering::Relaxed) {
                    let fetched = fetching.command("FETCH 1:* (UID BODY.PEEK[])").unwrap();
                    // RFC 2180 §4.1.2: the rest came, and the client learns that some did not.
                    let whole = fetched.tagged.starts_with("OK");
                    assert!(
                        whole || fetched.tagged.starts_with("NO [EXPUNGEISSUED] "),
                        "{}",
                        fetched.tagged
                    );
                }
            });
            fetching.command("CLOSE").unwrap().ok().unwrap();
        }
    });
}

/// NOTIFY (RFC 5465): between commands, of the mailbox that is open and of others.
#[test]
fn who_asks_hears_of_everything_at_once() {
    on_each(|server| {
        let (mut one, mut other) = (
            server.imap("alice@waxwing.test"),
            server.imap("alice@waxwing.test"),
        );
        one.select("INBOX").unwrap();
        let events = "(SELECTED (MessageNew (FLAGS) MessageExpunge)) \
             (PERSONAL (MessageNew MessageExpunge MailboxName SubscriptionChange))";
        let asked = one.command(&format!("NOTIFY SET {events}")).unwrap();
        asked.ok().unwrap();
        let mut heard = |expected: &str| {
            let told = one.connection.line().unwrap().unwrap();
            assert_eq!(String::from_utf8_lossy(&told), expected);
        };
        other.append("INBOX", "", MESSAGE).unwrap().ok().unwrap();
        heard("* 1 EXISTS");
        heard("* 1 RECENT");
        heard("* 1 FETCH (FLAGS (\\Recent))");
        other.append("Drafts", "", MESSAGE).unwrap().ok().unwrap();
        heard("* STATUS \"Drafts\" (UIDNEXT 2 MESSAGES 1)");
        other.command("CREATE new").unwrap().ok().unwrap();
        heard("* LIST (\\HasNoChildren) \"/\" \"new\"");
        other.command("SUBSCRIBE new").unwrap().ok().unwrap();
        heard("* LIST (\\HasNoChildren \\Subscribed) \"/\" \"new\"");
        other.command("DELETE new").unwrap().ok().unwrap();
        heard("* LIST (\\NonExistent \\Subscribed) \"/\" \"new\"");
    });
}

/// Two hosts on one database do not tell each other of their commits: IDLE looks for itself (twice a minute).
#[test]
fn idle_hears_of_another_host() {
    for database in Database::all() {
        if database == Database::Sqlite {
            continue;
        }
        let here = Setup::new().database(database.clone()).start();
        let there = Setup::new()
            .database(database)
            .accounts(Vec::<String>::new())
            .start();
        let mut idling = here.imap("alice@waxwing.test");
        idling.select("INBOX").unwrap();
        idling.connection.send(b"i IDLE\r\n").unwrap();
        assert!(idling.connection.line().unwrap().unwrap().starts_with(b"+"));
        there
            .imap("alice@waxwing.test")
            .append("INBOX", "", MESSAGE)
            .unwrap()
            .ok()
            .unwrap();
        idling.connection.set_patience(Duration::from_secs(120));
        let told = idling.connection.line().unwrap().unwrap();
        assert_eq!(told, b"* 1 EXISTS");
    }
}
