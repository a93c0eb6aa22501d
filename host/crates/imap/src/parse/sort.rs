//! SORT and THREAD (RFC 5256 §5).

use crate::config::Limits;
use crate::parse::core::{Parser, SyntaxError};
use crate::types::{Command, SortCriterion, SortKey, ThreadAlgorithm};

/// Criteria in one SORT; there are no more that differ.
const MAX_CRITERIA: usize = 20;

impl Parser<'_> {
    /// `[search-return-opts SP] sort-criteria SP charset 1*(SP search-key)` (RFC 5267 §3)
    pub(crate) fn sort(&mut self, uid: bool, limits: &Limits) -> Result<Command, SyntaxError> {
        let mut fetched = Vec::new();
        let returns = self.search_returns(&mut fetched)?;
        let criteria = self.list(MAX_CRITERIA, Self::sort_criterion)?;
        if criteria.is_empty() {
            return Err(SyntaxError::Expected("a sort criterion"));
        }
        self.space()?;
        Ok(Command::Sort {
            uid,
            returns,
            fetched,
            criteria,
            key: self.search_in_charset(limits)?,
        })
    }

    /// `thread-alg SP charset 1*(SP search-key)`
    pub(crate) fn thread(&mut self, uid: bool, limits: &Limits) -> Result<Command, SyntaxError> {
        let found = ThreadAlgorithm::ALL
            .iter()
            .find(|(_, name)| self.accept_word(name));
        let algorithm = found.map(|(algorithm, _)| *algorithm);
        let algorithm = algorithm.ok_or(SyntaxError::Expected("a threading algorithm"))?;
        self.space()?;
        Ok(Command::Thread {
            uid,
            algorithm,
            key: self.search_in_charset(limits)?,
        })
    }

    /// `["REVERSE" SP] sort-key`
    fn sort_criterion(&mut self) -> Result<SortCriterion, SyntaxError> {
        let reverse = self.accept_word("REVERSE");
        if reverse {
            self.space()?;
        }
        let found = SortKey::ALL.iter().find(|(_, name)| self.accept_word(name));
        let key = found.map(|(key, _)| *key);
        Ok(SortCriterion {
            key: key.ok_or(SyntaxError::Expected("a sort criterion"))?,
            reverse,
        })
    }
}
