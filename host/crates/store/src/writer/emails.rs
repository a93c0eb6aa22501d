//! Emails changed as one, in all mailboxes that have them (RFC 8621 §4.6).
//!
//! First all is looked at and decided, and only then written: an email is refused before anything of it has changed, and leaves the others
//! of its call alone. Flags change under one modification sequence and places under the next, so that an image which learns of the flags is
//! not taken for one that knows of the places.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Operation;
use super::buffers::NewMessage;
use super::departures::{self, Leaving};
use super::flags::writes;
use super::transaction::Transaction;
use crate::database::Row;
use crate::emails::{
    EmailChange, EmailEffect, EmailRefusal, EmailsChanged, KeywordsChange, MailboxesChange,
    Sighting,
};
use crate::flags::{join_keywords, split_keywords};
use crate::images::Flagged;
use crate::messages::ranges_of;
use crate::statement::Sql;
use crate::{
    AccountId, BlobId, FlagChange, FlagOperation, FlagScope, Flags, MailboxId, MessageFlags,
    Result, UidRange,
};

static PLACES: Sql = Sql::new(
    "SELECT m.uid, m.blob, m.flags, m.size, m.internal_date, m.keywords, m.internal_offset, m.created, m.thread
     FROM {2: first i, last i} AS r CROSS JOIN messages m WHERE m.mailbox = $1 AND m.uid BETWEEN r.first AND r.last ORDER BY m.uid",
);

/// A change of emails.
#[derive(Debug)]
pub(crate) struct ChangeEmails {
    pub(crate) sighting: Sighting,
    pub(crate) changes: Vec<(BlobId, EmailChange)>,
}

/// A message of an email.
#[derive(Debug, Clone)]
struct Held {
    mailbox: MailboxId,
    uid: u32,
    blob: BlobId,
    flags: Flags,
    keywords: Vec<String>,
    size: u64,
    internal_date: i64,
    internal_offset: i16,
    created: i64,
    thread: i64,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Plan {
    /// Messages that stay and have other flags: as they come to be, and were.
    flagged: Vec<(Held, Held)>,
    /// Messages that come into a mailbox, as they come to be but for their places; where from, and whether they leave that.
    placed: Vec<(Held, MailboxId, bool)>,
    /// Messages that leave.
    left: Vec<Held>,
}

impl Operation for ChangeEmails {
    type Output = EmailsChanged;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.sighting.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<EmailsChanged> {
        let account = self.sighting.account;
        let before = transaction.heads.account(account)?.modseq;
        let mut held = self.look(transaction).await?;
        let mut plan = Plan::default();
        let mut results = Vec::with_capacity(self.changes.len());
        for (blob, change) in &self.changes {
            let places = held.remove(blob).unwrap_or_default();
            results.push(plan.add(transaction, account, places, change)?);
        }
        let mut effects = Vec::new();
        plan.write_flags(transaction, account, &mut effects).await?;
        plan.write_places(transaction, account, &mut effects)
            .await?;
        Ok(EmailsChanged {
            before,
            after: transaction.heads.account(account)?.modseq,
            results,
            effects,
        })
    }
}

impl ChangeEmails {
    /// All messages of the emails: those that were seen and are there still, and those that came since.
    async fn look(&self, transaction: &mut Transaction) -> Result<HashMap<BlobId, Vec<Held>>> {
        let wanted: BTreeSet<BlobId> = self.changes.iter().map(|(blob, _)| *blob).collect();
        let mut seen: BTreeMap<MailboxId, Vec<UidRange>> = BTreeMap::new();
        for place in self.sighting.places.values().flatten() {
            let ranges = seen.entry(place.mailbox).or_default();
            ranges.push(UidRange::one(place.uid));
        }
        let head = transaction.heads.account(self.sighting.account)?;
        for head in head.mailboxes.values() {
            let mailbox = &head.mailbox;
            let known = self.sighting.next.get(&mailbox.id).copied().unwrap_or(1);
            if mailbox.selectable && known < mailbox.uid_next {
                let since = UidRange {
                    first: known,
                    last: mailbox.uid_next,
                };
                seen.entry(mailbox.id).or_default().push(since);
            }
        }
        let mut held: HashMap<BlobId, Vec<Held>> = HashMap::new();
        for (mailbox, ranges) in seen {
            // One that went took its messages along.
            let head = transaction.heads.account(self.sighting.account)?;
            if head.mailbox(mailbox).is_err() {
                continue;
            }
            let arguments = vec![mailbox.0.into(), ranges_of(&ranges).into()];
            for row in transaction.fetch(&PLACES, arguments).await? {
                let message = Held::of_row(mailbox, &row)?;
                if wanted.contains(&message.blob) {
                    held.entry(message.blob).or_default().push(message);
                }
            }
        }
        Ok(held)
    }
}

impl Held {
    fn of_row(mailbox: MailboxId, row: &Row) -> Result<Self> {
        Ok(Self {
            mailbox,
            uid: row.number(0)?,
            blob: BlobId(row.int(1)?),
            flags: Flags::from_bits(u8::try_from(row.int(2)?).unwrap_or(0)),
            size: row.natural(3)?,
            internal_date: row.int(4)?,
            keywords: split_keywords(&row.text(5)?),
            internal_offset: i16::try_from(row.int(6)?).unwrap_or(0),
            created: row.int(7)?,
            thread: row.int(8)?,
        })
    }

