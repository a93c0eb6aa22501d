//! `kill -9` at random moments under load: what got its 250 is there exactly once, and the store is whole.
//!
//! Ten kills on each database in `make test`; `WAXWING_KILLS=50` (`make crash`) makes it more.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use waxwing_tests::client::{Imap, Smtp};
use waxwing_tests::database::Database;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup};

const SENDERS: usize = 8;
const READERS: [&str; 3] = ["r0@waxwing.test", "r1@waxwing.test", "r2@waxwing.test"];

#[test]
fn killed_under_load() {
    let kills: usize = std::env::var("WAXWING_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(10);
    for database in Database::all() {
        let mut server = Setup::new()
            .database(database.clone())
            .accounts(READERS)
            .start();
        let acknowledged = Mutex::new(Vec::new());
        let mut moments = Moments(0x9e37_79b9_7f4a_7c15 ^ u64::from(std::process::id()));
        for round in 0..kills {
            load_and_kill(&mut server, round, moments.next(), &acknowledged);
            server.start();
            server.verify();
        }
        let acknowledged = acknowledged.into_inner().unwrap();
        check(&server, &acknowledged);
        eprintln!(
            "{kills} kills on {database:?}: {} acknowledged messages are there once each",
            acknowledged.len()
        );
    }
}

/// Sends from many sessions, and kills the server after about `count` more acknowledgements.
fn load_and_kill(
    server: &mut Server,
    round: usize,
    count: usize,
    acknowledged: &Mutex<Vec<String>>,
) {
    let address = server.address("smtp");
    let goal = acknowledged.lock().unwrap().len() + count;
    let running = AtomicUsize::new(SENDERS);
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let running = &running;
            scope.spawn(move || {
                let mut sent = 0;
                if let Ok(mut smtp) = Smtp::open(address) {
                    while let Ok(id) = send_one(&mut smtp, round, sender, sent) {
                        acknowledged.lock().unwrap().push(id);
                        sent += 1;
                    }
                }
                running.fetch_sub(1, Ordering::Relaxed);
            });
        }
        until("enough messages are acknowledged", PATIENCE, || {
            assert!(
                running.load(Ordering::Relaxed) > 0,
                "all senders gave up:\n{}",
                server.log()
            );
            (acknowledged.lock().unwrap().len() >= goal).then_some(())
        });
        server.kill();
    });
}

/// Sends one message, some small, some over the bound above which content lies in files; gives its name once it is acknowledged.
fn send_one(
    smtp: &mut Smtp,
    round: usize,
    sender: usize,
    number: usize,
) -> std::io::Result<String> {
    let id = format!("{round}-{sender}-{number}");
    let lines = if number % 7 == 6 { 2000 } else { 40 };
    let message = format!(
        "Subject: {id}\r\n\r\n{}",
        format!("{id} says something in a line of text\r\n").repeat(lines)
    );
    let readers: Vec<&str> = if number % 5 == 4 {
        READERS[..2].to_vec()
    } else {
        vec![READERS[number % 3]]
    };
    smtp.send("sender@example.net", &readers, message.as_bytes())?
        .class(2)?;
    Ok(id)
}

/// Every acknowledged message is in each of its mailboxes once, whole; no message is anywhere twice.
fn check(server: &Server, acknowledged: &[String]) {
    let mut copies: HashMap<String, usize> = HashMap::new();
    for reader in READERS {
        let mut imap = server.imap(reader);
        let mut here = HashMap::new();
        for mailbox in ["INBOX", "Junk"] {
            read(&mut imap, mailbox, &mut here);
        }
        for (id, count) in here {
            assert_eq!(count, 1, "{id} is {count} times with {reader}");
            *copies.entry(id).or_default() += 1;
        }
    }
    for id in acknowledged {
        let number: usize = id.rsplit('-').next().unwrap().parse().unwrap();
        let wanted = if number % 5 == 4 { 2 } else { 1 };
        assert_eq!(
            copies.get(id).copied().unwrap_or_default(),
            wanted,
            "copies of {id}, which got its 250"
        );
    }
}

fn read(imap: &mut Imap, mailbox: &str, here: &mut HashMap<String, usize>) {
    let count = imap.select(mailbox).unwrap();
    for first in (1..=count).step_by(100) {
        for message in imap
            .fetch(&format!("{first}:{}", count.min(first + 99)))
            .unwrap()
        {
            let text = String::from_utf8(message.octets).unwrap();
            let (_, subject) = text.split_once("Subject: ").expect("its subject");
            let (id, body) = subject.split_once("\r\n\r\n").expect("its body");
            let lines = body.lines().filter(|line| line.starts_with(id)).count();
            assert!(
                lines == 40 || lines == 2000,
                "{id} has {lines} of its lines"
            );
            *here.entry(id.to_owned()).or_default() += 1;
        }
    }
}

/// Numbers of acknowledgements after which the server is killed, other ones in each run.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        1 + usize::try_from(self.0 % 150).unwrap()
    }
}
