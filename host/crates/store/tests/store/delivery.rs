//! Delivery: what is stored, where, and what is refused.

use std::collections::HashSet;
use std::sync::Arc;

use waxwing_store::{
    AccountId, Error, Flags, MailboxId, Place, SpecialUse, Target, UidRange, Usage,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, put, target};

on_both! {
    one_content_for_many_targets;
    places_are_found_and_made;
    a_refused_job_leaves_its_neighbours_alone;
    several_forms_are_stored_all_or_none;
    one_copy_for_a_mailbox_of_many_names;
    what_cannot_be_made_goes_to_inbox;
    many_at_once_get_ascending_uids;
    large_contents_are_files;
    uids_go_on_after_reopening;
    limits_hold;
}

async fn one_content_for_many_targets(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (account(&store, "alice").await, account(&store, "bob").await);
    let seen = Target {
        flags: Flags::SEEN,
        keywords: vec!["$Own".to_owned()],
        ..target(bob.id)
    };
    let stored = store
        .deliver(delivery("one", vec![target(alice.id), seen]))
        .await
        .unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0].blob, stored[1].blob);
    assert_eq!((stored[0].uid, stored[1].uid), (1, 1));
    let fetched = store
        .fetch(bob.id, stored[1].mailbox, &[UidRange::ALL], true)
        .await
        .unwrap();
    assert_eq!(fetched[0].flags.flags, Flags::SEEN);
    assert_eq!(fetched[0].flags.keywords, ["$Own"]);
    assert_eq!(
        (
            fetched[0].size,
            fetched[0].internal_date,
            fetched[0].internal_offset
        ),
        (3, 1_600_000_000_000, -90)
    );
    assert_eq!(&fetched[0].summary[..], b"summary");
    assert_eq!(store.blob(stored[0].blob).await.unwrap(), "one");
    assert_eq!(store.read_blob(stored[0].blob, 1, 1).await.unwrap(), "n");
    assert_eq!(store.read_blob(stored[0].blob, 9, 1).await.unwrap(), "");
    assert_eq!(
        store.usage(alice.id).await.unwrap(),
        Usage {
            bytes: 3,
            messages: 1
        }
    );
    assert_eq!(
        store.domain_usage("example.org").await.unwrap(),
        Usage {
            bytes: 6,
            messages: 2
        }
    );
    store
        .expunge(alice.id, stored[0].mailbox, &[UidRange::ALL], false)
        .await
        .unwrap();
    assert_eq!(store.blob(stored[0].blob).await.unwrap(), "one");
    store
        .expunge(bob.id, stored[1].mailbox, &[UidRange::ALL], false)
        .await
        .unwrap();
    assert!(matches!(
        store.blob(stored[0].blob).await,
        Err(Error::NoSuchBlob(_))
    ));
    assert_sound(&store).await;
}

async fn places_are_found_and_made(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let to = |mailbox| {
        delivery(
            "x",
            vec![Target {
                mailbox,
                ..target(alice)
            }],
        )
    };
    let junk = store.mailbox(alice, "Junk").await.unwrap().id;
    assert_eq!(
        store
            .deliver(to(Place::Use(SpecialUse::Junk)))
            .await
            .unwrap()[0]
            .mailbox,
        junk
    );
    assert_eq!(store.deliver(to(Place::Id(junk))).await.unwrap()[0].uid, 2);
    let inbox = store.mailbox(alice, "inbox").await.unwrap().id;
    assert_eq!(
        store
            .deliver(to(Place::Use(SpecialUse::All)))
            .await
            .unwrap()[0]
            .mailbox,
        inbox
    );
    let path = |path: &str, create| Place::Path {
        path: path.to_owned(),
        create,
    };
    assert!(matches!(
        store.deliver(to(path("lists/rust", false))).await,
        Err(Error::NoSuchMailbox(_))
    ));
    let made = store.deliver(to(path("lists/rust", true))).await.unwrap()[0].mailbox;
    assert_eq!(store.mailbox(alice, "lists/rust").await.unwrap().id, made);
    assert_eq!(
        store.deliver(to(path("lists/rust", true))).await.unwrap()[0].uid,
        2
    );
    assert!(store.mailbox(alice, "lists").await.unwrap().selectable);
    assert!(matches!(
        store.deliver(to(path("a//b", true))).await,
        Err(Error::InvalidName { .. })
    ));
    assert_sound(&store).await;
}

