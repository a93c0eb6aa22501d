//! Sequence sets (RFC 3501 §9).

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{SequenceNumber, SequenceSet};

impl Parser<'_> {
    /// `sequence-set`, at most `limit` elements.
    pub(crate) fn sequence_set(&mut self, limit: usize) -> Result<SequenceSet, SyntaxError> {
        let mut ranges = Vec::new();
        loop {
            // RFC 5182 §3: nothing follows `$`.
            if self.accept(b'$') {
                return SequenceSet::new(ranges, true)
                    .ok_or(SyntaxError::Expected("a sequence set"));
            }
            let first = self.seq_number()?;
            let last = if self.accept(b':') {
                self.seq_number()?
            } else {
                first
            };
            if ranges.len() >= limit {
                return Err(SyntaxError::TooMany);
            }
            ranges.push((first, last));
            if !self.accept(b',') {
                break;
            }
        }
        SequenceSet::new(ranges, false).ok_or(SyntaxError::Expected("a sequence set"))
    }

    /// A set of one: `seq-number`.
    pub(crate) fn single(&mut self) -> Result<SequenceSet, SyntaxError> {
        let number = self.seq_number()?;
        SequenceSet::new(vec![(number, number)], false)
            .ok_or(SyntaxError::Expected("the number of a message"))
    }

    fn seq_number(&mut self) -> Result<SequenceNumber, SyntaxError> {
        if self.accept(b'*') {
            return Ok(SequenceNumber::Last);
        }
        self.nz_number()
            .map(SequenceNumber::Number)
            .map_err(|_| SyntaxError::Expected("a sequence set"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = SequenceNumber> {
        prop_oneof![
            Just(SequenceNumber::Last),
            (1u32..).prop_map(SequenceNumber::Number)
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed(ranges in proptest::collection::vec((number(), number()), 1..20), saved: bool) {
            let set = SequenceSet::new(ranges, saved).unwrap();
            let text = set.to_string();
            let mut parser = Parser::new(text.as_bytes());
            prop_assert_eq!(parser.sequence_set(100), Ok(set));
            prop_assert!(parser.is_done());
        }
    }

    #[test]
    fn sets_resolve_against_the_last_number() {
        let resolve = |text: &str, last| {
            Parser::new(text.as_bytes())
                .sequence_set(9)
                .unwrap()
                .resolve(last)
                .to_string()
        };
        assert_eq!(resolve("4:2,9", 10), "2:4,9");
        assert_eq!(resolve("7:*", 5), "5:7");
        assert_eq!(resolve("*", 0), "");
        assert_eq!(
            Parser::new(b"1,2,3").sequence_set(2),
            Err(SyntaxError::TooMany)
        );
        assert!(Parser::new(b"$").sequence_set(1).unwrap().saved);
        for broken in ["0", "1:", ",1", "", "4294967296", "1:0"] {
            assert!(
                Parser::new(broken.as_bytes()).sequence_set(9).is_err(),
                "{broken}"
            );
        }
    }
}
