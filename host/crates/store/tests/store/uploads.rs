//! Uploads: contents without a message.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{AccountId, BlobId, Error, MAX_UPLOADS, Store, UidRange};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    an_upload_is_its_accounts_and_is_kept_for_a_while;
    the_oldest_make_room;
    there_are_only_so_many;
    an_account_has_what_its_messages_have;
    what_another_account_has_is_taken_over;
    uploads_go_with_their_account;
}

const ROOM: u64 = 1_000_000;

async fn has(store: &Store, account: AccountId, blob: BlobId) -> bool {
    let asked = HashSet::from([blob]);
    let found = store.which_has(account, &asked).await.unwrap();
    found.contains(&blob)
}

async fn put(store: &Store, account: AccountId, content: &str, room: u64) -> BlobId {
    let content = content.to_owned().into();
    let uploaded = store.upload(account, content, vec![1, 2], room).await;
    uploaded.unwrap()
}

async fn an_upload_is_its_accounts_and_is_kept_for_a_while(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let small = put(&store, alice, "small", ROOM).await;
    let large = put(&store, alice, &"x".repeat(100_000), ROOM).await;
    assert_eq!(store.blob(small).await.unwrap(), "small");
    assert_eq!(store.blob(large).await.unwrap().len(), 100_000);
    assert!(has(&store, alice, small).await && has(&store, alice, large).await);
    assert!(!has(&store, bob, small).await);
    assert_sound(&store).await;
    // RFC 8620 §6: for an hour at least.
    setup.advance(Duration::from_secs(3601));
    store.sweep().await.unwrap();
    assert!(has(&store, alice, small).await);
    setup.advance(Duration::from_secs(24 * 3600));
    store.sweep().await.unwrap();
    assert!(!has(&store, alice, small).await);
    for gone in [small, large] {
        let read = store.blob(gone).await;
        assert!(matches!(read, Err(Error::NoSuchBlob(_))), "{read:?}");
    }
    assert_sound(&store).await;
}

async fn the_oldest_make_room(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let other = put(&store, bob, "1234567890", 25).await;
    let first = put(&store, alice, "1234567890", 25).await;
    setup.advance(Duration::from_millis(1));
    let second = put(&store, alice, "1234567890", 25).await;
    setup.advance(Duration::from_millis(1));
    let third = put(&store, alice, "1234567890", 25).await;
    assert!(!has(&store, alice, first).await);
    assert!(has(&store, alice, second).await && has(&store, alice, third).await);
    assert!(has(&store, bob, other).await);
    // One that is all the room by itself.
    let whole = put(&store, alice, &"x".repeat(25), 25).await;
    assert!(has(&store, alice, whole).await && !has(&store, alice, third).await);
    assert_sound(&store).await;
}

async fn there_are_only_so_many(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mut blobs = Vec::new();
    for _ in 0..=MAX_UPLOADS {
        blobs.push(put(&store, alice, "x", ROOM).await);
    }
    let asked: HashSet<BlobId> = blobs.iter().copied().collect();
    let found = store.which_has(alice, &asked).await.unwrap();
    assert_eq!(found.len(), MAX_UPLOADS);
    assert!(!found.contains(&blobs[0]));
    assert_sound(&store).await;
}

async fn an_account_has_what_its_messages_have(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let message = delivery("Subject: x\r\n\r\n".to_owned(), vec![target(alice)]);
    let stored = store.deliver(message).await.unwrap();
    let blob = stored[0].blob;
    assert!(has(&store, alice, blob).await && !has(&store, bob, blob).await);
    let gone = [UidRange::one(stored[0].uid)];
    store
        .expunge(alice, stored[0].mailbox, &gone, false)
        .await
        .unwrap();
    assert!(!has(&store, alice, blob).await);
}

async fn what_another_account_has_is_taken_over(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let message = delivery("Subject: x\r\n\r\n".to_owned(), vec![target(alice)]);
    let stored = store.deliver(message).await.unwrap();
    let blob = stored[0].blob;
    assert!(store.take_over(bob, blob, ROOM).await.unwrap());
    assert!(has(&store, bob, blob).await);
    // Once more changes nothing: it is counted once.
    assert!(store.take_over(bob, blob, ROOM).await.unwrap());
    assert_sound(&store).await;
    let gone = [UidRange::one(stored[0].uid)];
    let expunged = store.expunge(alice, stored[0].mailbox, &gone, false).await;
    expunged.unwrap();
    assert!(has(&store, bob, blob).await && !has(&store, alice, blob).await);
    assert!(store.blob(blob).await.is_ok());
    // Of what was taken over others take over, too.
    assert!(store.take_over(alice, blob, ROOM).await.unwrap());
    assert_sound(&store).await;
    setup.advance(Duration::from_secs(25 * 3600));
    store.sweep().await.unwrap();
    assert!(!has(&store, bob, blob).await && !has(&store, alice, blob).await);
    assert!(!store.take_over(bob, blob, ROOM).await.unwrap());
    assert!(!has(&store, bob, blob).await);
    assert_sound(&store).await;
}

async fn uploads_go_with_their_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await;
    let blob = put(&store, alice.id, "x", ROOM).await;
    store.remove_account(&alice.address).await.unwrap();
    let nobody = store.upload(alice.id, "x".into(), Vec::new(), ROOM).await;
    assert!(matches!(nobody, Err(Error::NoSuchAccount(_))), "{nobody:?}");
    let read = store.blob(blob).await;
    assert!(matches!(read, Err(Error::NoSuchBlob(_))), "{read:?}");
    assert_sound(&store).await;
}
