//! GETMETADATA and SETMETADATA (RFC 5464 §4.2, §4.3).
//!
//! Invariant: of what is noted only the values that are told are read, and some of them at a time.

use crate::ask::{Answer, Ask};
use crate::encode::{metadata, texts};
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::mailboxes::bad_name;
use crate::session::metadata_news;
use crate::types::{
    EntryDepth, EntryName, EntryValues, MailboxArgument, MailboxName, MetadataOptions,
};

/// Octets of values in one response, unless it is only one.
const AT_ONCE: u64 = 64 * 1024;

pub(crate) fn get(
    mailbox: Option<MailboxArgument>,
    options: MetadataOptions,
    entries: Vec<EntryName>,
) -> Flow {
    let mailbox = match mailbox.transpose() {
        Ok(mailbox) => mailbox,
        Err(error) => return bad_name(error),
    };
    let ask = Ask::Metadata {
        mailbox: mailbox.clone(),
    };
    let get = Get {
        mailbox,
        options,
        entries,
        after: None,
    };
    Flow::Ask(ask, Box::new(get))
}

/// What is noted of a mailbox that is listed (RFC 9590), then what comes after; nothing, if it cannot be had.
pub(crate) fn of_listed(
    mailbox: MailboxName,
    entries: Vec<EntryName>,
    after: Box<dyn Job>,
) -> Flow {
    let ask = Ask::Metadata {
        mailbox: Some(mailbox.clone()),
    };
    let get = Get {
        mailbox: Some(mailbox),
        options: MetadataOptions::default(),
        entries,
        after: Some(after),
    };
    Flow::Ask(ask, Box::new(get))
}

/// What could not be had of a mailbox.
fn none(answer: &Answer, after: Option<Box<dyn Job>>) -> Flow {
    match after {
        Some(after) => Flow::Resume(after),
        None => failed(answer, false),
    }
}

pub(crate) fn set(mailbox: Option<MailboxArgument>, values: EntryValues) -> Flow {
    match mailbox.transpose() {
        Ok(mailbox) => Flow::Ask(Ask::SetMetadata { mailbox, values }, Box::new(Set)),
        Err(error) => bad_name(error),
    }
}

#[derive(Debug)]
struct Set;

impl Job for Set {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::MetadataSet(number) = answer else {
            return failed(&answer, false);
        };
        metadata_news::own(core, number);
        Flow::Done(texts::ok("SETMETADATA completed"))
    }
}

#[derive(Debug)]
struct Get {
    mailbox: Option<MailboxName>,
    options: MetadataOptions,
    entries: Vec<EntryName>,
    /// What comes behind it, where it is not GETMETADATA.
    after: Option<Box<dyn Job>>,
}

impl Job for Get {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Metadata(mut known) = answer else {
            return none(&answer, self.after);
        };
        if let Some((entry, value)) = computed(core, self.mailbox.as_ref()) {
            known.retain(|(known, _)| *known != entry);
            known.insert(0, (entry, value.len() as u64));
        }
        let limit = self.options.max_size.map_or(u64::MAX, u64::from);
        let mut getting = Getting {
            mailbox: self.mailbox,
            limit,
            longest: 0,
            left: Vec::new(),
            after: self.after,
        };
        for wanted in &self.entries {
            let means = |(entry, _): &&(EntryName, u64)| self.options.depth.means(wanted, entry);
            let mut found = known.iter().filter(means).peekable();
            // An entry that was asked for by its name has no value where it is not there.
            if found.peek().is_none() && self.options.depth == EntryDepth::Zero {
                getting.tell_of(wanted, None);
            }
            for (entry, size) in found {
                getting.tell_of(entry, Some(*size));
            }
        }
        getting.left.reverse();
        Box::new(getting).resume(core)
    }
}

