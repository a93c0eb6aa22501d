//! Changes of one message's legs that come together: in one commit, in any order, they are what they are one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use waxwing_store::{Leased, QueueAction, QueueFilter, RecipientState, Settled, Settlement, Store};

use crate::on_both;
use crate::queue::{MINUTE, everything, lease, now, outgoing, queue, settle, settlement};
use crate::setup::{Setup, assert_sound};

on_both! {
    all_legs_of_many_messages_end_together;
    whatever_comes_together_loses_nothing;
}

async fn all_legs_of_many_messages_end_together(setup: Arc<Setup>) {
    let store = setup.open().await;
    for i in 0..20 {
        let to = ["a@one.net", "b@two.net", "c@three.net"];
        queue(&store, outgoing(&setup, &format!("Q{i}"), &to)).await;
    }
    let leased = lease(&store, &setup, "w").await;
    assert_eq!(leased.len(), 60);
    let relayed = |leg: &Leased| settle(&store, settlement(leg, RecipientState::Relayed, 0));
    for settled in join_all(leased.iter().map(relayed)).await {
        assert!(matches!(settled, Settled::Recorded { .. }), "{settled:?}");
    }
    assert!(store.queue(&everything()).await.unwrap().is_empty());
    assert_sound(&store).await;
    store.close().await;
}

/// What happens to a message with two legs, whose leases have ended without anybody having taken them over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// The worker of this leg has handed it over.
    Relayed(usize),
    /// It is to be tried again.
    Later(usize),
    /// Another worker leases what is due.
    Lease,
    /// The worker gives this leg back.
    GiveBack(usize),
    /// The operator removes the message.
    Remove,
}

const ACTS: [Act; 7] = [
    Act::Relayed(0),
    Act::Relayed(1),
    Act::Later(0),
    Act::Later(1),
    Act::Lease,
    Act::GiveBack(1),
    Act::Remove,
];

/// What an act came to.
#[derive(Debug)]
enum Came {
    Settled(usize, RecipientState, Settled),
    Leased(Vec<Leased>),
    Nothing,
}

async fn act(store: &Store, setup: &Setup, legs: &[Leased], act: Act) -> Came {
    let later = now(setup) + MINUTE;
    let settled = async |leg: usize, state| {
        let all: Settlement = settlement(&legs[leg], state, later);
        Came::Settled(leg, state, settle(store, all).await)
    };
    match act {
        Act::Relayed(leg) => settled(leg, RecipientState::Relayed).await,
        Act::Later(leg) => settled(leg, RecipientState::Open).await,
        Act::Lease => Came::Leased(lease(store, setup, "other").await),
        Act::GiveBack(leg) => {
            let back = [(legs[leg].leg, later)];
            store.give_back(legs[leg].lease, &back).await.unwrap();
            Came::Nothing
        }
        Act::Remove => {
            let which = QueueFilter::QueueId(legs[0].message.envelope.queue_id.clone());
            let removed = store.operate(&which, QueueAction::Remove);
            removed.await.unwrap();
            Came::Nothing
        }
    }
}

async fn whatever_comes_together_loses_nothing(setup: Arc<Setup>) {
    let store = setup.open().await;
    for first in ACTS {
        for second in ACTS {
            for third in ACTS {
                if first != second && second != third && first != third {
                    together(&store, &setup, [first, second, third]).await;
                }
            }
        }
    }
    assert_sound(&store).await;
    store.close().await;
}

async fn together(store: &Store, setup: &Arc<Setup>, acts: [Act; 3]) {
    queue(store, outgoing(setup, "Q", &["a@one.net", "b@two.net"])).await;
    let mut legs = lease(store, setup, "w").await;
    legs.sort_by(|a, b| a.destination.cmp(&b.destination));
    assert_eq!(legs.len(), 2, "{acts:?}");
    setup.now.fetch_add(2 * MINUTE, Ordering::SeqCst);
    let came = join_all(acts.map(|one| act(store, setup, &legs, one))).await;
    // Long after, whatever is open is leased again.
    setup.now.fetch_add(10 * MINUTE, Ordering::SeqCst);
    let left = lease(store, setup, "last").await;
    let is_left = |leg: usize| left.iter().any(|one| one.leg == legs[leg].leg);
    let removed = acts.contains(&Act::Remove);
    for leg in 0..2 {
        let relayed = acts.contains(&Act::Relayed(leg));
        let done = relayed || removed;
        assert_eq!(is_left(leg), !done, "leg {leg} of {acts:?}: {came:?}");
    }
    for one in &came {
        if let Came::Settled(leg, RecipientState::Relayed, Settled::Recorded { .. }) = one {
            let again = |came: &Came| match came {
                Came::Leased(taken) => taken.iter().any(|one| one.leg == legs[*leg].leg),
                _ => false,
            };
            assert!(!came.iter().any(again), "{acts:?}: {came:?}");
        }
    }
    store
        .operate(&QueueFilter::All, QueueAction::Remove)
        .await
        .unwrap();
    assert!(store.queue(&everything()).await.unwrap().is_empty());
}
