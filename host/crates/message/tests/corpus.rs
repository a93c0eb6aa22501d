//! Real mail: every message of the corpus has a summary whose ranges hold and whose encoding comes back.
//!
//! The corpus is found through `WAXWING_CORPUS`, or as `../shared/corpus` beside the repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use waxwing_message::{Body, Part, Section, SectionText, Span, Summary};

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus");
    let folder = std::env::var_os("WAXWING_CORPUS").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_none_or(|extension| extension != "md") {
            found.push(path);
        }
    }
}

fn inside(outer: Span, part: &Part) {
    assert!(
        outer.start <= part.header.start
            && part.header.end == part.body.start
            && part.body.end <= outer.end
    );
    match &part.content {
        Body::Leaf => {}
        Body::Multipart(parts) => {
            assert!(!parts.is_empty());
            parts.iter().for_each(|child| inside(part.body, child));
        }
        Body::Message { part: child, .. } => inside(part.body, child),
    }
}

#[test]
fn every_message_of_the_corpus_has_a_sound_summary() {
    let Some(folder) = corpus() else {
        eprintln!("skipped: no corpus beside the repository and WAXWING_CORPUS is not set");
        return;
    };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    assert!(
        paths.len() > 4_000,
        "only {} messages in {}",
        paths.len(),
        folder.display()
    );
    let mut reading = Duration::ZERO;
    let (mut octets, mut encoded, mut multiparts, mut without_author) = (0, 0, 0, 0);
    for path in &paths {
        let raw = fs::read(path).unwrap();
        let begin = Instant::now();
        let summary = Summary::read(&raw);
        reading += begin.elapsed();
        inside(
            Span {
                start: 0,
                end: summary.size,
            },
            &summary.root,
        );
        let bytes = summary.encode();
        assert_eq!(
            Summary::decode(&bytes).as_ref(),
            Ok(&summary),
            "{}",
            path.display()
        );
        let header = Section {
            path: vec![],
            text: SectionText::Header,
        };
        let text = Section {
            path: vec![],
            text: SectionText::Text,
        };
        let joined = [header, text]
            .iter()
            .flat_map(|section| summary.locate(section).unwrap().span.of(&raw).to_vec())
            .collect::<Vec<u8>>();
        assert!(
            joined == raw,
            "header and text are not the message: {}",
            path.display()
        );
        assert!(summary.root.texts(&raw).count() < 1_000);
        octets += raw.len();
        encoded += bytes.len();
        multiparts += usize::from(matches!(summary.root.content, Body::Multipart(_)));
        without_author += usize::from(summary.envelope.from.is_empty());
    }
    eprintln!(
        "{} messages of {} octets on average: summaries of {} octets, {multiparts} multiparts, {without_author} without an author; {:?} to read one",
        paths.len(),
        octets / paths.len(),
        encoded / paths.len(),
        reading / paths.len() as u32,
    );
    assert!(
        without_author * 50 < paths.len(),
        "{without_author} messages without an author"
    );
}
