//! Properties of the session: no bytes panic, no cut changes what comes out, large answers come in pieces, large
//! mailboxes cost little.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod world;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use waxwing_dialogue::{Dialogue, World};
use waxwing_imap::types::FlagSet;
use waxwing_imap::{Answer, Ask, Error, Session};
use waxwing_session::{Session as _, Step};

const LOGIN: &[u8] = b"a LOGIN alice@waxwing.test waxwing-demo\r\n";

/// A client that has the server's turn at once.
struct Client {
    world: world::Fake,
    session: Session,
    now: Instant,
    written: Vec<u8>,
    largest: usize,
    asks: usize,
    closed: bool,
    /// Reads fail from this one on.
    reads: usize,
    /// What is read was expunged.
    gone: bool,
}

impl Client {
    fn new(directives: &str) -> Self {
        let dialogue = Dialogue::parse("x", &format!("# x\n{directives}")).unwrap();
        let mut world = world::Fake::new(&dialogue);
        let now = Instant::now();
        let session = world.open(&dialogue, now);
        let mut client = Self {
            world,
            session,
            now,
            written: Vec::new(),
            largest: 0,
            asks: 0,
            closed: false,
            reads: usize::MAX,
            gone: false,
        };
        client.run();
        client
    }

    fn send(&mut self, octets: &[u8]) -> String {
        let before = self.written.len();
        self.session.receive(octets, self.now);
        self.run();
        String::from_utf8_lossy(&self.written[before..]).into_owned()
    }

    fn run(&mut self) {
        for _ in 0..10_000_000 {
            match self.session.step() {
                Step::Write(octets) => {
                    self.largest = self.largest.max(octets.len());
                    self.written.extend_from_slice(&octets);
                }
                Step::Content(octets) => self.world.content(octets),
                Step::Ask(ask) => {
                    self.asks += 1;
                    let answer = match &ask {
                        Ask::Read { .. } if self.gone => Answer::Failed(Error::NonExistent),
                        Ask::Read { .. } if self.reads == 0 => Answer::Failed(Error::Unavailable {
                            reference: "R-2".into(),
                        }),
                        Ask::Read { .. } => {
                            self.reads -= 1;
                            self.world.answer(ask)
                        }
                        _ => self.world.answer(ask),
                    };
                    self.session.answer(answer, self.now);
                }
                Step::StartTls => self.session.secured(self.now),
                Step::Close => {
                    self.closed = true;
                    return;
                }
                Step::Read | Step::Compress => return,
            }
        }
        panic!("the session does not come to rest");
    }
}

/// Pieces of what clients send, right and wrong.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"a1 ".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(
            b"b FETCH 1:* (FLAGS BODY[HEADER.FIELDS (Subject)] ENVELOPE BODY[1]<3.9>)\r\n".to_vec()
        ),
        Just(b"c UID FETCH *:1 FULL\r\n".to_vec()),
        Just(b"d STORE 1:* +FLAGS.SILENT (\\Deleted x)\r\n".to_vec()),
        Just(b"e EXPUNGE\r\n".to_vec()),
        Just(b"f SEARCH OR TEXT lunch (NOT SEEN SENTON 2-Mar-2026 UID 1:3)\r\n".to_vec()),
        Just(b"g APPEND INBOX (\\Seen) {5+}\r\nab".to_vec()),
        Just(b"h APPEND INBOX {3}\r\n".to_vec()),
        Just(b"i LIST \"\" {1+}\r\n*\r\n".to_vec()),
        Just(b"j IDLE\r\n".to_vec()),
        Just(b"DONE\r\n".to_vec()),
        Just(b"k AUTHENTICATE PLAIN\r\n".to_vec()),
        Just(b"l COPY 1 INBOX\r\nm MOVE 1 Trash\r\n".to_vec()),
        Just(b"n SELECT INBOX\r\n".to_vec()),
        Just(b"o ENABLE IMAP4rev2 UTF8=ACCEPT\r\n".to_vec()),
        Just(b"o1 APPEND INBOX UTF8 (~{5+}\r\nS:\xc3\xbc\n) UTF8 (~{1+}\r\nx)\r\n".to_vec()),
        Just(
            b"o2 NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge MailboxName))\r\n".to_vec()
        ),
        Just(b"o CLOSE\r\n".to_vec()),
        Just(b"p STATUS INBOX (MESSAGES UNSEEN)\r\n".to_vec()),
        Just(b"q ENABLE QRESYNC\r\n".to_vec()),
        Just(b"r SELECT INBOX (QRESYNC (101 1 1:9 (1:2 1:2)))\r\n".to_vec()),
        Just(b"s UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)\r\n".to_vec()),
        Just(b"t STORE 1:* (UNCHANGEDSINCE 3) -FLAGS.SILENT (x)\r\n".to_vec()),
        Just(b"u UID SEARCH NOT MODSEQ \"/flags/x\" all 3\r\n".to_vec()),
        Just(b"v1 SEARCH RETURN (UPDATE (UID) COUNT) 1:* UNSEEN\r\n".to_vec()),
        Just(b"v2 CANCELUPDATE \"v1\"\r\n".to_vec()),
        Just(b"v SEARCH RETURN (SAVE MIN PARTIAL -1:-2) OR $ UNSEEN\r\n".to_vec()),
        Just(b"w UID FETCH $ (FLAGS) (PARTIAL 1:1)\r\n".to_vec()),
        Just(b"x UID SEARCH RETURN () YOUNGER 5 MODSEQ 2 TEXT lunch\r\n".to_vec()),
        Just(b"{4294967295+}\r\n".to_vec()),
        Just(b" {2}\r\n".to_vec()),
        Just(b"FETCH 1 BODY[".to_vec()),
        Just(b"(((\"\\".to_vec()),
        "[ -~]{0,12}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const MESSAGES: &str = "% message alice INBOX plain.eml\n% message alice INBOX mime.eml\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_octets_in_any_pieces_give_the_same(octets in input(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mut whole = Client::new(MESSAGES);
        let mut cut = Client::new(MESSAGES);
        let mut all = [LOGIN, b"s SELECT INBOX\r\n"].concat();
        all.extend_from_slice(&octets);
        whole.send(&all);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len())).chain([0, all.len()]).collect();
        places.sort_unstable();
        for pair in places.windows(2) {
            cut.send(&all[pair[0]..pair[1]]);
        }
        prop_assert_eq!(String::from_utf8_lossy(&whole.written), String::from_utf8_lossy(&cut.written));
        prop_assert_eq!(whole.closed, cut.closed);
    }

    #[test]
    fn octets_before_login_never_panic(octets in input()) {
        let mut client = Client::new("");
        client.send(&octets);
        client.session.expire(client.now + Duration::from_secs(86_400));
        client.session.shutdown();
        client.session.wake();
        client.run();
    }
}

