//! Mailboxes of an account (RFC 3501 §5.1).
//!
//! Paths are UTF-8 with `/` between levels. INBOX is matched without case when it is the first level.
//! A name that only exists because it has children has `selectable == false`.

use std::collections::HashMap;

use crate::database::Row;
use crate::statement::{Rows, Sql};
use crate::writer::mailboxes::{Create, Delete, Rename, Subscribe};
use crate::{AccountId, Error, Flags, MailboxId, Result, Store, Usage};

/// What a mailbox is for (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpecialUse {
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// A mailbox with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its number.
    pub id: MailboxId,
    /// Whose it is.
    pub account: AccountId,
    /// Its path, `Archive/2026`.
    pub path: String,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether the path is subscribed.
    pub subscribed: bool,
    /// False: only a level with children (`\Noselect`).
    pub selectable: bool,
    /// RFC 3501 §2.3.1.1; rises with every re-creation.
    pub uid_validity: u32,
    /// The UID of the next message.
    pub uid_next: u32,
    /// The highest modification sequence of a message in it, expunged ones included; at least 1 (RFC 7162 §3.1.2).
    pub highest_modseq: u64,
    /// Messages in it.
    pub messages: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Bytes of all messages.
    pub bytes: u64,
    /// Messages from this UID on have not been shown to a read-write session (`\Recent`), best effort.
    pub recent_from: u32,
}

/// Longest mailbox path, in bytes.
pub const MAX_PATH: usize = 512;
/// Most levels of a mailbox path.
pub const MAX_DEPTH: usize = 32;
/// Most mailboxes of an account.
pub const MAX_MAILBOXES: usize = 4096;

/// Most subscribed paths of an account, whether or not there are such mailboxes.
pub const MAX_SUBSCRIPTIONS: usize = 8192;

/// The level under which an account sees the mailboxes of others: no mailbox of its own is there.
pub const OTHERS: &str = "Other users";

/// The name that every account has (RFC 3501 §5.1).
pub(crate) const INBOX: &str = "INBOX";

pub(crate) static MAILBOXES_OF: Sql = Sql::new(
    "SELECT m.id, m.account, m.path, m.special_use, m.selectable, m.uid_validity, m.uid_next, m.highest_modseq, m.messages, m.unseen,
     m.bytes, m.recent_from, (SELECT count(*) FROM subscriptions s WHERE s.account = m.account AND s.path = m.path)
     FROM {1: id i} AS r CROSS JOIN mailboxes m WHERE m.account = r.id",
);
static MAILBOX_AT: Sql = Sql::new(
    "SELECT m.id, m.account, m.path, m.special_use, m.selectable, m.uid_validity, m.uid_next, m.highest_modseq, m.messages, m.unseen,
     m.bytes, m.recent_from, (SELECT count(*) FROM subscriptions s WHERE s.account = m.account AND s.path = m.path)
     FROM mailboxes m WHERE m.account = $1 AND m.path = $2",
);
pub(crate) static MAILBOX_BY_ID: Sql = Sql::new(
    "SELECT m.id, m.account, m.path, m.special_use, m.selectable, m.uid_validity, m.uid_next, m.highest_modseq, m.messages, m.unseen,
     m.bytes, m.recent_from, (SELECT count(*) FROM subscriptions s WHERE s.account = m.account AND s.path = m.path), m.vanished_floor
     FROM mailboxes m WHERE m.account = $1 AND m.id = $2",
);
static DELETED_OF: Sql = Sql::new(
    "SELECT m.mailbox, CAST(coalesce(sum(m.size), 0) AS BIGINT), count(*) FROM mailboxes b CROSS JOIN messages m
     WHERE b.account = $1 AND m.mailbox = b.id AND (m.flags & $2) <> 0 GROUP BY m.mailbox",
);
static DELETED_IN: Sql = Sql::new(
    "SELECT CAST(coalesce(sum(size), 0) AS BIGINT), count(*) FROM messages WHERE mailbox = $1 AND (flags & $2) <> 0",
);
static SUBSCRIPTIONS: Sql =
    Sql::new("SELECT path FROM subscriptions WHERE account = $1 ORDER BY path");

/// A mailbox from the columns of the statements above.
pub(crate) fn mailbox_of_row(row: &Row) -> Result<Mailbox> {
    Ok(Mailbox {
        id: MailboxId(row.int(0)?),
        account: AccountId(row.int(1)?),
        path: row.text(2)?,
        special_use: special_use_of(&row.text(3)?),
        selectable: row.int(4)? != 0,
        uid_validity: row.number(5)?,
        uid_next: row.number(6)?,
        highest_modseq: row.natural(7)?,
        messages: row.number(8)?,
        unseen: row.number(9)?,
        bytes: row.natural(10)?,
        recent_from: row.number(11)?,
        subscribed: row.int(12)? != 0,
    })
}

