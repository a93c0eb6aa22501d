//! Attempts that are recorded in parts, and what is owed to senders after them.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{
    AccountId, Leased, QueueAction, QueueFilter, RecipientState, Settled, Settlement, Store,
};

use crate::on_both;
use crate::queue::{MINUTE, everything, lease, now, outgoing, queue, settle, settlement};
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    what_is_owed_is_told_later;
    what_is_owed_waits_for_no_operator;
    an_attempt_is_recorded_in_parts;
    delays_are_told_of_each_recipient;
    a_settlement_that_comes_again_tells_nothing_again;
}

async fn what_is_owed_is_told_later(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    queue(&store, outgoing(&setup, "Q1", &["a@one.net", "b@one.net"])).await;
    let leased = lease(&store, &setup, "w").await;
    let mut failed = settlement(&leased[0], RecipientState::Failed, now(&setup) + 10);
    failed.outcomes[1].owed = "how it failed".to_owned();
    let settled = settle(&store, failed).await;
    assert!(matches!(settled, Settled::Recorded { .. }));
    assert_sound(&store).await;
    let entry = store.queue(&everything()).await.unwrap().remove(0);
    let owed: Vec<_> = entry.recipients.iter().map(|one| one.owed).collect();
    assert_eq!((entry.attempts, owed), (1, vec![false, true]));
    // It survives the process, and nobody is sent to again.
    store.close().await;
    drop(store);
    let store = setup.open().await;
    setup.advance(Duration::from_millis(10));
    let again = lease(&store, &setup, "w").await;
    assert!(again[0].recipients.is_empty());
    let owed = &again[0].owed[0];
    assert_eq!(owed.recipient.address, "b@one.net");
    assert_eq!(owed.recipient.said, "250 2.0.0 OK");
    assert_eq!(owed.text, "how it failed");
    // Not yet: nothing but the time changes.
    let mut later = settlement(&again[0], RecipientState::Failed, now(&setup) + 10);
    later.said = String::new();
    settle(&store, later.clone()).await;
    let entry = store.queue(&everything()).await.unwrap().remove(0);
    assert_eq!((entry.attempts, &*entry.said), (2, "250 2.0.0 OK"));
    setup.advance(Duration::from_millis(10));
    let again = lease(&store, &setup, "w").await;
    later.lease = again[0].lease;
    later.told = vec![again[0].owed[0].recipient.number];
    let notice = vec![delivery("dsn", vec![target(alice)])];
    let settled = store.settle(later, notice, Vec::new()).await.unwrap();
    assert!(matches!(settled, Settled::Recorded { stored, .. } if stored.len() == 1));
    assert!(store.queue(&everything()).await.unwrap().is_empty());
    assert_sound(&store).await;
    store.close().await;
}

/// What is owed of the message, with how many recipients are to be sent to beside it.
async fn debts(store: &Store, setup: &Setup) -> Vec<(usize, Vec<String>)> {
    let leased = lease(store, setup, "teller").await;
    let texts = |leg: &Leased| leg.owed.iter().map(|owed| owed.text.clone()).collect();
    let debts = leased.iter().map(|leg| (leg.recipients.len(), texts(leg)));
    let debts = debts.collect();
    for leg in &leased {
        let back = [(leg.leg, now(setup))];
        store.give_back(leg.lease, &back).await.unwrap();
    }
    debts
}

