//! Mailboxes that are shared: nobody without the right sees or changes anything (RFC 4314).

use std::time::Duration;

use waxwing_tests::client::{Imap, ImapReply};
use waxwing_tests::database::Database;
use waxwing_tests::{Server, Setup};

const MESSAGE: &[u8] = b"Subject: a secret\r\n\r\nmarzipan\r\n";
/// Mailboxes with random rights that are tried.
const ROUNDS: u32 = 40;

/// Chance that comes out the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    /// Rights, each with a chance of one in `of`.
    fn rights(&mut self, of: usize) -> String {
        let letters = "lrswipkxtea".chars();
        letters.filter(|_| self.next(of) == 0).collect()
    }
}

/// What alice may do where these were granted and denied to her and to everybody.
fn effective(granted: &[String], denied: &[String]) -> String {
    let any = |all: &[String], letter| all.iter().any(|rights| rights.contains(letter));
    let letters = "lrswipkxtea".chars();
    letters
        .filter(|letter| any(granted, *letter) && !any(denied, *letter))
        .collect()
}

/// A command in the authenticated state: the rights that it needs, and what it says of `{M}`, the mailbox.
const COMMANDS: [(&str, &str); 13] = [
    ("r", "SELECT \"{M}\""),
    ("r", "EXAMINE \"{M}\""),
    ("r", "STATUS \"{M}\" (MESSAGES UNSEEN SIZE)"),
    ("a", "GETACL \"{M}\""),
    ("a", "SETACL \"{M}\" carol +lr"),
    ("a", "SETACL \"{M}\" anyone +p"),
    ("a", "DELETEACL \"{M}\" carol"),
    ("a", "LISTRIGHTS \"{M}\" carol"),
    ("k", "CREATE \"{M}/made\""),
    ("x", "DELETE \"{M}/below\""),
    ("xk", "RENAME \"{M}/below\" \"{M}/moved\""),
    ("r", "SELECT \"{M}/below\""),
    ("a", "GETACL \"{M}/below\""),
];
/// The same of the selected mailbox, which needs `r` beside.
const SELECTED: [(&str, &str); 7] = [
    ("s", "STORE 1 +FLAGS (\\Seen)"),
    ("w", "STORE 1 +FLAGS (\\Flagged word)"),
    ("t", "STORE 1 +FLAGS (\\Deleted)"),
    ("swt", "STORE 2 FLAGS (\\Draft \\Seen)"),
    ("e", "EXPUNGE"),
    ("te", "MOVE 2 Trash"),
    ("", "FETCH 1 (FLAGS BODY[])"),
];

/// Everything that bob sees of a mailbox and below it.
fn whole(bob: &mut Imap, mailbox: &str) -> String {
    let mut seen = String::new();
    for command in [
        format!("LIST \"\" \"{mailbox}*\""),
        format!("GETACL {mailbox}"),
        format!("GETACL {mailbox}/below"),
        format!("EXAMINE {mailbox}"),
        "FETCH 1:* (UID FLAGS)".to_owned(),
        "UNSELECT".to_owned(),
    ] {
        let reply = bob.command(&command).unwrap();
        seen.push_str(&reply.text());
    }
    // Which messages are recent says nothing of what was done to them.
    let counts = |line: &&str| !line.contains("RECENT") && !line.contains("HIGHESTMODSEQ");
    let lines: Vec<&str> = seen.lines().filter(counts).collect();
    lines
        .join("\n")
        .replace(" \\Recent", "")
        .replace("\\Recent", "")
}

fn accounts() -> Vec<String> {
    let names = ["alice", "bob", "carol"];
    names.map(|name| format!("{name}@waxwing.test")).to_vec()
}

fn start(database: Database) -> Server {
    Setup::new().database(database).accounts(accounts()).start()
}

