//! The collation i;unicode-casemap (RFC 5051), by which SORT and THREAD compare (RFC 5256 §7).

use unicode_normalization::char::decompose_compatible;

/// The form in which texts are compared, octet by octet.
#[must_use]
pub(crate) fn casemap(text: &str) -> String {
    let mut mapped = String::with_capacity(text.len());
    for c in text.chars() {
        // RFC 5051 §2: the titlecase property, then the decomposition property as often as there is one.
        decompose_compatible(titlecase(c), |c| mapped.push(c));
    }
    mapped
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
    use super::casemap;

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
}
