//! What IMAP sessions ask, answered from policy and store.
//!
//! Invariants: a content is in memory once while it is appended, and counted; a message that is read goes through in
//! the pieces that the session asks for; a poll costs nothing while nothing happened on this host.

mod acl;
mod append;
mod changed;
mod convert;
mod copy;
mod jmap_access;
mod manage;
mod metadata;
mod open;
mod places;
mod quota;
pub(crate) mod search;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use waxwing_imap::types::{FlagSet, Rights, UidSet};
use waxwing_imap::{Answer, Ask, Error, FlagAction, RowWants, Session};
use waxwing_policy::MailboxChange;
use waxwing_session::Counts;
use waxwing_store::{Account, AccountId, BlobId, FlagChange, Store, UidRange, Usage};

use self::append::Append;
use self::convert::{self as to_imap, ranges};
use self::jmap_access::Shown;
use self::open::{Beside, Selected};
use self::places::Open;
use super::events;
use super::gate::{Admission, Gate, Login, Over};
use super::{Caller, Settings, threads};
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
    /// What this session knows of the changes in the account of the selected mailbox.
    changes: watch::Receiver<u64>,
    selected: Option<Selected>,
    /// A mailbox that is searched beside it.
    beside: Option<Beside>,
    append: Option<Append>,
    news: News,
    /// The same of the account whose mailbox is selected, if that is another.
    theirs: News,
    /// And of those whose mailboxes are watched.
    watched: Vec<(AccountId, News)>,
    /// Where other hosts write to the store, too, nobody announces their commits: IDLE looks now and then.
    rounds: Option<Interval>,
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
                Err(login) => self.logged_in(login, None),
            },
            Ask::Login { mechanism, offer } => {
                let shown = Shown::of(&offer);
                let login = self.gate.login(mechanism, offer).await;
                let jmap = shown.session(&self.gate, &login).await;
                self.logged_in(login, jmap)
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

    fn logged_in(&mut self, login: Login, jmap: Option<String>) -> Result<Answer, Error> {
        match login {
            Login::In { account, .. } => {
                let changes = self.gate.parts().store.subscribe(account.id);
                let news = News::At(changes.clone());
                self.user = Some(Box::new(User {
                    account,
                    changes,
                    selected: None,
                    beside: None,
                    append: None,
                    news,
                    theirs: News::Never,
                    watched: Vec::new(),
                    rounds: (!self.gate.parts().store_is_ours()).then(rounds),
                }));
                Ok(Answer::LoggedIn { jmap })
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
        if self.theirs.poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut watched = self.watched.iter_mut();
        if watched.any(|(_, news)| news.poll(context).is_ready()) {
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
            Ask::Mailboxes { deleted, others } => {
                let counts = match deleted {
                    true => store.deleted_of(account).await.map_err(failed)?,
                    false => HashMap::new(),
                };
                let subscriptions = store.subscriptions(account).await.map_err(failed)?;
                let others = self.others(gate, &subscriptions, deleted, &others).await?;
                let own = store.mailboxes(account).await.map_err(failed)?;
                to_imap::mailboxes(own, others, &subscriptions, &counts)
            }
            Ask::Watch { owners } => self.watch(gate, &owners).await,
            Ask::Acl { mailbox } => self.acl(gate, &mailbox).await,
            Ask::SetAcl {
                mailbox,
                identifier,
                change,
            } => self.set_acl(gate, &mailbox, &identifier, change).await,
            Ask::ListRights {
                mailbox,
                identifier,
            } => self.list_rights(gate, &mailbox, &identifier).await,
            Ask::MyRights { mailbox } => self.my_rights(gate, &mailbox).await,
            Ask::Metadata { mailbox } => self.metadata(gate, mailbox.as_ref()).await,
            Ask::MetadataValues { mailbox, entries } => {
                let values = self.metadata_values(gate, mailbox.as_ref(), &entries);
                values.await
            }
            Ask::MetadataNews { since, others } => self.metadata_news(gate, since, &others).await,
            Ask::SetMetadata { mailbox, values } => {
                self.set_metadata(gate, mailbox.as_ref(), values).await
            }
            Ask::Quota { mailbox } => self.quota(gate, mailbox.as_ref()).await,
            Ask::Status { mailbox, deleted } => {
                let found = self.find(gate, &mailbox, Rights::READ).await?;
                let mailbox = found.mailbox;
                if !mailbox.selectable {
                    return Err(Error::NonExistent);
                }
                let deleted = match deleted {
                    true => store.deleted_in(mailbox.id).await.map_err(failed)?,
                    false => Usage::default(),
                };
                Ok(Answer::Status(to_imap::status(&mailbox, deleted)))
            }
            Ask::Select { mailbox, read_only } => self.select(gate, &mailbox, read_only).await,
            Ask::Look { mailbox } => self.look(gate, &mailbox).await,
            Ask::Unselect { .. } => {
                self.close();
                Ok(Answer::Done)
            }
            Ask::Create {
                mailbox,
                special_use,
            } => self.create(gate, &mailbox, special_use).await,
            Ask::Delete { mailbox } => self.delete(gate, &mailbox).await,
            Ask::Rename { from, to } => self.rename(gate, &from, &to).await,
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
                replaces,
                mailbox,
                size,
                flags,
                internal_date,
            } => {
                let message = append::Announced {
                    size,
                    flags,
                    internal_date,
                };
                self.append_begin(gate, &mailbox, replaces, message).await
            }
            Ask::AppendMore {
                size,
                flags,
                internal_date,
            } => {
                let message = append::Announced {
                    size,
                    flags,
                    internal_date,
                };
                self.append_more(gate, message).await
            }
            Ask::AppendExtend { size } => self.append_extend(gate, size).await,
            Ask::AppendEnd => self.append_end(gate).await,
            Ask::AppendAbandon => {
                self.append = None;
                Ok(Answer::Done)
            }
            Ask::Rows {
                mailbox,
                uids,
                wants,
            } => {
                let open = self.open(gate, mailbox).await?;
                let rows = rows(store, open, &uids, wants).await.map_err(failed)?;
                self.as_read(gate, mailbox, rows).await
            }
            Ask::Read {
                content,
                offset,
                length,
            } => {
                let blob = BlobId(content.0);
                let read = store.read_blob(blob, offset, length as usize);
                Ok(Answer::Data(read.await.map_err(failed)?))
            }
            Ask::Store {
                mailbox,
                uids,
                action,
                flags,
                unchanged_since,
            } => {
                let open = self.open(gate, mailbox).await?;
                check_flags(open.rights, action, &flags)?;
                let change = FlagChange {
                    operation: to_imap::operation(action),
                    flags: to_imap::store_flags(&flags),
                    keywords: flags.keywords().to_vec(),
                    unchanged_since,
                };
                let (operation, scope) = (change.operation, to_imap::scope(open.rights));
                let names = to_imap::told(&change, scope);
                let changed = store
                    .store_flags_within(open.owner, open.mailbox, &ranges(&uids), change, scope)
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
            Ask::Move { mailbox, uids, to } => self.move_to(gate, mailbox, &uids, &to).await,
            Ask::Expunge { mailbox, uids } => {
                let open = self.open(gate, mailbox).await?;
                if !open.rights.has(Rights::EXPUNGE) {
                    return Err(Error::NoPermission);
                }
                let among = uids.map_or_else(|| vec![UidRange::ALL], |uids| ranges(&uids));
                let gone = store
                    .expunge(open.owner, open.mailbox, &among, true)
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
            } => {
                let open = self.open(gate, mailbox).await?;
                let found = search::texts(store, open, &uids, &keys).await;
                self.as_read(gate, mailbox, found.map_err(failed)?).await
            }
            Ask::Sift {
                mailbox,
                uids,
                needles,
            } => {
                let open = self.open(gate, mailbox).await?;
                // The index is the owner's.
                let absent =
                    indexing::absent(store, open.owner, open.mailbox, &uids, &needles).await;
                self.as_read(gate, mailbox, Answer::Absent(absent)).await
            }
            Ask::Changed { mailbox, since } => {
                let open = self.open(gate, mailbox).await?;
                let changed = changed::since(store, open, since).await.map_err(failed)?;
                self.as_read(gate, mailbox, changed).await
            }
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

    /// No mailbox is selected, and nothing more is heard of the account it was in.
    fn close(&mut self) {
        self.selected = None;
        self.theirs = News::Never;
    }

    /// Tells policy of a change in the mailbox that is selected, whose name `change` is given.
    fn tell(&self, gate: &Gate, change: impl FnOnce(&str) -> MailboxChange) {
        if let Some(selected) = &self.selected {
            gate.tell(&selected.owner.address, || change(&selected.path));
        }
    }

    /// Whether policy lets an account keep so much more.
    async fn room(
        gate: &mut Gate,
        account: &Account,
        bytes: u64,
        messages: u64,
    ) -> Result<(), Error> {
        match gate.room(account, bytes, messages).await {
            Ok(()) => Ok(()),
            Err(Over::Limit { text, .. }) => Err(Error::OverQuota(text)),
            Err(Over::Unavailable(reference)) => Err(Error::Unavailable {
                reference: reference.to_string(),
            }),
        }
    }
}

fn done<T>(result: Result<T, Error>) -> Result<Answer, Error> {
    result.map(|_| Answer::Done)
}

/// RFC 4314 §4: STORE fails only if nothing of what it names may be changed.
fn check_flags(rights: Rights, action: FlagAction, flags: &FlagSet) -> Result<(), Error> {
    let all = Rights::SEEN.with(Rights::WRITE).with(Rights::DELETED);
    let something = match action {
        FlagAction::Replace => rights.has_any(all),
        FlagAction::Add | FlagAction::Remove => {
            flags.is_empty() || !rights.permitted(flags).is_empty()
        }
    };
    if something {
        Ok(())
    } else {
        Err(Error::NoPermission)
    }
}

async fn rows(
    store: &Store,
    open: Open,
    uids: &UidSet,
    wants: RowWants,
) -> Result<Answer, waxwing_store::Error> {
    let (owner, mailbox, among) = (open.owner, open.mailbox, ranges(uids));
    let fetch = || store.fetch(owner, mailbox, &among, wants.summary);
    let mut messages = fetch().await?;
    if wants.thread {
        let unnamed = messages.iter().filter(|message| message.thread == 0);
        let unnamed: Vec<u32> = unnamed.map(|message| message.flags.uid).collect();
        if !unnamed.is_empty() {
            threads::name(store, owner, mailbox, &unnamed).await?;
            messages = fetch().await?;
        }
    }
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
