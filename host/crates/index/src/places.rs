//! Sets of a pack's messages, by their places in it.

/// A set of places.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places([u64; 4]);

impl Places {
    /// The first `count` places.
    pub(crate) fn first(count: usize) -> Self {
        let mut places = Self::default();
        let mut left = count;
        for word in &mut places.0 {
            *word = match left {
                0 => 0,
                1..=63 => (1 << left) - 1,
                _ => u64::MAX,
            };
            left = left.saturating_sub(64);
        }
        places
    }

    /// From bits, the lowest place first; what lies beyond the last place is left out.
    pub(crate) fn of_bits(bits: &[u8]) -> Self {
        let mut places = Self::default();
        for (word, octets) in places.0.iter_mut().zip(bits.chunks(8)) {
            let mut padded = [0; 8];
            for (to, from) in padded.iter_mut().zip(octets) {
                *to = *from;
            }
            *word = u64::from_le_bytes(padded);
        }
        places
    }

    /// The first `octets` octets of its bits.
    pub(crate) fn bits(self, octets: usize) -> impl Iterator<Item = u8> {
        self.0.into_iter().flat_map(u64::to_le_bytes).take(octets)
    }

    pub(crate) fn insert(&mut self, place: u8) {
        if let Some(word) = self.0.get_mut(usize::from(place) / 64) {
            *word |= 1 << (place % 64);
        }
    }

    pub(crate) fn contains(self, place: u8) -> bool {
        let word = self.0.get(usize::from(place) / 64);
        word.is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let mut both = self;
        for (word, other) in both.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        both
    }

    pub(crate) fn or(self, other: Self) -> Self {
        let mut either = self;
        for (word, other) in either.0.iter_mut().zip(other.0) {
            *word |= other;
        }
        either
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_places() {
        for count in [0, 1, 63, 64, 65, 255, 256] {
            let first = Places::first(count);
            let members = (0..=255).filter(|place| first.contains(*place));
            assert_eq!(members.count(), count);
            let bits: Vec<u8> = first.bits(count.div_ceil(8)).collect();
            assert_eq!(Places::of_bits(&bits), first);
        }
        let mut some = Places::default();
        some.insert(200);
        assert_eq!(some.and(Places::first(200)), Places::default());
        assert_eq!(some.or(Places::first(200)), Places::first(201));
    }
}
