//! IMAP's values: each valid by construction, each in a file of its own.

mod flags;
mod mailbox;
mod text_key;
mod uid_set;

pub use flags::{FlagSet, SystemFlag};
pub use mailbox::{ContentRef, MailboxId, MailboxInfo, MailboxName, NameError, SpecialUse};
pub use text_key::TextKey;
pub use uid_set::UidSet;