async fn a_refused_job_leaves_its_neighbours_alone(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bad = Target {
        mailbox: Place::Id(MailboxId(999_999)),
        ..target(alice)
    };
    let jobs = (0..60).map(|i| {
        let targets = match i % 3 {
            0 => vec![target(alice)],
            1 => vec![target(alice), bad.clone()],
            _ => vec![target(AccountId(888_888))],
        };
        let store = store.clone();
        async move { store.deliver(delivery(format!("{i}"), targets)).await }
    });
    for (i, result) in futures_util::future::join_all(jobs)
        .await
        .into_iter()
        .enumerate()
    {
        match i % 3 {
            0 => assert_eq!(result.unwrap().len(), 1),
            1 => assert!(matches!(result, Err(Error::NoSuchMailbox(_)))),
            _ => assert!(matches!(result, Err(Error::NoSuchAccount(_)))),
        }
    }
    assert_eq!(store.mailbox(alice, "INBOX").await.unwrap().messages, 20);
    assert_sound(&store).await;
}

async fn several_forms_are_stored_all_or_none(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (account(&store, "alice").await, account(&store, "bob").await);
    let nowhere = Target {
        mailbox: Place::Path {
            path: "Nowhere".to_owned(),
            create: false,
        },
        ..target(bob.id)
    };
    let large = "two ".repeat(50_000);
    let forms = vec![
        delivery(large.clone(), vec![target(alice.id)]),
        delivery("two", vec![nowhere]),
    ];
    let refused = store.deliver_all(forms).await;
    assert!(
        matches!(refused, Err(Error::NoSuchMailbox(_))),
        "{refused:?}"
    );
    assert_eq!(store.usage(alice.id).await.unwrap(), Usage::default());
    assert_eq!(files(&setup), 0, "the large form's file is gone");
    let forms = vec![
        delivery(large.clone(), vec![target(alice.id)]),
        delivery("two", vec![target(bob.id), target(alice.id)]),
    ];
    let stored = store.deliver_all(forms).await.unwrap();
    let uids: Vec<_> = stored.iter().map(|s| (s.account, s.uid)).collect();
    assert_eq!(uids, [(alice.id, 1), (bob.id, 1)], "one copy a mailbox");
    assert_eq!(store.blob(stored[0].blob).await.unwrap(), large.as_bytes());
    assert_sound(&store).await;
}

async fn one_copy_for_a_mailbox_of_many_names(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let to = |mailbox, flags, keyword: &str| Target {
        mailbox,
        flags,
        keywords: vec![keyword.to_owned()],
        account: alice,
    };
    let made = |path: &str| Place::Path {
        path: path.to_owned(),
        create: true,
    };
    let forms = vec![
        delivery(
            "one",
            vec![
                to(Place::Inbox, Flags::SEEN, "a"),
                to(made("New"), Flags::NONE, "x"),
            ],
        ),
        delivery(
            "L".repeat(100_000),
            vec![
                to(Place::Id(inbox), Flags::FLAGGED, "b"),
                to(made("New"), Flags::SEEN, "x"),
                // Nothing is used for all mail: INBOX.
                to(Place::Use(SpecialUse::All), Flags::NONE, "c"),
            ],
        ),
    ];
    let stored = store.deliver_all(forms).await.unwrap();
    assert_eq!(stored.len(), 2, "{stored:?}");
    assert_eq!(stored[0].mailbox, inbox);
    assert_eq!(files(&setup), 0, "the file of a form that nobody has");
    let fetched = store
        .fetch(alice, inbox, &[UidRange::ALL], false)
        .await
        .unwrap();
    assert_eq!(fetched.len(), 1);
    assert_eq!(fetched[0].flags.flags, Flags::SEEN | Flags::FLAGGED);
    assert_eq!(fetched[0].flags.keywords, ["a", "b", "c"]);
    assert_sound(&store).await;
}

async fn what_cannot_be_made_goes_to_inbox(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let others = "Other users/bob@example.org/x".to_owned();
    for path in [
        "x".repeat(600),
        "a//b".to_owned(),
        "a/".repeat(100) + "a",
        others,
    ] {
        let target = Target {
            mailbox: Place::Path { path, create: true },
            ..target(alice)
        };
        let stored = store.deliver_all(vec![delivery("one", vec![target])]).await;
        let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
        assert_eq!(stored.unwrap()[0].mailbox, inbox);
    }
    assert_sound(&store).await;
}

