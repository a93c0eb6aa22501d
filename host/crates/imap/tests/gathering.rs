//! Who hears of all mailboxes by NOTIFY does not look at all of them for each of many changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "tests fail by panicking; not every test needs all of the world"
)]

mod world;

use std::time::{Duration, Instant};

use waxwing_dialogue::{Dialogue, World};
use waxwing_imap::types::FlagSet;
use waxwing_imap::{Ask, Session};
use waxwing_session::{Session as _, Step};

struct Client {
    world: world::Fake,
    session: Session,
    now: Instant,
    listings: usize,
    written: String,
}

impl Client {
    /// Lets the session do what it can.
    fn run(&mut self) {
        loop {
            match self.session.step() {
                Step::Write(octets) => self.written += &String::from_utf8_lossy(&octets),
                Step::Ask(ask) => {
                    self.listings += usize::from(matches!(ask, Ask::Mailboxes { .. }));
                    self.session.answer(self.world.answer(ask), self.now);
                }
                Step::Read => break,
                _ => {}
            }
        }
    }

    fn said(&mut self, what: &str) -> usize {
        let count = self.written.matches(what).count();
        self.written.clear();
        count
    }
}

#[test]
fn many_changes_are_looked_at_together() {
    let dialogue = Dialogue::parse("x", "# x\n").unwrap();
    let mut world = world::Fake::new(&dialogue);
    let now = Instant::now();
    let session = world.open(&dialogue, now);
    let mut client = Client {
        world,
        session,
        now,
        listings: 0,
        written: String::new(),
    };
    let commands = "a LOGIN alice@waxwing.test waxwing-demo\r\nb NOTIFY SET (personal (MessageNew MessageExpunge))\r\nc IDLE\r\n";
    client.session.receive(commands.as_bytes(), now);
    client.run();
    let quiet = client.session.deadline().unwrap();
    // A change after some time without any is told at once.
    client.now += Duration::from_secs(60);
    client.listings = 0;
    for round in 0..3 {
        for _ in 0..100 {
            client
                .world
                .store("Drafts", b"Subject: x\r\n\r\n", FlagSet::default());
            client.session.wake();
            client.run();
            if client
                .session
                .deadline()
                .is_some_and(|due| due <= client.now)
            {
                client.session.expire(client.now);
                client.run();
            }
        }
        if round == 0 {
            assert_eq!(
                (client.listings, client.said("* STATUS")),
                (1, 1),
                "at once"
            );
        }
        // The others are told soon, together.
        let due = client.session.deadline().unwrap();
        assert!(due - client.now < Duration::from_secs(1));
        client.now = due;
        client.session.expire(due);
        client.run();
        assert_eq!(client.listings, round + 2);
        let last = format!("MESSAGES {}", (round + 1) * 100);
        assert_eq!((client.said(&last), client.said("* BYE")), (1, 0), "{last}");
    }
    // Nothing is waited for any more, but for the client, whose time goes on.
    assert_eq!(client.session.deadline(), Some(quiet));
}
