//! IMAP's values: each valid by construction, each in a file of its own.

mod command;
mod condstore;
mod fetch_item;
mod flags;
mod internal_date;
mod list;
mod mailbox;
mod metadata;
mod notify;
mod object_id;
mod rights;
mod search_key;
mod search_return;
mod sequence_set;
mod sort;
mod special_use;
mod text_key;
mod thread;
mod uid_set;
mod url;

pub use command::{
    AppendHead, AppendMessage, CatenateEnd, CatenateSegment, Command, MailboxArgument, Replaced,
    StatusItem,
};
pub use condstore::{FetchModifiers, Resync, SelectParameters};
pub use fetch_item::{FetchItem, SectionName};
pub use flags::{FlagSet, SystemFlag};
pub use internal_date::InternalDate;
pub use list::{ListCommand, ListForm, ListReturn, ListSelection};
pub use mailbox::{ContentRef, MailboxId, MailboxInfo, MailboxName, NameError, NameForm};
pub use metadata::{EntryDepth, EntryName, EntryScope, EntryValues, MetadataOptions};
pub use notify::{EventGroup, Events, MailboxFilter, NotifyCommand};
pub use object_id::{EmailId, ThreadId};
pub use rights::{Rights, RightsChange};
pub use search_key::{SearchKey, SummaryField};
pub use search_return::{Enough, PartialRange, Returns};
pub use sequence_set::{SequenceNumber, SequenceSet};
pub use sort::{SortCriterion, SortKey};
pub use special_use::{SpecialUse, UseArgument, UseError};
pub use text_key::TextKey;
pub use thread::ThreadAlgorithm;
pub use uid_set::UidSet;
pub use url::MessageUrl;
