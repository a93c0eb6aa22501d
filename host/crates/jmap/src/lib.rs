//! JMAP without I/O: a request goes in, asks come out and are answered, and a response is there.
//!
//! Standards: RFC 8620 (the core), RFC 8621 (mail), RFC 8887 (messages over a WebSocket), RFC 9404 (contents), RFC 9425 (quotas), RFC 9007 (disposition notifications), RFC 7493 (what JSON may be), RFC 6901 (pointers into results), RFC 7807 (how a request is refused).
//!
//! Look first at [`Exchange`]: it is what a driver steps through. A method ([`methods`](self)) is written as a function that waits for the
//! answers to what it asks; that it waits without a runtime, a clock or a thread is in one file, `exchange.rs`.
//!
//! Invariants: no octets fail or panic, a bad request becomes a [`Problem`] and a bad call a [`MethodError`]; one ask is outstanding at a
//! time; the size of a request, its depth, its values, its calls, and what its calls may take from results before them are bounded.
//!
//! Not here: who the client is, HTTP, what policy says, how anything is stored.
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
mod blob;
mod capability;
mod changing;
mod context;
mod error;
mod exchange;
mod id;
mod json;
mod limits;
mod mail;
mod methods;
mod pointer;
mod problem;
mod push;
mod push_subscription;
mod quota;
mod reference;
mod request;
mod response;
mod room;
mod session;
mod set_error;
mod standard;
mod websocket;

pub use ask::{Answer, Ask, Failure};
pub use blob::{BlobAnswer, BlobAsk, BlobPiece, DigestAlgorithm, Octets, Uses};
pub use capability::Capability;
pub use changing::{
    Addressed, Begun, Carried, ChangeAnswer, ChangeAsk, EmailChange, EmailsChanged, InMailboxes,
    Keywords, MailboxShape, Piece, Placing, Refusal, Shaped, StoredEmail,
};
pub use changing::{
    Delivered, Envelope, Identity, Kept, KeptChange, Letter, NotKept, SendAnswer, SendAsk,
    Sendable, Submission, Undo, Vacation, VacationNow,
};
pub use error::MethodError;
pub use exchange::{Exchange, Step};
pub use id::{
    AccountId, BlobId, ContentId, EmailId, Encoding, IdentityId, MailboxId, PushSubscriptionId,
    SubmissionId, ThreadId, is_id,
};
pub use limits::Limits;
pub use mail::{
    Changes, Email, Emails, Gathering, Kind, MailAnswer, MailAsk, Mailbox, MailboxRights,
    Mailboxes, Message, Place, Role, SystemKeywords, TextKey,
};
pub use problem::{LimitName, Problem};
pub use push::{DataType, StateChange, Wanted};
pub use push_subscription::{
    NewPush, PushAnswer, PushAsk, PushChange, PushKeys, PushRefused, Subscription,
};
pub use quota::{QuotaRoot, quota_state};
pub use request::{Invocation, Request};
pub use response::Response;
pub use session::{Access, Places, Viewer};
pub use websocket::{Incoming, RequestError};
