//! SELECT, FETCH, STORE, COPY, MOVE, EXPUNGE.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{BlobId, Error, FlagChange, FlagOperation, Flags, UidRange};

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound, delivery, put, target};

on_both! {
    flags_change_and_counts_follow;
    unchanged_since_leaves_newer_messages_alone;
    copies_share_the_content;
    moves_leave_tombstones;
    a_message_is_saved_anew_in_each_mailbox;
    only_deleted_messages_are_expunged;
    recent_is_for_the_first_session;
    what_arrives_is_recent_for_one_session;
    changes_of_flags_tell_what_was_before;
    heads_of_many_contents;
    a_very_large_mailbox_is_read_whole;
}

fn flags(operation: FlagOperation, flags: Flags) -> FlagChange {
    FlagChange {
        operation,
        flags,
        keywords: Vec::new(),
        unchanged_since: None,
    }
}

async fn flags_change_and_counts_follow(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    for i in 0..5 {
        put(&store, alice, &format!("{i}")).await;
    }
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let overlapping = [
        UidRange { first: 2, last: 3 },
        UidRange { first: 3, last: 4 },
        UidRange::one(99),
    ];
    let changed = store
        .store_flags(
            alice,
            inbox,
            &overlapping,
            flags(FlagOperation::Add, Flags::SEEN),
        )
        .await
        .unwrap();
    assert_eq!(
        changed.messages.iter().map(|m| m.uid).collect::<Vec<_>>(),
        [2, 3, 4]
    );
    let modseq = changed.messages[0].modseq;
    let mailbox = store.mailbox(alice, "INBOX").await.unwrap();
    assert_eq!((mailbox.unseen, mailbox.highest_modseq), (2, modseq));
    let again = store
        .store_flags(
            alice,
            inbox,
            &[UidRange::one(2)],
            flags(FlagOperation::Add, Flags::SEEN),
        )
        .await
        .unwrap();
    assert_eq!(again.messages[0].modseq, modseq, "nothing changed");
    let keyword = FlagChange {
        keywords: vec!["$Work".to_owned()],
        ..flags(FlagOperation::Replace, Flags::FLAGGED)
    };
    let changed = store
        .store_flags(alice, inbox, &[UidRange::one(2)], keyword)
        .await
        .unwrap();
    assert_eq!(
        (
            changed.messages[0].flags,
            changed.messages[0].keywords.as_slice()
        ),
        (Flags::FLAGGED, &["$Work".to_owned()][..])
    );
    assert_eq!(store.mailbox(alice, "INBOX").await.unwrap().unseen, 3);
    let snapshot = store.select(alice, inbox, false).await.unwrap();
    assert_eq!(snapshot.messages[1].keywords, ["$Work"]);
    assert_eq!(snapshot.mailbox.messages, 5);
    assert_sound(&store).await;
}

async fn unchanged_since_leaves_newer_messages_alone(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    put(&store, alice, "1").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    put(&store, alice, "2").await;
    let change = FlagChange {
        unchanged_since: Some(inbox.highest_modseq),
        ..flags(FlagOperation::Add, Flags::FLAGGED)
    };
    let changed = store
        .store_flags(alice, inbox.id, &[UidRange::ALL], change)
        .await
        .unwrap();
    assert!(changed.modified.iter().map(|m| m.uid).eq([2]));
    assert_eq!(
        changed.messages.iter().map(|m| m.uid).collect::<Vec<_>>(),
        [1]
    );
}

