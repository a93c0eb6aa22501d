//! How little a server costs that has nothing to do.
//!
//! 500 idle sessions in `make test`; `WAXWING_IDLE=5000`, as `make idle` has it, makes it more (the limit on open files must allow it).

use std::io;
use std::time::Duration;

use waxwing_tests::client::{Connection, Smtp};
use waxwing_tests::{Server, Setup, process};

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

/// What each of many sessions costs that are opened and then say nothing.
fn cost(server: &Server, what: &str, open: impl Fn() -> io::Result<Smtp>) -> u64 {
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
        assert_eq!(
            session.command("NOOP").unwrap().code,
            250,
            "an idle session still answers"
        );
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
