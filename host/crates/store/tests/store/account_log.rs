//! What changed between two moments of an account: exact, after any history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{
    AccountId, Differences, FlagChange, FlagOperation, Flags, MailboxId, Place, Store, UidRange,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    differences_are_exact_after_any_history;
    steps_lead_where_one_leap_leads;
    mailboxes_come_change_and_go;
    what_is_too_old_cannot_be_told;
    a_message_of_no_thread_leaves_threads_untold;
    news_say_what_kind_of_change_it_was;
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }
}

/// What an account shows of its emails at a moment, but for those with \Deleted: by content, where each is and with which flags; and the emails of each thread.
#[derive(Debug, Clone, Default, PartialEq)]
struct View {
    emails: BTreeMap<i64, BTreeSet<(i64, u32, u8)>>,
    threads: BTreeMap<i64, BTreeSet<i64>>,
}

async fn view(store: &Store, account: AccountId) -> View {
    let mut view = View::default();
    for mailbox in store.mailboxes(account).await.unwrap() {
        let all = store
            .fetch(account, mailbox.id, &[UidRange::ALL], false)
            .await;
        for message in all.unwrap() {
            // RFC 8621 §4.1.1: it is not to be seen.
            if message.flags.flags.contains(Flags::DELETED) {
                continue;
            }
            let place = (mailbox.id.0, message.flags.uid, message.flags.flags.bits());
            let places = view.emails.entry(message.blob.0).or_default();
            places.insert(place);
            let thread = view.threads.entry(message.thread).or_default();
            thread.insert(message.blob.0);
        }
    }
    view
}

/// The keys that are new, that have another value, and that are gone.
type Changed = (Vec<i64>, Vec<i64>, Vec<i64>);

fn compare<V: PartialEq>(before: &BTreeMap<i64, V>, after: &BTreeMap<i64, V>) -> Changed {
    let keys = |of: &BTreeMap<i64, V>, other: &BTreeMap<i64, V>| {
        let missing = of.keys().filter(|key| !other.contains_key(key));
        missing.copied().collect()
    };
    let both = after
        .iter()
        .filter(|(key, value)| before.get(key).is_some_and(|old| old != *value));
    (
        keys(after, before),
        both.map(|(key, _)| *key).collect(),
        keys(before, after),
    )
}

fn told<K: Copy>(found: &Differences<K>, number: impl Fn(K) -> i64 + Copy) -> Changed {
    let numbers = |of: &[K]| of.iter().map(|key| number(*key)).collect();
    (
        numbers(&found.created),
        numbers(&found.updated),
        numbers(&found.destroyed),
    )
}

/// Something happens.
async fn act(store: &Store, account: AccountId, random: &mut Random) {
    let mailboxes = store.mailboxes(account).await.unwrap();
    let pick = |random: &mut Random| mailboxes[random.below(mailboxes.len())].clone();
    let from = pick(random);
    let all = store
        .fetch(account, from.id, &[UidRange::ALL], false)
        .await
        .unwrap();
    let some: Vec<UidRange> = all
        .iter()
        .filter(|_| random.below(3) == 0)
        .map(|message| UidRange::one(message.flags.uid))
        .collect();
    match random.below(10) {
        0..=3 => {
            let mut to = target(account);
            to.mailbox = Place::Id(from.id);
            let mut message = delivery(format!("Subject: {}\r\n\r\n", random.0), vec![to]);
            message.thread = 1 + i64::try_from(random.below(6)).unwrap();
            store.deliver(message).await.unwrap();
        }
        4 | 5 => {
            let change = FlagChange {
                operation: [FlagOperation::Add, FlagOperation::Remove][random.below(2)],
                flags: [Flags::SEEN, Flags::FLAGGED, Flags::DELETED][random.below(3)],
                keywords: Vec::new(),
                unchanged_since: None,
            };
            store
                .store_flags(account, from.id, &some, change)
                .await
                .unwrap();
        }
        6 => {
            let to = pick(random);
            store.copy(account, from.id, &some, to.id).await.unwrap();
        }
        7 => {
            let to = pick(random);
            if to.id != from.id {
                store
                    .move_messages(account, from.id, &some, to.id)
                    .await
                    .unwrap();
            }
        }
        8 => {
            store.expunge(account, from.id, &some, false).await.unwrap();
        }
        _ => {
            // A mailbox goes with all that is in it, or another comes.
            let path = format!("box{}", random.below(3));
            if store.delete_mailbox(account, &path).await.is_err() {
                store.create_mailbox(account, &path, None).await.unwrap();
            }
        }
    }
}

/// A history: after each event the moment and what there is.
async fn history(store: &Store, account: AccountId, seed: u64, events: usize) -> Vec<(u64, View)> {
    let mut random = Random(seed);
    let mut moments = vec![(
        store.account_state(account).await.unwrap(),
        view(store, account).await,
    )];
    for _ in 0..events {
        act(store, account, &mut random).await;
        moments.push((
            store.account_state(account).await.unwrap(),
            view(store, account).await,
        ));
    }
    moments
}

