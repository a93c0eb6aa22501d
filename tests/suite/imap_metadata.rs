//! What clients note of mailboxes, between sessions (RFC 5464): told to who wants to hear of it, at once, and to nobody else.

use waxwing_tests::client::Imap;
use waxwing_tests::database::Database;
use waxwing_tests::{Server, Setup};

const CONTACT: &str = "mailto:postmaster@waxwing.test";

fn on_each(test: impl Fn(&Server)) {
    let accounts = ["alice", "bob"].map(|name| format!("{name}@waxwing.test"));
    for database in Database::all() {
        let setup = Setup::new().database(database).accounts(accounts.to_vec());
        test(&setup.contact(CONTACT).start());
    }
}

fn done(imap: &mut Imap, command: &str) -> String {
    imap.command(command).unwrap().ok().unwrap().text()
}

fn heard(imap: &mut Imap) -> String {
    let line = imap.connection.line().unwrap().unwrap();
    String::from_utf8_lossy(&line).into_owned()
}

/// Whether a command tells of metadata, and what.
fn told(imap: &mut Imap) -> Vec<String> {
    let text = done(imap, "NOOP");
    let lines = text.lines().filter(|line| line.starts_with("* METADATA"));
    lines.map(str::to_owned).collect()
}

#[test]
fn who_enabled_it_hears_of_what_others_note() {
    on_each(|server| {
        let mut one = server.imap("alice@waxwing.test");
        let mut other = server.imap("alice@waxwing.test");
        let enabled = done(&mut one, "ENABLE METADATA");
        assert!(enabled.starts_with("* ENABLED METADATA"), "{enabled}");
        let set = "SETMETADATA INBOX (/private/comment \"mine\" /shared/comment \"all\")";
        done(&mut other, set);
        let words = told(&mut one);
        assert_eq!(words.len(), 1, "{words:?}");
        for entry in ["/private/comment", "/shared/comment"] {
            assert!(words[0].contains(entry), "{words:?}");
        }
        // Nothing is told twice, nor to who made it or did not ask for it.
        assert!(told(&mut one).is_empty());
        assert!(told(&mut other).is_empty());
        let own = done(&mut one, "SETMETADATA INBOX (/private/comment NIL)");
        assert!(!own.contains("METADATA \"INBOX\""), "{own}");
        assert!(told(&mut one).is_empty());
        // IDLE, with no mailbox open.
        one.connection.send(b"i IDLE\r\n").unwrap();
        assert!(heard(&mut one).starts_with('+'));
        done(&mut other, "SETMETADATA \"\" (/private/vendor/x/y \"z\")");
        assert_eq!(heard(&mut one), "* METADATA \"\" /private/vendor/x/y");
        one.connection.send(b"DONE\r\n").unwrap();
        assert!(heard(&mut one).starts_with("i OK"));
        let admin = done(&mut one, "GETMETADATA \"\" /shared/admin");
        let expected = format!("* METADATA \"\" (/shared/admin \"{CONTACT}\")");
        assert!(admin.starts_with(&expected), "{admin}");
    });
}

#[test]
fn who_asks_hears_of_it_between_commands() {
    on_each(|server| {
        let mut one = server.imap("alice@waxwing.test");
        let mut other = server.imap("alice@waxwing.test");
        let events = "(subtree Archive (MailboxMetadataChange)) (personal (ServerMetadataChange))";
        done(&mut one, &format!("NOTIFY SET {events}"));
        done(&mut other, "SETMETADATA INBOX (/shared/comment \"x\")");
        done(&mut other, "SETMETADATA Archive (/shared/comment \"x\")");
        assert_eq!(heard(&mut one), "* METADATA \"Archive\" /shared/comment");
        done(&mut other, "SETMETADATA \"\" (/private/vendor/x/y \"z\")");
        assert_eq!(heard(&mut one), "* METADATA \"\" /private/vendor/x/y");
        done(&mut other, "SETMETADATA Archive (/shared/comment NIL)");
        assert_eq!(heard(&mut one), "* METADATA \"Archive\" /shared/comment");
    });
}

