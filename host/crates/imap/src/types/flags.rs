//! Message flags (RFC 3501 §2.3.2): system flags as bits, keywords as atoms.

/// A flag that RFC 3501 defines and a client may set. `\Recent` is not one: the session owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SystemFlag {
    /// `\Seen`
    Seen = 1,
    /// `\Answered`
    Answered = 2,
    /// `\Flagged`
    Flagged = 4,
    /// `\Deleted`
    Deleted = 8,
    /// `\Draft`
    Draft = 16,
}

impl SystemFlag {
    /// All of them, in the order they are written.
    pub const ALL: [Self; 5] = [
        Self::Answered,
        Self::Flagged,
        Self::Deleted,
        Self::Seen,
        Self::Draft,
    ];

    /// The name on the wire, with its backslash.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "\\Seen",
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Draft => "\\Draft",
        }
    }

    /// The flag of that name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|flag| flag.as_str().eq_ignore_ascii_case(name))
    }
}

/// A set of flags: system flags as bits, keywords sorted (compared without case, kept as first written).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagSet {
    system: u8,
    keywords: Vec<String>,
}

impl FlagSet {
    /// From bits (`SystemFlag as u8`, others ignored) and keywords.
    #[must_use]
    pub fn new(bits: u8, keywords: Vec<String>) -> Self {
        let mut set = Self {
            system: bits & 31,
            keywords,
        };
        if set.keywords.len() > 1 {
            set.keywords
                .sort_by_cached_key(|word| word.to_ascii_lowercase());
            set.keywords.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        }
        set
    }

    /// Bits of the system flags: Seen 1, Answered 2, Flagged 4, Deleted 8, Draft 16.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.system
    }

    /// The keywords, sorted.
    #[must_use]
    pub fn keywords(&self) -> &[String] {
        &self.keywords
    }

    /// Whether a system flag is set.
    #[must_use]
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.system & flag as u8 != 0
    }

    /// Whether a keyword is set, in any case.
    #[must_use]
    pub fn has_keyword(&self, name: &str) -> bool {
        self.keywords
            .iter()
            .any(|word| word.eq_ignore_ascii_case(name))
    }

    /// Sets a system flag.
    pub fn insert(&mut self, flag: SystemFlag) {
        self.system |= flag as u8;
    }

    /// Adds all flags of `other`.
    pub fn add(&mut self, other: &Self) {
        let mut keywords = std::mem::take(&mut self.keywords);
        keywords.extend(other.keywords.iter().cloned());
        *self = Self::new(self.system | other.system, keywords);
    }

    /// Removes all flags of `other`.
    pub fn remove(&mut self, other: &Self) {
        self.system &= !other.system;
        self.keywords.retain(|word| !other.has_keyword(word));
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.system == 0 && self.keywords.is_empty()
    }
}