    const fn leaving(&self) -> Leaving {
        Leaving {
            uid: self.uid,
            size: self.size,
            flags: self.flags,
            blob: self.blob,
            created: self.created,
            thread: self.thread,
        }
    }

    /// The same message with its keywords changed; none if they would be too many.
    fn with(&self, change: Option<&KeywordsChange>) -> Option<Self> {
        let Some(change) = change else {
            return Some(self.clone());
        };
        let steps = match change {
            KeywordsChange::Set(flags, keywords) => {
                vec![(FlagOperation::Replace, *flags, keywords)]
            }
            KeywordsChange::Patch { add, remove } => vec![
                (FlagOperation::Remove, remove.0, &remove.1),
                (FlagOperation::Add, add.0, &add.1),
            ],
        };
        let mut changed = self.clone();
        for (operation, flags, keywords) in steps {
            let change = FlagChange {
                operation,
                flags,
                keywords: keywords.clone(),
                unchanged_since: None,
            };
            let applied = change.apply(changed.flags, &changed.keywords, FlagScope::ALL);
            // Each keyword by itself was looked at before: what is wrong is how many they are.
            (changed.flags, changed.keywords) = applied.ok()?;
        }
        Some(changed)
    }

    fn is_flagged_as(&self, other: &Self) -> bool {
        self.flags == other.flags && self.keywords == other.keywords
    }
}

impl Plan {
    /// Adds a change of an email, if it can be made.
    fn add(
        &mut self,
        transaction: &mut Transaction,
        account: AccountId,
        mut places: Vec<Held>,
        change: &EmailChange,
    ) -> Result<Result<(), EmailRefusal>> {
        let visible = |held: &Held| !held.flags.contains(Flags::DELETED);
        if !places.iter().any(visible) {
            return Ok(Err(EmailRefusal::NotFound));
        }
        let EmailChange::Update {
            keywords,
            mailboxes,
        } = change
        else {
            self.left.append(&mut places);
            return Ok(Ok(()));
        };
        let (places, deleted): (Vec<Held>, Vec<Held>) = places.into_iter().partition(visible);
        let were: BTreeSet<MailboxId> = places.iter().map(|held| held.mailbox).collect();
        let wanted = wanted(&were, mailboxes.as_ref());
        if wanted.is_empty() {
            return Ok(Err(EmailRefusal::Nowhere));
        }
        let head = transaction.heads.account(account)?;
        for mailbox in wanted.difference(&were) {
            let coming = self.placed.iter();
            let coming = coming.filter(|(held, _, _)| held.mailbox == *mailbox);
            match head.mailbox(*mailbox) {
                Err(_) => return Ok(Err(EmailRefusal::NoSuchMailbox(*mailbox))),
                Ok(head) if head.has_room(coming.count() + 1).is_err() => {
                    return Ok(Err(EmailRefusal::MailboxFull));
                }
                Ok(_) => {}
            }
        }
        Ok(self.arrange(&were, &wanted, keywords.as_ref(), (places, deleted)))
    }

