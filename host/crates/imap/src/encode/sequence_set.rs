//! Sequence sets (RFC 3501 §9).

use std::fmt;

use crate::types::{SequenceNumber, SequenceSet};

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Last => f.write_str("*"),
        }
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}:{last}")?;
            }
        }
        match (self.saved, self.ranges.is_empty()) {
            (true, true) => f.write_str("$"),
            (true, false) => f.write_str(",$"),
            (false, _) => Ok(()),
        }
    }
}