/// Octets and messages, from this column on.
fn usage_of(row: &Row, column: usize) -> Result<Usage> {
    Ok(Usage {
        bytes: row.natural(column)?,
        messages: row.natural(column + 1)?,
    })
}

const SPECIAL_USES: [(SpecialUse, &str); 7] = [
    (SpecialUse::All, "all"),
    (SpecialUse::Archive, "archive"),
    (SpecialUse::Drafts, "drafts"),
    (SpecialUse::Flagged, "flagged"),
    (SpecialUse::Junk, "junk"),
    (SpecialUse::Sent, "sent"),
    (SpecialUse::Trash, "trash"),
];

pub(crate) fn special_use_text(special_use: Option<SpecialUse>) -> &'static str {
    SPECIAL_USES
        .iter()
        .find(|(known, _)| Some(*known) == special_use)
        .map_or("", |(_, text)| text)
}

fn special_use_of(text: &str) -> Option<SpecialUse> {
    SPECIAL_USES
        .iter()
        .find(|(_, known)| *known == text)
        .map(|(special_use, _)| *special_use)
}

/// Whether a path in its stored form is INBOX.
pub(crate) fn is_inbox(path: &str) -> bool {
    path == INBOX
}

/// The levels above a path, topmost first.
pub(crate) fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(at, _)| path.get(..at).unwrap_or_default())
}

/// A path as it is stored: INBOX in capitals where it is the first level, no empty levels.
///
/// # Errors
/// `InvalidName`.
pub(crate) fn path_of(path: &str) -> Result<String> {
    let invalid = |reason| {
        Err(Error::InvalidName {
            name: path.chars().take(MAX_PATH).collect(),
            reason,
        })
    };
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    if trimmed.len() > MAX_PATH {
        return invalid("the path is too long");
    }
    if trimmed.is_empty() || trimmed.split('/').any(str::is_empty) {
        return invalid("a level of the path is empty");
    }
    if trimmed.split('/').count() > MAX_DEPTH {
        return invalid("the path has too many levels");
    }
    if trimmed.chars().any(char::is_control) {
        return invalid("control characters are not allowed");
    }
    let (first, rest) = trimmed.split_at(trimmed.find('/').unwrap_or(trimmed.len()));
    Ok(if first.eq_ignore_ascii_case(INBOX) {
        format!("{INBOX}{rest}")
    } else {
        trimmed.to_owned()
    })
}

/// The path of a mailbox that is to be: where those of others are shown it would hide, with all that comes into it.
///
/// # Errors
/// `InvalidName`.
pub(crate) fn new_path_of(path: &str) -> Result<String> {
    let valid = path_of(path)?;
    let below = valid.strip_prefix(OTHERS);
    if below.is_some_and(|below| below.is_empty() || below.starts_with('/')) {
        return Err(Error::InvalidName {
            name: valid,
            reason: "that name is for the mailboxes of others",
        });
    }
    Ok(valid)
}

impl Store {
    /// All mailboxes of an account by path, INBOX first.
    ///
    /// # Errors
    /// `NoSuchAccount`: every account has an INBOX.
    pub async fn mailboxes(&self, account: AccountId) -> Result<Vec<Mailbox>> {
        let rows = self
            .inner
            .readers
            .fetch(&MAILBOXES_OF, vec![Rows::of_ints([account.0]).into()])
            .await?;
        if rows.is_empty() {
            return Err(Error::NoSuchAccount(account.to_string()));
        }
        let mut mailboxes: Vec<Mailbox> = rows.iter().map(mailbox_of_row).collect::<Result<_>>()?;
        for mailbox in &mut mailboxes {
            mailbox.recent_from = self.recent_mark(mailbox);
        }
        mailboxes.sort_by(|a, b| (!is_inbox(&a.path), &a.path).cmp(&(!is_inbox(&b.path), &b.path)));
        Ok(mailboxes)
    }

