//! Messages that are imported, once each.

use std::sync::Arc;

use waxwing_store::{AccountId, Error, Imported, MAX_IMPORTS, Place, Store, UidRange};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    an_item_comes_once;
    of_two_that_import_the_same_one_does;
    what_is_removed_does_not_come_back_until_it_is_forgotten;
    nothing_of_a_batch_is_stored_if_one_cannot_be;
    items_go_with_their_mailbox_and_their_account;
    which_were_verbatim_is_told;
}

fn message(account: AccountId, item: &str) -> Imported {
    Imported {
        item: item.to_owned(),
        verbatim: false,
        delivery: delivery(format!("Subject: {item}\r\n\r\n"), vec![target(account)]),
    }
}

async fn count(store: &Store, account: AccountId) -> u32 {
    store.mailbox(account, "INBOX").await.unwrap().messages
}

async fn an_item_comes_once(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let batch = ["a", "b", "a"].map(|item| message(alice, item)).to_vec();
    let stored = store.import(alice, batch.clone()).await.unwrap();
    assert_eq!(stored, [true, true, false]);
    store.close().await;
    let store = setup.open().await;
    let again = store.import(alice, batch).await.unwrap();
    assert_eq!(again, [false; 3]);
    let asked = ["b", "c"].map(str::to_owned);
    assert_eq!(store.imported(alice, &asked).await.unwrap(), ["b"]);
    assert_eq!(count(&store, alice).await, 2);
    // Another account's are its own.
    let bob = account(&store, "bob").await.id;
    assert!(store.imported(bob, &asked).await.unwrap().is_empty());
    assert_eq!(
        store.import(bob, vec![message(bob, "a")]).await.unwrap(),
        [true]
    );
    assert_sound(&store).await;
}

async fn of_two_that_import_the_same_one_does(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let large = "x".repeat(100_000);
    let one = || {
        let mut message = message(alice, "same");
        message.delivery.content = large.clone().into();
        store.import(alice, vec![message])
    };
    let (first, second) = tokio::join!(one(), one());
    assert_ne!(first.unwrap(), second.unwrap());
    assert_eq!(count(&store, alice).await, 1);
    assert_sound(&store).await;
}

async fn what_is_removed_does_not_come_back_until_it_is_forgotten(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let batch = vec![message(alice, "a")];
    store.import(alice, batch.clone()).await.unwrap();
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let removed = store.expunge(alice, inbox, &[UidRange::ALL], false).await;
    assert_eq!(removed.unwrap(), [1]);
    assert_eq!(store.import(alice, batch.clone()).await.unwrap(), [false]);
    store
        .forget_imported(alice, vec!["a".into()])
        .await
        .unwrap();
    assert_eq!(store.import(alice, batch).await.unwrap(), [true]);
    assert_sound(&store).await;
}

async fn nothing_of_a_batch_is_stored_if_one_cannot_be(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mut astray = message(alice, "b");
    astray.delivery.targets[0].mailbox = Place::Path {
        path: "Nowhere".into(),
        create: false,
    };
    let refused = store.import(alice, vec![message(alice, "a"), astray]).await;
    assert!(matches!(refused, Err(Error::NoSuchMailbox(_))));
    assert_eq!(count(&store, alice).await, 0);
    assert_eq!(
        store
            .import(alice, vec![message(alice, "a")])
            .await
            .unwrap(),
        [true]
    );
    let nameless = store.import(alice, vec![message(alice, "")]).await;
    assert!(matches!(nameless, Err(Error::InvalidName { .. })));
    let many = vec![message(alice, "m"); MAX_IMPORTS + 1];
    assert!(matches!(
        store.import(alice, many).await,
        Err(Error::TooLarge { .. })
    ));
    let nobody = store.import(AccountId(i64::MAX), Vec::new()).await;
    assert!(matches!(nobody, Err(Error::NoSuchAccount(_))));
    assert_sound(&store).await;
}

async fn items_go_with_their_mailbox_and_their_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mut filed = message(alice, "a");
    filed.delivery.targets[0].mailbox = Place::Path {
        path: "Old".into(),
        create: true,
    };
    let batch = vec![filed, message(alice, "b")];
    store.import(alice, batch.clone()).await.unwrap();
    store.delete_mailbox(alice, "Old").await.unwrap();
    assert_eq!(setup.count("imported").await, 1);
    assert_eq!(store.import(alice, batch).await.unwrap(), [true, false]);
    store.remove_account("alice@example.org").await.unwrap();
    assert_eq!(setup.count("imported").await, 0);
}

async fn which_were_verbatim_is_told(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let batch = ["a", "b", "c"].map(|item| Imported {
        verbatim: item != "b",
        ..message(alice, item)
    });
    store.import(alice, batch.to_vec()).await.unwrap();
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    assert_eq!(store.verbatim(inbox, 1, u32::MAX).await.unwrap(), [1, 3]);
    assert_eq!(store.verbatim(inbox, 2, 3).await.unwrap(), [3]);
    // What comes once more does not change what came before.
    for _ in 0..2 {
        let items = vec!["a".into(), "b".into()];
        store.forget_imported(alice, items).await.unwrap();
        let again = store.import(alice, batch.to_vec()).await.unwrap();
        assert_eq!(again, [true, true, false]);
    }
    let all = store.verbatim(inbox, 1, u32::MAX).await.unwrap();
    assert_eq!(all, [1, 3, 4, 6]);
    assert_sound(&store).await;
}