async fn what_is_owed_waits_for_no_operator(setup: Arc<Setup>) {
    let store = setup.open().await;
    let to = ["a@one.net", "b@one.net", "c@one.net"];
    queue(&store, outgoing(&setup, "Q1", &to)).await;
    let leased = lease(&store, &setup, "w").await;
    let mut part = settlement(&leased[0], RecipientState::Failed, now(&setup) + MINUTE);
    part.tell_at = now(&setup);
    let all = part.outcomes.clone();
    let owed = |place: usize| {
        let mut outcome = all[place].clone();
        outcome.owed = format!("how {place} failed");
        vec![outcome]
    };
    // One fails, and its message is held while it is at work with the others.
    part.outcomes = owed(0);
    part.goes_on = true;
    settle(&store, part.clone()).await;
    let q1 = QueueFilter::QueueId("Q1".to_owned());
    let first = vec![(0, vec!["how 0 failed".to_owned()])];
    assert_eq!(debts(&store, &setup).await, first);
    assert_eq!(store.operate(&q1, QueueAction::Hold).await.unwrap(), 1);
    assert_eq!(debts(&store, &setup).await, first);
    part.outcomes = owed(1);
    part.goes_on = false;
    settle(&store, part.clone()).await;
    assert_sound(&store).await;
    let both = [first.clone(), vec![(0, vec!["how 1 failed".to_owned()])]].concat();
    assert_eq!(debts(&store, &setup).await, both);
    let depth = store.queue_depth().await.unwrap();
    assert_eq!((depth.waiting, depth.held), (2, 1));
    // Who is open goes, and what is owed of others stays.
    assert_eq!(store.operate(&q1, QueueAction::Remove).await.unwrap(), 1);
    assert_eq!(store.operate(&q1, QueueAction::Remove).await.unwrap(), 0);
    assert_sound(&store).await;
    assert_eq!(debts(&store, &setup).await, both);
    let told = |leg: &Leased| Settlement {
        told: vec![leg.owed[0].recipient.number],
        ..settlement(leg, RecipientState::Failed, 0)
    };
    for leg in lease(&store, &setup, "w").await {
        settle(&store, told(&leg)).await;
    }
    assert_eq!(setup.count("queue_messages").await, 0);
    assert_sound(&store).await;
    // Held while the last of it is at work: nobody is left to be held back.
    queue(&store, outgoing(&setup, "Q2", &["a@one.net"])).await;
    let leased = lease(&store, &setup, "w").await;
    let q2 = QueueFilter::QueueId("Q2".to_owned());
    assert_eq!(store.operate(&q2, QueueAction::Hold).await.unwrap(), 1);
    let mut failed = settlement(&leased[0], RecipientState::Failed, now(&setup));
    failed.outcomes[0].owed = "how it failed".to_owned();
    settle(&store, failed).await;
    assert_sound(&store).await;
    let last = vec![(0, vec!["how it failed".to_owned()])];
    assert_eq!(debts(&store, &setup).await, last);
    store.close().await;
}

async fn an_attempt_is_recorded_in_parts(setup: Arc<Setup>) {
    let store = setup.open().await;
    queue(
        &store,
        outgoing(&setup, "Q1", &["a@one.net", "b@one.net", "c@one.net"]),
    )
    .await;
    let leased = lease(&store, &setup, "w").await;
    let until = leased[0].until;
    let whole = settlement(&leased[0], RecipientState::Relayed, until + 5);
    let part = |from: usize, to: usize| Settlement {
        outcomes: whole.outcomes[from..to].to_vec(),
        goes_on: true,
        ..whole.clone()
    };
    settle(&store, part(0, 1)).await;
    let entry = store.queue(&everything()).await.unwrap().remove(0);
    assert_eq!((entry.attempts, entry.due), (0, until), "leased as before");
    // Whoever takes it over when this worker dies here has not the first to send to.
    setup.advance(Duration::from_secs(61));
    let other = lease(&store, &setup, "other").await;
    assert_eq!(other[0].recipients.len(), 2);
    assert_eq!(settle(&store, part(1, 2)).await, Settled::Lost);
    // The last part ends the attempt.
    let mut last = settlement(&other[0], RecipientState::Open, now(&setup) + 7);
    last.outcomes.remove(0);
    settle(&store, last).await;
    let entry = store.queue(&everything()).await.unwrap().remove(0);
    assert_eq!((entry.attempts, entry.due), (1, now(&setup) + 7));
    assert_eq!(entry.recipients[1].state, RecipientState::Relayed);
    setup.advance(Duration::from_millis(7));
    let rest = lease(&store, &setup, "w").await;
    let mut all = settlement(&rest[0], RecipientState::Failed, 0);
    all.goes_on = true;
    settle(&store, all).await;
    assert!(store.queue(&everything()).await.unwrap().is_empty());
    assert_sound(&store).await;
    store.close().await;
}

