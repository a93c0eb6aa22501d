//! Patterns of LIST and LSUB (RFC 3501 §6.3.8).

/// Wildcards in all patterns of a command; each costs a look at every name.
const MAX_WILDCARDS: usize = 32;

/// The patterns of a command.
#[derive(Debug)]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    /// One had too many wildcards.
    refused: bool,
}

impl Patterns {
    /// Takes patterns as long as they have not too many wildcards in all. One that is empty matches nothing.
    pub(super) fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Self {
        let mut left = MAX_WILDCARDS;
        let mut taken = Self {
            patterns: Vec::new(),
            refused: false,
        };
        for pattern in patterns.filter(|pattern| !pattern.is_empty()) {
            let pattern = Pattern::new(pattern);
            if let Some(rest) = left.checked_sub(pattern.wildcards()) {
                left = rest;
                taken.patterns.push(pattern);
            } else {
                taken.refused = true;
            }
        }
        taken
    }

    /// Whether one was left out for its wildcards.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    /// Whether one has a `%`.
    pub(super) fn one_level(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.one_level)
    }

    /// Whether the name matches one of them.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

/// A pattern of LIST: `*` is anything, `%` anything within a level.
#[derive(Debug)]
struct Pattern {
    pieces: Vec<Piece>,
    one_level: bool,
}

/// A wildcard, but for the first piece, and what stands behind it.
#[derive(Debug, Default)]
struct Piece {
    wildcard: Option<Wildcard>,
    literal: String,
}

/// The wider one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wildcard {
    Level,
    Any,
}

impl Pattern {
    fn new(pattern: &str) -> Self {
        // RFC 3501 §5.1: INBOX is compared without case.
        let (first, rest) = pattern.split_at(pattern.find('/').unwrap_or(pattern.len()));
        let first = if first.eq_ignore_ascii_case("INBOX") {
            "INBOX"
        } else {
            first
        };
        let mut pieces: Vec<Piece> = Vec::new();
        let mut piece = Piece::default();
        for c in first.chars().chain(rest.chars()) {
            let wildcard = match c {
                '*' => Wildcard::Any,
                '%' => Wildcard::Level,
                other => {
                    piece.literal.push(other);
                    continue;
                }
            };
            // A run of wildcards is one: all `%`, or as wide as `*`.
            if piece.wildcard.is_some() && piece.literal.is_empty() {
                piece.wildcard = piece.wildcard.max(Some(wildcard));
            } else {
                let next = Piece {
                    wildcard: Some(wildcard),
                    literal: String::new(),
                };
                pieces.push(std::mem::replace(&mut piece, next));
            }
        }
        pieces.push(piece);
        let one_level = |piece: &Piece| piece.wildcard == Some(Wildcard::Level);
        Self {
            one_level: pieces.iter().any(one_level),
            pieces,
        }
    }

    fn wildcards(&self) -> usize {
        self.pieces.len() - 1
    }

    /// Whether the name matches; looks at it once for each wildcard.
    fn matches(&self, name: &str) -> bool {
        if let [name_itself] = self.pieces.as_slice() {
            return name_itself.literal == name;
        }
        // reached[n]: what was read of the pattern can match the first n octets.
        let mut reached = vec![false; name.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        for piece in &self.pieces {
            reached = piece.after(name.as_bytes(), &reached);
        }
        reached.last().copied().unwrap_or(false)
    }
}

impl Piece {
    /// The places where this piece can end if it begins at those that were reached.
    fn after(&self, name: &[u8], reached: &[bool]) -> Vec<bool> {
        let mut ends = vec![false; reached.len()];
        let mut open = false;
        for (at, begins) in reached.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|last| name.get(last));
            let goes_on = match self.wildcard {
                None => false,
                Some(Wildcard::Any) => true,
                Some(Wildcard::Level) => before != Some(&b'/'),
            };
            open = *begins || (open && goes_on);
            let literal = self.literal.as_bytes();
            if open
                && name.get(at..).is_some_and(|rest| rest.starts_with(literal))
                && let Some(end) = ends.get_mut(at + literal.len())
            {
                *end = true;
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Patterns};

    #[test]
    fn patterns_match_as_rfc_3501_says() {
        let cases = [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("%/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a*", "a/b/c", true),
            ("inbox", "INBOX", true),
            ("inbox/%", "INBOX/x", true),
            ("Sent", "sent", false),
            ("*%", "a/b", true),
            ("%*", "a/b", true),
            ("%%", "a/b", false),
            ("", "a", false),
            ("a%c", "abc", true),
            ("a%c", "a/c", false),
            ("*a%b", "xa/ab", true),
            ("%b*d", "abcd/d", true),
            ("%/*ü%", "a/b/xüy", true),
            ("*/%", "a/b/c", true),
            ("abc", "ab", false),
        ];
        for (pattern, name, matches) in cases {
            assert_eq!(
                Pattern::new(pattern).matches(name),
                matches,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_hostile_pattern_takes_bounded_time() {
        let pattern = Pattern::new(&"*a".repeat(512));
        assert!(!pattern.matches(&"a".repeat(500)));
    }

    #[test]
    fn all_patterns_of_a_command_share_one_bound() {
        let many = "*a".repeat(20);
        let patterns = Patterns::new([many.as_str(), many.as_str(), "b*", "", "c"].into_iter());
        assert!(patterns.refused());
        assert!(patterns.matches(&"xa".repeat(20)));
        assert!(patterns.matches("bcd") && patterns.matches("c") && !patterns.matches(""));
    }
}
