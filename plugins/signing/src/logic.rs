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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_and_those_above() {
        let names = candidates("MX.a.Example.");
        assert_eq!(names, ["mx.a.example", "a.example"]);
        assert!(candidates("localhost").is_empty() && candidates("").is_empty());
    }
}
