//! The change log and its notices.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use waxwing_store::{AccountId, FlagChange, FlagOperation, Flags, Store, UidRange};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, put};

on_both! {
    everything_after_a_modification_sequence;
    far_behind;
    old_tombstones_go_and_are_missed;
    tombstones_of_a_clock_set_back_are_missed_as_well;
    commits_are_noticed;
}

fn flag() -> FlagChange {
    FlagChange {
        operation: FlagOperation::Add,
        flags: Flags::FLAGGED,
        keywords: Vec::new(),
        unchanged_since: None,
    }
}

async fn everything_after_a_modification_sequence(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    for i in 0..6 {
        put(&store, alice, &format!("{i}")).await;
    }
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    let nothing = store
        .changes(alice, inbox.id, inbox.highest_modseq)
        .await
        .unwrap();
    assert!(nothing.changed.is_empty() && nothing.vanished.is_empty() && nothing.complete);
    store
        .store_flags(alice, inbox.id, &[UidRange::one(2)], flag())
        .await
        .unwrap();
    put(&store, alice, "new").await;
    store
        .expunge(alice, inbox.id, &[UidRange { first: 4, last: 5 }], false)
        .await
        .unwrap();
    store
        .store_flags(alice, inbox.id, &[UidRange::one(7)], flag())
        .await
        .unwrap();
    let changes = store
        .changes(alice, inbox.id, inbox.highest_modseq)
        .await
        .unwrap();
    assert_eq!(
        changes.changed.iter().map(|m| m.uid).collect::<Vec<_>>(),
        [2, 7]
    );
    assert_eq!(changes.changed[0].flags, Flags::FLAGGED);
    assert_eq!(changes.vanished, [UidRange { first: 4, last: 5 }]);
    let rest = store
        .changes(alice, inbox.id, changes.mailbox.highest_modseq)
        .await
        .unwrap();
    assert!(rest.changed.is_empty() && rest.vanished.is_empty());
    assert_sound(&store).await;
}

async fn far_behind(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    for i in 0..150 {
        put(&store, alice, &format!("{i}")).await;
    }
    let sent = store.mailbox(alice, "Sent").await.unwrap().id;
    store
        .move_messages(
            alice,
            inbox.id,
            &[UidRange {
                first: 11,
                last: 150,
            }],
            sent,
        )
        .await
        .unwrap();
    store
        .store_flags(
            alice,
            sent,
            &[UidRange {
                first: 40,
                last: 139,
            }],
            flag(),
        )
        .await
        .unwrap();
    let changes = store
        .changes(alice, sent, inbox.highest_modseq)
        .await
        .unwrap();
    assert!(changes.changed.iter().map(|m| m.uid).eq(1..=140));
    assert_eq!(
        store
            .changes(alice, inbox.id, 0)
            .await
            .unwrap()
            .changed
            .len(),
        10
    );
}

async fn old_tombstones_go_and_are_missed(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    put(&store, alice, "1").await;
    put(&store, alice, "2").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    store
        .expunge(alice, inbox.id, &[UidRange::one(1)], false)
        .await
        .unwrap();
    let between = store.mailbox(alice, "INBOX").await.unwrap().highest_modseq;
    setup.advance(Duration::from_secs(100 * 86_400));
    store
        .expunge(alice, inbox.id, &[UidRange::one(2)], false)
        .await
        .unwrap();
    store.sweep().await.unwrap();
    assert!(
        !store
            .changes(alice, inbox.id, inbox.highest_modseq)
            .await
            .unwrap()
            .complete
    );
    let later = store.changes(alice, inbox.id, between).await.unwrap();
    assert!(later.complete);
    assert_eq!(later.vanished, [UidRange::one(2)]);
    assert_sound(&store).await;
}

async fn tombstones_of_a_clock_set_back_are_missed_as_well(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    for number in 0..3 {
        put(&store, alice, &format!("{number}")).await;
    }
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let remove = async |uid| {
        let uids = [UidRange::one(uid)];
        store.expunge(alice, inbox, &uids, false).await.unwrap();
        store.mailbox(alice, "INBOX").await.unwrap().highest_modseq
    };
    let now = setup.now.load(Ordering::SeqCst);
    let first = remove(1).await;
    let day = 86_400_000;
    setup.now.store(now - 2 * day, Ordering::SeqCst);
    let second = remove(2).await;
    assert!(first < second);
    // The later removal is forgotten first, then the other one.
    for (later, left) in [(89, 1), (91, 0)] {
        setup.now.store(now + later * day, Ordering::SeqCst);
        store.sweep().await.unwrap();
        assert_eq!(setup.count("vanished").await, left);
        let changes = store.changes(alice, inbox, first).await.unwrap();
        assert!(
            !changes.complete,
            "what was removed after {first} is forgotten"
        );
    }
}

async fn commits_are_noticed(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (
        account(&store, "alice").await.id,
        account(&store, "bob").await.id,
    );
    // Hosts that share a database hear their own notices, too, and late: those of the accounts' making are to come.
    let (mut news, other) = (store.subscribe(alice), store.subscribe(bob));
    let made = newest(&store, bob).await;
    for body in ["1", "2"] {
        put(&store, alice, body).await;
        let inbox = store.mailbox(alice, "INBOX").await.unwrap();
        let told = news.wait_for(|modseq| *modseq >= inbox.highest_modseq);
        let told = tokio::time::timeout(Duration::from_secs(30), told).await;
        assert_eq!(*told.unwrap().unwrap(), inbox.highest_modseq);
    }
    assert!(made < newest(&store, alice).await && *other.borrow() <= made);
    // Whoever watches hears of subscriptions, too.
    let known = *news.borrow_and_update();
    store.set_subscribed(alice, "INBOX", false).await.unwrap();
    let told = news.wait_for(|modseq| *modseq > known);
    let told = tokio::time::timeout(Duration::from_secs(30), told).await;
    assert!(told.unwrap().is_ok());
}

/// The modification sequence of the account: the highest of its mailboxes.
async fn newest(store: &Store, account: AccountId) -> u64 {
    let mailboxes = store.mailboxes(account).await.unwrap();
    mailboxes.iter().map(|m| m.highest_modseq).max().unwrap()
}
