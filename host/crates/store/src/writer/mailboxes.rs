//! Creating, deleting and renaming mailboxes (RFC 3501 §6.3.3 to §6.3.7).

use super::Operation;
use super::buffers::signed;
use super::heads::{AccountHead, MailboxHead};
use super::import::FORGET_MAILBOX;
use super::transaction::Transaction;
use crate::database::Value;
use crate::mailboxes::{
    INBOX, MAX_MAILBOXES, MAX_SUBSCRIPTIONS, is_inbox, new_path_of, parents, path_of,
    special_use_text,
};
use crate::statement::{Rows, Sql};
use crate::{AccountId, Error, Mailbox, MailboxId, Place, Result, SpecialUse};

/// The mailbox of a place.
pub(super) fn find(account: &AccountHead, place: &Place) -> Result<MailboxId> {
    let selectable = |path: &str| {
        account
            .mailboxes
            .get(path)
            .filter(|head| head.mailbox.selectable)
            .map(|head| head.mailbox.id)
    };
    let inbox = || selectable(INBOX).ok_or_else(|| Error::NoSuchMailbox(INBOX.to_owned()));
    match place {
        Place::Inbox => inbox(),
        Place::Id(id) => account
            .paths
            .get(id)
            .and_then(|path| selectable(path))
            .ok_or_else(|| Error::NoSuchMailbox(id.to_string())),
        Place::Path { path, .. } => {
            selectable(&path_of(path)?).ok_or_else(|| Error::NoSuchMailbox(path.clone()))
        }
        Place::Use(special_use) => {
            let used = account.mailboxes.values().find(|head| {
                head.mailbox.special_use == Some(*special_use) && head.mailbox.selectable
            });
            used.map_or_else(inbox, |head| Ok(head.mailbox.id))
        }
    }
}

/// Whether a place that was not found may be made; else the error of the search.
pub(super) fn can_make(account: &AccountHead, place: &Place, error: Error) -> Result<()> {
    match place {
        Place::Path { path, create: true } => {
            new_path_of(path)?;
            check_count(account, path)
        }
        _ => Err(error),
    }
}

fn check_count(account: &AccountHead, path: &str) -> Result<()> {
    let size = account.mailboxes.len()
        + 1
        + parents(path)
            .filter(|parent| !account.mailboxes.contains_key(*parent))
            .count();
    if size > MAX_MAILBOXES {
        return Err(Error::TooLarge {
            what: "number of mailboxes",
            size,
            limit: MAX_MAILBOXES,
        });
    }
    Ok(())
}

static INSERT_MAILBOX: Sql = Sql::new(
    "INSERT INTO mailboxes (id, account, path, special_use, selectable, uid_validity, uid_next, highest_modseq, messages, unseen, bytes,
     recent_from, vanished_floor, created, named) VALUES ($1, $2, $3, $4, 1, $5, 1, $6, 0, 0, 0, 1, 0, $6, $6)",
);
/// Makes a mailbox and the levels above it; the path is valid, and no selectable mailbox has it.
pub(super) async fn make(
    transaction: &mut Transaction,
    id: AccountId,
    path: &str,
    special_use: Option<SpecialUse>,
) -> Result<MailboxId> {
    let path = new_path_of(path)?;
    let mut missing: Vec<String> = Vec::new();
    let account = transaction.heads.account(id)?;
    // RFC 3501 §6.3.3: superior names that are missing are created too.
    missing.extend(
        parents(&path)
            .filter(|parent| !account.mailboxes.contains_key(*parent))
            .map(str::to_owned),
    );
    for parent in missing {
        make_one(transaction, id, &parent, None).await?;
    }
    make_one(transaction, id, &path, special_use).await
}

async fn make_one(
    transaction: &mut Transaction,
    id: AccountId,
    path: &str,
    special_use: Option<SpecialUse>,
) -> Result<MailboxId> {
    let number = MailboxId(transaction.ids(1).await?);
    let now = transaction.now;
    let account = transaction.heads.account(id)?;
    let modseq = account.next_modseq();
    let uid_validity = account.next_uid_validity(now);
    let used = Value::from(special_use_text(special_use));
    // A level that could not be selected becomes a mailbox: one with a number of its own, for sessions may still have
    // the old one open.
    if let Some(level) = account.remove(path) {
        super::departures::went(transaction, id, level.id).await?;
        transaction
            .execute(&DELETE_MAILBOX, vec![level.id.0.into()])
            .await?;
        super::metadata::remove(transaction, level.id).await?;
    }
    let account = transaction.heads.account(id)?;
    account.insert(Mailbox {
        id: number,
        account: id,
        path: path.to_owned(),
        special_use,
        subscribed: false,
        selectable: true,
        uid_validity,
        uid_next: 1,
        highest_modseq: modseq,
        messages: 0,
        unseen: 0,
        bytes: 0,
        recent_from: 1,
    });
    let values = vec![
        number.0.into(),
        id.0.into(),
        path.into(),
        used,
        i64::from(uid_validity).into(),
        signed(modseq).into(),
    ];
    transaction.execute(&INSERT_MAILBOX, values).await?;
    let account = transaction.heads.account(id)?;
    let above = parents(path).last();
    let above = above.and_then(|above| account.mailboxes.get(above));
    if let Some(above) = above.map(|head| head.mailbox.id) {
        super::acl::inherit(transaction, number, above).await?;
    }
    Ok(number)
}

