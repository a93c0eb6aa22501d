//! Attempts that are recorded in parts, and what is owed to senders after them.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{QueueAction, QueueFilter, RecipientState, Settled, Settlement};

use crate::on_both;
use crate::queue::{everything, lease, now, outgoing, queue, settle, settlement};
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    what_is_owed_is_told_later;
    an_attempt_is_recorded_in_parts;
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
    // An operator who removes it wants no word to the sender.
    queue(&store, outgoing(&setup, "Q2", &["a@one.net", "a@two.net"])).await;
    let leased = lease(&store, &setup, "w").await;
    let mut failed = settlement(&leased[0], RecipientState::Failed, 0);
    failed.outcomes[0].owed = "how it failed".to_owned();
    settle(&store, failed).await;
    let one = QueueFilter::Leg(leased[0].leg);
    assert_eq!(store.operate(&one, QueueAction::Remove).await.unwrap(), 1);
    assert_eq!(store.queue(&everything()).await.unwrap().len(), 1);
    assert_sound(&store).await;
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
