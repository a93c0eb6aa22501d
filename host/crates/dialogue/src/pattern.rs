//! A line as it is expected: exact, but for `<*>`.

use crate::escape::escape;

/// Text with wildcards, held against lines in their escaped form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// Takes a pattern as it stands in a file.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Pattern {
            text: text.to_owned(),
        }
    }

    /// The pattern as it stands in the file, macros expanded.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the octets of a line, without its CRLF, fit.
    #[must_use]
    pub fn matches(&self, line: &[u8]) -> bool {
        self.matches_text(&escape(line))
    }

    /// Whether a text fits: the parts between the wildcards occur in order, the first at the start, the last at the end.
    #[must_use]
    pub fn matches_text(&self, line: &str) -> bool {
        let Some((first, others)) = self.text.split_once("<*>") else {
            return line == self.text;
        };
        let Some(mut rest) = line.strip_prefix(first) else {
            return false;
        };
        let (middle, last) = others
            .rsplit_once("<*>")
            .map_or((None, others), |(middle, last)| (Some(middle), last));
        for part in middle.into_iter().flat_map(|middle| middle.split("<*>")) {
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        rest.len() >= last.len() && rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_run() {
        let fits = |pattern: &str, line: &str| Pattern::new(pattern).matches(line.as_bytes());
        assert!(fits("+OK", "+OK"));
        assert!(!fits("+OK", "+OK more"));
        assert!(fits("+OK<*>", "+OK"));
        assert!(fits("<*>", ""));
        assert!(fits("a <*> b <*> c", "a 1 b 2 c"));
        assert!(!fits("a <*> b <*> c", "a 1 b c"));
        assert!(!fits("ab<*>ba", "aba"));
    }
}
