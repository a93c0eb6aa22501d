//! Commands as they are understood (RFC 3501 §6), APPEND excepted, whose message streams.

use crate::ask::FlagAction;
use crate::types::{
    EntryName, EntryValues, FetchItem, FetchModifiers, FlagSet, InternalDate, ListCommand,
    MailboxFilter, MailboxName, MetadataOptions, NameError, NotifyCommand, Returns, RightsChange,
    SearchKey, SelectParameters, SequenceSet, SortCriterion, SortKey, ThreadAlgorithm, UseArgument,
};

/// A mailbox argument: a name, or why it is none. That is a NO, not a BAD: the syntax is right.
pub type MailboxArgument = Result<MailboxName, NameError>;

/// A command.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// `CAPABILITY`
    Capability,
    /// `NOOP`, and `CHECK`, which does the same here: everything is durable before its OK.
    Noop {
        /// It was `CHECK`, which needs a selected mailbox.
        check: bool,
    },
    /// `LOGOUT`
    Logout,
    /// `UNAUTHENTICATE` (RFC 8437)
    Unauthenticate,
    /// `COMPRESS DEFLATE` (RFC 4978)
    Compress,
    /// `ID` (RFC 2971); what the client says of itself is not kept.
    Id,
    /// `ENABLE` (RFC 5161) with the names of extensions.
    Enable(Vec<String>),
    /// `STARTTLS`
    StartTls,
    /// `AUTHENTICATE`
    Authenticate {
        /// Mechanism's name.
        mechanism: String,
        /// Initial response (RFC 4959), as it stands.
        initial: Option<Vec<u8>>,
    },
    /// `LOGIN`
    Login {
        /// User.
        user: String,
        /// Password.
        password: String,
    },
    /// `SELECT`, `EXAMINE`
    Select {
        /// Which.
        mailbox: MailboxArgument,
        /// What was given for it, if that is not its name as LIST shows it.
        given: Option<String>,
        /// `EXAMINE`
        read_only: bool,
        /// What stands behind it.
        parameters: SelectParameters,
    },
    /// `CREATE`
    Create {
        /// Which.
        mailbox: MailboxArgument,
        /// What it is for (RFC 6154 §3).
        special_use: UseArgument,
    },
    /// `DELETE`
    Delete(MailboxArgument),
    /// `RENAME`
    Rename {
        /// Old name.
        from: MailboxArgument,
        /// New name.
        to: MailboxArgument,
    },
    /// `SUBSCRIBE`, `UNSUBSCRIBE`
    Subscribe {
        /// Which.
        mailbox: MailboxArgument,
        /// `SUBSCRIBE`
        subscribed: bool,
    },
    /// `LIST`, `LSUB`
    List(ListCommand),
    /// `STATUS`
    Status {
        /// Which.
        mailbox: MailboxArgument,
        /// What.
        items: Vec<StatusItem>,
    },
    /// `GETMETADATA` (RFC 5464 §4.2)
    GetMetadata {
        /// Of which mailbox; `None` for the server.
        mailbox: Option<MailboxArgument>,
        /// How much of it.
        options: MetadataOptions,
        /// Which entries.
        entries: Vec<EntryName>,
    },
    /// `SETMETADATA` (RFC 5464 §4.3)
    SetMetadata {
        /// Of which mailbox; `None` for the server.
        mailbox: Option<MailboxArgument>,
        /// Which entries, with their new values.
        values: EntryValues,
    },
    /// `GETQUOTA` (RFC 9208 §4.1.1) with the name of a quota root.
    GetQuota(String),
    /// `GETQUOTAROOT` (RFC 9208 §4.1.2)
    GetQuotaRoot(MailboxArgument),
    /// `SETQUOTA` (RFC 9208 §4.1.3), which is not offered: limits are policy's.
    SetQuota,
    /// `SETACL`, and `DELETEACL`, which leaves no rights (RFC 4314 §3.1, §3.2).
    SetAcl {
        /// Which mailbox.
        mailbox: MailboxArgument,
        /// Whose rights.
        identifier: String,
        /// What becomes of them.
        change: RightsChange,
        /// `DELETEACL`
        delete: bool,
    },
    /// `GETACL` (RFC 4314 §3.3)
    GetAcl(MailboxArgument),
    /// `LISTRIGHTS` (RFC 4314 §3.4)
    ListRights {
        /// Which mailbox.
        mailbox: MailboxArgument,
        /// Whose rights.
        identifier: String,
    },
    /// `MYRIGHTS` (RFC 4314 §3.5)
    MyRights(MailboxArgument),
    /// `NAMESPACE` (RFC 2342)
    Namespace,
    /// `GETJMAPACCESS` (RFC 9698 §4)
    GetJmapAccess,
    /// `CLOSE`, or `UNSELECT` (RFC 3691)
    Close {
        /// Without expunging.
        unselect: bool,
    },
    /// `EXPUNGE`, `UID EXPUNGE` (RFC 4315)
    Expunge(Option<SequenceSet>),
    /// `SEARCH`
    Search {
        /// `UID SEARCH`
        uid: bool,
        /// `RETURN (…)` (RFC 4731)
        returns: Option<Returns>,
        /// What is fetched of messages that come into a result that is updated (RFC 5465 §7).
        fetched: Vec<FetchItem>,
        /// A charset was named.
        charset: bool,
        /// `None`: a charset that is not supported.
        key: Option<SearchKey>,
    },
    /// `ESEARCH` (RFC 7377)
    EsearchIn {
        /// Which mailboxes are searched.
        sources: Vec<MailboxFilter>,
        /// `RETURN (…)`
        returns: Option<Returns>,
        /// A charset was named.
        charset: bool,
        /// `None`: a charset that is not supported.
        key: Option<SearchKey>,
    },
    /// `SORT` (RFC 5256)
    Sort {
        /// `UID SORT`
        uid: bool,
        /// `RETURN (…)` (RFC 5267 §3)
        returns: Option<Returns>,
        /// What is fetched of messages that come into a result that is updated (RFC 5465 §7).
        fetched: Vec<FetchItem>,
        /// In what order.
        criteria: Vec<SortCriterion>,
        /// `None`: a charset that is not supported.
        key: Option<SearchKey>,
    },
    /// `THREAD` (RFC 5256)
    Thread {
        /// `UID THREAD`
        uid: bool,
        /// How messages are grouped.
        algorithm: ThreadAlgorithm,
        /// `None`: a charset that is not supported.
        key: Option<SearchKey>,
    },
    /// `FETCH`
    Fetch {
        /// `UID FETCH`
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What of them.
        items: Vec<FetchItem>,
        /// Of which of them.
        modifiers: FetchModifiers,
    },
    /// `STORE`
    Store {
        /// `UID STORE`
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// How.
        action: FlagAction,
        /// `.SILENT`
        silent: bool,
        /// Which flags.
        flags: FlagSet,
        /// `UNCHANGEDSINCE`: only where the modification sequence is no higher (RFC 7162 §3.1.3).
        unchanged_since: Option<u64>,
    },
    /// `COPY`, `MOVE` (RFC 6851)
    Copy {
        /// `UID COPY`, `UID MOVE`
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        mailbox: MailboxArgument,
        /// `MOVE`
        moving: bool,
    },
    /// `IDLE` (RFC 2177)
    Idle,
    /// `CANCELUPDATE` (RFC 5267) with the tags of searches.
    CancelUpdate(Vec<String>),
    /// `NOTIFY` (RFC 5465)
    Notify(NotifyCommand),
}

