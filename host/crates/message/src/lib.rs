//! From a message's octets to its [`Summary`]: all that IMAP's ENVELOPE, BODYSTRUCTURE and sections need, and a preview;
//! and to the same message in 7 bits, for servers that take no more.
//!
//! Standards: RFC 5322 (header), RFC 2045 to 2047, 2183, 2231 (MIME), RFC 3501 §6.4.5 and §7.4.2 (sections, structure).
//!
//! Invariants: any octets have a summary; every range lies inside the message; depth, parts, addresses and the size of
//! the summary itself are bounded; the cost grows with the message's size, not with its nesting.
//!
//! The values of header fields are read by mail-parser, the tree of parts is found here: mail-parser decodes every
//! body, nests without a bound (a deep message/rfc822 overflows the stack when it is dropped) and looks for each
//! missing boundary to the end of the message. A stranger may send such mail, and the tree needs none of that.
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

mod base_subject;
mod build;
mod casemap;
mod charset;
mod codec;
mod decoded;
mod fields;
pub mod header;
pub mod searched;
mod section;
mod seven_bit;
mod structure;
mod summary;
mod text;
mod thread;
pub mod value;
mod view;

pub use base_subject::BaseSubject;
pub use casemap::casemap;
pub use codec::DecodeError;
pub use decoded::{Decoded, Sought};
pub use fields::{authors, received};
pub use section::{Located, Section, SectionText};
pub use seven_bit::{Unconvertible, seven_bit};
pub use summary::{AddressItem, Body, Envelope, Param, Part, Sent, Span, Summary};
pub use text::{TextValue, Texts, decode_words, html_text};
pub use view::{AddressView, Addresses, EnvelopeView};
