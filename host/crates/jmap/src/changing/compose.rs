//! Messages put together from properties: header fields that any server takes, and MIME (RFC 5322, RFC 2045 to 2047, RFC 2231).
//!
//! Invariants: no line that is written here is longer than 998 octets; no value that a client gives ends a field; what a client wrote comes
//! out of the message as it went in, but for line ends.

mod body;
mod field;
mod letter;
mod words;

pub(super) use body::{Content, Part, Writer};
pub use letter::Letter;

pub(super) use field::{Property, clean, convenient, is_header, value_of, written_date};
pub(super) use words::{folded, parameter, phrase, text};
