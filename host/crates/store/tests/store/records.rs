//! Records of an account, alone and with what is queued.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{
    AccountId, Error, MAX_RECORD, NewRecipient, NewRecord, Notify, Outgoing, QueueEnvelope,
    QueueFilter, QueuePage, Recalled, RecordKind, Store,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    records_come_change_and_go;
    what_changed_is_told_in_parts;
    there_are_only_so_many;
    what_was_destroyed_is_forgotten_some_day;
    records_go_with_their_account;
    a_message_and_its_record_are_one;
    what_waits_is_called_back;
}

fn record(account: AccountId, id: i64, value: &str) -> NewRecord {
    NewRecord {
        account,
        kind: RecordKind::Submission,
        id,
        value: value.into(),
    }
}

async fn values(store: &Store, account: AccountId) -> Vec<(i64, String)> {
    let records = store.records(account, RecordKind::Submission).await;
    let records = records.unwrap().into_iter();
    records.map(|record| (record.id, record.value)).collect()
}

fn outgoing(queue_id: &str, due: i64) -> Outgoing {
    Outgoing {
        content: "Subject: x\r\n\r\n".into(),
        envelope: QueueEnvelope {
            queue_id: queue_id.into(),
            sender: "alice@example.org".into(),
            expires: i64::MAX,
            ..QueueEnvelope::default()
        },
        recipients: vec![NewRecipient {
            address: "bob@elsewhere.example".into(),
            destination: "elsewhere.example".into(),
            notify: Notify::NOT_ASKED,
            orcpt: String::new(),
        }],
        due,
        held: false,
    }
}

async fn queued(store: &Store, queue_id: &str) -> usize {
    let page = QueuePage {
        filter: QueueFilter::QueueId(queue_id.into()),
        held: None,
        after: None,
        limit: 10,
    };
    store.queue(&page).await.unwrap().len()
}

async fn records_come_change_and_go(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let first = store
        .put_record(record(alice, 7, "one"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.after, first.before + 1);
    store
        .put_record(record(alice, 8, "two"))
        .await
        .unwrap()
        .unwrap();
    store
        .put_record(record(bob, 7, "other"))
        .await
        .unwrap()
        .unwrap();
    let changed = store
        .put_record(record(alice, 7, "more"))
        .await
        .unwrap()
        .unwrap();
    let wanted = [(7, "more".to_owned()), (8, "two".to_owned())];
    assert_eq!(values(&store, alice).await, wanted);
    let since = |state| store.records_changed(alice, RecordKind::Submission, state, None);
    let all = since(first.before).await.unwrap().unwrap();
    assert_eq!((all.created, all.until), (vec![7, 8], changed.after));
    let later = since(first.after).await.unwrap().unwrap();
    assert_eq!((later.created, later.updated), (vec![8], vec![7]));
    let gone = store.remove_record(alice, RecordKind::Submission, 7).await;
    assert!(gone.unwrap().is_some());
    let again = store.remove_record(alice, RecordKind::Submission, 7).await;
    assert!(again.unwrap().is_none());
    let later = since(first.after).await.unwrap().unwrap();
    assert_eq!((later.created, later.destroyed), (vec![8], vec![7]));
    // What came and went in between is not told of.
    assert!(
        since(first.before)
            .await
            .unwrap()
            .unwrap()
            .destroyed
            .is_empty()
    );
    assert!(since(u64::MAX >> 1).await.unwrap().is_none());
    let other = store
        .records_changed(alice, RecordKind::Identity, first.before, None)
        .await;
    assert!(other.unwrap().unwrap().created.is_empty());
    let large = record(alice, 9, &"x".repeat(MAX_RECORD + 1));
    assert!(matches!(
        store.put_record(large).await,
        Err(Error::TooLarge { .. })
    ));
    // All identities of an account are read at once.
    let large = NewRecord {
        kind: RecordKind::Identity,
        ..record(alice, 9, &"x".repeat(64 * 1024 + 1))
    };
    assert!(matches!(
        store.put_record(large).await,
        Err(Error::TooLarge { .. })
    ));
    assert_sound(&store).await;
}

async fn what_changed_is_told_in_parts(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let put = async |id, value: &str| {
        let put = store.put_record(record(alice, id, value)).await;
        put.unwrap().unwrap()
    };
    let first = put(1, "one").await;
    put(2, "two").await;
    put(3, "came and went").await;
    put(4, "four").await;
    put(2, "more").await;
    put(1, "more").await;
    let removed = store.remove_record(alice, RecordKind::Submission, 3).await;
    let last = removed.unwrap().unwrap();
    // Whoever follows in parts of any size has in the end what there is, and all that changed was told behind its last change.
    for most in 1..6 {
        let (mut state, mut known, mut told) = (first.after, vec![1], Vec::new());
        loop {
            let page = store.records_changed(alice, RecordKind::Submission, state, Some(most));
            let page = page.await.unwrap().unwrap();
            let all = [&page.created, &page.updated, &page.destroyed];
            let count: usize = all.iter().map(|ids| ids.len()).sum();
            assert!(count <= most && page.until > state, "{page:?}");
            assert!(
                !page.created.iter().any(|id| known.contains(id)),
                "{page:?}"
            );
            assert!(page.updated.iter().all(|id| known.contains(id)), "{page:?}");
            known.extend(&page.created);
            known.retain(|id| !page.destroyed.contains(id));
            told.extend(all.into_iter().flatten().copied());
            state = page.until;
            if !page.more {
                break;
            }
        }
        known.sort_unstable();
        assert_eq!((known, state), (vec![1, 2, 4], last.after), "{most}");
        assert!([1, 2, 4].iter().all(|id| told.contains(id)), "{told:?}");
    }
    assert_sound(&store).await;
}

async fn there_are_only_so_many(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let identity = |id| NewRecord {
        kind: RecordKind::Identity,
        ..record(alice, id, "x")
    };
    let mut id = 0;
    while store.put_record(identity(id)).await.unwrap().is_some() {
        id += 1;
        assert!(id < 10_000);
    }
    assert!(store.put_record(identity(0)).await.unwrap().is_some());
    assert_eq!(
        store
            .records(alice, RecordKind::Identity)
            .await
            .unwrap()
            .len(),
        usize::try_from(id).unwrap()
    );
}

async fn what_was_destroyed_is_forgotten_some_day(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    store.put_record(record(alice, 7, "one")).await.unwrap();
    store
        .remove_record(alice, RecordKind::Submission, 7)
        .await
        .unwrap();
    // Mail that leaves raises the floor, when it is forgotten itself.
    let uid = crate::setup::put(&store, alice, "mail").await;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let one = [waxwing_store::UidRange::one(uid)];
    store.expunge(alice, inbox, &one, false).await.unwrap();
    assert_eq!(setup.count("records").await, 1);
    setup.advance(Duration::from_secs(400 * 24 * 3600));
    store.sweep().await.unwrap();
    assert_eq!(setup.count("records").await, 0);
    let told = store
        .records_changed(alice, RecordKind::Submission, 1, None)
        .await;
    assert!(told.unwrap().is_none());
}

async fn records_go_with_their_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await;
    store.put_record(record(alice.id, 7, "one")).await.unwrap();
    store.remove_account(&alice.address).await.unwrap();
    assert_eq!(setup.count("records").await, 0);
}