async fn copies_share_the_content(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    for i in 0..3 {
        put(&store, alice, &format!("{i}")).await;
    }
    let (inbox, sent) = (
        store.mailbox(alice, "INBOX").await.unwrap().id,
        store.mailbox(alice, "Sent").await.unwrap(),
    );
    store
        .store_flags(
            alice,
            inbox,
            &[UidRange::one(3)],
            flags(FlagOperation::Add, Flags::ANSWERED | Flags::SEEN),
        )
        .await
        .unwrap();
    let copied = store
        .copy(alice, inbox, &[UidRange::one(1), UidRange::one(3)], sent.id)
        .await
        .unwrap();
    assert_eq!(
        (copied.uid_validity, copied.uids.as_slice()),
        (sent.uid_validity, &[(1, 1), (3, 2)][..])
    );
    assert_eq!(store.usage(alice).await.unwrap().messages, 5);
    let copies = store
        .fetch(alice, sent.id, &[UidRange::ALL], true)
        .await
        .unwrap();
    assert_eq!(copies[1].flags.flags, Flags::ANSWERED | Flags::SEEN);
    assert_eq!(store.blob(copies[1].blob).await.unwrap(), "2");
    store
        .expunge(alice, inbox, &[UidRange::ALL], false)
        .await
        .unwrap();
    assert_eq!(store.blob(copies[1].blob).await.unwrap(), "2");
    let none = store
        .copy(alice, inbox, &[UidRange::ALL], sent.id)
        .await
        .unwrap();
    assert!(none.uids.is_empty());
    assert_sound(&store).await;
}

async fn a_message_is_saved_anew_in_each_mailbox(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    put(&store, alice, "one").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let trash = store.mailbox(alice, "Trash").await.unwrap().id;
    let of = async |mailbox| {
        let all = [UidRange::ALL];
        let found = store.fetch(alice, mailbox, &all, false).await.unwrap();
        (found[0].saved, found[0].internal_date, found[0].blob)
    };
    let first = of(inbox).await;
    let seen = flags(FlagOperation::Add, Flags::SEEN);
    store
        .store_flags(alice, inbox, &[UidRange::ALL], seen)
        .await
        .unwrap();
    assert_eq!(of(inbox).await, first, "flags change nothing of it");
    setup.advance(Duration::from_secs(3));
    store
        .move_messages(alice, inbox, &[UidRange::ALL], trash)
        .await
        .unwrap();
    let moved = of(trash).await;
    assert_eq!(moved, (first.0 + 3_000, first.1, first.2));
    assert_sound(&store).await;
}

async fn moves_leave_tombstones(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    for i in 0..4 {
        put(&store, alice, &format!("{i}")).await;
    }
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    let junk = store.mailbox(alice, "Junk").await.unwrap().id;
    let moved = store
        .move_messages(alice, inbox.id, &[UidRange { first: 2, last: 3 }], junk)
        .await
        .unwrap();
    assert_eq!(moved.uids, [(2, 1), (3, 2)]);
    let changes = store
        .changes(alice, inbox.id, inbox.highest_modseq)
        .await
        .unwrap();
    assert_eq!(changes.vanished, [UidRange { first: 2, last: 3 }]);
    assert!(changes.changed.is_empty() && changes.complete);
    assert_eq!(store.usage(alice).await.unwrap().messages, 4);
    assert_eq!(store.mailbox(alice, "Junk").await.unwrap().messages, 2);
    // Into the mailbox it is in: a new UID.
    assert_eq!(
        store
            .move_messages(alice, inbox.id, &[UidRange::one(1)], inbox.id)
            .await
            .unwrap()
            .uids,
        [(1, 5)]
    );
    assert_sound(&store).await;
}

async fn only_deleted_messages_are_expunged(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mut blobs = Vec::new();
    for i in 0..4 {
        blobs.push(
            store
                .deliver(delivery(format!("{i}"), vec![target(alice)]))
                .await
                .unwrap()[0]
                .blob,
        );
    }
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let three = [UidRange { first: 1, last: 3 }];
    store
        .store_flags(
            alice,
            inbox,
            &three,
            flags(FlagOperation::Add, Flags::DELETED),
        )
        .await
        .unwrap();
    assert_eq!(
        store
            .expunge(alice, inbox, &[UidRange::one(2), UidRange::one(4)], true)
            .await
            .unwrap(),
        [2]
    );
    assert_eq!(
        store
            .expunge(alice, inbox, &[UidRange::ALL], true)
            .await
            .unwrap(),
        [1, 3]
    );
    assert_eq!(
        store
            .expunge(alice, inbox, &[UidRange::ALL], true)
            .await
            .unwrap(),
        Vec::<u32>::new()
    );
    assert!(matches!(
        store.blob(blobs[0]).await,
        Err(Error::NoSuchBlob(_))
    ));
    assert_eq!(store.usage(alice).await.unwrap().messages, 1);
    assert_sound(&store).await;
}

