//! The trigrams of texts.

/// Different trigrams of a message that are kept; one with more, which is hardly text, is read by every search.
const MAX_GRAMS: usize = 1 << 16;
/// There are so many trigrams.
const ALL_GRAMS: usize = 1 << 24;

/// The different trigrams of a message's texts. Takes 2 MiB, for one message after the other.
#[derive(Debug)]
pub struct Grams {
    /// A bit for each trigram that was found.
    seen: Vec<u64>,
    found: Vec<u32>,
}

impl Default for Grams {
    fn default() -> Self {
        Self {
            seen: vec![0; ALL_GRAMS / 64],
            found: Vec::new(),
        }
    }
}

impl Grams {
    /// Adds those of a text, which is mapped for comparison.
    pub fn add(&mut self, text: &str) {
        for gram in of(text) {
            let (word, bit) = (gram as usize / 64, 1u64 << (gram % 64));
            if let Some(word) = self.seen.get_mut(word)
                && *word & bit == 0
            {
                *word |= bit;
                self.found.push(gram);
            }
        }
    }

    /// Hands them over and begins anew; none if there are too many.
    pub(crate) fn take(&mut self) -> Option<Vec<u32>> {
        for gram in &self.found {
            if let Some(word) = self.seen.get_mut(*gram as usize / 64) {
                *word = 0;
            }
        }
        let found = std::mem::take(&mut self.found);
        (found.len() <= MAX_GRAMS).then_some(found)
    }
}

/// The trigrams of a text in their order; none of one that is shorter than three octets.
pub(crate) fn of(text: &str) -> impl Iterator<Item = u32> + '_ {
    let mut gram = 0;
    let all = text.bytes().map(move |octet| {
        gram = (gram << 8 | u32::from(octet)) & 0xff_ffff;
        gram
    });
    all.skip(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trigram_is_told_once() {
        let mut grams = Grams::default();
        grams.add("abcabc");
        grams.add("bca");
        grams.add("ab");
        assert_eq!(grams.take().unwrap(), [0x61_6263, 0x62_6361, 0x63_6162]);
        assert_eq!(grams.take().unwrap(), []);
        grams.add("abc");
        assert_eq!(grams.take().unwrap().len(), 1);
    }

    #[test]
    fn what_is_hardly_text_has_too_many() {
        let mut grams = Grams::default();
        let mut text = String::new();
        for number in 0..=MAX_GRAMS {
            text.extend([
                (number % 128) as u8 as char,
                (number / 128 % 128) as u8 as char,
            ]);
            text.push((number / 128 / 128) as u8 as char);
        }
        grams.add(&text);
        assert!(grams.take().is_none());
        assert!(grams.take().is_some());
    }
}
