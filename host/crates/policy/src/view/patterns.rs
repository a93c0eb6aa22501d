//! Sets of regular expressions, compiled once and run by the host, so that a message's text never enters a guest.
//!
//! Invariants: linear time (no look-around, no back-references); equal sets share their compiled form; all patterns
//! of a scope are tried in one pass, and only those that match are run alone to tell where (`group`).

mod group;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use regex_automata::meta;
use regex_automata::util::syntax;
use regex_syntax::hir::Hir;

use self::group::{Effort, Group, Member};
use super::MessageView;
use crate::sight::Sight;

/// Patterns of a set.
const MAX_PATTERNS: usize = 20_000;
/// Hits of one search.
const MAX_HITS: usize = 10_000;
/// Patterns that are remembered as good.
const MAX_GOOD: usize = 20_000;

/// Where a pattern is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// The octets of the whole message.
    Raw,
    /// `Name: value` of each header field, decoded.
    Headers,
    /// The decoded values of the fields of this name, lower case.
    Header(String),
    /// The octets behind the header.
    Body,
    /// The text of all text parts.
    Text,
    /// The source of each HTML part.
    Html,
    /// Each link.
    Urls,
    /// Each file name.
    AttachmentNames,
    /// Texts that the plugin hands in under this name.
    Value(String),
}

/// One pattern of a set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pattern {
    /// Where it is looked for.
    pub(crate) scope: Scope,
    /// The expression, in the syntax of the `regex` crate.
    pub(crate) regex: String,
    /// Whether upper and lower case are one.
    pub(crate) case_insensitive: bool,
}

impl Pattern {
    /// What is wrong with it, if anything.
    ///
    /// # Errors
    /// One sentence for whoever wrote the pattern.
    pub(crate) fn check(&self) -> Result<(), PatternError> {
        Member::compile(0, &self.parse()?).map(|_| ())
    }

    /// The expression as a tree.
    fn parse(&self) -> Result<Hir, PatternError> {
        let config = syntax::Config::new()
            .utf8(false)
            .case_insensitive(self.case_insensitive);
        syntax::parse_with(&self.regex, &config).map_err(|error| {
            // The crate draws the place with a caret below the pattern; its last line says what is wrong.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            PatternError::Syntax(last.trim_start_matches("error: ").to_owned())
        })
    }
}

/// Why a pattern or a set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternError {
    /// The expression is not one.
    #[error("{0}")]
    Syntax(String),
    /// Too large once compiled.
    #[error(
        "the pattern is larger than {limit} octets when it is compiled; make its repetitions smaller"
    )]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// Too many of them.
    #[error("a set holds at most {MAX_PATTERNS} patterns")]
    TooMany,
}

impl PatternError {
    /// What is wrong with an expression that is one.
    fn of_build(error: &meta::BuildError) -> Self {
        match error.size_limit() {
            Some(limit) => Self::TooLarge { limit },
            None => Self::Syntax(error.to_string()),
        }
    }
}

/// Where a pattern was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The pattern's place in the set.
    pub(crate) pattern: u32,
    /// Where it begins in the text that was searched.
    pub(crate) offset: u64,
    /// Octets that matched.
    pub(crate) length: u32,
    /// What matched, at most 128 octets.
    pub(crate) excerpt: String,
}

/// A compiled set.
#[derive(Debug)]
pub(crate) struct PatternSet {
    scopes: BTreeMap<Scope, Group>,
}

impl PatternSet {
    /// Compiles patterns; each keeps its place as its number.
    ///
    /// # Errors
    /// The first pattern that is wrong, or that the set is too large.
    pub(crate) fn compile(patterns: &[Pattern]) -> Result<Self, PatternError> {
        if patterns.len() > MAX_PATTERNS {
            return Err(PatternError::TooMany);
        }
        let mut by_scope: BTreeMap<Scope, Vec<(u32, Hir)>> = BTreeMap::new();
        for (number, pattern) in (0..).zip(patterns) {
            by_scope
                .entry(pattern.scope.clone())
                .or_default()
                .push((number, pattern.parse()?));
        }
        let mut scopes = BTreeMap::new();
        for (scope, members) in by_scope {
            scopes.insert(scope, Group::compile(&members)?);
        }
        Ok(Self { scopes })
    }