    /// The mailbox at a path.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn mailbox(&self, account: AccountId, path: &str) -> Result<Mailbox> {
        let missing = || Error::NoSuchMailbox(path.chars().take(MAX_PATH).collect());
        let path = path_of(path).map_err(|_| missing())?;
        let row = self
            .inner
            .readers
            .fetch_one(&MAILBOX_AT, vec![account.0.into(), path.into()])
            .await?;
        let mut mailbox = mailbox_of_row(&row.ok_or_else(missing)?)?;
        mailbox.recent_from = self.recent_mark(&mailbox);
        Ok(mailbox)
    }

    /// The mailbox of a number, if it belongs to the account.
    ///
    /// # Errors
    /// `NoSuchMailbox`.
    pub async fn mailbox_by_id(&self, account: AccountId, mailbox: MailboxId) -> Result<Mailbox> {
        let row = self
            .inner
            .readers
            .fetch_one(&MAILBOX_BY_ID, vec![account.0.into(), mailbox.0.into()])
            .await?;
        row.map_or_else(
            || Err(Error::NoSuchMailbox(mailbox.to_string())),
            |row| mailbox_of_row(&row),
        )
    }

    /// Creates a mailbox and the levels above it that are missing (RFC 3501 §6.3.3). A trailing `/` is ignored.
    ///
    /// # Errors
    /// `AlreadyExists`; `InvalidName`; `TooLarge` (too many mailboxes); `UseTaken`.
    pub async fn create_mailbox(
        &self,
        account: AccountId,
        path: &str,
        special_use: Option<SpecialUse>,
    ) -> Result<Mailbox> {
        let id = self
            .inner
            .writer
            .write(Create {
                account,
                path: new_path_of(path)?,
                special_use,
            })
            .await?;
        self.mailbox_by_id(account, id).await
    }

    /// Deletes a mailbox and its messages. One with children stays as a level that cannot be selected (RFC 3501 §6.3.4).
    ///
    /// # Errors
    /// `NoSuchMailbox`; `NotAllowed` for INBOX, and for a level with children that cannot be selected already.
    pub async fn delete_mailbox(&self, account: AccountId, path: &str) -> Result<()> {
        self.delete_mailbox_if(account, path, None).await
    }

    /// The same, if the mailbox at the path still is the expected one.
    ///
    /// # Errors
    /// As above; `NoSuchMailbox` also for another one.
    pub async fn delete_mailbox_if(
        &self,
        account: AccountId,
        path: &str,
        expected: Option<MailboxId>,
    ) -> Result<()> {
        self.inner
            .writer
            .write(Delete {
                account,
                path: path_of(path)?,
                expected,
            })
            .await
    }

    /// Renames a mailbox and what is below it. Renaming INBOX moves its messages into a new mailbox and leaves INBOX
    /// empty, its children untouched (RFC 3501 §6.3.5). Missing levels above the new path are made.
    ///
    /// # Errors
    /// `NoSuchMailbox`; `AlreadyExists`; `InvalidName`; `NotAllowed` (below itself).
    pub async fn rename_mailbox(&self, account: AccountId, from: &str, to: &str) -> Result<()> {
        self.rename_mailbox_if(account, from, to, None).await
    }

    /// The same, if the mailbox at the path still is the expected one.
    ///
    /// # Errors
    /// As above; `NoSuchMailbox` also for another one.
    pub async fn rename_mailbox_if(
        &self,
        account: AccountId,
        from: &str,
        to: &str,
        expected: Option<MailboxId>,
    ) -> Result<()> {
        self.inner
            .writer
            .write(Rename {
                account,
                from: path_of(from)?,
                to: new_path_of(to)?,
                expected,
            })
            .await
    }

    /// Subscribes a path or takes it back; the mailbox need not exist (RFC 3501 §6.3.6).
    ///
    /// # Errors
    /// `NoSuchAccount`; `InvalidName`; `TooLarge` (too many subscriptions).
    pub async fn set_subscribed(
        &self,
        account: AccountId,
        path: &str,
        subscribed: bool,
    ) -> Result<()> {
        self.inner
            .writer
            .write(Subscribe {
                account,
                path: path_of(path)?,
                subscribed,
            })
            .await
    }

    /// What has `\Deleted`, by mailbox of an account; mailboxes without such messages are left out. Reads all its messages.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn deleted_of(&self, account: AccountId) -> Result<HashMap<MailboxId, Usage>> {
        let arguments = vec![account.0.into(), i64::from(Flags::DELETED.bits()).into()];
        let rows = self.inner.readers.fetch(&DELETED_OF, arguments).await?;
        let count = |row: &Row| Ok((MailboxId(row.int(0)?), usage_of(row, 1)?));
        rows.iter().map(count).collect()
    }

    /// What has `\Deleted` in a mailbox.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn deleted_in(&self, mailbox: MailboxId) -> Result<Usage> {
        let arguments = vec![mailbox.0.into(), i64::from(Flags::DELETED.bits()).into()];
        let row = self.inner.readers.fetch_one(&DELETED_IN, arguments).await?;
        row.map_or(Ok(Usage::default()), |row| usage_of(&row, 0))
    }

    /// All subscribed paths, whether the mailbox exists or not (RFC 3501 §6.3.9).
    pub async fn subscriptions(&self, account: AccountId) -> Result<Vec<String>> {
        self.inner
            .readers
            .fetch(&SUBSCRIPTIONS, vec![account.0.into()])
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normal() {
        assert_eq!(path_of("inbox").unwrap(), "INBOX");
        assert_eq!(path_of("iNbOx/Lists/").unwrap(), "INBOX/Lists");
        assert_eq!(path_of("inboxes").unwrap(), "inboxes");
        assert_eq!(path_of("Archive/inbox").unwrap(), "Archive/inbox");
        for bad in [
            "",
            "/",
            "a//b",
            "/a",
            "a\nb",
            "a\u{0}b",
            &"x/".repeat(40),
            &"x".repeat(600),
        ] {
            assert!(path_of(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
    }
}
