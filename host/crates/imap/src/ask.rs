//! The questions a session asks, and their answers. All owned data; one ask is outstanding at a time.
//!
//! Every ask may be answered with [`Answer::Failed`]. An answer of the wrong kind is treated as
//! [`Error::Unavailable`]; it never panics.

use std::sync::Arc;

use bytes::Bytes;
use waxwing_sasl::{Mechanism, Offer, ServerPart};

use crate::error::Error;
pub use crate::others::Others;
use crate::types::{
    ContentRef, EmailId, EntryName, EntryValues, FlagSet, InternalDate, MailboxId, MailboxInfo,
    MailboxName, Rights, RightsChange, SpecialUse, TextKey, ThreadId, UidSet,
};

/// What a session asks of the store and the policy behind it.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A peer connected. [`Answer::Done`] greets it; a failure says BYE.
    Connect,
    /// The keys of a user, for an exchange by SCRAM; of one that there is not, too
    /// ([`ScramKeys::pretend`](waxwing_sasl::ScramKeys::pretend)). → [`Answer::Keys`]
    Keys {
        /// The SASL mechanism.
        mechanism: Mechanism,
        /// Whose.
        user: String,
    },
    /// The client has said who it is. [`Answer::Done`] logs in, but not where the offer
    /// [is disproved](Offer::is_disproved); the answering side remembers for which account.
    Login {
        /// `LOGIN` for the command, else the SASL mechanism.
        mechanism: &'static str,
        /// To be verified.
        offer: Offer,
    },
    /// Every mailbox of the account, and some of others, in any order. → [`Answer::Mailboxes`]
    Mailboxes {
        /// What of their messages has `\Deleted` is wanted, too.
        deleted: bool,
        /// Which of others.
        others: Others,
    },
    /// What happens in the accounts of these wakes the session from now on, and of no others that were named so before. One that is not there is
    /// passed over. → [`Answer::Done`]
    Watch {
        /// Their addresses, a few.
        owners: Vec<String>,
    },
    /// → [`Answer::Status`]
    Status {
        /// Which mailbox.
        mailbox: MailboxName,
        /// What of its messages has `\Deleted` is wanted, too.
        deleted: bool,
    },
    /// Who may do what in a mailbox. → [`Answer::Acl`]
    Acl {
        /// Which mailbox.
        mailbox: MailboxName,
    },
    /// Change what somebody may do in a mailbox. → [`Answer::Done`]
    SetAcl {
        /// Which mailbox.
        mailbox: MailboxName,
        /// Whose rights; with `-` before it, what is taken from him.
        identifier: String,
        /// How.
        change: RightsChange,
    },
    /// What somebody can be let do in a mailbox. → [`Answer::Grantable`]
    ListRights {
        /// Which mailbox.
        mailbox: MailboxName,
        /// Who, as in [`Ask::SetAcl`].
        identifier: String,
    },
    /// What this session may do in a mailbox. → [`Answer::Rights`]
    MyRights {
        /// Which mailbox.
        mailbox: MailboxName,
    },
    /// What is noted of a mailbox, or of the server, by anybody or by this account. → [`Answer::Metadata`]
    Metadata {
        /// Of which mailbox; `None` for the server.
        mailbox: Option<MailboxName>,
    },
    /// The values of some of it. → [`Answer::MetadataValues`]
    MetadataValues {
        /// Of which mailbox; `None` for the server.
        mailbox: Option<MailboxName>,
        /// Which entries.
        entries: Vec<EntryName>,
    },
    /// What changed of what this session may know. → [`Answer::MetadataNews`]. Asked often: answer from memory when nothing did.
    MetadataNews {
        /// After which change; `None`: only the number of the last one is wanted.
        since: Option<u64>,
        /// In which mailboxes of others.
        others: Others,
    },
    /// Note something, all or nothing. [`Error::MetadataSize`], [`Error::MetadataTooMany`]. → [`Answer::MetadataSet`]
    SetMetadata {
        /// Of which mailbox; `None` for the server.
        mailbox: Option<MailboxName>,
        /// Which entries, with their new values.
        values: EntryValues,
    },
    /// What the account counts against. → [`Answer::Quota`]
    Quota {
        /// Only what this mailbox counts against; it need not exist.
        mailbox: Option<MailboxName>,
    },
    /// Open a mailbox. → [`Answer::Selected`]. Ends with `Unselect`, another `Select`, or the session.
    Select {
        /// Which mailbox.
        mailbox: MailboxName,
        /// EXAMINE: nothing may change, `\Recent` is not taken.
        read_only: bool,
    },
    /// Look into a mailbox beside the selected one, to search it: nothing of that one changes, and messages of this one can be asked about until
    /// the next of these. → [`Answer::Selected`]
    Look {
        /// Which mailbox.
        mailbox: MailboxName,
    },
    /// The selected mailbox is left (no expunge). → [`Answer::Done`]
    Unselect {
        /// Which mailbox.
        mailbox: MailboxId,
    },
    /// Create a mailbox and those above it. → [`Answer::Created`]
    Create {
        /// New name, without a trailing `/`.
        mailbox: MailboxName,
        /// What it is for. [`Error::SpecialUse`] if another mailbox is for that already.
        special_use: Option<SpecialUse>,
    },
    /// → [`Answer::Done`]
    Delete {
        /// Which mailbox.
        mailbox: MailboxName,
    },
    /// Rename with all inferiors; INBOX moves its messages (RFC 3501 §6.3.5). → [`Answer::Done`]
    Rename {
        /// Old name.
        from: MailboxName,
        /// New name.
        to: MailboxName,
    },
    /// → [`Answer::Done`]
    Subscribe {
        /// Which mailbox; it need not exist (RFC 3501 §6.3.6 lets a server check).
        mailbox: MailboxName,
        /// `false` for UNSUBSCRIBE.
        subscribed: bool,
    },
    /// A message of `size` octets is to be appended: may it? [`Answer::Done`] lets its content flow as `Step::Content`.
    Append {
        /// The message that goes when it is stored, with its mailbox (RFC 8508): both happen, or nothing.
        replaces: Option<(MailboxId, u32)>,
        /// Target.
        mailbox: MailboxName,
        /// Octets that will follow.
        size: u64,
        /// Flags to store with it.
        flags: FlagSet,
        /// When it came to be, or now.
        internal_date: Option<InternalDate>,
    },
    /// Another message for the running append (RFC 3502): may it come, too? [`Answer::Done`] lets its content flow. A
    /// failure gives the append up, with what came before.
    AppendMore {
        /// Octets that will follow.
        size: u64,
        /// Flags to store with it.
        flags: FlagSet,
        /// When it came to be, or now.
        internal_date: Option<InternalDate>,
    },
    /// The message of the running append that is coming is longer by so many octets: may it be? [`Answer::Done`] lets them flow. A failure gives
    /// the append up.
    AppendExtend {
        /// Octets that will follow.
        size: u64,
    },
    /// All content of the running append was given: store its messages durably, all or none. → [`Answer::Appended`]
    AppendEnd,
    /// The running append is given up; throw its content away. → [`Answer::Done`]
    AppendAbandon,
    /// Rows of messages, ascending by UID, those that are gone left out. → [`Answer::Rows`].
    /// The session keeps `uids` small enough that all rows may be answered at once.
    Rows {
        /// Which mailbox.
        mailbox: MailboxId,
        /// Which messages.
        uids: UidSet,
        /// What beyond the fixed columns.
        wants: RowWants,
    },
    /// A range of a message's octets, at most 256 KB. → [`Answer::Data`], shorter only where the content ends.
    Read {
        /// Of which content.
        content: ContentRef,
        /// First octet.
        offset: u64,
        /// Number of octets.
        length: u32,
    },
    /// Change flags. → [`Answer::Flags`] with the rows as they are now (also of messages that had the flags already).
    Store {
        /// Which mailbox.
        mailbox: MailboxId,
        /// Which messages.
        uids: UidSet,
        /// How.
        action: FlagAction,
        /// Which flags; never `\Recent`.
        flags: FlagSet,
        /// Only messages whose modification sequence is at most this (RFC 7162 §3.1.3).
        unchanged_since: Option<u64>,
    },
    /// Copy messages, all or none, ascending by UID. → [`Answer::Copied`]
    Copy {
        /// From which mailbox.
        mailbox: MailboxId,
        /// Which messages.
        uids: UidSet,
        /// To which mailbox.
        to: MailboxName,
        /// Copy none if one of them is gone, and fail with [`Error::Expunged`].
        whole: bool,
    },
    /// Move messages, all or none (RFC 6851). → [`Answer::Copied`]
    Move {
        /// From which mailbox.
        mailbox: MailboxId,
        /// Which messages.
        uids: UidSet,
        /// To which mailbox.
        to: MailboxName,
    },
    /// Remove messages with `\Deleted`, of all or of the given ones. → [`Answer::Expunged`]
    Expunge {
        /// Which mailbox.
        mailbox: MailboxId,
        /// UID EXPUNGE (RFC 4315): only among these.
        uids: Option<UidSet>,
    },
    /// Which of `keys` match the text of each message; see [`TextKey::matches`]. → [`Answer::TextMatches`]
    SearchText {
        /// Which mailbox.
        mailbox: MailboxId,
        /// Among which messages.
        uids: UidSet,
        /// At most 64 keys.
        keys: Arc<[TextKey]>,
    },
    /// Which of these messages surely lack a text, as far as an index knows; the others are looked at. → [`Answer::Absent`]
    Sift {
        /// Which mailbox.
        mailbox: MailboxId,
        /// Among which messages.
        uids: UidSet,
        /// Of each needle the texts, mapped, that a message which has it holds all of; 64 needles at most. See
        /// [`each_text`](crate::each_text).
        needles: Arc<[Vec<String>]>,
    },
    /// Which messages changed after `since`, and which went: to be answered by an index. → [`Answer::Changed`]
    Changed {
        /// Which mailbox.
        mailbox: MailboxId,
        /// A modification sequence.
        since: u64,
    },
    /// What changed in the selected mailbox after `since`? → [`Answer::Changes`]. Asked often: answer from memory
    /// when nothing did.
    Poll {
        /// Which mailbox.
        mailbox: MailboxId,
        /// The highest modseq this session has seen.
        since: u64,
    },
    /// What time it is. → [`Answer::Time`]
    Time,
    /// Let other sessions have a turn: a command has worked for a while. → [`Answer::Done`]
    Yield,
    /// LOGOUT, after which nothing follows, or UNAUTHENTICATE, after which somebody may log in: the account is left.
    /// → [`Answer::Done`]
    Logout,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone)]
