//! LIST and LSUB as they are understood (RFC 3501 §6.3.8, §6.3.9, RFC 5258).

use crate::types::{EntryName, NameError, StatusItem};

/// LIST or LSUB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCommand {
    /// Which of them, and in which form.
    pub form: ListForm,
    /// Reference name and each pattern joined, in UTF-8; or why that cannot be a pattern.
    pub patterns: Vec<Result<String, NameError>>,
    /// Which names are wanted.
    pub selection: ListSelection,
    /// What is to be told of them.
    pub returns: ListReturn,
}

/// In which form names are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// LIST with a reference and a pattern.
    Plain,
    /// LIST with options, or with patterns in parentheses (RFC 5258 §1).
    Extended,
    /// LSUB.
    Lsub,
}

/// Selection options (RFC 5258 §3.1); all of them must be met. REMOTE is not among them: there are no remote mailboxes
/// here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListSelection {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `SPECIAL-USE` (RFC 6154 §2)
    pub special_use: bool,
    /// `RECURSIVEMATCH`
    pub recursive: bool,
}

impl ListSelection {
    /// Whether not every mailbox meets it.
    #[must_use]
    pub fn restricts(self) -> bool {
        self.subscribed || self.special_use
    }
}

/// Return options (RFC 5258 §3.2). CHILDREN and SPECIAL-USE are not among them: what they ask for is always told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListReturn {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `STATUS` (RFC 5819); empty if it was not asked for.
    pub status: Vec<StatusItem>,
    /// `MYRIGHTS` (RFC 8440)
    pub my_rights: bool,
    /// The entries of `METADATA` (RFC 9590); empty if it was not asked for.
    pub metadata: Vec<EntryName>,
}
