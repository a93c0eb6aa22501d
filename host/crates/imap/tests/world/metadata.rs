//! What is noted of mailboxes and of the server.

use waxwing_imap::types::{EntryName, EntryScope, MailboxName, Rights};
use waxwing_imap::{Answer, Ask, Error};

use super::Fake;

/// Octets of a value, and entries of a mailbox, as the store has them.
const MAX_VALUE: usize = 16 * 1024;
const MAX_ENTRIES: usize = 32;

/// Entries, each with its mailbox; none of the server.
pub(super) type Metadata = Vec<(Option<i64>, EntryName, Vec<u8>)>;

impl Fake {
    pub(super) fn metadata(&mut self, ask: Ask) -> Result<Answer, Error> {
        Ok(match ask {
            Ask::Metadata { mailbox } => {
                let name = self.noted(mailbox.as_ref())?;
                let own = self.metadata.iter().filter(|(of, ..)| *of == name);
                let mut found: Vec<_> = own
                    .map(|(_, entry, value)| (entry.clone(), value.clone()))
                    .collect();
                found.sort_by(|(a, _), (b, _)| (b.scope(), a.rest()).cmp(&(a.scope(), b.rest())));
                Answer::Metadata(found)
            }
            Ask::SetMetadata { mailbox, values } => {
                let name = self.noted(mailbox.as_ref())?;
                let shared = values
                    .iter()
                    .any(|(entry, _)| entry.scope() == EntryScope::Shared);
                if name.is_none() && shared {
                    return Err(Error::NoPermission);
                }
                if values
                    .iter()
                    .any(|(_, value)| value.as_ref().is_some_and(|it| it.len() > MAX_VALUE))
                {
                    return Err(Error::MetadataSize(MAX_VALUE as u64));
                }
                let before = self.metadata.clone();
                for (entry, value) in values {
                    let same = |(of, known, _): &(Option<i64>, EntryName, Vec<u8>)| {
                        *of == name && *known == entry
                    };
                    self.metadata.retain(|it| !same(it));
                    if let Some(value) = value {
                        self.metadata.push((name, entry, value));
                    }
                }
                for scope in [EntryScope::Private, EntryScope::Shared] {
                    let of = |(of, entry, _): &&(Option<i64>, EntryName, Vec<u8>)| {
                        *of == name && entry.scope() == scope
                    };
                    if self.metadata.iter().filter(of).count() > MAX_ENTRIES {
                        self.metadata = before;
                        return Err(Error::MetadataTooMany);
                    }
                }
                Answer::Done
            }
            _ => super::unavailable(),
        })
    }

    fn noted(&mut self, name: Option<&MailboxName>) -> Result<Option<i64>, Error> {
        let Some(name) = name else {
            return Ok(None);
        };
        let id = self.may(name, Rights::LOOKUP)?.id;
        if !self
            .rights_by_id(id)
            .has_any(Rights::parse("rswip").unwrap())
        {
            return Err(Error::NoPermission);
        }
        Ok(Some(id.0))
    }
}