async fn a_message_and_its_record_are_one(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let local = delivery("local", vec![target(alice)]);
    let kept = record(alice, 7, "sent");
    let sent = store.submit_with(vec![local], Vec::new(), vec![outgoing("q1", 0)], Some(kept));
    let sent = sent.await.unwrap();
    assert_eq!((sent.stored.len(), sent.legs.len()), (1, 1));
    assert_eq!(values(&store, alice).await, [(7, "sent".to_owned())]);
    // Nothing of it, where a part is refused.
    let mut nowhere = target(alice);
    nowhere.mailbox = waxwing_store::Place::Id(waxwing_store::MailboxId(i64::MAX));
    let local = delivery("local", vec![nowhere]);
    let kept = record(alice, 8, "not sent");
    let sent = store.submit_with(vec![local], Vec::new(), vec![outgoing("q2", 0)], Some(kept));
    assert!(matches!(sent.await, Err(Error::NoSuchMailbox(_))));
    assert_eq!(values(&store, alice).await.len(), 1);
    assert_eq!(queued(&store, "q2").await, 0);
    assert_sound(&store).await;
}

async fn what_waits_is_called_back(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let far = i64::MAX / 2;
    for (queue_id, due) in [("later", far), ("now", 0)] {
        let kept = record(alice, due, "sent");
        let sent = store.submit_with(
            Vec::new(),
            Vec::new(),
            vec![outgoing(queue_id, due)],
            Some(kept),
        );
        sent.await.unwrap();
    }
    let canceled = || record(alice, far, "canceled");
    let called = store.recall("later", canceled()).await.unwrap();
    assert!(matches!(called, Recalled::Yes(change) if change.after == change.before + 1));
    assert_eq!(queued(&store, "later").await, 0);
    // Somebody is at it.
    let leased = store.lease("here", far, 10, &[]).await.unwrap();
    assert_eq!(leased.len(), 1);
    let refused = store.recall("now", record(alice, 0, "canceled")).await;
    assert_eq!(refused.unwrap(), Recalled::No);
    assert_eq!(queued(&store, "now").await, 1);
    // What is not there any more.
    assert_eq!(
        store.recall("later", canceled()).await.unwrap(),
        Recalled::No
    );
    let wanted = [(0, "sent".to_owned()), (far, "canceled".to_owned())];
    assert_eq!(values(&store, alice).await, wanted);
    assert_sound(&store).await;
}