/// A mailbox of bob's with random rights for alice; what she may do in it.
fn share(bob: &mut Imap, mailbox: &str, chance: &mut Chance) -> String {
    bob.command(&format!("CREATE {mailbox}"))
        .unwrap()
        .ok()
        .unwrap();
    for _ in 0..3 {
        bob.append(mailbox, "", MESSAGE).unwrap().ok().unwrap();
    }
    let often = 1 + chance.next(4);
    let granted = [chance.rights(often), chance.rights(6)];
    let denied = [chance.rights(8), chance.rights(12)];
    for (identifier, rights) in [
        ("alice", &granted[0]),
        ("anyone", &granted[1]),
        ("-alice@waxwing.test", &denied[0]),
        ("-anyone", &denied[1]),
    ] {
        let set = format!("SETACL {mailbox} {identifier} \"{rights}\"");
        bob.command(&set).unwrap().ok().unwrap();
    }
    // It is as open as the one above it.
    bob.command(&format!("CREATE {mailbox}/below"))
        .unwrap()
        .ok()
        .unwrap();
    effective(&granted, &denied)
}

fn has(rights: &str, needed: &str) -> bool {
    needed.chars().all(|letter| rights.contains(letter))
}

/// Refused as it has to be: like a mailbox that is not there, if that may not be known.
fn refused(reply: &ImapReply, rights: &str, command: &str) {
    let tagged = reply.tagged.as_str();
    assert!(tagged.starts_with("NO "), "{rights:?}: {command}: {tagged}");
    assert!(!reply.text().contains("marzipan"), "{rights:?}: {command}");
    let hides =
        !rights.contains('l') && !command.starts_with("CREATE") && !command.starts_with("RENAME");
    if hides {
        assert_eq!(
            tagged, "NO [NONEXISTENT] there is no such mailbox",
            "{rights:?}: {command}"
        );
    }
}

fn check_commands(alice: &mut Imap, bob: &mut Imap, mailbox: &str, rights: &str) {
    let path = format!("Other users/bob@waxwing.test/{mailbox}");
    let listed = alice.command("LIST \"\" \"Other users/*\"").unwrap().text();
    let shown = listed.contains(&format!("\"{path}\""));
    assert_eq!(shown, rights.contains('l'), "{rights:?}: {listed}");
    for (needed, command) in COMMANDS {
        let command = command.replace("{M}", &path);
        let before = whole(bob, mailbox);
        let reply = alice.command(&command).unwrap();
        if !has(rights, needed) {
            refused(&reply, rights, &command);
            assert_eq!(whole(bob, mailbox), before, "{rights:?}: {command}");
        } else if !command.contains("below") {
            assert!(
                reply.tagged.starts_with("OK"),
                "{rights:?}: {command}: {}",
                reply.tagged
            );
        }
        alice.command("UNSELECT").unwrap();
    }
    let before = whole(bob, mailbox);
    let append = alice.append(&path, "\\Seen \\Deleted word", MESSAGE);
    if !rights.contains('i') {
        assert!(append.is_err() || append.unwrap().ok().is_err());
        assert_eq!(whole(bob, mailbox), before, "{rights:?}: APPEND");
        return;
    }
    append.unwrap().ok().unwrap();
    let flags = flags_of(bob, mailbox, 4);
    for (letter, flag) in [('s', "\\Seen"), ('t', "\\Deleted"), ('w', "word")] {
        assert_eq!(
            flags.contains(flag),
            rights.contains(letter),
            "{rights:?}: {flags}"
        );
    }
}

fn flags_of(bob: &mut Imap, mailbox: &str, number: u32) -> String {
    bob.command(&format!("EXAMINE {mailbox}"))
        .unwrap()
        .ok()
        .unwrap();
    let fetched = bob.command(&format!("FETCH {number} (UID FLAGS)")).unwrap();
    bob.command("UNSELECT").unwrap();
    fetched.text()
}

