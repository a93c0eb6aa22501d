//! The patterns of one scope, run over its texts.
//!
//! An automaton knows the word boundaries of Unicode only as long as a text is ASCII; the engines that know them everywhere take a hundred
//! times as long. So the pass over all patterns leaves those boundaries out, and finds each place where a pattern may match and some where
//! it does not; only there the pattern itself is tried.
//!
//! Invariant: what hostile texts make the slow engines do is bounded by [`Effort`]; behind that bound the boundaries are taken for there.

use std::sync::OnceLock;

use regex_automata::{Anchored, Input, MatchKind, PatternSet as Matching, Span, meta};
use regex_syntax::hir::{Capture, Hir, HirKind, Look, Repetition};

use super::super::{MessageView, head};
use super::{Hit, MAX_HITS, PatternError, Scope};

/// Octets that one compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;
/// Octets that a compiled scope may take, and its lazily built automaton.
const SET_SIZE: usize = 32 << 20;
/// More patterns than these are looked for without first looking for the words they begin with: with many words, that takes longer than
/// the automaton itself.
const MAX_PREFILTERED: usize = 3;
/// Octets of an excerpt.
const MAX_EXCERPT: usize = 128;
/// Octets that the slow engines may be made to look at in one search: a tenth of a second.
const MAX_SLOW: usize = 256 << 10;
/// What trying a pattern at a place costs beside them.
const TRIAL: usize = 16;
/// So many times faster is the automaton.
const FASTER: usize = 64;

/// What the slow engines may still look at.
pub(super) struct Effort(usize);

impl Default for Effort {
    fn default() -> Self {
        Self(MAX_SLOW)
    }
}

/// The patterns of one scope.
#[derive(Debug)]
pub(super) struct Group {
    /// All of them, without the word boundaries of Unicode.
    set: meta::Regex,
    /// In the order of `set`.
    members: Vec<Member>,
    /// The numbers of the empty expressions, which match any text and so tell whether there is one.
    empty: Vec<u32>,
}

/// A pattern alone.
#[derive(Debug)]
pub(super) struct Member {
    /// Its place in the whole set.
    number: u32,
    exact: meta::Regex,
    words: Option<Words>,
}

/// What finds a pattern with word boundaries of Unicode in a text that is not ASCII.
#[derive(Debug)]
struct Words {
    hir: Hir,
    /// Octets of its longest match, if that is bounded.
    longest: Option<usize>,
    /// Built when it is first needed.
    loose: OnceLock<Option<Loose>>,
}

/// A pattern without the word boundaries of Unicode.
#[derive(Debug)]
struct Loose {
    /// Finds where it may begin.
    places: meta::Regex,
    /// Finds how far it may reach from there.
    reach: meta::Regex,
}

