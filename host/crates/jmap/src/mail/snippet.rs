//! `SearchSnippet/get` (RFC 8621 §5.1): where in an email the words of a search are.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use waxwing_message::{Decoded, Summary, casemap, value};

use super::email_filter::{Condition, EmailFilter, Field, TextKey};
use super::email_get::{contents, summaries};
use super::emails::Email;
use super::mailbox::emails;
use crate::context::Context;
use crate::error::MethodError;
use crate::id::{ContentId, EmailId};
use crate::methods::Arguments;
use crate::standard::distinct;

/// Octets of a preview (RFC 8621 §5).
const MAX_PREVIEW: usize = 255;
/// Octets that are shown before what is found.
const BEFORE: usize = 60;
/// Octets of a text that are looked through.
const MAX_TEXT: usize = 64 << 10;
/// Octets of a content that are read.
const MAX_READ: u64 = 1 << 20;
/// Emails whose contents are held together.
const TOGETHER: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    account_id: String,
    #[serde(default)]
    filter: Option<Value>,
    email_ids: Vec<String>,
}

/// What is looked for, mapped.
struct Words {
    subject: Vec<String>,
    body: Vec<String>,
}

pub(super) async fn get(get: Get, context: &Context) -> Result<Arguments, MethodError> {
    let account = context.account(&get.account_id)?.id;
    let ids = distinct(&get.email_ids, &context.limits)?;
    let words = Words::of(&EmailFilter::read(get.filter)?);
    let emails = emails(account, context).await?;
    let (mut found, mut not_found): (Vec<&Email>, Vec<String>) = (Vec::new(), Vec::new());
    for id in ids {
        match EmailId::parse(&id).and_then(|id| emails.get(id)) {
            Some(email) => found.push(email),
            None => not_found.push(id),
        }
    }
    let mut list = Vec::with_capacity(found.len());
    for some in found.chunks(TOGETHER) {
        let subjects = match words.subject.is_empty() {
            true => vec![None; some.len()],
            false => summaries(account, some, context).await?,
        };
        let bodies = match words.body.is_empty() {
            true => vec![None; some.len()],
            false => {
                let blobs = some.iter().map(|email| ContentId(email.id.0)).collect();
                contents(account, blobs, MAX_READ, context).await?
            }
        };
        for ((email, summary), raw) in some.iter().zip(subjects).zip(bodies) {
            let subject = summary.and_then(|octets| subject(&octets, &words.subject));
            let preview = raw.and_then(|raw| preview(&raw, &words.body));
            list.push(
                json!({ "emailId": email.id.to_string(), "subject": subject, "preview": preview }),
            );
        }
    }
    let not_found = match not_found.is_empty() {
        true => Value::Null,
        false => not_found.into(),
    };
    let mut result = Map::new();
    result.insert("accountId".into(), get.account_id.into());
    result.insert("list".into(), list.into());
    result.insert("notFound".into(), not_found);
    Ok(result)
}

impl Words {
    /// All that a filter looks for, wherever in it.
    fn of(filter: &EmailFilter) -> Self {
        let (mut subject, mut body) = (Vec::new(), Vec::new());
        filter.filter.each(&mut |condition| match condition {
            Condition::Field {
                field: Field::Subject,
                text,
                ..
            } => subject.push(text.mapped().to_owned()),
            Condition::Text { key, .. } => {
                if let Some(TextKey::Body(text)) = filter.keys.get(*key) {
                    body.push(text.mapped().to_owned());
                }
            }
            _ => {}
        });
        Self { subject, body }
    }
}

fn subject(summary: &[u8], words: &[String]) -> Option<String> {
    let summary = Summary::decode_fields(summary).ok()?;
    let subject = value::readable(&Decoded::field(&summary.envelope.subject?));
    let found = places(&subject, words);
    (!found.is_empty()).then(|| marked(&subject, &found, usize::MAX))
}

/// The neighbourhood of the first place in the texts of a message.
fn preview(raw: &[u8], words: &[String]) -> Option<String> {
    let root = waxwing_message::Part::read(raw);
    for text in root.texts(raw) {
        let shown = text.shown();
        let shown = whole(&shown, MAX_TEXT);
        let plain: Vec<&str> = shown.split_whitespace().collect();
        let plain = plain.join(" ");
        let found = places(&plain, words);
        let Some((first, _)) = found.first() else {
            continue;
        };
        let from = beginning(&plain, *first);
        let near = plain.get(from..).unwrap_or_default();
        let moved: Vec<(usize, usize)> = found
            .iter()
            .filter(|(start, _)| *start >= from)
            .map(|(start, end)| (start - from, end - from))
            .collect();
        return Some(marked(near, &moved, MAX_PREVIEW));
    }
    None
}

