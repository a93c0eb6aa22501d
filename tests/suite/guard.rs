//! Limits hold whoever comes, and those who have logged in are the last to feel them.

use std::process::Command;
use std::time::Duration;

use waxwing_tests::client::{Connection, Imap, Smtp};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup, process};

/// Long before those who flood run into the time that a login may take.
const SOON: Duration = Duration::from_secs(15);

const MESSAGE: &[u8] = b"From: <alice@waxwing.test>\r\nSubject: still here\r\n\r\nyes\r\n";

/// Listeners behind a proxy that says who the client is; loopback addresses are exempt from some limits.
fn proxied(protocol: &str) -> String {
    let origin = if protocol == "smtp" {
        "check-origin = false\n"
    } else {
        ""
    };
    format!(
        "[[listener]]\nname = \"proxied-{protocol}\"\nprotocol = \"{protocol}\"\naddress = \"127.0.0.1:0\"\n\
         proxy-protocol = true\nproxy-from = [\"127.0.0.0/8\"]\n{origin}"
    )
}

fn connect(server: &Server, listener: &str, client: &str) -> Smtp {
    let mut connection = Connection::open(server.address(listener)).unwrap();
    let header = format!("PROXY TCP4 {client} 198.51.100.25 4711 25\r\n");
    connection.send(header.as_bytes()).unwrap();
    Smtp { connection }
}

fn greeted(server: &Server, listener: &str, client: &str) -> Smtp {
    let mut smtp = connect(server, listener, client);
    smtp.reply().unwrap().class(2).unwrap();
    smtp.command("EHLO client.example")
        .unwrap()
        .class(2)
        .unwrap();
    smtp
}

/// The code and the enhanced status of a reply.
fn said(smtp: &mut Smtp, command: &str) -> String {
    let reply = smtp.command(command).unwrap();
    let status = reply.text.split(' ').next().unwrap_or_default();
    format!("{} {status}", reply.code)
}

fn submission(server: &Server) -> std::io::Result<Smtp> {
    let mut smtp = Smtp::open(server.address("submission"))?;
    smtp.login("alice@waxwing.test", PASSWORD)?.class(2)?;
    Ok(smtp)
}

fn send(smtp: &mut Smtp) -> std::io::Result<()> {
    let reply = smtp.send("alice@waxwing.test", &["bob@waxwing.test"], MESSAGE)?;
    reply.class(2).map(drop)
}

#[test]
fn flooded_on_all_listeners_users_still_send() {
    const SEATS: usize = 60;
    let server = Setup::new()
        .settings(&format!(
            "[limits]\nsessions = {SEATS}\nsessions-per-address = 20000\n"
        ))
        .start();
    let mut before = submission(&server).unwrap();
    let mut flood = Vec::new();
    let listeners: Vec<_> = server
        .listeners()
        .iter()
        .filter(|listener| listener.protocol != "metrics")
        .collect();
    for round in 0..3 * SEATS {
        let listener = listeners[round % listeners.len()];
        let mut connection = Connection::open(listener.address).unwrap();
        if listener.protocol == "smtp" && listener.tls != "implicit" {
            // Some are in the middle of a transaction.
            let _turned_away = connection.send(b"EHLO x.example\r\nMAIL FROM:<x@example.net>\r\n");
        }
        flood.push(connection);
    }
    // Who was in goes on, and who comes finds a place.
    send(&mut before).unwrap();
    let (mut user, _) = until("a user logs in", SOON, || submission(&server).ok());
    send(&mut user).unwrap();
    let (mut imap, _) = until("a user reads", SOON, || {
        Imap::login(server.address("imap"), "bob@waxwing.test", PASSWORD).ok()
    });
    assert_eq!(imap.select("INBOX").unwrap(), 2);
    send(&mut before).unwrap();
    let metrics = server.metrics();
    assert!(
        metrics.contains("waxwing_limits_hit_total{limit=\"sessions\",scope=\"all\"}"),
        "{metrics}"
    );
}

#[test]
fn what_ends_a_session_is_counted() {
    let server = Setup::new().start();
    for (listener, nonsense, word) in [
        ("smtp", "NONSENSE\r\n", "421 "),
        ("imap", "a NONSENSE\r\n", "* BYE "),
        ("pop3", "NONSENSE\r\n", "-ERR Too many"),
    ] {
        let mut connection = Connection::open(server.address(listener)).unwrap();
        let _cut_short = connection.send(nonsense.repeat(300).as_bytes());
        let mut last = Vec::new();
        while let Ok(Some(line)) = connection.line() {
            last = line;
        }
        let last = String::from_utf8_lossy(&last);
        assert!(last.starts_with(word), "{listener}: {last}");
    }
    let line = "waxwing_limits_hit_total{limit=\"errors\",scope=\"session\"} 3";
    until("the limits are counted", PATIENCE, || {
        server.metrics().contains(line).then_some(())
    });
}

