//! Mail that is moved into an account or out of it in bulk: what `waxwing import` and `waxwing export` ask.
//!
//! Unlike other requests these have contents beside their JSON: `put` is followed by the octets of its messages, the answer to
//! `read` by as many as it says. Invariants: no more is taken than a batch or one message of the largest size; whose batch
//! was answered is on disk; no hook of the policy is asked or told, for this is the operator's act and not a user's.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxwing_store::{
    Account, AccountId, BlobId, Delivery, Flags, Imported, MailboxId, Place, Store, Target,
    UidRange,
};

use super::execute::{local_address, value};
use super::{Exit, Failure};
use crate::answer::outline;
use crate::config::Config;

/// Messages of one batch, at most.
pub(crate) const BATCH: usize = 64;
/// Octets of one batch of several messages, at most.
pub(crate) const BATCH_OCTETS: u64 = 4 << 20;
/// UIDs of one page of a mailbox.
pub(crate) const PAGE: u32 = 1_000;
/// Octets of one piece of a message that is read.
pub(crate) const PIECE: u32 = 1 << 20;
/// What is added to a message on its way may make it larger than the largest one that is taken.
const SLACK: u64 = 1 << 20;

/// What is asked for an account's mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum MailRequest {
    /// Its mailboxes and subscriptions.
    Open { address: String },
    /// The mailbox at a path, which is made if there is none; its number.
    Make { address: String, path: String },
    /// Subscribes paths.
    Subscribe { address: String, paths: Vec<String> },
    /// Which of these items were imported before.
    Known { address: String, items: Vec<String> },
    /// Stores messages, once each.
    Put(Batch),
    /// Messages of a mailbox from this UID on: a page.
    List {
        address: String,
        mailbox: i64,
        first: u32,
    },
    /// A piece of a content, up to [`PIECE`] octets.
    Read { content: i64, offset: u64 },
}

/// Messages whose contents follow, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) address: String,
    /// Those that were imported before come once more.
    pub(crate) again: bool,
    pub(crate) messages: Vec<Arriving>,
}

/// A message without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arriving {
    /// A digest of where it comes from.
    pub(crate) item: String,
    /// Its lines ended with CRLF there.
    pub(crate) verbatim: bool,
    pub(crate) mailbox: i64,
    /// As the store's bits.
    pub(crate) flags: u8,
    pub(crate) keywords: Vec<String>,
    /// Milliseconds of Unix time.
    pub(crate) date: i64,
    /// Minutes east of UTC.
    pub(crate) offset: i16,
    /// The size of its content.
    pub(crate) octets: u64,
}

/// A mailbox of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MailboxRow {
    pub(crate) id: i64,
    pub(crate) path: String,
    pub(crate) selectable: bool,
    pub(crate) uid_validity: u32,
    pub(crate) uid_next: u32,
    pub(crate) messages: u32,
}

/// The answer to [`MailRequest::Open`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// The largest message that is taken, in octets.
    pub(crate) message_size: u64,
    /// INBOX first, then by path.
    pub(crate) mailboxes: Vec<MailboxRow>,
    pub(crate) subscriptions: Vec<String>,
}

/// A message of the account without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageRow {
    pub(crate) uid: u32,
    pub(crate) flags: u8,
    pub(crate) keywords: Vec<String>,
    pub(crate) date: i64,
    pub(crate) octets: u64,
    pub(crate) content: i64,
    pub(crate) verbatim: bool,
}

impl MailRequest {
    /// How many octets follow it.
    ///
    /// # Errors
    /// More than may.
    pub(crate) fn octets(&self, config: &Config) -> Result<u64, Failure> {
        let Self::Put(batch) = self else {
            return Ok(0);
        };
        let all = batch
            .messages
            .iter()
            .fold(0_u64, |sum, message| sum.saturating_add(message.octets));
        let most = if batch.messages.len() > 1 {
            BATCH_OCTETS
        } else {
            largest(config)
        };
        if batch.messages.len() > BATCH || all > most {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "a batch of {} messages with {all} octets is too large",
                    batch.messages.len()
                ),
            ));
        }
        Ok(all)
    }
}

fn largest(config: &Config) -> u64 {
    config.limits.message_size.bytes().saturating_add(SLACK)
}

