//! Messages on their way into an account: gathered to batches, each of which is one commit.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};

use serde::Serialize;

use super::spool::Ends;
use super::{Account, Contents, Folder, Message, Progress, Source};
use crate::admin::mail::{Arriving, BATCH, BATCH_OCTETS, Batch};
use crate::admin::{Exit, Failure};

/// Items that are asked for at a time.
const ASKED: usize = 1_000;

/// What came of a move.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Tally {
    /// Folders that were gone through.
    pub(crate) mailboxes: u64,
    /// Messages that were moved.
    pub(crate) messages: u64,
    /// Those that were there already.
    pub(crate) known: u64,
    /// Folders and messages that could not be moved; each was told of.
    pub(crate) left_out: u64,
}

/// How an import is done.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Only these folders, with those below them; all if there are none.
    pub(crate) only: Vec<String>,
    /// The mailbox under which all folders are put.
    pub(crate) under: Option<String>,
    /// What was imported before comes once more.
    pub(crate) again: bool,
}

/// An account that is being filled.
pub(crate) struct Filling<'a> {
    account: &'a mut Account,
    progress: &'a Progress,
    again: bool,
    /// The largest message that the server takes.
    largest: u64,
    /// The mailbox that is being filled.
    mailbox: i64,
    tally: Tally,
    waiting: Vec<(Arriving, Ends)>,
    octets: u64,
}

impl<'a> Filling<'a> {
    /// Moves all that is wished for of a source.
    pub(crate) fn fill(
        account: &'a mut Account,
        source: &mut dyn Source,
        wishes: &Wishes,
        progress: &'a Progress,
    ) -> Result<Tally, Failure> {
        let largest = account.open()?.message_size;
        let mut filling = Self {
            account,
            progress,
            again: wishes.again,
            largest,
            mailbox: 0,
            tally: Tally::default(),
            waiting: Vec::new(),
            octets: 0,
        };
        let Contents {
            folders,
            subscriptions,
            left_out,
        } = source.open()?;
        for folder in left_out.iter().filter(|folder| wishes.wants(&folder.path)) {
            filling.leave_out(&folder.name, &folder.why);
        }
        let wanted: Vec<&Folder> = folders
            .iter()
            .filter(|folder| wishes.wants(&folder.path))
            .collect();
        for name in &wishes.only {
            if !wanted.iter().any(|folder| is_or_below(&folder.path, name)) {
                return Err(Failure::data(format!("there is no folder {name:?}")));
            }
        }
        for folder in wanted {
            filling.folder(source, folder, wishes)?;
        }
        filling.subscribe(&subscriptions, wishes)?;
        Ok(filling.tally)
    }