pub enum Answer {
    /// Done, and there is nothing to tell.
    Done,
    /// See [`Ask::Login`]: somebody is logged in.
    LoggedIn {
        /// The URL of JMAP's session resource, if what he logged in with is good there, too (RFC 9698 §3).
        jmap: Option<String>,
    },
    /// See [`Ask::Keys`].
    Keys(Box<ServerPart>),
    /// See [`Ask::Mailboxes`].
    Mailboxes(Vec<MailboxInfo>),
    /// See [`Ask::Create`].
    Created(MailboxId),
    /// See [`Ask::Status`].
    Status(StatusData),
    /// See [`Ask::Acl`]: identifiers with their rights, the owner first.
    Acl(Vec<(String, Rights)>),
    /// See [`Ask::ListRights`].
    Grantable(Grantable),
    /// See [`Ask::MyRights`].
    Rights(Rights),
    /// See [`Ask::Metadata`]: all entries with the octets of their values, by name.
    Metadata(Vec<(EntryName, u64)>),
    /// See [`Ask::MetadataValues`]: of those that are there.
    MetadataValues(Vec<(EntryName, Vec<u8>)>),
    /// See [`Ask::MetadataNews`].
    MetadataNews(MetadataNews),
    /// See [`Ask::SetMetadata`]: the number of the change, or 0 if nothing is different.
    MetadataSet(u64),
    /// See [`Ask::Quota`].
    Quota(Vec<QuotaRoot>),
    /// See [`Ask::Select`].
    Selected(Snapshot),
    /// See [`Ask::AppendEnd`].
    Appended(Appended),
    /// See [`Ask::Rows`].
    Rows(Vec<FetchRow>),
    /// See [`Ask::Read`].
    Data(Bytes),
    /// See [`Ask::Store`].
    Flags(FlagsStored),
    /// See [`Ask::Copy`] and [`Ask::Move`].
    Copied(Copied),
    /// See [`Ask::Expunge`]: the UIDs that went.
    Expunged(UidSet),
    /// See [`Ask::SearchText`].
    TextMatches(Vec<TextMatch>),
    /// See [`Ask::Sift`]: of each needle the messages that lack it. Where nothing is known, sets are empty, or there are none.
    Absent(Vec<UidSet>),
    /// See [`Ask::Changed`].
    Changed(Changed),
    /// Seconds of Unix time.
    Time(i64),
    /// See [`Ask::Poll`].
    Changes(Changes),
    /// It could not be done.
    Failed(Error),
}