impl Command {
    /// Whether relevancy is asked for of what is not matched fuzzily (RFC 6203 §4, §6).
    #[must_use]
    pub fn misses_fuzzy(&self) -> bool {
        let (returns, criteria, key): (_, &[SortCriterion], _) = match self {
            Self::Search { returns, key, .. } | Self::EsearchIn { returns, key, .. } => {
                (returns, &[], key)
            }
            Self::Sort {
                returns,
                criteria,
                key,
                ..
            } => (returns, criteria, key),
            _ => return false,
        };
        let relevancy = returns.is_some_and(|returns| returns.relevancy)
            || criteria.iter().any(|by| by.key == SortKey::Relevancy);
        relevancy && key.as_ref().is_some_and(|key| !key.is_fuzzy())
    }

    /// Whether it names messages by their numbers, or would be answered with such.
    #[must_use]
    pub fn names_numbers(&self) -> bool {
        let numbers = |key: &Option<SearchKey>| key.as_ref().is_some_and(SearchKey::has_numbers);
        match self {
            Self::Search { uid, key, .. }
            | Self::Sort { uid, key, .. }
            | Self::Thread { uid, key, .. } => !uid || numbers(key),
            Self::EsearchIn { key, .. } => numbers(key),
            Self::Fetch { uid, .. } | Self::Store { uid, .. } | Self::Copy { uid, .. } => !uid,
            _ => false,
        }
    }
}

