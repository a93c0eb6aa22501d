//! A search finds the same messages whatever an index knows of them: none, some or all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "tests fail by panicking; not every test needs all of the world"
)]

mod world;

use std::time::Instant;

use base64::Engine as _;
use proptest::prelude::*;
use waxwing_dialogue::{Dialogue, World};
use waxwing_imap::types::{FlagSet, SystemFlag};
use waxwing_session::{Session as _, Step};

/// What texts and needles are made of: letters that several messages share, and those that fold to something else.
const WORDS: [&str; 15] = [
    "lunch",
    "LUNCHES",
    "unc",
    "Straße",
    "STRASSE",
    "ΟΔΟΣ",
    "οδος",
    "ΟΔΟΣΑ",
    "İstanbul",
    "漢字",
    "字",
    "ä",
    "e\u{301}t",
    "Ét",
    "x-list",
];

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&WORDS[..])
}

fn words(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(word(), 1..most).prop_map(|words| words.join(" "))
}

/// A header field's text as it is or in an encoded word, which may be wrong.
fn value() -> impl Strategy<Value = String> {
    let encoded = |octets: Vec<u8>| {
        format!(
            "=?utf-8?b?{}?=",
            base64::prelude::BASE64_STANDARD.encode(octets)
        )
    };
    (words(4), 0..4).prop_map(move |(text, form)| match form {
        0 => encoded([b"\xff", text.as_bytes()].concat()),
        1 | 2 => encoded(text.into_bytes()),
        _ => text,
    })
}

/// A part with its header.
fn part() -> impl Strategy<Value = String> {
    let encoded = |text: &str| base64::prelude::BASE64_STANDARD.encode(text);
    let leaf = prop_oneof![
        words(6).prop_map(|text| format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n")),
        words(6).prop_map(|text| format!("Content-Type: text/html; charset=utf-8\r\n\r\n<p title=\"lunch\">{text}<br>{text}\r\n")),
        words(6).prop_map(move |text| format!(
            "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            encoded(&text)
        )),
        words(6).prop_map(|text| format!("Content-Type: application/pdf\r\n\r\n{text}\r\n")),
        Just("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nStra=DFe l=\r\nunch =E4\r\n".to_owned()),
        // What cannot be decoded.
        words(6).prop_map(|text| format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FF{text}=E4=\r\n")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| {
                let parts: String = parts
                    .iter()
                    .map(|part| format!("--b{0}\r\n{part}", part.len() % 7))
                    .collect();
                format!(
                    "Content-Type: multipart/mixed; boundary=b{}\r\n\r\n{parts}--b0--\r\n",
                    parts.len() % 7
                )
            }),
            (value(), inner).prop_map(|(subject, part)| format!(
                "Content-Type: message/rfc822\r\n\r\nSubject: {subject}\r\n{part}"
            )),
        ]
    })
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(&["Subject", "X-List", "Comments", "References"][..]);
    let fields = prop::collection::vec((name, value()), 0..4);
    (value(), word(), fields, part()).prop_map(|(from, to, fields, part)| {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("From: {from} <a@lunch.example>\r\nTo: group: \"{to}\" <b@waxwing.test>, c@d;\r\n{fields}{part}").into_bytes()
    })
}

/// A search key and what is in it.
fn key() -> impl Strategy<Value = String> {
    let about = prop::sample::select(
        &[
            "SUBJECT",
            "BODY",
            "TEXT",
            "FROM",
            "TO",
            "CC",
            "HEADER X-List",
            "HEADER Subject",
            "HEADER to",
        ][..],
    );
    let needle = prop_oneof![
        word().prop_map(str::to_owned),
        words(3),
        Just(String::new()),
        Just("lunch.ex".to_owned()),
        // As the summary has it, and the header does not.
        Just("es <b@wax".to_owned())
    ];
    let text = (about, needle)
        .prop_map(|(about, needle)| format!("{about} {{{}+}}\r\n{needle}", needle.len()));
    let other = prop::sample::select(&["UID 3:15", "SEEN", "LARGER 300", "MODSEQ 9"][..])
        .prop_map(str::to_owned);
    prop_oneof![4 => text, 1 => other].prop_recursive(3, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| format!("NOT {key}")),
            inner.clone().prop_map(|key| format!("FUZZY {key}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("OR {one} {other}")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("({one} {other})")),
        ]
    })
}

fn command() -> impl Strategy<Value = String> {
    let heads = &[
        "SEARCH CHARSET UTF-8",
        "UID SEARCH RETURN (MIN MAX COUNT) CHARSET UTF-8",
        "UID SEARCH RETURN (PARTIAL -1:-3) CHARSET UTF-8",
        "SORT (SUBJECT FROM) UTF-8",
        "THREAD REFERENCES UTF-8",
        "SEARCH RETURN (RELEVANCY ALL) CHARSET UTF-8 FUZZY",
        "SORT RETURN (RELEVANCY PARTIAL 1:5) (RELEVANCY) UTF-8 FUZZY",
    ];
    (prop::sample::select(&heads[..]), key()).prop_map(|(head, key)| format!("s {head} {key}\r\n"))
}

/// What the server answers if it knows of these messages' texts.
fn answers(messages: &[Vec<u8>], command: &str, indexed: fn(u32) -> bool) -> String {
    let dialogue = Dialogue::parse("x", "# x\n").unwrap();
    let mut world = world::Fake::new(&dialogue);
    world.indexed = indexed;
    for (number, message) in messages.iter().enumerate() {
        let mut flags = FlagSet::default();
        if number % 3 == 0 {
            flags.insert(SystemFlag::Seen);
        }
        world.store("INBOX", message, flags);
    }
    let now = Instant::now();
    let mut session = world.open(&dialogue, now);
    let text = format!("a LOGIN alice@waxwing.test waxwing-demo\r\nb SELECT INBOX\r\n{command}");
    session.receive(text.as_bytes(), now);
    let mut written = Vec::new();
    loop {
        match session.step() {
            Step::Write(octets) => written.extend_from_slice(&octets),
            Step::Ask(ask) => session.answer(world.answer(ask), now),
            Step::Read => break,
            _ => {}
        }
    }
    let written = String::from_utf8_lossy(&written).into_owned();
    let at = written.find("\r\nb OK").expect("the mailbox is open");
    assert!(written.contains("\r\ns OK"), "{command}: {written}");
    written[at..].to_owned()
}

fn check(messages: &[Vec<u8>], command: &str) {
    let plain = answers(messages, command, |_| false);
    assert_eq!(
        answers(messages, command, |uid| uid % 3 == 0),
        plain,
        "{command}"
    );
    assert_eq!(answers(messages, command, |_| true), plain, "{command}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_same_is_found_with_and_without_an_index(messages in prop::collection::vec(message(), 17..24), command in command()) {
        check(&messages, &command);
    }
}

/// Real mail: each word of it is looked for.
#[test]
fn the_same_is_found_in_the_messages_of_other_tests() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/messages");
    let mut messages: Vec<Vec<u8>> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let texts = String::from_utf8_lossy(&messages.concat()).into_owned();
    while messages.len() < 20 {
        messages.push(b"Subject: other\r\n\r\nmail\r\n".to_vec());
    }
    let mut words: Vec<&str> = texts.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    for (number, word) in words.into_iter().enumerate() {
        let about = ["TEXT", "BODY", "SUBJECT", "FROM", "TO", "HEADER Message-ID"][number % 6];
        check(
            &messages,
            &format!(
                "s SEARCH CHARSET UTF-8 {about} {{{}+}}\r\n{word}\r\n",
                word.len()
            ),
        );
    }
}
