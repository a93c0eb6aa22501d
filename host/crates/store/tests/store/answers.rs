//! Automatic answers: what an account has set, and who was told.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{
    AccountId, Answered, Error, NewAnswer, NewRecipient, NewRecord, Notify, Outgoing,
    QueueEnvelope, QueueFilter, QueuePage, RecordKind, Store,
};

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound, delivery, target};

on_both! {
    what_is_set_is_looked_up;
    what_is_set_at_another_host_is_looked_up;
    nobody_is_told_twice_within_a_while;
    an_account_answers_only_so_often;
    of_several_at_once_one_is_given;
    an_answer_that_cannot_be_stored_was_not_given;
    answers_go_with_their_account;
}

const DAY: i64 = 24 * 3600 * 1000;

fn vacation(account: AccountId, value: &str) -> NewRecord {
    NewRecord {
        account,
        kind: RecordKind::Vacation,
        id: 1,
        value: value.into(),
    }
}

fn answer(account: AccountId, sender: &str) -> NewAnswer {
    NewAnswer {
        account,
        sender: sender.into(),
        handle: String::new(),
        period: 7 * DAY,
        most_a_day: 100,
    }
}

fn outgoing(queue_id: &str) -> Outgoing {
    Outgoing {
        content: format!("Subject: {queue_id}\r\n\r\n").into(),
        envelope: QueueEnvelope {
            queue_id: queue_id.into(),
            expires: i64::MAX,
            ..QueueEnvelope::default()
        },
        recipients: vec![NewRecipient {
            address: "bob@elsewhere.example".into(),
            destination: "elsewhere.example".into(),
            notify: Notify::NOT_ASKED,
            orcpt: String::new(),
        }],
        due: 0,
        held: false,
    }
}

/// Whether an answer is given.
async fn gives(store: &Store, answer: NewAnswer) -> bool {
    let given = store.respond(answer, Vec::new(), vec![outgoing("Q")]);
    matches!(given.await.unwrap(), Answered::Yes(_))
}

async fn queued(store: &Store) -> usize {
    let page = QueuePage {
        filter: QueueFilter::QueueId("Q".into()),
        held: None,
        after: None,
        limit: 100,
    };
    store.queue(&page).await.unwrap().len()
}

async fn what_is_set_is_looked_up(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    assert_eq!(store.vacation(alice).await.unwrap(), None);
    let before = store.account_state(alice).await.unwrap();
    let put = store.put_record(vacation(alice, "one")).await.unwrap();
    let found = store.vacation(alice).await.unwrap().unwrap();
    assert_eq!(
        (found.value.as_str(), found.changed),
        ("one", put.unwrap().after)
    );
    let news = store.account_news(alice, before).await.unwrap();
    assert!(news.vacation && !news.identities && !news.submissions && !news.emails);
    store.put_record(vacation(alice, "two")).await.unwrap();
    let found = store.vacation(alice).await.unwrap().unwrap();
    assert_eq!(found.value, "two");
    assert_eq!(store.vacation(bob).await.unwrap(), None);
    let second = NewRecord {
        id: 2,
        ..vacation(alice, "three")
    };
    assert_eq!(
        store.put_record(second).await.unwrap(),
        None,
        "there is one"
    );
    let removed = store.remove_record(alice, RecordKind::Vacation, 1).await;
    assert!(removed.unwrap().is_some());
    assert_eq!(store.vacation(alice).await.unwrap(), None);
}

async fn what_is_set_at_another_host_is_looked_up(setup: Arc<Setup>) {
    // Only PostgreSQL has two hosts.
    if setup.kind == Kind::Sqlite {
        return;
    }
    let (here, there) = (setup.open().await, setup.open().await);
    let alice = account(&here, "alice").await.id;
    assert_eq!(here.vacation(alice).await.unwrap(), None);
    for value in ["one", "two"] {
        there.put_record(vacation(alice, value)).await.unwrap();
        let found = here.vacation(alice).await.unwrap().unwrap();
        assert_eq!(found.value, value);
    }
    let removed = there.remove_record(alice, RecordKind::Vacation, 1).await;
    assert!(removed.unwrap().is_some());
    assert_eq!(here.vacation(alice).await.unwrap(), None);
}