#[test]
fn a_network_has_its_limit_of_sessions() {
    let settings =
        "[limits]\nsessions-per-address = 2\nsessions-per-network = 3\nipv4-network = 16\n";
    let server = Setup::new()
        .settings(settings)
        .settings(&proxied("smtp"))
        .start();
    let _busy: Vec<Smtp> = ["203.0.113.1", "203.0.113.1", "203.0.7.1"]
        .map(|client| {
            let mut smtp = greeted(&server, "proxied-smtp", client);
            assert_eq!(said(&mut smtp, "MAIL FROM:<ann@example.org>"), "250 2.1.0");
            smtp
        })
        .into();
    for (client, text) in [
        ("203.0.113.1", "too many sessions from your address"),
        ("203.0.99.9", "too many sessions from your network"),
    ] {
        let reply = connect(&server, "proxied-smtp", client).reply().unwrap();
        assert_eq!(reply.code, 421);
        assert!(reply.text.contains(text), "{client}: {}", reply.text);
    }
    greeted(&server, "proxied-smtp", "203.1.113.1");
}

#[test]
fn rates_hold_strangers_and_spare_users() {
    let settings = "[limits]\nsessions-per-address = 100\n\
        [rates.address]\nconnections = 6\ncommands = 30\nerrors = 5\nrecipients = 4\nbytes = \"100KiB\"\n";
    let server = Setup::new()
        .policy(Policy::Accepting)
        .settings(settings)
        .settings(&proxied("smtp"))
        .settings(&proxied("submission"))
        .start();
    let stranger = |client| greeted(&server, "proxied-smtp", client);
    let last_word = |mut smtp: Smtp| loop {
        let reply = smtp.reply().unwrap();
        if reply.code == 421 {
            return reply.text;
        }
    };
    // Commands, errors and octets end the session.
    for (client, input) in [
        ("203.0.113.1", "NOOP\r\n".repeat(40)),
        ("203.0.113.2", "NONSENSE\r\n".repeat(10)),
        (
            "203.0.113.3",
            format!(
                "MAIL FROM:<a@example.org>\r\nRCPT TO:<bob@waxwing.test>\r\nDATA\r\n{}",
                "x\r\n".repeat(40_000)
            ),
        ),
    ] {
        let mut smtp = stranger(client);
        let _cut_short = smtp.connection.send(input.as_bytes());
        let text = last_word(smtp);
        assert!(text.starts_with("4.7.0 Too much"), "{client}: {text}");
    }
    // Recipients are told to come again, from all sessions of the address together.
    for expected in [["250 2.1.5"; 3], ["250 2.1.5", "452 4.5.3", "452 4.5.3"]] {
        let mut smtp = stranger("203.0.113.4");
        assert_eq!(said(&mut smtp, "MAIL FROM:<a@example.org>"), "250 2.1.0");
        for expected in expected {
            assert_eq!(said(&mut smtp, "RCPT TO:<bob@waxwing.test>"), expected);
        }
    }
    // Connections are turned away.
    for _ in 0..6 {
        stranger("203.0.113.5");
    }
    let mut seventh = connect(&server, "proxied-smtp", "203.0.113.5");
    assert_eq!(seventh.reply().unwrap().code, 421);
    // Another address is none of that, and a user is not counted.
    assert_eq!(said(&mut stranger("203.0.113.6"), "NOOP"), "250 2.0.0");
    let mut connection = connect(&server, "proxied-submission", "203.0.113.6");
    connection.reply().unwrap().class(2).unwrap();
    connection.command("EHLO client.example").unwrap();
    connection.starttls().unwrap();
    connection
        .login("alice@waxwing.test", PASSWORD)
        .unwrap()
        .class(2)
        .unwrap();
    for _ in 0..40 {
        assert_eq!(said(&mut connection, "NOOP"), "250 2.0.0");
    }
    let metrics = server.metrics();
    for limit in ["commands", "errors", "bytes", "recipients", "connections"] {
        let line = format!("waxwing_limits_hit_total{{limit=\"{limit}\",scope=\"address\"}}");
        assert!(metrics.contains(&line), "{limit}: {metrics}");
    }
}

/// Octets that are free where servers of tests keep their data.
fn free_space() -> u64 {
    let printed = process::run(
        Command::new("df")
            .args(["--output=avail", "-B1"])
            .arg(std::env::temp_dir()),
        "",
    );
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    let number = text.lines().nth(1).expect("a line below the head");
    number.trim().parse().expect("a number")
}

/// A server that keeps so many octets for hard times, and has noticed how it stands.
fn pressed(reserve: u64, level: &str) -> Server {
    let settings =
        format!("[limits]\nsessions-per-address = 20000\ndisk-reserve = \"{reserve}B\"\n");
    let server = Setup::new().settings(&settings).start();
    let line = format!("waxwing_pressure{{of=\"disk\"}} {level}");
    until("the pressure is noticed", PATIENCE, || {
        server.metrics().contains(&line).then_some(())
    });
    server
}