async fn delays_are_told_of_each_recipient(setup: Arc<Setup>) {
    let store = setup.open().await;
    queue(&store, outgoing(&setup, "Q1", &["a@one.net", "b@one.net"])).await;
    let leased = lease(&store, &setup, "w").await;
    let late = settlement(&leased[0], RecipientState::Open, now(&setup));
    let part = |place: usize, goes_on: bool| {
        let mut outcome = late.outcomes[place].clone();
        outcome.delay_told = place == 0;
        Settlement {
            outcomes: vec![outcome],
            goes_on,
            ..late.clone()
        }
    };
    // The worker ends after the first part, or its destination takes no more: of the second nothing is told yet.
    settle(&store, part(0, true)).await;
    settle(&store, part(1, false)).await;
    let again = lease(&store, &setup, "w").await;
    let told: Vec<_> = again[0]
        .recipients
        .iter()
        .map(|one| one.delay_told)
        .collect();
    assert_eq!(told, [late.at, 0]);
    store.close().await;
}

/// What a settlement tells goes into a mailbox and into the queue; how many of both there are then.
async fn told(store: &Store, setup: &Setup, of: &Settlement, to: AccountId) -> (i64, i64) {
    let notice = vec![delivery("dsn", vec![target(to)])];
    let mut remote = outgoing(setup, "DSN", &["postmaster@else.net"]);
    remote.envelope.sender = String::new();
    remote.due += MINUTE;
    let settled = store.settle(of.clone(), notice, vec![remote]).await;
    assert!(matches!(settled, Ok(Settled::Recorded { .. })));
    assert_sound(store).await;
    let queued = setup.count("queue_messages").await;
    (setup.count("messages").await, queued - 1)
}

async fn a_settlement_that_comes_again_tells_nothing_again(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let to = ["a@one.net", "b@one.net", "c@one.net", "d@one.net"];
    queue(&store, outgoing(&setup, "Q1", &to)).await;
    let leased = lease(&store, &setup, "w").await;
    let mut part = settlement(&leased[0], RecipientState::Failed, 0);
    part.goes_on = true;
    let all = part.outcomes.clone();
    // A failure, beside a delay.
    part.outcomes = all[..2].to_vec();
    part.outcomes[1].state = RecipientState::Open;
    part.outcomes[1].delay_told = true;
    for _ in 0..2 {
        assert_eq!(told(&store, &setup, &part, alice).await, (1, 1));
    }
    // A delay alone.
    part.outcomes = all[2..3].to_vec();
    part.outcomes[0].state = RecipientState::Open;
    part.outcomes[0].delay_told = true;
    for _ in 0..2 {
        assert_eq!(told(&store, &setup, &part, alice).await, (2, 2));
    }
    // Written down as owed, by a commit of which nobody knew: it is not told with the next try, but when its time comes.
    part.outcomes = all[3..].to_vec();
    let mut owing = part.clone();
    owing.outcomes[0].owed = "how it failed".to_owned();
    settle(&store, owing).await;
    assert_eq!(told(&store, &setup, &part, alice).await, (2, 2));
    let owing = lease(&store, &setup, "w").await;
    let last = Settlement {
        told: vec![owing[0].owed[0].recipient.number],
        ..settlement(&owing[0], RecipientState::Failed, 0)
    };
    assert_eq!(told(&store, &setup, &last, alice).await, (3, 3));
    assert_eq!(settle(&store, last).await, Settled::Lost);
    store.close().await;
}
