//! A client session and a server session of this crate, talking to each other: what leaves arrives, as one message; and a
//! client that any octets are said to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod client_world;
mod world;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use waxwing_dialogue::{Dialogue, World};
use waxwing_session::{Session, Step};
use waxwing_smtp::Ask;
use waxwing_smtp::client::{self, Cause, ClientSession, Fate, Outcome, Stage};

/// What a meeting came to.
#[derive(Debug, Default, PartialEq)]
struct Met {
    /// The content of each message that the server took.
    messages: Vec<Vec<u8>>,
    outcomes: Vec<Outcome>,
}

fn dialogue(text: &str) -> Dialogue {
    Dialogue::parse("meeting", &format!("# A meeting\n{text}")).unwrap()
}

/// Lets both talk until both have closed; octets travel in pieces of `cut`.
fn meet(client: &str, server: &str, content: &[u8], cut: usize) -> Met {
    let now = Instant::now();
    let content: String = content
        .iter()
        .map(|octet| format!("\\x{octet:02x}"))
        .collect();
    let client = client.replacen("% send", &format!("% send content={content}"), 1);
    let (ours, theirs) = (dialogue(&client), dialogue(server));
    let mut sender = client_world::Sender::new(&ours);
    let mut receiver = world::Fake::new(&theirs);
    let (mut client, mut server) = (sender.open(&ours, now), receiver.open(&theirs, now));
    let (mut met, mut taken) = (Met::default(), Vec::new());
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let mut closed = false;
    while !closed {
        loop {
            match server.step() {
                Step::Write(octets) => to_client.extend_from_slice(&octets),
                Step::Content(octets) => taken.extend_from_slice(&octets),
                Step::Ask(ask) => {
                    match ask {
                        Ask::Message(_) => met.messages.push(std::mem::take(&mut taken)),
                        Ask::Abandon => taken.clear(),
                        _ => {}
                    }
                    server.answer(receiver.answer(ask), now);
                }
                Step::StartTls => server.secured(now),
                Step::Read | Step::Close | Step::Compress => break,
            }
        }
        for piece in std::mem::take(&mut to_client).chunks(cut) {
            client.receive(piece, now);
            closed |= advance(&mut client, &mut sender, &mut to_server, now);
        }
        closed |= advance(&mut client, &mut sender, &mut to_server, now);
        for piece in std::mem::take(&mut to_server).chunks(cut) {
            server.receive(piece, now);
        }
    }
    met.outcomes = sender.outcomes;
    met
}

/// Steps a client until it reads (false) or closes (true).
fn advance(
    client: &mut ClientSession,
    sender: &mut client_world::Sender,
    out: &mut Vec<u8>,
    now: Instant,
) -> bool {
    loop {
        match client.step() {
            Step::Write(octets) => out.extend_from_slice(&octets),
            Step::Ask(ask) => client.answer(sender.answer(ask), now),
            Step::StartTls => client.secured(now),
            Step::Read => return false,
            Step::Close => return true,
            Step::Content(_) | Step::Compress => panic!("a client takes no content"),
        }
    }
}

/// The text with every line end a CRLF.
fn with_crlf(content: &str) -> String {
    content
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\n', "\r\n")
}

const SEND: &str = "% send from=carol@client.example to=alice@waxwing.test,bob@waxwing.test\n";

#[test]
fn everything_is_understood_on_the_other_side() {
    let client = format!(
        "{} body=binary utf8 ret=hdrs envid=x notify=success\n",
        SEND.trim_end()
    );
    let server = "% extension dsn\n% extension binarymime\n";
    let content = b"A: \xff\r\n\r\n\0\n.\n\r.\r";
    let met = meet(&client, server, content, 7);
    assert_eq!(met.messages, [content.to_vec()]);
    assert!(
        met.outcomes[0].dsn
            && matches!(met.outcomes[0].fates[..], [Fate::Taken(_), Fate::Taken(_)])
    );
}

