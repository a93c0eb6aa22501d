//! From values to the octets of responses. Functions append to a buffer.

mod acl;
mod body;
mod capabilities;
mod core;
mod envelope;
mod flags;
mod mailbox;
mod metadata;
mod quota;
mod section;
mod sequence_set;
mod status;
pub(crate) mod texts;

pub(crate) use acl::{acl, list_rights, my_rights};
pub(crate) use body::{Shape, body};
pub(crate) use capabilities::capabilities;
pub(crate) use core::{Out, internal_date, literal, number, string};
pub(crate) use envelope::envelope;
pub(crate) use flags::flags;
pub(crate) use mailbox::modified_utf7;
pub(crate) use mailbox::{mailbox, mailbox_name};
pub(crate) use metadata::{metadata, metadata_changed};
pub(crate) use quota::{quota, quota_root};
pub(crate) use section::{binary_name, section_name};
pub(crate) use status::status;