/// The beginning of a text that ends between characters.
fn whole(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Where a word begins that is not far before a place.
fn beginning(text: &str, place: usize) -> usize {
    let mut from = place.saturating_sub(BEFORE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    if from == 0 {
        return 0;
    }
    let near = text.get(from..place).unwrap_or_default();
    near.find(' ').map_or(from, |gap| from + gap + 1)
}

/// Where in a text words are, in order, none in another.
fn places(text: &str, words: &[String]) -> Vec<(usize, usize)> {
    // As words are compared, and of each octet of that the character that it is of.
    let (mut mapped, mut of): (String, Vec<(usize, usize)>) = (String::new(), Vec::new());
    for (at, c) in text.char_indices() {
        if c.is_ascii() {
            mapped.push(c.to_ascii_uppercase());
        } else {
            mapped.push_str(&casemap(c.encode_utf8(&mut [0; 4])));
        }
        of.resize(mapped.len(), (at, at + c.len_utf8()));
    }
    let mut found: Vec<(usize, usize)> = Vec::new();
    for word in words.iter().filter(|word| !word.is_empty()) {
        for (at, matched) in mapped.match_indices(word.as_str()) {
            let ends = (of.get(at), of.get(at + matched.len() - 1));
            if let (Some((start, _)), Some((_, end))) = ends {
                found.push((*start, *end));
            }
        }
    }
    found.sort_unstable();
    let mut apart: Vec<(usize, usize)> = Vec::new();
    for (start, end) in found {
        match apart.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => apart.push((start, end)),
        }
    }
    apart
}

/// The text as HTML with what is found marked (RFC 8621 §5), as much of it as fits.
fn marked(text: &str, found: &[(usize, usize)], most: usize) -> String {
    const OPEN: &str = "<mark>";
    const CLOSE: &str = "</mark>";
    let mut html = String::new();
    let mut places = found.iter().peekable();
    let mut open: Option<usize> = None;
    for (at, c) in text.char_indices() {
        if open.is_some_and(|end| at >= end) {
            html.push_str(CLOSE);
            open = None;
        }
        let starts = places.next_if(|(start, _)| *start == at);
        let mut piece = String::new();
        if starts.is_some() {
            piece.push_str(OPEN);
        }
        match c {
            '&' => piece.push_str("&amp;"),
            '<' => piece.push_str("&lt;"),
            '>' => piece.push_str("&gt;"),
            c => piece.push(c),
        }
        let close = if open.is_some() || starts.is_some() {
            CLOSE.len()
        } else {
            0
        };
        if html.len() + piece.len() + close > most {
            break;
        }
        html.push_str(&piece);
        if let Some((_, end)) = starts {
            open = Some(*end);
        }
    }
    if open.is_some() {
        html.push_str(CLOSE);
    }
    html
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(text: &str, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| casemap(word)).collect();
        marked(text, &places(text, &words), usize::MAX)
    }

    #[test]
    fn words_are_marked_in_any_case() {
        assert_eq!(
            mark("Foo & foot <b>", &["foo"]),
            "<mark>Foo</mark> &amp; <mark>foo</mark>t &lt;b&gt;"
        );
        assert_eq!(
            mark("Grüße GRÜSSE", &["gru\u{308}"]),
            "<mark>Grü</mark>ße <mark>GRÜ</mark>SSE"
        );
        assert_eq!(mark("abcd", &["abc", "bcd"]), "<mark>abcd</mark>");
        assert_eq!(mark("\u{fc}x", &["u"]), "<mark>\u{fc}</mark>x");
        assert_eq!(mark("none", &["x", ""]), "none");
    }

    #[test]
    fn previews_are_near_what_is_found() {
        let text = format!(
            "Content-Type: text/html\r\n\r\n<p>{} the needle\r\n {}</p>",
            "word ".repeat(100),
            "after ".repeat(100)
        );
        let found = preview(text.as_bytes(), &[casemap("NEEDLE")]).unwrap();
        assert!(
            found.starts_with("word ")
                && found.contains("word the <mark>needle</mark> after after"),
            "{found}"
        );
        assert!(found.len() <= MAX_PREVIEW);
        assert_eq!(preview(text.as_bytes(), &[casemap("html")]), None);
    }

    proptest! {
        #[test]
        fn previews_stay_small_and_are_html(text in "[a<&>\u{fc}\u{1f600} \n]{0,400}", word in "[a<\u{fc}]{1,2}", most in 20usize..300) {
            let found = places(&text, &[casemap(&word)]);
            let html = marked(&text, &found, most);
            prop_assert!(html.len() <= most);
            let bare = html.replace("<mark>", "").replace("</mark>", "");
            prop_assert!(!bare.contains(['<', '>']));
            prop_assert_eq!(html.matches("<mark>").count(), html.matches("</mark>").count());
            let raw = format!("\r\n{text}");
            if let Some(html) = preview(raw.as_bytes(), &[casemap(&word)]) {
                prop_assert!(html.len() <= MAX_PREVIEW && html.contains("<mark>"));
            }
        }
    }
}
