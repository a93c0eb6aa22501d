//! Flags and keywords of a message (RFC 3501 §2.3.2).
//!
//! System flags are bits; keywords are atoms kept with the spelling first seen, compared without case.
//! `\Recent` is no flag here: see [`crate::Snapshot::recent_from`].

use crate::{Error, Result};

/// System flags as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// `\Seen`
    pub const SEEN: Flags = Flags(1);
    /// `\Answered`
    pub const ANSWERED: Flags = Flags(2);
    /// `\Flagged`
    pub const FLAGGED: Flags = Flags(4);
    /// `\Deleted`
    pub const DELETED: Flags = Flags(8);
    /// `\Draft`
    pub const DRAFT: Flags = Flags(16);
    /// Every flag.
    pub const ALL: Flags = Flags(31);

    /// From bits; unknown bits are dropped.
    pub const fn from_bits(bits: u8) -> Flags {
        Flags(bits & Flags::ALL.0)
    }

    /// As bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` are set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// These without `other`.
    #[must_use]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        self.with(other)
    }
}

/// What STORE does with the named flags (RFC 3501 §6.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagOperation {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// A change of flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagChange {
    /// Add, remove or replace.
    pub operation: FlagOperation,
    /// The system flags named.
    pub flags: Flags,
    /// The keywords named.
    pub keywords: Vec<String>,
    /// RFC 7162 §3.1.3: messages with a higher modification sequence stay as they are and are reported.
    pub unchanged_since: Option<u64>,
}

/// Which flags an operation may touch; the others stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagScope {
    /// These system flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: bool,
}

impl FlagScope {
    /// All flags.
    pub const ALL: FlagScope = FlagScope {
        flags: Flags::ALL,
        keywords: true,
    };

    /// Those of these flags that it covers.
    #[must_use]
    pub const fn of(self, flags: Flags) -> Flags {
        Flags(flags.0 & self.flags.0)
    }
}

/// Most keywords of one message.
pub const MAX_KEYWORDS: usize = 64;
/// Longest keyword, in bytes.
pub const MAX_KEYWORD: usize = 128;

/// Keywords as the database has them: sorted as first given, one space between.
pub(crate) fn join_keywords(keywords: &[String]) -> Result<String> {
    let mut kept: Vec<&str> = Vec::with_capacity(keywords.len());
    for keyword in keywords {
        check_keyword(keyword)?;
        if !kept.iter().any(|k| k.eq_ignore_ascii_case(keyword)) {
            kept.push(keyword);
        }
        if kept.len() > MAX_KEYWORDS {
            return Err(Error::TooLarge {
                what: "list of keywords",
                size: keywords.len(),
                limit: MAX_KEYWORDS,
            });
        }
    }
    Ok(kept.join(" "))
}

/// The keywords of a database value.
pub(crate) fn split_keywords(text: &str) -> Vec<String> {
    text.split(' ')
        .filter(|k| !k.is_empty())
        .map(str::to_owned)
        .collect()
}

/// RFC 3501 §9: `flag-keyword = atom`.
fn check_keyword(keyword: &str) -> Result<()> {
    if keyword.len() > MAX_KEYWORD {
        return Err(Error::TooLarge {
            what: "keyword",
            size: keyword.len(),
            limit: MAX_KEYWORD,
        });
    }
    let special = |c: char| {
        !c.is_ascii_graphic() || matches!(c, '(' | ')' | '{' | '%' | '*' | '"' | '\\' | ']')
    };
    if keyword.is_empty() || keyword.chars().any(special) {
        return Err(Error::InvalidName {
            name: keyword.to_owned(),
            reason: "a keyword is an IMAP atom",
        });
    }
    Ok(())
}

impl FlagChange {
    /// The flags and keywords that a message has after this change, which reaches no further than `scope`.
    pub(crate) fn apply(
        &self,
        flags: Flags,
        keywords: &[String],
        scope: FlagScope,
    ) -> Result<(Flags, Vec<String>)> {
        let (had, labels) = (flags, keywords);
        let named = |k: &String| self.keywords.iter().any(|n| n.eq_ignore_ascii_case(k));
        let (flags, keywords) = match self.operation {
            FlagOperation::Replace => (self.flags, self.keywords.clone()),
            FlagOperation::Remove => (
                flags.without(self.flags),
                keywords.iter().filter(|k| !named(k)).cloned().collect(),
            ),
            FlagOperation::Add => {
                let new = self
                    .keywords
                    .iter()
                    .filter(|n| !keywords.iter().any(|k| k.eq_ignore_ascii_case(n)));
                (
                    flags.with(self.flags),
                    keywords.iter().chain(new).cloned().collect(),
                )
            }
        };
        let flags = had.without(scope.flags) | scope.of(flags);
        let keywords = if scope.keywords {
            keywords
        } else {
            labels.to_vec()
        };
        Ok((flags, split_keywords(&join_keywords(&keywords)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(operation: FlagOperation, flags: Flags, keywords: &[&str]) -> FlagChange {
        FlagChange {
            operation,
            flags,
            keywords: keywords.iter().map(|k| (*k).to_owned()).collect(),
            unchanged_since: None,
        }
    }

    #[test]
    fn adds_removes_and_replaces() {
        let had = vec!["$Forwarded".to_owned()];
        let add = change(FlagOperation::Add, Flags::FLAGGED, &["$forwarded", "work"]);
        assert_eq!(
            add.apply(Flags::SEEN, &had, FlagScope::ALL).unwrap(),
            (
                Flags::SEEN | Flags::FLAGGED,
                vec!["$Forwarded".to_owned(), "work".to_owned()]
            )
        );
        let remove = change(FlagOperation::Remove, Flags::SEEN, &["$FORWARDED"]);
        assert_eq!(
            remove.apply(Flags::SEEN, &had, FlagScope::ALL).unwrap(),
            (Flags::NONE, vec![])
        );
        let replace = change(FlagOperation::Replace, Flags::DRAFT, &["a", "A"]);
        assert_eq!(
            replace.apply(Flags::SEEN, &had, FlagScope::ALL).unwrap(),
            (Flags::DRAFT, vec!["a".to_owned()])
        );
    }

    #[test]
    fn what_is_out_of_scope_stays() {
        let had = vec!["work".to_owned()];
        let before = Flags::SEEN | Flags::FLAGGED;
        let scope = FlagScope {
            flags: Flags::SEEN | Flags::DELETED,
            keywords: false,
        };
        for (operation, after) in [
            (FlagOperation::Replace, Flags::DELETED | Flags::FLAGGED),
            (FlagOperation::Add, before | Flags::DELETED),
            (FlagOperation::Remove, before),
        ] {
            let change = change(operation, Flags::DELETED | Flags::DRAFT, &["play"]);
            let changed = change.apply(before, &had, scope).unwrap();
            assert_eq!(changed, (after, had.clone()), "{operation:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_atom() {
        for bad in ["", "two words", "\\Seen", "a(b", "nul\0", "ümlaut"] {
            assert!(join_keywords(&[bad.to_owned()]).is_err(), "{bad:?}");
        }
    }
}
