//! From octets to commands. Functions bear the names of the rules of RFC 3501 §9.
//!
//! A parser sees a whole command, literals in place; framing has made sure that it is bounded.

mod acl;
mod catenate;
mod command;
mod condstore;
mod core;
mod date;
mod esearch;
mod fetch;
mod list;
mod mailbox;
mod metadata;
mod notify;
mod quota;
mod search;
mod search_return;
mod sequence_set;
mod sort;
mod url;

pub(crate) use catenate::catenate_next;
pub(crate) use command::{append_head, append_next, command};
pub(crate) use core::{Literal, SyntaxError, is_astring_char, literal_at_end, tag};
pub(crate) use date::MONTHS;
pub(crate) use mailbox::{MODIFIED_BASE64, decode as decode_mailbox};
pub(crate) use url::{MAX_URL, message_url};

#[cfg(test)]
pub(crate) use core::Parser;
