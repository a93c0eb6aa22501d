//! What changed in an account between two moments, of emails, threads and mailboxes (RFC 8620 §5.2).
//!
//! An email is a content that the account has, in one mailbox or several; a thread is what its emails say that they belong to. A moment is a
//! modification sequence of the account. What is there says when it came, what left is written down with when it had come: so whether
//! something was there at a moment is known exactly, of every moment back to the account's floor. What has `\Deleted` is not there for JMAP
//! (RFC 8621 §4.1.1): it leaves when it gets the flag, and comes when it loses it.
//!
//! A message with \Deleted is not there.
//!
//! Invariant: what is there is read before what left. What moves meanwhile is then found twice, and never not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use crate::statement::Sql;
use crate::visible::{Eyes, Visible};
use crate::{AccountId, BlobId, Error, MailboxId, Result, Store};

static ACCOUNT_STATE: Sql = Sql::new("SELECT modseq, departed_floor FROM accounts WHERE id = $1");
pub(crate) static DEPARTED: Sql = Sql::new(
    "SELECT modseq, mailbox, created, emails FROM departures WHERE account = $1 AND modseq > $2 ORDER BY modseq",
);
pub(crate) static MAILBOX_MOMENTS: Sql =
    Sql::new("SELECT id, created, named, highest_modseq FROM mailboxes WHERE account = $1");

/// Something that came, and perhaps left again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stay<K> {
    what: K,
    came: u64,
    /// When it was changed last; of what left, when it left.
    changed: u64,
    left: bool,
}

/// What changed between two moments, each thing once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences<K> {
    /// The later moment.
    pub until: u64,
    /// What was not there and is.
    pub created: Vec<K>,
    /// What was there, still is, and is not as it was.
    pub updated: Vec<K>,
    /// What was there and is not.
    pub destroyed: Vec<K>,
    /// More has changed after the later moment.
    pub more: bool,
}

/// All that happened to some things after a moment.
#[derive(Debug, Clone)]
pub struct Log<K> {
    since: u64,
    now: u64,
    stays: HashMap<K, Vec<Stay<K>>>,
}

impl<K: Copy + Eq + Hash + Ord> Log<K> {
    fn new(since: u64, now: u64, stays: impl IntoIterator<Item = Stay<K>>) -> Self {
        let mut by_what: HashMap<K, Vec<Stay<K>>> = HashMap::new();
        for stay in stays {
            by_what.entry(stay.what).or_default().push(stay);
        }
        Self {
            since,
            now,
            stays: by_what,
        }
    }

    /// The differences from the beginning to now.
    pub fn all(&self) -> Differences<K> {
        self.until(self.now)
    }

    /// The differences to the latest moment until which there are no more than `most`; none if there is no such moment.
    pub fn at_most(&self, most: usize) -> Option<Differences<K>> {
        let fits = |found: &Differences<K>| {
            found.created.len() + found.updated.len() + found.destroyed.len() <= most
        };
        let all = self.all();
        if fits(&all) {
            return Some(all);
        }
        let stays = self.stays.values().flatten();
        let moments: BTreeSet<u64> = stays
            .flat_map(|stay| [stay.came, stay.changed])
            .filter(|moment| (self.since + 1..self.now).contains(moment))
            .collect();
        // The number of differences need not rise with the moment, since what came may leave again: from the latest on, halving only to
        // begin near.
        let moments: Vec<u64> = moments.into_iter().collect();
        let near = moments.partition_point(|moment| fits(&self.until(*moment)));
        let candidates = moments.get(..near).unwrap_or_default();
        let latest = candidates.last()?;
        Some(self.until(*latest)).filter(fits)
    }

    fn until(&self, until: u64) -> Differences<K> {
        let mut found = Differences {
            until,
            created: Vec::new(),
            updated: Vec::new(),
            destroyed: Vec::new(),
            more: until < self.now,
        };
        for (what, stays) in &self.stays {
            let there = |moment| stays.iter().any(|stay| stay.was_there(moment));
            let within = |moment: u64| self.since < moment && moment <= until;
            let happened = |stay: &Stay<K>| within(stay.came) || within(stay.changed);
            match (there(self.since), there(until)) {
                (false, true) => found.created.push(*what),
                (true, false) => found.destroyed.push(*what),
                (true, true) if stays.iter().any(happened) => found.updated.push(*what),
                _ => {}
            }
        }
        found.created.sort_unstable();
        found.updated.sort_unstable();
        found.destroyed.sort_unstable();
        found
    }
}

impl<K> Stay<K> {
    fn was_there(&self, moment: u64) -> bool {
        self.came <= moment && (!self.left || moment < self.changed)
    }
}

