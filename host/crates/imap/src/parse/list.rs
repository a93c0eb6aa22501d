//! LIST and LSUB (RFC 5258 §6), CREATE with what the mailbox is for (RFC 4466 §2.2, RFC 6154 §6).

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{
    Command, ListCommand, ListForm, ListReturn, ListSelection, NameError, SpecialUse,
};

/// Options in one list, repeated ones included.
const MAX_OPTIONS: usize = 16;
/// Patterns in one command.
const MAX_PATTERNS: usize = 256;
/// Longest pattern with its reference, in octets.
const MAX_PATTERN: usize = 1024;
/// Special uses in one CREATE, repeated ones included.
const MAX_USES: usize = 16;

/// A pattern in UTF-8, or why it cannot be one.
type Pattern = Result<String, NameError>;

impl Parser<'_> {
    /// `"LSUB" SP mailbox SP list-mailbox`
    pub(super) fn lsub(&mut self) -> Result<Command, SyntaxError> {
        let wire = self.astring()?;
        let reference = self.name(&wire);
        self.space()?;
        let pattern = self.list_mailbox()?;
        Ok(Command::List(ListCommand {
            form: ListForm::Lsub,
            patterns: vec![joined(&reference, pattern)],
            selection: ListSelection {
                subscribed: true,
                ..ListSelection::default()
            },
            returns: ListReturn::default(),
        }))
    }

    /// `list`
    pub(super) fn list_command(&mut self) -> Result<Command, SyntaxError> {
        let mut form = ListForm::Plain;
        let mut selection = ListSelection::default();
        if self.peek() == Some(b'(') {
            form = ListForm::Extended;
            selection = self.selection()?;
            self.space()?;
        }
        let wire = self.astring()?;
        let reference = self.name(&wire);
        self.space()?;
        let patterns = if self.peek() == Some(b'(') {
            form = ListForm::Extended;
            self.list(MAX_PATTERNS, Self::list_mailbox)?
        } else {
            vec![self.list_mailbox()?]
        };
        if patterns.is_empty() {
            return Err(SyntaxError::Expected("a pattern"));
        }
        let mut returns = ListReturn::default();
        if self.accept_prefix(" RETURN ") {
            form = ListForm::Extended;
            self.list(MAX_OPTIONS, |parser| parser.return_option(&mut returns))?;
        }
        let patterns = patterns.into_iter();
        Ok(Command::List(ListCommand {
            form,
            patterns: patterns
                .map(|pattern| joined(&reference, pattern))
                .collect(),
            selection,
            returns,
        }))
    }

    /// `list-select-opts`
    fn selection(&mut self) -> Result<ListSelection, SyntaxError> {
        // RFC 5258 §3: an option that is given twice is given once; one that is not known is BAD.
        const OPTION: SyntaxError = SyntaxError::Expected("a LIST option");
        let words = ["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"];
        let options = self.list(MAX_OPTIONS, |parser| parser.one_of(&words).ok_or(OPTION))?;
        let selection = ListSelection {
            subscribed: options.contains(&"SUBSCRIBED"),
            special_use: options.contains(&"SPECIAL-USE"),
            recursive: options.contains(&"RECURSIVEMATCH"),
        };
        // RFC 5258 §3.1: RECURSIVEMATCH alone, or with REMOTE alone, is BAD.
        if selection.recursive && !selection.restricts() {
            return Err(SyntaxError::Expected(
                "a criterion for RECURSIVEMATCH, like SUBSCRIBED",
            ));
        }
        Ok(selection)
    }

    /// `return-option`
    fn return_option(&mut self, returns: &mut ListReturn) -> Result<(), SyntaxError> {
        match self.one_of(&[
            "SUBSCRIBED",
            "CHILDREN",
            "SPECIAL-USE",
            "STATUS",
            "MYRIGHTS",
            "METADATA",
        ]) {
            Some("SUBSCRIBED") => returns.subscribed = true,
            Some("MYRIGHTS") => returns.my_rights = true,
            Some("METADATA") => {
                self.space()?;
                returns.metadata = self.listed_entries()?;
            }
            Some("STATUS") => {
                self.space()?;
                returns.status = self.status_items()?;
            }
            Some(_) => {}
            None => return Err(SyntaxError::Expected("a LIST option")),
        }
        Ok(())
    }

    fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|word| self.accept_word(word))
    }

    /// `"CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]`
    pub(super) fn create(&mut self) -> Result<Command, SyntaxError> {
        let mailbox = self.new_mailbox()?;
        let mut attributes = Vec::new();
        if self.accept_prefix(" (") {
            if !self.accept_word("USE") {
                return Err(SyntaxError::Expected("USE"));
            }
            self.space()?;
            attributes = self.list(MAX_USES, Self::use_attribute)?;
            self.expect(b')', ")")?;
        }
        Ok(Command::Create {
            mailbox,
            special_use: SpecialUse::of_new(&attributes),
        })
    }

    /// `use-attr`
    fn use_attribute(&mut self) -> Result<String, SyntaxError> {
        self.expect(b'\\', "a special use")?;
        Ok(format!("\\{}", self.atom()?))
    }
}

/// RFC 3501 §6.3.8: the reference is what the pattern begins with.
fn joined(reference: &Pattern, pattern: Pattern) -> Pattern {
    let pattern = pattern?;
    if pattern.is_empty() {
        return Ok(pattern);
    }
    let joined = reference.clone()? + &pattern;
    if joined.len() > MAX_PATTERN {
        return Err(NameError::Long);
    }
    Ok(joined)
}