#[test]
fn a_large_message_comes_in_pieces() {
    let mut client = Client::new("");
    let raw = [
        b"Subject: large\r\n\r\n".to_vec(),
        b"0123456789abcde\n".repeat(64 * 1024),
    ]
    .concat();
    client.world.store("INBOX", &raw, FlagSet::default());
    client.send(LOGIN);
    client.send(b"s SELECT INBOX\r\n");
    let heard = client.send(b"f FETCH 1 (BODY.PEEK[] BODY.PEEK[TEXT]<1000000.200000>)\r\n");
    let expected = format!("* 1 FETCH (BODY[] {{{}}}\r\n", raw.len());
    assert!(heard.starts_with(&expected));
    assert!(heard.as_bytes()[expected.len()..].starts_with(&raw));
    assert!(heard.contains(" BODY[TEXT]<1000000> {48576}\r\n"));
    assert!(heard.ends_with(")\r\nf OK FETCH completed\r\n"));
    assert!(
        client.largest < 400 * 1024,
        "{} octets at once",
        client.largest
    );
}

#[test]
fn a_large_part_is_decoded_in_pieces() {
    let mut client = Client::new("");
    let raw = [
        b"Subject: large\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_vec(),
        b"AGFiY2RlZmdoaWpr\r\n".repeat(64 * 1024),
    ]
    .concat();
    let decoded = b"\0abcdefghijk".repeat(64 * 1024);
    client.world.store("INBOX", &raw, FlagSet::default());
    client.send(LOGIN);
    client.send(b"s SELECT INBOX\r\n");
    let from = client.written.len();
    let heard = client
        .send(b"f FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[1]<700000.9999999>)\r\n");
    let expected = format!("* 1 FETCH (BINARY[1] ~{{{}}}\r\n", decoded.len());
    assert!(heard.starts_with(&expected));
    let octets = &client.written[from + expected.len()..];
    assert!(octets.starts_with(&decoded));
    let behind = format!(
        " BINARY.SIZE[1] {} BINARY[1]<700000> ~{{{}}}\r\n",
        decoded.len(),
        decoded.len() - 700_000
    );
    assert!(octets[decoded.len()..].starts_with(behind.as_bytes()));
    let tail = &octets[decoded.len() + behind.len()..];
    assert!(tail.starts_with(&decoded[700_000..]));
    assert!(heard.ends_with(")\r\nf OK FETCH completed\r\n"));
    assert!(
        client.largest < 400 * 1024,
        "{} octets at once",
        client.largest
    );
}

#[test]
fn what_cannot_be_read_is_nil_or_the_end() {
    let raw = [
        b"Subject: large\r\n\r\n".to_vec(),
        b"0123456789abcde\n".repeat(64 * 1024),
    ]
    .concat();
    for (reads, expected) in [
        (
            0,
            "* 1 FETCH (UID 1 BODY[] NIL)\r\nf NO [UNAVAILABLE] some messages could not be read; try again later\r\n",
        ),
        (
            1,
            "\r\n* BYE [UNAVAILABLE] a message could not be read to its end\r\n",
        ),
    ] {
        let mut client = Client::new("");
        client.world.store("INBOX", &raw, FlagSet::default());
        client.send(LOGIN);
        client.send(b"s SELECT INBOX\r\n");
        client.reads = reads;
        let heard = client.send(b"f FETCH 1 (UID BODY.PEEK[])\r\n");
        assert!(heard.ends_with(expected), "{}", &heard[heard.len() - 200..]);
        assert_eq!(client.closed, reads == 1);
    }
}