async fn recent_is_for_the_first_session(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    put(&store, alice, "1").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    assert_eq!(
        store.select(alice, inbox, false).await.unwrap().recent_from,
        1
    );
    assert_eq!(
        store.select(alice, inbox, true).await.unwrap().recent_from,
        1
    );
    assert_eq!(
        store.select(alice, inbox, true).await.unwrap().recent_from,
        2
    );
    put(&store, alice, "2").await;
    store.close().await;
    drop(store);
    let store = setup.open().await;
    assert_eq!(
        store.select(alice, inbox, true).await.unwrap().recent_from,
        2
    );
    assert_sound(&store).await;
}

async fn what_arrives_is_recent_for_one_session(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let opened = store.select(alice, inbox, true).await.unwrap().mailbox;
    let uid = put(&store, alice, "1").await;
    assert_eq!(
        store.mailbox(alice, "INBOX").await.unwrap().recent_from,
        uid
    );
    let changes = store
        .changes(alice, inbox, opened.highest_modseq)
        .await
        .unwrap();
    assert_eq!(store.take_recent(&changes), uid);
    // Another session hears of it later, or opens the mailbox, or asks how many are recent.
    assert_eq!(store.take_recent(&changes), uid + 1);
    assert_eq!(
        store.select(alice, inbox, true).await.unwrap().recent_from,
        uid + 1
    );
    let status = store.mailbox(alice, "INBOX").await.unwrap();
    assert_eq!(status.recent_from, status.uid_next);
}

async fn changes_of_flags_tell_what_was_before(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    put(&store, alice, "1").await;
    put(&store, alice, "2").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let seen = || flags(FlagOperation::Add, Flags::SEEN);
    let first = store
        .store_flags(alice, inbox, &[UidRange::one(1)], seen())
        .await
        .unwrap();
    let before = store.fetch(alice, inbox, &[UidRange::ALL], false).await;
    let before = before.unwrap()[1].flags.modseq;
    assert_eq!(first.replaced.len(), 1);
    let both = store
        .store_flags(alice, inbox, &[UidRange::ALL], seen())
        .await
        .unwrap();
    assert_eq!(both.replaced, [(2, before)]);
    assert_eq!(both.messages[0], first.messages[0], "it was seen already");
}

async fn heads_of_many_contents(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let small = store
        .deliver(delivery("small", vec![target(alice)]))
        .await
        .unwrap()[0]
        .blob;
    let large = store
        .deliver(delivery(vec![b'L'; 100_000], vec![target(alice)]))
        .await
        .unwrap()[0]
        .blob;
    let heads = store
        .blob_heads(&[large, BlobId(987_654), small, small], 3)
        .await
        .unwrap();
    let heads: Vec<Option<&[u8]>> = heads.iter().map(Option::as_deref).collect();
    assert_eq!(heads, [Some(&b"LLL"[..]), None, Some(b"sma"), Some(b"sma")]);
}

async fn a_very_large_mailbox_is_read_whole(setup: Arc<Setup>) {
    const MORE: u32 = 45_000;
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    put(&store, alice, "first").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    store.close().await;
    let numbers = match setup.kind {
        Kind::Sqlite => format!(
            "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MORE}) SELECT i FROM n)"
        ),
        Kind::Postgres => format!("(SELECT generate_series(1::bigint, {MORE}) AS i)"),
    };
    setup
        .sabotage(&format!(
            "INSERT INTO messages (mailbox, uid, blob, modseq, flags, changed, size, internal_date, internal_offset, keywords, saved)
             SELECT m.mailbox, 1 + 2 * n.i, m.blob, m.modseq, 8, 0, m.size, m.internal_date, m.internal_offset, 'one two', m.saved
             FROM messages m CROSS JOIN {numbers} AS n"
        ))
        .await;
    let store = setup.open().await;
    let found = store.select(alice, inbox, false).await.unwrap();
    let uids = found.messages.iter().map(|message| message.uid);
    assert!(uids.eq((0..=MORE).map(|i| 1 + 2 * i)));
    let last = found.messages.last().unwrap();
    assert_eq!(
        (last.flags.bits(), last.keywords.as_slice()),
        (8, &["one".to_owned(), "two".to_owned()][..])
    );
    assert!(found.messages[0].keywords.is_empty());
    store.close().await;
}