impl Group {
    pub(super) fn compile(members: &[(u32, Hir)]) -> Result<Self, PatternError> {
        let is_empty = |hir: &Hir| matches!(hir.kind(), HirKind::Empty);
        let (empty, members): (Vec<_>, Vec<_>) = members.iter().partition(|(_, hir)| is_empty(hir));
        let loose: Vec<Hir> = members.iter().map(|(_, hir)| loosened(hir)).collect();
        let config = meta::Config::new()
            // Every pattern that matches, and not what matches first.
            .match_kind(MatchKind::All)
            .utf8_empty(false)
            .auto_prefilter(loose.len() <= MAX_PREFILTERED)
            .nfa_size_limit(Some(SET_SIZE))
            .hybrid_cache_capacity(SET_SIZE);
        let set = meta::Regex::builder()
            .configure(config)
            .build_many_from_hir(&loose)
            // Each was found good alone: what is wrong with all of them is their size.
            .map_err(|error| PatternError::of_build(&error))?;
        let members = members
            .iter()
            .map(|(number, hir)| Member::compile(*number, hir))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            set,
            members,
            empty: empty.into_iter().map(|(number, _)| *number).collect(),
        })
    }

    pub(super) fn search_scope(
        &self,
        scope: &Scope,
        view: &MessageView,
        per_pattern: usize,
        effort: &mut Effort,
        hits: &mut Vec<Hit>,
    ) {
        let mut each = |octets: &[u8]| self.search(octets, per_pattern, effort, hits);
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

    /// One pass tells which patterns may match; those are run alone to tell where. Most texts have none of them, which a pass that ends at
    /// the first match finds out in a third of the time.
    pub(super) fn search(
        &self,
        octets: &[u8],
        per_pattern: usize,
        effort: &mut Effort,
        hits: &mut Vec<Hit>,
    ) {
        for number in &self.empty {
            let found = (0..=octets.len()).map(|at| Span::from(at..at));
            let wanted = wanted(*number, per_pattern, hits);
            note(*number, octets, found.take(wanted), hits);
        }
        if self.members.is_empty() || !self.set.is_match(octets) {
            return;
        }
        let mut matching = Matching::new(self.set.pattern_len());
        self.set
            .which_overlapping_matches(&Input::new(octets), &mut matching);
        for place in matching.iter() {
            let Some(member) = self.members.get(place.as_usize()) else {
                continue;
            };
            let wanted = wanted(member.number, per_pattern, hits);
            if wanted > 0 {
                let found = member.find(octets, wanted, effort);
                note(member.number, octets, found, hits);
            }
        }
    }
}

/// How many more hits of a pattern are to be told, of `per_pattern` in all.
fn wanted(number: u32, per_pattern: usize, hits: &[Hit]) -> usize {
    let room = (2 * MAX_HITS).saturating_sub(hits.len());
    let already = hits.iter().filter(|hit| hit.pattern == number).count();
    per_pattern.saturating_sub(already).min(room)
}

fn note(number: u32, octets: &[u8], found: impl IntoIterator<Item = Span>, hits: &mut Vec<Hit>) {
    for found in found {
        hits.push(Hit {
            pattern: number,
            offset: found.start as u64,
            length: u32::try_from(found.len()).unwrap_or(u32::MAX),
            excerpt: excerpt(octets.get(found.range()).unwrap_or_default()),
        });
    }
}

impl Member {
    pub(super) fn compile(number: u32, hir: &Hir) -> Result<Self, PatternError> {
        let exact = alone(hir)?;
        let words = hir.properties().look_set().contains_word_unicode();
        Ok(Self {
            number,
            exact,
            words: words.then(|| Words {
                hir: hir.clone(),
                loose: OnceLock::new(),
                longest: hir.properties().maximum_len(),
            }),
        })
    }

    /// The first matches, at most so many.
    fn find(&self, octets: &[u8], wanted: usize, effort: &mut Effort) -> Vec<Span> {
        let slow = self.words.as_ref().filter(|_| !octets.is_ascii());
        match slow.and_then(|words| Some((words, words.loose()?))) {
            Some((words, loose)) => self.find_words(words, loose, octets, wanted, effort),
            None => all(&self.exact, Input::new(octets), wanted),
        }
    }

    /// No match begins before the first place where the pattern matches without its boundaries: there it is tried, then at the next.
    fn find_words(
        &self,
        words: &Words,
        loose: &Loose,
        octets: &[u8],
        wanted: usize,
        effort: &mut Effort,
    ) -> Vec<Span> {
        let mut found: Vec<Span> = Vec::new();
        let mut at = 0;
        while found.len() < wanted && at <= octets.len() {
            let Some(candidate) = loose.places.find(Input::new(octets).range(at..)) else {
                break;
            };
            let start = candidate.start();
            let (span, cost) = words.span(loose, octets, start);
            let Some(left) = effort.0.checked_sub(cost) else {
                let rest = Input::new(octets).range(start..);
                found.extend(all(&loose.places, rest, wanted - found.len()));
                break;
            };
            effort.0 = left;
            let input = Input::new(octets).span(span).anchored(Anchored::Yes);
            at = start + 1;
            if let Some(exact) = self.exact.find(input).map(|exact| exact.span()) {
                // As every search for one match after another: none is empty where the one before ended.
                let ended = found.last().map(|last| last.end);
                if !(exact.is_empty() && ended == Some(exact.start)) {
                    found.push(exact);
                }
                at = at.max(exact.end);
            }
        }
        found
    }
}

