//! Images of mailboxes that the database keeps, and what is written of flags by way of those in memory.

use std::sync::Arc;

use waxwing_store::{
    AccountId, Error, FlagChange, FlagOperation, Flags, MailboxId, MessageFlags, Store, UidRange,
};

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound, delivery, put, target};

on_both! {
    a_mailbox_is_opened_as_it_was_and_what_changed_since_is_seen;
    what_is_kept_goes_with_its_mailbox;
    what_is_kept_and_damaged_is_made_again;
    what_is_kept_and_not_as_the_mailbox_is_made_again;
    removals_that_are_forgotten_are_seen_all_the_same;
    flags_that_come_to_many_different_ones_are_each_written;
    changes_of_many_at_once_are_all_there;
    what_is_fetched_is_as_it_is_now;
    summaries_are_those_of_the_messages_contents;
    nobody_is_shown_less_than_they_were_told;
    what_is_read_ahead_is_each_messages_own;
}

async fn open(setup: &Setup) -> Store {
    let mut config = setup.config();
    config.image_messages = 1;
    Store::open(config).await.unwrap()
}

async fn inbox(store: &Store, account: AccountId) -> MailboxId {
    store.mailbox(account, "INBOX").await.unwrap().id
}

fn change(operation: FlagOperation, flags: Flags, keywords: &[&str]) -> FlagChange {
    FlagChange {
        operation,
        flags,
        keywords: keywords
            .iter()
            .map(|keyword| (*keyword).to_owned())
            .collect(),
        unchanged_since: None,
    }
}

async fn flag(store: &Store, account: AccountId, uids: &[u32], change: FlagChange) {
    let mailbox = inbox(store, account).await;
    let uids: Vec<UidRange> = uids.iter().copied().map(UidRange::one).collect();
    store
        .store_flags(account, mailbox, &uids, change)
        .await
        .unwrap();
}

async fn seen(store: &Store, account: AccountId) -> Vec<MessageFlags> {
    let mailbox = inbox(store, account).await;
    store
        .select(account, mailbox, false)
        .await
        .unwrap()
        .messages
}

/// Opens a mailbox of six messages, so that the database keeps its image.
async fn kept(setup: &Setup) -> AccountId {
    let store = open(setup).await;
    let alice = account(&store, "alice").await.id;
    for number in 0..6 {
        put(&store, alice, &format!("message {number}")).await;
    }
    flag(
        &store,
        alice,
        &[2],
        change(FlagOperation::Add, Flags::SEEN, &["work"]),
    )
    .await;
    seen(&store, alice).await;
    store.close().await;
    let kept = match setup.kind {
        Kind::Sqlite => 1,
        // A standby that is behind may come in its place.
        Kind::Postgres => 0,
    };
    assert_eq!(setup.count("images").await, kept);
    alice
}

/// What the mailbox is without any image.
async fn anew(setup: &Setup, account: AccountId) -> Vec<MessageFlags> {
    setup.sabotage("DELETE FROM images").await;
    let store = open(setup).await;
    let found = seen(&store, account).await;
    store.close().await;
    found
}

async fn a_mailbox_is_opened_as_it_was_and_what_changed_since_is_seen(setup: Arc<Setup>) {
    let alice = kept(&setup).await;
    // Nobody opens the mailbox meanwhile: what is kept gets old.
    let store = open(&setup).await;
    flag(
        &store,
        alice,
        &[1, 3],
        change(FlagOperation::Add, Flags::FLAGGED, &["play"]),
    )
    .await;
    flag(
        &store,
        alice,
        &[2],
        change(FlagOperation::Remove, Flags::NONE, &["work"]),
    )
    .await;
    let mailbox = inbox(&store, alice).await;
    store
        .expunge(alice, mailbox, &[UidRange::one(4)], false)
        .await
        .unwrap();
    put(&store, alice, "one more").await;
    store.close().await;

    let store = open(&setup).await;
    let found = seen(&store, alice).await;
    let uids: Vec<u32> = found.iter().map(|message| message.uid).collect();
    assert_eq!(uids, [1, 2, 3, 5, 6, 7]);
    let messages = store
        .fetch(alice, mailbox, &[UidRange::ALL], true)
        .await
        .unwrap();
    for message in &messages {
        assert_eq!(&*message.summary, b"summary");
        assert_eq!(
            (message.internal_date, message.internal_offset),
            (1_600_000_000_000, -90)
        );
        assert_eq!(message.saved, 1_700_000_000_000);
        assert_eq!(
            store.read_blob(message.blob, 0, 100).await.unwrap().len() as u64,
            message.size
        );
    }
    let flags: Vec<MessageFlags> = messages.into_iter().map(|message| message.flags).collect();
    assert_eq!(flags, found);
    assert_sound(&store).await;
    store.close().await;
    assert_eq!(anew(&setup, alice).await, found);
}

