//! The name under which one accepted message is found again in replies, trace fields, logs and the ledger.
//!
//! Invariants: 17 characters of Crockford's base 32 in lower case (no `i l o u`); ids of later milliseconds sort later.

use std::fmt;

/// A queue id: 45 bits of milliseconds since 1970, then 40 bits that the caller draws at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(u128);

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: u32 = 17;
const RANDOM_BITS: u32 = 40;

impl QueueId {
    /// The id for a moment in milliseconds since 1970 and a random number, of which the low 40 bits count.
    #[must_use]
    pub fn new(unix_millis: u64, random: u64) -> Self {
        let time = u128::from(unix_millis) & ((1 << 45) - 1);
        let random = u128::from(random) & ((1 << RANDOM_BITS) - 1);
        Self(time << RANDOM_BITS | random)
    }

    /// Reads an id as [`fmt::Display`] prints it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH as usize {
            return None;
        }
        text.bytes()
            .try_fold(0_u128, |value, byte| {
                let digit = DIGITS.iter().position(|d| *d == byte)?;
                Some(value << 5 | digit as u128)
            })
            .map(Self)
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = (0..LENGTH)
            .rev()
            .filter_map(|place| DIGITS.get((self.0 >> (place * 5)) as usize & 31));
        let text: String = digits.map(|digit| char::from(*digit)).collect();
        f.write_str(&text)
    }
}