fn check_selected(alice: &mut Imap, bob: &mut Imap, mailbox: &str, rights: &str) {
    if !rights.contains('r') {
        return;
    }
    let path = format!("Other users/bob@waxwing.test/{mailbox}");
    let select = alice.command(&format!("SELECT \"{path}\"")).unwrap();
    let writes = "iswte".chars().any(|letter| rights.contains(letter));
    assert_eq!(
        select.tagged.contains("READ-WRITE"),
        writes,
        "{rights:?}: {}",
        select.tagged
    );
    for (needed, command) in SELECTED {
        let before = whole(bob, mailbox);
        let reply = alice.command(command).unwrap();
        let (allowed, after) = (has(rights, needed), whole(bob, mailbox));
        if command.starts_with("FETCH") {
            assert!(reply.text().contains("marzipan"));
            assert!(
                after == before || rights.contains('s'),
                "{rights:?}: {command}"
            );
        } else if allowed {
            assert!(
                reply.tagged.starts_with("OK"),
                "{rights:?}: {command}: {}",
                reply.tagged
            );
        } else if needed.len() > 1 && command.starts_with("STORE") {
            // Of several flags those are changed that may be.
            let flags = flags_of(bob, mailbox, 2);
            for (letter, flag) in [('s', "\\Seen"), ('w', "\\Draft")] {
                let set = flags.contains(flag);
                assert!(!set || rights.contains(letter), "{rights:?}: {flags}");
            }
        } else {
            assert!(
                reply.tagged.starts_with("NO"),
                "{rights:?}: {command}: {}",
                reply.tagged
            );
            assert_eq!(after, before, "{rights:?}: {command}");
        }
    }
    let before = whole(bob, mailbox);
    alice.command("CLOSE").unwrap().ok().unwrap();
    assert!(
        rights.contains('e') || whole(bob, mailbox) == before,
        "{rights:?}: CLOSE"
    );
}

#[test]
fn nobody_without_the_right_sees_or_changes_anything() {
    for database in Database::all() {
        let server = start(database);
        let mut chance = Chance(0x2545_F491_4F6C_DD1D);
        let (mut alice, mut bob) = (
            server.imap("alice@waxwing.test"),
            server.imap("bob@waxwing.test"),
        );
        for round in 0..ROUNDS {
            let mailbox = format!("M{round:03}");
            let rights = share(&mut bob, &mailbox, &mut chance);
            check_selected(&mut alice, &mut bob, &mailbox, &rights);
            let mailbox = format!("N{round:03}");
            let rights = share(&mut bob, &mailbox, &mut chance);
            check_commands(&mut alice, &mut bob, &mailbox, &rights);
        }
    }
}

#[test]
fn what_happens_in_a_shared_mailbox_is_told_and_who_loses_it_is_sent_away() {
    for database in Database::all() {
        let server = start(database);
        let (mut alice, mut bob) = (
            server.imap("alice@waxwing.test"),
            server.imap("bob@waxwing.test"),
        );
        bob.command("SETACL INBOX alice lrs").unwrap().ok().unwrap();
        alice
            .command("SELECT \"Other users/bob@waxwing.test/INBOX\"")
            .unwrap()
            .ok()
            .unwrap();
        alice.connection.set_patience(Duration::from_secs(60));
        alice.connection.send(b"i IDLE\r\n").unwrap();
        assert!(line(&mut alice).starts_with("+ "));
        bob.append("INBOX", "", MESSAGE).unwrap().ok().unwrap();
        assert_eq!(line(&mut alice), "* 1 EXISTS");
        assert!(line(&mut alice).ends_with("RECENT"));
        // Other rights, other flags that last (RFC 4314 §5.1.1).
        bob.command("SETACL INBOX alice +w").unwrap().ok().unwrap();
        assert!(line(&mut alice).starts_with("* FLAGS ("));
        let permanent = line(&mut alice);
        assert!(permanent.contains("\\Seen \\Draft \\*"), "{permanent}");
        assert!(!permanent.contains("\\Deleted"), "{permanent}");
        bob.command("DELETEACL INBOX alice").unwrap().ok().unwrap();
        assert!(line(&mut alice).starts_with("* BYE "));
    }
}