/// Numbers of a mailbox for STATUS (RFC 3501 §6.3.10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusData {
    /// Which mailbox (RFC 8474).
    pub mailbox: MailboxId,
    /// Messages in it.
    pub messages: u32,
    /// Messages with `\Recent` if it were selected now.
    pub recent: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`; 0 if that was not asked for.
    pub deleted: u32,
    /// Octets of these.
    pub deleted_size: u64,
    /// Next UID.
    pub uid_next: u32,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// Highest modification sequence.
    pub highest_modseq: u64,
    /// Sum of the messages' octets.
    pub size: u64,
}

/// What somebody can be let do (RFC 4314 §3.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grantable {
    /// What he may in any case.
    pub always: Rights,
    /// What he can be granted, each by itself.
    pub optional: Rights,
}

/// What is limited together (RFC 9208 §3.2), and how much of it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuotaRoot {
    /// Its name.
    pub name: String,
    /// Octets that are held.
    pub bytes: u64,
    /// Octets that may be held, if that is limited.
    pub bytes_limit: Option<u64>,
    /// Messages that are held.
    pub messages: u64,
    /// Messages that may be held, if that is limited.
    pub messages_limit: Option<u64>,
}

/// A mailbox at the moment it is selected.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// How later asks name it.
    pub mailbox: MailboxId,
    /// UIDs of its messages.
    pub uids: UidSet,
    /// UIDs that are `\Recent` in this session; empty when read only or not kept.
    pub recent: UidSet,
    /// UID of the first message without `\Seen`.
    pub first_unseen: Option<u32>,
    /// Keywords in use, without system flags.
    pub keywords: Vec<String>,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// Next UID.
    pub uid_next: u32,
    /// Highest modification sequence: polls start here.
    pub highest_modseq: u64,
    /// The mailbox is opened read only, though SELECT was asked.
    pub read_only: bool,
    /// What this session may do in it; [`Rights::ALL`] in a mailbox of its own.
    pub rights: Rights,
}

/// What rows carry beyond UID, flags, date and size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowWants {
    /// The summary's bytes (ENVELOPE, BODYSTRUCTURE, sections).
    pub summary: bool,
    /// Which conversation the message belongs to.
    pub thread: bool,
    /// How many of the content's first octets would be useful; 0 for none. A hint: fewer or none may come.
    pub head: u32,
}

/// A message.
#[derive(Debug, Clone)]
pub struct FetchRow {
    /// UID.
    pub uid: u32,
    /// Modification sequence.
    pub modseq: u64,
    /// Flags, without `\Recent`.
    pub flags: FlagSet,
    /// When it came to be.
    pub internal_date: InternalDate,
    /// When it was saved in this mailbox (RFC 8514); by the internal date if that is not known.
    pub saved: InternalDate,
    /// What its copies share (RFC 8474).
    pub email: EmailId,
    /// Its conversation (RFC 8474); of use only if wanted.
    pub thread: ThreadId,
    /// Octets of the content.
    pub size: u64,
    /// How `Read` names the content.
    pub content: ContentRef,
    /// `waxwing_message::Summary` encoded; empty if not wanted.
    pub summary: Bytes,
    /// First octets of the content; empty if not wanted.
    pub head: Bytes,
}

/// The flags of a message after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagRow {
    /// UID.
    pub uid: u32,
    /// Modification sequence.
    pub modseq: u64,
    /// Flags, without `\Recent`.
    pub flags: FlagSet,
}

/// A message that STORE was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFlags {
    /// As it is now.
    pub row: FlagRow,
    /// If this STORE changed it: the modification sequence that it had before.
    pub replaced: Option<u64>,
}

/// What STORE came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagsStored {
    /// Messages that are as STORE wants them, ascending by UID.
    pub rows: Vec<StoredFlags>,
    /// Messages left as they are because of `unchanged_since`, ascending by UID.
    pub modified: Vec<FlagRow>,
}

/// How STORE changes flags (RFC 3501 §6.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagAction {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// Where appended messages are (APPENDUID, RFC 4315); nothing of it where the client may not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// UIDVALIDITY of the target.
    pub uid_validity: u32,
    /// UIDs of the messages, in their order (RFC 3502).
    pub uids: Vec<u32>,
}

/// Where copied or moved messages are (COPYUID, RFC 4315). Both lists have the same length and order; the second is empty where the client may
/// not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the target.
    pub uid_validity: u32,
    /// UIDs in the source that were there to be copied, ascending.
    pub source: Vec<u32>,
    /// The UIDs they got.
    pub target: Vec<u32>,
}

/// Which text keys a message matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextMatch {
    /// UID.
    pub uid: u32,
    /// Bit n is set if `keys[n]` matches.
    pub matched: u64,
}

/// Which messages changed since a modification sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// UIDs of messages with a higher modification sequence, those that came among them.
    pub messages: UidSet,
    /// UIDs that went since; where the beginning is forgotten, all UIDs that were given and have no message.
    pub vanished: UidSet,
}

/// What changed in a mailbox since a modseq.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Highest modification sequence now; the next poll starts here.
    pub highest_modseq: u64,
    /// UIDs that went (those the session never had are ignored).
    pub vanished: UidSet,
    /// UIDs that came.
    pub arrived: UidSet,
    /// Of those, UIDs that are `\Recent` in this session.
    pub recent: UidSet,
    /// Flags that changed, of messages that were there before.
    pub flags: Vec<FlagRow>,
    /// Keywords of those that came.
    pub keywords: Vec<String>,
    /// What this session may do, if it was found out again.
    pub rights: Option<Rights>,
}

/// What changed of what is noted of mailboxes and of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataNews {
    /// In the order of the changes; of an entry only the last.
    pub changed: Vec<MetadataChanged>,
    /// All changes up to this one were looked at: the next `since`.
    pub number: u64,
    /// There may be more behind it.
    pub more: bool,
}

/// An entry that was changed, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataChanged {
    /// Of which mailbox; `None` for the server.
    pub mailbox: Option<MailboxName>,
    /// Which entry.
    pub entry: EntryName,
    /// The number of its last change.
    pub number: u64,
    /// The mailbox may be read.
    pub readable: bool,
}