    /// Decides what becomes of each message of an email, and which come.
    fn arrange(
        &mut self,
        were: &BTreeSet<MailboxId>,
        wanted: &BTreeSet<MailboxId>,
        keywords: Option<&KeywordsChange>,
        (places, deleted): (Vec<Held>, Vec<Held>),
    ) -> Result<(), EmailRefusal> {
        let mut changed = Vec::with_capacity(places.len());
        for held in places {
            let with = held.with(keywords).ok_or(EmailRefusal::TooManyKeywords)?;
            changed.push((with, held));
        }
        let (stay, mut leave): (Vec<_>, Vec<_>) = changed
            .into_iter()
            .partition(|(_, held)| wanted.contains(&held.mailbox));
        let pattern = stay.first().or(leave.first()).cloned();
        let mut flagged = Vec::new();
        for mailbox in wanted.difference(were) {
            // What was marked as deleted there is so no longer.
            if let Some(gone) = deleted.iter().find(|held| held.mailbox == *mailbox) {
                let back = pattern.clone().map(|(with, _)| Held {
                    flags: with.flags,
                    keywords: with.keywords,
                    ..gone.clone()
                });
                flagged.extend(back.map(|back| (back, gone.clone())));
                continue;
            }
            let (source, moves) = match leave.pop() {
                Some((with, held)) => {
                    self.left.push(held);
                    (with, true)
                }
                None => match &pattern {
                    Some((with, _)) => (with.clone(), false),
                    None => continue,
                },
            };
            let from = source.mailbox;
            let coming = Held {
                mailbox: *mailbox,
                ..source
            };
            self.placed.push((coming, from, moves));
        }
        self.left.extend(leave.into_iter().map(|(_, held)| held));
        let differ = stay
            .into_iter()
            .filter(|(with, held)| !with.is_flagged_as(held));
        self.flagged.extend(differ.chain(flagged));
        Ok(())
    }

    /// Writes the flags of what stays.
    async fn write_flags(
        &self,
        transaction: &mut Transaction,
        account: AccountId,
        effects: &mut Vec<EmailEffect>,
    ) -> Result<()> {
        if self.flagged.is_empty() {
            return Ok(());
        }
        let modseq = transaction.heads.account(account)?.next_modseq();
        let mut by_mailbox: BTreeMap<MailboxId, Vec<&(Held, Held)>> = BTreeMap::new();
        for pair in &self.flagged {
            by_mailbox.entry(pair.0.mailbox).or_default().push(pair);
        }
        for (mailbox, mut pairs) in by_mailbox {
            pairs.sort_unstable_by_key(|(with, _)| with.uid);
            let seen = |held: &Held| i64::from(held.flags.contains(Flags::SEEN));
            let more_seen: i64 = pairs
                .iter()
                .map(|(with, held)| seen(with) - seen(held))
                .sum();
            let head = transaction.heads.account(account)?.mailbox(mailbox)?;
            let after = std::mem::replace(&mut head.mailbox.highest_modseq, modseq);
            let unseen = i64::from(head.mailbox.unseen) - more_seen;
            head.mailbox.unseen = u32::try_from(unseen).unwrap_or(0);
            head.dirty = true;
            let messages: Vec<MessageFlags> = pairs
                .iter()
                .map(|(with, _)| MessageFlags {
                    uid: with.uid,
                    modseq,
                    flags: with.flags,
                    keywords: with.keywords.clone(),
                })
                .collect();
            let marks = pairs.iter();
            let marks: Vec<_> = marks
                .map(|(with, held)| (with.uid, held.flags, with.flags))
                .collect();
            departures::marked(transaction, account, mailbox, &marks).await?;
            let writes = writes(mailbox, modseq, &messages)?;
            let flagged = Flagged {
                mailbox,
                after,
                modseq,
                messages,
            };
            transaction.flagged(writes, flagged).await?;
            effects.extend(
                pairs
                    .into_iter()
                    .map(|(with, held)| flag_effect(with, held)),
            );
        }
        Ok(())
    }

