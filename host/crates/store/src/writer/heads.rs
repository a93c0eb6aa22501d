//! What the writer keeps in memory of accounts and mailboxes, so that UIDs and modification sequences are given out
//! without asking the database.
//!
//! On SQLite the writer is the only one who writes, and keeps the heads between transactions. On PostgreSQL they are
//! read under the accounts' row locks and forgotten at the end of each transaction.

use std::collections::{BTreeMap, HashMap};

use crate::database::Row;
use crate::mailboxes::mailbox_of_row;
use crate::{AccountId, DomainId, Error, Flags, Mailbox, MailboxId, Result, Usage};

/// A mailbox and whether the database has to be told.
#[derive(Debug)]
pub(crate) struct MailboxHead {
    pub(crate) mailbox: Mailbox,
    pub(crate) dirty: bool,
}

/// An account, its mailboxes by path.
#[derive(Debug)]
pub(crate) struct AccountHead {
    pub(crate) id: AccountId,
    pub(crate) domain: DomainId,
    pub(crate) modseq: u64,
    pub(crate) usage: Usage,
    pub(crate) last_uid_validity: u32,
    pub(crate) mailboxes: BTreeMap<String, MailboxHead>,
    pub(crate) paths: HashMap<MailboxId, String>,
    pub(crate) dirty: bool,
    /// Change of usage since the domain was last told.
    pub(crate) bytes_delta: i64,
    pub(crate) messages_delta: i64,
}

/// Accounts loaded.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    pub(crate) accounts: HashMap<AccountId, AccountHead>,
}

impl Heads {
    pub(crate) fn account(&mut self, id: AccountId) -> Result<&mut AccountHead> {
        self.accounts
            .get_mut(&id)
            .ok_or_else(|| Error::NoSuchAccount(id.to_string()))
    }
}

impl AccountHead {
    pub(crate) fn of_row(row: &Row) -> Result<AccountHead> {
        Ok(AccountHead {
            id: AccountId(row.int(0)?),
            domain: DomainId(row.int(1)?),
            modseq: row.natural(2)?,
            usage: Usage {
                bytes: row.natural(3)?,
                messages: row.natural(4)?,
            },
            last_uid_validity: row.number(5)?,
            mailboxes: BTreeMap::new(),
            paths: HashMap::new(),
            dirty: false,
            bytes_delta: 0,
            messages_delta: 0,
        })
    }

    /// Adds a mailbox row read with the columns of a mailbox.
    pub(crate) fn add_row(&mut self, row: &Row) -> Result<()> {
        self.insert(mailbox_of_row(row)?);
        Ok(())
    }

    pub(crate) fn insert(&mut self, mailbox: Mailbox) {
        self.paths.insert(mailbox.id, mailbox.path.clone());
        self.mailboxes.insert(
            mailbox.path.clone(),
            MailboxHead {
                mailbox,
                dirty: false,
            },
        );
    }

    pub(crate) fn remove(&mut self, path: &str) -> Option<Mailbox> {
        let head = self.mailboxes.remove(path)?;
        self.paths.remove(&head.mailbox.id);
        Some(head.mailbox)
    }

    /// A mailbox that can hold messages.
    pub(crate) fn mailbox(&mut self, id: MailboxId) -> Result<&mut MailboxHead> {
        let path = self.paths.get(&id);
        let head = path
            .and_then(|path| self.mailboxes.get_mut(path))
            .filter(|head| head.mailbox.selectable);
        head.ok_or_else(|| Error::NoSuchMailbox(id.to_string()))
    }

    /// The next modification sequence of the account.
    pub(crate) fn next_modseq(&mut self) -> u64 {
        self.dirty = true;
        self.modseq += 1;
        self.modseq
    }

    /// A UIDVALIDITY that no mailbox of the account had (RFC 3501 §2.3.1.1): the time, or the last one plus one.
    pub(crate) fn next_uid_validity(&mut self, now: i64) -> u32 {
        let seconds = u32::try_from(now / 1000).unwrap_or(u32::MAX);
        self.dirty = true;
        self.last_uid_validity = seconds.max(self.last_uid_validity.saturating_add(1));
        self.last_uid_validity
    }

    /// Counts a message into a mailbox; returns its UID, and the modification sequence that the mailbox had. The caller has checked
    /// [`MailboxHead::has_room`].
    pub(crate) fn add_message(
        &mut self,
        id: MailboxId,
        modseq: u64,
        size: u64,
        flags: Flags,
    ) -> Result<(u32, u64)> {
        let head = self.mailbox(id)?;
        let mailbox = &mut head.mailbox;
        let uid = mailbox.uid_next;
        mailbox.uid_next = uid
            .checked_add(1)
            .ok_or_else(|| Error::Corrupt("UIDs ran out".to_owned()))?;
        let after = std::mem::replace(&mut mailbox.highest_modseq, modseq);
        mailbox.messages += 1;
        mailbox.unseen += u32::from(!flags.contains(Flags::SEEN));
        mailbox.bytes += size;
        head.dirty = true;
        self.account_for(i64::try_from(size).unwrap_or(i64::MAX), 1);
        Ok((uid, after))
    }

    /// Counts messages out of a mailbox: (size, flags) each.
    pub(crate) fn remove_messages(
        &mut self,
        id: MailboxId,
        modseq: u64,
        removed: &[(u64, Flags)],
    ) -> Result<()> {
        let bytes: u64 = removed.iter().map(|(size, _)| size).sum();
        let unseen = removed
            .iter()
            .filter(|(_, flags)| !flags.contains(Flags::SEEN))
            .count();
        let head = self.mailbox(id)?;
        let mailbox = &mut head.mailbox;
        mailbox.highest_modseq = modseq;
        mailbox.messages = mailbox
            .messages
            .saturating_sub(u32::try_from(removed.len()).unwrap_or(u32::MAX));
        mailbox.unseen = mailbox
            .unseen
            .saturating_sub(u32::try_from(unseen).unwrap_or(u32::MAX));
        mailbox.bytes = mailbox.bytes.saturating_sub(bytes);
        head.dirty = true;
        self.account_for(
            -i64::try_from(bytes).unwrap_or(i64::MAX),
            -i64::try_from(removed.len()).unwrap_or(i64::MAX),
        );
        Ok(())
    }

    fn account_for(&mut self, bytes: i64, messages: i64) {
        self.dirty = true;
        self.usage.bytes = self.usage.bytes.saturating_add_signed(bytes);
        self.usage.messages = self.usage.messages.saturating_add_signed(messages);
        self.bytes_delta += bytes;
        self.messages_delta += messages;
    }
}

impl MailboxHead {
    /// Whether `count` more UIDs can be given out.
    pub(crate) fn has_room(&self, count: usize) -> Result<()> {
        match u32::try_from(count)
            .ok()
            .and_then(|count| self.mailbox.uid_next.checked_add(count))
        {
            Some(_) => Ok(()),
            None => Err(Error::NotAllowed("the mailbox has used up its UIDs")),
        }
    }
}
