//! Modification sequences, and what they add to SELECT, FETCH, STORE and SEARCH (RFC 7162 §7).

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{FetchModifiers, Resync, SearchKey, SelectParameters};

/// Largest modification sequence (RFC 7162 §3.1: 63 bits).
const MAX_MODSEQ: u64 = i64::MAX as u64;

impl Parser<'_> {
    /// `mod-sequence-valzer = "0" / mod-sequence-value`
    pub(crate) fn modseq_or_zero(&mut self) -> Result<u64, SyntaxError> {
        const MODSEQ: SyntaxError = SyntaxError::Expected("a modification sequence");
        let digits = self.take_while(|octet| octet.is_ascii_digit());
        let text = std::str::from_utf8(digits).unwrap_or_default();
        text.parse()
            .ok()
            .filter(|modseq| *modseq <= MAX_MODSEQ)
            .ok_or(MODSEQ)
    }

    /// `mod-sequence-value`: not 0.
    fn modseq(&mut self) -> Result<u64, SyntaxError> {
        match self.modseq_or_zero()? {
            0 => Err(SyntaxError::Expected("a modification sequence above 0")),
            modseq => Ok(modseq),
        }
    }

    /// `[SP "(" select-param *(SP select-param) ")"]` (RFC 4466 §2.3).
    pub(crate) fn select_parameters(
        &mut self,
        limit: usize,
    ) -> Result<SelectParameters, SyntaxError> {
        let mut parameters = SelectParameters::default();
        if !self.accept_prefix(" (") {
            return Ok(parameters);
        }
        loop {
            if self.accept_word("CONDSTORE") {
                parameters.condstore = true;
            } else if parameters.resync.is_none() && self.accept_word("QRESYNC") {
                self.space()?;
                parameters.resync = Some(Box::new(self.resync(limit)?));
            } else {
                return Err(SyntaxError::Expected("a parameter of SELECT"));
            }
            if self.accept(b')') {
                return Ok(parameters);
            }
            self.space()?;
        }
    }

    /// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"`
    fn resync(&mut self, limit: usize) -> Result<Resync, SyntaxError> {
        self.expect(b'(', "(")?;
        let uid_validity = self.nz_number()?;
        self.space()?;
        let mut resync = Resync {
            uid_validity,
            modseq: self.modseq()?,
            known: None,
            matches: None,
        };
        while self.accept(b' ') {
            if resync.matches.is_some() {
                return Err(SyntaxError::Expected(")"));
            }
            if self.accept(b'(') {
                let numbers = self.ascending(limit)?;
                self.space()?;
                let uids = self.ascending(limit)?;
                self.expect(b')', ")")?;
                // RFC 7162 §3.2.5.2: the n-th of one belongs to the n-th of the other.
                if numbers.len() != uids.len() {
                    return Err(SyntaxError::Expected("as many UIDs as numbers"));
                }
                resync.matches = Some((numbers, uids));
            } else if resync.known.is_none() {
                // RFC 7162 §7: "*" is not allowed.
                let known = self.sequence_set(limit)?.without_star();
                resync.known = Some(known.ok_or(SyntaxError::Expected("UIDs without *"))?);
            } else {
                return Err(SyntaxError::Expected(")"));
            }
        }
        self.expect(b')', ")")?;
        Ok(resync)
    }

    /// RFC 7162 §3.2.5.2: both sets in ascending order, and without `*`.
    fn ascending(&mut self, limit: usize) -> Result<crate::types::UidSet, SyntaxError> {
        self.sequence_set(limit)?
            .ascending()
            .ok_or(SyntaxError::Expected("ascending numbers without *"))
    }

    /// `[SP "(" fetch-modifier *(SP fetch-modifier) ")"]` (RFC 4466 §2.4).
    pub(crate) fn fetch_modifiers(&mut self) -> Result<FetchModifiers, SyntaxError> {
        let mut modifiers = FetchModifiers::default();
        if !self.accept_prefix(" (") {
            return Ok(modifiers);
        }
        loop {
            if modifiers.changed_since.is_none() && self.accept_word("CHANGEDSINCE") {
                self.space()?;
                // Deviation from the grammar: 0 is taken as well, which means every message.
                modifiers.changed_since = Some(self.modseq_or_zero()?);
            } else if modifiers.partial.is_none() && self.accept_word("PARTIAL") {
                self.space()?;
                modifiers.partial = Some(self.partial_range()?);
            } else if self.accept_word("VANISHED") {
                modifiers.vanished = true;
            } else {
                return Err(SyntaxError::Expected("a modifier of FETCH"));
            }
            if self.accept(b')') {
                return Ok(modifiers);
            }
            self.space()?;
        }
    }

    /// `["(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")" SP]`; only one may be given.
    pub(crate) fn store_modifiers(&mut self) -> Result<Option<u64>, SyntaxError> {
        if !self.accept(b'(') {
            return Ok(None);
        }
        if !self.accept_word("UNCHANGEDSINCE") {
            return Err(SyntaxError::Expected("a modifier of STORE"));
        }
        self.space()?;
        let since = self.modseq_or_zero()?;
        self.expect(b')', ")")?;
        self.space()?;
        Ok(Some(since))
    }

    /// What follows MODSEQ in SEARCH: `[entry-name SP entry-type-req SP] mod-sequence-valzer`.
    pub(crate) fn search_modseq(&mut self) -> Result<SearchKey, SyntaxError> {
        if self.peek() == Some(b'"') {
            let name = self.string()?;
            // RFC 7162 §3.1.5: a server with one modification sequence a message ignores name and type.
            let is_flag = |rest: &[u8]| !rest.is_empty();
            if !name.strip_prefix(b"/flags/").is_some_and(is_flag) {
                return Err(SyntaxError::Expected("the entry of a flag"));
            }
            self.space()?;
            if !["priv", "shared", "all"]
                .iter()
                .any(|word| self.accept_word(word))
            {
                return Err(SyntaxError::Expected("priv, shared or all"));
            }
            self.space()?;
        }
        Ok(SearchKey::ModSeq(self.modseq_or_zero()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> Result<SelectParameters, SyntaxError> {
        let mut parser = Parser::new(text.as_bytes());
        let parsed = parser.select_parameters(9)?;
        parser.end().map(|()| parsed)
    }

    #[test]
    fn parameters_of_select() {
        assert_eq!(parameters(""), Ok(SelectParameters::default()));
        assert!(parameters(" (CONDSTORE)").unwrap().condstore);
        let both = parameters(" (condstore QRESYNC (5 9223372036854775807 4,1:2 (1:2 3,9)))");
        let resync = *both.unwrap().resync.unwrap();
        assert_eq!((resync.uid_validity, resync.modseq), (5, MAX_MODSEQ));
        assert_eq!(resync.known.unwrap().to_string(), "1:2,4");
        assert_eq!(resync.matches.unwrap().1.to_string(), "3,9");
        for broken in [
            " ()",
            " (OTHER)",
            " (CONDSTORE",
            " (QRESYNC)",
            " (QRESYNC (5))",
            " (QRESYNC (0 1))",
            " (QRESYNC (5 0))",
            " (QRESYNC (5 9223372036854775808))",
            " (QRESYNC (5 1 *))",
            " (QRESYNC (5 1 1 2))",
            " (QRESYNC (5 1 (1 2) (1 2)))",
            " (QRESYNC (5 1 (1 2) 3))",
            " (QRESYNC (5 1 (1:2 3)))",
            " (QRESYNC (5 1 (2,1 3,4)))",
            " (QRESYNC (5 1 (1:* 3:*)))",
            " (QRESYNC (5 1) QRESYNC (5 1))",
        ] {
            assert!(parameters(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn modifiers_of_fetch_and_store() {
        let fetch = |text: &str| Parser::new(text.as_bytes()).fetch_modifiers();
        let both = FetchModifiers {
            changed_since: Some(12_345),
            vanished: true,
            partial: None,
        };
        assert_eq!(fetch(" (CHANGEDSINCE 12345 VANISHED)"), Ok(both));
        assert_eq!(fetch(" (VANISHED CHANGEDSINCE 12345)"), Ok(both));
        for broken in [
            " ()",
            " (CHANGEDSINCE)",
            " (CHANGEDSINCE 1 CHANGEDSINCE 2)",
            " (X 1)",
        ] {
            assert!(fetch(broken).is_err(), "{broken}");
        }
        let store = |text: &str| Parser::new(text.as_bytes()).store_modifiers();
        assert_eq!(store("(UNCHANGEDSINCE 0) FLAGS"), Ok(Some(0)));
        assert_eq!(store("FLAGS"), Ok(None));
        for broken in [
            "() F",
            "(UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) F",
            "(UNCHANGEDSINCE) F",
        ] {
            assert!(store(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn modification_sequences_in_search() {
        let key = |text: &str| Parser::new(text.as_bytes()).search_modseq();
        assert_eq!(key("0"), Ok(SearchKey::ModSeq(0)));
        assert_eq!(
            key("\"/flags/\\\\draft\" all 620162338"),
            Ok(SearchKey::ModSeq(620_162_338))
        );
        for broken in [
            "",
            "x",
            "\"/flags/\" all 1",
            "\"/comment\" all 1",
            "\"/flags/x\" some 1",
        ] {
            assert!(key(broken).is_err(), "{broken}");
        }
    }
}