/// What happened in an account after a moment.
#[derive(Debug, Clone)]
pub struct AccountLog {
    /// Emails, by their content.
    pub emails: Log<BlobId>,
    /// Threads, whose change it is when emails come into them or leave them; none if it is not known of some email which is its thread.
    pub threads: Option<Log<i64>>,
    /// Mailboxes; a message that comes, changes or leaves changes its mailbox.
    pub mailboxes: Log<MailboxId>,
    /// Mailboxes that were changed beside their messages.
    pub named: HashSet<MailboxId>,
    /// Threads of which an email came, changed or left.
    pub touched: HashSet<i64>,
}

impl AccountLog {
    /// Nothing happened: asked often, and answered without looking at any message.
    fn quiet(now: u64) -> Self {
        Self {
            emails: Log::new(now, now, []),
            threads: Some(Log::new(now, now, [])),
            mailboxes: Log::new(now, now, []),
            named: HashSet::new(),
            touched: HashSet::new(),
        }
    }
}

/// A message, there or not any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmailStay {
    pub(crate) blob: BlobId,
    pub(crate) thread: i64,
    pub(crate) created: u64,
    pub(crate) changed: u64,
}

impl Store {
    /// The account's modification sequence, which every change raises.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn account_state(&self, account: AccountId) -> Result<u64> {
        Ok(self.state_and_floor(account).await?.0)
    }

    pub(crate) async fn state_and_floor(&self, account: AccountId) -> Result<(u64, u64)> {
        let arguments = vec![account.0.into()];
        let row = self
            .inner
            .readers
            .fetch_one(&ACCOUNT_STATE, arguments)
            .await?;
        let row = row.ok_or_else(|| Error::NoSuchAccount(account.to_string()))?;
        Ok((row.natural(0)?, row.natural(1)?))
    }

    /// What happened in an account after a moment; none if that is not known any more, or never was.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn account_log(&self, account: AccountId, since: u64) -> Result<Option<AccountLog>> {
        self.log_for(account, Eyes(None), since).await
    }

    /// The same of what somebody sees of it, between two states of that.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn visible_log(
        &self,
        account: AccountId,
        visible: &Visible,
        since: u64,
    ) -> Result<Option<AccountLog>> {
        self.log_for(account, Eyes(Some(visible)), since).await
    }

    async fn log_for(
        &self,
        account: AccountId,
        eyes: Eyes<'_>,
        since: u64,
    ) -> Result<Option<AccountLog>> {
        let (now, floor) = self.seen_state(account, eyes).await?;
        if since == now {
            return Ok(Some(AccountLog::quiet(now)));
        }
        if since < floor || since > now {
            return Ok(None);
        }
        let here = self.stays_in(account, eyes).await?;
        let arguments = vec![
            account.0.into(),
            super::writer::buffers::signed(since).into(),
        ];
        let moments = self
            .inner
            .readers
            .fetch(&MAILBOX_MOMENTS, vec![account.0.into()])
            .await?;
        let rows = self.inner.readers.fetch(&DEPARTED, arguments).await?;
        // What was swept meanwhile may be missing.
        if since < self.state_and_floor(account).await?.1 {
            return Ok(None);
        }
        let mut left = Vec::new();
        let mut mailboxes = Vec::new();
        for row in &rows {
            let (modseq, emails) = (row.natural(0)?, row.text(3)?);
            let mailbox = MailboxId(row.int(1)?);
            if emails.is_empty() && eyes.know(mailbox) {
                mailboxes.push(Stay {
                    what: mailbox,
                    came: row.natural(2)?,
                    changed: modseq,
                    left: true,
                });
            }
            if !eyes.read(mailbox) {
                continue;
            }
            for line in emails.lines() {
                let stay = departed(line, modseq);
                left.push(stay.ok_or_else(|| Error::Corrupt(format!("a departure is {line}")))?);
            }
        }
        let mut named = HashSet::new();
        for row in &moments {
            let (what, came) = (MailboxId(row.int(0)?), row.natural(1)?);
            if !eyes.know(what) {
                continue;
            }
            let name = row.natural(2)?;
            let content = match eyes.read(what) {
                true => row.natural(3)?,
                false => came,
            };
            if name > since {
                named.insert(what);
            }
            // Two stays, so that a change of each is found by itself.
            for changed in [name, content] {
                mailboxes.push(Stay {
                    what,
                    came,
                    changed,
                    left: false,
                });
            }
        }
        Ok(Some(AccountLog {
            emails: emails(since, now, &here, &left),
            threads: threads(since, now, &here, &left),
            mailboxes: Log::new(since, now, mailboxes),
            named,
            touched: touched(since, &here, &left),
        }))
    }

    /// Every message that is there to be read.
    async fn stays_in(&self, account: AccountId, eyes: Eyes<'_>) -> Result<Vec<EmailStay>> {
        let mut stays = Vec::new();
        for mailbox in self.mailboxes(account).await? {
            if !mailbox.selectable || !eyes.read(mailbox.id) {
                continue;
            }
            match self.image(account, mailbox.id).await {
                Ok((_, image)) => stays.extend(image.stays()),
                // It went meanwhile, and what was in it is among what left.
                Err(Error::NoSuchMailbox(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stays)
    }
}

pub(crate) fn departed(line: &str, modseq: u64) -> Option<EmailStay> {
    let mut columns = line.split(' ');
    let mut next = || columns.next()?.parse::<i64>().ok();
    Some(EmailStay {
        blob: BlobId(next()?),
        created: u64::try_from(next()?).ok()?,
        thread: next()?,
        changed: modseq,
    })
}

/// The threads of what is new, changed or gone.
fn touched(since: u64, here: &[EmailStay], left: &[EmailStay]) -> HashSet<i64> {
    let happened = |stay: &&EmailStay| stay.changed > since || stay.created > since;
    let changed = here.iter().filter(happened).chain(left);
    changed.map(|stay| stay.thread).collect()
}

/// The emails to which something happened, with all that is known of each.
fn emails(since: u64, now: u64, here: &[EmailStay], left: &[EmailStay]) -> Log<BlobId> {
    let happened = |stay: &&EmailStay| stay.changed > since || stay.created > since;
    let changed = here.iter().filter(happened).chain(left);
    let changed: HashSet<BlobId> = changed.map(|stay| stay.blob).collect();
    let all = both(here, left).filter(|(stay, _)| changed.contains(&stay.blob));
    let stays = all.map(|(stay, left)| Stay {
        what: stay.blob,
        came: stay.created,
        changed: stay.changed,
        left,
    });
    Log::new(since, now, stays)
}

fn both<'s>(
    here: &'s [EmailStay],
    left: &'s [EmailStay],
) -> impl Iterator<Item = (&'s EmailStay, bool)> {
    let here = here.iter().map(|stay| (stay, false));
    here.chain(left.iter().map(|stay| (stay, true)))
}

/// The threads in which emails came or went, with all emails of each. An email in several mailboxes comes with the first and leaves with the
/// last: what happens between is no change of its thread, and is kept out by joining its stays.
fn threads(since: u64, now: u64, here: &[EmailStay], left: &[EmailStay]) -> Option<Log<i64>> {
    let came = here.iter().filter(|stay| stay.created > since).chain(left);
    let moved: HashSet<i64> = came.map(|stay| stay.thread).collect();
    if moved.contains(&0) {
        return None;
    }
    let mut of_email: BTreeMap<(i64, BlobId), Vec<(u64, u64)>> = BTreeMap::new();
    for (stay, left) in both(here, left).filter(|(stay, _)| moved.contains(&stay.thread)) {
        let end = if left { stay.changed } else { u64::MAX };
        let spans = of_email.entry((stay.thread, stay.blob)).or_default();
        spans.push((stay.created, end));
    }
    let stays = of_email.into_iter().flat_map(|((what, _), spans)| {
        joined(spans).into_iter().map(move |(came, end)| Stay {
            what,
            came,
            changed: if end == u64::MAX { came } else { end },
            left: end != u64::MAX,
        })
    });
    Some(Log::new(since, now, stays))
}

/// Times that overlap or touch, as one.
fn joined(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(what: i64, came: u64, changed: u64, left: bool) -> Stay<i64> {
        Stay {
            what,
            came,
            changed,
            left,
        }
    }

    #[test]
    fn what_came_changed_and_left() {
        let stays = [
            stay(1, 2, 2, false),
            stay(2, 7, 7, false),
            stay(3, 2, 8, false),
            stay(4, 2, 9, true),
            stay(5, 6, 9, true),
            // Moved: it leaves one place and comes to another.
            stay(6, 1, 8, true),
            stay(6, 8, 8, false),
        ];
        let log = Log::new(5, 10, stays);
        let all = log.all();
        assert_eq!((all.until, all.more), (10, false));
        assert_eq!(all.created, [2]);
        assert_eq!(all.updated, [3, 6]);
        assert_eq!(all.destroyed, [4]);
        // 5 is there at 8, and 3 and 6 are changed.
        let part = log.until(8);
        assert_eq!(
            (part.created, part.updated, part.more),
            (vec![2, 5], vec![3, 6], true)
        );
        let two = log.at_most(2).unwrap();
        assert_eq!((two.until, two.created, two.more), (7, vec![2, 5], true));
        assert_eq!(log.at_most(0), None);
    }

    #[test]
    fn times_are_joined() {
        assert_eq!(joined(vec![(5, 9), (1, 5), (11, 12)]), [(1, 9), (11, 12)]);
    }
}
