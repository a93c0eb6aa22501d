//! Messages that are begun with the end of the one before them (RFC 2920 §3.1): whatever goes wrong with one of them, each comes once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use waxwing_tests::client::Smtp;
use waxwing_tests::peer::{Act, Peer, Taken};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup};

use super::{IMPATIENT, policy, queue_is_empty};

/// Messages for each server.
const EACH: usize = 6;

/// A server that takes its time for its first message, until others wait for the one connection that there is to it.
struct Waiting {
    domain: &'static str,
    peer: Peer,
    at_first: Arc<AtomicBool>,
    go_on: Arc<AtomicBool>,
}

impl Waiting {
    /// It does this at the third command of a kind over its first connection: that of a message which was begun behind another, and
    /// has another behind it.
    fn start(domain: &'static str, at: &'static str, act: &Act) -> Self {
        let (at_first, go_on) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (reached, free) = (Arc::clone(&at_first), Arc::clone(&go_on));
        let (seen, act) = (AtomicUsize::new(0), act.clone());
        let peer = Peer::start(move |connection, command| {
            if connection == 0 && command == "." && !reached.swap(true, Ordering::SeqCst) {
                until("others wait", PATIENCE, || {
                    free.load(Ordering::SeqCst).then_some(())
                });
            }
            let this = connection == 0 && command.starts_with(at);
            match this && seen.fetch_add(1, Ordering::SeqCst) == 2 {
                true => act.clone(),
                false => Act::Usual,
            }
        });
        Self {
            domain,
            peer,
            at_first,
            go_on,
        }
    }

    fn submit(&self, smtp: &mut Smtp, number: usize) {
        let to = format!("carol@{}", self.domain);
        let message = format!("Subject: {number}\r\n\r\nbody\r\n");
        let sent = smtp.send("alice@waxwing.test", &[&to], message.as_bytes());
        sent.unwrap().class(2).unwrap();
    }
}

/// Sends to servers that do this at one command each.
fn against(act: &Act) -> (Server, Vec<Waiting>) {
    let servers = [
        ("mail.example", "MAIL"),
        ("rcpt.example", "RCPT"),
        ("data.example", "DATA"),
        ("dot.example", "."),
    ];
    let servers: Vec<Waiting> = servers
        .iter()
        .map(|(domain, at)| Waiting::start(domain, at, act))
        .collect();
    let routes: Vec<_> = servers
        .iter()
        .map(|server| (server.domain, server.peer.address()))
        .collect();
    let here = Setup::new()
        .policy(policy(&routes, IMPATIENT))
        .settings("[queue]\nconnections-per-destination = 1\n")
        .start();
    let mut smtp = Smtp::open(here.address("submission")).unwrap();
    let login = smtp.login("alice@waxwing.test", PASSWORD);
    login.unwrap().class(2).unwrap();
    for server in &servers {
        server.submit(&mut smtp, 0);
    }
    for server in &servers {
        until("the first is under way", PATIENCE, || {
            server.at_first.load(Ordering::SeqCst).then_some(())
        });
        (1..EACH).for_each(|number| server.submit(&mut smtp, number));
    }
    for server in &servers {
        server.go_on.store(true, Ordering::SeqCst);
    }
    (here, servers)
}

fn each_comes_once(act: &Act) {
    let (here, servers) = against(act);
    queue_is_empty(&here);
    for Waiting { domain, peer, .. } in servers {
        let taken = peer.taken();
        let subject = |taken: &Taken| {
            let line = taken
                .content
                .lines()
                .find(|line| line.starts_with("Subject: "));
            line.unwrap()["Subject: ".len()..].to_owned()
        };
        let mut subjects: Vec<String> = taken.iter().map(subject).collect();
        subjects.sort();
        let all: Vec<String> = (0..EACH).map(|number| number.to_string()).collect();
        assert_eq!(subjects, all, "{act:?}, {domain}\n{}", here.log());
        assert!(
            taken.iter().any(|taken| taken.followed),
            "{act:?}, {domain}: nothing was begun behind another"
        );
    }
    assert_eq!(here.imap("alice@waxwing.test").select("INBOX").unwrap(), 0);
}

#[test]
fn whose_connection_ends() {
    each_comes_once(&Act::Close);
}

#[test]
fn whose_server_goes_down() {
    each_comes_once(&Act::Say("421 4.3.2 going down"));
}

#[test]
fn who_is_put_off() {
    each_comes_once(&Act::Say("451 4.3.0 not now"));
}

#[test]
fn who_is_answered_with_nonsense() {
    each_comes_once(&Act::Say("what?"));
}
