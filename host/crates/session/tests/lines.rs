//! Line framing: what is a line, and that the cuts of a stream mean nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;
use waxwing_session::{LineError, Lines};

fn read_all(pieces: &[&[u8]], limit: usize) -> Vec<Result<Vec<u8>, LineError>> {
    let mut lines = Lines::new();
    let mut read = Vec::new();
    for piece in pieces {
        lines.push(piece);
        while let Some(line) = lines.next_line(limit) {
            let endless = line == Err(LineError::Endless);
            read.push(line.map(|line| line.to_vec()));
            if endless {
                return read;
            }
        }
    }
    read
}

#[test]
fn lines_end_with_crlf_alone() {
    let read = read_all(&[b"a\r\n\r\nb\nc\rd\r\n\ne\r\r\nf"], 100);
    let bare = || Err(LineError::BareNewline);
    assert_eq!(
        read,
        [
            Ok(b"a".to_vec()),
            Ok(Vec::new()),
            bare(),
            bare(),
            bare(),
            bare()
        ]
    );
}

#[test]
fn the_limit_counts_the_crlf() {
    assert_eq!(read_all(&[b"12345678\r\n"], 10), [Ok(b"12345678".to_vec())]);
    assert_eq!(
        read_all(&[b"123456789\r\nok\r\n"], 10),
        [Err(LineError::TooLong), Ok(b"ok".to_vec())]
    );
}

#[test]
fn overlong_lines_cost_no_memory() {
    let mut lines = Lines::new();
    for _ in 0..100 {
        lines.push(&[b'x'; 1000]);
        assert_eq!(lines.next_line(512), None);
        assert!(lines.len() < 512);
    }
    lines.push(b"\r\nnext\r\n");
    assert_eq!(lines.next_line(512), Some(Err(LineError::TooLong)));
    assert_eq!(lines.next_line(512).unwrap().unwrap(), "next");
}

#[test]
fn lines_without_end_are_given_up() {
    let mut lines = Lines::new();
    let mut fed = 0;
    let fault = loop {
        lines.push(&[b'x'; 4096]);
        fed += 4096;
        if let Some(line) = lines.next_line(512) {
            break line;
        }
    };
    assert_eq!(fault, Err(LineError::Endless));
    assert!(fed <= Lines::ENDLESS + 4096);
}

#[test]
fn raw_bytes_are_taken_as_they_are() {
    let mut lines = Lines::new();
    lines.push(b"literal\n\x00rest\r\n");
    assert_eq!(lines.next_line(1), Some(Err(LineError::BareNewline)));
    assert_eq!(lines.take(3), "\0re");
    assert_eq!(lines.next_line(10).unwrap().unwrap(), "st");
    assert!(lines.take(10).is_empty() && lines.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_mean_nothing(
        stream in prop::collection::vec(prop::sample::select(b"ab\r\n\r\n".to_vec()), 0..200),
        cuts in prop::collection::vec(1..9_usize, 0..100),
        limit in 2..12_usize,
    ) {
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        prop_assert_eq!(read_all(&pieces, limit), read_all(&[&stream], limit));
    }
}