#[test]
fn of_mailboxes_of_others_only_who_may_see_it_hears() {
    on_each(|server| {
        let mut bob = server.imap("bob@waxwing.test");
        let mut alice = server.imap("alice@waxwing.test");
        done(&mut bob, "CREATE seen");
        done(&mut bob, "CREATE hidden");
        done(&mut bob, "CREATE listed");
        done(&mut bob, "SETACL seen alice lr");
        done(&mut bob, "SETACL listed alice l");
        done(&mut alice, "ENABLE METADATA");
        done(&mut alice, "SELECT \"Other users/bob@waxwing.test/seen\"");
        for mailbox in ["hidden", "listed", "seen"] {
            for scope in ["private", "shared"] {
                let set = format!("SETMETADATA {mailbox} (/{scope}/comment \"x\")");
                done(&mut bob, &set);
            }
        }
        let expected = "* METADATA \"Other users/bob@waxwing.test/seen\" /shared/comment";
        assert_eq!(told(&mut alice), [expected]);
        alice.connection.send(b"i IDLE\r\n").unwrap();
        assert!(heard(&mut alice).starts_with('+'));
        done(&mut bob, "SETMETADATA seen (/shared/comment NIL)");
        assert_eq!(heard(&mut alice), expected);
        alice.connection.send(b"DONE\r\n").unwrap();
        assert!(heard(&mut alice).starts_with("i OK"));
        done(&mut bob, "SETACL seen alice \"\"");
        done(&mut bob, "SETMETADATA seen (/shared/comment \"y\")");
        alice.command("UNSELECT").unwrap();
        assert!(told(&mut alice).is_empty());
    });
}

/// NOTIFY (RFC 5465) of mailboxes of others: told at once, whichever mailbox is open, and from when they are shared until they are not.
#[test]
fn who_watches_mailboxes_of_others_hears_of_it_at_once() {
    on_each(|server| {
        let mut bob = server.imap("bob@waxwing.test");
        let mut alice = server.imap("alice@waxwing.test");
        done(&mut bob, "CREATE seen");
        let events = "(MailboxMetadataChange MailboxName MessageNew MessageExpunge)";
        let watch = format!("NOTIFY SET (subtree \"Other users\" {events})");
        done(&mut alice, &watch);
        let name = "\"Other users/bob@waxwing.test/seen\"";
        done(&mut bob, "SETACL seen alice lr");
        assert!(heard(&mut alice).ends_with("\"Other users/bob@waxwing.test\""));
        assert!(heard(&mut alice).ends_with(name));
        // The mailbox was looked at before it was watched: nothing of it is missing.
        let message = b"Subject: x\r\n\r\ny\r\n";
        bob.append("seen", "", message).unwrap().ok().unwrap();
        let expected = format!("* STATUS {name} (UIDNEXT 2 MESSAGES 1)");
        assert_eq!(heard(&mut alice), expected);
        done(&mut bob, "SETMETADATA seen (/shared/comment \"x\")");
        let expected = format!("* METADATA {name} /shared/comment");
        assert_eq!(heard(&mut alice), expected);
        done(&mut bob, "SETACL seen alice \"\"");
        assert!(heard(&mut alice).contains("\\NonExistent"));
        assert!(heard(&mut alice).contains("\\NonExistent"));
        bob.append("seen", "", message).unwrap().ok().unwrap();
        assert_eq!(done(&mut alice, "NOOP"), "");
    });
}

/// A filter of nothing but metadata, and who enabled them without one.
#[test]
fn metadata_of_mailboxes_of_others_wake_at_once() {
    on_each(|server| {
        let mut bob = server.imap("bob@waxwing.test");
        done(&mut bob, "CREATE seen");
        done(&mut bob, "SETACL seen alice lr");
        let mut filtered = server.imap("alice@waxwing.test");
        let root = "\"Other users/bob@waxwing.test\"";
        let watch = format!("NOTIFY SET (subtree {root} (MailboxMetadataChange))");
        done(&mut filtered, &watch);
        let mut idle = server.imap("alice@waxwing.test");
        done(&mut idle, "ENABLE METADATA");
        idle.connection.send(b"i IDLE\r\n").unwrap();
        assert!(heard(&mut idle).starts_with('+'));
        done(&mut bob, "SETMETADATA seen (/shared/comment \"x\")");
        let expected = "* METADATA \"Other users/bob@waxwing.test/seen\" /shared/comment";
        assert_eq!(heard(&mut filtered), expected);
        assert_eq!(heard(&mut idle), expected);
    });
}

/// What another host of the store writes is told here, too.
#[test]
fn what_another_host_notes_is_heard_of() {
    for database in Database::all() {
        if database == Database::Sqlite {
            continue;
        }
        let here = Setup::new().database(database.clone()).start();
        let there = Setup::new()
            .database(database)
            .accounts(Vec::<String>::new())
            .start();
        let mut one = here.imap("alice@waxwing.test");
        let mut other = there.imap("alice@waxwing.test");
        done(&mut one, "ENABLE METADATA");
        done(&mut other, "SETMETADATA INBOX (/shared/comment \"x\")");
        assert_eq!(told(&mut one), ["* METADATA \"INBOX\" /shared/comment"]);
    }
}
