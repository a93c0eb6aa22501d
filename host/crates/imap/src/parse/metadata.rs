//! GETMETADATA, SETMETADATA (RFC 5464 §5).

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{Command, EntryDepth, EntryName, MailboxArgument, MetadataOptions};

/// Entries in one command.
const MAX_ENTRIES: usize = 128;
/// Options of one command.
const MAX_OPTIONS: usize = 8;

impl Parser<'_> {
    /// Behind the name of the command and a space: `[options SP] mailbox SP entries`.
    pub(super) fn get_metadata(&mut self) -> Result<Command, SyntaxError> {
        let mut options = MetadataOptions::default();
        let given = self.metadata_options(&mut options)?;
        let mailbox = self.mailbox_or_server()?;
        self.space()?;
        // The examples of RFC 5464 §4.2.1 have the options here.
        if !given {
            self.metadata_options(&mut options)?;
        }
        let entries = if self.peek() == Some(b'(') {
            self.list(MAX_ENTRIES, Self::entry)?
        } else {
            self.bare_entries()?
        };
        // What is no entry's name may have entries below it.
        let alone = options.depth == EntryDepth::Zero;
        if entries.is_empty() || (alone && !entries.iter().all(EntryName::is_whole)) {
            return Err(ENTRY);
        }
        Ok(Command::GetMetadata {
            mailbox,
            options,
            entries,
        })
    }

    /// `"(" entry *(SP entry) ")"` of LIST (RFC 9590 §5).
    pub(super) fn listed_entries(&mut self) -> Result<Vec<EntryName>, SyntaxError> {
        let entries = self.list(MAX_ENTRIES, Self::entry)?;
        if entries.is_empty() || !entries.iter().all(EntryName::is_whole) {
            return Err(ENTRY);
        }
        Ok(entries)
    }

    /// Behind the name of the command and a space: `mailbox SP entry-values`.
    pub(super) fn set_metadata(&mut self) -> Result<Command, SyntaxError> {
        let mailbox = self.mailbox_or_server()?;
        self.space()?;
        let values = self.list(MAX_ENTRIES, |parser| {
            let entry = parser.entry()?;
            if !entry.is_whole() {
                return Err(ENTRY);
            }
            parser.space()?;
            Ok((entry, parser.value()?))
        })?;
        if values.is_empty() {
            return Err(ENTRY);
        }
        Ok(Command::SetMetadata { mailbox, values })
    }

    /// `mailbox`; the empty string is the server.
    fn mailbox_or_server(&mut self) -> Result<Option<MailboxArgument>, SyntaxError> {
        if self.accept_prefix("\"\"") {
            return Ok(None);
        }
        self.mailbox().map(Some)
    }

    /// `getmetadata-options SP`, if that is what comes: a list of entries begins with `/`.
    fn metadata_options(&mut self, options: &mut MetadataOptions) -> Result<bool, SyntaxError> {
        let known = ["(MAXSIZE ", "(DEPTH "];
        if !known.iter().any(|word| self.looks_like(word)) {
            return Ok(false);
        }
        self.list(MAX_OPTIONS, |parser| parser.metadata_option(options))?;
        self.space()?;
        Ok(true)
    }

    fn metadata_option(&mut self, options: &mut MetadataOptions) -> Result<(), SyntaxError> {
        const OPTION: SyntaxError = SyntaxError::Expected("MAXSIZE or DEPTH");
        if self.accept_word("MAXSIZE") {
            self.space()?;
            options.max_size = Some(self.number()?);
            return Ok(());
        }
        if !self.accept_word("DEPTH") {
            return Err(OPTION);
        }
        self.space()?;
        let depths = [
            ("0", EntryDepth::Zero),
            ("1", EntryDepth::One),
            ("infinity", EntryDepth::Infinity),
        ];
        let found = depths.iter().find(|(word, _)| self.accept_word(word));
        options.depth = found.ok_or(SyntaxError::Expected("0, 1 or infinity"))?.1;
        Ok(())
    }

    /// Entries without parentheses, of which the examples of RFC 5464 §4.4.1 have several.
    fn bare_entries(&mut self) -> Result<Vec<EntryName>, SyntaxError> {
        let mut entries = vec![self.entry()?];
        while self.accept(b' ') && !self.is_done() {
            if entries.len() >= MAX_ENTRIES {
                return Err(SyntaxError::TooMany);
            }
            entries.push(self.entry()?);
        }
        Ok(entries)
    }

    fn entry(&mut self) -> Result<EntryName, SyntaxError> {
        let name = self.text()?;
        EntryName::new(&name).ok_or(ENTRY)
    }

    /// `value = nstring / literal8`
    fn value(&mut self) -> Result<Option<Vec<u8>>, SyntaxError> {
        if self.accept(b'~') {
            return self.literal8().map(Some);
        }
        self.nstring()
    }
}

const ENTRY: SyntaxError = SyntaxError::Expected("an entry, like /private/comment");
