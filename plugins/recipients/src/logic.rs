//! Which addresses are one: decisions without a host. RFC 5321 §2.3.11, §4.5.1.

/// RFC 5321 §4.5.1: postmaster is known without regard to case, with a domain or without.
pub fn is_postmaster(local_part: &str) -> bool {
    local_part.eq_ignore_ascii_case("postmaster")
}

/// `local@domain` as the directory knows it: lower-case.
///
/// RFC 5321 §2.3.11 leaves the meaning of upper case in a local part to its host; here it has none.
pub fn address(local_part: &str, domain: &str) -> String {
    format!("{}@{}", local_part.to_lowercase(), domain.to_lowercase())
}

/// The parts of an address; none without an `@`.
pub fn split(address: &str) -> Option<(&str, &str)> {
    address.rsplit_once('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postmaster_in_any_case() {
        assert!(is_postmaster("PostMaster"));
        assert!(!is_postmaster("postmaster2"));
        assert_eq!(address("Alice", "Example.ORG"), "alice@example.org");
    }
}
