//! What IMAP sessions ask, answered from policy and store.
//!
//! Invariants: a content is in memory once while it is appended, and counted; a message that is read goes through in
//! the pieces that the session asks for; a poll costs nothing while nothing happened on this host.

mod append;
mod changed;
mod convert;
mod copy;
mod quota;
mod search;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use waxwing_imap::types::{MailboxId as ImapMailbox, MailboxName, UidSet};
use waxwing_imap::{Answer, Ask, Error, RowWants, Session};
use waxwing_policy::MailboxChange;
use waxwing_session::Counts;
use waxwing_store::{Account, BlobId, FlagChange, MailboxId, Store, UidRange, Usage};

use self::append::Append;
use self::convert::{self as to_imap, ranges};
use super::events;
use super::gate::{Admission, Gate, Login, Over};
use super::{Caller, Settings};
use crate::drive::{Answering, Answers};
use crate::indexing;
use crate::transport::TlsFacts;
use crate::wiring::Parts;

/// How often IDLE looks for what other hosts wrote.
const ROUND: Duration = Duration::from_secs(30);

/// The session of a connection.
pub(crate) fn session(parts: &Arc<Parts>, caller: &Caller) -> Session {
    match &caller.door.settings {
        Settings::Imap(config) => Session::new(Arc::clone(config), Instant::now()),
        _ => Session::new(
            super::imap_settings(&caller.door.listener, &parts.config),
            Instant::now(),
        ),
    }
}

/// Answers the asks of one session.
pub(crate) struct ImapAnswers {
    gate: Gate,
    /// What a logged-in session has; boxed, so that those who never log in do not pay for it.
    user: Option<Box<User>>,
}

struct User {
    account: Arc<Account>,
    /// What this session knows of the account's changes.
    changes: watch::Receiver<u64>,
    selected: Option<Selected>,
    append: Option<Append>,
    news: News,
    /// Where other hosts write to the store, too, nobody announces their commits: IDLE looks now and then.
    rounds: Option<Interval>,
}

struct Selected {
    /// The mailbox's path.
    name: MailboxName,
    /// UIDs from here on have not been shown to this session.
    uid_next: u32,
    /// The modification sequence up to which it has been told of changes.
    told: u64,
    read_only: bool,
}

/// The notice that wakes IDLE; a receiver of its own, so that a wake that leads to nothing does not repeat.
enum News {
    At(watch::Receiver<u64>),
    Waiting(Pin<Box<dyn Future<Output = Option<watch::Receiver<u64>>> + Send + Sync>>),
    Never,
}

impl ImapAnswers {
    pub(crate) fn new(parts: &Arc<Parts>, caller: Caller) -> Self {
        Self {
            gate: Gate::new(parts, caller),
            user: None,
        }
    }

    async fn decide(&mut self, ask: Ask) -> Result<Answer, Error> {
        match ask {
            Ask::Connect => match self.gate.connect().await {
                Admission::Pass => Ok(Answer::Done),
                Admission::Refused(reply) | Admission::Disconnected(reply) => {
                    Err(Error::Disconnect(reply.text.into_owned()))
                }
            },
            Ask::Keys { mechanism, user } => match self.gate.keys(mechanism, user).await {
                Ok(part) => Ok(Answer::Keys(Box::new(part))),
                Err(login) => self.logged_in(login),
            },
            Ask::Login { mechanism, offer } => {
                let login = self.gate.login(mechanism, offer).await;
                self.logged_in(login)
            }
            Ask::Logout => {
                self.user = None;
                self.gate.logged_out();
                Ok(Answer::Done)
            }
            other => match &mut self.user {
                Some(user) => user.decide(&mut self.gate, other).await,
                None => Err(Error::NoPermission),
            },
        }
    }

    fn logged_in(&mut self, login: Login) -> Result<Answer, Error> {
        match login {
            Login::In { account, .. } => {
                let changes = self.gate.parts().store.subscribe(account.id);
                let news = News::At(changes.clone());
                self.user = Some(Box::new(User {
                    account,
                    changes,
                    selected: None,
                    append: None,
                    news,
                    rounds: (!self.gate.parts().store_is_ours()).then(rounds),
                }));
                Ok(Answer::Done)
            }
            Login::Wrong => Err(Error::AuthenticationFailed),
            Login::Blocked(text) => Err(Error::Refused(text)),
            Login::Unavailable(reference) => Err(Error::Unavailable {
                reference: reference.to_string(),
            }),
        }
    }
}

