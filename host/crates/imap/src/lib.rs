//! IMAP4rev1 and IMAP4rev2 server sessions: bytes in, steps out, no I/O, no clock, no storage.
//!
//! Standards: RFC 3501 with RFC 2177 (IDLE), 2342 (NAMESPACE), 2971 (ID), 3348 (CHILDREN), 3502 (MULTIAPPEND), 3516 (BINARY), 3691
//! (UNSELECT), 4314 (ACL), 4315 (UIDPLUS), 4469 (CATENATE), 4731 (ESEARCH), 4959 (SASL-IR), 4978 (COMPRESS), 5032 (WITHIN), 5161 (ENABLE), 5182 (SEARCHRES), 5256 (SORT, THREAD),
//! 5258 (LIST-EXTENDED), 5267 (ESORT, CONTEXT=SEARCH, CONTEXT=SORT), 5464 (METADATA), 5465 (NOTIFY), 5530 (response codes), 5550 (URL-PARTIAL), 5819 (LIST-STATUS), 5957 (SORT=DISPLAY), 6154 (SPECIAL-USE), 6203 (SEARCH=FUZZY), 6851 (MOVE), 6855
//! (UTF8=ACCEPT), 7162 (CONDSTORE, QRESYNC), 7377 (MULTISEARCH), 7888 (LITERAL+), 7889 (APPENDLIMIT), 8437 (UNAUTHENTICATE), 8438 (STATUS=SIZE), 8440 (LIST-MYRIGHTS), 8474 (OBJECTID), 8508 (REPLACE), 8514
//! (SAVEDATE), 8970 (PREVIEW), 9208 (QUOTA), 9394 (PARTIAL), 9585 (INPROGRESS), 9586 (UIDONLY), 9590 (LIST-METADATA);
//! RFC 9051 (IMAP4rev2) for clients that enable it, and where it settles what RFC 3501 left open.
//!
//! Invariants: whatever a client sends becomes a response, never a panic; whatever it can make large is bounded
//! where it enters ([`Limits`]); a session asks for one thing at a time ([`Ask`], [`Answer`]) and holds neither
//! message content nor flags, only which UIDs its mailbox has.
//!
//! Not here: what a mailbox is kept in, who may log in, how TLS works.
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

mod ask;
mod config;
mod encode;
mod error;
mod others;
mod parse;
mod searched;
mod session;
pub mod types;
pub mod utf7;

pub use ask::{
    Answer, Appended, Ask, Changed, Changes, Copied, FetchRow, FlagAction, FlagRow, FlagsStored,
    Grantable, MetadataChanged, MetadataNews, Others, QuotaRoot, RowWants, Snapshot, StatusData,
    StoredFlags, TextMatch,
};
pub use config::{Config, Limits, Tls};
pub use error::Error;
pub use searched::{TEXTS, each_text};
pub use session::Session;
