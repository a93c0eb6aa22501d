//! What the writer tells the rest of this process after each commit: usage, news for watchers, directory changes.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::watch;

use crate::writer::heads::AccountHead;
use crate::{AccountId, DomainId, MailboxId, Usage};

/// Usages remembered; beyond, all are forgotten and read anew.
const MAX_USAGES: usize = 100_000;
/// Mailboxes that are told of as changed at once; of more it is not told.
const MAX_CHANGED: usize = 100_000;

/// State of this process that follows the commits.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Rises with every change of domains, accounts and aliases.
    directory: AtomicU64,
    /// Rises with every change of what accounts answer.
    vacations: AtomicU64,
    /// Transactions committed.
    pub(crate) commits: AtomicU64,
    /// Changes after transactions were committed.
    committed: watch::Sender<()>,
    /// The number of the last change of metadata that is known here, 0 before the first was read.
    pub(crate) metadata: AtomicU64,
    /// Changes when something of the queue is due sooner than was known.
    queue: watch::Sender<u64>,
    watchers: Mutex<HashMap<AccountId, watch::Sender<u64>>>,
    /// Mailboxes that commits changed since somebody asked.
    changed: Mutex<HashSet<(AccountId, MailboxId)>>,
    accounts: Mutex<HashMap<AccountId, (Usage, Instant)>>,
    domains: Mutex<HashMap<DomainId, (Usage, Instant)>>,
}

/// A mutex whose holder cannot have left it half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The number under which directory look-ups may be cached.
    pub(crate) fn directory_version(&self) -> u64 {
        self.directory.load(Ordering::Acquire)
    }

    pub(crate) fn directory_changed(&self) {
        self.directory.fetch_add(1, Ordering::AcqRel);
    }

    /// The number under which answers of accounts may be cached.
    pub(crate) fn vacations_version(&self) -> u64 {
        self.vacations.load(Ordering::Acquire)
    }

    pub(crate) fn vacations_changed(&self) {
        self.vacations.fetch_add(1, Ordering::AcqRel);
    }

    /// A transaction was committed.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::AcqRel);
        self.committed.send_replace(());
    }

    pub(crate) fn commit_news(&self) -> watch::Receiver<()> {
        self.committed.subscribe()
    }

    pub(crate) fn queue_changed(&self) {
        self.queue.send_modify(|news| *news = news.wrapping_add(1));
    }

    pub(crate) fn queue_news(&self) -> watch::Receiver<u64> {
        self.queue.subscribe()
    }

    pub(crate) fn forget_account(&self, account: AccountId) {
        lock(&self.accounts).remove(&account);
        lock(&self.domains).clear();
        lock(&self.watchers).remove(&account);
    }

    /// A commit changed the account, its usage by `delta`.
    pub(crate) fn account_changed(&self, account: &AccountHead, delta: (i64, i64)) {
        let now = Instant::now();
        if delta != (0, 0) {
            insert_bounded(&mut lock(&self.accounts), account.id, (account.usage, now));
            if let Some((usage, _)) = lock(&self.domains).get_mut(&account.domain) {
                usage.bytes = usage.bytes.saturating_add_signed(delta.0);
                usage.messages = usage.messages.saturating_add_signed(delta.1);
            }
        }
        let mut watchers = lock(&self.watchers);
        let Some(watcher) = watchers.get(&account.id) else {
            return;
        };
        if watcher.is_closed() {
            watchers.remove(&account.id);
            return;
        }
        watcher
            .send_if_modified(|modseq| std::mem::replace(modseq, account.modseq) != account.modseq);
    }

    /// A commit changed the mailbox.
    pub(crate) fn mailbox_changed(&self, account: AccountId, mailbox: MailboxId) {
        let mut changed = lock(&self.changed);
        if changed.len() < MAX_CHANGED {
            changed.insert((account, mailbox));
        }
    }

    /// The mailboxes that were changed since this was asked last.
    pub(crate) fn take_changed(&self) -> HashSet<(AccountId, MailboxId)> {
        std::mem::take(&mut lock(&self.changed))
    }

    /// Another host, or this one, has changed accounts: their numbers and modification sequences in pairs.
    pub(crate) fn accounts_heard(&self, text: &str) {
        let mut numbers = text.split(' ');
        let watchers = lock(&self.watchers);
        while let (Some(account), Some(modseq)) = (numbers.next(), numbers.next()) {
            let (Ok(account), Ok(modseq)) = (account.parse().map(AccountId), modseq.parse()) else {
                return;
            };
            if let Some(watcher) = watchers.get(&account) {
                watcher.send_if_modified(|known| {
                    let news = *known < modseq;
                    *known = modseq.max(*known);
                    news
                });
            }
        }
    }

    /// Something may have been missed of what other hosts tell: everybody looks.
    pub(crate) fn accounts_missed(&self) {
        for watcher in lock(&self.watchers).values() {
            watcher.send_modify(|_| {});
        }
    }

    pub(crate) fn subscribe(&self, account: AccountId) -> watch::Receiver<u64> {
        lock(&self.watchers)
            .entry(account)
            .or_insert_with(|| watch::channel(0).0)
            .subscribe()
    }

    pub(crate) fn account_usage(&self, account: AccountId) -> Option<(Usage, Instant)> {
        lock(&self.accounts).get(&account).copied()
    }

    pub(crate) fn domain_usage(&self, domain: DomainId) -> Option<(Usage, Instant)> {
        lock(&self.domains).get(&domain).copied()
    }

    /// Remembers what was read. `stale` says what was remembered before: what a commit put there meanwhile stays.
    pub(crate) fn read_account_usage(
        &self,
        account: AccountId,
        usage: Usage,
        stale: Option<Instant>,
    ) {
        let mut accounts = lock(&self.accounts);
        if accounts.get(&account).map(|(_, at)| *at) == stale {
            insert_bounded(&mut accounts, account, (usage, Instant::now()));
        }
    }

    /// Remembers a domain's usage. Commits between the read and this are missed until it is read again.
    pub(crate) fn read_domain_usage(&self, domain: DomainId, usage: Usage) {
        insert_bounded(&mut lock(&self.domains), domain, (usage, Instant::now()));
    }
}

fn insert_bounded<K: std::hash::Hash + Eq, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= MAX_USAGES && !map.contains_key(&key) {
        map.clear();
    }
    map.insert(key, value);
}