/// CREATE.
#[derive(Debug)]
pub(crate) struct Create {
    pub(crate) account: AccountId,
    pub(crate) path: String,
    pub(crate) special_use: Option<SpecialUse>,
}

impl Operation for Create {
    type Output = MailboxId;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<MailboxId> {
        let account = transaction.heads.account(self.account)?;
        if account
            .mailboxes
            .get(&self.path)
            .is_some_and(|head| head.mailbox.selectable)
        {
            return Err(Error::AlreadyExists(self.path.clone()));
        }
        check_count(account, &self.path)?;
        // RFC 6154 §3: a server may take that for a conflict. What is filed by use must know where to.
        let mut uses = account
            .mailboxes
            .values()
            .filter_map(|head| head.mailbox.special_use);
        if self
            .special_use
            .is_some_and(|wanted| uses.any(|taken| taken == wanted))
        {
            return Err(Error::UseTaken);
        }
        make(transaction, self.account, &self.path, self.special_use).await
    }
}

static DELETE_MAILBOX: Sql = Sql::new("DELETE FROM mailboxes WHERE id = $1");
static CLOSE_MAILBOX: Sql =
    Sql::new("UPDATE mailboxes SET selectable = 0, special_use = '', named = $2 WHERE id = $1");
static DELETE_VANISHED: Sql = Sql::new("DELETE FROM vanished WHERE mailbox = $1");

/// DELETE.
#[derive(Debug)]
pub(crate) struct Delete {
    pub(crate) account: AccountId,
    pub(crate) path: String,
    /// Which mailbox that was when somebody looked whether he may.
    pub(crate) expected: Option<MailboxId>,
}

impl Operation for Delete {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let account = transaction.heads.account(self.account)?;
        let head = expected(account, &self.path, self.expected)?;
        let (id, selectable) = (head.mailbox.id, head.mailbox.selectable);
        if is_inbox(&self.path) {
            return Err(Error::NotAllowed("INBOX cannot be deleted"));
        }
        let children = below(account, &self.path).next().is_some();
        if children && !selectable {
            // RFC 3501 §6.3.4: an error if the name has inferiors and \Noselect.
            return Err(Error::NotAllowed(
                "the mailbox has children and cannot be selected",
            ));
        }
        if selectable {
            super::expunge::remove_all(transaction, self.account, id).await?;
        }
        transaction
            .execute(&DELETE_VANISHED, vec![id.0.into()])
            .await?;
        transaction
            .execute(&FORGET_MAILBOX, vec![id.0.into()])
            .await?;
        super::acl::remove(transaction, id).await?;
        super::metadata::remove(transaction, id).await?;
        let account = transaction.heads.account(self.account)?;
        let modseq: Value = signed(account.next_modseq()).into();
        if !children {
            account.remove(&self.path);
            super::departures::went(transaction, self.account, id).await?;
            transaction
                .execute(&DELETE_MAILBOX, vec![id.0.into()])
                .await?;
            return Ok(());
        }
        if let Some(head) = account.mailboxes.get_mut(&self.path) {
            head.mailbox.selectable = false;
            head.mailbox.special_use = None;
        }
        transaction
            .execute(&CLOSE_MAILBOX, vec![id.0.into(), modseq])
            .await?;
        Ok(())
    }
}

/// The mailbox at a path, if it is the one that was expected there.
fn expected<'a>(
    account: &'a AccountHead,
    path: &str,
    expected: Option<MailboxId>,
) -> Result<&'a MailboxHead> {
    let head = account.mailboxes.get(path);
    head.filter(|head| expected.is_none_or(|expected| head.mailbox.id == expected))
        .ok_or_else(|| Error::NoSuchMailbox(path.to_owned()))
}

/// Paths below a path.
fn below<'a>(account: &'a AccountHead, path: &str) -> impl Iterator<Item = &'a String> {
    let prefix = format!("{path}/");
    account
        .mailboxes
        .range(prefix.clone()..)
        .map(|(path, _)| path)
        .take_while(move |path| path.starts_with(&prefix))
}

static RENAME_MAILBOXES: Sql = Sql::new(
    "UPDATE mailboxes SET path = r.path, named = $2 FROM {1: id i, path t} AS r WHERE mailboxes.id = r.id",
);

/// RENAME.
#[derive(Debug)]
pub(crate) struct Rename {
    pub(crate) account: AccountId,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Which mailbox `from` was when somebody looked whether he may.
    pub(crate) expected: Option<MailboxId>,
}

