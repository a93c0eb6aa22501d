//! Authentication-Results that others wrote in our name.

/// Whether the value of an Authentication-Results field claims to be ours, so that it must go (RFC 8601 §5). What cannot be read does: a
/// lenient reader might take it for ours.
#[must_use]
pub fn claims_id(value: &[u8], authserv_id: &str) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return true;
    };
    match first_word(text) {
        None => true,
        Some(word) => same(&word, authserv_id),
    }
}

/// RFC 8601 §2.2: [CFWS] authserv-id; a value of RFC 2045 §5.1, so perhaps in quotes.
fn first_word(text: &str) -> Option<String> {
    let mut rest = text.trim_start();
    while rest.starts_with('(') {
        rest = after_comment(rest)?.trim_start();
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let mut word = String::new();
        let mut chars = quoted.chars();
        loop {
            match chars.next()? {
                '"' => return Some(word),
                '\\' => word.push(chars.next()?),
                c => word.push(c),
            }
        }
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, ';' | '(');
    let word = rest.split(ends).next().unwrap_or_default();
    (!word.is_empty()).then(|| word.to_owned())
}

/// What follows the comment at the beginning; comments nest (RFC 5322 §3.2.2).
fn after_comment(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return text.get(at + 1..);
                }
            }
            _ => {}
        }
    }
    None
}

/// RFC 8616 §6: the id may be written in U-labels.
fn same(one: &str, other: &str) -> bool {
    let ascii = |text: &str| {
        let text = text.trim_end_matches('.');
        idna::domain_to_ascii(text).unwrap_or_else(|_| text.to_ascii_lowercase())
    };
    ascii(one) == ascii(other)
}
