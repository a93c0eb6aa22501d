//! The options of an extended SEARCH (RFC 4731, RFC 5182, RFC 5267, RFC 9394).

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{FetchItem, PartialRange, Returns};

impl Parser<'_> {
    /// `["RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP]` (RFC 4466 §2.6.1)
    ///
    /// What is to be fetched of messages that come into the result (RFC 5465 §7) is put into `fetched`.
    pub(crate) fn search_returns(
        &mut self,
        fetched: &mut Vec<FetchItem>,
    ) -> Result<Option<Returns>, SyntaxError> {
        if !self.accept_word("RETURN") {
            return Ok(None);
        }
        self.space()?;
        let mut returns = Returns::default();
        self.list(16, |parser| parser.search_return(&mut returns, fetched))?;
        // RFC 4731 §3.1: no option means ALL.
        returns.all |= returns == Returns::default();
        self.space()?;
        Ok(Some(returns))
    }

    fn search_return(
        &mut self,
        returns: &mut Returns,
        fetched: &mut Vec<FetchItem>,
    ) -> Result<(), SyntaxError> {
        let name = self
            .atom()
            .map_err(|_| SyntaxError::Expected("an option of RETURN"))?;
        match name.to_ascii_uppercase().as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "COUNT" => returns.count = true,
            "SAVE" => returns.save = true,
            "RELEVANCY" => returns.relevancy = true,
            // RFC 5267 §4.2: that the search comes again is of no use here.
            "CONTEXT" => {}
            "UPDATE" => {
                returns.update = true;
                if self.accept_prefix(" (") {
                    *fetched = self.rest_of_fetch_items()?;
                }
            }
            // RFC 9394 §3.1: one PARTIAL, one ALL, or neither.
            "ALL" if returns.partial.is_none() => returns.all = true,
            "PARTIAL" if returns.partial.is_none() && !returns.all => {
                self.space()?;
                returns.partial = Some(self.partial_range()?);
            }
            _ => return Err(SyntaxError::Expected("an option of RETURN")),
        }
        Ok(())
    }

    /// `partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number` (RFC 9394 §4)
    pub(crate) fn partial_range(&mut self) -> Result<PartialRange, SyntaxError> {
        const RANGE: SyntaxError = SyntaxError::Expected("a range as 1:100 or -1:-100");
        let from_end = self.accept(b'-');
        let first = self.nz_number().map_err(|_| RANGE)?;
        self.expect(b':', "a range as 1:100 or -1:-100")?;
        if self.accept(b'-') != from_end {
            return Err(RANGE);
        }
        Ok(PartialRange {
            first,
            last: self.nz_number().map_err(|_| RANGE)?,
            from_end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_none() {
        let parse = |text: &str| Parser::new(text.as_bytes()).search_returns(&mut Vec::new());
        assert_eq!(parse("ALL"), Ok(None));
        assert!(parse("return () ALL").unwrap().unwrap().all);
        assert!(!parse("RETURN (SAVE) ALL").unwrap().unwrap().all);
        assert!(
            parse("RETURN (CONTEXT UPDATE) ALL")
                .unwrap()
                .unwrap()
                .update
        );
        assert!(parse("RETURN (UPDATE (UID BODY.PEEK[TEXT]) COUNT) ALL").is_ok());
        let partial = parse("RETURN (MIN PARTIAL -1:-9) ALL").unwrap().unwrap();
        assert_eq!(partial.partial.unwrap().to_string(), "-1:-9");
        for broken in [
            "RETURN ALL",
            "RETURN (OTHER) ALL",
            "RETURN (PARTIAL) ALL",
            "RETURN (PARTIAL 1) ALL",
            "RETURN (PARTIAL 0:1) ALL",
            "RETURN (PARTIAL -1:9) ALL",
            "RETURN (PARTIAL 1:-9) ALL",
            "RETURN (PARTIAL 1:*) ALL",
            "RETURN (PARTIAL 1:2 ALL) ALL",
            "RETURN (ALL PARTIAL 1:2) ALL",
            "RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL",
            "RETURN (MIN)ALL",
        ] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