impl Answers<Session> for ImapAnswers {
    fn answer(&mut self, ask: Ask) -> Answering<'_, Answer> {
        Box::pin(async move { self.decide(ask).await.unwrap_or_else(Answer::Failed) })
    }

    fn content(&mut self, bytes: Bytes) {
        if let Some(append) = self.user.as_mut().and_then(|user| user.append.as_mut()) {
            append.push(bytes);
        }
    }

    fn early(&mut self, octets: usize) {
        self.gate.early(octets);
    }

    fn spent(&mut self, did: Counts, octets: u64) -> bool {
        self.gate.spent(did, octets)
    }

    fn secured(&mut self, facts: TlsFacts) {
        self.gate.secured(facts);
    }

    fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.user {
            Some(user) => user.poll_news(context),
            None => Poll::Pending,
        }
    }
}

impl News {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Self::At(receiver) = self {
            let mut receiver = receiver.clone();
            *self = Self::Waiting(Box::pin(async move {
                receiver.changed().await.is_ok().then_some(receiver)
            }));
        }
        let Self::Waiting(waiting) = self else {
            return Poll::Pending;
        };
        let changed = ready!(waiting.as_mut().poll(context));
        let woken = changed.is_some();
        *self = changed.map_or(Self::Never, Self::At);
        if woken {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// The rounds of a session that has to look for itself.
fn rounds() -> Interval {
    let mut rounds = interval_at(tokio::time::Instant::now() + ROUND, ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds
}

impl User {
    fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = self
            .rounds
            .as_mut()
            .is_some_and(|rounds| rounds.poll_tick(context).is_ready());
        if due {
            return Poll::Ready(());
        }
        self.news.poll(context)
    }

    async fn decide(&mut self, gate: &mut Gate, ask: Ask) -> Result<Answer, Error> {
        let parts = Arc::clone(gate.parts());
        let store = &parts.store;
        let account = self.account.id;
        let failed = |error| to_imap::error(error, gate.session());
        match ask {
            Ask::Mailboxes { deleted } => {
                let counts = match deleted {
                    true => store.deleted_of(account).await.map_err(failed)?,
                    false => HashMap::new(),
                };
                to_imap::mailboxes(
                    store.mailboxes(account).await.map_err(failed)?,
                    &store.subscriptions(account).await.map_err(failed)?,
                    &counts,
                )
            }
            Ask::Quota => self.quota(gate).await,
            Ask::Status { mailbox, deleted } => {
                let mailbox = store
                    .mailbox(account, mailbox.as_str())
                    .await
                    .map_err(failed)?;
                if !mailbox.selectable {
                    return Err(Error::NonExistent);
                }
                let deleted = match deleted {
                    true => store.deleted_in(mailbox.id).await.map_err(failed)?,
                    false => Usage::default(),
                };
                Ok(Answer::Status(to_imap::status(&mailbox, deleted)))
            }
            Ask::Select { mailbox, read_only } => self
                .select(store, &mailbox, read_only)
                .await
                .map_err(failed),
            Ask::Unselect { .. } => {
                self.selected = None;
                Ok(Answer::Done)
            }
            Ask::Create {
                mailbox,
                special_use,
            } => {
                let special_use = special_use.map(to_imap::store_use);
                let created = store
                    .create_mailbox(account, mailbox.as_str(), special_use)
                    .await
                    .map_err(failed)?;
                Ok(Answer::Created(ImapMailbox(created.id.0)))
            }
            Ask::Delete { mailbox } => done(
                store
                    .delete_mailbox(account, mailbox.as_str())
                    .await
                    .map_err(failed),
            ),
            Ask::Rename { from, to } => done(
                store
                    .rename_mailbox(account, from.as_str(), to.as_str())
                    .await
                    .map_err(failed),
            ),
            Ask::Subscribe {
                mailbox,
                subscribed,
            } => done(
                store
                    .set_subscribed(account, mailbox.as_str(), subscribed)
                    .await
                    .map_err(failed),
            ),
            Ask::Append {
                mailbox,
                size,
                flags,
                internal_date,
            } => {
                self.append_begin(gate, mailbox.as_str(), size, flags, internal_date)
                    .await
            }
            Ask::AppendMore {
                size,
                flags,
                internal_date,
            } => self.append_more(gate, size, flags, internal_date).await,
            Ask::AppendEnd => self.append_end(gate).await,
            Ask::AppendAbandon => {
                self.append = None;
                Ok(Answer::Done)
            }
            Ask::Rows {
                mailbox,
                uids,
                wants,
            } => rows(store, &self.account, mailbox, &uids, wants)
                .await
                .map_err(failed),
            Ask::Read {
                content,
                offset,
                length,
            } => {
                let blob = to_imap::blob(&content)
                    .ok_or_else(|| Error::Cannot("no such content".into()))?;
                Ok(Answer::Data(
                    store
                        .read_blob(blob, offset, length as usize)
                        .await
                        .map_err(failed)?,
                ))
            }
            Ask::Store {
                mailbox,
                uids,
                action,
                flags,
                unchanged_since,
            } => {
                let change = FlagChange {
                    operation: to_imap::operation(action),
                    flags: to_imap::store_flags(&flags),
                    keywords: flags.keywords().to_vec(),
                    unchanged_since,
                };
                let operation = change.operation;
                let names = events::names(change.flags, &change.keywords);
                let changed = store
                    .store_flags(account, MailboxId(mailbox.0), &ranges(&uids), change)
                    .await
                    .map_err(failed)?;
                self.tell(gate, |selected| {
                    let uids = changed.messages.iter().map(|message| message.uid);
                    events::flagged(selected, uids, operation, names)
                });
                Ok(Answer::Flags(to_imap::flags_stored(changed)))
            }
            Ask::Copy {
                mailbox,
                uids,
                to,
                whole,
            } => self.copy(gate, mailbox, &uids, &to, whole).await,
            Ask::Move { mailbox, uids, to } => {
                let place = store.mailbox(account, to.as_str()).await.map_err(failed)?;
                let copied = store
                    .move_messages(account, MailboxId(mailbox.0), &ranges(&uids), place.id)
                    .await
                    .map_err(|error| to_imap::source_error(error, mailbox, gate.session()))?;
                self.tell(gate, |selected| {
                    MailboxChange::Move(events::moved(selected, to.as_str(), &copied))
                });
                Ok(Answer::Copied(to_imap::copied(&copied)))
            }
            Ask::Expunge { mailbox, uids } => {
                let among = uids.map_or_else(|| vec![UidRange::ALL], |uids| ranges(&uids));
                let gone = store
                    .expunge(account, MailboxId(mailbox.0), &among, true)
                    .await
                    .map_err(failed)?;
                if !gone.is_empty() {
                    self.tell(gate, |selected| {
                        events::expunged(selected, gone.iter().copied())
                    });
                }
                Ok(Answer::Expunged(gone.into_iter().collect()))
            }
            Ask::SearchText {
                mailbox,
                uids,
                keys,
            } => search::texts(store, &self.account, mailbox, &uids, &keys)
                .await
                .map_err(failed),
            Ask::Sift {
                mailbox,
                uids,
                needles,
            } => {
                let mailbox = MailboxId(mailbox.0);
                let absent = indexing::absent(store, account, mailbox, &uids, &needles).await;
                Ok(Answer::Absent(absent))
            }
            Ask::Changed { mailbox, since } => changed::since(store, account, mailbox, since)
                .await
                .map_err(failed),
            Ask::Poll { mailbox, since } => self.poll(gate, mailbox, since).await,
            Ask::Time => Ok(Answer::Time(jiff::Timestamp::now().as_second())),
            Ask::Yield => {
                tokio::task::yield_now().await;
                Ok(Answer::Done)
            }
            Ask::Connect | Ask::Keys { .. } | Ask::Login { .. } | Ask::Logout => {
                Err(Error::NoPermission)
            }
        }
    }

    async fn select(
        &mut self,
        store: &Store,
        mailbox: &MailboxName,
        read_only: bool,
    ) -> Result<Answer, waxwing_store::Error> {
        let found = store.mailbox(self.account.id, mailbox.as_str()).await?;
        // Before the snapshot: what happens after it must be noticed.
        self.changes.borrow_and_update();
        let snapshot = store.select(self.account.id, found.id, !read_only).await?;
        self.selected = Some(Selected {
            name: mailbox.clone(),
            uid_next: snapshot.mailbox.uid_next,
            told: snapshot.mailbox.highest_modseq,
            read_only,
        });
        Ok(Answer::Selected(to_imap::snapshot(&snapshot, read_only)))
    }

    /// Tells policy of a change in the mailbox that is selected, whose name `change` is given.
    fn tell(&self, gate: &Gate, change: impl FnOnce(&str) -> MailboxChange) {
        gate.tell(&self.account.address, || {
            let selected = self.selected.as_ref();
            change(selected.map_or("", |selected| selected.name.as_str()))
        });
    }

    /// Whether policy lets so much more be kept.
    async fn room(&self, gate: &mut Gate, bytes: u64, messages: u64) -> Result<(), Error> {
        match gate.room(&self.account, bytes, messages).await {
            Ok(()) => Ok(()),
            Err(Over::Limit { text, .. }) => Err(Error::OverQuota(text)),
            Err(Over::Unavailable(reference)) => Err(Error::Unavailable {
                reference: reference.to_string(),
            }),
        }
    }

    async fn poll(
        &mut self,
        gate: &Gate,
        mailbox: ImapMailbox,
        since: u64,
    ) -> Result<Answer, Error> {
        let parts = gate.parts();
        let Some(selected) = &mut self.selected else {
            return Err(Error::NonExistent);
        };
        // Commits of other hosts (PostgreSQL) are not announced here: then the store is asked.
        let announced = parts.store_is_ours();
        if announced && since >= selected.told && !self.changes.has_changed().unwrap_or(true) {
            return Ok(Answer::Changes(waxwing_imap::Changes {
                highest_modseq: since,
                ..Default::default()
            }));
        }
        self.changes.borrow_and_update();
        let failed = |error| to_imap::error(error, gate.session());
        let (account, mailbox) = (self.account.id, MailboxId(mailbox.0));
        let mut changes = parts
            .store
            .changes(account, mailbox, since)
            .await
            .map_err(failed)?;
        if !changes.complete {
            // Tombstones are gone: whatever is not there any more has vanished.
            let fresh = parts
                .store
                .select(account, mailbox, false)
                .await
                .map_err(failed)?;
            changes.vanished = to_imap::absent(&fresh);
        }
        let known_below = selected.uid_next;
        selected.told = changes.mailbox.highest_modseq;
        selected.uid_next = changes.uid_next();
        let recent_from = if selected.read_only || selected.uid_next == known_below {
            None
        } else {
            Some(parts.store.take_recent(&changes))
        };
        Ok(Answer::Changes(to_imap::changes(
            &changes,
            known_below,
            recent_from,
        )))
    }
}

fn done<T>(result: Result<T, Error>) -> Result<Answer, Error> {
    result.map(|_| Answer::Done)
}

async fn rows(
    store: &Store,
    account: &Account,
    mailbox: ImapMailbox,
    uids: &UidSet,
    wants: RowWants,
) -> Result<Answer, waxwing_store::Error> {
    let messages = store
        .fetch(
            account.id,
            MailboxId(mailbox.0),
            &ranges(uids),
            wants.summary,
        )
        .await?;
    if wants.head == 0 {
        let rows = messages
            .into_iter()
            .map(|message| to_imap::row(message, Bytes::new()));
        return Ok(Answer::Rows(rows.collect()));
    }
    let blobs: Vec<BlobId> = messages.iter().map(|message| message.blob).collect();
    let heads = store.blob_heads(&blobs, wants.head as usize).await?;
    // One without was expunged meanwhile.
    let rows = messages
        .into_iter()
        .zip(heads)
        .filter_map(|(message, head)| Some(to_imap::row(message, head?)));
    Ok(Answer::Rows(rows.collect()))
}

/// How asks of this session name a content.
fn content_ref(blob: BlobId) -> waxwing_imap::types::ContentRef {
    waxwing_imap::types::ContentRef(Bytes::copy_from_slice(&blob.0.to_le_bytes()))
}