    /// Writes what comes into mailboxes and leaves them.
    async fn write_places(
        &self,
        transaction: &mut Transaction,
        account: AccountId,
        effects: &mut Vec<EmailEffect>,
    ) -> Result<()> {
        if self.placed.is_empty() && self.left.is_empty() {
            return Ok(());
        }
        let modseq = transaction.heads.account(account)?.next_modseq();
        let saved = transaction.now;
        let mut refs: BTreeMap<BlobId, i64> = BTreeMap::new();
        let mut moved: BTreeSet<(MailboxId, u32)> = BTreeSet::new();
        for (held, from, moves) in &self.placed {
            let head = transaction.heads.account(account)?;
            let (uid, after) = head.add_message(held.mailbox, modseq, held.size, held.flags)?;
            let keywords = join_keywords(&held.keywords)?;
            let message = NewMessage {
                mailbox: held.mailbox,
                uid,
                blob: held.blob,
                modseq,
                flags: held.flags.bits(),
                size: held.size,
                internal_date: held.internal_date,
                internal_offset: held.internal_offset,
                // RFC 8514 §3: copied and moved messages are saved now.
                saved,
                thread: held.thread,
                keywords: &keywords,
            };
            transaction.message(after, &message);
            *refs.entry(held.blob).or_default() += 1;
            let (from, to) = ((*from, held.uid), (held.mailbox, uid));
            effects.push(if *moves {
                moved.insert(from);
                EmailEffect::Moved { from, to }
            } else {
                EmailEffect::Copied { from, to }
            });
        }
        let mut leaving: BTreeMap<MailboxId, Vec<Leaving>> = BTreeMap::new();
        for held in &self.left {
            *refs.entry(held.blob).or_default() -= 1;
            leaving
                .entry(held.mailbox)
                .or_default()
                .push(held.leaving());
            let (mailbox, uid) = (held.mailbox, held.uid);
            if !moved.contains(&(mailbox, uid)) {
                effects.push(EmailEffect::Expunged { mailbox, uid });
            }
        }
        for (blob, delta) in refs.into_iter().filter(|(_, delta)| *delta != 0) {
            transaction.buffers.refs(blob, delta);
        }
        for (mailbox, mut rows) in leaving {
            rows.sort_unstable_by_key(|row| row.uid);
            super::expunge::remove_rows(transaction, account, mailbox, &rows, true).await?;
        }
        Ok(())
    }
}

/// The mailboxes that an email comes to be in.
fn wanted(were: &BTreeSet<MailboxId>, change: Option<&MailboxesChange>) -> BTreeSet<MailboxId> {
    match change {
        None => were.clone(),
        Some(MailboxesChange::Set(mailboxes)) => mailboxes.iter().copied().collect(),
        Some(MailboxesChange::Patch { add, remove }) => {
            let kept = were.iter().filter(|mailbox| !remove.contains(mailbox));
            kept.chain(add).copied().collect()
        }
    }
}

fn flag_effect(with: &Held, held: &Held) -> EmailEffect {
    let only = |here: &Held, there: &Held| {
        let missing = |keyword: &&String| {
            let mut others = there.keywords.iter();
            !others.any(|other| other.eq_ignore_ascii_case(keyword))
        };
        let keywords = here.keywords.iter().filter(missing).cloned().collect();
        (here.flags.without(there.flags), keywords)
    };
    EmailEffect::Flagged {
        mailbox: with.mailbox,
        uid: with.uid,
        added: only(with, held),
        removed: only(held, with),
    }
}
