//! What goes wrong is said in the protocol's terms, memory stays bounded, nothing is lost, and the server goes on.

mod full_disk;

use std::io;
use std::thread;

use waxwing_tests::client::{Connection, Imap, Pop3, Smtp};
use waxwing_tests::{Server, Setup, process};

/// What one hostile peer may cost at the most.
const BOUND: u64 = 48 << 20;

/// After whatever happened: a message goes in and comes out, and the server has not grown beyond bounds.
fn assert_sound(server: &Server, before: u64) {
    let marker = "Subject: still alive\r\n\r\nyes\r\n";
    server
        .smtp()
        .send(
            "sender@example.net",
            &["bob@waxwing.test"],
            marker.as_bytes(),
        )
        .unwrap()
        .class(2)
        .unwrap();
    let mut imap = server.imap("bob@waxwing.test");
    assert!(imap.select("INBOX").unwrap() > 0);
    let peak = process::peak(server.pid());
    assert!(
        peak < before + BOUND,
        "the server grew from {before} to {peak} octets"
    );
}

#[test]
fn wrong_passwords() {
    let server = Setup::new().start();
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    let reply = smtp.login("alice@waxwing.test", "wrong").unwrap();
    assert_eq!(
        (reply.code, reply.text.starts_with("5.7.8 ")),
        (535, true),
        "{}",
        reply.text
    );
    let mut imap = Imap::open(server.address("imap")).unwrap();
    let reply = imap.command("LOGIN alice@waxwing.test wrong").unwrap();
    assert!(
        reply.tagged.starts_with("NO [AUTHENTICATIONFAILED] "),
        "{}",
        reply.tagged
    );
    let error = Pop3::login(server.address("pop3"), "alice@waxwing.test", "wrong")
        .err()
        .unwrap();
    assert!(error.to_string().contains("-ERR [AUTH] "), "{error}");
    // The same for who does not exist: nobody learns which.
    let unknown = smtp.login("nobody@waxwing.test", "wrong").unwrap();
    let known = smtp.login("alice@waxwing.test", "wrong").unwrap();
    assert_eq!(unknown, known);
    server.smtp().command("NOOP").unwrap().class(2).unwrap();
}