async fn differences_are_exact_after_any_history(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let moments = history(&store, alice, 0x9e37_79b9_7f4a_7c15, 120).await;
    let (_, now) = moments.last().unwrap();
    for (since, then) in &moments {
        let log = store.account_log(alice, *since).await.unwrap().unwrap();
        let emails = told(&log.emails.all(), |blob| blob.0);
        assert_eq!(
            emails.0,
            compare(&then.emails, &now.emails).0,
            "created since {since}"
        );
        assert_eq!(
            emails.2,
            compare(&then.emails, &now.emails).2,
            "destroyed since {since}"
        );
        // A change that was taken back is a change, too.
        let updated: BTreeSet<i64> = emails.1.iter().copied().collect();
        for changed in compare(&then.emails, &now.emails).1 {
            assert!(updated.contains(&changed), "{changed} since {since}");
        }
        for still in &updated {
            assert!(then.emails.contains_key(still) && now.emails.contains_key(still));
        }
        let news = store.account_news(alice, *since).await.unwrap();
        assert_eq!(news.delivered, !emails.0.is_empty(), "new since {since}");
        let same = (updated.is_empty() && emails.2.is_empty(), &emails.0);
        assert!(news.emails || same == (true, &Vec::new()), "since {since}");
        let threads = told(&log.threads.unwrap().all(), |thread| thread);
        assert!(
            news.threads || threads == Changed::default(),
            "since {since}"
        );
        let mailboxes = told(&log.mailboxes.all(), |mailbox| mailbox.0);
        assert!(
            news.mailboxes || mailboxes == Changed::default(),
            "since {since}"
        );
        let compared = compare(&then.threads, &now.threads);
        assert_eq!(
            (&threads.0, &threads.2),
            (&compared.0, &compared.2),
            "threads since {since}"
        );
        for changed in compared.1 {
            assert!(
                threads.1.contains(&changed),
                "thread {changed} since {since}"
            );
        }
    }
    let nothing = store
        .account_log(alice, moments.last().unwrap().0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        told(&nothing.emails.all(), |blob| blob.0),
        Changed::default()
    );
    assert_sound(&store).await;
    // The same after a start, without anything in memory.
    store.close().await;
    let store = setup.open().await;
    let (since, then) = &moments[40];
    let log = store.account_log(alice, *since).await.unwrap().unwrap();
    let compared = compare(&then.emails, &now.emails);
    let emails = told(&log.emails.all(), |blob| blob.0);
    assert_eq!((emails.0, emails.2), (compared.0, compared.2));
}

async fn steps_lead_where_one_leap_leads(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let moments = history(&store, alice, 0x1234_5678_9abc_def1, 60).await;
    let now: BTreeSet<i64> = moments.last().unwrap().1.emails.keys().copied().collect();
    for most in [3, 10, 1000] {
        let (mut since, then) = (moments[5].0, &moments[5].1);
        let mut known: BTreeSet<i64> = then.emails.keys().copied().collect();
        for round in 0.. {
            assert!(round < 1000, "no end");
            let log = store.account_log(alice, since).await.unwrap().unwrap();
            // A single commit may have changed more.
            let Some(step) = log.emails.at_most(most) else {
                assert!(most < 1000);
                break;
            };
            let (created, updated, destroyed) = told(&step, |blob| blob.0);
            assert!(created.len() + updated.len() + destroyed.len() <= most);
            assert!(updated.iter().all(|email| known.contains(email)));
            assert!(created.iter().all(|email| known.insert(*email)));
            assert!(destroyed.iter().all(|email| known.remove(email)));
            since = step.until;
            if !step.more {
                assert_eq!(known, now);
                break;
            }
        }
    }
}

async fn mailboxes_come_change_and_go(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let made = |path: &'static str| {
        let store = &store;
        async move { store.create_mailbox(alice, path, None).await.unwrap().id }
    };
    let (kept, renamed, gone) = (
        made("kept").await,
        made("renamed").await,
        made("gone").await,
    );
    let since = store.account_state(alice).await.unwrap();
    store
        .rename_mailbox(alice, "renamed", "other")
        .await
        .unwrap();
    store.delete_mailbox(alice, "gone").await.unwrap();
    let new = made("new").await;
    let brief = made("brief").await;
    store.delete_mailbox(alice, "brief").await.unwrap();
    let mut to = target(alice);
    to.mailbox = Place::Id(kept);
    store
        .deliver(delivery("Subject: x\r\n\r\n", vec![to]))
        .await
        .unwrap();
    let log = store.account_log(alice, since).await.unwrap().unwrap();
    let all = log.mailboxes.all();
    assert_eq!(
        (all.created, all.updated, all.destroyed),
        (vec![new], vec![kept, renamed], vec![gone])
    );
    assert!(
        log.named.contains(&renamed) && !log.named.contains(&kept) && !log.named.contains(&brief)
    );
    let since = store.account_state(alice).await.unwrap();
    store.set_subscribed(alice, "kept", true).await.unwrap();
    let log = store.account_log(alice, since).await.unwrap().unwrap();
    assert_eq!(log.mailboxes.all().updated, [kept]);
    assert_eq!(log.named, [kept].into());
    let nobodys = MailboxId(0);
    assert!(!log.named.contains(&nobodys));
}

