//! Names as text: decisions without a host.

/// Whether a text has the form of an address; its local part may be `*`.
pub fn is_address(text: &str) -> bool {
    text.rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// Whether a name of the settings means an address: the same one, any of a domain (`*@example.org`), or any (`*`).
pub fn is_meant(name: &str, address: &str) -> bool {
    let (name, address) = (name.to_lowercase(), address.to_lowercase());
    match name.strip_prefix("*@") {
        Some(domain) => address.rsplit_once('@').is_some_and(|(_, of)| of == domain),
        None => name == "*" || name == address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_addresses() {
        for (name, address) in [
            ("*", "x@y.example"),
            ("*@Example.org", "bob@example.ORG"),
            ("bob@example.org", "Bob@Example.org"),
            ("*@example.org", "\"a@b\"@example.org"),
        ] {
            assert!(is_meant(name, address), "{name} {address}");
        }
        for (name, address) in [
            ("*@example.org", "bob@sub.example.org"),
            ("*@example.org", "bob@badexample.org"),
            ("*@example.org", "\"x@example.org\"@elsewhere.example"),
            ("bob@example.org", "bob+x@example.org"),
        ] {
            assert!(!is_meant(name, address), "{name} {address}");
        }
        assert!(is_address("*@example.org") && !is_address("@example.org") && !is_address("bob"));
    }
}
