//! SMTP smuggling: whatever stands around a dot, one content is one message on the way in, and on the way out no server finds an end in
//! it, however leniently it reads lines. RFC 5321 §2.3.8, §4.1.1.4, §4.5.2.
//!
//! The table holds every pair of line ends that was published (SEC Consult 2023, and what was found in other servers after it) and all
//! the others that can be made of the same octets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod client_world;
mod world;

use std::time::Instant;

use waxwing_dialogue::{Dialogue, World};
use waxwing_session::{Session, Step};
use waxwing_smtp::Ask;

/// What somebody somewhere takes for the end of a line.
const ENDS: [&[u8]; 16] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\n\r",
    b"\r\r\n",
    b"\r\n\n",
    b"\n\n",
    b"\r\r",
    b"\r\0\n",
    b"\0\r\n",
    b"\r\n\0",
    b"\0\n",
    b"\n\0",
    b"\x0b",
    b"\x0c",
    b"\xc2\x85",
];

/// What would be a second message if the dot before it ended the first.
const SECOND: &str = "MAIL FROM:<evil@client.example>\r\nRCPT TO:<bob@waxwing.test>\r\nDATA\r\nSubject: second\r\n\r\nx";

const ENVELOPE: &str = "EHLO client.example\r\nMAIL FROM:<carol@client.example> BODY=8BITMIME\r\nRCPT TO:<alice@waxwing.test>\r\n";

/// A content that has `.` between two line ends, and what could be a message after it.
fn content(before: &[u8], after: &[u8]) -> Vec<u8> {
    [
        b"Subject: first\r\n\r\nx",
        before,
        b".",
        after,
        SECOND.as_bytes(),
    ]
    .concat()
}

/// All pairs but that of two CRLF, which is the end.
fn pairs() -> impl Iterator<Item = (&'static [u8], &'static [u8])> {
    let all = ENDS
        .iter()
        .flat_map(|before| ENDS.iter().map(move |after| (*before, *after)));
    all.filter(|(before, after)| !(before.ends_with(b"\r\n") && after.starts_with(b"\r\n")))
}

/// What a server made of a conversation.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    said: String,
    senders: usize,
    messages: Vec<Vec<u8>>,
}

fn serve(directives: &str, input: &[u8], cut: usize) -> Heard {
    let dialogue = Dialogue::parse("x", &format!("# x\n{directives}")).unwrap();
    let (mut world, now) = (world::Fake::new(&dialogue), Instant::now());
    let mut session = world.open(&dialogue, now);
    let (mut heard, mut taken) = (Heard::default(), Vec::new());
    for piece in [&b""[..]].into_iter().chain(input.chunks(cut)) {
        session.receive(piece, now);
        loop {
            match session.step() {
                Step::Write(octets) => heard.said.push_str(&String::from_utf8_lossy(&octets)),
                Step::Content(octets) => taken.extend_from_slice(&octets),
                Step::Ask(ask) => {
                    match ask {
                        Ask::MailFrom(_) => heard.senders += 1,
                        Ask::Message(_) => heard.messages.push(std::mem::take(&mut taken)),
                        Ask::Abandon => taken.clear(),
                        _ => {}
                    }
                    session.answer(world.answer(ask), now);
                }
                Step::Read | Step::Close | Step::Compress | Step::StartTls => break,
            }
        }
    }
    heard
}

/// A bare CR or LF is somewhere in it.
fn has_bare(content: &[u8]) -> bool {
    let rest = String::from_utf8_lossy(content).replace("\r\n", "");
    rest.contains(['\r', '\n'])
}

#[test]
fn what_comes_after_data_is_one_message_or_none() {
    let mut count = 0;
    for (before, after) in pairs() {
        let content = content(before, after);
        let input = [
            ENVELOPE.as_bytes(),
            b"DATA\r\n",
            &content,
            b"\r\n.\r\nNOOP\r\n",
        ]
        .concat();
        for cut in [1, 7, input.len()] {
            let heard = serve("", &input, cut);
            let what = format!("{before:?} . {after:?} in pieces of {cut}: {heard:?}");
            assert_eq!(heard.senders, 1, "{what}");
            if has_bare(&content) {
                assert!(heard.messages.is_empty(), "{what}");
                assert!(heard.said.contains("\r\n554 5.6.0 "), "{what}");
            } else {
                let whole = [&content[..], b"\r\n"].concat();
                // RFC 5321 §4.5.2: a dot that begins a line was stuffed, or is taken for it.
                let unstuffed = String::from_utf8_lossy(&whole).replace("\r\n.", "\r\n");
                assert_eq!(heard.messages, [unstuffed.into_bytes()], "{what}");
            }
            // The session goes on where the content really ended.
            let last = heard.said.lines().last().unwrap_or_default();
            assert!(last.starts_with("250 2.0.0 "), "{what}");
        }
        count += 1;
    }
    assert!(count > 200, "{count} pairs");
}

