//! The collation i;unicode-casemap (RFC 5051), by which texts are searched and sorted (RFC 5255 §4.2).
//!
//! Invariants: a text is mapped character by character, so that a text in another is mapped to a text in that other's mapped form; characters of
//! ASCII, which most text is, are mapped many at once.

use unicode_normalization::char::decompose_compatible;

/// The form in which texts are compared, octet by octet.
#[must_use]
pub fn casemap(text: &str) -> String {
    let mut mapped = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let run = rest.bytes().take_while(u8::is_ascii).count();
        let (ascii, behind) = rest.split_at_checked(run).unwrap_or((rest, ""));
        let begins = mapped.len();
        mapped.push_str(ascii);
        if let Some(run) = mapped.get_mut(begins..) {
            run.make_ascii_uppercase();
        }
        let mut others = behind.chars();
        let Some(c) = others.next() else {
            return mapped;
        };
        match c {
            // Ideographs, which have neither property.
            '\u{3400}'..='\u{9fff}' => mapped.push(c),
            // RFC 5051 §2: the titlecase property, then the decomposition property as often as there is one.
            _ => decompose_compatible(titlecase(c), |c| mapped.push(c)),
        }
        rest = others.as_str();
    }
}

/// The titlecase property of a character: one character for one.
fn titlecase(c: char) -> char {
    let shifted = |by: u32| char::from_u32(u32::from(c) + by).unwrap_or(c);
    match c {
        // Titles of their own.
        '\u{01c4}'..='\u{01c6}' => '\u{01c5}',
        '\u{01c7}'..='\u{01c9}' => '\u{01c8}',
        '\u{01ca}'..='\u{01cc}' => '\u{01cb}',
        '\u{01f1}'..='\u{01f3}' => '\u{01f2}',
        // Mkhedruli has capitals, and its titles are small.
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(9),
        _ => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(one), None) => one,
                // Only in full is there more than one; the property has none then.
                _ => c,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{casemap, decompose_compatible, titlecase};

    #[test]
    fn case_and_composition_make_no_difference() {
        for (one, other) in [
            ("Grüße", "GRU\u{308}ße"),
            ("ǆ", "Ǆ"),
            ("ᾳ", "ᾼ"),
            ("İ", "I\u{307}"),
        ] {
            assert_eq!(casemap(one), casemap(other), "{one} {other}");
        }
        assert!(casemap("a") < casemap("B") && casemap("b") < casemap("C"));
        assert_ne!(casemap("ß"), casemap("ss"));
    }

    #[test]
    fn only_what_is_decomposed_as_a_title_is_compared() {
        // What a decomposition has is not mapped again (RFC 5051 §2).
        assert_eq!(casemap("ﬁ"), "fi");
        assert_eq!(casemap("ª"), "a");
        assert_eq!(casemap("Å"), casemap("a\u{30a}"));
        assert_eq!(casemap("ΟΔΟΣ"), casemap("οδος"));
        assert_eq!(casemap("Ⅷ"), "VIII");
    }

    #[test]
    fn ideographs_are_what_they_are() {
        for c in '\u{3400}'..='\u{9fff}' {
            let mut mapped = String::new();
            decompose_compatible(titlecase(c), |c| mapped.push(c));
            assert_eq!(mapped, c.to_string());
        }
    }

    proptest! {
        #[test]
        fn a_text_in_another_is_mapped_to_one_in_it(one in "\\PC*", other in "\\PC*") {
            prop_assert_eq!(casemap(&format!("{one}{other}")), casemap(&one) + &casemap(&other));
        }
    }
}