    /// Looks for every pattern in its scope, as far as that may be seen: the first `per_pattern` hits of each, ordered by pattern.
    #[must_use]
    pub(crate) fn search(&self, view: &MessageView, sight: Sight, per_pattern: usize) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut effort = Effort::default();
        let seen = self.scopes.iter().filter(|(scope, _)| sight.scope(scope));
        for (scope, group) in seen {
            group.search_scope(scope, view, per_pattern, &mut effort, &mut hits);
        }
        hits.sort_by_key(|hit| hit.pattern);
        hits.truncate(MAX_HITS);
        hits
    }

    /// Looks for the patterns of scope `Value(name)` in a text: the first hit of each.
    #[must_use]
    pub(crate) fn search_value(&self, name: &str, text: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        if let Some(group) = self.scopes.get(&Scope::Value(name.to_owned())) {
            group.search(text.as_bytes(), 1, &mut Effort::default(), &mut hits);
        }
        hits
    }
}

/// A set under construction.
#[derive(Debug, Default)]
pub(crate) struct PatternSetBuilder {
    patterns: Vec<Pattern>,
}

impl PatternSetBuilder {
    /// Adds a pattern and gives its number.
    ///
    /// # Errors
    /// What is wrong with the pattern, or that there are too many.
    pub(crate) fn add(
        &mut self,
        pattern: Pattern,
        cache: &PatternCache,
    ) -> Result<u32, PatternError> {
        if self.patterns.len() >= MAX_PATTERNS {
            return Err(PatternError::TooMany);
        }
        cache.check(&pattern)?;
        self.patterns.push(pattern);
        u32::try_from(self.patterns.len() - 1).map_err(|_| PatternError::TooMany)
    }

    /// The compiled form of what was added, shared with equal sets.
    ///
    /// # Errors
    /// As [`PatternSet::compile`].
    pub(crate) fn compile(self, cache: &PatternCache) -> Result<Arc<PatternSet>, PatternError> {
        cache.get(self.patterns)
    }
}

/// Compiled sets by content, as long as somebody holds them.
#[derive(Debug, Default)]
pub(crate) struct PatternCache {
    sets: Mutex<HashMap<Vec<Pattern>, Weak<PatternSet>>>,
    /// Patterns that were found good: each instance of a plugin adds the same ones.
    good: Mutex<HashSet<Pattern>>,
}

impl PatternCache {
    /// What is wrong with a pattern; for one that was checked before, without compiling it again.
    ///
    /// # Errors
    /// As [`Pattern::check`].
    pub(crate) fn check(&self, pattern: &Pattern) -> Result<(), PatternError> {
        let known = self
            .good
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(pattern);
        if known {
            return Ok(());
        }
        pattern.check()?;
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= MAX_GOOD {
            good.clear();
        }
        good.insert(pattern.clone());
        Ok(())
    }

    /// The compiled form of these patterns, shared with whoever holds an equal one.
    ///
    /// # Errors
    /// As [`PatternSet::compile`].
    pub(crate) fn get(&self, patterns: Vec<Pattern>) -> Result<Arc<PatternSet>, PatternError> {
        let known = {
            let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
            sets.get(&patterns).and_then(Weak::upgrade)
        };
        if let Some(set) = known {
            return Ok(set);
        }
        let set = Arc::new(PatternSet::compile(&patterns)?);
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|_, set| set.strong_count() > 0);
        sets.insert(patterns, Arc::downgrade(&set));
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn pattern(scope: Scope, regex: &str) -> Pattern {
        Pattern {
            scope,
            regex: regex.to_owned(),
            case_insensitive: true,
        }
    }

    #[test]
    fn patterns_are_found_in_their_scope_only() {
        let view = MessageView::new(Bytes::from_static(
            b"Subject: Cheap pills\r\nX-Note: pills\r\n\r\nBuy pills, many pills, at http://pills.example/\r\n",
        ));
        let set = PatternSet::compile(&[
            pattern(Scope::Header("subject".into()), "PILLS"),
            pattern(Scope::Text, "pills"),
            pattern(Scope::Headers, "^x-note: pills$"),
            pattern(Scope::Urls, r"//pills\.example"),
            pattern(Scope::Header("to".into()), "pills"),
            pattern(Scope::Body, "cheap"),
        ])
        .unwrap();
        let found: Vec<(u32, u64)> = set
            .search(&view, Sight::All, 2)
            .iter()
            .map(|hit| (hit.pattern, hit.offset))
            .collect();
        assert_eq!(found, [(0, 6), (1, 4), (1, 16), (2, 0), (3, 5)]);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = pattern(Scope::Raw, "(").check().unwrap_err();
        assert_eq!(error.to_string(), "unclosed group");
        let error = pattern(Scope::Raw, r"(?:a{1000}){1000}")
            .check()
            .unwrap_err();
        assert!(matches!(error, PatternError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn equal_sets_are_compiled_once() {
        let cache = PatternCache::default();
        let patterns = vec![pattern(Scope::Raw, "a+")];
        let first = cache.get(patterns.clone()).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.get(patterns).unwrap()));
        assert!(cache.get(vec![pattern(Scope::Raw, "b")]).is_ok());
    }
}
