//! What mailboxes are for (RFC 6154 §2).

/// What a mailbox is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// What CREATE is to make a mailbox for, or why it cannot. That is a NO, not a BAD: the syntax is right.
pub type UseArgument = Result<Option<SpecialUse>, UseError>;

/// Why a mailbox cannot be created for what CREATE says (RFC 6154 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UseError {
    /// An attribute of no meaning here.
    #[error("that special use is not known here")]
    Unknown,
    /// `\All` and `\Flagged` would show messages of other mailboxes, and no mailbox here does.
    #[error("mailboxes that show messages of others are not kept here")]
    Virtual,
    /// More than one use.
    #[error("a mailbox has one special use here")]
    Several,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Archive,
        Self::Drafts,
        Self::Flagged,
        Self::Junk,
        Self::Sent,
        Self::Trash,
    ];

    /// The attribute on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }

    /// The use that a client may give to a mailbox under these attributes, each with its backslash, in any case.
    ///
    /// # Errors
    /// [`UseError`] says why none can be given.
    pub fn of_new(attributes: &[String]) -> UseArgument {
        let mut found = None;
        for attribute in attributes {
            let known = |special_use: &Self| special_use.as_str().eq_ignore_ascii_case(attribute);
            let special_use = Self::ALL.into_iter().find(known).ok_or(UseError::Unknown)?;
            if matches!(special_use, Self::All | Self::Flagged) {
                return Err(UseError::Virtual);
            }
            if found.is_some_and(|before| before != special_use) {
                return Err(UseError::Several);
            }
            found = Some(special_use);
        }
        Ok(found)
    }
}
