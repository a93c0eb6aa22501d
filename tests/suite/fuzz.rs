//! The corpora of the fuzz targets, replayed: what a fuzzer once found stays found.

use std::fs;

use waxwing_dialogue::{Dialogue, LineKind, dialogues_in};
use waxwing_tests::fuzz::TARGETS;
use waxwing_tests::{corpus, place};

#[test]
fn corpora_are_replayed() {
    for (name, target) in TARGETS {
        let mut count = 0;
        for entry in fs::read_dir(place::tests().join("fuzz/corpus").join(name))
            .into_iter()
            .flatten()
            .flatten()
        {
            target(&fs::read(entry.path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name} has no corpus");
    }
}

#[test]
fn what_clients_say_in_dialogues_is_a_corpus_too() {
    for (folder, names) in [
        ("smtp", &["smtp", "submission", "lmtp"][..]),
        ("smtp-client", &["client"]),
        ("imap", &["imap"]),
        ("pop3", &["pop3"]),
    ] {
        for file in dialogues_in(&place::tests().join("dialogues").join(folder)).unwrap() {
            let dialogue =
                Dialogue::parse("dialogue", &fs::read_to_string(&file).unwrap()).unwrap();
            let said = dialogue.lines.iter().filter_map(|line| match &line.kind {
                LineKind::Client(octets) => Some(octets.as_slice()),
                _ => None,
            });
            let said = said.collect::<Vec<_>>().concat();
            for (_, target) in TARGETS.iter().filter(|(name, _)| names.contains(name)) {
                for cut in [0, 1, 255] {
                    // Very long lines cut into single octets take long and show nothing new.
                    if said.len() < 100_000 || cut == 255 {
                        target(&[&[cut], said.as_slice()].concat());
                    }
                }
            }
        }
    }
}

#[test]
fn real_mail_has_summaries_that_read_back() {
    let Some(files) = corpus::files() else { return };
    for file in corpus::sample(&files, 500) {
        waxwing_tests::fuzz::summary(&fs::read(file).unwrap());
    }
}
