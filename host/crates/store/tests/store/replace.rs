//! A message in the place of another (RFC 8508).

use std::sync::Arc;

use waxwing_store::{Delivery, Error, MailboxId, Place, Target, UidRange};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, put, target};

on_both! {
    one_comes_and_another_goes;
    what_is_not_there_is_not_replaced;
}

fn into(target: Target, mailbox: MailboxId, content: &str) -> Delivery {
    let target = Target {
        mailbox: Place::Id(mailbox),
        ..target
    };
    delivery(content.to_owned(), vec![target])
}

async fn one_comes_and_another_goes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    for content in ["one", "two", "three"] {
        put(&store, alice, content).await;
    }
    let before = store.mailbox(alice, "INBOX").await.unwrap().highest_modseq;
    let new = into(target(alice), inbox.id, "2nd");
    let stored = store.replace(new, (alice, inbox.id, 2)).await.unwrap();
    let stored = stored.unwrap();
    assert_eq!((stored.uid, stored.uid_validity), (4, inbox.uid_validity));
    let changes = store.changes(alice, inbox.id, before).await.unwrap();
    assert_eq!(changes.vanished, [UidRange::one(2)]);
    let came: Vec<u32> = changes.changed.iter().map(|message| message.uid).collect();
    assert_eq!(came, [4]);
    let usage = store.usage(alice).await.unwrap();
    assert_eq!((usage.bytes, usage.messages), (11, 3));
    // The same content again, and into the mailbox of another account.
    let same = into(target(alice), inbox.id, "2nd");
    let stored = store.replace(same, (alice, inbox.id, 4)).await.unwrap();
    assert_eq!(stored.unwrap().uid, 5);
    let theirs = store.mailbox(bob, "INBOX").await.unwrap().id;
    let new = into(target(bob), theirs, "for bob");
    let stored = store.replace(new, (alice, inbox.id, 5)).await.unwrap();
    assert_eq!(stored.unwrap().uid, 1);
    let usage = [alice, bob].map(|who| store.usage(who));
    let [left, gained] = usage;
    let (left, gained) = (left.await.unwrap(), gained.await.unwrap());
    assert_eq!((left.messages, gained.messages), (2, 1));
    let content = store
        .fetch(bob, theirs, &[UidRange::ALL], false)
        .await
        .unwrap();
    assert_eq!(store.blob(content[0].blob).await.unwrap(), "for bob");
    assert_sound(&store).await;
}

async fn what_is_not_there_is_not_replaced(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    put(&store, alice, "one").await;
    // Large enough for a file of its own, which nobody is to find.
    let large = "x".repeat(200_000);
    let new = into(target(alice), inbox, &large);
    assert_eq!(store.replace(new, (alice, inbox, 2)).await.unwrap(), None);
    let new = into(target(alice), inbox, "x");
    let foreign = store.replace(new, (bob, inbox, 1)).await;
    assert!(matches!(foreign, Err(Error::NoSuchMailbox(_))));
    let nowhere = into(target(bob), inbox, "x");
    let nowhere = store.replace(nowhere, (alice, inbox, 1)).await;
    assert!(matches!(nowhere, Err(Error::NoSuchMailbox(_))));
    let left = store
        .fetch(alice, inbox, &[UidRange::ALL], false)
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(store.usage(alice).await.unwrap().bytes, 3);
    assert_sound(&store).await;
}
