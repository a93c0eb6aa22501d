//! Delivery and APPEND: the operation that has to be fast. It only fills buffers and changes heads.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;

use super::Operation;
use super::buffers::{NewBlob, NewMessage, signed};
use super::heads::AccountHead;
use super::queue::enqueue::Enqueue;
use super::transaction::Transaction;
use crate::blob_files::BlobFile;
use crate::flags::{join_keywords, split_keywords};
use crate::{
    AccountId, BlobId, Error, Flags, LeaseTerms, Leased, LedgerRow, LegId, MailboxId, Place,
    Result, SpecialUse, Stored, Target,
};

/// A delivery whose hash, file and keywords were prepared by the caller.
#[derive(Debug)]
pub(crate) struct Deliver {
    pub(crate) content: Bytes,
    pub(crate) hash: [u8; 32],
    /// Set for a content that is kept in a file.
    pub(crate) file: Option<BlobFile>,
    /// Whether a row names the file: not if all places have the message from another form.
    pub(crate) names_file: bool,
    pub(crate) summary: Vec<u8>,
    /// Each with its keywords joined.
    pub(crate) targets: Vec<(Target, String)>,
    /// It is a message of its own, not a form of the one that it is stored with.
    pub(crate) alone: bool,
    /// What goes on with the same content.
    pub(crate) queued: Vec<Enqueue>,
    pub(crate) internal_date: i64,
    pub(crate) internal_offset: i16,
    pub(crate) thread: i64,
    pub(crate) ledger: Option<LedgerRow>,
}

impl Operation for Deliver {
    type Output = Vec<Stored>;

    fn accounts(&self) -> Vec<AccountId> {
        self.targets
            .iter()
            .map(|(target, _)| target.account)
            .collect()
    }

    fn weight(&self) -> usize {
        let inline = if self.file.is_some() {
            0
        } else {
            self.content.len()
        };
        let queued: usize = self.queued.iter().map(Enqueue::weight).sum();
        inline + queued + self.summary.len() + self.ledger.as_ref().map_or(0, |row| row.json.len())
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Vec<Stored>> {
        self.check(transaction, &mut HashMap::new(), false)?;
        self.put(transaction).await
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        // If the connection broke at COMMIT the row may be there: the sweep finds out.
        if let Some(file) = &mut self.file
            && self.names_file
            && (outcome.is_ok() || unknown)
        {
            file.keep();
        }
    }
}

/// What was stored and queued.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    pub(crate) stored: Vec<Stored>,
    pub(crate) legs: Vec<LegId>,
    /// Those that were leased at once.
    pub(crate) leased: Vec<Leased>,
    /// Contents that go on, each with how many legs.
    pub(crate) passing: Vec<(BlobId, Bytes, usize)>,
}

impl Accepted {
    fn extend(&mut self, more: Self) {
        self.stored.extend(more.stored);
        self.legs.extend(more.legs);
        self.leased.extend(more.leased);
        self.passing.extend(more.passing);
    }
}

/// Several forms of a message, and messages that tell of it, of which all are stored or none.
#[derive(Debug)]
pub(crate) struct DeliverAll(pub(crate) Vec<Deliver>);

/// Forms of which nothing can be refused any more.
pub(super) struct Checked(());

impl Operation for DeliverAll {
    type Output = Accepted;

    fn accounts(&self) -> Vec<AccountId> {
        self.0.iter().flat_map(Operation::accounts).collect()
    }

    fn weight(&self) -> usize {
        self.0.iter().map(Operation::weight).sum()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Accepted> {
        let checked = self.check(transaction)?;
        self.write(transaction, checked).await
    }

    fn settle(&mut self, outcome: Result<(), &Error>, unknown: bool) {
        for form in &mut self.0 {
            form.settle(outcome, unknown);
        }
    }
}

impl DeliverAll {
    /// What is queued with it is leased.
    pub(crate) fn lease(&mut self, terms: &LeaseTerms) {
        for enqueue in self.0.iter_mut().flat_map(|form| &mut form.queued) {
            enqueue.lease = Some(terms.clone());
        }
    }

