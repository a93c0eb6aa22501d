//! Message IDs as threads are made by them (RFC 5256 §3): whatever their quoting.

/// The valid IDs of a field, in order, normalised.
pub(super) fn message_ids(field: &[u8]) -> impl Iterator<Item = Box<[u8]>> + '_ {
    let mut rest = field;
    std::iter::from_fn(move || {
        loop {
            let (_, behind) = rest.split_at_checked(memchr::memchr(b'<', rest)? + 1)?;
            let end = memchr::memchr2(b'<', b'>', behind)?;
            let (id, after) = behind.split_at_checked(end)?;
            rest = after;
            if after.first() == Some(&b'>')
                && let Some(id) = normalise(id)
            {
                return Some(id);
            }
        }
    })
}

/// Without quotes, escapes and white space; `None` if it is no `left@right`.
fn normalise(id: &[u8]) -> Option<Box<[u8]>> {
    let plain = |octet: &u8| !octet.is_ascii_whitespace() && !matches!(octet, b'"' | b'\\');
    let id: Box<[u8]> = id.iter().copied().filter(plain).collect();
    let at = memchr::memrchr(b'@', &id)?;
    (at > 0 && at + 1 < id.len()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::message_ids;

    #[test]
    fn ids_are_found_and_made_alike() {
        let ids = |field: &str| {
            let ids = message_ids(field.as_bytes()).map(|id| String::from_utf8(id.into()).unwrap());
            ids.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids("<a@b> text <\"c d\"@e>\r\n <f@g"), "a@b cd@e");
        assert_eq!(ids("<a@b <c@d>"), "c@d");
        assert_eq!(ids("<ab> <@b> <a@> <>"), "");
        // RFC 5256 §3: these are the same.
        assert_eq!(ids("<\"01KF8\"@xxx.yyy.com>"), ids("<01KF8@xxx.yyy.com>"));
    }
}
