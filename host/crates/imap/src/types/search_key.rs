//! Search keys (RFC 3501 §6.4.4). A date is in days since 1970.

use std::sync::Arc;

use waxwing_message::Sought;

use crate::types::{EmailId, SequenceSet, SystemFlag, TextKey, ThreadId, UidSet};

/// A search key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchKey {
    /// All of these; `ALL` is the empty list.
    And(Vec<SearchKey>),
    /// One of both.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// Not this.
    Not(Box<SearchKey>),
    /// This, as far as texts are concerned by what is like them (RFC 6203).
    Fuzzy(Box<SearchKey>),
    /// Message numbers.
    Numbers(SequenceSet),
    /// `UID set`
    Uids(SequenceSet),
    /// These messages, which were named by number, saved, or bounded (RFC 9738 §3.2).
    Among(Arc<UidSet>),
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
    /// `THREADID` (RFC 8474)
    Thread(ThreadId),
    /// `OLDER n`: by the internal date, seconds before now (RFC 5032).
    Older(u32),
    /// `YOUNGER n`
    Younger(u32),
    /// `SENTBEFORE`, by the Date field.
    SentBefore(i64),
    /// `SENTON`
    SentOn(i64),
    /// `SENTSINCE`
    SentSince(i64),
    /// `MODSEQ n`: that modification sequence or a higher one (RFC 7162 §3.1.5).
    ModSeq(u64),
    /// A field that the summary holds contains this.
    Field(SummaryField, Sought),
    /// What needs the text.
    Text(TextKey),
}

impl SearchKey {
    /// The lowest modification sequence that is asked for; `None` if none is.
    #[must_use]
    pub fn lowest_modseq(&self) -> Option<u64> {
        match self {
            Self::ModSeq(modseq) => Some(*modseq),
            Self::And(keys) => keys.iter().filter_map(Self::lowest_modseq).min(),
            Self::Or(first, second) => {
                let both = [first, second];
                both.into_iter().filter_map(|key| key.lowest_modseq()).min()
            }
            Self::Not(key) | Self::Fuzzy(key) => key.lowest_modseq(),
            _ => None,
        }
    }

    /// Whether message numbers are among the criteria.
    #[must_use]
    pub fn has_numbers(&self) -> bool {
        match self {
            Self::Numbers(set) => !set.ranges.is_empty(),
            other => other.within(Self::has_numbers),
        }
    }

    /// Whether something in it is matched fuzzily.
    #[must_use]
    pub fn is_fuzzy(&self) -> bool {
        matches!(self, Self::Fuzzy(_)) || self.within(Self::is_fuzzy)
    }

    /// Whether it has to be known what time it is.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        matches!(self, Self::Older(_) | Self::Younger(_)) || self.within(Self::needs_time)
    }

    /// The same with those messages in it that numbers and `$` mean now; `numbered` says of numbers what they mean.
    #[must_use]
    pub(crate) fn frozen(
        self,
        numbered: &dyn Fn(&SequenceSet) -> UidSet,
        saved: &Arc<UidSet>,
    ) -> Self {
        let within = |key: Box<Self>| Box::new(key.frozen(numbered, saved));
        match self {
            Self::And(keys) => {
                let keys = keys.into_iter().map(|key| key.frozen(numbered, saved));
                Self::And(keys.collect())
            }
            Self::Or(first, second) => Self::Or(within(first), within(second)),
            Self::Not(key) => Self::Not(within(key)),
            Self::Fuzzy(key) => Self::Fuzzy(within(key)),
            Self::Numbers(set) if set.saved => Self::Among(Arc::new(numbered(&set).union(saved))),
            Self::Numbers(set) => Self::Among(Arc::new(numbered(&set))),
            Self::Uids(SequenceSet {
                ranges,
                saved: true,
            }) => {
                let uids = Self::Uids(SequenceSet {
                    ranges,
                    saved: false,
                });
                Self::Or(Box::new(uids), Box::new(Self::Among(Arc::clone(saved))))
            }
            other => other,
        }
    }

    /// About how many octets it takes.
    #[must_use]
    pub(crate) fn weight(&self) -> usize {
        const KEY: usize = 64;
        let own = match self {
            Self::And(keys) => keys.iter().map(Self::weight).sum(),
            Self::Or(first, second) => first.weight() + second.weight(),
            Self::Not(key) | Self::Fuzzy(key) => key.weight(),
            Self::Numbers(set) | Self::Uids(set) => set.ranges.len() * 16,
            Self::Among(uids) => uids.ranges().count() * 12,
            Self::Keyword(text) => text.len(),
            Self::Field(_, text) | Self::Text(TextKey::Body(text) | TextKey::Text(text)) => {
                text.takes()
            }
            Self::Text(TextKey::Header { name, value }) => name.len() + value.takes(),
            _ => 0,
        };
        KEY + own
    }

    /// Whether this holds for a key inside this one.
    fn within(&self, holds: impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::And(keys) => keys.iter().any(holds),
            Self::Or(first, second) => holds(first) || holds(second),
            Self::Not(key) | Self::Fuzzy(key) => holds(key),
            _ => false,
        }
    }
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

impl SummaryField {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Bcc,
        Self::Cc,
        Self::From,
        Self::Subject,
        Self::To,
        Self::MessageId,
        Self::InReplyTo,
        Self::References,
    ];
}
