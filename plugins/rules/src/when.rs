//! The language of `when`: names joined by `&&`, `||`, `!` and parentheses (`and`, `or`, `not` do as well).
//!
//! ```text
//! or    = and *( ( "||" / "or" ) and )
//! and   = not *( ( "&&" / "and" ) not )
//! not   = *( "!" / "not" ) ( "(" or ")" / name / "@" name )
//! name  = 1*64( letter / digit / "_" / "-" / "." )
//! ```
//!
//! A name is another rule; `@NAME` is a finding of another plugin that ran before.

/// Deepest nesting of parentheses and negations, here and in tables.
pub(crate) const DEEPEST: usize = 32;

/// A condition over names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// Another rule holds.
    Rule(String),
    /// Another plugin found this.
    Finding(String),
    /// All hold.
    All(Vec<When>),
    /// One holds.
    Any(Vec<When>),
    /// It does not hold.
    Not(Box<When>),
}

impl When {
    /// Reads a condition.
    ///
    /// # Errors
    /// One sentence for the operator, with the place in the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut reader = Reader {
            tokens: tokens.into_iter().peekable(),
            length: text.len(),
        };
        let when = reader.or(0)?;
        match reader.tokens.next() {
            None => Ok(when),
            Some((at, token)) => Err(format!(
                "unexpected {} at character {}; && or || missing?",
                token.shown(),
                at + 1
            )),
        }
    }
}

/// Whether this can name a rule.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    And,
    Or,
    Not,
    Open,
    Close,
    Rule(String),
    Finding(String),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::And => "&&".to_owned(),
            Self::Or => "||".to_owned(),
            Self::Not => "!".to_owned(),
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::Rule(name) => name.clone(),
            Self::Finding(name) => format!("@{name}"),
        }
    }
}

/// The tokens with the offsets at which they begin.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let at = text.len() - rest.len();
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '!' => (Token::Not, 1),
            '&' if rest.starts_with("&&") => (Token::And, 2),
            '|' if rest.starts_with("||") => (Token::Or, 2),
            '@' => {
                let name = name_at(rest.get(1..).unwrap_or_default());
                (Token::Finding(name.to_owned()), name.len() + 1)
            }
            _ => {
                let name = name_at(rest);
                let token = match name {
                    "and" => Token::And,
                    "or" => Token::Or,
                    "not" => Token::Not,
                    _ => Token::Rule(name.to_owned()),
                };
                (token, name.len())
            }
        };
        match &token {
            Token::Rule(name) | Token::Finding(name) if !is_name(name) => {
                return Err(format!(
                    "'{first}' at character {} begins no name and is none of && || ! ( )",
                    at + 1
                ));
            }
            _ => found.push((at, token)),
        }
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

fn name_at(text: &str) -> &str {
    let end = text
        .bytes()
        .position(|byte| !is_name_byte(byte))
        .unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

struct Reader {
    tokens: std::iter::Peekable<std::vec::IntoIter<(usize, Token)>>,
    length: usize,
}

impl Reader {
    fn or(&mut self, depth: usize) -> Result<When, String> {
        let mut terms = vec![self.and(depth)?];
        while self
            .tokens
            .next_if(|(_, token)| *token == Token::Or)
            .is_some()
        {
            terms.push(self.and(depth)?);
        }
        Ok(single_or(terms, When::Any))
    }

    fn and(&mut self, depth: usize) -> Result<When, String> {
        let mut terms = vec![self.not(depth)?];
        while self
            .tokens
            .next_if(|(_, token)| *token == Token::And)
            .is_some()
        {
            terms.push(self.not(depth)?);
        }
        Ok(single_or(terms, When::All))
    }

    fn not(&mut self, depth: usize) -> Result<When, String> {
        if depth > DEEPEST {
            return Err(format!("is nested more than {DEEPEST} deep"));
        }
        match self.tokens.next() {
            Some((_, Token::Not)) => Ok(When::Not(Box::new(self.not(depth + 1)?))),
            Some((_, Token::Rule(name))) => Ok(When::Rule(name)),
            Some((_, Token::Finding(name))) => Ok(When::Finding(name)),
            Some((at, Token::Open)) => {
                let inner = self.or(depth + 1)?;
                match self.tokens.next() {
                    Some((_, Token::Close)) => Ok(inner),
                    _ => Err(format!(
                        "the parenthesis at character {} is not closed",
                        at + 1
                    )),
                }
            }
            Some((at, token)) => Err(format!(
                "{} at character {} where a name should be",
                token.shown(),
                at + 1
            )),
            None => Err(format!(
                "ends at character {} where a name should be",
                self.length
            )),
        }
    }
}

fn single_or(mut terms: Vec<When>, join: impl FnOnce(Vec<When>) -> When) -> When {
    if terms.len() == 1 {
        terms.remove(0)
    } else {
        join(terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str) -> When {
        When::Rule(name.to_owned())
    }

    #[test]
    fn and_binds_tighter_than_or() {
        let expected = When::Any(vec![
            rule("A"),
            When::All(vec![
                rule("B"),
                When::Not(Box::new(rule("C"))),
                When::Finding("D".into()),
            ]),
        ]);
        assert_eq!(When::parse("A || B && !C && @D"), Ok(expected.clone()));
        assert_eq!(When::parse("A or (B and not C and @D)"), Ok(expected));
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (text, told) in [
            ("", "ends at character 0 where a name should be"),
            ("A &&", "ends at character 4 where a name should be"),
            ("A B", "unexpected B at character 3; && or || missing?"),
            ("(A || B", "the parenthesis at character 1 is not closed"),
            (
                "A & B",
                "'&' at character 3 begins no name and is none of && || ! ( )",
            ),
            ("|| A", "|| at character 1 where a name should be"),
            (
                "@ A",
                "'@' at character 1 begins no name and is none of && || ! ( )",
            ),
        ] {
            assert_eq!(When::parse(text).unwrap_err(), told, "{text}");
        }
    }

    #[test]
    fn no_text_is_too_deep_for_the_stack() {
        assert!(
            When::parse(&"(".repeat(100_000))
                .unwrap_err()
                .contains("nested")
        );
        assert!(
            When::parse(&"!".repeat(100_000))
                .unwrap_err()
                .contains("nested")
        );
    }
}
