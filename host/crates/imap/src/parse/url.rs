//! Relative IMAP URLs of messages on this server (RFC 5092 §6, §7.2; RFC 4469 §3).

use crate::parse::core::Parser;
use crate::types::{MailboxName, MessageUrl};

/// Octets of a URL.
pub(crate) const MAX_URL: u64 = 8 * 1024;

/// What a relative URL is of; `None` if it is another kind of URL, or none. `selected` is the mailbox that it is relative to.
pub(crate) fn message_url(url: &[u8], selected: Option<&MailboxName>) -> Option<MessageUrl> {
    if url.len() as u64 > MAX_URL {
        return None;
    }
    let url = std::str::from_utf8(url).ok()?;
    // RFC 4469 §3: no scheme, no server.
    let path = match url.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => return None,
        Some(rest) => rest.to_owned(),
        None => merged(url, selected?)?,
    };
    let (mailbox, rest) = split(&path, "/;UID=")?;
    let (mailbox, uid_validity) = match split(mailbox, ";UIDVALIDITY=") {
        Some((mailbox, validity)) => (mailbox, Some(nz_number(validity)?)),
        None => (mailbox, None),
    };
    let (rest, partial) = match split(rest, "/;PARTIAL=") {
        Some((rest, partial)) => (rest, Some(range(partial)?)),
        None => (rest, None),
    };
    let (uid, section) = match split(rest, "/;SECTION=") {
        Some((uid, section)) => (uid, decoded(section)?),
        None => (rest, Vec::new()),
    };
    let section = [&section[..], b"]"].concat();
    let mut parser = Parser::new(&section);
    let section = parser.section().ok().filter(|_| parser.is_done())?;
    let mailbox = String::from_utf8(decoded(mailbox)?).ok()?;
    Some(MessageUrl {
        mailbox: MailboxName::new(&mailbox).ok()?,
        uid_validity,
        uid: nz_number(uid)?,
        section,
        partial,
    })
}

/// RFC 3986 §5.2.3, relative to `/mailbox`. What begins with the message is of the mailbox itself.
fn merged(url: &str, selected: &MailboxName) -> Option<String> {
    // RFC 3986 §3.1: a colon in the first segment ends a scheme.
    let first = url.split('/').next()?;
    if first.contains(':') || url.contains(['?', '#']) {
        return None;
    }
    let base = encoded(selected.as_str());
    if url
        .get(..5)
        .is_some_and(|it| it.eq_ignore_ascii_case(";UID="))
    {
        return Some(format!("{base}/{url}"));
    }
    Some(match base.rsplit_once('/') {
        Some((above, _)) => format!("{above}/{url}"),
        None => url.to_owned(),
    })
}

/// What stands before and behind a word, in any case.
fn split<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let upper = text.to_ascii_uppercase();
    let at = upper.find(word)?;
    Some((text.get(..at)?, text.get(at + word.len()..)?))
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn nz_number(text: &str) -> Option<u32> {
    let number = u32::try_from(number(text)?).ok()?;
    (number > 0).then_some(number)
}

/// `partial-range = number ["." nz-number]`
fn range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.split_once('.') {
        Some((first, length)) => Some((number(first)?, Some(nz_number(length)?.into()))),
        None => Some((number(text)?, None)),
    }
}

/// Without `%` encoding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut octets = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(octet) = octets.next() {
        decoded.push(match octet {
            b'%' => {
                let digit = |octet: u8| char::from(octet).to_digit(16);
                let value = digit(octets.next()?)? * 16 + digit(octets.next()?)?;
                u8::try_from(value).ok()?
            }
            // RFC 5092 §6: what follows is no message, or it is for others.
            b'?' | b'#' | b';' => return None,
            other => other,
        });
    }
    Some(decoded)
}

/// With `%` encoding of whatever could mean something in a URL, or cannot stand in a response.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        let plain = octet.is_ascii_alphanumeric() || b"/-_.~!$'()*+,&=@:".contains(&octet);
        if plain {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxwing_message::SectionText;

    fn parse(url: &str) -> Option<MessageUrl> {
        let selected = MailboxName::new("a/b;c").unwrap();
        message_url(url.as_bytes(), Some(&selected))
    }

    #[test]
    fn messages_and_parts() {
        let url = parse("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.2.MIME").unwrap();
        assert_eq!(url.mailbox.as_str(), "Drafts");
        assert_eq!((url.uid_validity, url.uid), (Some(385_759_045), 20));
        assert_eq!(url.section.path, [1, 2]);
        assert_eq!(url.section.text, SectionText::Mime);
        let url = parse("/inbox/;uid=7").unwrap();
        assert_eq!((url.mailbox.as_str(), url.uid_validity), ("INBOX", None));
        assert_eq!(url.section.text, SectionText::All);
        let url =
            parse("/Gr%C3%BC%C3%9Fe/a%3Bb/;UID=7/;SECTION=HEADER.FIELDS%20(To)/;PARTIAL=5.10");
        let url = url.unwrap();
        assert_eq!(url.mailbox.as_str(), "Grüße/a;b");
        assert_eq!(url.partial, Some((5, Some(10))));
        assert!(matches!(url.section.text, SectionText::HeaderFields { .. }));
        assert_eq!(
            parse("/x/;UID=1/;PARTIAL=0").unwrap().partial,
            Some((0, None))
        );
    }

    #[test]
    fn relative_to_the_selected_mailbox() {
        assert_eq!(parse(";UID=20").unwrap().mailbox.as_str(), "a/b;c");
        assert_eq!(parse("d/;UID=20").unwrap().mailbox.as_str(), "a/d");
        assert!(message_url(b";UID=20", None).is_none());
    }

    #[test]
    fn what_is_no_message_here_is_none() {
        for url in [
            "",
            "/",
            "/INBOX",
            "/INBOX/",
            "/INBOX/;UID=",
            "/INBOX/;UID=0",
            "/INBOX/;UID=x",
            "/INBOX/;UID=4294967296",
            "/INBOX/;UID=+1",
            "//server/INBOX/;UID=1",
            "imap://server/INBOX/;UID=1",
            "imap:/INBOX/;UID=1",
            "/INBOX;UIDVALIDITY=0/;UID=1",
            "/INBOX;UIDVALIDITY=/;UID=1",
            "/INBOX/;UID=1/;SECTION=NONE",
            "/INBOX/;UID=1/;SECTION=1]",
            "/INBOX/;UID=1/;SECTION=1.",
            "/INBOX/;UID=1/;PARTIAL=1.0",
            "/INBOX/;UID=1/;PARTIAL=",
            "/INBOX/;UID=1;URLAUTH=anonymous",
            "/INBOX?SUBJECT%20x",
            "/INBOX/;UID=1?x",
            "/%FF/;UID=1",
            "/%0/;UID=1",
            "/INBOX/;UID=1/;SECTION=%0",
            "/;UID=1",
        ] {
            assert_eq!(parse(url), None, "{url}");
        }
        let long = format!("/{}/;UID=1", "a".repeat(9000));
        assert_eq!(parse(&long), None);
    }
}