async fn nobody_is_told_twice_within_a_while(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let to_carol = || answer(alice, "carol@example.net");
    assert!(gives(&store, to_carol()).await);
    assert!(!gives(&store, to_carol()).await);
    assert!(!gives(&store, answer(alice, "Carol@Example.NET")).await);
    assert!(gives(&store, answer(alice, "dave@example.net")).await);
    assert!(gives(&store, answer(bob, "carol@example.net")).await);
    let other = NewAnswer {
        handle: "another answer".into(),
        ..to_carol()
    };
    assert!(gives(&store, other).await);
    assert_eq!(queued(&store).await, 4, "what is not given is not queued");
    setup.advance(Duration::from_secs(6 * 24 * 3600));
    store.sweep().await.unwrap();
    assert!(!gives(&store, to_carol()).await);
    setup.advance(Duration::from_secs(24 * 3600));
    assert!(gives(&store, to_carol()).await);
    setup.advance(Duration::from_secs(8 * 24 * 3600));
    store.sweep().await.unwrap();
    assert!(gives(&store, to_carol()).await);
    store.close().await;
    let store = setup.open().await;
    assert!(!gives(&store, to_carol()).await, "it is remembered");
}

async fn an_account_answers_only_so_often(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let to = |sender: &str| NewAnswer {
        period: DAY / 24,
        most_a_day: 2,
        ..answer(alice, sender)
    };
    assert!(gives(&store, to("a@example.net")).await);
    assert!(gives(&store, to("b@example.net")).await);
    let third = store.respond(to("c@example.net"), Vec::new(), vec![outgoing("Q")]);
    assert_eq!(third.await.unwrap(), Answered::TooMany);
    // What is forgotten for its sender counts for the day still.
    setup.advance(Duration::from_secs(2 * 3600));
    store.sweep().await.unwrap();
    assert!(!gives(&store, to("c@example.net")).await);
    setup.advance(Duration::from_secs(23 * 3600));
    assert!(gives(&store, to("c@example.net")).await);
}

async fn of_several_at_once_one_is_given(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        tasks.spawn(async move { gives(&store, answer(alice, "carol@example.net")).await });
    }
    let given = tasks.join_all().await;
    assert_eq!(given.into_iter().filter(|given| *given).count(), 1);
    assert_eq!(queued(&store).await, 1);
    assert_sound(&store).await;
}

async fn an_answer_that_cannot_be_stored_was_not_given(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let nobody = AccountId(alice.0 + 1000);
    let lost = vec![delivery("Subject: x\r\n\r\n", vec![target(nobody)])];
    let to_carol = || answer(alice, "carol@example.net");
    let failed = store.respond(to_carol(), lost, Vec::new()).await;
    assert!(matches!(failed, Err(Error::NoSuchAccount(_))), "{failed:?}");
    let here = vec![delivery("Subject: x\r\n\r\n", vec![target(alice)])];
    let given = store.respond(to_carol(), here, Vec::new()).await.unwrap();
    assert!(matches!(given, Answered::Yes(submitted) if submitted.stored.len() == 1));
    assert_sound(&store).await;
}

async fn answers_go_with_their_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await;
    assert!(gives(&store, answer(alice.id, "carol@example.net")).await);
    store.remove_account(&alice.address).await.unwrap();
    let gone = store.respond(
        answer(alice.id, "x@y.test"),
        Vec::new(),
        vec![outgoing("Q")],
    );
    assert!(matches!(gone.await, Err(Error::NoSuchAccount(_))));
    assert_sound(&store).await;
}
