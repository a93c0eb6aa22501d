//! A mailbox changed as a whole. Everything that can be refused is looked at before anything is changed.

use super::Operation;
use super::buffers::signed;
use super::mailboxes::{Create, Delete, Rename, Subscribe};
use super::transaction::Transaction;
use crate::mailbox_shapes::{MailboxRefusal, MailboxShape, MailboxShaped};
use crate::mailboxes::{
    MAX_SUBSCRIPTIONS, is_inbox, new_path_of, parents, path_of, special_use_text,
};
use crate::statement::{Rows, Sql};
use crate::{AccountId, Error, Flags, MailboxId, Result};

static SUBSCRIBED: Sql = Sql::new("SELECT path FROM subscriptions WHERE account = $1");
static UNSUBSCRIBE: Sql = Sql::new(
    "DELETE FROM subscriptions WHERE account = $1 AND path IN (SELECT r.path FROM {2: path t} AS r)",
);
static SUBSCRIBE: Sql = Sql::new(
    "INSERT INTO subscriptions (account, path) SELECT CAST($1 AS BIGINT), r.path FROM {2: path t} AS r WHERE true ON CONFLICT DO NOTHING",
);
// RFC 8621 §4.1.1: what has \Deleted is no email.
static ANY_SEEN: Sql =
    Sql::new("SELECT 1 FROM messages WHERE mailbox = $1 AND (flags & $2) = 0 LIMIT 1");
static SET_USE: Sql = Sql::new("UPDATE mailboxes SET special_use = $2, named = $3 WHERE id = $1");
static SET_ORDER: Sql = Sql::new("UPDATE mailboxes SET sort_order = $2, named = $3 WHERE id = $1");

/// A change of a mailbox, or a new one.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) account: AccountId,
    pub(crate) mailbox: Option<MailboxId>,
    pub(crate) shape: MailboxShape,
}

/// Where a mailbox was, if it was, and where it comes to be.
struct Move {
    from: Option<String>,
    to: String,
}

impl Operation for Shape {
    type Output = Result<MailboxShaped, MailboxRefusal>;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(
        &mut self,
        transaction: &mut Transaction,
    ) -> Result<Result<MailboxShaped, MailboxRefusal>> {
        let before = transaction.heads.account(self.account)?.modseq;
        let paths = match self.paths(transaction)? {
            Ok(paths) => paths,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let subscriptions = self.subscriptions(transaction).await?;
        if self.shape.subscribed == Some(true) && subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Ok(Err(MailboxRefusal::TooMany));
        }
        let mailbox = match self.place(transaction, &paths).await {
            Ok(mailbox) => mailbox,
            Err(error) => return refused(error).map(Err),
        };
        if let Some(from) = paths.from.as_deref().filter(|from| *from != paths.to) {
            self.carry(transaction, &subscriptions, (from, &paths.to))
                .await?;
        }
        if let Some(subscribed) = self.shape.subscribed {
            let mut subscribe = Subscribe {
                account: self.account,
                path: paths.to,
                subscribed,
            };
            subscribe.apply(transaction).await?;
        }
        self.finish(transaction, mailbox).await?;
        Ok(Ok(MailboxShaped {
            mailbox,
            before,
            after: transaction.heads.account(self.account)?.modseq,
        }))
    }
}

impl Shape {
    /// Where the mailbox is and where it is to be, if it can be there, for what it is to be for.
    fn paths(&self, transaction: &mut Transaction) -> Result<Result<Move, MailboxRefusal>> {
        let account = transaction.heads.account(self.account)?;
        let from = match self.mailbox {
            None => None,
            Some(id) => match account.paths.get(&id) {
                Some(path) => Some(path.clone()),
                None => return Ok(Err(MailboxRefusal::NotFound)),
            },
        };
        let used = |head: &&super::heads::MailboxHead| {
            let wanted = self.shape.special_use.flatten();
            wanted.is_some() && head.mailbox.special_use == wanted
        };
        let mut taken = account.mailboxes.values().filter(used);
        if taken.any(|head| Some(head.mailbox.id) != self.mailbox) {
            return Ok(Err(MailboxRefusal::UseTaken));
        }
        let inbox = from.as_deref().is_some_and(is_inbox);
        let moves = self.shape.name.is_some() || self.shape.parent.is_some();
        if inbox && (moves || self.shape.special_use.is_some()) {
            return Ok(Err(MailboxRefusal::Inbox));
        }
        let (above, name) = match from.as_deref().map(|path| path.rsplit_once('/')) {
            Some(Some((above, name))) => (Some(above), name),
            Some(None) => (None, from.as_deref().unwrap_or_default()),
            None => (None, ""),
        };
        let name = self.shape.name.as_deref().unwrap_or(name);
        if name.is_empty() || name.contains('/') {
            return Ok(Err(MailboxRefusal::Name("it is empty, or has a / in it")));
        }
        let above = match self.shape.parent {
            None => above,
            Some(None) => None,
            Some(Some(parent)) => match account.paths.get(&parent) {
                Some(path) => Some(path.as_str()),
                None => return Ok(Err(MailboxRefusal::NoParent)),
            },
        };
        let to = above.map_or_else(|| name.to_owned(), |above| format!("{above}/{name}"));
        if let Some(from) = &from
            && *from == to
        {
            let from = Some(from.clone());
            return Ok(Ok(Move { from, to }));
        }
        let to = match new_path_of(&to) {
            Ok(to) => to,
            Err(error) => return refused(error).map(Err),
        };
        if let Some(from) = &from
            && parents(&to).any(|parent| parent == from)
        {
            return Ok(Err(MailboxRefusal::NoParent));
        }
        if account.mailboxes.contains_key(&to) {
            return Ok(Err(MailboxRefusal::Exists));
        }
        Ok(Ok(Move { from, to }))
    }

