//! Names as arithmetic.

/// The domain and those above it, nearest first, but for the last label: RFC 7489 §3.1.1: a signature of any of them aligns with the author.
pub fn candidates(domain: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = domain.trim_end_matches('.');
    while rest.contains('.') {
        all.push(rest.to_ascii_lowercase());
        rest = rest.split_once('.').map_or("", |(_, above)| above);
    }
    all
}

/// Local part and domain of `local@domain`.
pub fn parts(address: &str) -> Option<(&str, &str)> {
    address
        .rsplit_once('@')
        .filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// The local part without its detail.
pub fn undetailed<'a>(local: &'a str, separators: &str) -> &'a str {
    let end = local.find(|c| separators.contains(c)).filter(|at| *at > 0);
    end.and_then(|at| local.get(..at)).unwrap_or(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_and_those_above() {
        let names = candidates("MX.a.Example.");
        assert_eq!(names, ["mx.a.example", "a.example"]);
        assert!(candidates("localhost").is_empty() && candidates("").is_empty());
    }

    #[test]
    fn details_are_left_out() {
        assert_eq!(undetailed("alice+lists", "+"), "alice");
        assert_eq!(undetailed("alice-a+b", "+-"), "alice");
        assert_eq!(undetailed("+alice", "+"), "+alice");
        assert_eq!(undetailed("alice+x", ""), "alice+x");
        assert_eq!(parts("a@b@c"), Some(("a@b", "c")));
        assert_eq!(parts("@c"), None);
    }
}