#[test]
fn rights_that_are_taken_away_end_at_once() {
    for database in Database::all() {
        let server = start(database);
        let (mut alice, mut bob) = (
            server.imap("alice@waxwing.test"),
            server.imap("bob@waxwing.test"),
        );
        bob.append("INBOX", "", MESSAGE).unwrap().ok().unwrap();
        for command in ["FETCH 1 BODY.PEEK[]", "STORE 1 +FLAGS (x)", "COPY 1 INBOX"] {
            bob.command("SETACL INBOX alice lrswt")
                .unwrap()
                .ok()
                .unwrap();
            alice
                .command("SELECT \"Other users/bob@waxwing.test/INBOX\"")
                .unwrap()
                .ok()
                .unwrap();
            bob.command("SETACL INBOX alice l").unwrap().ok().unwrap();
            let reply = alice.command(command).unwrap();
            assert!(
                reply.tagged.starts_with("NO "),
                "{command}: {}",
                reply.tagged
            );
            assert!(!reply.text().contains("marzipan"), "{command}");
            alice = server.imap("alice@waxwing.test");
        }
    }
}

#[test]
fn nothing_is_heard_of_what_may_not_be_read() {
    for database in Database::all() {
        let server = start(database);
        let (mut alice, mut bob) = (
            server.imap("alice@waxwing.test"),
            server.imap("bob@waxwing.test"),
        );
        let mut done = |command: &str| drop(bob.command(command).unwrap().ok().unwrap());
        done("CREATE Hidden");
        done("SETACL INBOX alice l");
        done("SETACL Hidden alice i");
        let set = "NOTIFY SET STATUS (subtree \"Other users\" (MessageNew MessageExpunge FlagChange MailboxName))";
        let told = alice.command(set).unwrap().ok().unwrap().text();
        assert!(!told.contains("STATUS"), "{told}");
        for mailbox in ["INBOX", "Hidden"] {
            bob.append(mailbox, "", MESSAGE).unwrap().ok().unwrap();
            let path = format!("Other users/bob@waxwing.test/{mailbox}");
            let told = alice.append("INBOX", "", MESSAGE).unwrap().text()
                + &alice.command("LIST \"\" *").unwrap().text()
                + &alice.command("NOOP").unwrap().text();
            assert!(!told.contains("STATUS"), "{told}");
            assert!(!told.contains("Hidden"), "{told}");
            let counts = format!("LIST \"\" \"{path}\" RETURN (STATUS (MESSAGES))");
            let told = alice.command(&counts).unwrap().text();
            assert!(!told.contains("STATUS"), "{told}");
        }
        // What is put there has a UID, which tells how much is there (RFC 4315 §3).
        let hidden = "Other users/bob@waxwing.test/Hidden";
        let told = alice.append(hidden, "", MESSAGE).unwrap().ok().unwrap();
        assert!(!told.tagged.contains("APPENDUID"), "{}", told.tagged);
        alice.select("INBOX").unwrap();
        let told = alice.command(&format!("COPY 1 \"{hidden}\"")).unwrap();
        assert!(!told.tagged.contains("COPYUID"), "{}", told.tagged);
        let told = alice.command(&format!("MOVE 1 \"{hidden}\"")).unwrap();
        assert!(!told.text().contains("COPYUID"), "{}", told.text());
    }
}

fn line(imap: &mut Imap) -> String {
    let line = imap.connection.line().unwrap().expect("a line");
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

/// Accounts of other domains are no business of this one's.
#[test]
fn nothing_is_shared_with_other_domains() {
    let server = Setup::new().start();
    let _added = server.cli(&["domain", "add", "other.test"]);
    let input = "waxwing-demo\n";
    let added = server.run(
        &["account", "add", "mallory@other.test", "--password-stdin"],
        input,
    );
    assert!(added.status.success(), "{added:?}");
    let mut bob = server.imap("bob@waxwing.test");
    for command in [
        "SETACL INBOX mallory@other.test lr",
        "SETACL INBOX -mallory@other.test lr",
        "LISTRIGHTS INBOX mallory@other.test",
    ] {
        let known = bob.command(command).unwrap().tagged;
        let unknown = command.replace("mallory", "nobody");
        let unknown = bob.command(&unknown).unwrap().tagged;
        assert!(known.starts_with("NO "), "{command}: {known}");
        assert_eq!(known, unknown);
    }
}
