//! The text of a part (RFC 8621 §4.1.4: EmailBodyValue), cut where a client wants no more (§4.2: maxBodyValueBytes).

use serde_json::{Value, json};
use waxwing_message::{Part, TextValue};

/// The value of a part of the message `raw`, if it is text; of `most` octets at most, where that is not 0.
pub(super) fn body_value(part: &Part, raw: &[u8], most: u64) -> Option<Value> {
    let TextValue { text, problem, cut } = part.text_value(raw)?;
    let text = match text.contains('\r') {
        true => text.replace("\r\n", "\n"),
        false => text,
    };
    let most = match most {
        0 => usize::MAX,
        most => usize::try_from(most).unwrap_or(usize::MAX),
    };
    let html = part.media_subtype.eq_ignore_ascii_case("html");
    let kept = kept(&text, most, html);
    Some(json!({
        "value": kept,
        "isEncodingProblem": problem,
        "isTruncated": cut || kept.len() < text.len(),
    }))
}

/// The beginning of a text, which ends between characters and, in HTML, not inside a tag.
fn kept(text: &str, most: usize, html: bool) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if html {
        end = open_tag(text, end).unwrap_or(end);
    }
    text.get(..end).unwrap_or_default()
}

/// Where the tag begins that the octet at `end` is inside of.
fn open_tag(html: &str, end: usize) -> Option<usize> {
    let mut tag: Option<usize> = None;
    let mut quote: Option<u8> = None;
    let octets = html.as_bytes();
    for (at, octet) in octets.iter().copied().enumerate().take(end) {
        match (tag, quote, octet) {
            (None, _, b'<') => {
                let next = octets.get(at + 1).copied().unwrap_or(b' ');
                let begins = next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?');
                tag = begins.then_some(at);
            }
            (Some(_), None, b'>') => tag = None,
            // Comments and declarations have apostrophes that are none.
            (Some(start), None, b'"' | b'\'') if octets.get(start + 1) != Some(&b'!') => {
                quote = Some(octet);
            }
            (Some(_), Some(open), octet) if open == octet => quote = None,
            _ => {}
        }
    }
    tag
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_cut_between_characters_and_outside_tags() {
        for (text, most, html, wanted) in [
            ("abc", 3, false, "abc"),
            ("abc", 2, false, "ab"),
            ("a\u{fc}b", 2, false, "a"),
            ("<p>a</p>", 5, false, "<p>a<"),
            ("<p>a</p>", 5, true, "<p>a"),
            ("<p>a</p>", 3, true, "<p>"),
            ("x <a title=\"b > c\" href=d>e", 17, true, "x "),
            ("1 < 2 and so on", 9, true, "1 < 2 and"),
            ("<!-- it's --><b>x", 14, true, "<!-- it's -->"),
            ("<!-- it's --><b>x", 16, true, "<!-- it's --><b>"),
            ("<br", 2, true, ""),
        ] {
            assert_eq!(kept(text, most, html), wanted, "{text} {most}");
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_beginning_and_no_more_than_is_wanted(text in "[<>'\"a!/ \u{fc}\u{1f600}]{0,40}", most in 1usize..60, html: bool) {
            let kept = kept(&text, most, html);
            prop_assert!(text.starts_with(kept));
            prop_assert!(kept.len() <= most);
            prop_assert!(text.len() > most || kept == text);
            if html && kept.len() < text.len() {
                prop_assert_eq!(open_tag(&text, kept.len()), None);
            } else if kept.len() < text.len() {
                prop_assert!(most - kept.len() < 4);
            }
        }
    }
}