    /// Everything that can be refused, before anything is changed.
    pub(super) fn check(&self, transaction: &mut Transaction) -> Result<Checked> {
        let mut wanted = HashMap::new();
        for form in &self.0 {
            form.check(transaction, &mut wanted, true)?;
        }
        Ok(Checked(()))
    }

    /// Nothing of it is stored after all.
    pub(super) fn give_up(&mut self) {
        for form in &mut self.0 {
            form.names_file = false;
        }
    }

    /// Stores and queues what was checked.
    pub(super) async fn write(
        &mut self,
        transaction: &mut Transaction,
        _checked: Checked,
    ) -> Result<Accepted> {
        let mut spots = Vec::with_capacity(self.0.len());
        for form in &self.0 {
            spots.push(form.spots(transaction, true).await?);
        }
        let of_one = spots.iter_mut().zip(&self.0);
        let of_one = of_one.filter(|(_, form)| !form.alone);
        merge(&mut of_one.map(|(spots, _)| spots).collect::<Vec<_>>());
        for (spots, _) in spots.iter_mut().zip(&self.0).filter(|(_, form)| form.alone) {
            merge(&mut [spots]);
        }
        let mut accepted = Accepted::default();
        for (form, spots) in self.0.iter_mut().zip(&spots) {
            form.names_file = !spots.is_empty() || !form.queued.is_empty();
            accepted.extend(form.write(transaction, spots).await?);
        }
        Ok(accepted)
    }
}

/// A mailbox that gets the message.
struct Spot {
    account: AccountId,
    mailbox: MailboxId,
    flags: Flags,
    keywords: String,
}

/// One copy for each mailbox, whatever names led to it: the first, with the flags of all.
fn merge(forms: &mut [&mut Vec<Spot>]) {
    let mut kept: HashMap<(AccountId, MailboxId), (Flags, String)> = HashMap::new();
    let mut twice = false;
    for spot in forms.iter().flat_map(|spots| spots.iter()) {
        match kept.entry((spot.account, spot.mailbox)) {
            Entry::Vacant(entry) => {
                entry.insert((spot.flags, spot.keywords.clone()));
            }
            Entry::Occupied(mut entry) => {
                twice = true;
                let (flags, keywords) = entry.get_mut();
                *flags = flags.with(spot.flags);
                let mut all = split_keywords(keywords);
                all.extend(split_keywords(&spot.keywords));
                // Too many for one message: those of the first place stay.
                if let Ok(joined) = join_keywords(&all) {
                    *keywords = joined;
                }
            }
        }
    }
    if twice {
        for spots in forms {
            spots.retain_mut(|spot| {
                let Some((flags, keywords)) = kept.remove(&(spot.account, spot.mailbox)) else {
                    return false;
                };
                (spot.flags, spot.keywords) = (flags, keywords);
                true
            });
        }
    }
}

/// Where a target goes: INBOX, if its mailbox would have to be made and cannot be (by its name, or their number).
fn place<'a>(account: &AccountHead, target: &'a Target, inbox_instead: bool) -> &'a Place {
    let place = &target.mailbox;
    if inbox_instead
        && matches!(place, Place::Path { create: true, .. })
        && let Err(error) = super::mailboxes::find(account, place)
        && let Err(Error::InvalidName { .. } | Error::TooLarge { .. }) =
            super::mailboxes::can_make(account, place, error)
    {
        return &Place::Inbox;
    }
    place
}

impl Deliver {
    /// The mailboxes of what was checked; makes those that are missing. `inbox_instead`: see [`Self::check`].
    async fn spots(&self, transaction: &mut Transaction, inbox_instead: bool) -> Result<Vec<Spot>> {
        let mut spots = Vec::with_capacity(self.targets.len());
        for (target, keywords) in &self.targets {
            let account = transaction.heads.account(target.account)?;
            let place = place(account, target, inbox_instead);
            let mailbox = match (super::mailboxes::find(account, place), place) {
                (Ok(id), _) => id,
                (Err(_), Place::Path { path, .. }) => {
                    super::mailboxes::make(transaction, target.account, path, None::<SpecialUse>)
                        .await?
                }
                (Err(error), _) => return Err(error),
            };
            spots.push(Spot {
                account: target.account,
                mailbox,
                flags: target.flags,
                keywords: keywords.clone(),
            });
        }
        Ok(spots)
    }