#[test]
fn unknown_mailboxes() {
    let server = Setup::new().start();
    let mut smtp = server.smtp();
    smtp.command("MAIL FROM:<sender@example.net>")
        .unwrap()
        .class(2)
        .unwrap();
    let reply = smtp.command("RCPT TO:<nobody@waxwing.test>").unwrap();
    assert_eq!(
        (reply.code, reply.text.starts_with("5.1.1 ")),
        (550, true),
        "{}",
        reply.text
    );
    let mut imap = server.imap("alice@waxwing.test");
    for command in [
        "SELECT Nowhere",
        "EXAMINE Nowhere",
        "DELETE Nowhere",
        "RENAME Nowhere There",
        "STATUS Nowhere (MESSAGES)",
    ] {
        let reply = imap.command(command).unwrap();
        assert!(
            reply.tagged.starts_with("NO "),
            "{command}: {}",
            reply.tagged
        );
    }
    // RFC 3501 §6.3.11: the client is told that creating it may help.
    imap.connection.send(b"x APPEND Nowhere {1}\r\n").unwrap();
    let first = imap.connection.line().unwrap().unwrap();
    let answer = if first.starts_with(b"+") {
        imap.connection.send(b"x\r\n").unwrap();
        imap.connection.line().unwrap().unwrap()
    } else {
        first
    };
    assert!(
        answer.starts_with(b"x NO [TRYCREATE] "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    imap.select("INBOX").unwrap();
}

/// CATENATE (RFC 4469) makes much of little: what there is no memory for is refused before more is read or sent.
#[test]
fn messages_put_together_that_there_is_no_memory_for() {
    let server = Setup::new()
        .settings("[limits]\nmessage-size = \"64KiB\"\ncontent-memory = \"128KiB\"\n")
        .start();
    let mut imap = server.imap("alice@waxwing.test");
    let message = [b"Subject: x\r\n\r\n".as_slice(), &[b'x'; 20_000]].concat();
    imap.append("INBOX", "", &message).unwrap().ok().unwrap();
    let one = " CATENATE (URL /INBOX/;UID=1)";
    let command = format!("x APPEND INBOX{} {{5}}\r\n", one.repeat(10));
    imap.connection.send(command.as_bytes()).unwrap();
    let answer = imap.connection.line().unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("x NO [LIMIT] "), "{answer}");
    // What it took is there again: one APPEND may hold half of the memory.
    let few = format!("APPEND INBOX{}", one.repeat(3));
    imap.command(&few).unwrap().ok().unwrap();
}

#[test]
fn oversized_messages() {
    let server = Setup::new()
        .settings("[limits]\nmessage-size = \"1MiB\"\nsessions-per-address = 1000\n")
        .start();
    let before = process::resident(server.pid());
    let mut smtp = server.smtp();
    let reply = smtp
        .command("MAIL FROM:<sender@example.net> SIZE=1048577")
        .unwrap();
    assert_eq!(
        (reply.code, reply.text.starts_with("5.3.4 ")),
        (552, true),
        "{}",
        reply.text
    );
    let big = format!(
        "Subject: big\r\n\r\n{}",
        "0123456789abcdef\r\n".repeat(600_000)
    );
    let reply = smtp
        .send(
            "sender@example.net",
            &["alice@waxwing.test"],
            big.as_bytes(),
        )
        .unwrap();
    assert_eq!(
        (reply.code, reply.text.starts_with("5.3.4 ")),
        (552, true),
        "{}",
        reply.text
    );
    // The session goes on.
    smtp.send(
        "sender@example.net",
        &["alice@waxwing.test"],
        b"Subject: small\r\n\r\nx\r\n",
    )
    .unwrap()
    .class(2)
    .unwrap();
    let mut imap = server.imap("alice@waxwing.test");
    imap.connection
        .send(b"a APPEND INBOX {20000000}\r\n")
        .unwrap();
    let line = imap.connection.line().unwrap().unwrap();
    assert!(
        line.starts_with(b"a NO [TOOBIG]") || line.starts_with(b"a NO [LIMIT]"),
        "{}",
        String::from_utf8_lossy(&line)
    );
    assert_eq!(imap.select("INBOX").unwrap(), 1);
    assert_sound(&server, before);
}

#[test]
fn full_quotas() {
    let server = Setup::new().start();
    server
        .admin()
        .add_account("full@waxwing.test", true, Some(20_000));
    let message = format!(
        "Subject: some\r\n\r\n{}",
        "0123456789abcdef\r\n".repeat(300)
    );
    let mut smtp = server.smtp();
    let mut replies = Vec::new();
    for _ in 0..8 {
        let sent = smtp
            .send(
                "sender@example.net",
                &["full@waxwing.test"],
                message.as_bytes(),
            )
            .and_then(|reply| reply.class(2));
        if let Err(error) = sent {
            replies.push(error.to_string());
            smtp = server.smtp();
        }
    }
    assert!(
        (1..8).contains(&replies.len()),
        "some fit and some do not: {replies:?}"
    );
    for reply in &replies {
        assert!(
            reply.starts_with("452 4.2.2 ") || reply.starts_with("552 5.2.2 "),
            "{reply}"
        );
    }
    let mut imap = server.imap("full@waxwing.test");
    let reply = imap.append("INBOX", "", message.as_bytes()).unwrap();
    assert!(
        reply.tagged.starts_with("NO [OVERQUOTA] "),
        "{}",
        reply.tagged
    );
    assert_eq!(
        imap.select("INBOX").unwrap(),
        8 - replies.len(),
        "what was acknowledged is there, and nothing else"
    );
    server
        .smtp()
        .send(
            "sender@example.net",
            &["alice@waxwing.test"],
            message.as_bytes(),
        )
        .unwrap()
        .class(2)
        .unwrap();
}

#[test]
fn a_full_mailbox_is_refused_at_its_recipient_and_others_get_the_message() {
    let server = Setup::new().start();
    server
        .admin()
        .add_account("full@waxwing.test", true, Some(2_000));
    let fill = "Subject: some\r\n\r\n0123456789abcdef\r\n";
    let mut smtp = server.smtp();
    smtp.command("MAIL FROM:<sender@example.net> SIZE=5000")
        .unwrap()
        .class(2)
        .unwrap();
    let full = smtp.command("RCPT TO:<full@waxwing.test>").unwrap();
    assert_eq!(full.code, 552, "{}", full.text);
    smtp.command("RCPT TO:<alice@waxwing.test>")
        .unwrap()
        .class(2)
        .unwrap();
    smtp.command("DATA").unwrap().class(3).unwrap();
    smtp.command(&format!("{fill}.")).unwrap().class(2).unwrap();
    assert_eq!(
        server.imap("alice@waxwing.test").select("INBOX").unwrap(),
        1
    );
    assert_eq!(server.imap("full@waxwing.test").select("INBOX").unwrap(), 0);
}

#[test]
fn the_bare_postmaster_is_that_of_the_domain_that_the_server_is_in() {
    // RFC 5321 §4.5.1.
    let server = Setup::new()
        .accounts(["postmaster@waxwing.example", "alice@waxwing.test"])
        .start();
    let sent = server.smtp().send(
        "sender@example.net",
        &["Postmaster"],
        b"Subject: x\r\n\r\nx\r\n",
    );
    sent.unwrap().class(2).unwrap();
    let mut imap = server.imap("postmaster@waxwing.example");
    assert_eq!(imap.select("INBOX").unwrap(), 1);
}

#[test]
fn content_without_a_header_cannot_go_on_in_ours() {
    let server = Setup::new().start();
    for (number, content) in [
        "\tgood=-100\r\nSubject: x\r\n\r\nbody\r\n",
        "Hello\r\n\r\nWorld\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let sent = server.smtp().send(
            "sender@example.net",
            &["alice@waxwing.test"],
            content.as_bytes(),
        );
        sent.unwrap().class(2).unwrap();
        let mut imap = server.imap("alice@waxwing.test");
        imap.select("INBOX").unwrap();
        let message = imap.fetch(&(number + 1).to_string()).unwrap().remove(0);
        let text = String::from_utf8(message.octets).unwrap();
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(header.contains("Received: "), "{text}");
        assert_eq!(body, content);
    }
}