impl Words {
    fn loose(&self) -> Option<&Loose> {
        let built = self.loose.get_or_init(|| {
            let hir = loosened(&self.hir);
            let reach = meta::Config::new()
                .match_kind(MatchKind::All)
                .utf8_empty(false)
                .nfa_size_limit(Some(PATTERN_SIZE));
            let reach = meta::Regex::builder().configure(reach).build_from_hir(&hir);
            Some(Loose {
                places: alone(&hir).ok()?,
                reach: reach.ok()?,
            })
        });
        built.as_ref()
    }

    /// Where a match that begins at `start` lies, and what looking at that costs: the octets, and a little for those that the automaton
    /// ran over to find out.
    fn span(&self, loose: &Loose, octets: &[u8], start: usize) -> (Span, usize) {
        let rest = octets.len() - start;
        if let Some(longest) = self.longest {
            let length = longest.min(rest);
            return (Span::from(start..start + length), length + TRIAL);
        }
        let input = Input::new(octets).range(start..).anchored(Anchored::Yes);
        let end = loose.reach.find(input).map_or(start, |found| found.end());
        (Span::from(start..end), end - start + TRIAL + rest / FASTER)
    }
}

fn alone(hir: &Hir) -> Result<meta::Regex, PatternError> {
    meta::Regex::builder()
        .configure(
            meta::Config::new()
                .utf8_empty(false)
                .nfa_size_limit(Some(PATTERN_SIZE)),
        )
        .build_from_hir(hir)
        .map_err(|error| PatternError::of_build(&error))
}

fn all(regex: &meta::Regex, input: Input<'_>, wanted: usize) -> Vec<Span> {
    let found = regex.find_iter(input).take(wanted);
    found.map(|found| found.span()).collect()
}

/// The expression without the word boundaries of Unicode: matches wherever it does, and where only they would hold it back. As deep as
/// the parser lets an expression be.
fn loosened(hir: &Hir) -> Hir {
    let each = |parts: &[Hir]| parts.iter().map(loosened).collect();
    match hir.kind() {
        HirKind::Look(look) if is_of_unicode(*look) => Hir::empty(),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(loosened(&repetition.sub)),
            ..repetition.clone()
        }),
        HirKind::Capture(Capture { sub, .. }) => loosened(sub),
        HirKind::Concat(parts) => Hir::concat(each(parts)),
        HirKind::Alternation(parts) => Hir::alternation(each(parts)),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}

fn is_of_unicode(look: Look) -> bool {
    matches!(
        look,
        Look::WordUnicode
            | Look::WordUnicodeNegate
            | Look::WordStartUnicode
            | Look::WordEndUnicode
            | Look::WordStartHalfUnicode
            | Look::WordEndHalfUnicode
    )
}