    /// Creates the mailbox, or moves it; the first thing that is changed.
    async fn place(&self, transaction: &mut Transaction, paths: &Move) -> Result<MailboxId> {
        match (&paths.from, self.mailbox) {
            (Some(from), Some(id)) => {
                if *from != paths.to {
                    let mut rename = Rename {
                        account: self.account,
                        from: from.clone(),
                        to: paths.to.clone(),
                        expected: Some(id),
                    };
                    rename.apply(transaction).await?;
                }
                Ok(id)
            }
            _ => {
                let mut create = Create {
                    account: self.account,
                    path: paths.to.clone(),
                    special_use: self.shape.special_use.flatten(),
                };
                create.apply(transaction).await
            }
        }
    }

    async fn subscriptions(&self, transaction: &mut Transaction) -> Result<Vec<String>> {
        let moves = self.shape.name.is_some() || self.shape.parent.is_some();
        if self.shape.subscribed.is_none() && (self.mailbox.is_none() || !moves) {
            return Ok(Vec::new());
        }
        let rows = transaction
            .fetch(&SUBSCRIBED, vec![self.account.0.into()])
            .await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Subscriptions of the mailbox and of what is below it go along.
    async fn carry(
        &self,
        transaction: &mut Transaction,
        subscriptions: &[String],
        (from, to): (&str, &str),
    ) -> Result<()> {
        let (mut old, mut new) = (Rows::default(), Rows::default());
        for path in subscriptions {
            let rest = path.strip_prefix(from);
            let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
            // What would be too long is of no mailbox, and stays.
            let carried = rest.and_then(|rest| path_of(&format!("{to}{rest}")).ok());
            if let Some(carried) = carried {
                old.row().str(path);
                new.row().str(&carried);
            }
        }
        if old.is_empty() {
            return Ok(());
        }
        for (sql, rows) in [(&UNSUBSCRIBE, old), (&SUBSCRIBE, new)] {
            let values = vec![self.account.0.into(), rows.into()];
            transaction.execute(sql, values).await?;
        }
        Ok(())
    }

    /// Writes what a mailbox is for, and its order.
    async fn finish(&self, transaction: &mut Transaction, mailbox: MailboxId) -> Result<()> {
        let MailboxShape {
            special_use,
            sort_order,
            ..
        } = &self.shape;
        let special_use = special_use.filter(|_| self.mailbox.is_some());
        if special_use.is_none() && sort_order.is_none() {
            return Ok(());
        }
        let account = transaction.heads.account(self.account)?;
        let modseq = signed(account.next_modseq());
        if let Some(special_use) = special_use {
            let path = account.paths.get(&mailbox).cloned();
            let head = path.and_then(|path| account.mailboxes.get_mut(&path));
            if let Some(head) = head {
                head.mailbox.special_use = special_use;
            }
            let text = special_use_text(special_use);
            let values = vec![mailbox.0.into(), text.into(), modseq.into()];
            transaction.execute(&SET_USE, values).await?;
        }
        if let Some(order) = sort_order {
            let values = vec![mailbox.0.into(), i64::from(*order).into(), modseq.into()];
            transaction.execute(&SET_ORDER, values).await?;
        }
        Ok(())
    }
}

/// What other operations refuse, as a refusal.
fn refused(error: Error) -> Result<MailboxRefusal> {
    match error {
        Error::AlreadyExists(_) => Ok(MailboxRefusal::Exists),
        Error::InvalidName { reason, .. } => Ok(MailboxRefusal::Name(reason)),
        Error::UseTaken => Ok(MailboxRefusal::UseTaken),
        Error::TooLarge { .. } => Ok(MailboxRefusal::TooMany),
        Error::NoSuchMailbox(_) => Ok(MailboxRefusal::NotFound),
        Error::NotAllowed(_) => Ok(MailboxRefusal::NoParent),
        other => Err(other),
    }
}

/// The end of a mailbox.
#[derive(Debug)]
pub(crate) struct Destroy {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) with_messages: bool,
}

impl Operation for Destroy {
    type Output = Result<MailboxShaped, MailboxRefusal>;

    fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }

    async fn apply(
        &mut self,
        transaction: &mut Transaction,
    ) -> Result<Result<MailboxShaped, MailboxRefusal>> {
        let account = transaction.heads.account(self.account)?;
        let before = account.modseq;
        let Some(path) = account.paths.get(&self.mailbox).cloned() else {
            return Ok(Err(MailboxRefusal::NotFound));
        };
        if is_inbox(&path) {
            return Ok(Err(MailboxRefusal::Inbox));
        }
        let mut all = account.mailboxes.keys();
        if all.any(|other| parents(other).any(|parent| parent == path)) {
            return Ok(Err(MailboxRefusal::HasChild));
        }
        let head = account.mailboxes.get(&path);
        let full = head.is_some_and(|head| head.mailbox.messages > 0);
        if full && !self.with_messages {
            let arguments = vec![
                self.mailbox.0.into(),
                i64::from(Flags::DELETED.bits()).into(),
            ];
            if !transaction.fetch(&ANY_SEEN, arguments).await?.is_empty() {
                return Ok(Err(MailboxRefusal::HasMessages));
            }
        }
        let mut delete = Delete {
            account: self.account,
            path,
            expected: Some(self.mailbox),
        };
        delete.apply(transaction).await?;
        Ok(Ok(MailboxShaped {
            mailbox: self.mailbox,
            before,
            after: transaction.heads.account(self.account)?.modseq,
        }))
    }
}
