//! The sending server dies under load, again and again: what it took reaches the other server.
//!
//! Three kills in `make test`; `WAXWING_KILLS=50` (`make crash`) makes it more.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use waxwing_tests::client::Smtp;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Setup};

use super::{IMPATIENT, inbox, policy, queue_is_empty, sender, submit};

/// Messages of a round.
const EACH: usize = 40;

#[test]
fn nothing_is_lost_when_the_sender_dies() {
    let kills = std::env::var("WAXWING_KILLS").ok();
    let kills: usize = kills.and_then(|kills| kills.parse().ok()).unwrap_or(3);
    let there = Setup::new()
        .policy(Policy::Accepting)
        .accounts(["carol@remote.example"])
        .start();
    let mut here = sender(&[("remote.example", there.address("smtp"))], IMPATIENT);
    let mut taken = HashSet::new();
    for round in 0..kills {
        let mut smtp = Smtp::open(here.address("submission")).unwrap();
        smtp.login("alice@waxwing.test", PASSWORD)
            .unwrap()
            .class(2)
            .unwrap();
        for number in 0..EACH {
            let id = format!("{round}-{number}");
            let message =
                format!("Subject: {id}\r\nMessage-ID: <{id}@waxwing.test>\r\n\r\n{id}\r\n");
            let sent = smtp.send(
                "alice@waxwing.test",
                &["carol@remote.example"],
                message.as_bytes(),
            );
            sent.unwrap().class(2).unwrap();
            taken.insert(id);
        }
        // The queue is at work now: some are gone, some are under way, some wait.
        here.kill();
        here.start();
    }
    until("everything arrives", PATIENCE * 2, || {
        let mut imap = there.imap("carol@remote.example");
        let here = imap.select("INBOX").unwrap();
        (here >= taken.len()).then_some(())
    });
    queue_is_empty(&here);
    let arrived = inbox(&there, "carol@remote.example", taken.len());
    let subject = |message: &String| {
        let line = message.lines().find(|line| line.starts_with("Subject: "));
        line.unwrap()["Subject: ".len()..].to_owned()
    };
    let once: HashSet<String> = arrived.iter().map(subject).collect();
    assert_eq!(once, taken);
    here.verify();
}

/// The lease of what was under way lasts for two minutes; who starts where nobody else can be at work does not wait for its end.
#[test]
fn what_was_under_way_goes_on_after_a_start() {
    let reached = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&reached);
    let there = Peer::start(move |connection, command| match (connection, command) {
        (0, ".") => {
            seen.store(true, Ordering::SeqCst);
            Act::Silent
        }
        _ => Act::Usual,
    });
    let routes = [("remote.example", there.address())];
    let mut here = Setup::new().policy(policy(&routes, IMPATIENT)).start();
    submit(
        &here,
        &["carol@remote.example"],
        "Subject: x\r\n\r\nbody\r\n",
    );
    until("the message is under way", PATIENCE, || {
        reached.load(Ordering::SeqCst).then_some(())
    });
    here.kill();
    here.start();
    assert_eq!(there.takes(1).len(), 1);
    queue_is_empty(&here);
}