/// Does a request, with the octets that followed it; the answer, and the octets that follow that.
pub(crate) async fn execute(
    store: &Store,
    config: &Config,
    request: MailRequest,
    content: Bytes,
) -> Result<(Value, Bytes), Failure> {
    let answer = match request {
        MailRequest::Open { address } => {
            let account = account(store, &address).await?;
            open(store, config, &account).await?
        }
        MailRequest::Make { address, path } => {
            let account = account(store, &address).await?.id;
            json!(make(store, account, &path).await?)
        }
        MailRequest::Subscribe { address, paths } => {
            let account = account(store, &address).await?.id;
            for path in paths {
                store.set_subscribed(account, &path, true).await?;
            }
            Value::Null
        }
        MailRequest::Known { address, items } => {
            let account = account(store, &address).await?.id;
            value(&store.imported(account, &items).await?)
        }
        MailRequest::Put(batch) => {
            let stored = put(store, batch, content).await?;
            json!(stored.into_iter().flatten().count())
        }
        MailRequest::List {
            address,
            mailbox,
            first,
        } => {
            let account = account(store, &address).await?.id;
            list(store, account, MailboxId(mailbox), first).await?
        }
        MailRequest::Read { content, offset } => {
            let piece = store
                .read_blob(BlobId(content), offset, PIECE as usize)
                .await?;
            return Ok((json!(piece.len()), piece));
        }
    };
    Ok((answer, Bytes::new()))
}

async fn account(store: &Store, address: &str) -> Result<Arc<Account>, Failure> {
    let address = local_address(address)?;
    let found = store.directory().account(&address).await?;
    found.ok_or_else(|| waxwing_store::Error::NoSuchAccount(address).into())
}

async fn open(store: &Store, config: &Config, account: &Account) -> Result<Value, Failure> {
    let mailboxes = store.mailboxes(account.id).await?;
    let row = |mailbox: waxwing_store::Mailbox| MailboxRow {
        id: mailbox.id.0,
        path: mailbox.path,
        selectable: mailbox.selectable,
        uid_validity: mailbox.uid_validity,
        uid_next: mailbox.uid_next,
        messages: mailbox.messages,
    };
    Ok(value(&Opened {
        message_size: largest(config),
        mailboxes: mailboxes.into_iter().map(row).collect(),
        subscriptions: store.subscriptions(account.id).await?,
    }))
}

async fn make(store: &Store, account: AccountId, path: &str) -> Result<i64, Failure> {
    let found = match store.mailbox(account, path).await {
        Ok(mailbox) if mailbox.selectable => mailbox,
        // RFC 3501 §6.3.3: a name that only has children can be created.
        Ok(_) | Err(waxwing_store::Error::NoSuchMailbox(_)) => {
            store.create_mailbox(account, path, None).await?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(found.id.0)
}

/// Stores those of a batch that are new; the UID of each of them.
pub(crate) async fn put(
    store: &Store,
    batch: Batch,
    content: Bytes,
) -> Result<Vec<Option<u32>>, Failure> {
    let account = account(store, &batch.address).await?.id;
    if batch.again {
        let items = batch.messages.iter().map(|message| message.item.clone());
        store.forget_imported(account, items.collect()).await?;
    }
    let mut rest = content;
    let mut messages = Vec::with_capacity(batch.messages.len());
    for arriving in batch.messages {
        let octets = usize::try_from(arriving.octets).unwrap_or(usize::MAX);
        if octets > rest.len() {
            return Err(Failure::data("a message is shorter than was said"));
        }
        let content = rest.split_to(octets);
        messages.push(imported(account, arriving, content).await);
    }
    Ok(store.import_placed(account, messages).await?)
}

async fn imported(account: AccountId, arriving: Arriving, content: Bytes) -> Imported {
    let target = Target {
        account,
        mailbox: Place::Id(MailboxId(arriving.mailbox)),
        flags: Flags::from_bits(arriving.flags),
        keywords: arriving.keywords,
    };
    let outline = outline(&content).await;
    Imported {
        item: arriving.item,
        verbatim: arriving.verbatim,
        delivery: Delivery {
            summary: outline.summary,
            thread: outline.thread,
            content,
            targets: vec![target],
            internal_date: arriving.date,
            internal_offset: arriving.offset,
            ledger: None,
        },
    }
}

async fn list(
    store: &Store,
    account: AccountId,
    mailbox: MailboxId,
    first: u32,
) -> Result<Value, Failure> {
    let last = first.saturating_add(PAGE - 1);
    let verbatim = store.verbatim(mailbox, first, last).await?;
    let messages = store
        .fetch(account, mailbox, &[UidRange { first, last }], false)
        .await?;
    let row = |message: waxwing_store::Message| MessageRow {
        uid: message.flags.uid,
        flags: message.flags.flags.bits(),
        keywords: message.flags.keywords,
        date: message.internal_date,
        octets: message.size,
        content: message.blob.0,
        verbatim: verbatim.binary_search(&message.flags.uid).is_ok(),
    };
    Ok(value(&messages.into_iter().map(row).collect::<Vec<_>>()))
}
