//! Of which kinds something changed in an account after a moment: enough to tell a client to ask, and cheap enough to be found at every wake.
//!
//! Unlike the account's log it does not look at what stayed as it was. Where it cannot know without, it says that something changed.

use std::collections::HashSet;

use crate::account_log::{DEPARTED, MAILBOX_MOMENTS, departed};
use crate::database::{Row, Value};
use crate::statement::Sql;
use crate::visible::{Eyes, Visible};
use crate::writer::buffers::signed;
use crate::{AccountId, BlobId, Error, Flags, MailboxId, RecordKind, Result, Store};

static FLAGGED: Sql =
    Sql::new("SELECT 1 FROM messages WHERE mailbox = $1 AND modseq > $2 AND changed = 1 LIMIT 1");
// What is put into a mailbox has the highest UIDs. What loses `\Deleted` comes, too (RFC 8621 §4.1.1), wherever it is.
static CAME: Sql = Sql::new(
    "SELECT m.uid, m.blob, m.created, m.flags, b.refs_as_written + coalesce(c.delta, 0) FROM messages m JOIN blobs b ON b.id = m.blob
     LEFT JOIN blob_references c ON c.blob = b.id
     WHERE m.mailbox = $1 AND m.uid < $2 ORDER BY m.uid DESC LIMIT $3",
);
static CAME_AGAIN: Sql = Sql::new(
    "SELECT m.uid, m.blob, m.created, m.flags, b.refs_as_written + coalesce(c.delta, 0) FROM messages m JOIN blobs b ON b.id = m.blob
     LEFT JOIN blob_references c ON c.blob = b.id
     WHERE m.mailbox = $1 AND m.modseq > $2 AND m.changed = 1 AND m.created > $2 LIMIT $3",
);
static RECORDED: Sql =
    Sql::new("SELECT DISTINCT kind FROM records WHERE account = $1 AND changed > $2");

/// Messages that are looked at together.
const PAGE: i64 = 64;
/// Messages that are looked at of those that came again; one tells as much as many.
const AGAIN: i64 = 1000;

/// What changed after a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountNews {
    /// The moment until which it is known.
    pub until: u64,
    /// Emails came, changed or left.
    pub emails: bool,
    /// Emails came that the account did not have.
    pub delivered: bool,
    /// Emails came into threads or left them.
    pub threads: bool,
    /// Mailboxes came, changed or left; a message that comes, changes or leaves changes its mailbox.
    pub mailboxes: bool,
    /// Identities came, changed or left.
    pub identities: bool,
    /// Submissions came, changed or left.
    pub submissions: bool,
    /// The answer that is given while somebody is away changed.
    pub vacation: bool,
}

impl AccountNews {
    const fn all(until: u64, changed: bool) -> Self {
        Self {
            until,
            emails: changed,
            delivered: changed,
            threads: changed,
            mailboxes: changed,
            identities: changed,
            submissions: changed,
            vacation: changed,
        }
    }
}

/// What is found of messages that came.
#[derive(Debug, Default)]
struct Came {
    /// All of them, as far as they were looked at.
    blobs: HashSet<BlobId>,
    /// One of them is new to the account.
    new: bool,
}

impl Came {
    /// Looks at a message that came, beside what left.
    fn look_at(
        &mut self,
        row: &Row,
        left: &HashSet<BlobId>,
        shared: &mut HashSet<BlobId>,
    ) -> Result<()> {
        // RFC 8621 §4.1.1: what has `\Deleted` is not there.
        let flags = Flags::from_bits(u8::try_from(row.int(3)?).unwrap_or(0));
        if flags.contains(Flags::DELETED) {
            return Ok(());
        }
        let blob = BlobId(row.int(1)?);
        self.blobs.insert(blob);
        if left.contains(&blob) {
            return Ok(());
        }
        if row.int(4)? > 1 {
            shared.insert(blob);
        } else {
            self.new = true;
        }
        Ok(())
    }
}

