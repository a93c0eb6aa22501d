//! CREATE, DELETE, RENAME, SUBSCRIBE.

use std::sync::Arc;

use waxwing_store::{
    AccountId, Error, FlagChange, FlagOperation, Flags, MAX_SUBSCRIPTIONS, OTHERS, SpecialUse,
    Store, UidRange, Usage,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, put};

on_both! {
    a_new_account_has_the_contract_mailboxes;
    creating_makes_the_levels_above;
    a_special_use_has_one_mailbox;
    deleted_messages_are_counted;
    deleting_keeps_the_level_of_children;
    uid_validity_rises_with_re_creation;
    renaming_takes_children_along;
    renaming_inbox_moves_its_messages;
    subscriptions_are_bounded;
    subscriptions_outlive_mailboxes;
    another_account_sees_nothing;
    nothing_is_made_where_mailboxes_of_others_are_shown;
    only_the_expected_mailbox_goes;
}

async fn paths(store: &Store, account: AccountId) -> Vec<String> {
    store
        .mailboxes(account)
        .await
        .unwrap()
        .into_iter()
        .map(|m| m.path)
        .collect()
}

async fn a_new_account_has_the_contract_mailboxes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mailboxes = store.mailboxes(alice).await.unwrap();
    let found: Vec<_> = mailboxes
        .iter()
        .map(|m| (m.path.as_str(), m.special_use))
        .collect();
    let expected = [
        ("INBOX", None),
        ("Archive", Some(SpecialUse::Archive)),
        ("Drafts", Some(SpecialUse::Drafts)),
        ("Junk", Some(SpecialUse::Junk)),
        ("Sent", Some(SpecialUse::Sent)),
        ("Trash", Some(SpecialUse::Trash)),
    ];
    assert_eq!(found, expected);
    assert!(
        mailboxes
            .iter()
            .all(|m| m.subscribed && m.selectable && m.uid_next == 1 && m.highest_modseq >= 1)
    );
    assert_sound(&store).await;
}

async fn deleted_messages_are_counted(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    for text in ["one", "two", "three"] {
        put(&store, alice, text).await;
    }
    assert!(store.deleted_of(alice).await.unwrap().is_empty());
    assert_eq!(store.deleted_in(inbox).await.unwrap(), Usage::default());
    let change = FlagChange {
        operation: FlagOperation::Add,
        flags: Flags::DELETED,
        keywords: Vec::new(),
        unchanged_since: None,
    };
    let two = [UidRange { first: 2, last: 3 }];
    store.store_flags(alice, inbox, &two, change).await.unwrap();
    let sizes = store.fetch(alice, inbox, &two, false).await.unwrap();
    let held = Usage {
        bytes: sizes.iter().map(|message| message.size).sum(),
        messages: 2,
    };
    assert!(held.bytes > 0);
    let all = store.deleted_of(alice).await.unwrap();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [(inbox, held)]);
    assert_eq!(store.deleted_in(inbox).await.unwrap(), held);
    let other = account(&store, "bob").await.id;
    assert!(store.deleted_of(other).await.unwrap().is_empty());
}

async fn a_special_use_has_one_mailbox(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let junk = Some(SpecialUse::Junk);
    let taken = store.create_mailbox(alice, "Spam", junk).await;
    assert!(matches!(taken, Err(Error::UseTaken)), "{taken:?}");
    assert!(matches!(
        store.mailbox(alice, "Spam").await,
        Err(Error::NoSuchMailbox(_))
    ));
    store.delete_mailbox(alice, "Junk").await.unwrap();
    let made = store.create_mailbox(alice, "Spam", junk).await.unwrap();
    assert_eq!(made.special_use, junk);
    assert_sound(&store).await;
}

async fn creating_makes_the_levels_above(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let made = store.create_mailbox(alice, "a/b/ç/", None).await.unwrap();
    assert_eq!((made.path.as_str(), made.subscribed), ("a/b/ç", false));
    assert!(store.mailbox(alice, "a/b").await.unwrap().selectable);
    assert!(matches!(
        store.create_mailbox(alice, "a", None).await,
        Err(Error::AlreadyExists(_))
    ));
    assert!(matches!(
        store.create_mailbox(alice, "inbox", None).await,
        Err(Error::AlreadyExists(_))
    ));
    assert_eq!(
        store
            .create_mailbox(alice, "inbox/sub", None)
            .await
            .unwrap()
            .path,
        "INBOX/sub"
    );
    assert!(matches!(
        store.create_mailbox(alice, "", None).await,
        Err(Error::InvalidName { .. })
    ));
    assert!(matches!(
        store.create_mailbox(AccountId(77_777), "x", None).await,
        Err(Error::NoSuchAccount(_))
    ));
    assert_sound(&store).await;
}

