//! The queue of several hosts that share a PostgreSQL database.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{LeaseId, RecipientState};

use crate::queue::{MINUTE, lease, now, outgoing, queue, settle, settlement};
use crate::setup::{Kind, Setup, account, assert_sound, delivery, run, target};

#[test]
fn hosts_share_the_work() {
    run(Kind::Postgres, two_hosts);
}

#[test]
fn the_last_two_legs_end_on_two_hosts() {
    run(Kind::Postgres, last_two_legs);
}

#[test]
fn hosts_hear_of_each_other() {
    run(Kind::Postgres, other_host_is_told);
}

#[test]
fn who_watches_an_account_hears_of_other_hosts() {
    run(Kind::Postgres, watchers_are_told);
}

async fn watchers_are_told(setup: Arc<Setup>) {
    let (here, there) = (setup.open().await, setup.open().await);
    let (alice, bob) = (
        account(&here, "alice").await.id,
        account(&here, "bob").await.id,
    );
    let (mut news, mut nothing) = (there.subscribe(alice), there.subscribe(bob));
    // Another host may not listen yet when the first mail comes.
    let told = async {
        for i in 0.. {
            let one = delivery(format!("Subject: {i}\r\n\r\n"), vec![target(alice)]);
            here.deliver(one).await.unwrap();
            let wait = tokio::time::timeout(Duration::from_millis(200), news.changed());
            if wait.await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told)
        .await
        .unwrap();
    assert!(*news.borrow_and_update() > 0);
    // What was told of bob's account when it was made has come before.
    drop(nothing.borrow_and_update());
    let one = delivery("Subject: last\r\n\r\n", vec![target(alice)]);
    here.deliver(one).await.unwrap();
    news.changed().await.unwrap();
    assert!(!nothing.has_changed().unwrap(), "bob has no mail");
    here.close().await;
    there.close().await;
}

async fn other_host_is_told(setup: Arc<Setup>) {
    let (here, there) = (setup.open().await, setup.open().await);
    let mut news = there.queue_news();
    // Another host may not listen yet when the first is queued.
    let told = async {
        for i in 0.. {
            queue(&here, outgoing(&setup, &format!("Q{i}"), &["a@one.net"])).await;
            let wait = tokio::time::timeout(Duration::from_millis(200), news.changed());
            if wait.await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told)
        .await
        .unwrap();
    here.close().await;
    there.close().await;
}

async fn two_hosts(setup: Arc<Setup>) {
    let (one, two) = (setup.open().await, setup.open().await);
    for i in 0..60 {
        queue(&one, outgoing(&setup, &format!("Q{i}"), &["a@one.net"])).await;
    }
    let until = now(&setup) + MINUTE;
    let mut all = Vec::new();
    for _ in 0..6 {
        let (a, b) = tokio::join!(one.lease("1", until, 5, &[]), two.lease("2", until, 5, &[]));
        all.extend(a.unwrap());
        all.extend(b.unwrap());
    }
    let mut legs: Vec<_> = all.iter().map(|leased| leased.leg).collect();
    legs.sort_unstable();
    legs.dedup();
    assert_eq!((all.len(), legs.len()), (60, 60));
    assert!(all.iter().all(|leased| leased.lease != LeaseId(0)));
    one.close().await;
    two.close().await;
}

async fn last_two_legs(setup: Arc<Setup>) {
    let (one, two) = (setup.open().await, setup.open().await);
    for i in 0..20 {
        queue(
            &one,
            outgoing(&setup, &format!("Q{i}"), &["a@one.net", "a@two.net"]),
        )
        .await;
    }
    let leased = lease(&one, &setup, "1").await;
    let (to_one, to_two): (Vec<_>, Vec<_>) =
        leased.into_iter().partition(|l| l.destination == "one.net");
    for (a, b) in to_one.iter().zip(&to_two) {
        tokio::join!(
            settle(&one, settlement(a, RecipientState::Relayed, 0)),
            settle(&two, settlement(b, RecipientState::Relayed, 0)),
        );
    }
    assert_eq!(setup.count("queue_messages").await, 0);
    assert_eq!(setup.count("blobs").await, 0);
    assert_sound(&one).await;
    one.close().await;
    two.close().await;
}
