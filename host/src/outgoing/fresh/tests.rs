//! What goes the short way, and what does not.

use bytes::Bytes;
use waxwing_queue::limiter::{Limits, Rate};
use waxwing_store::{
    BlobId, LeaseId, LegId, NewRecipient, Notify as Asked, QueueEnvelope, QueuedMessage,
};

use super::*;

fn fresh(most: usize) -> Arc<Fresh> {
    let fresh = Fresh::new(Arc::new(Places::new(10, 10)), most);
    fresh.open("a worker", 60_000);
    fresh.caught_up_but_for(Vec::new());
    Arc::new(fresh)
}

fn outgoing(destination: &str) -> Outgoing {
    Outgoing {
        content: Bytes::from_static(b"\r\n"),
        envelope: QueueEnvelope::default(),
        recipients: vec![NewRecipient {
            address: format!("carol@{destination}"),
            destination: destination.to_owned(),
            notify: Asked::NOT_ASKED,
            orcpt: String::new(),
        }],
        due: 0,
        held: false,
    }
}

fn leased(number: i64, destination: &str) -> Leased {
    Leased {
        leg: LegId(number),
        lease: LeaseId(number),
        until: i64::MAX,
        destination: destination.to_owned(),
        attempts: 0,
        message: QueuedMessage {
            envelope: QueueEnvelope::default(),
            size: 2,
            blob: BlobId(1),
        },
        recipients: Vec::new(),
        owed: Vec::new(),
    }
}

fn queue(fresh: &Fresh, number: i64, destination: &str) {
    let promise = fresh.ask(&[outgoing(destination)]).expect("a promise");
    promise.keep(vec![leased(number, destination)]);
}

fn numbers(legs: &[Leased]) -> Vec<i64> {
    legs.iter().map(|leg| leg.leg.0).collect()
}

#[test]
fn what_is_queued_is_taken_in_its_order() {
    let fresh = fresh(10);
    (1..=3).for_each(|number| queue(&fresh, number, "remote.example"));
    assert_eq!(fresh.waiting(), [("remote.example".to_owned(), 0)]);
    assert_eq!(numbers(&fresh.take("remote.example", 2)), [1, 2]);
    assert!(fresh.take("other.example", 2).is_empty());
    assert_eq!(numbers(&fresh.take("remote.example", 2)), [3]);
    assert!(fresh.waiting().is_empty() && fresh.state().stocks.is_empty());
    assert_eq!(fresh.state().total, 0);
    assert_eq!(fresh.places.drain().len(), 3, "their leases are renewed");
}

#[test]
fn what_waits_in_the_database_is_not_passed() {
    let fresh = fresh(10);
    fresh.fall_behind("remote.example");
    assert!(fresh.ask(&[outgoing("remote.example")]).is_none());
    assert!(fresh.ask(&[outgoing("other.example")]).is_some());
    fresh.caught_up("remote.example");
    assert!(fresh.ask(&[outgoing("remote.example")]).is_some());
    // What finds no way here waits there.
    let late = Outgoing {
        due: i64::MAX,
        ..outgoing("remote.example")
    };
    assert!(fresh.ask(&[outgoing("remote.example"), late]).is_none());
    assert!(fresh.is_behind("remote.example"));
    fresh.open("another", 1);
    assert!(fresh.is_behind("other.example"), "nothing is known yet");
}

#[test]
fn what_is_held_or_for_later_or_for_here_goes_the_long_way() {
    let fresh = fresh(10);
    let held = Outgoing {
        held: true,
        ..outgoing("remote.example")
    };
    assert!(fresh.ask(&[held]).is_none());
    assert!(!fresh.is_behind("remote.example"), "it passes nobody");
    assert!(fresh.ask(&[outgoing(HERE)]).is_none());
    fresh.close();
    assert!(fresh.ask(&[outgoing("remote.example")]).is_none());
}

#[test]
fn who_is_not_to_be_tried_is_not() {
    let fresh = fresh(10);
    let limits = Limits {
        connections: 1,
        rate: Some(Rate {
            messages: 1,
            period: Duration::from_secs(3600),
        }),
    };
    let place = fresh.places.admit("remote.example", limits);
    assert!(place.is_ok());
    drop(place);
    assert!(fresh.ask(&[outgoing("remote.example")]).is_none());
}

#[test]
fn what_waits_is_bounded() {
    let fresh = fresh(2);
    queue(&fresh, 1, "one.example");
    let promise = fresh.ask(&[outgoing("two.example")]);
    assert!(promise.is_some());
    assert!(fresh.ask(&[outgoing("three.example")]).is_none());
    // It came to nothing.
    drop(promise);
    assert!(fresh.ask(&[outgoing("four.example")]).is_some());
    assert_eq!(fresh.state().total, 1);
}

#[tokio::test]
async fn a_line_that_waits_is_called() {
    let fresh = fresh(10);
    let shared = Arc::clone(&fresh);
    let job = tokio::spawn(async move {
        let sending = shared.sends("remote.example");
        assert!(sending.linger().await);
        shared.take("remote.example", 10)
    });
    while fresh.state().lingering == 0 {
        tokio::task::yield_now().await;
    }
    queue(&fresh, 1, "remote.example");
    assert_eq!(numbers(&job.await.expect("it ends")), [1]);
    let state = fresh.state();
    assert!(state.lingering == 0 && state.stocks.is_empty());
}

#[tokio::test]
async fn nobody_waits_for_what_does_not_come_any_more() {
    let fresh = fresh(10);
    let shared = Arc::clone(&fresh);
    let job = tokio::spawn(async move { shared.sends("remote.example").linger().await });
    while fresh.state().lingering == 0 {
        tokio::task::yield_now().await;
    }
    fresh.close();
    assert!(!job.await.expect("it ends"));
}

#[tokio::test]
async fn a_worker_is_called_where_no_line_waits() {
    let fresh = fresh(10);
    queue(&fresh, 1, "remote.example");
    fresh.arrived().await;
    let sending = fresh.sends("remote.example");
    assert!(sending.linger().await, "there is something already");
    assert_eq!(fresh.waiting(), [("remote.example".to_owned(), 1)]);
}
