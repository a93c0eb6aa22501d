//! A message as features for a classifier: hashes of what it says, in the order in which it says it.
//!
//! Invariants: the same message gives the same features in every release, for what was learnt must still be found; how features are made
//! is told in `plugin-sdk/wit/message.wit`, so that a plugin can make the hash of one itself.

use std::collections::HashSet;

use super::{MessageView, head};

/// Features of a message.
const MAX_TOKENS: usize = 4096;
/// Octets of text that are looked at.
const MAX_TEXT: usize = 64 << 10;
/// Octets of a header field that are looked at.
const MAX_FIELD: usize = 4096;
/// Characters of a word.
const WORD: std::ops::RangeInclusive<usize> = 2..=40;

/// Header fields whose words are features, and what stands before them.
const FIELDS: [&str; 6] = [
    "subject",
    "from",
    "reply-to",
    "list-id",
    "x-mailer",
    "user-agent",
];

/// The features of a message.
pub(super) fn of(view: &MessageView) -> Vec<u64> {
    let mut features = Features::default();
    for name in FIELDS {
        for (_, field) in view.named(name) {
            for word in words(head(view.value(field), MAX_FIELD)) {
                features.add(&[name, ":", &word]);
            }
        }
    }
    for part in view.parts() {
        features.add(&["type:", part.content_type()]);
        if let Some((_, extension)) = part.filename().and_then(|name| name.rsplit_once('.')) {
            features.add(&["ext:", &extension.to_lowercase()]);
        }
    }
    for link in view.links().iter().filter(|link| !link.host.is_empty()) {
        features.add(&["url:", &link.host]);
    }
    let mut before: Option<String> = None;
    for word in words(head(view.text(), MAX_TEXT)) {
        features.add(&[&word]);
        if let Some(before) = &before {
            features.add(&[before, " ", &word]);
        }
        if features.is_full() {
            break;
        }
        before = Some(word);
    }
    features.hashes
}

#[derive(Default)]
struct Features {
    hashes: Vec<u64>,
    known: HashSet<u64>,
}

impl Features {
    fn add(&mut self, pieces: &[&str]) {
        let hash = fnv(pieces);
        if !self.is_full() && self.known.insert(hash) {
            self.hashes.push(hash);
        }
    }

    fn is_full(&self) -> bool {
        self.hashes.len() >= MAX_TOKENS
    }
}

/// FNV-1a with 64 bits of the pieces one after the other.
fn fnv(pieces: &[&str]) -> u64 {
    let octets = pieces.iter().flat_map(|piece| piece.bytes());
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The words of a text in their order.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text.chars().peekable();
    let mut unspaced: Option<char> = None;
    std::iter::from_fn(move || {
        loop {
            let next = rest.next()?;
            if is_unspaced(next) {
                // Two neighbours are a word; the second begins the next.
                if let Some(before) = unspaced.replace(next) {
                    return Some([before, next].into_iter().collect());
                }
                continue;
            }
            unspaced = None;
            if !next.is_alphanumeric() {
                continue;
            }
            let mut word: String = next.to_lowercase().collect();
            let mut length = 1;
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() && !is_unspaced(*c)) {
                length += 1;
                // What is too long is no word, and need not be kept.
                if length <= *WORD.end() {
                    word.extend(next.to_lowercase());
                }
            }
            if WORD.contains(&length) {
                return Some(word);
            }
        }
    })
}

/// Whether a character is of a script that has no spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        // Thai and Lao, Myanmar, Khmer.
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff
        // Hiragana and Katakana.
        | 0x3040..=0x30ff | 0x31f0..=0x31ff
        // Han.
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_23af)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn split(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn words_are_what_unicode_takes_for_letters_and_digits() {
        assert_eq!(
            split("Grüße, an ALLE 24/7: a b2b"),
            ["grüße", "an", "alle", "24", "b2b"]
        );
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        assert_eq!(split("免费领取 ok"), ["免费", "费领", "领取", "ok"]);
        assert_eq!(split(&"a".repeat(41)), [""; 0]);
    }

    #[test]
    fn features_are_told_in_the_contract_and_do_not_change() {
        let mail = "Subject: Cheap pills\r\nContent-Type: text/plain\r\n\r\nbuy now buy now at http://shop.example/x\r\n";
        let view = MessageView::new(Bytes::copy_from_slice(mail.as_bytes()));
        let expected = [
            "subject:cheap",
            "subject:pills",
            "type:text/plain",
            "url:shop.example",
            "buy",
            "now",
            "buy now",
            "now buy",
            "at",
            "now at",
            "http",
            "at http",
            "shop",
            "http shop",
            "example",
            "shop example",
        ];
        assert_eq!(view.tokens(), expected.map(|feature| fnv(&[feature])));
        // The published test vector of FNV-1a.
        assert_eq!(fnv(&["foo", "bar"]), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn features_are_bounded() {
        let text: String = (0..20_000).map(|n| format!("w{n} ")).collect();
        let view = MessageView::new(Bytes::from(format!("Subject: x\r\n\r\n{text}")));
        assert_eq!(view.tokens().len(), MAX_TOKENS);
    }
}
