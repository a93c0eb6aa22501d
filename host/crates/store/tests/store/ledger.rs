//! The ledger.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use waxwing_store::{Delivery, LedgerRow, MAX_LEDGER_JSON, Roster};

use crate::on_both;
use crate::setup::{Setup, account, delivery, target};

on_both! {
    rows_are_found_by_both_ids;
    old_rows_go;
    a_roster_is_kept_once_and_read_with_each_row;
    long_rows_are_cut;
    rows_for_later_are_written_with_the_next_round_and_at_the_close;
}

fn row(queue_id: &str, message_id: &str, at: i64) -> LedgerRow {
    LedgerRow {
        queue_id: queue_id.to_owned(),
        message_id: message_id.to_owned(),
        at,
        generation: 7,
        outcome: "delivered".to_owned(),
        json: r#"{"steps":[]}"#.to_owned(),
        roster: None,
    }
}

async fn rows_are_found_by_both_ids(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let with = Delivery {
        ledger: Some(row("q1", "<a@b>", 1)),
        ..delivery("x", vec![target(alice)])
    };
    store.deliver(with).await.unwrap();
    store.record(row("q2", "a@b", 2));
    store.record(row("q3", "", 3));
    // Only the ledger row of a message that was not stored anywhere.
    store
        .deliver(Delivery {
            ledger: Some(row("q4", "nul\0@b", 4)),
            ..delivery("x", vec![])
        })
        .await
        .unwrap();
    assert_eq!(store.trace("q1").await.unwrap(), [row("q1", "a@b", 1)]);
    let both = store.trace("<a@b>").await.unwrap();
    assert_eq!(
        both.iter().map(|r| r.queue_id.as_str()).collect::<Vec<_>>(),
        ["q1", "q2"]
    );
    assert_eq!(store.trace("q3").await.unwrap().len(), 1);
    assert_eq!(
        store.trace("q4").await.unwrap()[0].message_id,
        "nul\u{fffd}@b"
    );
    assert!(store.trace("").await.unwrap().is_empty());
    assert!(store.trace("a@c").await.unwrap().is_empty());
    assert_eq!(store.dropped_ledger_rows(), 0);
}

async fn old_rows_go(setup: Arc<Setup>) {
    let store = setup.open().await;
    let now = setup.now.load(Ordering::SeqCst);
    for (id, days) in [("old", 31), ("young", 29)] {
        store
            .deliver(Delivery {
                ledger: Some(row(id, "", now - days * 86_400_000)),
                ..delivery("", vec![])
            })
            .await
            .unwrap();
    }
    store.sweep().await.unwrap();
    assert!(store.trace("old").await.unwrap().is_empty());
    assert_eq!(store.trace("young").await.unwrap().len(), 1);
    setup.advance(Duration::from_secs(2 * 86_400));
    store.sweep().await.unwrap();
    assert!(store.trace("young").await.unwrap().is_empty());
}

async fn a_roster_is_kept_once_and_read_with_each_row(setup: Arc<Setup>) {
    let roster = |key, json: &str| {
        let json = json.into();
        Some(Roster { key, json })
    };
    let (one, two) = (roster(-5, r#"["\u0000 \"é\""]"#), roster(6, "[2]"));
    let of = |id: &str, roster: &Option<Roster>| LedgerRow {
        roster: roster.clone(),
        ..row(id, "", 1)
    };
    for _ in 0..2 {
        // The second store does not know what the first has written.
        let store = setup.open().await;
        for (id, roster) in [("one", &one), ("two", &two), ("none", &None)] {
            store.record(of(id, roster));
        }
        store.close().await;
    }
    let store = setup.open().await;
    for (id, roster) in [("one", &one), ("two", &two), ("none", &None)] {
        let rows = store.trace(id).await.unwrap();
        assert_eq!(rows, [of(id, roster), of(id, roster)]);
    }
}

async fn long_rows_are_cut(setup: Arc<Setup>) {
    let store = setup.open().await;
    let long = LedgerRow {
        json: format!("[\"{}\"]", "é".repeat(MAX_LEDGER_JSON)),
        ..row("q", "", 1)
    };
    store
        .deliver(Delivery {
            ledger: Some(long),
            ..delivery("", vec![])
        })
        .await
        .unwrap();
    let kept = &store.trace("q").await.unwrap()[0].json;
    assert!(kept.len() < MAX_LEDGER_JSON + 100);
    assert!(serde_json::from_str::<serde_json::Value>(kept).unwrap()["truncated"].is_string());
}

async fn rows_for_later_are_written_with_the_next_round_and_at_the_close(setup: Arc<Setup>) {
    let store = setup.open().await;
    store.record_later(row("first", "", 1));
    let before = store.commits();
    let mut written = store.trace("first").await.unwrap();
    while written.is_empty() {
        tokio::task::yield_now().await;
        written = store.trace("first").await.unwrap();
    }
    for n in 0..1200 {
        store.record_later(row("many", "", n));
    }
    store.close().await;
    assert!(store.commits() - before <= 6, "written together");
    let store = setup.open().await;
    assert_eq!(written, [row("first", "", 1)]);
    let many = store.trace("many").await.unwrap();
    assert_eq!(
        many.iter().map(|row| row.at).collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
    assert_eq!(store.dropped_ledger_rows(), 0);
}