impl Operation for Rename {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let account = transaction.heads.account(self.account)?;
        let from = expected(account, &self.from, self.expected)?.mailbox.id;
        if account.mailboxes.contains_key(&self.to) {
            return Err(Error::AlreadyExists(self.to.clone()));
        }
        check_count(account, &self.to)?;
        if is_inbox(&self.from) {
            // RFC 3501 §6.3.5: the messages move, INBOX stays and so do its inferiors.
            let to = make(transaction, self.account, &self.to, None).await?;
            super::copy::move_all(transaction, self.account, from, to).await?;
            super::metadata::copy(transaction, self.account, from, to).await?;
            return Ok(());
        }
        if self
            .to
            .strip_prefix(&self.from)
            .is_some_and(|rest| rest.starts_with('/'))
        {
            return Err(Error::NotAllowed("a mailbox cannot be moved below itself"));
        }
        self.rename(transaction).await
    }
}

impl Rename {
    async fn rename(&self, transaction: &mut Transaction) -> Result<()> {
        let account = transaction.heads.account(self.account)?;
        let mut olds: Vec<String> = below(account, &self.from).cloned().collect();
        olds.push(self.from.clone());
        let renamed: Vec<(String, String)> = olds
            .into_iter()
            .map(|old| {
                let rest = old.strip_prefix(&self.from).unwrap_or_default();
                let new = format!("{}{rest}", self.to);
                (old, new)
            })
            .collect();
        for (_, new) in &renamed {
            new_path_of(new)?;
        }
        let missing: Vec<String> = parents(&self.to)
            .filter(|parent| !account.mailboxes.contains_key(*parent))
            .map(str::to_owned)
            .collect();
        for parent in missing {
            make_one(transaction, self.account, &parent, None).await?;
        }
        let account = transaction.heads.account(self.account)?;
        let modseq = signed(account.next_modseq());
        let mut rows = Rows::default();
        for (old, new) in renamed {
            let dirty = account.mailboxes.get(&old).is_some_and(|head| head.dirty);
            let Some(mut mailbox) = account.remove(&old) else {
                continue;
            };
            rows.row().int(mailbox.id.0).str(&new);
            mailbox.path.clone_from(&new);
            account.insert(mailbox);
            if let Some(head) = account.mailboxes.get_mut(&new) {
                head.dirty = dirty;
            }
        }
        transaction
            .execute(&RENAME_MAILBOXES, vec![rows.into(), modseq.into()])
            .await?;
        Ok(())
    }
}

static SUBSCRIBE: Sql =
    Sql::new("INSERT INTO subscriptions (account, path) VALUES ($1, $2) ON CONFLICT DO NOTHING");
static OTHER_SUBSCRIPTIONS: Sql =
    Sql::new("SELECT count(*) FROM subscriptions WHERE account = $1 AND path <> $2");
static NOTE_SUBSCRIBED: Sql =
    Sql::new("UPDATE mailboxes SET named = $3 WHERE account = $1 AND path = $2");
static UNSUBSCRIBE: Sql = Sql::new("DELETE FROM subscriptions WHERE account = $1 AND path = $2");

/// SUBSCRIBE and UNSUBSCRIBE.
#[derive(Debug)]
pub(crate) struct Subscribe {
    pub(crate) account: AccountId,
    pub(crate) path: String,
    pub(crate) subscribed: bool,
}

impl Operation for Subscribe {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        // Whoever watches the account hears of it.
        let modseq = transaction.heads.account(self.account)?.next_modseq();
        let arguments = || vec![self.account.0.into(), Value::from(self.path.as_str())];
        if !self.subscribed {
            transaction.execute(&UNSUBSCRIBE, arguments()).await?;
            return self.note(transaction, modseq).await;
        }
        let others = transaction.fetch(&OTHER_SUBSCRIPTIONS, arguments()).await?;
        let others = others.first().map_or(Ok(0), |row| row.natural(0))?;
        let size = usize::try_from(others).unwrap_or(usize::MAX) + 1;
        if size > MAX_SUBSCRIPTIONS {
            return Err(Error::TooLarge {
                what: "number of subscriptions",
                size,
                limit: MAX_SUBSCRIPTIONS,
            });
        }
        transaction.execute(&SUBSCRIBE, arguments()).await?;
        self.note(transaction, modseq).await
    }
}

impl Subscribe {
    /// The mailbox of that path is not as it was, if there is one.
    async fn note(&self, transaction: &mut Transaction, modseq: u64) -> Result<()> {
        let values = vec![
            self.account.0.into(),
            Value::from(self.path.as_str()),
            signed(modseq).into(),
        ];
        transaction.execute(&NOTE_SUBSCRIBED, values).await?;
        Ok(())
    }
}

/// Moves the mark up to which messages were shown to some session.
#[derive(Debug)]
pub(crate) struct SawRecent {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) up_to: u32,
}

impl Operation for SawRecent {
    type Output = ();

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<()> {
        let account = transaction.heads.account(self.account)?;
        let head = account.mailbox(self.mailbox)?;
        if self.up_to > head.mailbox.recent_from && self.up_to <= head.mailbox.uid_next {
            head.mailbox.recent_from = self.up_to;
            head.dirty = true;
            account.dirty = true;
        }
        Ok(())
    }
}
