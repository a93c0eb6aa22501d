//! The main job: real mail in by SMTP, out by IMAP and POP3, the same octets after what the server put on top.
//!
//! `make test` takes a sample; `WAXWING_CORPUS_ALL=1` (`make corpus`) takes every message.

use std::path::PathBuf;
use std::time::Instant;

use waxwing_tests::client::{Imap, Smtp};
use waxwing_tests::database::Database;
use waxwing_tests::{Server, Setup, corpus};

/// Messages that `make test` takes.
const SAMPLE: usize = 300;
/// Messages in one mailbox: one account for each batch, so that numbers stay small.
const BATCH: usize = 500;

#[test]
fn comes_out_as_it_went_in() {
    let Some(files) = corpus::files() else { return };
    let all = std::env::var_os("WAXWING_CORPUS_ALL").is_some();
    let files = if all {
        files
    } else {
        corpus::sample(&files, SAMPLE)
    };
    for database in Database::all() {
        let accounts =
            (0..files.len().div_ceil(BATCH)).map(|batch| format!("reader{batch}@waxwing.test"));
        let begun = Instant::now();
        let server = Setup::new()
            .database(database.clone())
            .accounts(accounts)
            .start();
        for (batch, files) in files.chunks(BATCH).enumerate() {
            check(&server, &format!("reader{batch}@waxwing.test"), files);
        }
        server.verify();
        eprintln!(
            "{} messages of the corpus through SMTP, IMAP and POP3 on {database:?} in {:.1?}",
            files.len(),
            begun.elapsed()
        );
    }
}

/// Sends files to an account and reads them back.
fn check(server: &Server, account: &str, files: &[PathBuf]) {
    let sent: Vec<Vec<u8>> = files
        .iter()
        .map(|file| corpus::canonical(&std::fs::read(file).unwrap()))
        .collect();
    let refused = send(server, account, files, &sent);
    assert!(
        refused.is_empty(),
        "{} messages were refused:\n{}",
        refused.len(),
        refused.join("\n")
    );
    let mut imap = server.imap(account);
    let mut stored = stored(&mut imap);
    assert_eq!(stored.len(), sent.len(), "every message is in one mailbox");
    for (octets, file) in sent.iter().zip(files) {
        let found = stored.iter().position(|stored| stored.ends_with(octets));
        let found =
            found.unwrap_or_else(|| panic!("{} did not come out as it went in", file.display()));
        let (top, _) = stored[found].split_at(stored[found].len() - octets.len());
        assert_top(top, &file.display().to_string());
        stored.swap_remove(found);
    }
    check_pop3(server, account, &mut imap);
}

/// Sends messages over one connection; gives the refusals.
fn send(server: &Server, account: &str, files: &[PathBuf], messages: &[Vec<u8>]) -> Vec<String> {
    let mut smtp: Smtp = server.smtp();
    let mut refused = Vec::new();
    for (message, file) in messages.iter().zip(files) {
        let sent = smtp
            .send("sender@example.net", &[account], message)
            .and_then(|reply| reply.class(2));
        if let Err(error) = sent {
            refused.push(format!("{}: {error}", file.display()));
            smtp = server.smtp();
        }
    }
    refused
}

/// What the server put on top: header fields of its own and nothing else (RFC 5321 §4.4).
fn assert_top(top: &[u8], file: &str) {
    let text = std::str::from_utf8(top)
        .unwrap_or_else(|_| panic!("{file}: what was put on top is not text"));
    assert!(
        text.starts_with("Return-Path: <sender@example.net>\r\n"),
        "{file}: no Return-Path on top: {text}"
    );
    assert!(
        text.contains("\r\nReceived: from client.example "),
        "{file}: no Received on top: {text}"
    );
    for line in text.split_terminator("\r\n") {
        let field = line
            .split_once(':')
            .is_some_and(|(name, _)| name.bytes().all(|octet| octet.is_ascii_graphic()));
        assert!(
            field || line.starts_with([' ', '\t']),
            "{file}: no header field: {line:?}"
        );
        assert!(
            line.len() <= 998,
            "{file}: a line of {} octets on top",
            line.len()
        );
    }
}

/// All messages of INBOX and Junk, by IMAP.
fn stored(imap: &mut Imap) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for mailbox in ["Junk", "INBOX"] {
        let count = imap.select(mailbox).unwrap();
        for first in (1..=count).step_by(50) {
            let set = format!("{first}:{}", count.min(first + 49));
            let fetched = imap.fetch(&set).unwrap();
            assert_eq!(
                fetched.len(),
                count.min(first + 49) + 1 - first,
                "FETCH gives each message of its set"
            );
            all.extend(fetched.into_iter().map(|message| message.octets));
        }
    }
    all
}

/// POP3 gives what IMAP gives, message by message, and tells its size.
fn check_pop3(server: &Server, account: &str, imap: &mut Imap) {
    let mut pop3 = server.pop3(account);
    let (count, octets) = pop3.stat().unwrap();
    assert_eq!(count, imap.select("INBOX").unwrap());
    let mut sum = 0;
    for number in 1..=count {
        let by_pop3 = pop3.retrieve(number).unwrap();
        let by_imap = imap.fetch(&number.to_string()).unwrap().remove(0).octets;
        assert!(
            by_pop3 == by_imap,
            "message {number} differs between POP3 and IMAP"
        );
        sum += by_pop3.len() as u64;
    }
    assert_eq!(sum, octets, "STAT tells the octets of all messages");
}
