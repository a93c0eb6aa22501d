//! The search index: packs of a mailbox, opaque here.

use std::sync::Arc;

use bytes::Bytes;
use waxwing_store::{
    AccountId, Error, MailboxId, PackOutline, Store, TextPack, TextPackChange, UidRange,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, put};

on_both! {
    packs_are_found_in_order;
    a_pack_replaces_what_it_is_made_of_and_nothing_else;
    packs_go_with_their_mailbox_and_account;
    packs_of_older_versions_are_forgotten;
    what_is_to_be_packed_is_found;
    changes_of_mailboxes_are_told_once;
    broken_packs_are_told_of;
}

const VERSION: i64 = 3;

fn range(first: u32, last: u32) -> UidRange {
    UidRange { first, last }
}

fn outline(first: u32, last: u32) -> PackOutline {
    PackOutline {
        uids: range(first, last),
        messages: last - first + 1,
    }
}

/// A pack of these UIDs in the place of others.
async fn pack(
    store: &Store,
    (account, mailbox): (AccountId, MailboxId),
    uids: UidRange,
    replaced: &[UidRange],
) -> Result<bool, Error> {
    let change = TextPackChange {
        account,
        mailbox,
        version: VERSION,
        replaced: replaced.to_vec(),
        pack: Some(TextPack {
            outline: outline(uids.first, uids.last),
            octets: Bytes::from(vec![0, 255, b'0' + u8::try_from(uids.first % 10).unwrap()]),
        }),
    };
    store.put_text_pack(change).await
}

async fn inbox(store: &Store, local: &str) -> (AccountId, MailboxId) {
    let account = account(store, local).await.id;
    (account, store.mailbox(account, "INBOX").await.unwrap().id)
}

async fn packs_are_found_in_order(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = inbox(&store, "alice").await;
    for first in (0..10).rev().map(|tens| 10 * tens + 1) {
        assert!(
            pack(&store, alice, range(first, first + 5), &[])
                .await
                .unwrap()
        );
    }
    let found = async |among, after| {
        let packs = store
            .text_packs(alice.1, VERSION, among, after)
            .await
            .unwrap();
        packs
            .iter()
            .map(|pack| pack.outline.uids.first)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(UidRange::ALL, 0).await,
        [1, 11, 21, 31, 41, 51, 61, 71]
    );
    assert_eq!(found(UidRange::ALL, 71).await, [81, 91]);
    assert!(found(UidRange::ALL, 91).await.is_empty());
    assert_eq!(found(range(16, 31), 0).await, [11, 21, 31]);
    assert!(found(range(17, 20), 0).await.is_empty());
    assert!(
        store
            .text_packs(alice.1, VERSION + 1, UidRange::ALL, 0)
            .await
            .unwrap()
            .is_empty()
    );
    let bob = inbox(&store, "bob").await;
    assert!(
        store
            .text_packs(bob.1, VERSION, UidRange::ALL, 0)
            .await
            .unwrap()
            .is_empty()
    );
    let first = store
        .text_packs(alice.1, VERSION, UidRange::one(3), 0)
        .await
        .unwrap();
    assert_eq!(*first[0].octets, [0, 255, b'1']);
    let outlines = store.text_pack_outlines(alice.1, VERSION).await.unwrap();
    assert_eq!((outlines.len(), outlines[1]), (10, outline(11, 16)));
    assert_sound(&store).await;
    store.close().await;
}

async fn a_pack_replaces_what_it_is_made_of_and_nothing_else(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = inbox(&store, "alice").await;
    let (one, two, three) = (range(1, 9), range(10, 19), range(20, 29));
    for uids in [one, two, three] {
        assert!(pack(&store, alice, uids, &[]).await.unwrap());
    }
    let all = store.text_pack_outlines(alice.1, VERSION).await.unwrap();
    for (uids, replaced) in [
        (range(9, 9), vec![]),
        (range(1, 19), vec![one]),
        (range(1, 19), vec![one, range(10, 18)]),
        (range(30, 39), vec![range(40, 49)]),
        (range(1, 19), vec![two, one]),
    ] {
        assert!(
            !pack(&store, alice, uids, &replaced).await.unwrap(),
            "{uids:?} for {replaced:?}"
        );
        assert_eq!(
            store.text_pack_outlines(alice.1, VERSION).await.unwrap(),
            all
        );
    }
    assert!(
        pack(&store, alice, range(2, 18), &[one, two])
            .await
            .unwrap()
    );
    let none = TextPackChange {
        account: alice.0,
        mailbox: alice.1,
        version: VERSION,
        replaced: vec![three],
        pack: None,
    };
    assert!(store.put_text_pack(none).await.unwrap());
    let left = store.text_pack_outlines(alice.1, VERSION).await.unwrap();
    assert_eq!(left, [outline(2, 18)]);
    // In another's mailbox, or in one that is not there.
    let bob = inbox(&store, "bob").await;
    for place in [(bob.0, alice.1), (alice.0, MailboxId(1 << 40))] {
        let refused = pack(&store, place, one, &[]).await;
        assert!(
            matches!(refused, Err(Error::NoSuchMailbox(_))),
            "{refused:?}"
        );
    }
    store.close().await;
}

