//! What is noted of mailboxes and of the server.

use waxwing_imap::types::{EntryName, EntryScope, MailboxName, Rights};
use waxwing_imap::{Answer, Ask, Error, MetadataChanged, MetadataNews, Others};

use super::Fake;

/// Octets of a value, and entries of a mailbox, as the store has them.
const MAX_VALUE: usize = 16 * 1024;
const MAX_ENTRIES: usize = 32;

/// What is noted.
#[derive(Default)]
pub(super) struct Metadata {
    entries: Vec<Noted>,
    /// Each change, with its number: of what, and of whom if it is nobody's but his.
    log: Vec<(u64, Option<i64>, EntryName, Option<String>)>,
}

/// An entry.
#[derive(Clone)]
struct Noted {
    /// Of which mailbox; none of the server.
    of: Option<i64>,
    entry: EntryName,
    value: Vec<u8>,
    /// Whose it is, if it is private.
    owner: Option<String>,
}

impl Metadata {
    fn number(&self) -> u64 {
        self.log.last().map_or(0, |(number, ..)| *number)
    }

    /// What is noted of a mailbox goes with it.
    pub(super) fn remove(&mut self, mailbox: i64) {
        self.entries.retain(|it| it.of != Some(mailbox));
        self.log.retain(|(_, of, ..)| *of != Some(mailbox));
    }

    fn set(
        &mut self,
        of: Option<i64>,
        entry: EntryName,
        who: &str,
        value: Option<Vec<u8>>,
    ) -> bool {
        let private = entry.scope() == EntryScope::Private;
        let owner = private.then(|| who.to_owned());
        let same = |it: &Noted| it.of == of && it.entry == entry && it.owner == owner;
        let before = self.entries.iter().position(same);
        let before = before.map(|place| self.entries.remove(place).value);
        let different = before != value;
        let number = self.number() + 1;
        if let Some(value) = value {
            self.entries.push(Noted {
                of,
                entry: entry.clone(),
                value,
                owner: owner.clone(),
            });
        }
        if different {
            self.log
                .retain(|(_, known, name, whose)| (*known, name, whose) != (of, &entry, &owner));
            self.log.push((number, of, entry, owner));
        }
        different
    }

    fn of(&self, of: Option<i64>, who: &str) -> Vec<&Noted> {
        let seen = |it: &&Noted| it.of == of && it.owner.as_ref().is_none_or(|it| it == who);
        let mut found: Vec<&Noted> = self.entries.iter().filter(seen).collect();
        found.sort_by_key(|it| {
            let private = it.entry.scope() == EntryScope::Private;
            (private, it.entry.rest().to_owned())
        });
        found
    }
}

impl Fake {
    /// `note WHO MAILBOX ENTRY VALUE`: somebody notes something; `-` for the server, and for no value.
    pub(super) fn note(&mut self, words: &str) {
        let words: Vec<&str> = words.splitn(4, ' ').collect();
        let of = (words[1] != "-").then(|| {
            let name = MailboxName::new(&words[1].replace('_', " ")).unwrap();
            self.find(&name).unwrap().id.0
        });
        let entry = EntryName::new(words[2]).unwrap();
        let value = (words[3] != "-").then(|| words[3].as_bytes().to_vec());
        let who = format!("{}@waxwing.test", words[0]);
        assert!(self.metadata.set(of, entry, &who, value));
    }

    pub(super) fn metadata(&mut self, ask: Ask) -> Result<Answer, Error> {
        Ok(match ask {
            Ask::Metadata { mailbox } => {
                let of = self.noted(mailbox.as_ref())?;
                let found = self.metadata.of(of, &self.account);
                let found = found.iter();
                let found = found.map(|it| (it.entry.clone(), it.value.len() as u64));
                Answer::Metadata(found.collect())
            }
            Ask::MetadataValues { mailbox, entries } => {
                let of = self.noted(mailbox.as_ref())?;
                let found = self.metadata.of(of, &self.account);
                let found = found.iter().filter(|it| entries.contains(&it.entry));
                let found = found.map(|it| (it.entry.clone(), it.value.clone()));
                Answer::MetadataValues(found.collect())
            }
            Ask::MetadataNews { since, others } => {
                Answer::MetadataNews(self.metadata_news(since, &others))
            }
            Ask::SetMetadata { mailbox, values } => {
                let of = self.noted(mailbox.as_ref())?;
                let shared = values
                    .iter()
                    .any(|(entry, _)| entry.scope() == EntryScope::Shared);
                if of.is_none() && shared {
                    return Err(Error::NoPermission);
                }
                if values
                    .iter()
                    .any(|(_, value)| value.as_ref().is_some_and(|it| it.len() > MAX_VALUE))
                {
                    return Err(Error::MetadataSize(MAX_VALUE as u64));
                }
                let before = self.metadata.entries.clone();
                let log = self.metadata.log.clone();
                let who = self.account.clone();
                let number = self.metadata.number() + 1;
                for (entry, value) in values {
                    self.metadata.set(of, entry, &who, value);
                }
                for scope in [EntryScope::Private, EntryScope::Shared] {
                    let found = self.metadata.of(of, &who);
                    if found.iter().filter(|it| it.entry.scope() == scope).count() > MAX_ENTRIES {
                        (self.metadata.entries, self.metadata.log) = (before, log);
                        return Err(Error::MetadataTooMany);
                    }
                }
                // One number for all that was changed.
                let mut set = 0;
                for (changed, ..) in &mut self.metadata.log {
                    if *changed >= number {
                        *changed = number;
                        set = number;
                    }
                }
                Answer::MetadataSet(set)
            }
            _ => super::unavailable(),
        })
    }

    /// What came behind a number, two changes at a time.
    fn metadata_news(&self, since: Option<u64>, others: &Others) -> MetadataNews {
        let mut news = MetadataNews {
            number: since.unwrap_or_else(|| self.metadata.number()),
            ..MetadataNews::default()
        };
        let since = news.number;
        for (number, of, entry, owner) in &self.metadata.log {
            if *number <= since {
                continue;
            }
            if news.changed.len() >= 2 && *number > news.number {
                news.more = true;
                break;
            }
            news.number = *number;
            let mut all = self.mailboxes.iter();
            let mailbox = of.map(|of| all.find(|mailbox| mailbox.id.0 == of).unwrap());
            let rights = mailbox.map_or(Rights::ALL, |mailbox| self.rights(mailbox));
            let whose = mailbox.and_then(|mailbox| mailbox.name.owner());
            let meant = match (others, whose) {
                (Others::Of { owners, subscribed }, Some(whose)) => {
                    *subscribed || owners.iter().any(|owner| owner == whose)
                }
                _ => true,
            };
            let hidden = owner.as_ref().is_some_and(|owner| *owner != self.account);
            let any = Rights::parse("rswip").unwrap();
            if hidden || !meant || !rights.has(Rights::LOOKUP) || !rights.has_any(any) {
                continue;
            }
            news.changed.push(MetadataChanged {
                mailbox: mailbox.map(|mailbox| mailbox.name.clone()),
                entry: entry.clone(),
                number: *number,
                readable: rights.has(Rights::READ),
            });
        }
        news
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
