//! Why an ask failed, in terms that have a response code (RFC 5530); the texts are in `encode/texts.rs`.

/// What the answering side could not do. Each becomes a tagged NO (or a BYE) with its response code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The mailbox, or the selected mailbox, is not there. `[NONEXISTENT]`; `[TRYCREATE]` for APPEND, COPY, MOVE.
    #[error("no such mailbox")]
    NonExistent,
    /// The selected mailbox was deleted meanwhile. `[NONEXISTENT]`
    #[error("the selected mailbox is gone")]
    Gone,
    /// Messages that were asked for by number are gone (RFC 2180 §4). `[EXPUNGEISSUED]`
    #[error("messages are gone")]
    Expunged,
    /// CREATE or RENAME to a name that is taken. `[ALREADYEXISTS]`
    #[error("the mailbox exists")]
    AlreadyExists,
    /// DELETE of a mailbox that has inferiors and cannot stay as a name. `[HASCHILDREN]` (RFC 9051)
    #[error("the mailbox has inferiors")]
    HasChildren,
    /// What was asked is never possible (DELETE INBOX, a name the store refuses). `[CANNOT]`
    #[error("not possible: {0}")]
    Cannot(String),
    /// CREATE for a use that cannot be given; says why. `[USEATTR]` (RFC 6154 §3)
    #[error("special use: {0}")]
    SpecialUse(String),
    /// Policy or the mailbox does not allow it. `[NOPERM]`
    #[error("not permitted")]
    NoPermission,
    /// A quota would be exceeded; the text is for the user. `[OVERQUOTA]`
    #[error("over quota: {0}")]
    OverQuota(String),
    /// The message is larger than is taken. `[TOOBIG]` (RFC 7889 §4)
    #[error("message too large")]
    TooLarge,
    /// What is appended cannot be kept so that every client can read it. `[UNKNOWN-CTE]` (RFC 3516 §4.4)
    #[error("no transfer encoding fits")]
    UnknownEncoding,
    /// The value of an entry is larger than this. `[METADATA MAXSIZE]` (RFC 5464 §4.3)
    #[error("metadata of more than {0} octets")]
    MetadataSize(u64),
    /// No more entries can be kept. `[METADATA TOOMANY]` (RFC 5464 §4.3)
    #[error("too much metadata")]
    MetadataTooMany,
    /// Some other bound was reached (too many mailboxes, keywords …). `[LIMIT]`
    #[error("limit reached: {0}")]
    Limit(String),
    /// Credentials were wrong, or policy refused the login. `[AUTHENTICATIONFAILED]`
    #[error("authentication failed")]
    AuthenticationFailed,
    /// The credentials hold, but not for the authorisation identity asked for. `[AUTHORIZATIONFAILED]`
    #[error("authorisation failed")]
    AuthorizationFailed,
    /// Refused by policy with a sentence for the peer, e.g. locked out after guessing. `[CONTACTADMIN]`
    #[error("refused: {0}")]
    Refused(String),
    /// Something on this side is broken or busy; `reference` finds the cause in the log. `[UNAVAILABLE]`
    #[error("unavailable ({reference})")]
    Unavailable {
        /// Reference under which the operator finds the chain of causes; may be empty.
        reference: String,
    },
    /// The session must end: `* BYE` with this sentence, then close.
    #[error("disconnect: {0}")]
    Disconnect(String),
}