#[test]
fn what_comes_in_chunks_is_one_message_or_none() {
    for (before, after) in pairs() {
        let content = content(before, after);
        // In one chunk, and with the seam of two chunks in the middle of what is between the lines.
        for seam in
            (0..=before.len() + 1 + after.len()).map(|at| b"Subject: first\r\n\r\nx".len() + at)
        {
            let (first, last) = content.split_at(seam);
            let chunk = |octets: &[u8], end: &str| {
                [format!("BDAT {}{end}\r\n", octets.len()).as_bytes(), octets].concat()
            };
            let input = [
                ENVELOPE.as_bytes(),
                &chunk(first, ""),
                &chunk(last, " LAST"),
                b"NOOP\r\n",
            ]
            .concat();
            let heard = serve("", &input, input.len());
            let what = format!("{before:?} . {after:?} cut at {seam}: {heard:?}");
            assert_eq!(heard.senders, 1, "{what}");
            let expected: &[Vec<u8>] = if has_bare(&content) {
                &[]
            } else {
                std::slice::from_ref(&content)
            };
            assert_eq!(heard.messages, expected, "{what}");
        }
    }
}

/// What a client sends after DATA, dot and all, of a content of which it is said that it has any octets or text.
fn sent(content: &[u8], offers: &str, cut: usize) -> Option<Vec<u8>> {
    let escaped: String = content
        .iter()
        .map(|octet| format!("\\x{octet:02x}"))
        .collect();
    let source = format!(
        "# x\n% chunk {cut}\n% send content={escaped} from=carol@client.example to=alice@waxwing.test body=8bit\n"
    );
    let dialogue = Dialogue::parse("x", &source).unwrap();
    let (mut sender, now) = (client_world::Sender::new(&dialogue), Instant::now());
    let mut session = sender.open(&dialogue, now);
    let (mut written, mut data) = (Vec::new(), None);
    session.receive(b"220 peer.example\r\n", now);
    loop {
        match session.step() {
            Step::Write(octets) => written.extend_from_slice(&octets),
            Step::Ask(ask) => session.answer(sender.answer(ask), now),
            Step::Read => {
                let said = std::mem::take(&mut written);
                let reply = match &mut data {
                    Some(data) => {
                        *data = [std::mem::take(data), said].concat();
                        return Some(std::mem::take(data));
                    }
                    None if said.starts_with(b"EHLO") => format!("250-peer.example\r\n{offers}"),
                    None if said.starts_with(b"DATA") => {
                        data = Some(Vec::new());
                        "354 go on\r\n".to_owned()
                    }
                    None => "250 OK\r\n".to_owned(),
                };
                session.receive(reply.as_bytes(), now);
            }
            Step::Close => return None,
            Step::Content(_) | Step::Compress | Step::StartTls => panic!("not with this peer"),
        }
    }
}

/// Where a server finds a lone dot that takes any of `ends` for the end of a line.
fn lone_dots(octets: &[u8], ends: &[&[u8]]) -> usize {
    let at = |at: usize| ends.iter().find(|end| octets[at..].starts_with(end));
    let begins = |dot: usize| dot == 0 || ends.iter().any(|end| octets[..dot].ends_with(end));
    (0..octets.len())
        .filter(|dot| octets[*dot] == b'.' && begins(*dot) && at(dot + 1).is_some())
        .count()
}

#[test]
fn what_leaves_has_one_end_for_every_reader() {
    // Controls that are no line ends in mail are left alone; who takes them for such is beyond help.
    let lenient: Vec<&[u8]> = ENDS
        .into_iter()
        .filter(|end| end.iter().all(|octet| matches!(octet, b'\r' | b'\n')))
        .collect();
    for (before, after) in pairs() {
        let content = content(before, after);
        for cut in [1, 5, 4096] {
            let octets = sent(&content, "250 8BITMIME\r\n", cut).expect("the content is sent");
            let what = format!(
                "{before:?} . {after:?} in pieces of {cut}: {}",
                octets.escape_ascii()
            );
            assert!(!has_bare(&octets), "{what}");
            assert!(octets.ends_with(b"\r\n.\r\n"), "{what}");
            assert_eq!(lone_dots(&octets, &lenient), 1, "{what}");
        }
    }
}

#[test]
fn what_leaves_arrives_as_one_message() {
    for (before, after) in pairs() {
        let octets = sent(&content(before, after), "250 8BITMIME\r\n", 4096).unwrap();
        let input = [ENVELOPE.as_bytes(), b"DATA\r\n", &octets].concat();
        let heard = serve("", &input, 11);
        assert_eq!(
            (heard.senders, heard.messages.len()),
            (1, 1),
            "{before:?} . {after:?}: {heard:?}"
        );
    }
}