#[test]
fn logins_are_understood_on_the_other_side() {
    for mechanisms in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let client = format!("{SEND}% login alice@waxwing.test waxwing-demo\n");
        let server = format!("% listener submission\n% mechanisms {mechanisms}\n");
        let met = meet(&client, &server, b"x\r\n", 5);
        assert_eq!(met.messages, [b"x\r\n"], "{mechanisms}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_message_leaves_and_one_arrives(
        words in prop::collection::vec(prop::sample::select(vec!["\r\n", "\r\n.\r\n", ".", "a", "\r", "\n", "\n.\n", "\r.\r", "MAIL FROM:<x@y.example>"]), 0..20),
        chunk in 1..9_usize,
        cut in 1..40_usize,
        chunking in prop::bool::ANY,
        listener in prop::sample::select(vec!["transfer", "lmtp"]),
    ) {
        let content = words.concat();
        let mut client = format!("{SEND}% chunk {chunk}\n");
        if !chunking {
            client.push_str("% chunking off\n");
        }
        if listener == "lmtp" {
            client.push_str("% protocol lmtp\n");
        }
        let met = meet(&client, &format!("% listener {listener}\n"), content.as_bytes(), cut);
        let mut wanted = with_crlf(&content);
        if !chunking && !wanted.is_empty() && !wanted.ends_with("\r\n") {
            wanted.push_str("\r\n");
        }
        prop_assert_eq!(&met.messages, &[wanted.into_bytes()]);
        let taken = |fate: &Fate| matches!(fate, Fate::Taken(_));
        prop_assert!(met.outcomes[0].fates.iter().all(taken));
        prop_assert_eq!(met.outcomes[0].fates.len(), 2);
    }

    #[test]
    fn whatever_a_peer_says_each_message_has_its_outcome(
        said in prop::collection::vec(prop::sample::select(vec![
            &b"220 x\r\n"[..], b"250 x\r\n", b"250-x\r\n", b"250-PIPELINING\r\n", b"250 CHUNKING\r\n", b"250 STARTTLS\r\n",
            b"250 AUTH PLAIN LOGIN SCRAM-SHA-256\r\n", b"334 \r\n", b"334 VXNlcm5hbWU6\r\n", b"235 x\r\n", b"354 x\r\n",
            b"421 x\r\n", b"450 4.7.1 x\r\n", b"550 x\r\n", b"\r\n", b"\n", b"\xff\0",
        ]), 0..30),
        cut in 1..40_usize,
        protocol in prop::sample::select(vec!["smtp", "lmtp"]),
        login in prop::bool::ANY,
        ahead in prop::sample::select(vec!["", "% ahead\n"]),
    ) {
        let text = format!("{SEND}{SEND}{ahead}% protocol {protocol}\n{}", if login { "% login a b\n% clear-passwords\n" } else { "" });
        prop_assert_eq!(listen(&text, &said, cut), listen(&text, &said, usize::MAX));
        let begun = [&[&b"220 x\r\n"[..], b"250-x\r\n", b"250 CHUNKING\r\n"], said.as_slice()].concat();
        prop_assert_eq!(listen(&text, &begun, cut), listen(&text, &begun, usize::MAX));
        let at_content: [&[u8]; 6] = [b"220 x\r\n", b"250-x\r\n", b"250 PIPELINING\r\n", b"250 x\r\n", b"250 x\r\n250 x\r\n", b"354 x\r\n"];
        let at_content = [at_content.as_slice(), said.as_slice()].concat();
        prop_assert_eq!(listen(&text, &at_content, cut), listen(&text, &at_content, usize::MAX));
        listen(&text, &[said.concat().as_slice()], cut);
    }
}

