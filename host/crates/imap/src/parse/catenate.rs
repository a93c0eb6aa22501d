//! What stands between the texts of a message that is put together from parts (RFC 4469 §5, RFC 6855 §4).

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{CatenateEnd, CatenateSegment};

/// URLs between two texts.
const MAX_URLS: usize = 1_000;

/// Parses what follows a text, up to the literal at the end of the line, if there is one.
pub(crate) fn catenate_next(
    octets: &[u8],
    has_literal: bool,
) -> Result<CatenateSegment, SyntaxError> {
    Parser::new(octets).catenate_segment(false, has_literal)
}

impl Parser<'_> {
    /// `cat-part *(SP cat-part) ")"`, or the beginning of it up to a literal.
    pub(super) fn catenate_segment(
        &mut self,
        mut first: bool,
        has_literal: bool,
    ) -> Result<CatenateSegment, SyntaxError> {
        let mut urls = Vec::new();
        loop {
            if !std::mem::take(&mut first) {
                if self.accept(b')') {
                    let end = CatenateEnd::Closed(self.rest().to_vec());
                    return Ok(CatenateSegment { urls, end });
                }
                self.space()?;
            }
            let end = if self.accept_word("URL") {
                self.space()?;
                if !(self.is_done() && has_literal) {
                    if urls.len() >= MAX_URLS {
                        return Err(SyntaxError::TooMany);
                    }
                    urls.push(self.astring()?);
                    continue;
                }
                CatenateEnd::Url
            } else if self.accept_word("TEXT") {
                self.space()?;
                CatenateEnd::Text { utf8: false }
            } else if self.accept_word("UTF8") {
                self.space()?;
                self.expect(b'(', "(")?;
                CatenateEnd::Text { utf8: true }
            } else {
                return Err(SyntaxError::Expected("TEXT or URL"));
            };
            if !(self.is_done() && has_literal) {
                return Err(SyntaxError::Expected("a literal"));
            }
            return Ok(CatenateSegment { urls, end });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_up_to_a_literal_and_to_the_end() {
        let parse = |text: &str, literal| {
            let parsed = Parser::new(text.as_bytes()).catenate_segment(true, literal);
            parsed.map(|segment| (segment.urls.len(), segment.end))
        };
        let text = |utf8| CatenateEnd::Text { utf8 };
        assert_eq!(
            parse("URL /a URL \"b c\" TEXT ", true),
            Ok((2, text(false)))
        );
        assert_eq!(parse("utf8 (", true), Ok((0, text(true))));
        assert_eq!(parse("URL ", true), Ok((0, CatenateEnd::Url)));
        let closed = |rest: &[u8]| CatenateEnd::Closed(rest.to_vec());
        assert_eq!(
            parse("URL /a) (\\Seen) ", true),
            Ok((1, closed(b" (\\Seen) ")))
        );
        assert_eq!(parse("URL /a)", false), Ok((1, closed(b""))));
        for broken in [
            "", ")", "URL", "URL ", "URL /a", "TEXT ", "TEXT x)", "OTHER x)",
        ] {
            assert!(parse(broken, false).is_err(), "{broken}");
        }
    }
}
