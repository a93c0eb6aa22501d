//! Search keys (RFC 3501 §6.4.4). A date is in days since 1970.

use crate::types::{EmailId, SequenceSet, SystemFlag, TextKey};

/// A search key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchKey {
    /// All of these; `ALL` is the empty list.
    And(Vec<SearchKey>),
    /// One of both.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// Not this.
    Not(Box<SearchKey>),
    /// Message numbers.
    Numbers(SequenceSet),
    /// `UID set`
    Uids(SequenceSet),
    /// `\Recent`
    Recent,
    /// A system flag.
    Flag(SystemFlag),
    /// A keyword.
    Keyword(String),
    /// `LARGER n`
    Larger(u64),
    /// `SMALLER n`
    Smaller(u64),
    /// `BEFORE`, by the internal date.
    Before(i64),
    /// `ON`
    On(i64),
    /// `SINCE`
    Since(i64),
    /// `SAVEDBEFORE`, by when it was saved in this mailbox (RFC 8514).
    SavedBefore(i64),
    /// `SAVEDON`
    SavedOn(i64),
    /// `SAVEDSINCE`
    SavedSince(i64),
    /// `EMAILID` (RFC 8474)
    Email(EmailId),
    /// `SENTBEFORE`, by the Date field.
    SentBefore(i64),
    /// `SENTON`
    SentOn(i64),
    /// `SENTSINCE`
    SentSince(i64),
    /// A field that the summary holds contains this, which is folded already.
    Field(SummaryField, String),
    /// What needs the text.
    Text(TextKey),
}

/// Fields that are searched without the message's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryField {
    /// Bcc
    Bcc,
    /// Cc
    Cc,
    /// From
    From,
    /// Subject
    Subject,
    /// To
    To,
    /// Message-ID
    MessageId,
    /// In-Reply-To
    InReplyTo,
    /// References
    References,
}
