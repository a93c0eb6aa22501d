//! Mailboxes changed as one: name, place, use, order and subscription in one commit (RFC 8621 §2.5).
//!
//! What a mailbox is subscribed as goes along when it is moved, and what is below it keeps its own.

use std::collections::HashMap;

use crate::statement::Sql;
use crate::writer::mailbox_shapes::{Destroy, Shape};
use crate::{AccountId, MailboxId, Result, SpecialUse, Store};

static SORT_ORDERS: Sql =
    Sql::new("SELECT id, sort_order FROM mailboxes WHERE account = $1 AND sort_order >= 0");

/// What is to be so of a mailbox; none: it stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxShape {
    /// Its name, the last level of its path.
    pub name: Option<String>,
    /// The mailbox that it is in, or none at the top.
    pub parent: Option<Option<MailboxId>>,
    /// What it is for.
    pub special_use: Option<Option<SpecialUse>>,
    /// Whether it is subscribed.
    pub subscribed: Option<bool>,
    /// Its place among others, below 2^31.
    pub sort_order: Option<u32>,
}

/// Why a mailbox is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxRefusal {
    /// There is none.
    NotFound,
    /// The mailbox that it is to be in is not there, or is in it.
    NoParent,
    /// There is another one of that name.
    Exists,
    /// The name cannot be one.
    Name(&'static str),
    /// Another one is for that.
    UseTaken,
    /// There would be too many, of mailboxes or subscriptions.
    TooMany,
    /// INBOX stays where it is.
    Inbox,
    /// There are others in it.
    HasChild,
    /// There are messages in it.
    HasMessages,
}

/// What became of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxShaped {
    /// It.
    pub mailbox: MailboxId,
    /// The account's modification sequence before.
    pub before: u64,
    /// The same after.
    pub after: u64,
}

impl Store {
    /// Changes a mailbox, or creates one if none is named, as a whole or not at all.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn shape_mailbox(
        &self,
        account: AccountId,
        mailbox: Option<MailboxId>,
        shape: MailboxShape,
    ) -> Result<Result<MailboxShaped, MailboxRefusal>> {
        let shape = Shape {
            account,
            mailbox,
            shape,
        };
        self.inner.writer.write(shape).await
    }

    /// Removes a mailbox that no other is in; with its messages only if `with_messages`.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn destroy_mailbox(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        with_messages: bool,
    ) -> Result<Result<MailboxShaped, MailboxRefusal>> {
        let destroy = Destroy {
            account,
            mailbox,
            with_messages,
        };
        self.inner.writer.write(destroy).await
    }

    /// The places of an account's mailboxes among others, of those that were given one.
    pub async fn sort_orders(&self, account: AccountId) -> Result<HashMap<MailboxId, u32>> {
        let rows = self
            .inner
            .readers
            .fetch(&SORT_ORDERS, vec![account.0.into()])
            .await?;
        let order = |row: &crate::database::Row| Ok((MailboxId(row.int(0)?), row.number(1)?));
        rows.iter().map(order).collect()
    }
}