async fn packs_go_with_their_mailbox_and_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = inbox(&store, "alice").await;
    let other = store.create_mailbox(alice.0, "Other", None).await.unwrap();
    let (other, bob) = ((alice.0, other.id), inbox(&store, "bob").await);
    for place in [alice, other, bob] {
        assert!(pack(&store, place, range(1, 9), &[]).await.unwrap());
    }
    store.delete_mailbox(alice.0, "Other").await.unwrap();
    store.remove_account("bob@example.org").await.unwrap();
    for (place, left) in [(alice, 1), (other, 0), (bob, 0)] {
        assert_eq!(
            store
                .text_pack_outlines(place.1, VERSION)
                .await
                .unwrap()
                .len(),
            left
        );
    }
    store.forget_text_packs(alice.0, alice.1).await.unwrap();
    assert!(
        store
            .text_pack_outlines(alice.1, VERSION)
            .await
            .unwrap()
            .is_empty()
    );
    assert_sound(&store).await;
    store.close().await;
}

async fn packs_of_older_versions_are_forgotten(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = inbox(&store, "alice").await;
    for first in [1, 11] {
        assert!(pack(&store, alice, range(first, first), &[]).await.unwrap());
    }
    while store.forget_older_text_packs(VERSION).await.unwrap() {}
    assert_eq!(
        store
            .text_pack_outlines(alice.1, VERSION)
            .await
            .unwrap()
            .len(),
        2
    );
    while store.forget_older_text_packs(VERSION + 1).await.unwrap() {}
    assert!(
        store
            .text_pack_outlines(alice.1, VERSION)
            .await
            .unwrap()
            .is_empty()
    );
    store.close().await;
}

async fn what_is_to_be_packed_is_found(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = inbox(&store, "alice").await;
    for number in 0..5 {
        put(&store, alice.0, &format!("{number}")).await;
    }
    let sources = store.pack_sources(alice.1, 2, 2).await.unwrap();
    assert_eq!(
        sources.iter().map(|source| source.uid).collect::<Vec<_>>(),
        [3, 4]
    );
    assert_eq!(
        store.blob(sources[0].blob).await.unwrap().len() as u64,
        sources[0].size
    );
    assert!(pack(&store, alice, range(1, 3), &[]).await.unwrap());
    let uids = [range(2, 2), range(5, 5)];
    store.expunge(alice.0, alice.1, &uids, false).await.unwrap();
    assert_eq!(
        store.text_packs_living(alice.1, VERSION).await.unwrap(),
        [(1, 2)]
    );
    let packings = store.packings(MailboxId(0)).await.unwrap();
    let packing = packings
        .iter()
        .find(|packing| packing.mailbox == alice.1)
        .unwrap();
    assert_eq!(packing.account, alice.0);
    assert_eq!((packing.uid_next, packing.messages), (6, 3));
    assert_eq!((packing.packed_to, packing.packed), (3, 3));
    let last = packings.last().unwrap().mailbox;
    assert!(store.packings(last).await.unwrap().is_empty());
    store.close().await;
}

async fn changes_of_mailboxes_are_told_once(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = inbox(&store, "alice").await;
    store.changed_mailboxes();
    put(&store, alice.0, "one").await;
    put(&store, alice.0, "two").await;
    assert_eq!(store.changed_mailboxes(), [alice]);
    assert!(store.changed_mailboxes().is_empty());
    store
        .expunge(alice.0, alice.1, &[UidRange::one(1)], false)
        .await
        .unwrap();
    assert_eq!(store.changed_mailboxes(), [alice]);
    // What is known of a mailbox does not change it.
    assert!(pack(&store, alice, range(2, 2), &[]).await.unwrap());
    assert!(store.changed_mailboxes().is_empty());
    store.forget_text_packs(alice.0, alice.1).await.unwrap();
    assert_eq!(store.changed_mailboxes(), [alice]);
    store.close().await;
}

async fn broken_packs_are_told_of(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = inbox(&store, "alice").await;
    assert!(pack(&store, alice, range(1, 9), &[]).await.unwrap());
    let columns = "text_packs (mailbox, first, last, version, messages, octets)";
    for (mailbox, first) in [(1 << 40, 1), (alice.1.0, 5)] {
        setup
            .sabotage(&format!("INSERT INTO {columns} SELECT {mailbox}, {first}, 12, 3, 1, octets FROM text_packs LIMIT 1"))
            .await;
    }
    let problems = store.verify().await.unwrap().problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems
            .iter()
            .all(|problem| problem.contains("search index")),
        "{problems:?}"
    );
    store.close().await;
}
