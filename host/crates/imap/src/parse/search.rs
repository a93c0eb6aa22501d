//! SEARCH keys (RFC 3501 §6.4.4).

use std::sync::Arc;

use waxwing_message::Sought;

use crate::config::Limits;
use crate::parse::core::{Parser, SyntaxError};
use crate::types::{EmailId, SearchKey, SummaryField, SystemFlag, TextKey, ThreadId, UidSet};

/// What may still be parsed: SEARCH nests, and each key costs time for each message.
struct Bounds {
    keys: usize,
    elements: usize,
}

impl Parser<'_> {
    /// `["CHARSET" SP astring SP] search-key *(SP search-key)`. `None` for a charset that is not supported.
    pub(crate) fn search(&mut self, limits: &Limits) -> Result<Option<SearchKey>, SyntaxError> {
        if self.accept_word("CHARSET") {
            self.space()?;
            return self.search_in_charset(limits);
        }
        self.search_keys(limits).map(Some)
    }

    /// `astring SP search-key *(SP search-key)`: the charset, and what is in it. `None` for one that is not supported.
    pub(crate) fn search_in_charset(
        &mut self,
        limits: &Limits,
    ) -> Result<Option<SearchKey>, SyntaxError> {
        let charset = self.text()?;
        self.space()?;
        // RFC 3501 §6.4.4: US-ASCII must be supported; UTF-8 holds it.
        if !charset.eq_ignore_ascii_case("UTF-8") && !charset.eq_ignore_ascii_case("US-ASCII") {
            self.skip_all();
            return Ok(None);
        }
        self.search_keys(limits).map(Some)
    }

    fn search_keys(&mut self, limits: &Limits) -> Result<SearchKey, SyntaxError> {
        let mut bounds = Bounds {
            keys: limits.elements.min(1_000),
            elements: limits.elements,
        };
        let mut keys = vec![self.search_key(limits.nesting, &mut bounds)?];
        while self.accept(b' ') {
            if self.is_done() {
                break;
            }
            keys.push(self.search_key(limits.nesting, &mut bounds)?);
        }
        Ok(SearchKey::And(keys))
    }

    fn search_key(&mut self, depth: usize, bounds: &mut Bounds) -> Result<SearchKey, SyntaxError> {
        let deeper = depth.checked_sub(1).ok_or(SyntaxError::TooDeep)?;
        bounds.keys = bounds.keys.checked_sub(1).ok_or(SyntaxError::TooMany)?;
        match self.peek() {
            Some(b'(') => {
                let keys = self.list(bounds.keys, |parser| parser.search_key(deeper, bounds))?;
                return if keys.is_empty() {
                    Err(SyntaxError::Expected("a search key"))
                } else {
                    Ok(SearchKey::And(keys))
                };
            }
            Some(b'0'..=b'9' | b'*' | b'$') => return self.numbers(bounds).map(SearchKey::Numbers),
            _ => {}
        }
        let name = self
            .atom()
            .map_err(|_| SyntaxError::Expected("a search key"))?
            .to_ascii_uppercase();
        if let Some(key) = plain(&name) {
            return Ok(key);
        }
        self.space()
            .map_err(|_| SyntaxError::Expected("a search key and its argument"))?;
        match name.as_str() {
            "NOT" => Ok(SearchKey::Not(Box::new(self.search_key(deeper, bounds)?))),
            "FUZZY" => Ok(SearchKey::Fuzzy(Box::new(self.search_key(deeper, bounds)?))),
            "OR" => {
                let first = self.search_key(deeper, bounds)?;
                self.space()?;
                Ok(SearchKey::Or(
                    Box::new(first),
                    Box::new(self.search_key(deeper, bounds)?),
                ))
            }
            "UID" => self.numbers(bounds).map(SearchKey::Uids),
            _ => self.with_argument(&name),
        }
    }

    fn numbers(&mut self, bounds: &mut Bounds) -> Result<crate::types::SequenceSet, SyntaxError> {
        let set = self.sequence_set(bounds.elements)?;
        bounds.elements = bounds.elements.saturating_sub(set.ranges.len());
        Ok(set)
    }

    fn with_argument(&mut self, name: &str) -> Result<SearchKey, SyntaxError> {
        let field = |field, needle: String| SearchKey::Field(field, Sought::new(&needle));
        Ok(match name {
            "BCC" => field(SummaryField::Bcc, self.text()?),
            "CC" => field(SummaryField::Cc, self.text()?),
            "FROM" => field(SummaryField::From, self.text()?),
            "SUBJECT" => field(SummaryField::Subject, self.text()?),
            "TO" => field(SummaryField::To, self.text()?),
            "BODY" => SearchKey::Text(TextKey::Body(Sought::new(&self.text()?))),
            "TEXT" => SearchKey::Text(TextKey::Text(Sought::new(&self.text()?))),
            "HEADER" => self.header()?,
            "KEYWORD" => SearchKey::Keyword(self.atom()?.to_owned()),
            "UNKEYWORD" => not(SearchKey::Keyword(self.atom()?.to_owned())),
            // RFC 9738 §3.2
            "UIDAFTER" => {
                let above = self.nz_number()?.checked_add(1);
                among(above.map(|first| (first, u32::MAX)))
            }
            "UIDBEFORE" => among(Some((1, self.nz_number()? - 1)).filter(|(_, last)| *last > 0)),
            "LARGER" => SearchKey::Larger(self.number64()?),
            // RFC 5032 §3: an interval in seconds.
            "OLDER" => SearchKey::Older(self.nz_number()?),
            "YOUNGER" => SearchKey::Younger(self.nz_number()?),
            "SMALLER" => SearchKey::Smaller(self.number64()?),
            "BEFORE" => SearchKey::Before(self.date()?),
            "ON" => SearchKey::On(self.date()?),
            "SINCE" => SearchKey::Since(self.date()?),
            "SAVEDBEFORE" => SearchKey::SavedBefore(self.date()?),
            "SAVEDON" => SearchKey::SavedOn(self.date()?),
            "SAVEDSINCE" => SearchKey::SavedSince(self.date()?),
            "EMAILID" => EmailId::parse(self.object_id()?).map_or_else(nothing, SearchKey::Email),
            "THREADID" => {
                ThreadId::parse(self.object_id()?).map_or_else(nothing, SearchKey::Thread)
            }
            "SENTBEFORE" => SearchKey::SentBefore(self.date()?),
            "SENTON" => SearchKey::SentOn(self.date()?),
            "MODSEQ" => self.search_modseq()?,
            "SENTSINCE" => SearchKey::SentSince(self.date()?),
            _ => return Err(SyntaxError::Expected("a search key")),
        })
    }

    /// `objectid = 1*255(ALPHA / DIGIT / "_" / "-")`
    fn object_id(&mut self) -> Result<&str, SyntaxError> {
        let octets = self.take_while(|o| o.is_ascii_alphanumeric() || matches!(o, b'_' | b'-'));
        if octets.is_empty() || octets.len() > 255 {
            return Err(SyntaxError::Expected("an object identifier"));
        }
        std::str::from_utf8(octets).map_err(|_| SyntaxError::Encoding)
    }

    /// `HEADER name value`. Fields that clients search to find one message again are in the summary.
    fn header(&mut self) -> Result<SearchKey, SyntaxError> {
        let name = self.text()?;
        self.space()?;
        let value = Sought::new(&self.text()?);
        let kept = match name.to_ascii_lowercase().as_str() {
            "subject" => Some(SummaryField::Subject),
            "message-id" => Some(SummaryField::MessageId),
            "in-reply-to" => Some(SummaryField::InReplyTo),
            "references" => Some(SummaryField::References),
            _ => None,
        };
        Ok(match kept {
            Some(field) if !value.is_empty() => SearchKey::Field(field, value),
            _ => SearchKey::Text(TextKey::Header { name, value }),
        })
    }
}

