//! Properties of the session: no bytes panic, no cut changes what comes out, content is what a plain reading of the
//! standard says it is, an idle session is small.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use waxwing_dialogue::{Dialogue, World};
use waxwing_session::{Session, Step};
use waxwing_smtp::{Ask, Config, Mode, ServerSession};

/// What came out of a conversation. Content counts only if its message was asked about.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    written: Vec<u8>,
    messages: Vec<Vec<u8>>,
    content: Vec<u8>,
    handshakes: usize,
    closed: bool,
}

fn converse(listener: &str, pieces: &[&[u8]]) -> Heard {
    let source = format!(
        "# x\n% listener {listener}\n% max-size 300\n% excess 100\n% text-line 90\n% errors 6\n"
    );
    let dialogue = Dialogue::parse("x", &source).unwrap();
    let mut world = world::Fake::new(&dialogue);
    let now = Instant::now();
    let mut session = world.open(&dialogue, now);
    let mut heard = Heard::default();
    for piece in [&b""[..]].iter().chain(pieces) {
        session.receive(piece, now);
        loop {
            match session.step() {
                Step::Write(octets) => heard.written.extend_from_slice(&octets),
                Step::Content(octets) => heard.content.extend_from_slice(&octets),
                Step::Ask(ask) => {
                    match ask {
                        Ask::Message(_) => heard.messages.push(std::mem::take(&mut heard.content)),
                        Ask::Abandon => heard.content.clear(),
                        _ => {}
                    }
                    session.answer(world.answer(ask), now);
                }
                Step::StartTls => heard.handshakes += 1,
                Step::Close => heard.closed = true,
                Step::Read | Step::Compress => break,
            }
            if heard.closed {
                break;
            }
        }
    }
    // How much of content without an end was handed out depends on the cuts, and means nothing.
    heard.content.clear();
    heard
}

/// Pieces of conversations, in any order and number.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let words: &[&[u8]] = &[
        b"EHLO a\r\n",
        b"HELO a\r\n",
        b"LHLO a\r\n",
        b"MAIL FROM:<a@b.example>\r\n",
        b"MAIL FROM:<\xc3\xa4@b.example> SMTPUTF8\r\n",
        b"RCPT TO:<alice@waxwing.test>\r\n",
        b"RCPT TO:<bob@waxwing.test>\r\n",
        b"DATA\r\n",
        b"BDAT 5\r\n",
        b"BDAT 0\r\n",
        b"BDAT 12 LAST\r\n",
        b"BDAT 290 LAST\r\n",
        b"BDAT x\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH LOGIN\r\n",
        b"AUTH PLAIN AGFsaWNlQHdheHdpbmcudGVzdAB3YXh3aW5nLWRlbW8=\r\n",
        b"STARTTLS\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"QUIT\r\n",
        b"*\r\n",
        b"Subject: x\r\n\r\n",
        b".",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n.\r\n",
        b"..\r\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\0\xff",
        b"0123456789012345678901234567890123456789",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40)
        .prop_map(|words| words.concat())
}