fn excerpt(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets.get(..MAX_EXCERPT).unwrap_or(octets)).into_owned();
    let printable: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    head(&printable, MAX_EXCERPT).to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::{Pattern, PatternSet, Scope};
    use super::*;

    const PATTERNS: [&str; 10] = [
        "",
        r"\bfree\b",
        r"\b(über|free)\w*\b",
        r"(?i)\bFREE\b.*!",
        r"\Bee\B",
        r"\b",
        r"free$",
        r"(\b|x)f.{0,4}e",
        r"\b{start}ü",
        r"ü*\b",
    ];

    fn set() -> PatternSet {
        let patterns = PATTERNS.map(|regex| Pattern {
            scope: Scope::Value("it".into()),
            regex: regex.into(),
            case_insensitive: false,
        });
        PatternSet::compile(&patterns).unwrap()
    }

    /// Of each pattern, where it is found.
    fn found(octets: &[u8], effort: &mut Effort) -> Vec<(u32, usize, usize)> {
        let set = set();
        let mut hits = Vec::new();
        let group = set.scopes.get(&Scope::Value("it".into())).unwrap();
        group.search(octets, 1000, effort, &mut hits);
        let places = hits
            .iter()
            .map(|hit| (hit.pattern, hit.offset as usize, hit.length as usize));
        places.collect()
    }

    fn group(patterns: &[&str]) -> Group {
        let members = (0..).zip(patterns).map(|(number, regex)| {
            let pattern = Pattern {
                scope: Scope::Text,
                regex: (*regex).into(),
                case_insensitive: true,
            };
            (number, pattern.parse().unwrap())
        });
        Group::compile(&members.collect::<Vec<_>>()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn patterns_match_what_they_match_alone(
            words in proptest::collection::vec(prop_oneof![
                Just("free"), Just("freely"), Just("FREE"), Just("über"), Just("ü"), Just("x"), Just(" "), Just("!"), Just("\n"), Just("-"),
            ], 0..20)
        ) {
            let text = words.concat();
            let mut expected = Vec::new();
            for (number, pattern) in (0u32..).zip(PATTERNS) {
                let alone = regex::bytes::Regex::new(pattern).unwrap();
                expected.extend(alone.find_iter(text.as_bytes()).map(|found| (number, found.start(), found.len())));
            }
            prop_assert_eq!(found(text.as_bytes(), &mut Effort::default()), expected);
        }
    }

    #[test]
    fn a_text_in_any_language_is_searched_as_fast() {
        let patterns = [
            r"\b(act now|order (now|today)|risk.free|no obligation)\b",
            r"\b(viagra|prescription (drugs?|medic)|lose (up to )?\d+ pounds)\b",
            r"\b(refinanc\w*|mortgage (rate|loan)s?|lowest rates?)\b",
            r"\b(next of kin|(bank|security) (of nigeria|deposit))\b",
        ];
        let group = group(&patterns);
        let time = |text: &str| {
            let once = || {
                let begun = Instant::now();
                group.search(text.as_bytes(), 1, &mut Effort::default(), &mut Vec::new());
                begun.elapsed()
            };
            (0..20).map(|_| once()).min().unwrap_or(Duration::MAX)
        };
        let english = time(&"I would like to have the books that we talked about. ".repeat(500));
        let german = time(&"Ich möchte die Bücher, über die wir lange sprachen.   ".repeat(500));
        // It was three hundred times as long.
        assert!(german < english * 20, "{german:?} against {english:?}");
    }

    #[test]
    fn honest_mail_does_not_use_up_the_effort() {
        let rest = "Nothing else of interest, the specialist says. ".repeat(10_000);
        let text = format!("é refinance your house, refinancé it. {rest}");
        let mut effort = Effort::default();
        let mut hits = Vec::new();
        let group = group(&[r"\brefinanc\w*", r"\bcialis\b"]);
        group.search(text.as_bytes(), 9, &mut effort, &mut hits);
        let found: Vec<&str> = hits.iter().map(|hit| hit.excerpt.as_str()).collect();
        assert_eq!(found, ["refinance", "refinancé"]);
    }

    #[test]
    fn what_hostile_texts_cost_is_bounded() {
        let text = "äfreeä free".as_bytes();
        let mut none = Effort(0);
        let loose: Vec<usize> = found(text, &mut none)
            .iter()
            .filter(|(pattern, ..)| *pattern == 1)
            .map(|(_, start, _)| *start)
            .collect();
        // Behind the bound the boundaries are taken for there.
        assert_eq!(loose, [2, 9]);
        let exact = found(text, &mut Effort::default());
        assert_eq!(
            exact.iter().filter(|(pattern, ..)| *pattern == 1).count(),
            1
        );
        // Each place where a pattern without a longest match may begin has the rest of the text looked at.
        let mut effort = Effort::default();
        let hostile = "äfreeä ".repeat(50_000);
        let begun = Instant::now();
        found(hostile.as_bytes(), &mut effort);
        assert!(effort.0 < hostile.len(), "{} left", effort.0);
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            begun.elapsed()
        );
    }
}