async fn what_is_kept_goes_with_its_mailbox(setup: Arc<Setup>) {
    let alice = kept(&setup).await;
    let store = open(&setup).await;
    store.remove_account("alice@example.org").await.unwrap();
    assert_eq!(setup.count("images").await, 0);
    assert_sound(&store).await;
    // What is in memory of it is kept no more.
    let _ = alice;
    store.close().await;
    assert_eq!(setup.count("images").await, 0);
}

async fn what_is_kept_and_damaged_is_made_again(setup: Arc<Setup>) {
    let alice = kept(&setup).await;
    let nothing = match setup.kind {
        Kind::Sqlite => "x'0100'",
        Kind::Postgres => "'\\x0100'",
    };
    setup
        .sabotage(&format!("UPDATE images SET octets = {nothing}"))
        .await;
    let store = open(&setup).await;
    assert_eq!(seen(&store, alice).await.len(), 6);
    store.close().await;
}

async fn what_is_kept_and_not_as_the_mailbox_is_made_again(setup: Arc<Setup>) {
    let alice = kept(&setup).await;
    // As if it were of another past: the log of changes knows nothing of it.
    for gone in [3, 4] {
        for change in [
            "UPDATE mailboxes SET messages = messages - 1, unseen = unseen - 1, bytes = bytes - 9 WHERE path = 'INBOX'",
            &format!("DELETE FROM messages WHERE uid = {gone}"),
        ] {
            setup.sabotage(change).await;
        }
        for round in 0..2 {
            let store = open(&setup).await;
            if setup.kind == Kind::Sqlite {
                let problems = store.verify().await.unwrap().problems;
                let told = problems
                    .iter()
                    .any(|p| p.ends_with("is not as its image was"));
                assert_eq!(told, round == 0, "{problems:?}");
            }
            let found = seen(&store, alice).await;
            assert!(found.iter().all(|message| message.uid != gone));
            store.close().await;
        }
        // The next time there is something that it does know.
        let store = open(&setup).await;
        put(&store, alice, "one more").await;
        store.close().await;
    }
    let store = open(&setup).await;
    let found = seen(&store, alice).await;
    store.close().await;
    assert_eq!(anew(&setup, alice).await, found);
}

async fn removals_that_are_forgotten_are_seen_all_the_same(setup: Arc<Setup>) {
    let alice = kept(&setup).await;
    let store = open(&setup).await;
    let mailbox = inbox(&store, alice).await;
    store
        .expunge(alice, mailbox, &[UidRange { first: 2, last: 4 }], false)
        .await
        .unwrap();
    setup.advance(std::time::Duration::from_secs(400 * 86_400));
    store.sweep().await.unwrap();
    assert_eq!(setup.count("vanished").await, 0);
    let uids: Vec<u32> = seen(&store, alice)
        .await
        .iter()
        .map(|message| message.uid)
        .collect();
    assert_eq!(uids, [1, 5, 6]);
    store.close().await;
}

async fn flags_that_come_to_many_different_ones_are_each_written(setup: Arc<Setup>) {
    let store = open(&setup).await;
    let alice = account(&store, "alice").await.id;
    for number in 0..12 {
        put(&store, alice, &format!("message {number}")).await;
    }
    let mailbox = inbox(&store, alice).await;
    store
        .expunge(alice, mailbox, &[UidRange::one(6)], false)
        .await
        .unwrap();
    seen(&store, alice).await;
    // Seven outcomes, then two, then one: by rows, by ranges with gaps, and all.
    for (uid, keyword) in (1..8).zip(["a", "b", "c", "d", "e", "f", "g"]) {
        flag(
            &store,
            alice,
            &[uid],
            change(FlagOperation::Replace, Flags::DRAFT, &[keyword]),
        )
        .await;
    }
    let all: Vec<u32> = (1..=12).collect();
    flag(
        &store,
        alice,
        &all,
        change(FlagOperation::Add, Flags::SEEN, &["x"]),
    )
    .await;
    flag(
        &store,
        alice,
        &[1, 3, 5, 12],
        change(FlagOperation::Replace, Flags::FLAGGED, &[]),
    )
    .await;
    flag(
        &store,
        alice,
        &all,
        change(
            FlagOperation::Remove,
            Flags::DRAFT,
            &["X", "b", "d", "f", "g"],
        ),
    )
    .await;
    let found = seen(&store, alice).await;
    let flags: Vec<(u32, Flags)> = found.iter().map(|m| (m.uid, m.flags)).collect();
    let expected = |uid: &u32| match uid {
        1 | 3 | 5 | 12 => Flags::FLAGGED,
        _ => Flags::SEEN,
    };
    let there = all.iter().filter(|uid| **uid != 6);
    assert_eq!(
        flags,
        there.map(|uid| (*uid, expected(uid))).collect::<Vec<_>>()
    );
    assert!(found.iter().all(|message| message.keywords.is_empty()));
    assert_sound(&store).await;
    store.close().await;
    assert_eq!(anew(&setup, alice).await, found);
}

