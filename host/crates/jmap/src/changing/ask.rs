//! What the methods that change something ask.

use crate::id::{AccountId, BlobId, ContentId, EmailId, MailboxId, ThreadId};
use crate::mail::Role;

/// What a request wants changed in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeAsk {
    /// How the account is before something changes, and what only the other side knows. → [`ChangeAnswer::Begun`]
    Begin {
        /// Whose.
        account: AccountId,
    },
    /// Change emails with one commit, each as a whole or not at all. → [`ChangeAnswer::Emails`]
    Emails {
        /// Whose.
        account: AccountId,
        /// Which, each once, and how.
        changes: Vec<(EmailId, EmailChange)>,
    },
    /// Put a message together and store it. → [`ChangeAnswer::Stored`]
    Compose {
        /// Whose.
        account: AccountId,
        /// Its octets, in order.
        pieces: Vec<Piece>,
        /// Where it goes.
        placing: Placing,
    },
    /// Store an upload, or a part of a message, as a message. → [`ChangeAnswer::Stored`]
    Import {
        /// Whose.
        account: AccountId,
        /// What.
        blob: BlobId,
        /// Where it goes.
        placing: Placing,
    },
    /// Change a mailbox as a whole, or create one. → [`ChangeAnswer::Shaped`]
    Shape {
        /// Whose.
        account: AccountId,
        /// Which; none: a new one.
        mailbox: Option<MailboxId>,
        /// What is to be so.
        shape: MailboxShape,
    },
    /// Remove a mailbox that no other is in. → [`ChangeAnswer::Shaped`]
    RemoveMailbox {
        /// Whose.
        account: AccountId,
        /// Which.
        mailbox: MailboxId,
        /// Also if there are emails in it.
        with_emails: bool,
    },
    /// Store an email that another account has. → [`ChangeAnswer::Stored`]
    CopyEmail {
        /// Who has it.
        from: AccountId,
        /// Which.
        email: EmailId,
        /// Who gets it.
        account: AccountId,
        /// Where it goes; without keywords, those that it has.
        placing: Placing,
        /// Whether its keywords are those of `placing`.
        keywords: bool,
    },
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeAnswer {
    /// See [`ChangeAsk::Begin`].
    Begun(Begun),
    /// What became of emails.
    Emails(EmailsChanged),
    /// What became of a message.
    Stored(Result<StoredEmail, Refusal>),
    /// What became of a mailbox.
    Shaped(Result<Shaped, Refusal>),
}

/// An account before something changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its state.
    pub state: u64,
    /// Now, in milliseconds of Unix time.
    pub now: i64,
    /// Octets that nobody can guess, and that nobody else gets.
    pub chance: [u8; 16],
    /// What the server is called.
    pub host: String,
}

/// What became of emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailsChanged {
    /// The state before.
    pub before: u64,
    /// The state after.
    pub after: u64,
    /// Of each, in the order asked.
    pub results: Vec<Result<(), Refusal>>,
}

/// An email that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEmail {
    /// It.
    pub email: EmailId,
    /// Its content.
    pub content: ContentId,
    /// Its thread.
    pub thread: ThreadId,
    /// Its octets.
    pub size: u64,
    /// The state before.
    pub before: u64,
    /// The state after.
    pub after: u64,
}

/// What of a mailbox is to be so; none: it stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxShape {
    /// Its name.
    pub name: Option<String>,
    /// The one that it is in, or none.
    pub parent: Option<Option<MailboxId>>,
    /// What it is for.
    pub role: Option<Option<Role>>,
    /// Whether its owner wants to see it.
    pub subscribed: Option<bool>,
    /// Its place among others.
    pub sort_order: Option<u32>,
}

/// What became of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shaped {
    /// It.
    pub mailbox: MailboxId,
    /// The state before.
    pub before: u64,
    /// The state after.
    pub after: u64,
}

/// What is to become of an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailChange {
    /// It is changed.
    Update {
        /// Its keywords, if they are.
        keywords: Option<Keywords>,
        /// Its mailboxes, if they are.
        mailboxes: Option<InMailboxes>,
    },
    /// It goes.
    Destroy,
}

/// The keywords that an email is to have, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keywords {
    /// These.
    Set(Vec<String>),
    /// What it has, changed.
    Patch {
        /// With these.
        add: Vec<String>,
        /// Without these.
        remove: Vec<String>,
    },
}

/// The mailboxes that an email is to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InMailboxes {
    /// These.
    Set(Vec<MailboxId>),
    /// Where it is, changed.
    Patch {
        /// With these.
        add: Vec<MailboxId>,
        /// Without these.
        remove: Vec<MailboxId>,
    },
}

/// Where a message goes, and as what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placing {
    /// Into these; one at least.
    pub mailboxes: Vec<MailboxId>,
    /// With these, in lower case.
    pub keywords: Vec<String>,
    /// When it came, milliseconds of Unix time. Of an import without it, what its topmost Received field says; else now.
    pub received: Option<i64>,
}

/// A piece of a message that is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These octets.
    Octets(Vec<u8>),
    /// A Content-Transfer-Encoding field, the end of the part's header, and a blob with that encoding, with a CRLF behind it.
    Blob(BlobId, Carried),
}

/// How a blob is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// In base64.
    Base64,
    /// As it is, its lines ended with CRLF: messages may have no encoding of their own (RFC 2046 §5.2.1).
    Message,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is not there.
    NotFound,
    /// A mailbox that it is to be in is not there.
    NoSuchMailbox,
    /// It would be in no mailbox.
    Nowhere,
    /// It would have too many keywords.
    TooManyKeywords,
    /// A keyword cannot be one.
    Keyword,
    /// There is no room for it, says policy.
    OverQuota(String),
    /// It is larger than so many octets.
    TooLarge(u64),
    /// These are not there.
    NoSuchBlobs(Vec<BlobId>),
    /// What it is made of is no message.
    NoMessage(String),
    /// Not now: the server has no memory for it.
    Busy,
    /// The mailbox that one is to be in is not there, or is in it.
    NoParent,
    /// There is a mailbox of that name.
    NameTaken,
    /// A mailbox cannot be called so, and why.
    Name(String),
    /// Another mailbox is for that.
    RoleTaken,
    /// There would be too many of them.
    TooMany,
    /// The inbox stays as it is.
    Inbox,
    /// There are mailboxes in it.
    HasChild,
    /// There are emails in it.
    HasEmail,
}