#[test]
fn a_disk_that_fills_turns_strangers_away_first() {
    let free = free_space();
    // A tenth above the reserve strangers who bring mail are not let in; who is in already may go on.
    let tight = pressed(free / 11 * 10, "1");
    let mut turned_away = Smtp {
        connection: Connection::open(tight.address("smtp")).unwrap(),
    };
    let reply = turned_away.reply().unwrap();
    assert_eq!(
        (reply.code, reply.text.starts_with("4.3.1 ")),
        (421, true),
        "{}",
        reply.text
    );
    assert_eq!(
        said(&mut local(&tight), "MAIL FROM:<a@example.org>"),
        "250 2.1.0"
    );

    // Below it they begin no message, and users do.
    let short = pressed(free / 3 * 4, "2");
    assert_eq!(
        said(&mut local(&short), "MAIL FROM:<a@example.org>"),
        "452 4.3.1"
    );
    send(&mut submission(&short).unwrap()).unwrap();

    // Far below it nobody does; what is there can be read and removed.
    let exhausted = pressed(free * 4, "3");
    let mut user = submission(&exhausted).unwrap();
    assert_eq!(
        said(&mut user, "MAIL FROM:<alice@waxwing.test>"),
        "452 4.3.1"
    );
    let mut imap = exhausted.imap("alice@waxwing.test");
    let refused = imap.append("INBOX", "", MESSAGE).unwrap();
    assert!(
        refused.tagged.starts_with("NO [LIMIT] "),
        "{}",
        refused.tagged
    );
    imap.select("INBOX").unwrap();
    let metrics = exhausted.metrics();
    assert!(
        metrics.contains("waxwing_limits_hit_total{limit=\"disk\",scope=\"everybody\"}"),
        "{metrics}"
    );
}

/// A session over LMTP, whose peers are let in in any case and are not logged in.
fn local(server: &Server) -> Smtp {
    let mut lmtp = Smtp {
        connection: Connection::open(server.address("lmtp")).unwrap(),
    };
    lmtp.reply().unwrap().class(2).unwrap();
    lmtp.command("LHLO client.example")
        .unwrap()
        .class(2)
        .unwrap();
    lmtp
}

#[test]
fn who_speaks_before_the_greeting_is_known_to_policy() {
    let policy = "[[step]]\nplugin = \"access\"\ngrants = [\"kv\", \"directory\"]\n\
        [step.settings]\ntrust = []\nearly = { wait-ms = 400, measure = \"reject\" }\n\
        [[step]]\nplugin = \"accepting\"\ngrants = [\"directory\", \"credentials\"]\n";
    let server = Setup::new().policy(Policy::Text(policy.into())).start();
    let mut early = Smtp {
        connection: Connection::open(server.address("smtp")).unwrap(),
    };
    early.connection.send(b"EHLO client.example\r\n").unwrap();
    early.reply().unwrap().class(2).unwrap();
    let reply = early.reply().unwrap();
    assert_eq!(
        (
            reply.code,
            reply.text.starts_with("5.7.1 Wait for the greeting")
        ),
        (550, true),
        "{}",
        reply.text
    );
    let mut patient = server.smtp();
    let sent = patient.send("ann@example.org", &["alice@waxwing.test"], MESSAGE);
    sent.unwrap().class(2).unwrap();
    assert!(
        server
            .metrics()
            .contains("waxwing_early_talkers_total{listener=\"smtp\"} 1")
    );
}

#[test]
fn whoever_guesses_at_recipients_is_not_heard_for_a_while() {
    let policy = "[[step]]\nplugin = \"access\"\ngrants = [\"kv\", \"directory\"]\n\
        [step.settings]\nban = { errors = 0, refused-recipients = 3 }\n\
        [[step]]\nplugin = \"recipients\"\ngrants = [\"directory\"]\n";
    let server = Setup::new()
        .settings(&proxied("smtp"))
        .policy(Policy::Text(policy.into()))
        .start();
    let guesser = "203.0.113.6";
    let mut guessing = greeted(&server, "proxied-smtp", guesser);
    let begun = guessing.command("MAIL FROM:<ann@example.org>");
    begun.unwrap().class(2).unwrap();
    for name in ["adam", "eve"] {
        let guess = said(&mut guessing, &format!("RCPT TO:<{name}@waxwing.test>"));
        assert_eq!(guess, "550 5.1.1");
    }
    // Two are not enough, and the last word of a session counts, too.
    let mut again = greeted(&server, "proxied-smtp", guesser);
    assert_eq!(
        said(&mut guessing, "RCPT TO:<cain@waxwing.test>"),
        "550 5.1.1"
    );
    drop(guessing);
    for _ in 0..2 {
        let mut banned = connect(&server, "proxied-smtp", guesser);
        let reply = banned.reply().unwrap();
        assert_eq!(
            (reply.code, reply.text.starts_with("4.7.0 Too many errors")),
            (421, true),
            "{}",
            reply.text
        );
    }
    // Who is in stays in, and others are heard.
    assert_eq!(said(&mut again, "NOOP"), "250 2.0.0");
    let _other = greeted(&server, "proxied-smtp", "203.0.113.7");
}