async fn changes_of_many_at_once_are_all_there(setup: Arc<Setup>) {
    let store = open(&setup).await;
    let alice = account(&store, "alice").await.id;
    for number in 0..20 {
        put(&store, alice, &format!("message {number}")).await;
    }
    let mut followed = 0;
    for round in 0..10u32 {
        seen(&store, alice).await;
        // Changes, copies and deliveries that may well be of one commit; each adds a keyword of its own.
        let changing = (0..6u32).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let uids: Vec<u32> = (1..=20).filter(|uid| uid % (number + 1) == 0).collect();
                let keyword = format!("k{round}-{number}");
                let add = change(FlagOperation::Add, Flags::NONE, &[&keyword]);
                flag(&store, alice, &uids, add).await;
                put(&store, alice, &keyword).await;
            })
        });
        for task in changing.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let found = seen(&store, alice).await;
        for message in found.iter().filter(|message| message.uid <= 20) {
            for number in (0..6).filter(|number| message.uid % (number + 1) == 0) {
                let keyword = format!("k{round}-{number}");
                assert!(
                    message.keywords.contains(&keyword),
                    "{keyword} of {message:?}"
                );
            }
        }
        // Who follows the changes is told of the same.
        let mailbox = inbox(&store, alice).await;
        let changes = store.changes(alice, mailbox, followed).await.unwrap();
        let newer = found.iter().filter(|message| message.modseq > followed);
        assert_eq!(changes.changed, newer.cloned().collect::<Vec<_>>());
        followed = changes.mailbox.highest_modseq;
    }
    let found = seen(&store, alice).await;
    assert_sound(&store).await;
    store.close().await;
    assert_eq!(anew(&setup, alice).await, found);
}

async fn fetched(store: &Store, account: AccountId, mailbox: MailboxId) -> Vec<(u32, Flags)> {
    let messages = store.fetch(account, mailbox, &[UidRange::ALL], false);
    let messages = messages.await.unwrap().into_iter();
    messages.map(|m| (m.flags.uid, m.flags.flags)).collect()
}

/// While nothing is committed the image is not held against the database; whatever is committed must be seen by the next who asks.
async fn what_is_fetched_is_as_it_is_now(setup: Arc<Setup>) {
    let store = open(&setup).await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let mailbox = inbox(&store, alice).await;
    put(&store, alice, "first").await;
    seen(&store, alice).await;
    let none = Flags::NONE;
    for _ in 0..3 {
        assert_eq!(fetched(&store, alice, mailbox).await, [(1, none)]);
    }
    put(&store, alice, "second").await;
    assert_eq!(
        fetched(&store, alice, mailbox).await,
        [(1, none), (2, none)]
    );
    let add = change(FlagOperation::Add, Flags::SEEN, &[]);
    flag(&store, alice, &[1], add).await;
    for _ in 0..3 {
        assert_eq!(
            fetched(&store, alice, mailbox).await,
            [(1, Flags::SEEN), (2, none)]
        );
    }
    put(&store, bob, "elsewhere").await;
    store
        .expunge(alice, mailbox, &[UidRange::one(1)], false)
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(fetched(&store, alice, mailbox).await, [(2, none)]);
    }
    // What comes and goes under one modification sequence, and what is committed together.
    for _ in 0..3 {
        let all = [UidRange::ALL];
        let third = put(&store, alice, "third");
        let moving = store.move_messages(alice, mailbox, &all, mailbox);
        let copying = store.copy(alice, mailbox, &all, mailbox);
        let (_, moved, copied) = tokio::join!(third, moving, copying);
        let copies = copied.unwrap().uids.len();
        assert!(copies >= moved.unwrap().uids.len());
        let now = fetched(&store, alice, mailbox).await;
        let uids: Vec<u32> = now.iter().map(|(uid, _)| *uid).collect();
        let opened = seen(&store, alice).await;
        assert_eq!(uids, opened.iter().map(|m| m.uid).collect::<Vec<_>>());
        let state = store.mailbox(alice, "INBOX").await.unwrap();
        assert_eq!(state.messages as usize, uids.len());
        assert_sound(&store).await;
    }
    // It is nobody else's, however often its owner was answered.
    let theirs = store.fetch(bob, mailbox, &[UidRange::ALL], false).await;
    assert!(matches!(theirs, Err(Error::NoSuchMailbox(_))), "{theirs:?}");
    store.remove_account("alice@example.org").await.unwrap();
    let gone = store.fetch(alice, mailbox, &[UidRange::ALL], false).await;
    assert!(matches!(gone, Err(Error::NoSuchMailbox(_))), "{gone:?}");
    store.close().await;
}

