//! Ten clients do what they like to one account at the same time, five by IMAP and five by JMAP. After each round what both protocols say
//! is the same, and from the state of every round before `Email/changes`, `Mailbox/changes` and `Thread/changes` lead exactly to what is
//! there now. Somebody else sees two of the mailboxes, and of him the same is true as if there were no others. `make clients` does it for
//! longer.

mod picture;

use std::time::Instant;

use serde_json::{Value, json};
use waxwing_tests::client::Imap;
use waxwing_tests::database::Database;
use waxwing_tests::{Server, Setup};

use crate::imap_random::{Chance, lasts};
use crate::jmap::{ALICE, WEB, alice, as_user};
use picture::{Jmap, Picture};

const CLIENTS: usize = 10;
/// What a client does in a round.
const ACTS: usize = 15;
const BOXES: [&str; 4] = ["INBOX", "Archive", "Work", "Work/Old"];
/// What somebody else may read.
const SHARED: [&str; 2] = ["INBOX", "Work"];
/// Nobody changes anything there after the beginning.
const QUIET: &str = "Quiet";

fn message(from: &str, number: usize) -> String {
    // Some of them are of one thread.
    let thread = number % 5;
    format!(
        "From: {from}\r\nMessage-ID: <{number}.{from}>\r\nReferences: <root{thread}@x.example>\r\nSubject: {thread}\r\n\r\n{number}\r\n"
    )
}

/// What one IMAP client does in a round. Others may have removed what it is about: then nothing happens.
fn by_imap(imap: &mut Imap, name: &str, chance: &mut Chance, made: &mut usize) {
    let place = chance.of(&BOXES).unwrap();
    let to = chance.of(&BOXES).unwrap();
    let count = imap.select(place).unwrap();
    let number = if count == 0 {
        0
    } else {
        chance.below(count) + 1
    };
    let command = match chance.below(11) {
        0..=2 => {
            *made += 1;
            let text = message(name, *made);
            let flags = ["", "(\\Seen) ", "($work \\Draft) "][chance.below(3)];
            format!("APPEND {place} {flags}{{{}+}}\r\n{text}", text.len())
        }
        _ if number == 0 => "NOOP".into(),
        3 => format!("STORE {number} +FLAGS (\\Flagged)"),
        4 => format!("STORE {number} -FLAGS (\\Flagged $work)"),
        5 => format!("STORE {number} FLAGS (\\Seen {name})"),
        6 => format!("COPY {number} {to}"),
        7 => format!("MOVE {number} {to}"),
        8 => format!("STORE {number} +FLAGS (\\Deleted)"),
        9 => format!("STORE {number} -FLAGS (\\Deleted)"),
        _ => {
            imap.command(&format!("STORE {number} +FLAGS.SILENT (\\Deleted)"))
                .unwrap();
            "EXPUNGE".into()
        }
    };
    let reply = imap.command(&command).unwrap();
    assert!(!reply.tagged.starts_with("BAD"), "{command}: {reply:?}");
}

/// What one JMAP client does in a round.
fn by_jmap(jmap: &mut Jmap, name: &str, chance: &mut Chance, made: &mut usize) {
    let places = jmap.places();
    let place = |chance: &mut Chance| places[BOXES[chance.below(BOXES.len())]].clone();
    let here = place(chance);
    let ids = jmap.ids_in(&here);
    let Some(id) = chance.of(&ids).filter(|_| chance_of_new(ids.len())) else {
        *made += 1;
        jmap.import(&message(name, *made), &here);
        return;
    };
    let patch = match chance.below(8) {
        0 => {
            *made += 1;
            return jmap.import(&message(name, *made), &here);
        }
        1 => json!({"keywords/$flagged": true}),
        2 => json!({"keywords/$flagged": null, "keywords/$seen": true}),
        3 => json!({"keywords": {name: true}}),
        4 => json!({"mailboxIds": {place(chance): true}}),
        5 => json!({format!("mailboxIds/{}", place(chance)): true}),
        6 => {
            json!({format!("mailboxIds/{here}"): null, format!("mailboxIds/{}", place(chance)): true, "keywords/$seen": null})
        }
        _ => return jmap.set(&json!({"destroy": [id]})),
    };
    jmap.set(&json!({"update": {id: patch}}));
}

/// Mailboxes stay small enough to be looked at whole.
const fn chance_of_new(count: usize) -> bool {
    count > 3
}

fn act(server: &Server, number: usize, seed: u64) {
    let (name, mut chance) = (format!("client{number}"), Chance::new(seed));
    let mut made = usize::try_from(seed % 1_000_000).unwrap() * 100;
    if number.is_multiple_of(2) {
        let mut imap = server.imap(ALICE);
        (0..ACTS).for_each(|_| by_imap(&mut imap, &name, &mut chance, &mut made));
    } else {
        let mut jmap = Jmap::new(alice(server));
        (0..ACTS).for_each(|_| by_jmap(&mut jmap, &name, &mut chance, &mut made));
    }
}

fn agree(database: Database) {
    let server = Setup::new().settings(WEB).database(database).start();
    let mut imap = server.imap(ALICE);
    for name in BOXES.iter().skip(2).chain([&QUIET]) {
        imap.command(&format!("CREATE {name}"))
            .unwrap()
            .ok()
            .unwrap();
    }
    for number in 0..3 {
        imap.append(QUIET, "", message("quiet", number * 5).as_bytes())
            .unwrap()
            .ok()
            .unwrap();
    }
    for name in SHARED {
        let grant = format!("SETACL {name} bob lr");
        imap.command(&grant).unwrap().ok().unwrap();
    }
    let all: Vec<&str> = BOXES.into_iter().chain([QUIET]).collect();
    let mut jmap = Jmap::new(alice(&server));
    let mut other = Jmap::at(as_user(&server, "bob@waxwing.test"), ALICE);
    let mut pictures: Vec<[Picture; 2]> = vec![[jmap.picture(), other.picture()]];
    let (begin, mut seed) = (Instant::now(), 0x5eed_u64);
    while begin.elapsed() < lasts() || pictures.len() < 4 {
        seed += 1;
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                let server = &server;
                scope.spawn(move || act(server, number, seed * 7919 + number as u64 * 104_729));
            }
        });
        let now = [jmap.picture(), other.picture()];
        for (picture, places) in now.iter().zip([all.as_slice(), &SHARED]) {
            let seen = picture::by_imap(&mut imap, places);
            assert_eq!(picture.emails(), seen, "the protocols differ (seed {seed})");
        }
        for (round, before) in pictures.iter().enumerate() {
            for most in [None, Some(1 + (round + pictures.len()) % 7)] {
                jmap.leads_to(&before[0], &now[0], most);
                other.leads_to(&before[1], &now[1], most);
            }
        }
        pictures.push(now);
        // As many as are needed that the oldest is far away.
        if pictures.len() > 20 {
            pictures.remove(1);
        }
    }
}

#[test]
fn changes_lead_from_every_state_to_what_is_there() {
    for database in Database::all() {
        agree(database);
    }
}

#[test]
fn what_is_not_known_any_more_is_said() {
    let server = Setup::new().settings(WEB).start();
    let mut jmap = Jmap::new(alice(&server));
    for state in ["nonsense", "99999999"] {
        let answer = jmap.answer("Email/changes", &json!({"sinceState": state}));
        assert_eq!(
            (&answer[0], &answer[1]["type"]),
            (
                &Value::from("error"),
                &Value::from("cannotCalculateChanges")
            )
        );
    }
}
