//! What a session has been told of a mailbox, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

/// A message as a session knows it: nothing but that it is there, or its UID and flags, too.
type Row = Option<(u32, BTreeSet<String>)>;

/// The messages in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    rows: Vec<Row>,
    /// Messages that are known from before the connection broke, until it is known which numbers they have.
    kept: BTreeMap<u32, BTreeSet<String>>,
    /// The highest modification sequence that was told of.
    pub(super) modseq: u64,
}

impl View {
    /// What a client has that comes back: no numbers any more.
    pub(super) fn kept(&self) -> View {
        View {
            rows: Vec::new(),
            kept: self.messages(),
            modseq: self.modseq,
        }
    }

    /// Messages that were kept and are not there, though nobody said that they went.
    pub(super) fn missed(&self) -> Vec<u32> {
        self.kept.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Numbers of messages of which only that is known.
    pub(super) fn unknown(&self) -> Vec<usize> {
        let numbered = self.rows.iter().zip(1..);
        let unknown = numbered.filter(|(row, _)| row.is_none());
        unknown.map(|(_, number)| number).collect()
    }

    /// UIDs with their flags.
    pub(super) fn messages(&self) -> BTreeMap<u32, BTreeSet<String>> {
        self.rows.iter().flatten().cloned().collect()
    }

    /// Takes an untagged response in.
    ///
    /// # Errors
    /// If it cannot be true after what was told before.
    pub(super) fn take(&mut self, response: &str) -> Result<(), String> {
        let rest = response.strip_prefix("* ").unwrap_or(response);
        let words: Vec<&str> = rest.split(' ').collect();
        match words.as_slice() {
            [count, "EXISTS"] => self.exists(number(count)?),
            [which, "EXPUNGE"] => self.expunged(number(which)?),
            [which, "FETCH", ..] => self.fetched(number(which)?, rest),
            ["VANISHED", "(EARLIER)", set] => {
                for uid in uids(set)? {
                    self.kept.remove(&uid);
                }
                Ok(())
            }
            ["VANISHED", set] => uids(set)?
                .into_iter()
                .try_for_each(|uid| self.vanished(uid)),
            _ => {
                if let Some(modseq) = after(rest, "[HIGHESTMODSEQ ") {
                    self.modseq = self.modseq.max(modseq);
                }
                Ok(())
            }
        }
    }

    fn exists(&mut self, count: usize) -> Result<(), String> {
        if count < self.rows.len() {
            return Err(format!("{count} EXISTS after {}", self.rows.len()));
        }
        self.rows.resize(count, None);
        Ok(())
    }

    fn expunged(&mut self, number: usize) -> Result<(), String> {
        if number == 0 || number > self.rows.len() {
            return Err(format!("{number} EXPUNGE of {}", self.rows.len()));
        }
        self.rows.remove(number - 1);
        Ok(())
    }

    fn vanished(&mut self, uid: u32) -> Result<(), String> {
        self.kept.remove(&uid);
        let known = self.rows.iter().position(|row| is(row, uid));
        // RFC 7162 §3.2.10: it may be one of which no UID was told. It stands among those between its neighbours by UID.
        let below = |row: &Row| row.as_ref().is_some_and(|(known, _)| *known < uid);
        let after = self.rows.iter().rposition(below).map_or(0, |at| at + 1);
        let unknown = || {
            self.rows
                .get(after)
                .is_some_and(Option::is_none)
                .then_some(after)
        };
        let at = known.or_else(unknown);
        let at = at.ok_or_else(|| format!("VANISHED {uid}, which was not there"))?;
        self.rows.remove(at);
        Ok(())
    }

    fn fetched(&mut self, number: usize, text: &str) -> Result<(), String> {
        if let Some(modseq) = after(text, "MODSEQ (") {
            self.modseq = self.modseq.max(modseq);
        }
        let Some(row) = number.checked_sub(1).and_then(|at| self.rows.get_mut(at)) else {
            return Err(format!("FETCH of {number} of {}", self.rows.len()));
        };
        let told = after(text, "UID ").and_then(|uid| u32::try_from(uid).ok());
        let known = row.as_ref().map(|(uid, _)| *uid);
        if let (Some(told), Some(known)) = (told, known)
            && told != known
        {
            return Err(format!("{number} has the UID {told} and had {known}"));
        }
        let Some(uid) = told.or(known) else {
            return Ok(());
        };
        let kept = self.kept.remove(&uid);
        let flags = text.split_once("FLAGS (");
        if let Some((flags, _)) = flags.and_then(|(_, rest)| rest.split_once(')')) {
            // \Recent is of a session, not of the message.
            let flags = flags.split_whitespace().filter(|flag| *flag != "\\Recent");
            *row = Some((uid, flags.map(str::to_owned).collect()));
        } else if row.is_none() {
            *row = kept.map(|flags| (uid, flags));
        }
        Ok(())
    }
}

fn is(row: &Row, uid: u32) -> bool {
    row.as_ref().is_some_and(|(known, _)| *known == uid)
}

fn number(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| format!("{word} is no number"))
}

/// The number behind a text.
fn after(text: &str, before: &str) -> Option<u64> {
    let (_, rest) = text.split_once(before)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The UIDs of a set.
fn uids(set: &str) -> Result<Vec<u32>, String> {
    let mut all = Vec::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let parse = |word: &str| word.parse::<u32>().map_err(|_| format!("{set} is no set"));
        let (first, last) = (parse(first)?, parse(last)?);
        all.extend(first.min(last)..=first.max(last));
    }
    Ok(all)
}
