//! Which addresses are one: decisions without a host. RFC 5233 (subaddresses), RFC 5321 §2.3.11, §4.5.1.

/// The part before the first separator; none if there is none, or nothing before it.
pub fn without_detail<'a>(local_part: &'a str, separators: &str) -> Option<&'a str> {
    let at = local_part
        .find(|c| separators.contains(c))
        .filter(|at| *at > 0)?;
    local_part.get(..at)
}

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
    fn a_detail_is_what_follows_the_first_separator() {
        assert_eq!(without_detail("alice+lists+rust", "+"), Some("alice"));
        assert_eq!(without_detail("alice-lists+rust", "+-"), Some("alice"));
        assert_eq!(without_detail("alice", "+"), None);
        assert_eq!(without_detail("+x", "+"), None);
        assert_eq!(without_detail("alice+x", ""), None);
        assert_eq!(without_detail("älice+x", "+"), Some("älice"));
    }

    #[test]
    fn postmaster_in_any_case() {
        assert!(is_postmaster("PostMaster"));
        assert!(!is_postmaster("postmaster2"));
        assert_eq!(address("Alice", "Example.ORG"), "alice@example.org");
    }
}