async fn deleting_keeps_the_level_of_children(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let parent = store.create_mailbox(alice, "a", None).await.unwrap();
    store.create_mailbox(alice, "a/b", None).await.unwrap();
    put(&store, alice, "kept in INBOX").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    store
        .copy(alice, inbox, &[UidRange::ALL], parent.id)
        .await
        .unwrap();
    store.delete_mailbox(alice, "a").await.unwrap();
    let level = store.mailbox(alice, "a").await.unwrap();
    assert!(!level.selectable && level.messages == 0);
    assert!(matches!(
        store.select(alice, parent.id, false).await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert!(matches!(
        store.delete_mailbox(alice, "a").await,
        Err(Error::NotAllowed(_))
    ));
    assert!(matches!(
        store.delete_mailbox(alice, "Inbox").await,
        Err(Error::NotAllowed(_))
    ));
    assert!(matches!(
        store.delete_mailbox(alice, "none").await,
        Err(Error::NoSuchMailbox(_))
    ));
    // A level becomes a mailbox again by CREATE.
    let again = store.create_mailbox(alice, "a", None).await.unwrap();
    assert!(again.selectable && again.uid_validity > parent.uid_validity);
    // Whoever has the old one open must not touch the new one's messages.
    assert_ne!(again.id, parent.id);
    assert!(matches!(
        store.changes(alice, parent.id, 0).await,
        Err(Error::NoSuchMailbox(_))
    ));
    store.delete_mailbox(alice, "a/b").await.unwrap();
    store.delete_mailbox(alice, "a").await.unwrap();
    assert!(matches!(
        store.mailbox(alice, "a").await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert_eq!(store.usage(alice).await.unwrap().messages, 1);
    assert_sound(&store).await;
}

async fn uid_validity_rises_with_re_creation(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mut last = 0;
    for _ in 0..5 {
        // The clock stands still.
        let made = store.create_mailbox(alice, "again", None).await.unwrap();
        assert!(made.uid_validity > last);
        last = made.uid_validity;
        store.delete_mailbox(alice, "again").await.unwrap();
    }
}

async fn renaming_takes_children_along(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    store.create_mailbox(alice, "a/b/c", None).await.unwrap();
    store.create_mailbox(alice, "ab", None).await.unwrap();
    let before = store.mailbox(alice, "a/b").await.unwrap();
    store.rename_mailbox(alice, "a", "x/y").await.unwrap();
    let after = paths(&store, alice).await;
    for path in ["x", "x/y", "x/y/b", "x/y/b/c", "ab"] {
        assert!(after.iter().any(|p| p == path), "{path} in {after:?}");
    }
    assert!(!after.iter().any(|p| p == "a" || p.starts_with("a/")));
    let moved = store.mailbox(alice, "x/y/b").await.unwrap();
    assert_eq!(
        (moved.id, moved.uid_validity),
        (before.id, before.uid_validity)
    );
    assert!(matches!(
        store.rename_mailbox(alice, "x", "x/y/z").await,
        Err(Error::NotAllowed(_))
    ));
    assert!(matches!(
        store.rename_mailbox(alice, "x", "ab").await,
        Err(Error::AlreadyExists(_))
    ));
    assert!(matches!(
        store.rename_mailbox(alice, "none", "n").await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert_sound(&store).await;
}

async fn renaming_inbox_moves_its_messages(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    store
        .create_mailbox(alice, "INBOX/child", None)
        .await
        .unwrap();
    put(&store, alice, "one").await;
    put(&store, alice, "two").await;
    store
        .rename_mailbox(alice, "inbox", "old/mail")
        .await
        .unwrap();
    assert_eq!(store.mailbox(alice, "old/mail").await.unwrap().messages, 2);
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    assert_eq!((inbox.messages, inbox.uid_next), (0, 3));
    assert!(store.mailbox(alice, "INBOX/child").await.is_ok());
    assert_eq!(put(&store, alice, "three").await, 3);
    assert_sound(&store).await;
}

async fn subscriptions_are_bounded(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let had = store.subscriptions(alice).await.unwrap().len();
    let fill = format!(
        "INSERT INTO subscriptions (account, path) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
         SELECT {}, 'list ' || i FROM n",
        MAX_SUBSCRIPTIONS - had - 1,
        alice.0
    );
    setup.sabotage(&fill).await;
    store.set_subscribed(alice, "last", true).await.unwrap();
    assert!(matches!(
        store.set_subscribed(alice, "one more", true).await,
        Err(Error::TooLarge { .. })
    ));
    // One that is there already may be subscribed again, and one that goes makes room.
    store.set_subscribed(alice, "last", true).await.unwrap();
    store.set_subscribed(alice, "last", false).await.unwrap();
    store.set_subscribed(alice, "one more", true).await.unwrap();
}

async fn subscriptions_outlive_mailboxes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    store.create_mailbox(alice, "lists", None).await.unwrap();
    store.set_subscribed(alice, "lists", true).await.unwrap();
    store.set_subscribed(alice, "lists", true).await.unwrap();
    assert!(store.mailbox(alice, "lists").await.unwrap().subscribed);
    store.delete_mailbox(alice, "lists").await.unwrap();
    assert!(
        store
            .subscriptions(alice)
            .await
            .unwrap()
            .contains(&"lists".to_owned())
    );
    store.set_subscribed(alice, "lists", false).await.unwrap();
    assert!(
        !store
            .subscriptions(alice)
            .await
            .unwrap()
            .contains(&"lists".to_owned())
    );
}

async fn another_account_sees_nothing(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (
        account(&store, "alice").await.id,
        account(&store, "bob").await.id,
    );
    put(&store, alice, "private").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    assert!(matches!(
        store.select(bob, inbox, false).await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert!(matches!(
        store.fetch(bob, inbox, &[UidRange::ALL], true).await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert!(matches!(
        store.expunge(bob, inbox, &[UidRange::ALL], false).await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert!(matches!(
        store.changes(bob, inbox, 0).await,
        Err(Error::NoSuchMailbox(_))
    ));
    let own = store.mailbox(bob, "INBOX").await.unwrap().id;
    assert!(matches!(
        store.copy(bob, inbox, &[UidRange::ALL], own).await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert_sound(&store).await;
}

async fn nothing_is_made_where_mailboxes_of_others_are_shown(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let before = paths(&store, alice).await;
    for path in [OTHERS.to_owned(), format!("{OTHERS}/bob@example.org/x")] {
        let made = store.create_mailbox(alice, &path, None).await;
        assert!(matches!(made, Err(Error::InvalidName { .. })), "{made:?}");
        let renamed = store.rename_mailbox(alice, "Archive", &path).await;
        assert!(
            matches!(renamed, Err(Error::InvalidName { .. })),
            "{renamed:?}"
        );
        // Subscribed they may be (RFC 3501 §6.3.6).
        store.set_subscribed(alice, &path, true).await.unwrap();
    }
    assert_eq!(paths(&store, alice).await, before);
    store
        .create_mailbox(alice, &format!("{OTHERS}2"), None)
        .await
        .unwrap();
    assert_sound(&store).await;
}

async fn only_the_expected_mailbox_goes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let drop = store.create_mailbox(alice, "Drop", None).await.unwrap().id;
    // Between the look at its rights and its end another one takes its place.
    store.rename_mailbox(alice, "Drop", "Old").await.unwrap();
    store
        .rename_mailbox(alice, "Archive", "Drop")
        .await
        .unwrap();
    let gone = store.delete_mailbox_if(alice, "Drop", Some(drop)).await;
    assert!(matches!(gone, Err(Error::NoSuchMailbox(_))), "{gone:?}");
    let moved = store
        .rename_mailbox_if(alice, "Drop", "Else", Some(drop))
        .await;
    assert!(matches!(moved, Err(Error::NoSuchMailbox(_))), "{moved:?}");
    store
        .delete_mailbox_if(alice, "Old", Some(drop))
        .await
        .unwrap();
    assert_sound(&store).await;
}
