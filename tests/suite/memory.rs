//! How little a server costs that has nothing to do.
//!
//! 500 idle sessions in `make test`; `WAXWING_IDLE=5000`, as `make idle` has it, makes it more (the limit on open files must allow it).

use std::io;
use std::time::Duration;

use waxwing_tests::client::{Connection, Imap, Smtp};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup, process};

use crate::search_index::left_out;

const MIB: u64 = 1 << 20;

#[test]
fn an_idle_server_is_small_and_a_second_start_is_quick() {
    let mut server = Setup::new().start();
    assert!(
        server.stop().success(),
        "it ends well when it is asked to:\n{}",
        server.log()
    );
    server.start();
    let resident = process::resident(server.pid());
    eprintln!(
        "idle: {:.1} MiB, second start in {:.0?}",
        resident as f64 / MIB as f64,
        server.started_in()
    );
    // A debug build links and runs slower than what is promised of a release, and has 20 MB more of code in memory.
    let (memory, promised) = if cfg!(debug_assertions) {
        (100_000_000, Duration::from_secs(3))
    } else {
        (80_000_000, Duration::from_secs(1))
    };
    assert!(resident < memory, "{resident} octets");
    assert!(server.started_in() < promised, "{:?}", server.started_in());
    for listener in server
        .listeners()
        .iter()
        .filter(|listener| listener.protocol != "metrics")
    {
        let mut connection = match listener.tls.as_str() {
            "implicit" => waxwing_tests::client::Connection::open_tls(listener.address),
            _ => waxwing_tests::client::Connection::open(listener.address),
        }
        .unwrap();
        assert!(
            connection.line().unwrap().is_some(),
            "{} greets",
            listener.name
        );
    }
    assert!(server.metrics().contains("waxwing_sessions"));
}

fn idle() -> u64 {
    let wanted = std::env::var("WAXWING_IDLE").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(500)
}

/// A session that can be asked whether it is still there.
trait Waiting {
    fn answers(&mut self) -> bool;
}

impl Waiting for Smtp {
    fn answers(&mut self) -> bool {
        self.command("NOOP").unwrap().code == 250
    }
}

/// One in IDLE.
struct Idling(Imap);

impl Waiting for Idling {
    fn answers(&mut self) -> bool {
        self.0.connection.send(b"DONE\r\n").unwrap();
        self.0
            .connection
            .line()
            .unwrap()
            .unwrap()
            .starts_with(b"idle OK")
    }
}

/// What each of many sessions costs that are opened and then say nothing.
fn cost<S: Waiting>(server: &Server, what: &str, open: impl Fn() -> io::Result<S>) -> u64 {
    let count = idle();
    let open = |count: u64| {
        (0..count)
            .map(|_| open())
            .collect::<io::Result<Vec<_>>>()
            .unwrap()
    };
    // What the first sessions bring to life (buffers of the allocator, plugin instances) is not the price of a session.
    drop(open(100));
    let before = process::resident(server.pid());
    let mut sessions = open(count);
    let each = process::resident(server.pid()).saturating_sub(before) / count;
    eprintln!("{count} idle {what}: {each} octets each");
    for session in sessions.iter_mut().step_by(50) {
        assert!(session.answers(), "an idle session still answers");
    }
    each
}

#[test]
fn idle_sessions_are_small() {
    let server = Setup::new().start();
    let each = cost(&server, "SMTP sessions", || {
        Smtp::open(server.address("smtp"))
    });
    assert!(each < 8 << 10, "{each} octets a session");
}

#[test]
fn idle_sessions_under_tls_are_small() {
    let server = Setup::new().start();
    let each = cost(&server, "SMTP sessions under TLS", || {
        let mut smtp = Smtp {
            connection: Connection::open_tls(server.address("smtp-tls"))?,
        };
        smtp.reply()?.class(2)?;
        smtp.command("EHLO client.example")?.class(2)?;
        Ok(smtp)
    });
    assert!(each < 30 << 10, "{each} octets a session");
}

const ALICE: &str = "alice@waxwing.test";

/// Puts messages into INBOX, many with a command.
fn fill(imap: &mut Imap, messages: usize) {
    let message = "Subject: one of many\r\n\r\nx\r\n";
    let one = format!(" {{{}+}}\r\n{message}", message.len());
    for _ in 0..messages / 100 {
        let all = format!("APPEND INBOX{}", one.repeat(100));
        imap.command(&all).unwrap().ok().unwrap();
    }
}

/// Who waits for news of a mailbox of 10,000 messages (a tenth of it in `make test`) knows of each that it is there, and no more.
#[test]
fn sessions_in_idle_are_small() {
    let server = Setup::new().start();
    let messages = if idle() > 500 { 10_000 } else { 1_000 };
    fill(&mut server.imap(ALICE), messages);
    let what = format!("IMAP sessions in IDLE on {messages} messages");
    let each = cost(&server, &what, || {
        let mut imap = server.imap(ALICE);
        assert_eq!(imap.select("INBOX")?, messages);
        imap.connection.send(b"idle IDLE\r\n")?;
        let line = imap.connection.line()?.unwrap_or_default();
        assert!(line.starts_with(b"+"), "{}", String::from_utf8_lossy(&line));
        Ok(Idling(imap))
    });
    assert!(each < 15 << 10, "{each} octets a session");
}

/// A message goes out as its reader takes it, and is never whole in memory.
#[test]
fn a_large_message_is_fetched_in_pieces() {
    const SIZE: usize = 48 << 20;
    let mut server = Setup::new().start();
    let line = format!("{}\r\n", "x".repeat(76));
    let mut message = String::from("Subject: large\r\n\r\n");
    while message.len() < SIZE {
        message.push_str(&line);
    }
    let mut imap = server.imap(ALICE);
    let stored = imap.append("INBOX", "", message.as_bytes());
    stored.unwrap().ok().unwrap();
    fill(&mut imap, 100);
    imap.select("INBOX").unwrap();
    until("the messages are in the search index", PATIENCE, || {
        let before = left_out(&server);
        imap.search("BODY never").unwrap();
        (left_out(&server) - before == 101).then_some(())
    });
    drop(imap);
    // What it took to store it and to index it is not looked at here.
    assert!(server.stop().success());
    server.start();
    let mut imap = server.imap(ALICE);
    imap.select("INBOX").unwrap();
    imap.command("FETCH 2:* (FLAGS BODY.PEEK[])").unwrap();
    let before = process::anonymous(server.pid());
    let most = most_while_fetched(&mut imap, server.pid(), message.as_bytes());
    let grown = most.saturating_sub(before);
    eprintln!("a FETCH of {SIZE} octets: {grown} octets of memory");
    assert!(grown < 2 << 20, "{grown} octets");
}

/// The most memory that the server has while it sends its first message to a client that takes it in pieces.
fn most_while_fetched(imap: &mut Imap, pid: u32, message: &[u8]) -> u64 {
    imap.connection
        .send(b"big FETCH 1 BODY.PEEK[]\r\n")
        .unwrap();
    let head = String::from_utf8(imap.connection.line().unwrap().unwrap()).unwrap();
    assert!(head.ends_with(&format!("{{{}}}", message.len())), "{head}");
    let mut most = 0;
    for piece in message.chunks(1 << 20) {
        assert_eq!(imap.connection.exactly(piece.len()).unwrap(), piece);
        most = most.max(process::anonymous(pid));
    }
    assert_eq!(imap.connection.line().unwrap().unwrap(), b")");
    let tagged = imap.connection.line().unwrap().unwrap();
    assert!(tagged.starts_with(b"big OK"));
    most
}
