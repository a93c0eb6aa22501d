//! Links in texts and in HTML, as a reader's program would find them.
//!
//! Standards: RFC 3986 (the parts of a URI), UTS 46 by `idna` for host names.

use waxwing_message::html_text;

use super::spelled::{References, Spelled};
use super::{MAX_LINKS, head};

/// Octets of a link that are kept.
const MAX_LINK: usize = 2048;
/// Octets of what stands for a link that are kept.
const MAX_ANCHOR: usize = 256;

/// A link found in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The whole link, at most 2048 octets.
    pub(crate) text: String,
    /// Lower case, such as `https`.
    pub(crate) scheme: String,
    /// The host in lower-case A-labels or an address; empty where there is none.
    pub(crate) host: String,
    /// The HTML that stands between the tags of an `a`.
    inner: Option<String>,
    /// The number of the part.
    pub(crate) part: u32,
}

impl Link {
    /// What the reader sees in its place, for links of HTML. Computed only if somebody asks: patterns look at the link alone.
    pub(crate) fn anchor(&self) -> Option<String> {
        let inner = html_text(self.inner.as_deref()?);
        Some(head(inner.trim(), MAX_ANCHOR).to_owned())
    }
}

/// Adds the links that a plain text spells out.
pub(super) fn of_text(text: &str, part: u32, found: &mut Vec<Link>) {
    for link in Spelled::new(text) {
        // Punctuation that ends a sentence is not part of the link that stands there.
        push(
            link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']),
            None,
            part,
            found,
        );
        if found.len() >= MAX_LINKS {
            return;
        }
    }
}

/// Adds the links of HTML: those of attributes with what stands for them, and those that the text spells out which a reader sees.
pub(super) fn of_html(html: &str, seen: &str, part: u32, found: &mut Vec<Link>) {
    let before = found.len();
    for reference in References::new(html) {
        let after = html.get(reference.end..).unwrap_or_default();
        let inner = reference.is_anchor.then(|| inner(after));
        push(&reference.link.replace("&amp;", "&"), inner, part, found);
        if found.len() >= MAX_LINKS {
            return;
        }
    }
    let mut spelled = Vec::new();
    of_text(seen, part, &mut spelled);
    for link in spelled {
        let known = found
            .iter()
            .skip(before)
            .any(|other| other.text == link.text);
        if !known && found.len() < MAX_LINKS {
            found.push(link);
        }
    }
}

/// What stands between a link's tag and its end tag.
fn inner(rest: &str) -> &str {
    // Looked for in a bounded stretch: a message of open tags must not be scanned once for each of them.
    let rest = head(rest, 8 * MAX_ANCHOR);
    let end = rest
        .as_bytes()
        .windows(3)
        .position(|window| window.eq_ignore_ascii_case(b"</a"))
        .unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn push(link: &str, inner: Option<&str>, part: u32, found: &mut Vec<Link>) {
    let link = head(link.trim(), MAX_LINK);
    let (scheme, rest) = match link.split_once(':') {
        _ if starts_with_www(link) => ("http", link),
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        // A relative reference leads nowhere from a message.
        _ => return,
    };
    found.push(Link {
        text: link.to_owned(),
        scheme: scheme.to_ascii_lowercase(),
        host: host(rest),
        inner: inner.map(str::to_owned),
        part,
    });
}

fn starts_with_www(link: &str) -> bool {
    link.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("www."))
}

fn is_scheme(scheme: &str) -> bool {
    // RFC 3986 §3.1.
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.len() <= 20
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// The host of what follows the scheme (RFC 3986 §3.2.2), user and port left out.
fn host(rest: &str) -> String {
    let authority = if starts_with_www(rest) {
        rest
    } else if let Some(authority) = rest.strip_prefix("//") {
        authority
    } else {
        return rest
            .split_once('@')
            .map_or_else(String::new, |(_, domain)| to_ascii(trim_host(domain)));
    };
    let authority = authority
        .split(['/', '?', '#', '\\'])
        .next()
        .unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.starts_with('[') {
        return host
            .split(']')
            .next()
            .unwrap_or_default()
            .trim_start_matches('[')
            .to_ascii_lowercase();
    }
    to_ascii(trim_host(host.split(':').next().unwrap_or_default()))
}

fn trim_host(host: &str) -> &str {
    host.split(['?', '/', '#'])
        .next()
        .unwrap_or_default()
        .trim_matches('.')
}

fn to_ascii(host: &str) -> String {
    if host.is_ascii() {
        return host.to_ascii_lowercase();
    }
    idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        of_text(text, 0, &mut found);
        found.into_iter().map(|link| link.host).collect()
    }

    #[test]
    fn hosts_are_what_a_browser_would_open() {
        assert_eq!(
            hosts("see http://user:pw@Evil.Example:8080/path."),
            ["evil.example"]
        );
        assert_eq!(
            hosts("www.example.com, or mailto:a@b.example?x=y"),
            ["www.example.com", "b.example"]
        );
        assert_eq!(hosts("https://bücher.example/"), ["xn--bcher-kva.example"]);
        assert!(hosts("no links here: at all").is_empty());
    }

    #[test]
    fn a_link_keeps_what_the_reader_sees() {
        let mut found = Vec::new();
        of_html(
            "<A class=x HREF='http://evil.example/?a=1&amp;b=2'><b>bank.example</b></a>",
            "bank.example",
            3,
            &mut found,
        );
        let link = found.first().unwrap();
        assert_eq!(link.text, "http://evil.example/?a=1&b=2");
        assert_eq!(link.anchor().as_deref(), Some("bank.example"));
        assert_eq!(link.part, 3);
    }

    #[test]
    fn links_are_bounded() {
        let mut found = Vec::new();
        of_html(&"<a href=http://a.example>".repeat(5000), "", 0, &mut found);
        assert_eq!(found.len(), MAX_LINKS);
    }
}
