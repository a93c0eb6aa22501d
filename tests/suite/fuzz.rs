//! The corpora of the fuzz targets, replayed: what a fuzzer once found stays found.

use std::fs;
use std::time::{Duration, Instant};

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

/// Numbers that look random and are the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }

    /// Octets with something changed, doubled, taken out or put in that some protocol or other cares about.
    fn changed(&mut self, octets: &[u8]) -> Vec<u8> {
        const TOKENS: [&[u8]; 16] = [
            b"\r\n",
            b"\n",
            b"\r",
            b".",
            b"\0",
            b"<",
            b">",
            b"@",
            b"\"",
            b"\\",
            b" ",
            b"=",
            b";",
            b"+",
            b"\xff",
            b"99999999999999999999",
        ];
        let mut octets = octets.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(octets.len() + 1);
            let end = at + self.below((octets.len() - at).min(64) + 1);
            match self.below(4) {
                0 => drop(octets.drain(at..end)),
                1 => {
                    let piece = octets[at..end].to_vec();
                    octets.splice(at..at, piece);
                }
                2 if at < octets.len() => octets[at] = u8::try_from(self.below(256)).unwrap(),
                _ => {
                    let token = TOKENS[self.below(TOKENS.len())].to_vec();
                    drop(octets.splice(at..at, token));
                }
            }
        }
        octets.truncate(1 << 16);
        octets
    }
}

/// Without a fuzzer's guidance: half a second for each target, or `WAXWING_FUZZ` seconds.
#[test]
fn changed_corpora_are_taken() {
    let wanted = std::env::var("WAXWING_FUZZ").ok();
    let seconds = wanted.and_then(|seconds| seconds.parse().ok());
    let time = seconds.map_or(Duration::from_millis(500), Duration::from_secs);
    for (name, target) in TARGETS {
        let folder = fs::read_dir(place::tests().join("fuzz/corpus").join(name)).unwrap();
        let corpus: Vec<_> = folder
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .collect();
        let (mut random, begun, mut count) = (Random(0x9e37_79b9_7f4a_7c15), Instant::now(), 0);
        while begun.elapsed() < time {
            let seed = &corpus[random.below(corpus.len())];
            let input = random.changed(seed);
            if std::panic::catch_unwind(|| target(&input)).is_err() {
                panic!("{name}: {}", input.escape_ascii());
            }
            count += 1;
        }
        eprintln!("{name}: {count} inputs");
    }
}

#[test]
fn real_mail_has_summaries_that_read_back() {
    let Some(files) = corpus::files() else { return };
    for file in corpus::sample(&files, 500) {
        waxwing_tests::fuzz::summary(&fs::read(file).unwrap());
    }
}
