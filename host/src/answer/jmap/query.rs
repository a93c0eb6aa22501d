//! The query of a URI, as the templates of the Session object make it (RFC 6570 level 1).

/// The value of a name, decoded (RFC 3986 §2.1); `+` is a plus, since this is no form.
pub(super) fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name)?;
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            octets.push(*first);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        rest = behind;
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn values_are_decoded() {
        let query = "a=1&type=image%2Fsvg+xml&b=%";
        assert_eq!(value(query, "type").as_deref(), Some("image/svg+xml"));
        assert_eq!(value(query, "a").as_deref(), Some("1"));
        for name in ["b", "c", ""] {
            assert_eq!(value(query, name), None, "{name}");
        }
        assert_eq!(value("a=%ff", "a"), None);
    }
}