#[test]
fn a_message_appended_passes_through() {
    let mut client = Client::new("");
    client.send(LOGIN);
    let raw = b"x".repeat(1_000_000);
    client.send(format!("b APPEND INBOX {{{}+}}\r\n", raw.len()).as_bytes());
    for piece in raw.chunks(10_000) {
        assert_eq!(client.send(piece), "");
    }
    assert!(client.send(b"\r\n").starts_with("b OK [APPENDUID "));
    assert_eq!(client.world.contents[0].len(), raw.len());
}

#[test]
fn a_hundred_thousand_messages_are_fetched_in_batches() {
    let mut client = Client::new("");
    for _ in 0..100_000 {
        client.world.store("INBOX", b"", FlagSet::default());
    }
    client.send(LOGIN);
    client.send(b"s SELECT INBOX\r\n");
    let heard = client.send(b"f FETCH 1:* (FLAGS)\r\n");
    assert!(heard.contains("* 100000 FETCH (FLAGS (\\Recent))\r\nf OK"));
    assert!(
        client.largest < 130 * 1024,
        "{} octets at once",
        client.largest
    );
    let heard = client.send(b"f UID SEARCH ALL\r\n");
    assert!(heard.ends_with(" 99999 100000\r\nf OK SEARCH completed\r\n"));
    assert!(
        client.largest < 130 * 1024,
        "{} octets at once",
        client.largest
    );
}

/// RFC 4731 §5, RFC 9394 §3.1: the end of a mailbox is found from its end.
#[test]
fn no_more_is_looked_at_than_is_told() {
    let mut client = Client::new("");
    client.send(LOGIN);
    for _ in 0..5_000 {
        client
            .world
            .store("INBOX", b"Subject: x\r\n\r\n", FlagSet::default());
    }
    client.send(b"b SELECT INBOX\r\n");
    for (command, told, asks) in [
        ("SEARCH RETURN (MIN) UNSEEN", "MIN 1", 2),
        ("SEARCH RETURN (MAX) UNSEEN", "MAX 5000", 2),
        ("SEARCH RETURN (PARTIAL 2:3) UNSEEN", "PARTIAL (2:3 2:3)", 2),
        (
            "SEARCH RETURN (PARTIAL -1:-500) UNSEEN",
            "PARTIAL (-1:-500 4501:5000)",
            2,
        ),
        // The index first.
        ("UID SEARCH RETURN (MAX SAVE) SUBJECT x", "MAX 5000", 3),
    ] {
        let before = client.asks;
        let reply = client.send(format!("c {command}\r\n").as_bytes());
        assert!(reply.contains(told), "{reply}");
        // One batch of ten, and the poll.
        assert_eq!(client.asks - before, asks, "{command}");
    }
}

#[test]
fn a_session_is_small() {
    assert!(
        std::mem::size_of::<Session>() < 1024,
        "{}",
        std::mem::size_of::<Session>()
    );
}

#[test]
fn a_search_of_many_keys_lets_others_have_a_turn() {
    let mut client = Client::new("");
    client.send(LOGIN);
    for _ in 0..1_000 {
        client
            .world
            .store("INBOX", b"Subject: x\r\n\r\n", FlagSet::default());
    }
    client.send(b"b SELECT INBOX\r\n");
    let before = client.asks;
    let command = format!("c SEARCH {}UID 7:900\r\n", "UID 1:* ".repeat(900));
    let reply = client.send(command.as_bytes());
    assert_eq!(
        reply
            .split(' ')
            .filter(|word| word.parse::<u32>().is_ok())
            .count(),
        893
    );
    assert!(reply.starts_with("* SEARCH 7 8 ") && reply.ends_with("c OK SEARCH completed\r\n"));
    // Four slices of the mailbox, and the poll.
    assert_eq!(client.asks - before, 5);
}

#[test]
fn what_is_expunged_while_it_is_read_is_nil() {
    let mut client = Client::new(MESSAGES);
    client.send(LOGIN);
    client.send(b"b SELECT INBOX\r\n");
    client
        .world
        .store("INBOX", &[b'x'; 100_000], FlagSet::default());
    client.send(b"c NOOP\r\n");
    client.gone = true;
    assert_eq!(
        client.send(b"d FETCH 3 BODY.PEEK[]\r\n"),
        "* 3 FETCH (BODY[] NIL)\r\nd NO [EXPUNGEISSUED] messages among them were removed by another session\r\n"
    );
}
