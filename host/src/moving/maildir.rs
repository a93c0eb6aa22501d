//! Maildir: a folder of files, one a message; with subfolders as Maildir++ has them (`.Work.Old`) or as folders in folders.
//!
//! Standards: <https://cr.yp.to/proto/maildir.html>, Maildir++, and what Dovecot keeps beside: `dovecot-keywords`,
//! `dovecot-uidlist`, `subscriptions`. A file's time of change is the internal date.

mod dovecot;
mod names;
mod read;
mod write;

pub(crate) use read::Maildir;
pub(crate) use write::MaildirTarget;
