//! What is looked for: alternatives are the caller's, what has to be there at once is a needle's.

use crate::grams;

/// Several searches that are made together.
#[derive(Debug, Clone, Default)]
pub struct Needles {
    /// The trigrams of all of them, ascending.
    pub(crate) grams: Vec<u32>,
    /// Of each needle, which of them it has.
    pub(crate) each: Vec<Vec<usize>>,
}

impl Needles {
    /// Of each needle the texts, mapped for comparison, that a message must hold all of.
    #[must_use]
    pub fn new<T: AsRef<str>>(needles: &[Vec<T>]) -> Self {
        let of = |texts: &Vec<T>| -> Vec<u32> {
            let grams = texts.iter().flat_map(|text| grams::of(text.as_ref()));
            grams.collect()
        };
        let needles: Vec<Vec<u32>> = needles.iter().map(of).collect();
        let mut grams = needles.concat();
        grams.sort_unstable();
        grams.dedup();
        let place = |gram: &u32| grams.binary_search(gram).ok();
        let each = needles
            .iter()
            .map(|needle| needle.iter().filter_map(place).collect())
            .collect();
        Self { grams, each }
    }

    /// Whether no needle is long enough to leave a message out by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.grams.is_empty()
    }
}