impl Store {
    /// What changed in an account after a moment; everything, if that is not known any more.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn account_news(&self, account: AccountId, since: u64) -> Result<AccountNews> {
        self.news_for(account, Eyes(None), since).await
    }

    /// The same of what somebody sees of it, after a state of that.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn visible_news(
        &self,
        account: AccountId,
        visible: &Visible,
        since: u64,
    ) -> Result<AccountNews> {
        self.news_for(account, Eyes(Some(visible)), since).await
    }

    async fn news_for(
        &self,
        account: AccountId,
        eyes: Eyes<'_>,
        since: u64,
    ) -> Result<AccountNews> {
        let (now, floor) = self.seen_state(account, eyes).await?;
        if since == now {
            return Ok(AccountNews::all(now, false));
        }
        if since < floor || since > now {
            return Ok(AccountNews::all(now, true));
        }
        let readers = &self.inner.readers;
        let moments = readers.fetch(&MAILBOX_MOMENTS, vec![account.0.into()]);
        let moments = moments.await?;
        let after = vec![account.0.into(), signed(since).into()];
        let rows = readers.fetch(&DEPARTED, after).await?;
        let mut left = HashSet::new();
        let mut mailboxes = false;
        for row in &rows {
            let mailbox = MailboxId(row.int(1)?);
            let itself = row.text(3)?.is_empty();
            mailboxes |= eyes.read(mailbox) || itself && eyes.know(mailbox);
            if !eyes.read(mailbox) {
                continue;
            }
            for line in row.text(3)?.lines() {
                let stay = departed(line, now);
                let stay = stay.ok_or_else(|| Error::Corrupt(format!("a departure is {line}")))?;
                // What came and left since was never there for whoever is told.
                left.extend((stay.created <= since).then_some(stay.blob));
            }
        }
        let (mut came, mut flagged) = (Came::default(), false);
        for row in &moments {
            let mailbox = MailboxId(row.int(0)?);
            if !eyes.know(mailbox) {
                continue;
            }
            let busy = row.natural(3)? > since && eyes.read(mailbox);
            mailboxes |= busy || row.natural(1)? > since || row.natural(2)? > since;
            if busy {
                let place = (account, mailbox);
                self.came(place, eyes, since, &left, &mut came).await?;
                flagged = flagged || self.flagged(mailbox, since).await?;
            }
        }
        let after = vec![account.0.into(), signed(since).into()];
        let kinds = readers.fetch(&RECORDED, after).await?;
        let kinds: Vec<i64> = kinds.iter().map(|row| row.int(0)).collect::<Result<_>>()?;
        let recorded = |kind: RecordKind| eyes.see_all() && kinds.contains(&kind.code());
        let gone = left.iter().any(|blob| !came.blobs.contains(blob));
        Ok(AccountNews {
            until: now,
            emails: flagged || !left.is_empty() || !came.blobs.is_empty(),
            delivered: came.new,
            threads: came.new || gone,
            mailboxes,
            identities: recorded(RecordKind::Identity),
            submissions: recorded(RecordKind::Submission),
            vacation: recorded(RecordKind::Vacation),
        })
    }

    async fn flagged(&self, mailbox: MailboxId, since: u64) -> Result<bool> {
        let arguments = vec![mailbox.0.into(), signed(since).into()];
        let found = self.inner.readers.fetch_one(&FLAGGED, arguments).await?;
        Ok(found.is_some())
    }

    /// Adds what came into a mailbox.
    async fn came(
        &self,
        (account, mailbox): (AccountId, MailboxId),
        eyes: Eyes<'_>,
        since: u64,
        left: &HashSet<BlobId>,
        came: &mut Came,
    ) -> Result<()> {
        // Contents that something else has, too: another account, or another mailbox of this one.
        let mut shared = HashSet::new();
        let again: Vec<Value> = vec![mailbox.0.into(), signed(since).into(), AGAIN.into()];
        for row in self.inner.readers.fetch(&CAME_AGAIN, again).await? {
            came.look_at(&row, left, &mut shared)?;
        }
        let mut below = i64::from(u32::MAX) + 1;
        loop {
            let arguments: Vec<Value> = vec![mailbox.0.into(), below.into(), PAGE.into()];
            let rows = self.inner.readers.fetch(&CAME, arguments).await?;
            let mut whole = i64::try_from(rows.len()).unwrap_or(0) == PAGE;
            for row in &rows {
                below = row.int(0)?;
                if row.natural(2)? <= since {
                    whole = false;
                    break;
                }
                came.look_at(row, left, &mut shared)?;
            }
            if !came.new && !shared.is_empty() {
                let known = self.had(account, eyes, &shared, since).await?;
                came.new = shared.iter().any(|blob| !known.contains(blob));
            }
            if !whole {
                return Ok(());
            }
        }
    }

    /// Which of these contents messages have that were there at a moment and still are.
    async fn had(
        &self,
        account: AccountId,
        eyes: Eyes<'_>,
        blobs: &HashSet<BlobId>,
        since: u64,
    ) -> Result<HashSet<BlobId>> {
        let mut known = HashSet::new();
        for mailbox in self.mailboxes(account).await? {
            let readable = mailbox.selectable && eyes.read(mailbox.id);
            if !readable || known.len() == blobs.len() {
                continue;
            }
            match self.image(account, mailbox.id).await {
                Ok((_, image)) => {
                    let there = image.stays().filter(|stay| stay.created <= since);
                    let there = there.map(|stay| stay.blob);
                    known.extend(there.filter(|blob| blobs.contains(blob)));
                }
                // It went meanwhile.
                Err(Error::NoSuchMailbox(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(known)
    }
}
