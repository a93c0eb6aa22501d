//! Peers that are in the middle of something, and stay there, cost the others nothing.
//!
//! 300 of them in `make test`; `WAXWING_SLOW=10000`, as `make slow` has it, makes it more (the limit on open files must allow it).

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use waxwing_tests::client::{Connection, Smtp};
use waxwing_tests::{Policy, Server, Setup};

const MESSAGE: &[u8] = b"From: <ann@example.org>\r\nSubject: quick\r\n\r\nyes\r\n";
/// Messages of one look at the time that they take.
const MESSAGES: usize = 200;
/// Looks, of which one must be good: the machine has other things to do, too.
const LOOKS: usize = 5;
/// Octets that all slow peers together send each second.
const TRICKLE: u32 = 2_000;

fn count() -> usize {
    let wanted = std::env::var("WAXWING_SLOW").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(300)
}

/// A peer that stops within a command, within a transaction, within a message, or within the handshake.
fn slow_peer(server: &Server, number: usize) -> TcpStream {
    let words = [
        &b"EHLO slow.example\r\nMAIL FRO"[..],
        b"EHLO slow.example\r\nMAIL FROM:<slow@example.net>\r\nRCPT TO:<ali",
        b"EHLO slow.example\r\nMAIL FROM:<slow@example.net>\r\nRCPT TO:<alice@waxwing.test>\r\nDATA\r\nSubject: sl",
        b"\x16\x03\x01\x02\x00",
    ][number % 4];
    let listener = if number % 4 == 3 { "smtp-tls" } else { "smtp" };
    let mut stream = TcpStream::connect(server.address(listener)).unwrap();
    stream.write_all(words).unwrap();
    stream
}

/// Sends an octet to one peer after another until it is told to end.
fn trickle(peers: &mut [TcpStream], over: &AtomicBool) {
    let pause = Duration::from_millis(20);
    let mut next = 0;
    while !over.load(Ordering::Relaxed) {
        for _ in 0..TRICKLE / 50 {
            let peer = next % peers.len();
            // Whom the server has had enough of is gone.
            let _gone = peers[peer].write_all(b"x");
            next += 1;
        }
        std::thread::park_timeout(pause);
    }
}

/// The time that 99 of 100 messages take at the most, each over a session of its own.
fn p99(smtp: SocketAddr) -> Duration {
    let mut taken: Vec<Duration> = (0..MESSAGES)
        .map(|_| {
            let mut smtp = Smtp::open(smtp).unwrap();
            let begun = Instant::now();
            let sent = smtp.send("ann@example.org", &["alice@waxwing.test"], MESSAGE);
            sent.unwrap().class(2).unwrap();
            begun.elapsed()
        })
        .collect();
    taken.sort();
    taken[MESSAGES * 99 / 100 - 1]
}

#[test]
fn slow_peers_leave_the_others_alone() {
    let server = Setup::new().policy(Policy::Accepting).start();
    let smtp = server.address("smtp");
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        let usual = p99(smtp);
        let mut peers: Vec<_> = (0..count())
            .map(|number| slow_peer(&server, number))
            .collect();
        let over = AtomicBool::new(false);
        let beset = std::thread::scope(|scope| {
            scope.spawn(|| trickle(&mut peers, &over));
            let beset = p99(smtp);
            over.store(true, Ordering::Relaxed);
            beset
        });
        eprintln!(
            "p99 {usual:.1?}, beside {} slow peers {beset:.1?}",
            peers.len()
        );
        looks.push((usual, beset));
        if beset < 2 * usual {
            // They are still there, and none of them has come to anything.
            let metrics = server.metrics();
            assert!(metrics.contains("waxwing_sessions{protocol=\"smtp\"}"));
            return;
        }
    }
    panic!("slow peers slow the others down: {looks:?}");
}

#[test]
fn a_handshake_that_stops_is_given_up() {
    let server = Setup::new()
        .settings("[timeouts]\nhandshake = \"200ms\"\n")
        .start();
    let mut connection = Connection::open(server.address("smtp-tls")).unwrap();
    connection.send(b"\x16\x03\x01\x02\x00").unwrap();
    let begun = Instant::now();
    while connection.line().is_ok_and(|line| line.is_some()) {}
    assert!(begun.elapsed() < Duration::from_secs(20));
}