/// What a client says and tells when these words are said to it, each when it has dealt with the one before, and nothing
/// more comes then.
fn listen(text: &str, words: &[&[u8]], cut: usize) -> (Vec<u8>, Vec<Outcome>) {
    let now = Instant::now();
    let ours = dialogue(text);
    let mut sender = client_world::Sender::new(&ours);
    let mut client = sender.open(&ours, now);
    let mut said = Vec::new();
    let mut closed = advance(&mut client, &mut sender, &mut said, now);
    for piece in words
        .iter()
        .flat_map(|word| word.chunks(cut.min(word.len().max(1))))
    {
        client.receive(piece, now);
        closed = closed || advance(&mut client, &mut sender, &mut said, now);
    }
    if !closed {
        client.expire(now + Duration::from_secs(3600));
        assert!(
            advance(&mut client, &mut sender, &mut said, now),
            "it expired"
        );
    }
    assert_eq!(sender.handed_out, sender.outcomes.len());
    for outcome in &sender.outcomes {
        assert_eq!(outcome.fates.len(), 2);
    }
    (said, sender.outcomes)
}

#[test]
fn a_reply_too_many_is_not_taken_for_the_one_to_the_content() {
    let words: [&[u8]; 4] = [
        b"220 x\r\n",
        b"250-x\r\n250 CHUNKING\r\n",
        b"250 x\r\n",
        b"250 x\r\n",
    ];
    let words = [words.as_slice(), &[b"250 x\r\n250 x\r\n"]].concat();
    let (_, outcomes) = listen(SEND, &words, usize::MAX);
    let failure = outcomes[0].fates[0].failure().unwrap();
    assert_eq!(
        (failure.stage, &failure.cause),
        (Stage::Content, &Cause::Nonsense)
    );
}

/// Tells a client these words, and gives the ask that it has then.
fn ask_after(words: &[&[u8]]) -> (ClientSession, client_world::Sender, client::Ask) {
    let now = Instant::now();
    let ours = dialogue(&SEND.repeat(2));
    let mut sender = client_world::Sender::new(&ours);
    let mut session = sender.open(&ours, now);
    let mut words = words.iter();
    loop {
        match session.step() {
            Step::Ask(ask) if words.len() == 0 => return (session, sender, ask),
            Step::Ask(ask) => session.answer(sender.answer(ask), now),
            Step::Read => session.receive(words.next().expect("a word"), now),
            Step::Close => panic!("it closed"),
            _ => {}
        }
    }
}

const BEGUN: [&[u8]; 5] = [
    b"220 x\r\n",
    b"250 x\r\n",
    b"250 x\r\n",
    b"250 x\r\n",
    b"250 x\r\n",
];

#[test]
fn a_connection_lost_while_content_is_fetched_is_told_of() {
    let now = Instant::now();
    let words = [BEGUN.as_slice(), &[b"354 x\r\n"]].concat();
    let (mut session, mut sender, ask) = ask_after(&words);
    assert!(matches!(ask, client::Ask::Content { offset: 0, .. }));
    session.disconnected();
    session.answer(sender.answer(ask), now);
    let Step::Ask(client::Ask::Done(outcome)) = session.step() else {
        panic!("no outcome")
    };
    let failure = outcome.fates[0].failure().unwrap();
    assert_eq!(
        (failure.stage, &failure.cause),
        (Stage::Content, &Cause::Closed)
    );
    session.answer(client::Answer::Noted, now);
    assert_eq!(format!("{:?}", session.step()), "Close");
}

#[test]
fn a_connection_lost_while_the_next_message_is_fetched_costs_nothing() {
    let now = Instant::now();
    let words = [BEGUN.as_slice(), &[b"354 x\r\n", b"250 x\r\n"]].concat();
    let (mut session, mut sender, ask) = ask_after(&words);
    assert!(matches!(ask, client::Ask::Done(_)));
    session.answer(sender.answer(ask), now);
    let Step::Ask(next) = session.step() else {
        panic!("no question")
    };
    session.disconnected();
    assert_eq!(format!("{:?}", session.step()), "Close");
    session.answer(sender.answer(next), now);
    let Step::Ask(client::Ask::Done(outcome)) = session.step() else {
        panic!("no outcome")
    };
    assert!(outcome.untried);
}