/// The entry that is no client's, and its value: RFC 5464 §6.2.2, how the administrator is reached.
fn computed(core: &Core, mailbox: Option<&MailboxName>) -> Option<(EntryName, Vec<u8>)> {
    let contact = core.config.contact.as_bytes();
    let entry = EntryName::new("/shared/admin")?;
    (mailbox.is_none() && !contact.is_empty()).then(|| (entry, contact.to_vec()))
}

/// Values are being told.
#[derive(Debug)]
struct Getting {
    mailbox: Option<MailboxName>,
    /// Larger values are not told.
    limit: u64,
    /// Octets of the largest that is not.
    longest: u64,
    /// What is to be told, the first last, with the octets of its value; none: it has no value.
    left: Vec<(EntryName, Option<u64>)>,
    /// What comes behind it, where it is not GETMETADATA.
    after: Option<Box<dyn Job>>,
}

impl Getting {
    fn tell_of(&mut self, entry: &EntryName, size: Option<u64>) {
        let octets = size.unwrap_or(0);
        if octets > self.limit {
            self.longest = self.longest.max(octets);
        } else if self.left.iter().all(|(known, _)| known != entry) {
            self.left.push((entry.clone(), size));
        }
    }

    /// What goes into the next response.
    fn next(&mut self) -> Vec<(EntryName, Option<u64>)> {
        let (mut batch, mut octets) = (Vec::new(), 0);
        while let Some((entry, size)) = self.left.pop() {
            octets += size.unwrap_or(0);
            if octets > AT_ONCE && !batch.is_empty() {
                self.left.push((entry, size));
                break;
            }
            batch.push((entry, size));
        }
        batch
    }
}

impl Job for Getting {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        failed(&answer, false)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let batch = self.next();
        if batch.is_empty() {
            if let Some(after) = self.after {
                return Flow::Resume(after);
            }
            let done = texts::ok("GETMETADATA completed");
            // RFC 5464 §4.2.1
            return Flow::Done(if self.longest > 0 {
                done.with_code(format!("METADATA LONGENTRIES {}", self.longest))
            } else {
                done
            });
        }
        let computed = computed(core, self.mailbox.as_ref());
        let is_computed = |name: &EntryName| computed.as_ref().is_some_and(|(it, _)| it == name);
        let there = batch.iter().filter(|(_, size)| size.is_some());
        let entries: Vec<EntryName> = there
            .map(|(entry, _)| entry.clone())
            .filter(|entry| !is_computed(entry))
            .collect();
        let batch = batch.into_iter().map(|(entry, _)| entry).collect();
        let values = computed.into_iter().collect();
        let mailbox = self.mailbox.clone();
        let told = Box::new(Values {
            getting: *self,
            batch,
            values,
        });
        if entries.is_empty() {
            return told.answer(core, Answer::MetadataValues(Vec::new()));
        }
        Flow::Ask(Ask::MetadataValues { mailbox, entries }, told)
    }
}

/// The values of one response are being asked for.
#[derive(Debug)]
struct Values {
    getting: Getting,
    batch: Vec<EntryName>,
    /// Those that are known already.
    values: Vec<(EntryName, Vec<u8>)>,
}

impl Job for Values {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::MetadataValues(values) = answer else {
            return none(&answer, self.getting.after);
        };
        self.values.extend(values);
        let mut told = Vec::new();
        for entry in self.batch {
            let found = self.values.iter().position(|(known, _)| *known == entry);
            let value = found.map(|place| self.values.swap_remove(place).1);
            let octets = value.as_ref().map_or(0, |value| value.len() as u64);
            // It may have become larger meanwhile.
            if octets > self.getting.limit {
                self.getting.longest = self.getting.longest.max(octets);
            } else {
                told.push((entry, value));
            }
        }
        if !told.is_empty() {
            let names = core.names();
            metadata(&mut core.out, self.getting.mailbox.as_ref(), names, &told);
        }
        Flow::Resume(Box::new(self.getting))
    }
}
