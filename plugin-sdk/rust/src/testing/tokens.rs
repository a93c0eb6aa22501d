//! The features of the world's message, as `plugin-sdk/wit/message.wit` tells.

use super::message::Message;
use crate::tokens::hash;

const FIELDS: [&str; 6] = [
    "subject",
    "from",
    "reply-to",
    "list-id",
    "x-mailer",
    "user-agent",
];

pub(super) fn of(message: &Message, max: usize) -> Vec<u64> {
    let mut features: Vec<String> = Vec::new();
    for name in FIELDS {
        for field in message.headers(name) {
            features.extend(
                words(&field.value)
                    .iter()
                    .map(|word| format!("{name}:{word}")),
            );
        }
    }
    for part in (0..message.part_count()).filter_map(|index| message.part(index)) {
        features.push(format!("type:{}", part.content_type()));
        if let Some((_, extension)) = part
            .filename()
            .as_deref()
            .and_then(|name| name.rsplit_once('.'))
        {
            features.push(format!("ext:{}", extension.to_lowercase()));
        }
    }
    let hosts = message.urls(1000).into_iter().map(|url| url.host);
    features.extend(
        hosts
            .filter(|host| !host.is_empty())
            .map(|host| format!("url:{host}")),
    );
    let words = words(&message.text(64 << 10));
    for (place, word) in words.iter().enumerate() {
        features.push(word.clone());
        if let Some(before) = place.checked_sub(1).and_then(|before| words.get(before)) {
            features.push(format!("{before} {word}"));
        }
    }
    let mut hashes = Vec::new();
    for hash in features.iter().map(|feature| hash(feature)) {
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    hashes.truncate(max.min(4096));
    hashes
}

/// The words of a text; those of scripts without spaces are left to the server.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| (2..=40).contains(&word.chars().count()))
        .map(str::to_lowercase)
        .collect()
}
