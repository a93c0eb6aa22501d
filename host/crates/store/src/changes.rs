//! The change log: what happened after a modification sequence, and notice that something did.

use tokio::sync::watch;

use crate::database::Readers;
use crate::statement::Sql;
use crate::{AccountId, Mailbox, MailboxId, MessageFlags, Result, Store, UidRange};

pub(crate) static CHANGED: Sql = Sql::new(
    "SELECT uid, modseq, flags, keywords, internal_date, size, blob, internal_offset, saved, created, thread FROM messages
     WHERE mailbox = $1 AND modseq > $2 AND changed = 1 ORDER BY modseq",
);
pub(crate) static NEWEST: Sql = Sql::new(
    "SELECT uid, modseq, flags, keywords, internal_date, size, blob, internal_offset, saved, created, thread FROM messages
     WHERE mailbox = $1 AND uid < $2 ORDER BY uid DESC LIMIT $3",
);
static VANISHED: Sql =
    Sql::new("SELECT first, last FROM vanished WHERE mailbox = $1 AND modseq > $2 ORDER BY first");

/// What changed in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The mailbox now; use `mailbox.highest_modseq` as the next `since`.
    pub mailbox: Mailbox,
    /// Messages that are new or have other flags, ascending by UID.
    pub changed: Vec<MessageFlags>,
    /// UIDs expunged since, ascending ranges; may name UIDs that the caller never knew. Apply it after `changed`: a
    /// message can be in both.
    pub vanished: Vec<UidRange>,
    /// False: tombstones as old as `since` are gone, `vanished` lacks some. Compare with a fresh [`Store::select`].
    pub complete: bool,
}

impl Changes {
    /// Messages that come later have this UID or a higher one.
    pub fn uid_next(&self) -> u32 {
        // The messages are read after the mailbox: some may have come between.
        let newest = self.changed.iter().map(|message| message.uid).max();
        let after = newest.map_or(1, |uid| uid.saturating_add(1));
        self.mailbox.uid_next.max(after)
    }
}

impl Store {
    /// What changed in a mailbox after a modification sequence. Cheap when nothing did.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn changes(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: u64,
    ) -> Result<Changes> {
        let (found, floor) = self.mailbox_and_floor(account, mailbox).await?;
        let complete = since >= floor;
        if found.highest_modseq <= since {
            return Ok(Changes {
                mailbox: found,
                changed: Vec::new(),
                vanished: Vec::new(),
                complete: true,
            });
        }
        let known = self
            .inner
            .images
            .changed(mailbox, found.highest_modseq, since);
        let (changed, some_vanished) = match known {
            Some(known) => known,
            None => {
                let changed = self.entries_since(mailbox, since).await?;
                (changed.into_iter().map(|entry| entry.flags).collect(), true)
            }
        };
        let vanished = match some_vanished {
            true => vanished_since(&self.inner.readers, mailbox, since).await?,
            false => Vec::new(),
        };
        Ok(Changes {
            mailbox: found,
            changed,
            vanished,
            complete,
        })
    }

    /// A receiver that changes after each commit that touched the account; the value is the account's modification
    /// sequence (0 before the first). On PostgreSQL commits of other hosts are told a moment later.
    pub fn subscribe(&self, account: AccountId) -> watch::Receiver<u64> {
        self.inner.shared.subscribe(account)
    }
}

/// UIDs expunged after a modification sequence, ascending ranges.
pub(crate) async fn vanished_since(
    readers: &Readers,
    mailbox: MailboxId,
    since: u64,
) -> Result<Vec<UidRange>> {
    let after = i64::try_from(since).unwrap_or(i64::MAX);
    let arguments = vec![mailbox.0.into(), after.into()];
    let rows = readers.fetch(&VANISHED, arguments).await?;
    let mut vanished: Vec<UidRange> = Vec::with_capacity(rows.len());
    for row in &rows {
        let range = UidRange {
            first: row.number(0)?,
            last: row.number(1)?,
        };
        match vanished.last_mut() {
            Some(before) if before.last.checked_add(1) == Some(range.first) => {
                before.last = range.last;
            }
            _ => vanished.push(range),
        }
    }
    Ok(vanished)
}