#[test]
fn bad_utf8() {
    let server = Setup::new().start();
    let mut smtp = server.smtp();
    smtp.connection
        .send(b"MAIL FROM:<\xff\xfe@example.net> SMTPUTF8\r\n")
        .unwrap();
    let reply = smtp.reply().unwrap();
    assert_eq!(reply.code / 100, 5, "{}", reply.text);
    // In content anything goes that has lines: real mail has it.
    let message = b"Subject: \xff\xfe broken \xc3\r\n\r\n\x80\xff\r\n";
    smtp.send("sender@example.net", &["alice@waxwing.test"], message)
        .unwrap()
        .class(2)
        .unwrap();
    let mut imap = server.imap("alice@waxwing.test");
    assert_eq!(imap.select("INBOX").unwrap(), 1);
    assert!(imap.fetch("1").unwrap()[0].octets.ends_with(message));
    imap.command("FETCH 1 (ENVELOPE BODYSTRUCTURE)")
        .unwrap()
        .ok()
        .unwrap();
    imap.connection.send(b"u SELECT \"\xff\xfe\"\r\n").unwrap();
    let mut line = imap.connection.line().unwrap().unwrap();
    // RFC 7162 §3.2.11: the mailbox before is closed, whatever comes of this.
    while line.starts_with(b"* ") {
        line = imap.connection.line().unwrap().unwrap();
    }
    assert!(
        line.starts_with(b"u BAD") || line.starts_with(b"u NO"),
        "{}",
        String::from_utf8_lossy(&line)
    );
    imap.select("INBOX").unwrap();
}

/// Sends octets and reads lines until one fits or the server closes; a reset while it is still being sent to is a closing too.
fn provoke(
    mut connection: Connection,
    octets: &[u8],
    fits: impl Fn(&[u8]) -> bool,
) -> Result<(), Vec<String>> {
    let _cut_short: io::Result<()> = connection.send(octets);
    let mut said = Vec::new();
    while let Ok(Some(line)) = connection.line() {
        if fits(&line) {
            return Ok(());
        }
        said.push(String::from_utf8_lossy(&line).into_owned());
    }
    Err(said)
}

#[test]
fn lines_of_a_megabyte() {
    let server = Setup::new().start();
    let before = process::resident(server.pid());
    let line = [vec![b'x'; 1 << 20], b"\r\n".to_vec()].concat();
    // Whether the server reads to the end of the line or gives up on it first, it says so.
    let error = |line: &[u8]| {
        ["500", "421 4.5.2", "-ERR", "* BAD", "* BYE [TOOBIG]"]
            .iter()
            .any(|reply| line.starts_with(reply.as_bytes()))
    };
    thread::scope(|scope| {
        for listener in ["smtp", "submission", "lmtp", "imap", "pop3"] {
            for _ in 0..4 {
                let (server, line) = (&server, &line);
                scope.spawn(move || {
                    let connection = Connection::open(server.address(listener)).unwrap();
                    let said = provoke(connection, line, error);
                    said.unwrap_or_else(|said| {
                        panic!("{listener} does not say that the line is too long, but {said:?}")
                    });
                });
            }
        }
    });
    // A line of content that long is refused as well, and its session goes on.
    let mut smtp = server.smtp();
    let reply = smtp
        .send(
            "sender@example.net",
            &["alice@waxwing.test"],
            &[b"Subject: x\r\n\r\n".to_vec(), line].concat(),
        )
        .unwrap();
    assert_eq!(reply.code / 100, 5, "{}", reply.text);
    smtp.command("NOOP").unwrap().class(2).unwrap();
    assert_sound(&server, before);
}

#[test]
fn literals_of_four_gigabytes() {
    let server = Setup::new().start();
    let before = process::resident(server.pid());
    let refused = |command: &str, logged_in: bool| {
        let mut imap = if logged_in {
            server.imap("alice@waxwing.test")
        } else {
            Imap::open(server.address("imap")).unwrap()
        };
        imap.connection
            .send(format!("z {command}\r\n").as_bytes())
            .unwrap();
        let line = imap.connection.line().unwrap().expect("an answer");
        let text = String::from_utf8_lossy(&line).into_owned();
        assert!(
            text.starts_with("z BAD")
                || text.starts_with("z NO")
                || text.starts_with("* BYE")
                || text.starts_with("* BAD"),
            "{command}: {text}"
        );
    };
    for length in [
        "4294967295",
        "4294967296",
        "99999999999999999999999",
        "4294967295+",
    ] {
        refused(&format!("LOGIN {{{length}}}"), false);
        refused(&format!("APPEND INBOX {{{length}}}"), true);
        refused(&format!("SEARCH SUBJECT {{{length}}}"), true);
    }
    assert_sound(&server, before);
}
