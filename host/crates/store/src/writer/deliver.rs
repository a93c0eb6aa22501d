//! Delivery and APPEND: the operation that has to be fast. It only fills buffers and changes heads.

use std::collections::HashMap;

use bytes::Bytes;

use super::Operation;
use super::buffers::{NewBlob, NewMessage, signed};
use super::transaction::Transaction;
use crate::blob_files::BlobFile;
use crate::{
    AccountId, BlobId, Error, LedgerRow, MailboxId, Place, Result, SpecialUse, Stored, Target,
};

/// A delivery whose hash, file and keywords were prepared by the caller.
#[derive(Debug)]
pub(crate) struct Deliver {
    pub(crate) content: Bytes,
    pub(crate) hash: [u8; 32],
    /// Set for a content that is kept in a file.
    pub(crate) file: Option<BlobFile>,
    pub(crate) summary: Vec<u8>,
    /// Each with its keywords joined.
    pub(crate) targets: Vec<(Target, String)>,
    pub(crate) internal_date: i64,
    pub(crate) internal_offset: i16,
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
        inline + self.summary.len() + self.ledger.as_ref().map_or(0, |row| row.json.len())
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Vec<Stored>> {
        self.check(transaction, &mut HashMap::new())?;
        self.write(transaction).await
    }

    fn settle(&mut self, outcome: Result<(), &Error>) {
        let Some(file) = &mut self.file else { return };
        match outcome {
            // If the connection broke at COMMIT the row may be there: the sweep finds out.
            Ok(()) | Err(Error::Database(_) | Error::Closed) => file.keep(),
            Err(_) => {}
        }
    }
}

/// Several forms of a message, of which all are stored or none.
#[derive(Debug)]
pub(crate) struct DeliverAll(pub(crate) Vec<Deliver>);

impl Operation for DeliverAll {
    type Output = Vec<Stored>;

    fn accounts(&self) -> Vec<AccountId> {
        self.0.iter().flat_map(Operation::accounts).collect()
    }

    fn weight(&self) -> usize {
        self.0.iter().map(Operation::weight).sum()
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Vec<Stored>> {
        let mut wanted = HashMap::new();
        for form in &self.0 {
            form.check(transaction, &mut wanted)?;
        }
        let mut stored = Vec::new();
        for form in &self.0 {
            stored.extend(form.write(transaction).await?);
        }
        Ok(stored)
    }

    fn settle(&mut self, outcome: Result<(), &Error>) {
        for form in &mut self.0 {
            form.settle(outcome);
        }
    }
}

impl Deliver {
    /// Stores what was checked.
    async fn write(&self, transaction: &mut Transaction) -> Result<Vec<Stored>> {
        if !self.targets.is_empty() {
            transaction.check_room(self.weight()).await?;
        }
        let rows = usize::from(!self.targets.is_empty()) + usize::from(self.ledger.is_some());
        let first = transaction.ids(rows).await?;
        let mut stored = Vec::with_capacity(self.targets.len());
        if !self.targets.is_empty() {
            self.store(transaction, BlobId(first), &mut stored).await?;
        }
        if let Some(row) = &self.ledger {
            transaction.buffers.ledger(first + signed(rows) - 1, row);
        }
        Ok(stored)
    }

    /// Everything that can be refused, before anything is changed. `wanted` counts what each mailbox is to take.
    fn check(
        &self,
        transaction: &mut Transaction,
        wanted: &mut HashMap<MailboxId, usize>,
    ) -> Result<()> {
        for (target, _) in &self.targets {
            let account = transaction.heads.account(target.account)?;
            let id = match super::mailboxes::find(account, &target.mailbox) {
                Ok(id) => id,
                Err(error) => {
                    super::mailboxes::can_make(account, &target.mailbox, error)?;
                    continue;
                }
            };
            let count = wanted.entry(id).or_insert(0);
            *count += 1;
            account.mailbox(id)?.has_room(*count)?;
        }
        Ok(())
    }

    async fn store(
        &self,
        transaction: &mut Transaction,
        blob: BlobId,
        stored: &mut Vec<Stored>,
    ) -> Result<()> {
        let size = self.content.len() as u64;
        for (target, keywords) in &self.targets {
            let found =
                super::mailboxes::find(transaction.heads.account(target.account)?, &target.mailbox);
            let mailbox = match (found, &target.mailbox) {
                (Ok(id), _) => id,
                (Err(_), Place::Path { path, .. }) => {
                    super::mailboxes::make(transaction, target.account, path, None::<SpecialUse>)
                        .await?
                }
                (Err(error), _) => return Err(error),
            };
            let account = transaction.heads.account(target.account)?;
            let modseq = account.next_modseq();
            let uid = account.add_message(mailbox, modseq, size, target.flags)?;
            let uid_validity = account.mailbox(mailbox)?.mailbox.uid_validity;
            transaction.buffers.message(&NewMessage {
                mailbox,
                uid,
                blob,
                modseq,
                flags: target.flags.bits(),
                size,
                internal_date: self.internal_date,
                internal_offset: self.internal_offset,
                keywords,
            });
            stored.push(Stored {
                account: target.account,
                mailbox,
                uid_validity,
                uid,
                modseq,
                blob,
            });
        }
        transaction.buffers.blob(&NewBlob {
            id: blob,
            refs: self.targets.len(),
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
        transaction.buffers.ledger(id, &self.0);
        Ok(())
    }
}
