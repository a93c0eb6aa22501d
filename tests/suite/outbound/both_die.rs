//! Two servers relay to each other under load, and now one dies and now the other: nothing is lost, and what comes twice was on
//! its way when somebody died (RFC 5321 §4.5.3.2.6).
//!
//! Some hundreds of messages in `make test`; `WAXWING_RELAYED=100000` (`make relayed`) makes it more.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};

use waxwing_tests::client::Smtp;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

use super::{IMPATIENT, policy};

/// Connections that submit to each server.
const SENDERS: usize = 3;
/// Messages that one server may have on their way to another: on each connection (`[queue] connections-per-destination`) one that is
/// sent and one that was, of which it is not yet written down.
const UNDER_WAY: usize = 2 * 20;

/// One of the two: its user, whose mail goes to the other's, and where it is submitted now.
struct Side {
    user: &'static str,
    to: &'static str,
    address: RwLock<SocketAddr>,
    /// Messages that had their 250.
    taken: Mutex<HashSet<String>>,
    /// Messages whose reply was lost: they are taken or not.
    perhaps: Mutex<HashSet<String>>,
}

impl Side {
    fn new(user: &'static str, to: &'static str, server: &Server) -> Self {
        Self {
            user,
            to,
            address: RwLock::new(server.address("submission")),
            taken: Mutex::default(),
            perhaps: Mutex::default(),
        }
    }

    /// Submits until there are so many, over new connections as long as the old ones break.
    fn submit(&self, sender: usize, next: &AtomicUsize, most: usize, stop: &AtomicBool) {
        while next.load(Ordering::Relaxed) < most && !stop.load(Ordering::Relaxed) {
            let opened = || match stop.load(Ordering::Relaxed) {
                true => Some(None),
                false => Smtp::open(*self.address.read().unwrap()).ok().map(Some),
            };
            let (Some(mut smtp), _) = until("the server is back", PATIENCE, opened) else {
                return;
            };
            let login = smtp.login(self.user, PASSWORD);
            if !login.is_ok_and(|reply| reply.code == 235) {
                continue;
            }
            self.over(&mut smtp, sender, next, most);
        }
    }

    fn over(&self, smtp: &mut Smtp, sender: usize, next: &AtomicUsize, most: usize) {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= most {
                return;
            }
            let id = format!("{number}-{sender}");
            let message = format!(
                "Subject: {id}\r\nMessage-ID: <{id}@{}>\r\n\r\n{id}\r\n",
                self.user
            );
            if smtp.envelope(self.user, &[self.to]).is_err() {
                return;
            }
            let said = smtp.content(message.as_bytes()).and_then(|()| smtp.reply());
            match said {
                Ok(reply) if reply.code == 250 => drop(self.taken.lock().unwrap().insert(id)),
                Ok(_) => {}
                Err(_) => {
                    self.perhaps.lock().unwrap().insert(id);
                    return;
                }
            }
        }
    }

    /// Holds what has arrived against what was taken; how much came twice.
    fn check(&self, arrived: &[String]) -> usize {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for id in arrived {
            *counts.entry(id).or_default() += 1;
        }
        let (taken, perhaps) = (self.taken.lock().unwrap(), self.perhaps.lock().unwrap());
        let lost: Vec<_> = taken
            .iter()
            .filter(|id| !counts.contains_key(id.as_str()))
            .collect();
        assert!(
            lost.is_empty(),
            "{} of {} are lost: {lost:?}",
            lost.len(),
            taken.len()
        );
        let strange: Vec<_> = counts
            .keys()
            .filter(|id| !taken.contains(**id) && !perhaps.contains(**id))
            .collect();
        assert!(strange.is_empty(), "nobody sent {strange:?}");
        counts.values().map(|count| count - 1).sum()
    }
}

/// Leads a server's mail for a domain to where the other is now.
fn lead(server: &Server, domain: &str, to: &Server) {
    let Policy::Text(text) = policy(&[(domain, to.address("smtp"))], IMPATIENT) else {
        unreachable!()
    };
    server.change(|| fs::write(server.folder().join("policy.toml"), text).unwrap());
}

fn start(user: &str) -> Server {
    Setup::new()
        .policy(policy(&[], IMPATIENT))
        .settings("[queue]\nreply = \"10s\"\nlease = \"3s\"\n")
        .accounts([user])
        .start()
}

/// The subjects of a mailbox.
fn subjects(server: &Server, user: &str) -> Vec<String> {
    let mut imap = server.imap(user);
    if imap.select("INBOX").unwrap() == 0 {
        return Vec::new();
    }
    let messages = imap.fetch("1:*").unwrap();
    let subject = |octets: &[u8]| {
        let text = String::from_utf8_lossy(octets);
        let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
        line.unwrap_or_default().to_owned()
    };
    messages
        .iter()
        .map(|message| subject(&message.octets))
        .collect()
}

#[test]
fn nothing_is_lost_when_either_dies() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let most: usize = number("WAXWING_RELAYED").unwrap_or(400);
    let kills: usize = number("WAXWING_KILLS").unwrap_or(4);
    let (ann, ben) = ("ann@one.example", "ben@two.example");
    let (mut one, mut two) = (start(ann), start(ben));
    lead(&one, "two.example", &two);
    lead(&two, "one.example", &one);
    let sides = [Side::new(ann, ben, &one), Side::new(ben, ann, &two)];
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for side in &sides {
            for sender in 0..SENDERS {
                let (next, stop) = (&next, &stop);
                scope.spawn(move || side.submit(sender, next, most, stop));
            }
        }
        for kill in 1..=kills {
            // In the middle of it, each time a while later.
            let at = most * kill / (kills + 1);
            until("the next one dies", PATIENCE * 60, || {
                (next.load(Ordering::Relaxed) >= at).then_some(())
            });
            let (server, other, side, domain) = match kill % 2 {
                0 => (&mut one, &two, &sides[0], "one.example"),
                _ => (&mut two, &one, &sides[1], "two.example"),
            };
            server.kill();
            server.start();
            *side.address.write().unwrap() = server.address("submission");
            lead(other, domain, server);
        }
        until("all is submitted", PATIENCE * 60, || {
            (next.load(Ordering::Relaxed) >= most).then_some(())
        });
        stop.store(true, Ordering::Relaxed);
    });
    for server in [&one, &two] {
        until("the queue is empty", PATIENCE * 60, || {
            let queued = server.json(&["queue", "list"]);
            queued.as_array()?.is_empty().then_some(())
        });
    }
    let twice = sides[0].check(&subjects(&two, ben)) + sides[1].check(&subjects(&one, ann));
    let taken: usize = sides
        .iter()
        .map(|side| side.taken.lock().unwrap().len())
        .sum();
    eprintln!("{taken} messages taken under {kills} kills, {twice} came twice");
    assert!(twice <= kills * UNDER_WAY, "{twice} came twice");
    assert!(taken > most / 2, "only {taken} were taken");
    one.verify();
    two.verify();
}
