//! Sets of regular expressions, compiled once and run by the host, so that a message's text never enters a guest.
//!
//! Invariants: linear time (no look-around, no back-references); equal sets share their compiled form; all patterns
//! of a scope are tried in one pass, and only those that match are run alone to tell where.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use regex::bytes::{Regex, RegexBuilder};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternSet as Matching, meta};

use super::{MessageView, head};
use crate::sight::Sight;

/// Octets that one compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;
/// Octets that a compiled scope may take, and its lazily built automaton.
const SET_SIZE: usize = 32 << 20;
/// More patterns than these are looked for without first looking for the words they begin with: with many words, that takes longer than
/// the automaton itself.
const MAX_PREFILTERED: usize = 3;
/// Patterns of a set.
const MAX_PATTERNS: usize = 20_000;
/// Hits of one search.
const MAX_HITS: usize = 10_000;
/// Patterns that are remembered as good.
const MAX_GOOD: usize = 20_000;
/// Octets of an excerpt.
const MAX_EXCERPT: usize = 128;

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
        self.build().map(|_| ())
    }

    fn build(&self) -> Result<Regex, PatternError> {
        RegexBuilder::new(&self.regex)
            .case_insensitive(self.case_insensitive)
            .size_limit(PATTERN_SIZE)
            .build()
            .map_err(PatternError::from)
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
    /// Each pattern was found good alone: what is wrong with all of them is their size.
    fn of_set(error: &meta::BuildError) -> Self {
        match error.size_limit() {
            Some(limit) => Self::TooLarge { limit },
            None => Self::Syntax(error.to_string()),
        }
    }
}

impl From<regex::Error> for PatternError {
    fn from(error: regex::Error) -> Self {
        match error {
            regex::Error::CompiledTooBig(limit) => Self::TooLarge { limit },
            // The crate draws the place with a caret below the pattern; its last line says what is wrong.
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                Self::Syntax(last.trim_start_matches("error: ").to_owned())
            }
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

/// The patterns of one scope.
#[derive(Debug)]
struct Group {
    set: meta::Regex,
    /// In the order of `set`: the pattern's number in the whole set, and the pattern alone.
    members: Vec<(u32, Regex)>,
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
        let mut by_scope: BTreeMap<Scope, Vec<(u32, &Pattern)>> = BTreeMap::new();
        for (number, pattern) in (0..).zip(patterns) {
            by_scope
                .entry(pattern.scope.clone())
                .or_default()
                .push((number, pattern));
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
        let seen = self.scopes.iter().filter(|(scope, _)| sight.scope(scope));
        for (scope, group) in seen {
            group.search_scope(scope, view, per_pattern, &mut hits);
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
            group.search(text.as_bytes(), 1, &mut hits);
        }
        hits
    }
}

impl Group {
    fn compile(members: &[(u32, &Pattern)]) -> Result<Self, PatternError> {
        let inline: Vec<String> = members
            .iter()
            .map(|(_, pattern)| {
                if pattern.case_insensitive {
                    format!("(?i:{})", pattern.regex)
                } else {
                    pattern.regex.clone()
                }
            })
            .collect();
        let singles = members
            .iter()
            .map(|(number, pattern)| Ok((*number, pattern.build()?)))
            .collect::<Result<Vec<_>, PatternError>>()?;
        let config = meta::Config::new()
            // Every pattern that matches, and not what matches first.
            .match_kind(MatchKind::All)
            .utf8_empty(false)
            .auto_prefilter(inline.len() <= MAX_PREFILTERED)
            .nfa_size_limit(Some(SET_SIZE))
            .hybrid_cache_capacity(SET_SIZE);
        let set = meta::Regex::builder()
            .configure(config)
            .syntax(syntax::Config::new().utf8(false))
            .build_many(&inline)
            .map_err(|error| PatternError::of_set(&error))?;
        Ok(Self {
            set,
            members: singles,
        })
    }

    fn search_scope(
        &self,
        scope: &Scope,
        view: &MessageView,
        per_pattern: usize,
        hits: &mut Vec<Hit>,
    ) {
        let mut each = |octets: &[u8]| self.search(octets, per_pattern, hits);
        match scope {
            Scope::Raw => each(view.raw()),
            Scope::Body => each(view.raw().get(view.body_offset()..).unwrap_or_default()),
            Scope::Text => each(view.text().as_bytes()),
            Scope::Headers => view.fields().iter().for_each(|field| {
                each(format!("{}: {}", field.name, view.value(field)).as_bytes());
            }),
            Scope::Header(name) => view
                .named(name)
                .for_each(|(_, field)| each(view.value(field).as_bytes())),
            Scope::Html => view
                .parts()
                .iter()
                .filter(|part| part.is_html())
                .filter_map(|part| part.source(view.raw()))
                .for_each(|html| each(html.as_bytes())),
            Scope::Urls => view
                .links()
                .iter()
                .for_each(|link| each(link.text.as_bytes())),
            Scope::AttachmentNames => view
                .parts()
                .iter()
                .filter_map(|part| part.filename())
                .for_each(|name| each(name.as_bytes())),
            Scope::Value(_) => {}
        }
    }

    /// One pass tells which patterns match; those are run alone to tell where. Most texts have none of them, which a pass that ends at the
    /// first match finds out in a third of the time.
    fn search(&self, octets: &[u8], per_pattern: usize, hits: &mut Vec<Hit>) {
        if !self.set.is_match(octets) {
            return;
        }
        let mut matching = Matching::new(self.set.pattern_len());
        self.set
            .which_overlapping_matches(&Input::new(octets), &mut matching);
        for place in matching.iter() {
            let Some((number, regex)) = self.members.get(place.as_usize()) else {
                continue;
            };
            let already = hits.iter().filter(|hit| hit.pattern == *number).count();
            for found in regex
                .find_iter(octets)
                .take(per_pattern.saturating_sub(already))
            {
                if hits.len() >= 2 * MAX_HITS {
                    return;
                }
                hits.push(Hit {
                    pattern: *number,
                    offset: found.start() as u64,
                    length: u32::try_from(found.len()).unwrap_or(u32::MAX),
                    excerpt: excerpt(found.as_bytes()),
                });
            }
        }
    }
}

fn excerpt(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets.get(..MAX_EXCERPT).unwrap_or(octets)).into_owned();
    let printable: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    head(&printable, MAX_EXCERPT).to_owned()
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
