//! The words of a search (RFC 8621 §4.4.1): tokens between white space, all of which have to be found, and phrases in quotes.

/// The tokens and phrases of a text, without those that are empty.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = match phrase(rest, first) {
            Some(found) => found,
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (word.to_owned(), behind)
            }
        };
        if !word.is_empty() {
            words.push(word);
        }
        rest = behind.trim_start();
    }
    words
}

/// The phrase that a text begins with, and what is behind it. A quote that has no other is a character.
fn phrase(text: &str, quote: char) -> Option<(String, &str)> {
    if !matches!(quote, '"' | '\'') {
        return None;
    }
    let mut phrase = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => {
                // RFC 8621 §4.4.1: these are escaped, and others stand for themselves.
                if !matches!(c, '"' | '\'' | '\\') {
                    phrase.push('\\');
                }
                phrase.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            c if c == quote => return Some((phrase, text.get(at + 1..)?)),
            c => phrase.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_and_phrases() {
        for (text, wanted) in [
            ("", vec![]),
            ("  one  two ", vec!["one", "two"]),
            ("\"one two\" three", vec!["one two", "three"]),
            ("'it\\'s \\\\ here'x", vec!["it's \\ here", "x"]),
            ("it's here", vec!["it's", "here"]),
            ("\"no end", vec!["\"no", "end"]),
            ("\"\" ''", vec![]),
            ("'a\\nb'", vec!["a\\nb"]),
        ] {
            assert_eq!(words(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_words(text in "['\" \\\\a\u{fc}\u{3000}]{0,30}") {
            prop_assert!(words(&text).iter().all(|word| !word.is_empty()));
        }
    }
}