async fn many_at_once_get_ascending_uids(setup: Arc<Setup>) {
    let store = setup.open().await;
    let mut accounts = Vec::new();
    for i in 0..5 {
        accounts.push(account(&store, &format!("user{i}")).await.id);
    }
    let tasks: Vec<_> = (0..20usize)
        .map(|task| {
            let (store, accounts) = (store.clone(), accounts.clone());
            tokio::spawn(async move {
                let mut last = vec![(0, 0); accounts.len()];
                for i in 0..20usize {
                    let at = (task + i) % accounts.len();
                    let stored = store
                        .deliver(delivery(format!("{task}/{i}"), vec![target(accounts[at])]))
                        .await
                        .unwrap()
                        .remove(0);
                    assert!((stored.uid, stored.modseq) > last[at] && stored.modseq > last[at].1);
                    last[at] = (stored.uid, stored.modseq);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut contents = HashSet::new();
    for account in accounts {
        let inbox = store.mailbox(account, "INBOX").await.unwrap();
        let messages = store
            .fetch(account, inbox.id, &[UidRange::ALL], false)
            .await
            .unwrap();
        assert!(messages.iter().map(|m| m.flags.uid).eq(1..=80));
        for message in messages {
            contents.insert(store.blob(message.blob).await.unwrap());
        }
    }
    assert_eq!(contents.len(), 400);
    assert_sound(&store).await;
}

async fn large_contents_are_files(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let large: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    let stored = store
        .deliver(delivery(large.clone(), vec![target(alice), target(alice)]))
        .await
        .unwrap();
    assert_eq!(files(&setup), 1);
    assert_eq!(
        store.read_blob(stored[0].blob, 199_990, 100).await.unwrap(),
        large[199_990..]
    );
    assert_eq!(store.blob(stored[0].blob).await.unwrap(), large);
    assert_sound(&store).await;
    let nowhere = Target {
        mailbox: Place::Id(MailboxId(1)),
        ..target(alice)
    };
    store
        .deliver(delivery(large, vec![nowhere]))
        .await
        .unwrap_err();
    assert_eq!(
        files(&setup),
        1,
        "the file of a refused delivery goes at once"
    );
    store
        .expunge(alice, stored[0].mailbox, &[UidRange::one(1)], false)
        .await
        .unwrap();
    store.sweep().await.unwrap();
    assert_eq!(files(&setup), 1);
    store
        .expunge(alice, stored[0].mailbox, &[UidRange::one(2)], false)
        .await
        .unwrap();
    store.sweep().await.unwrap();
    assert_eq!(files(&setup), 0);
    assert_sound(&store).await;
}

/// Files of contents.
fn files(setup: &Setup) -> usize {
    let directories = std::fs::read_dir(setup.directory.path().join("blobs")).unwrap();
    directories
        .filter(|d| d.as_ref().unwrap().file_type().unwrap().is_dir())
        .map(|d| std::fs::read_dir(d.unwrap().path()).unwrap().count())
        .sum()
}

async fn uids_go_on_after_reopening(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    assert_eq!(put(&store, alice, "1").await, 1);
    assert_eq!(put(&store, alice, "2").await, 2);
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    store
        .expunge(alice, inbox.id, &[UidRange::one(2)], false)
        .await
        .unwrap();
    store.close().await;
    assert!(matches!(
        store.deliver(delivery("3", vec![target(alice)])).await,
        Err(Error::Closed)
    ));
    drop(store);
    let store = setup.open().await;
    assert_eq!(put(&store, alice, "3").await, 3);
    assert_eq!(
        store.mailbox(alice, "INBOX").await.unwrap().uid_validity,
        inbox.uid_validity
    );
    assert_sound(&store).await;
}

async fn limits_hold(setup: Arc<Setup>) {
    let mut config = setup.config();
    config.max_content = 1000;
    let store = waxwing_store::Store::open(config).await.unwrap();
    let alice = account(&store, "alice").await.id;
    assert!(matches!(
        store
            .deliver(delivery(vec![0; 1001], vec![target(alice)]))
            .await,
        Err(Error::TooLarge { .. })
    ));
    let bad = Target {
        keywords: vec!["two words".to_owned()],
        ..target(alice)
    };
    assert!(matches!(
        store.deliver(delivery("x", vec![bad])).await,
        Err(Error::InvalidName { .. })
    ));
    let crowd = Target {
        keywords: (0..100).map(|i| format!("k{i}")).collect(),
        ..target(alice)
    };
    assert!(matches!(
        store.deliver(delivery("x", vec![crowd])).await,
        Err(Error::TooLarge { .. })
    ));
    put(&store, alice, "").await;
    assert_sound(&store).await;
}
