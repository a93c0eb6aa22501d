//! A long queue: what waits must not slow what is due.
//!
//! `make backlog` does it with a million rows and prints what a look, a lease and a settlement take; `make test` with 5,000.

use std::sync::Arc;
use std::time::{Duration, Instant};

use waxwing_store::{RecipientState, Store};

use crate::on_both;
use crate::queue::{now, outgoing, settlement};
use crate::setup::{Kind, Setup, assert_sound};

on_both! {
    a_long_queue_is_worked_on_as_fast_as_a_short_one;
}

/// Legs leased at a time.
const BATCH: usize = 100;

/// Rows that wait for later, put there behind the store's back.
async fn fill(setup: &Setup, rows: u64) {
    let numbers = match setup.kind {
        Kind::Sqlite => format!(
            "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT i FROM n)"
        ),
        Kind::Postgres => format!("(SELECT generate_series(1::bigint, {rows}) AS i)"),
    };
    let (first, later) = (1_000_000_000, now(setup) + 86_400_000);
    for sql in [
        format!("INSERT INTO blobs (id, refs_as_written, size, hash, file, summary, content)
                 SELECT {first}, {rows}, size, hash, '', summary, content FROM blobs LIMIT 1"),
        format!("INSERT INTO queue_messages (id, queue_id, blob, size, received, sender, ret, envid, body, smtp_utf8, require_tls, priority,
                 deliver_by, deliver_by_mode, expires, context)
                 SELECT {first} + i, 'Q' || i, {first}, (SELECT size FROM blobs LIMIT 1), 1, 's' || (i % 999), 0, '', 0, 0, 0, 0, 0, 0, 9, ''
                 FROM {numbers} AS n"),
        // Times and destinations in no order.
        format!("INSERT INTO queue_legs (id, message, destination, lane, state, due, lease, owner, attempts, delayed, tried, said)
                 SELECT {first} + {rows} + i, {first} + i, 'd' || (i * 7919 % 10007), 9 + i % 3, 0, {later} + i * 104729 % 1000003, 0, '', 3, 0, 0, ''
                 FROM {numbers} AS n"),
        format!("INSERT INTO queue_recipients (message, number, leg, state, notify, address, orcpt, said)
                 SELECT {first} + i, 0, {first} + {rows} + i, 0, 0, 'someone@example.net', '', '450 try again' FROM {numbers} AS n"),
        format!("UPDATE sequences SET next = {first} + {rows} * 3 WHERE name = 'id'"),
        "ANALYZE".to_owned(),
    ] {
        setup.sabotage(&sql).await;
    }
}

/// Queues a batch that is due, leases it, settles it; how long each took.
async fn round(store: &Store, setup: &Setup, round: usize) -> [Duration; 3] {
    let queued = (0..BATCH).map(|i| outgoing(setup, &format!("R{round}-{i}"), &["a@one.net"]));
    store
        .submit(Vec::new(), Vec::new(), queued.collect())
        .await
        .unwrap();
    let begun = Instant::now();
    assert!(store.next_due(&[]).await.unwrap().unwrap() <= now(setup));
    let looked = begun.elapsed();
    let until = now(setup) + 60_000;
    let leased = store.lease("w", until, BATCH, &[]).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(leased.len(), BATCH);
    let settled = leased.iter().map(|leased| {
        let settlement = settlement(leased, RecipientState::Relayed, 0);
        store.settle(settlement, Vec::new(), Vec::new())
    });
    for settled in futures_util::future::join_all(settled).await {
        settled.unwrap();
    }
    [looked, took - looked, begun.elapsed() - took]
}

async fn rounds(store: &Store, setup: &Setup) -> [Duration; 3] {
    let mut least = [Duration::MAX; 3];
    for i in 0..5 {
        let took = round(store, setup, i).await;
        for (least, took) in least.iter_mut().zip(took) {
            *least = (*least).min(took);
        }
    }
    least
}

async fn a_long_queue_is_worked_on_as_fast_as_a_short_one(setup: Arc<Setup>) {
    let rows = std::env::var("WAXWING_QUEUE_ROWS");
    let rows: u64 = rows.map_or(5000, |rows| rows.parse().unwrap());
    let store = setup.open().await;
    let short = rounds(&store, &setup).await;
    // A content to copy.
    let mut held = outgoing(&setup, "held", &["a@one.net"]);
    held.held = true;
    store
        .submit(Vec::new(), Vec::new(), vec![held])
        .await
        .unwrap();
    store.close().await;
    drop(store);
    fill(&setup, rows).await;
    let store = setup.open().await;
    let long = rounds(&store, &setup).await;
    println!(
        "{:?}: look, lease {BATCH}, settle {BATCH}; of none: {short:?}; of {rows}: {long:?}",
        setup.kind
    );
    for (short, long) in short.iter().zip(long) {
        // A scan of a million rows takes hundreds of milliseconds; other work on the machine, some.
        assert!(
            long < *short * 20 + Duration::from_millis(50),
            "{short:?}, {long:?}"
        );
    }
    assert_sound(&store).await;
    store.close().await;
}
