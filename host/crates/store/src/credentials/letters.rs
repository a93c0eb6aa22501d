//! Random secrets that people read out and type: letters of which none is mistaken for another, in groups.

const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

pub(crate) fn is_one(octet: u8) -> bool {
    LETTERS.contains(&octet)
}

/// So many letters, five bits each.
pub(crate) fn random(count: usize) -> String {
    (0..count)
        .map(|_| {
            let octet: u8 = rand::random();
            let letter = LETTERS.get(usize::from(octet % 32));
            char::from(letter.copied().unwrap_or(b'a'))
        })
        .collect()
}

/// A text of letters of one octet each, with a hyphen after each group but the last.
pub(crate) fn grouped(text: &str, group: usize) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at % group == 0 {
            out.push('-');
        }
        out.push(c);
    }
    out
}