/// What STATUS asks for (RFC 3501 §6.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusItem {
    /// `MESSAGES`
    Messages,
    /// `RECENT`
    Recent,
    /// `UIDNEXT`
    UidNext,
    /// `UIDVALIDITY`
    UidValidity,
    /// `UNSEEN`
    Unseen,
    /// `DELETED` (RFC 9051 §6.3.11)
    Deleted,
    /// `DELETED-STORAGE` (RFC 9208 §4.1.4)
    DeletedStorage,
    /// `SIZE` (RFC 8438)
    Size,
    /// `APPENDLIMIT` (RFC 7889)
    AppendLimit,
    /// `MAILBOXID` (RFC 8474)
    MailboxId,
    /// `HIGHESTMODSEQ` (RFC 7162 §3.1.7)
    HighestModSeq,
}

impl StatusItem {
    /// Whether what has `\Deleted` is to be counted for it.
    #[must_use]
    pub fn of_deleted(self) -> bool {
        matches!(self, Self::Deleted | Self::DeletedStorage)
    }

    /// All of them with their names.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Messages, "MESSAGES"),
        (Self::Recent, "RECENT"),
        (Self::UidNext, "UIDNEXT"),
        (Self::UidValidity, "UIDVALIDITY"),
        (Self::Unseen, "UNSEEN"),
        (Self::Deleted, "DELETED"),
        (Self::DeletedStorage, "DELETED-STORAGE"),
        (Self::Size, "SIZE"),
        (Self::AppendLimit, "APPENDLIMIT"),
        (Self::MailboxId, "MAILBOXID"),
        (Self::HighestModSeq, "HIGHESTMODSEQ"),
    ];
}

/// What stands before the first message in an APPEND command (RFC 3501 §6.3.11), or before that of REPLACE (RFC 8508 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendHead {
    /// Which message of the selected mailbox the new one replaces, for REPLACE.
    pub replaces: Option<Replaced>,
    /// Target.
    pub mailbox: MailboxArgument,
    /// What is said of the message.
    pub message: AppendMessage,
}

/// The message that REPLACE is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// It is named by its UID.
    pub uid: bool,
    /// Its number, or UID: a set of one.
    pub message: SequenceSet,
}

/// What is said of a message in an APPEND command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendMessage {
    /// Flags.
    pub flags: FlagSet,
    /// When it came to be.
    pub internal_date: Option<InternalDate>,
    /// It stands in `UTF8 (…)` (RFC 6855 §4).
    pub utf8: bool,
    /// It is put together from parts: the first of these (RFC 4469).
    pub catenate: Option<CatenateSegment>,
}

/// Parts of a message that stand one behind another in a line (RFC 4469).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatenateSegment {
    /// URLs of messages and parts of them.
    pub urls: Vec<Vec<u8>>,
    /// What comes behind them.
    pub end: CatenateEnd,
}

/// What comes behind some parts of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatenateEnd {
    /// A text, in a literal.
    Text {
        /// It stands in `UTF8 (…)` (RFC 6855 §4).
        utf8: bool,
    },
    /// A URL, in a literal.
    Url,
    /// The end of the message, with what of the line comes behind it.
    Closed(Vec<u8>),
}