async fn what_is_too_old_cannot_be_told(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let uid = crate::setup::put(&store, alice, "Subject: x\r\n\r\n").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let before = store.account_state(alice).await.unwrap();
    store
        .expunge(alice, inbox, &[UidRange::one(uid)], false)
        .await
        .unwrap();
    let after = store.account_state(alice).await.unwrap();
    assert!(store.account_log(alice, before).await.unwrap().is_some());
    assert!(store.account_log(alice, after + 1).await.unwrap().is_none());
    setup.advance(Duration::from_secs(91 * 24 * 3600));
    store.sweep().await.unwrap();
    assert!(store.account_log(alice, before).await.unwrap().is_none());
    assert!(store.account_log(alice, after).await.unwrap().is_some());
}

async fn a_message_of_no_thread_leaves_threads_untold(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let since = store.account_state(alice).await.unwrap();
    let mut message = delivery("Subject: x\r\n\r\n", vec![target(alice)]);
    message.thread = 0;
    store.deliver(message).await.unwrap();
    let log = store.account_log(alice, since).await.unwrap().unwrap();
    assert!(log.threads.is_none());
    assert_eq!(log.emails.all().created.len(), 1);
    // Until it is said.
    let all = store.account_messages(alice).await.unwrap();
    let unnamed: Vec<_> = all.each().filter(|message| message.thread == 0).collect();
    let [message] = unnamed.as_slice() else {
        panic!("{unnamed:?}");
    };
    let named = vec![(message.uid, 7)];
    let inbox = message.mailbox;
    store.name_threads(alice, inbox, named).await.unwrap();
    let all = store.account_messages(alice).await.unwrap();
    assert!(all.each().all(|message| message.thread == 7));
    assert_eq!(
        all.state,
        since + 1,
        "nobody is told of what nobody has known"
    );
    let log = store.account_log(alice, since).await.unwrap().unwrap();
    assert_eq!(log.threads.unwrap().all().created, [7]);
    let summaries = store
        .summaries_of(&[all.each().next().unwrap().blob, waxwing_store::BlobId(999)])
        .await;
    let summaries = summaries.unwrap();
    assert!(summaries[0].is_some() && summaries[1].is_none());
    assert_sound(&store).await;
}

async fn news_say_what_kind_of_change_it_was(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (
        account(&store, "alice").await.id,
        account(&store, "bob").await.id,
    );
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let other = store.create_mailbox(alice, "other", None).await.unwrap().id;
    // Emails, new ones, threads, mailboxes since the last time.
    let mut since = store.account_state(alice).await.unwrap();
    let mut told = async || {
        let news = store.account_news(alice, since).await.unwrap();
        since = news.until;
        (news.emails, news.delivered, news.threads, news.mailboxes)
    };
    assert_eq!(told().await, (false, false, false, false));
    let both = vec![target(alice), target(bob)];
    store
        .deliver(delivery("Subject: x\r\n\r\n", both))
        .await
        .unwrap();
    assert_eq!(told().await, (true, true, true, true));
    let seen = FlagChange {
        operation: FlagOperation::Add,
        flags: Flags::SEEN,
        keywords: Vec::new(),
        unchanged_since: None,
    };
    let all = [UidRange::ALL];
    store.store_flags(alice, inbox, &all, seen).await.unwrap();
    assert_eq!(told().await, (true, false, false, true));
    store.copy(alice, inbox, &all, other).await.unwrap();
    assert_eq!(told().await, (true, false, false, true));
    store.expunge(alice, other, &all, false).await.unwrap();
    assert!(!told().await.1);
    store
        .move_messages(alice, inbox, &all, other)
        .await
        .unwrap();
    assert_eq!(told().await, (true, false, false, true));
    store.rename_mailbox(alice, "other", "more").await.unwrap();
    assert_eq!(told().await, (false, false, false, true));
    store.expunge(alice, other, &all, false).await.unwrap();
    assert_eq!(told().await, (true, false, true, true));
    // What is too old, or never was, may have been anything.
    let never = store.account_news(alice, 1 << 40).await.unwrap();
    assert!(never.emails && never.delivered && never.threads && never.mailboxes);
}