/// Whatever numbers the contents have: one after another, with rows of the ledger or others' mail between them, or one twice.
async fn summaries_are_those_of_the_messages_contents(setup: Arc<Setup>) {
    let store = open(&setup).await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let mailbox = inbox(&store, alice).await;
    let long = "long ".repeat(2000);
    let mut expected = Vec::new();
    for number in 0..12 {
        let mut message = delivery(format!("message {number}"), vec![target(alice)]);
        let summary = match number {
            5 => format!("{long} {number}"),
            _ => format!("summary {number}"),
        };
        message.summary = summary.clone().into_bytes();
        store.deliver(message).await.unwrap();
        expected.push(summary);
        for _ in 0..number % 4 {
            let mut foreign = delivery("foreign", vec![target(bob)]);
            foreign.summary = b"foreign".to_vec();
            store.deliver(foreign).await.unwrap();
        }
    }
    let again = [UidRange { first: 3, last: 6 }];
    store.copy(alice, mailbox, &again, mailbox).await.unwrap();
    expected.extend_from_within(2..6);
    store.close().await;
    let store = open(&setup).await;
    seen(&store, alice).await;
    for _ in 0..2 {
        let messages = store.fetch(alice, mailbox, &[UidRange::ALL], true).await;
        let found: Vec<String> = messages
            .unwrap()
            .iter()
            .map(|message| String::from_utf8(message.summary.to_vec()).unwrap())
            .collect();
        assert_eq!(found, expected);
    }
    assert_sound(&store).await;
    store.close().await;
}

/// Whoever was told how many messages there are finds them, however soon after the commit: also in the moment in which who follows
/// commits has not heard of it.
async fn nobody_is_shown_less_than_they_were_told(setup: Arc<Setup>) {
    const MESSAGES: u32 = 300;
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mailbox = inbox(&store, alice).await;
    store.select(alice, mailbox, false).await.unwrap();
    let look = async || {
        loop {
            let told = store.mailbox(alice, "INBOX").await.unwrap().messages;
            let found = fetched(&store, alice, mailbox).await.len();
            assert!(found >= told as usize, "{told} were told, {found} found");
            if told == MESSAGES {
                return;
            }
        }
    };
    let come = async || {
        for _ in 0..MESSAGES {
            put(&store, alice, "news").await;
        }
    };
    tokio::join!(come(), look(), look(), look());
    store.close().await;
}

/// Two sessions read all envelopes in runs, as FETCH does, while others of them are read ahead.
async fn what_is_read_ahead_is_each_messages_own(setup: Arc<Setup>) {
    let store = open(&setup).await;
    let alice = account(&store, "alice").await.id;
    let mailbox = inbox(&store, alice).await;
    let summary = |uid: u32| format!("summary of {uid}").into_bytes();
    for first in (1..=3000).step_by(500) {
        let deliveries = (first..first + 500).map(|uid| {
            let mut message = delivery(format!("message {uid}"), vec![target(alice)]);
            message.summary = summary(uid);
            message
        });
        store.deliver_each(deliveries.collect()).await.unwrap();
    }
    store.close().await;
    let store = open(&setup).await;
    seen(&store, alice).await;
    let read = async |together: u32| {
        for first in (1..=3000).step_by(together as usize) {
            let last = first + together - 1;
            let range = [UidRange { first, last }];
            let messages = store.fetch(alice, mailbox, &range, true).await.unwrap();
            let found: Vec<_> = messages.iter().map(|m| m.summary.to_vec()).collect();
            let expected: Vec<_> = (first..=last).map(summary).collect();
            assert!(found == expected, "{first}:{last}");
        }
    };
    tokio::join!(read(500), read(250));
    read(500).await;
    store.close().await;
}
