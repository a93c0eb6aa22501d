//! What a text that is searched fuzzily (RFC 6203) has to hold, and how well a message fits.
//!
//! A text fits by its words: each as it stands, or by the piece that it begins or ends with, so that endings and most slips of the pen make no
//! difference. Half of the words are enough. What is no text is matched as without FUZZY (§5).
//!
//! Invariants: the work for a message is that of a search for so many texts, and there are few of them; what fits does not depend on what an
//! index knows.

use waxwing_message::casemap;

use crate::session::evaluate::{Known, Test};

/// Words that are looked at; those behind them count for nothing.
const MAX_WORDS: usize = 6;
/// Letters of the shortest piece of a word.
const SHORTEST: usize = 3;
/// The score of what fits best (RFC 6203 §4).
pub(crate) const BEST: u32 = 100;
/// Scores of a word among others, of both of its pieces, and of one.
const WORD: u32 = 90;
const BOTH: u32 = 55;
const ONE: u32 = 30;

/// A text that is searched fuzzily.
#[derive(Debug)]
pub(crate) struct Text {
    /// All of it, as it stands.
    whole: Test,
    /// Its words; none if it is one word.
    words: Vec<Word>,
}

/// A word of it.
#[derive(Debug)]
struct Word {
    /// `None` if it is the whole text.
    whole: Option<Test>,
    /// What it begins with and ends with.
    pieces: Vec<Test>,
}

impl Text {
    /// `test` makes the test of whether a message holds a text.
    pub(crate) fn new(text: &str, test: &mut dyn FnMut(&str) -> Test) -> Self {
        let (mut known, mut mapped) = (Vec::new(), Vec::new());
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            let as_compared = casemap(word);
            if !word.is_empty() && known.len() < MAX_WORDS && !mapped.contains(&as_compared) {
                known.push(word);
                mapped.push(as_compared);
            }
        }
        let whole = test(text);
        let words = known.into_iter().map(|word| Word {
            whole: (word != text).then(|| test(word)),
            pieces: pieces(word).into_iter().map(&mut *test).collect(),
        });
        Self {
            whole,
            words: words.collect(),
        }
    }

    pub(crate) fn cost(&self) -> u32 {
        let words = self.words.iter().map(|word| {
            let tests = word.whole.iter().chain(&word.pieces);
            tests.map(Test::cost).fold(0, u32::saturating_add)
        });
        words.fold(self.whole.cost(), u32::saturating_add)
    }

    /// Whether the message fits, if what is known decides it.
    pub(crate) fn decide(&self, known: Known<'_>) -> Option<bool> {
        let whole = self.whole.decide(known);
        if whole == Some(true) {
            return whole;
        }
        let needed = self.words.len().div_ceil(2).max(1);
        let (mut sure, mut possible) = (0, 0);
        for word in &self.words {
            match word.decide(known) {
                Some(true) => (sure, possible) = (sure + 1, possible + 1),
                Some(false) => {}
                None => possible += 1,
            }
        }
        match whole {
            _ if sure >= needed => Some(true),
            Some(_) if possible < needed => Some(false),
            _ => None,
        }
    }

    /// How well a message fits, of which all is known, from 1 to 100.
    pub(crate) fn score(&self, known: Known<'_>) -> u32 {
        if self.whole.decide(known) == Some(true) {
            return BEST;
        }
        let sum: u32 = self.words.iter().map(|word| word.score(known)).sum();
        let count = u32::try_from(self.words.len()).unwrap_or(u32::MAX).max(1);
        (sum / count).max(1)
    }
}

impl Word {
    fn decide(&self, known: Known<'_>) -> Option<bool> {
        let tests = self.whole.iter().chain(&self.pieces);
        let mut decided = Some(false);
        for test in tests {
            match test.decide(known) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => decided = None,
            }
        }
        decided
    }

    fn score(&self, known: Known<'_>) -> u32 {
        let holds = |test: &&Test| test.decide(known) == Some(true);
        if self.whole.iter().any(|test| holds(&test)) {
            return WORD;
        }
        match self.pieces.iter().filter(holds).count() {
            0 => 0,
            1 => ONE,
            _ => BOTH,
        }
    }
}

/// The beginning and the end of a word, as far as one has to be there; none of a short word.
fn pieces(word: &str) -> Vec<&str> {
    let letters = word.chars().count();
    let length = match letters {
        0..=SHORTEST => return Vec::new(),
        4 | 5 => SHORTEST,
        _ => letters.div_ceil(2).max(SHORTEST + 1),
    };
    let place = |letters: usize| {
        let mut places = word.char_indices().map(|(place, _)| place);
        places.nth(letters).unwrap_or(word.len())
    };
    let beginning = word.get(..place(length));
    let end = word.get(place(letters - length)..);
    beginning.into_iter().chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn pieces_of_words() {
        assert!(pieces("cat").is_empty());
        assert_eq!(pieces("helo"), ["hel", "elo"]);
        assert_eq!(pieces("break"), ["bre", "eak"]);
        assert_eq!(pieces("broken"), ["brok", "oken"]);
        assert_eq!(pieces("straßenbahn"), ["straße", "enbahn"]);
    }
}
