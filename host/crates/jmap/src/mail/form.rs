//! Forms of header fields that nothing but JMAP has (RFC 8621 §4.1.2): raw text, lists of message ids and of URLs.

/// The value as it stands (RFC 8621 §4.1.2.1): without its last line end and NULs, and with what is no UTF-8 replaced.
pub(super) fn raw(value: &[u8]) -> String {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    let text = String::from_utf8_lossy(value);
    match text.contains('\0') {
        true => text.replace('\0', ""),
        false => text.into_owned(),
    }
}

/// The ids of a list (RFC 5322 §3.6.4: `1*msg-id`), without their angle brackets; none if it is no such list.
pub(super) fn message_ids(value: &[u8]) -> Option<Vec<String>> {
    let text = without_comments(&raw(value))?;
    let mut ids = Vec::new();
    let mut rest = text.as_str();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let (id, behind) = rest.strip_prefix('<')?.split_once('>')?;
        let id: String = id.chars().filter(|c| !c.is_whitespace()).collect();
        if id.is_empty() || id.contains('<') {
            return None;
        }
        ids.push(id);
        rest = behind;
    }
    (!ids.is_empty()).then_some(ids)
}

/// The URLs of a list (RFC 2369 §2), without their angle brackets; none if it is no such list.
pub(super) fn urls(value: &[u8]) -> Option<Vec<String>> {
    let text = without_comments(&raw(value))?;
    let mut urls = Vec::new();
    let mut rest = text.trim();
    loop {
        let (url, behind) = rest.strip_prefix('<')?.split_once('>')?;
        // RFC 2369 §2: white space inside is to be ignored.
        let url: String = url.chars().filter(|c| !c.is_whitespace()).collect();
        if url.is_empty() {
            return None;
        }
        urls.push(url);
        let behind = behind.trim_start();
        if behind.is_empty() {
            return Some(urls);
        }
        // RFC 2369 §2: what follows without a comma is to be ignored.
        let Some(behind) = behind.strip_prefix(',') else {
            return Some(urls);
        };
        rest = behind.trim_start();
    }
}

/// The text without comments (RFC 5322 §3.2.2) outside angle brackets; none if one does not end.
fn without_comments(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut depth, mut inside, mut escaped) = (0usize, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if depth > 0 => escaped = true,
            '(' if !inside => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            c => {
                inside = (inside || c == '<') && c != '>';
                out.push(c);
            }
        }
    }
    (depth == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_and_urls() {
        let list = |items: &[&str]| Some(items.iter().map(|it| (*it).to_owned()).collect());
        for (value, ids) in [
            (" <a@b>\r\n", list(&["a@b"])),
            (
                " (x) <a@b>(y (z\\))) <c@d>\r\n\t<e@f>",
                list(&["a@b", "c@d", "e@f"]),
            ),
            ("<a(1)@b>", list(&["a(1)@b"])),
            ("<a\r\n @b>", list(&["a@b"])),
            ("a@b", None),
            ("<a@b", None),
            ("<a@b> and", None),
            ("<>", None),
            ("", None),
            ("(<a@b>", None),
        ] {
            assert_eq!(message_ids(value.as_bytes()), ids, "{value}");
        }
        for (value, found) in [
            // RFC 2369 §3.1, §3.2: examples.
            (
                " <ftp://ftp.host.com/list.txt> (FTP),\r\n <mailto:list@host.com?subject=help>",
                list(&[
                    "ftp://ftp.host.com/list.txt",
                    "mailto:list@host.com?subject=help",
                ]),
            ),
            (
                " (Use this command to get off the list)\r\n <mailto:list-manager@host.com?body=unsubscribe%20list>",
                list(&["mailto:list-manager@host.com?body=unsubscribe%20list"]),
            ),
            ("NO (posting not allowed)", None),
            ("<a>,", None),
            ("<a>, <b> <c>", list(&["a", "b"])),
            ("<a> and more, <b>", list(&["a"])),
            ("", None),
        ] {
            assert_eq!(urls(value.as_bytes()), found, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_have_each_form(value in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"<>(),\\ a@\0".to_vec())], 0..60)) {
            prop_assert!(!raw(&value).contains('\0'));
            let _ = (message_ids(&value), urls(&value));
        }
    }
}
