//! JMAP without I/O: a request goes in, asks come out and are answered, and a response is there.
//!
//! Standards: RFC 8620 (the core), RFC 7493 (what JSON may be), RFC 6901 (pointers into results), RFC 7807 (how a request is refused).
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
mod capability;
mod context;
mod error;
mod exchange;
mod id;
mod json;
mod limits;
mod methods;
mod pointer;
mod problem;
mod reference;
mod request;
mod response;
mod session;
mod set_error;

pub use ask::{Answer, Ask, Failure};
pub use capability::Capability;
pub use error::MethodError;
pub use exchange::{Exchange, Step};
pub use id::{AccountId, BlobId, ContentId, Encoding, is_id};
pub use limits::Limits;
pub use problem::{LimitName, Problem};
pub use request::{Invocation, Request};
pub use response::Response;
pub use session::{Access, Places, Viewer};