    /// Stores what [`Self::check`] let pass, in its mailboxes.
    pub(super) async fn put(&self, transaction: &mut Transaction) -> Result<Vec<Stored>> {
        let spots = self.spots(transaction, false).await?;
        Ok(self.write(transaction, &spots).await?.stored)
    }

    /// Stores what was checked.
    async fn write(&self, transaction: &mut Transaction, spots: &[Spot]) -> Result<Accepted> {
        let kept = !spots.is_empty() || !self.queued.is_empty();
        if kept {
            transaction.check_room(self.weight()).await?;
        }
        let rows = usize::from(kept) + usize::from(self.ledger.is_some());
        let first = transaction.ids(rows).await?;
        let mut accepted = Accepted::default();
        if kept {
            self.store(transaction, BlobId(first), spots, &mut accepted.stored)?;
        }
        for enqueue in &self.queued {
            let size = self.content.len() as u64;
            let (legs, leased) = enqueue.apply(transaction, BlobId(first), size).await?;
            accepted.legs.extend(legs);
            accepted.leased.extend(leased);
        }
        if !accepted.legs.is_empty() {
            let passing = (BlobId(first), self.content.clone(), accepted.legs.len());
            accepted.passing.push(passing);
        }
        if let Some(row) = &self.ledger {
            transaction.record(first + signed(rows) - 1, row);
        }
        Ok(accepted)
    }

    /// Everything that can be refused, before anything is changed. `wanted` counts what each mailbox is to take.
    /// `inbox_instead`: a mailbox that is to be made and cannot be is no reason to refuse.
    pub(super) fn check(
        &self,
        transaction: &mut Transaction,
        wanted: &mut HashMap<MailboxId, usize>,
        inbox_instead: bool,
    ) -> Result<()> {
        for (target, _) in &self.targets {
            let account = transaction.heads.account(target.account)?;
            let place = place(account, target, inbox_instead);
            let id = match super::mailboxes::find(account, place) {
                Ok(id) => id,
                Err(error) => {
                    super::mailboxes::can_make(account, place, error)?;
                    continue;
                }
            };
            let count = wanted.entry(id).or_insert(0);
            *count += 1;
            account.mailbox(id)?.has_room(*count)?;
        }
        Ok(())
    }

    fn store(
        &self,
        transaction: &mut Transaction,
        blob: BlobId,
        spots: &[Spot],
        stored: &mut Vec<Stored>,
    ) -> Result<()> {
        let (size, saved) = (self.content.len() as u64, transaction.now);
        for spot in spots {
            let mailbox = spot.mailbox;
            let account = transaction.heads.account(spot.account)?;
            let modseq = account.next_modseq();
            let (uid, after) = account.add_message(mailbox, modseq, size, spot.flags)?;
            let uid_validity = account.mailbox(mailbox)?.mailbox.uid_validity;
            let message = NewMessage {
                mailbox,
                uid,
                blob,
                modseq,
                flags: spot.flags.bits(),
                size,
                internal_date: self.internal_date,
                internal_offset: self.internal_offset,
                saved,
                thread: self.thread,
                keywords: &spot.keywords,
            };
            transaction.message(after, &message);
            stored.push(Stored {
                account: spot.account,
                mailbox,
                uid_validity,
                uid,
                modseq,
                blob,
            });
        }
        transaction.buffers.blob(&NewBlob {
            id: blob,
            refs: spots.len() + self.queued.len(),
            content: &self.content,
            hash: &self.hash,
            file: self.file.as_ref().map_or("", BlobFile::name),
            summary: &self.summary,
        });
        Ok(())
    }
}

/// A ledger row of its own.
#[derive(Debug)]
pub(crate) struct Record(pub(crate) LedgerRow);

impl Operation for Record {
    type Output = ();

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let id = transaction.ids(1).await?;
        transaction.record(id, &self.0);
        Ok(())
    }
}

/// Ledger rows that waited together.
#[derive(Debug)]
pub(crate) struct RecordMany(pub(crate) Arc<[LedgerRow]>);

impl Operation for RecordMany {
    type Output = ();

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let first = transaction.ids(self.0.len()).await?;
        for (id, row) in (first..).zip(self.0.iter()) {
            transaction.record(id, row);
        }
        Ok(())
    }
}
