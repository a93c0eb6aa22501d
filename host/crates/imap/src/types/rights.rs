//! What may be done in a mailbox (RFC 4314 §2.1).

use std::fmt;

use crate::types::{FlagSet, SystemFlag};

/// A set of rights.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rights(u16);

/// RFC 4314 §2.1.1: the virtual right `c` stands for these.
const CREATE: Rights = Rights(Rights::MAKE.0 | Rights::REMOVE.0);
/// The same of `d`.
const DELETE: Rights = Rights(Rights::EXPUNGE.0 | Rights::DELETED.0);

impl Rights {
    /// None.
    pub const NONE: Self = Self(0);
    /// `l`: the mailbox is visible.
    pub const LOOKUP: Self = Self(1);
    /// `r`: SELECT, STATUS.
    pub const READ: Self = Self(2);
    /// `s`: set and clear `\Seen`.
    pub const SEEN: Self = Self(4);
    /// `w`: set and clear flags other than `\Seen` and `\Deleted`.
    pub const WRITE: Self = Self(8);
    /// `i`: APPEND and COPY into it.
    pub const INSERT: Self = Self(16);
    /// `p`: send to it; not enforced by IMAP.
    pub const POST: Self = Self(32);
    /// `k`: create mailboxes below it.
    pub const MAKE: Self = Self(64);
    /// `x`: delete and rename it.
    pub const REMOVE: Self = Self(128);
    /// `t`: set and clear `\Deleted`.
    pub const DELETED: Self = Self(256);
    /// `e`: EXPUNGE.
    pub const EXPUNGE: Self = Self(512);
    /// `a`: read and change who may what.
    pub const ADMINISTER: Self = Self(1024);
    /// All of them: the owner's.
    pub const ALL: Self = Self(2047);

    /// Each with its letter.
    const LETTERS: [(Self, char); 11] = [
        (Self::LOOKUP, 'l'),
        (Self::READ, 'r'),
        (Self::SEEN, 's'),
        (Self::WRITE, 'w'),
        (Self::INSERT, 'i'),
        (Self::POST, 'p'),
        (Self::MAKE, 'k'),
        (Self::REMOVE, 'x'),
        (Self::DELETED, 't'),
        (Self::EXPUNGE, 'e'),
        (Self::ADMINISTER, 'a'),
    ];

    /// From bits; unknown bits are dropped.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// As bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all of `other` are among them.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is among them.
    #[must_use]
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The rights that these letters mean; `None` if one of them means none.
    #[must_use]
    pub fn parse(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self::NONE, |rights, letter| {
            let mut known = Self::LETTERS.iter();
            let meant = match letter {
                'c' => CREATE,
                'd' => DELETE,
                other => known.find(|(_, known)| *known == other)?.0,
            };
            Some(rights.with(meant))
        })
    }

    /// RFC 4314 §5.2: whether a mailbox is READ-WRITE for whoever has them. All flags are shared here, `\Seen` among them.
    #[must_use]
    pub const fn writes(self) -> bool {
        let any = Self::INSERT
            .with(Self::EXPUNGE)
            .with(Self::SEEN)
            .with(Self::WRITE)
            .with(Self::DELETED);
        self.has_any(any)
    }

    /// The right to set and clear a system flag (RFC 4314 §4).
    #[must_use]
    pub const fn of_flag(flag: SystemFlag) -> Self {
        match flag {
            SystemFlag::Seen => Self::SEEN,
            SystemFlag::Deleted => Self::DELETED,
            SystemFlag::Answered | SystemFlag::Flagged | SystemFlag::Draft => Self::WRITE,
        }
    }

    /// Those of these flags that may be set and cleared.
    #[must_use]
    pub fn permitted(self, flags: &FlagSet) -> FlagSet {
        let words = if self.has(Self::WRITE) {
            flags.keywords().to_vec()
        } else {
            Vec::new()
        };
        let mut permitted = FlagSet::new(0, words);
        for flag in SystemFlag::ALL {
            if flags.has(flag) && self.has(Self::of_flag(flag)) {
                permitted.insert(flag);
            }
        }
        permitted
    }

    /// Each of them alone, as LISTRIGHTS tells what can be granted, with the virtual rights.
    pub(crate) fn letters(self) -> impl Iterator<Item = char> {
        let create = self.has_any(CREATE).then_some('c');
        let delete = self.has_any(DELETE).then_some('d');
        let real = move |(right, letter): (Self, char)| self.has(right).then_some(letter);
        let [plain @ .., administer] = Self::LETTERS;
        let plain = plain.into_iter().filter_map(real);
        // RFC 4314 §2.1.1: for older clients.
        plain.chain(create).chain(delete).chain(real(administer))
    }
}

/// As responses have them, with the virtual rights.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.letters().try_for_each(|letter| write!(f, "{letter}"))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// What SETACL and DELETEACL do with the rights of an identifier (RFC 4314 §3.1, §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsChange {
    /// It has these and no others; none at all: it is in the list no longer.
    Replace(Rights),
    /// `+`: it has these, too.
    Add(Rights),
    /// `-`: it has these no longer.
    Remove(Rights),
}

impl RightsChange {
    /// `mod-rights`; `None` if a letter means no right.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(letters) = text.strip_prefix('+') {
            return Rights::parse(letters).map(Self::Add);
        }
        if let Some(letters) = text.strip_prefix('-') {
            return Rights::parse(letters).map(Self::Remove);
        }
        Rights::parse(text).map(Self::Replace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_rights_are_taken_and_told() {
        let told = |letters| Rights::parse(letters).map(|rights| rights.to_string());
        // The examples of RFC 4314 §2.1.1.
        assert_eq!(told("lrswida").as_deref(), Some("lrswiteda"));
        assert_eq!(told("lrswikda").as_deref(), Some("lrswiktecda"));
        assert_eq!(told("").as_deref(), Some(""));
        assert_eq!(Rights::ALL.to_string(), "lrswipkxtecda");
        // §3.1
        assert_eq!(Rights::parse("lrQswicda"), None);
        assert_eq!(Rights::parse("lrqswicda"), None);
        assert_eq!(Rights::parse("lr0"), None);
    }

    #[test]
    fn letters_come_back() {
        for bits in 0..=Rights::ALL.bits() {
            let rights = Rights::from_bits(bits);
            let plain: String = rights.letters().filter(|it| !"cd".contains(*it)).collect();
            assert_eq!(Rights::parse(&plain), Some(rights));
        }
    }

    #[test]
    fn flags_are_permitted_by_their_right() {
        let flags = FlagSet::new(31, vec!["word".to_owned()]);
        let bits = |letters| {
            let permitted = Rights::parse(letters).unwrap().permitted(&flags);
            (permitted.bits(), permitted.keywords().len())
        };
        assert_eq!(bits("lri"), (0, 0));
        assert_eq!(bits("s"), (1, 0));
        assert_eq!(bits("t"), (8, 0));
        assert_eq!(bits("w"), (22, 1));
        assert_eq!(bits("swt"), (31, 1));
    }
}