/// The messages with these UIDs.
fn among(range: Option<(u32, u32)>) -> SearchKey {
    SearchKey::Among(Arc::new(UidSet::from_ranges(range)))
}

/// What no message matches.
fn nothing() -> SearchKey {
    not(SearchKey::And(Vec::new()))
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

/// Keys without an argument.
fn plain(name: &str) -> Option<SearchKey> {
    let flag = SearchKey::Flag;
    Some(match name {
        // RFC 8514 §4.3: every mailbox here knows when its messages were saved.
        "ALL" | "SAVEDATESUPPORTED" => SearchKey::And(Vec::new()),
        "ANSWERED" => flag(SystemFlag::Answered),
        "DELETED" => flag(SystemFlag::Deleted),
        "DRAFT" => flag(SystemFlag::Draft),
        "FLAGGED" => flag(SystemFlag::Flagged),
        "SEEN" => flag(SystemFlag::Seen),
        "UNANSWERED" => not(flag(SystemFlag::Answered)),
        "UNDELETED" => not(flag(SystemFlag::Deleted)),
        "UNDRAFT" => not(flag(SystemFlag::Draft)),
        "UNFLAGGED" => not(flag(SystemFlag::Flagged)),
        "UNSEEN" => not(flag(SystemFlag::Seen)),
        "RECENT" => SearchKey::Recent,
        "NEW" => SearchKey::And(vec![SearchKey::Recent, not(flag(SystemFlag::Seen))]),
        "OLD" => not(SearchKey::Recent),
        _ => return None,
    })
}