    fn folder(
        &mut self,
        source: &mut dyn Source,
        folder: &Folder,
        wishes: &Wishes,
    ) -> Result<(), Failure> {
        self.mailbox = match self.account.make(&wishes.place(&folder.path)) {
            Ok(mailbox) => mailbox,
            Err(failure) if failure.exit == Exit::Data => {
                self.leave_out(&format!("folder {:?}", folder.path), &failure.text);
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        source.bring(folder, self)?;
        self.tally.mailboxes += 1;
        self.flush()
    }

    fn subscribe(&mut self, paths: &[String], wishes: &Wishes) -> Result<(), Failure> {
        let wanted = paths.iter().filter(|path| wishes.wants(path));
        for path in wanted.map(|path| wishes.place(path)) {
            match self.account.subscribe(vec![path.clone()]) {
                Err(failure) if failure.exit == Exit::Data => {
                    self.leave_out(&format!("the subscription of {path:?}"), &failure.text);
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// So many messages of a folder are to come.
    pub(crate) fn begin(&self, folder: &Folder, messages: usize) {
        self.progress.folder(&folder.path, messages as u64);
    }

    /// Of some items those that are to be brought, by their places; the others are counted as known.
    pub(crate) fn wanted(&mut self, items: &[String]) -> Result<Vec<usize>, Failure> {
        if self.again {
            return Ok((0..items.len()).collect());
        }
        let mut known = HashSet::new();
        for asked in items.chunks(ASKED) {
            known.extend(self.account.known(asked.to_vec())?);
        }
        let new = items
            .iter()
            .enumerate()
            .filter(|(_, item)| !known.contains(*item));
        let wanted: Vec<usize> = new.map(|(place, _)| place).collect();
        let found = (items.len() - wanted.len()) as u64;
        self.tally.known += found;
        self.progress.advance(found);
        Ok(wanted)
    }

    /// Takes a message; `name` is what it is called if it has to be left out.
    pub(crate) fn take(&mut self, name: &str, message: Message) -> Result<(), Failure> {
        let verbatim = message.verbatim;
        let mut content = message.content;
        let spooled = |error| spooling(&error);
        let is_message = !self.account.is_owners() || content.is_message().map_err(spooled)?;
        let (octets, content) = content.for_store().map_err(spooled)?;
        if let Some(why) = self.too_large(octets) {
            self.pass(name, &why);
            return Ok(());
        }
        if !is_message {
            let why = "it does not begin with a header, or has octets that no message has";
            self.pass(name, why);
            return Ok(());
        }
        for keyword in message.marks.lost {
            let keyword = format!("keyword {keyword:?} of {name}");
            self.leave_out(&keyword, "the server takes no such keyword, or not so many");
        }
        if self.waiting.len() >= BATCH || self.octets + octets > BATCH_OCTETS {
            self.flush()?;
        }
        let arriving = Arriving {
            item: message.item,
            verbatim,
            mailbox: self.mailbox,
            flags: message.marks.flags.bits(),
            keywords: message.marks.keywords,
            date: message.date,
            offset: message.offset,
            octets,
        };
        self.octets += octets;
        self.waiting.push((arriving, content));
        Ok(())
    }

    /// Octets of the largest message that is taken.
    pub(crate) fn largest(&self) -> u64 {
        self.largest
    }

    /// Leaves out a message, which is dealt with so.
    pub(crate) fn pass(&mut self, name: &str, why: &str) {
        self.leave_out(name, why);
        self.progress.advance(1);
    }

    /// Why a message of so many octets is not taken; nothing if it is.
    pub(crate) fn too_large(&self, octets: u64) -> Option<String> {
        let most = self.largest;
        (octets > most)
            .then(|| format!("it has {octets} octets, and the server takes {most} at most"))
    }

    /// Tells of what cannot be moved.
    pub(crate) fn leave_out(&mut self, name: &str, why: &str) {
        self.leave_out_all(name, 1, why);
    }

    /// Tells of so many messages that cannot be moved for one reason.
    pub(crate) fn leave_out_all(&mut self, name: &str, count: u64, why: &str) {
        self.tally.left_out += count;
        self.progress.say(&format!("left out: {name}: {why}"));
    }

    /// Says something that leaves nothing out.
    pub(crate) fn say(&self, text: &str) {
        self.progress.say(text);
    }

    /// Has all that waits stored.
    fn flush(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.octets = 0;
        let (messages, contents): (Vec<_>, Vec<_>) = self.waiting.drain(..).unzip();
        let count = messages.len() as u64;
        let batch = Batch {
            address: self.account.address().to_owned(),
            again: self.again,
            messages,
        };
        let stored = self.account.put(batch, &mut OneByOne(contents))?;
        self.tally.messages += stored;
        self.tally.known += count.saturating_sub(stored);
        self.progress.advance(count);
        Ok(())
    }
}

pub(super) fn spooling(error: &io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("a temporary file: {error}"))
}

impl Wishes {
    fn wants(&self, path: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| is_or_below(path, name))
    }

    /// Where a folder is put.
    fn place(&self, path: &str) -> String {
        match &self.under {
            Some(above) => format!("{}/{path}", above.trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}

/// Whether a path is `name`, or lies below it.
fn is_or_below(path: &str, name: &str) -> bool {
    let inbox = |text: &str| text.eq_ignore_ascii_case("INBOX");
    path.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || (inbox(path) && inbox(name))
}

/// Contents, one after the other.
struct OneByOne(Vec<Ends>);

impl Read for OneByOne {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(first) = self.0.first_mut() {
            let taken = first.read(out)?;
            if taken > 0 || out.is_empty() {
                return Ok(taken);
            }
            self.0.remove(0);
        }
        Ok(0)
    }
}

/// Numbers those that are the same: each gets how many of them came before it. There may be very many, so that of each as little is kept as
/// tells them apart, the number that an [`item`](super::item) is.
#[derive(Debug, Default)]
pub(crate) struct Twins(HashMap<u128, u64>);

impl Twins {
    pub(crate) fn number(&mut self, item: &str) -> u64 {
        // Items are 32 hexadecimal digits.
        let number = u128::from_str_radix(item, 16).unwrap_or_default();
        let count = self.0.entry(number).or_default();
        *count += 1;
        *count - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_wished_for_with_what_is_below_them() {
        let wishes = Wishes {
            only: vec!["Work".into(), "inbox".into()],
            under: Some("Old/".into()),
            again: false,
        };
        for (path, wanted) in [
            ("Work", true),
            ("Work/a", true),
            ("Workshop", false),
            ("INBOX", true),
        ] {
            assert_eq!(wishes.wants(path), wanted, "{path}");
        }
        assert_eq!(wishes.place("Work/a"), "Old/Work/a");
        assert!(Wishes::default().wants("anything"));
    }
}
