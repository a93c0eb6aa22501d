//! ESEARCH (RFC 7377 §4).

use crate::config::Limits;
use crate::parse::core::{Parser, SyntaxError};
use crate::parse::notify::{FILTER, MAX_GROUPS, MAX_NAMES};
use crate::types::{Command, MailboxFilter};

impl Parser<'_> {
    /// Behind the name of the command and a space: `[esearch-source-opts SP] [search-return-opts SP] search-program`
    pub(super) fn esearch(&mut self, limits: &Limits) -> Result<Command, SyntaxError> {
        let sources = if self.looks_like("IN (") {
            self.sources()?
        } else {
            // RFC 7377 §2.2: what is assumed.
            vec![MailboxFilter::Selected { delayed: false }]
        };
        let mut fetched = Vec::new();
        Ok(Command::EsearchIn {
            sources,
            returns: self.search_returns(&mut fetched)?,
            charset: self.clone().accept_word("CHARSET"),
            key: self.search(limits)?,
        })
    }

    /// `esearch-source-opts SP`; no scope-option is known.
    fn sources(&mut self) -> Result<Vec<MailboxFilter>, SyntaxError> {
        self.accept_prefix("IN (");
        let mut sources = Vec::new();
        loop {
            let filter = self.mailbox_filter()?;
            // RFC 7377 §2.2
            if filter == (MailboxFilter::Selected { delayed: true }) {
                return Err(FILTER);
            }
            sources.push(filter);
            let names = sources.iter().map(MailboxFilter::names);
            if sources.len() > MAX_GROUPS || names.sum::<usize>() > MAX_NAMES {
                return Err(SyntaxError::TooMany);
            }
            if !self.accept(b' ') {
                break;
            }
        }
        self.expect(b')', ")")?;
        self.space()?;
        Ok(sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_none() {
        let parse = |text: &str| {
            let mut parser = Parser::new(text.as_bytes());
            let command = parser.esearch(&Limits::default())?;
            parser.end().map(|()| command)
        };
        for good in [
            "unseen",
            "IN (mailboxes \"folder1\" subtree \"folder2\") unseen",
            "in (mailboxes (a b) SUBTREE-ONE folder2) return (min) charset utf-8 subject \"chad\"",
            "IN (selected personal inboxes subscribed) RETURN () ALL",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for broken in [
            "",
            "IN",
            "IN () ALL",
            "IN (selected)",
            "IN (selected-delayed) ALL",
            "IN (selected (x y)) ALL",
            "IN (mailboxes) ALL",
            "IN selected ALL",
            "IN (others) ALL",
        ] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