fn in_pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*cut).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// RFC 5321 §4.1.1.4 and §4.5.2 read slowly: the content that ends at the first CRLF.CRLF, and whether it is clean.
fn plainly(stream: &[u8]) -> Option<(Vec<u8>, bool)> {
    let whole = [b"\r\n", stream].concat();
    let end = whole.windows(5).position(|five| five == b"\r\n.\r\n")?;
    let mut content = Vec::new();
    for (index, octet) in whole[..end + 2].iter().enumerate().skip(2) {
        let stuffed = *octet == b'.' && whole[..index].ends_with(b"\r\n");
        if !stuffed {
            content.push(*octet);
        }
    }
    let body = &whole[2..end.max(2)];
    let body = if end == 0 {
        body.to_vec()
    } else {
        [body, b"\r\n"].concat()
    };
    let without = String::from_utf8_lossy(&body).replace("\r\n", "");
    Some((content, !without.contains(['\r', '\n'])))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_change_nothing(
        stream in words(),
        cuts in prop::collection::vec(1..40_usize, 1..20),
        listener in prop::sample::select(vec!["transfer", "submission", "lmtp"]),
    ) {
        let whole = converse(listener, &[&stream]);
        prop_assert_eq!(&converse(listener, &in_pieces(&stream, &cuts)), &whole);
        prop_assert_eq!(&converse(listener, &in_pieces(&stream, &[1])), &whole);
    }

    #[test]
    fn no_bytes_panic(stream in prop::collection::vec(any::<u8>(), 0..2000), cuts in prop::collection::vec(1..400_usize, 1..9)) {
        let greeted = [b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@waxwing.test>\r\nDATA\r\n", stream.as_slice()].concat();
        for stream in [stream, greeted] {
            prop_assert_eq!(converse("transfer", &[&stream]), converse("transfer", &in_pieces(&stream, &cuts)));
        }
    }

    #[test]
    fn content_is_what_the_standard_says(
        words in prop::collection::vec(prop::sample::select(vec!["\r\n", "\r\n", ".", "a", "\r", "\n", "bc"]), 0..40),
        cut in 1..9_usize,
    ) {
        let content = words.concat() + "\r\n.\r\n";
        let stream = format!("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@waxwing.test>\r\nDATA\r\n{content}");
        let heard = converse("transfer", &in_pieces(stream.as_bytes(), &[cut]));
        let (wanted, clean) = plainly(content.as_bytes()).unwrap();
        if clean {
            prop_assert_eq!(&heard.messages[0], &wanted);
        } else {
            prop_assert!(heard.messages.is_empty(), "{:?}", heard.messages);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_are_what_was_sent(
        words in prop::collection::vec(prop::sample::select(vec!["\r\n", "\r\n", "\r\n.\r\n", ".", "a", "\r", "\n", "bc"]), 0..20),
        chunks in prop::collection::vec(0..9_usize, 1..9),
        cut in 1..40_usize,
    ) {
        let content = words.concat();
        let mut stream = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@waxwing.test>\r\n".to_vec();
        let (mut rest, mut sizes) = (content.as_bytes(), chunks.iter().cycle());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at((*sizes.next().unwrap() + 1).min(rest.len()));
            stream.extend_from_slice(format!("BDAT {}\r\n", chunk.len()).as_bytes());
            stream.extend_from_slice(chunk);
            rest = after;
        }
        stream.extend_from_slice(b"BDAT 0 LAST\r\n");
        let heard = converse("transfer", &in_pieces(&stream, &[cut]));
        if content.replace("\r\n", "").contains(['\r', '\n']) {
            prop_assert!(heard.messages.is_empty(), "{:?}", heard.messages);
        } else {
            prop_assert_eq!(&heard.messages[0], content.as_bytes());
        }
    }
}

#[test]
fn idle_sessions_are_small() {
    let now = Instant::now();
    let mut session = ServerSession::new(
        Arc::new(Config::new("mx.waxwing.example", Mode::Transfer)),
        false,
        now,
    );
    assert!(
        size_of_val(&session) <= 512,
        "{} octets",
        size_of_val(&session)
    );
    let pass = || waxwing_smtp::Answer::Decision(waxwing_smtp::Decision::Pass);
    session.receive(b"EHLO client.example\r\n", now);
    loop {
        match session.step() {
            Step::Ask(_) => session.answer(pass(), now),
            Step::Read => break,
            _ => {}
        }
    }
    assert_eq!(session.deadline(), Some(now + Duration::from_secs(300)));
}

#[test]
fn a_flood_behind_an_ask_is_bounded() {
    let now = Instant::now();
    let mut session = ServerSession::new(
        Arc::new(Config::new("mx.waxwing.example", Mode::Transfer)),
        false,
        now,
    );
    assert!(matches!(session.step(), Step::Ask(Ask::Connect)));
    for _ in 0..100 {
        session.receive(&[b'x'; 64 << 10], now);
    }
    session.answer(
        waxwing_smtp::Answer::Decision(waxwing_smtp::Decision::Pass),
        now,
    );
    let Step::Write(replies) = session.step() else {
        panic!("no reply")
    };
    let replies = String::from_utf8(replies.to_vec()).unwrap();
    assert!(
        replies.ends_with("421 4.5.0 Too much sent before the reply; closing\r\n"),
        "{replies}"
    );
    assert!(matches!(session.step(), Step::Close));
}
