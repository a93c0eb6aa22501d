//! The durable store: accounts, mailboxes, messages, contents, changes, the outbound queue, key-values and the ledger,
//! on SQLite or PostgreSQL.
//!
//! Invariants:
//! - a write that was answered with success is on disk (group commit, one fsync for many callers);
//! - one that was answered with an error of the request or with [`Error::Full`] left nothing behind; so did one that
//!   was answered with [`Error::Database`], unless PostgreSQL's connection broke at COMMIT and the server could not be
//!   asked afterwards how it had ended;
//! - UIDs of a mailbox ascend and never return, nor does a UIDVALIDITY; modification sequences of an account ascend;
//! - a content on disk is complete before a row names it, and goes only after no row names it.
//!
//! Not here: parsing of messages, quota decisions, when and where queued mail is sent.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

mod account_log;
mod account_messages;
mod account_news;
mod accounts;
mod acl;
mod admin_tokens;
mod answers;
mod audit;
mod belonging;
mod blob_files;
mod blobs;
mod changes;
mod checkpoint;
mod config;
mod copies;
mod credentials;
mod database;
mod directory;
mod domain_keys;
mod emails;
mod error;
mod flags;
mod housekeeping;
mod ids;
mod images;
mod imports;
mod kv;
mod ledger;
mod mailbox_shapes;
mod mailboxes;
mod messages;
mod metadata;
mod migrations;
mod open;
mod passing;
mod password;
#[cfg(test)]
mod plans;
mod push_subscriptions;
mod queue;
mod records;
mod recovery;
mod room;
mod scram;
mod shared;
mod statement;
mod text_packs;
mod totp;
mod uploads;
mod usage;
mod verify;
mod visible;
mod web_logins;
mod writer;

pub use account_log::{AccountLog, Differences, Log};
pub use account_messages::{AccountMessages, MessageIn};
pub use account_news::AccountNews;
pub use accounts::{Account, AddressPage, Alias, Domain, MtaSts, Quota, StsMode};
pub use acl::{AclChange, AclEntry, Grantee, MAX_ACL, RightsOperation, SharedMailbox};
pub use admin_tokens::{AdminScope, AdminToken, Area, NewAdminToken, is_admin_token};
pub use answers::{Answered, MAX_ANSWER_PERIOD, MAX_ANSWERS_A_DAY, NewAnswer};
pub use audit::{AuditAt, AuditEntry, AuditPage, AuditRow};
pub use changes::Changes;
pub use config::{Clock, Database, StoreConfig};
pub use copies::{Copied, CopyTo};
pub use credentials::{
    Credential, CredentialKind, NewCredential, Scope, SecretId, ShownSecret, is_own_token,
};
pub use directory::{Codes, Directory, PasswordCheck, Resolution, SecretsOf};
pub use domain_keys::{DomainKey, DomainKeys, MAX_DOMAIN_KEYS};
pub use emails::{
    EmailChange, EmailEffect, EmailRefusal, EmailsChanged, KeywordsChange, MailboxesChange, Seen,
    Sighting,
};
pub use error::{Error, Result};
pub use flags::{FlagChange, FlagOperation, FlagScope, Flags, MAX_KEYWORD, MAX_KEYWORDS};
pub use ids::{AccountId, BlobId, DomainId, LeaseId, LegId, MailboxId};
pub use imports::{Imported, MAX_IMPORTS, MAX_ITEM};
pub use kv::{BucketState, Kv, MAX_KEY, MAX_KEYS, MAX_VALUE, Namespace, Versioned};
pub use ledger::{LedgerRow, MAX_LEDGER_JSON, Roster};
pub use mailbox_shapes::{MailboxRefusal, MailboxShape, MailboxShaped};
pub use mailboxes::{
    MAX_DEPTH, MAX_MAILBOXES, MAX_PATH, MAX_SUBSCRIPTIONS, Mailbox, OTHERS, SpecialUse,
};
pub use messages::{
    Delivery, FlagsChanged, Message, MessageFlags, Place, Snapshot, Stored, Target, UidRange,
};
pub use metadata::{
    MAX_METADATA, MAX_METADATA_ENTRIES, MAX_METADATA_VALUE, MetadataChange, MetadataChanged,
    MetadataEntry, MetadataName, MetadataNews, MetadataOf,
};
pub use password::{hash_password, password_matches};
pub use push_subscriptions::{MAX_PUSH_SUBSCRIPTIONS, PushKeys, PushSubscription, PushUpdate};
pub use queue::{
    BodyKind, DeliverBy, LeaseTerms, Leased, LegState, ListedRecipient, MAX_CONTEXT,
    MAX_QUEUED_RECIPIENTS, MAX_SAID, NewRecipient, Notify, Outgoing, Owed, QueueAction,
    QueueAttempt, QueueDepth, QueueEntry, QueueEnvelope, QueueFilter, QueuePage, QueuedMessage,
    QueuedRecipient, RecipientOutcome, RecipientState, ReturnContent, Settled, Settlement,
    Submitted,
};
pub use records::{
    MAX_RECORD, NewRecord, Recalled, Record, RecordChange, RecordKind, RecordsChanged,
};
pub use recovery::{RECOVERY_CODES, typed_code};
pub use text_packs::{PackOutline, PackSource, Packing, TextPack, TextPackChange};
pub use totp::TOTP_SECRET;
pub use uploads::MAX_UPLOADS;
pub use usage::Usage;
pub use verify::Verification;
pub use visible::Visible;
pub use web_logins::{MAX_WEB_LOGINS, WebLogin};

pub use open::Store;
