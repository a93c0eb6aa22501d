//! What clients note of mailboxes.

use std::sync::Arc;

use waxwing_store::{
    AccountId, Error, MAX_METADATA, MAX_METADATA_ENTRIES, MAX_METADATA_VALUE, MetadataChange,
    MetadataOf, Result, Store,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound};

on_both! {
    what_is_shared_is_seen_and_what_is_ones_own_is_not;
    all_entries_change_or_none;
    entries_go_with_their_mailbox_and_account;
    entries_are_bounded;
}

fn entry(name: &str, value: Option<&str>) -> MetadataChange {
    let (scope, rest) = name.split_at(name[1..].find('/').unwrap() + 1);
    MetadataChange {
        private: scope == "/private",
        name: rest.to_owned(),
        value: value.map(|value| value.as_bytes().to_vec()),
    }
}

async fn set(store: &Store, of: MetadataOf, who: AccountId, name: &str, value: &str) -> Result<()> {
    let change = vec![entry(name, Some(value))];
    store.set_metadata(of, who, change).await
}

/// Names and values, as one text.
async fn told(store: &Store, of: MetadataOf, who: AccountId) -> String {
    let entries = store.metadata(of, who).await.unwrap();
    let told = entries.iter().map(|entry| {
        let scope = if entry.private { "private" } else { "shared" };
        let value = String::from_utf8_lossy(&entry.value);
        format!("/{scope}{}={value}", entry.name)
    });
    told.collect::<Vec<_>>().join(" ")
}

async fn what_is_shared_is_seen_and_what_is_ones_own_is_not(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    for (who, name, value) in [
        (alice, "/shared/comment", "for all"),
        (alice, "/private/comment", "mine"),
        (bob, "/private/comment", "bob's"),
        (bob, "/shared/vendor/x", "by bob"),
        (alice, "/shared/comment", "for all of you"),
    ] {
        set(&store, of, who, name, value).await.unwrap();
    }
    let shared = "/shared/comment=for all of you /shared/vendor/x=by bob";
    let own = format!("{shared} /private/comment=mine");
    assert_eq!(told(&store, of, alice).await, own);
    let other = format!("{shared} /private/comment=bob's");
    assert_eq!(told(&store, of, bob).await, other);
    let server = MetadataOf::Server;
    set(&store, server, bob, "/private/comment", "of the server")
        .await
        .unwrap();
    assert_eq!(told(&store, server, alice).await, "");
    let told = told(&store, server, bob).await;
    assert_eq!(told, "/private/comment=of the server");
    assert!(matches!(
        set(&store, server, bob, "/shared/comment", "x").await,
        Err(Error::NotAllowed(_))
    ));
    let wrong = MetadataOf::Mailbox(bob, inbox);
    assert!(matches!(
        set(&store, wrong, bob, "/shared/comment", "x").await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert_sound(&store).await;
}

async fn all_entries_change_or_none(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    let large = "x".repeat(MAX_METADATA_VALUE + 1);
    let changes = vec![
        entry("/private/a", Some("1")),
        entry("/shared/b", Some(&large)),
    ];
    assert!(matches!(
        store.set_metadata(of, alice, changes).await,
        Err(Error::TooLarge {
            what: "metadata value",
            ..
        })
    ));
    assert_eq!(told(&store, of, alice).await, "");
    let changes = vec![
        entry("/private/a", Some("1")),
        entry("/shared/b", Some("\0")),
        entry("/shared/none", None),
    ];
    store.set_metadata(of, alice, changes).await.unwrap();
    assert_eq!(told(&store, of, alice).await, "/shared/b=\0 /private/a=1");
    let changes = vec![entry("/private/a", None), entry("/shared/b", Some(""))];
    store.set_metadata(of, alice, changes).await.unwrap();
    assert_eq!(told(&store, of, alice).await, "/shared/b=");
}

async fn entries_go_with_their_mailbox_and_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let made = store
        .create_mailbox(alice, "box/below", None)
        .await
        .unwrap();
    let of = MetadataOf::Mailbox(alice, made.id);
    for who in [alice, bob] {
        set(&store, of, who, "/private/comment", "own")
            .await
            .unwrap();
    }
    set(&store, of, alice, "/shared/comment", "all")
        .await
        .unwrap();
    store
        .rename_mailbox(alice, "box/below", "moved")
        .await
        .unwrap();
    assert_eq!(
        told(&store, of, bob).await,
        "/shared/comment=all /private/comment=own"
    );
    store.delete_mailbox(alice, "moved").await.unwrap();
    assert_eq!(setup.count("metadata").await, 0);
    // An INBOX that is renamed keeps them, and what it becomes has them, too.
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    set(&store, of, alice, "/shared/comment", "all")
        .await
        .unwrap();
    set(&store, of, bob, "/private/comment", "own")
        .await
        .unwrap();
    store.rename_mailbox(alice, "INBOX", "old").await.unwrap();
    let old = store.mailbox(alice, "old").await.unwrap().id;
    for mailbox in [inbox, old] {
        let of = MetadataOf::Mailbox(alice, mailbox);
        assert_eq!(told(&store, of, alice).await, "/shared/comment=all");
    }
    store.remove_account("bob@example.org").await.unwrap();
    assert_eq!(setup.count("metadata").await, 2);
    store.remove_account("alice@example.org").await.unwrap();
    assert_eq!(setup.count("metadata").await, 0);
    assert_sound(&store).await;
}

async fn entries_are_bounded(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    for number in 0..MAX_METADATA_ENTRIES {
        let name = format!("/shared/{number}");
        set(&store, of, alice, &name, "").await.unwrap();
    }
    let more = set(&store, of, bob, "/shared/more", "").await;
    assert!(matches!(
        more,
        Err(Error::TooLarge {
            what: "metadata",
            ..
        })
    ));
    set(&store, of, bob, "/private/more", "").await.unwrap();
    set(&store, of, alice, "/shared/0", "again").await.unwrap();
    // What is shared in a mailbox counts for its owner, whoever noted it.
    let value = "x".repeat(MAX_METADATA_VALUE);
    let fit = usize::try_from(MAX_METADATA).unwrap() / MAX_METADATA_VALUE;
    assert_eq!(fit, MAX_METADATA_ENTRIES);
    for number in 1..MAX_METADATA_ENTRIES {
        let name = format!("/shared/{number}");
        set(&store, of, bob, &name, &value).await.unwrap();
    }
    let drafts = store.mailbox(alice, "Drafts").await.unwrap().id;
    let drafts = MetadataOf::Mailbox(alice, drafts);
    let more = set(&store, drafts, bob, "/shared/x", &value).await;
    assert!(matches!(
        more,
        Err(Error::TooLarge {
            what: "metadata",
            ..
        })
    ));
    set(&store, drafts, bob, "/private/x", &value)
        .await
        .unwrap();
    // A mailbox that an INBOX becomes has them only as far as there is room for them.
    let before = setup.count("metadata").await;
    store.rename_mailbox(alice, "INBOX", "old").await.unwrap();
    assert_eq!(setup.count("metadata").await, before);
    // Entries without a value are not free.
    let long = "x".repeat(MAX_METADATA_VALUE);
    let names = set(&store, drafts, bob, &format!("/shared/{long}"), "").await;
    assert!(matches!(
        names,
        Err(Error::TooLarge {
            what: "metadata",
            ..
        })
    ));
    // Less is always possible.
    set(&store, of, bob, "/shared/1", "less").await.unwrap();
    set(&store, drafts, bob, "/shared/x", &value).await.unwrap();
}
