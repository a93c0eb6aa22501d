//! A full database: a clear error, nothing half written, and the store goes on.

use std::sync::Arc;

use sqlx::{Connection, Row};
use waxwing_store::{Error, Store, UidRange};

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound, delivery, postgres_url, put, target};

on_both! {
    a_full_database_refuses_and_goes_on;
}

const ROOM: u64 = 3 * 1024 * 1024;

/// The size at which the database of a test is full. PostgreSQL's is shared with other tests.
async fn limit(setup: &Setup) -> u64 {
    match setup.kind {
        Kind::Sqlite => ROOM,
        Kind::Postgres => {
            let mut connection = sqlx::PgConnection::connect(&postgres_url()).await.unwrap();
            let row = sqlx::query("SELECT pg_database_size(current_database())")
                .fetch_one(&mut connection)
                .await
                .unwrap();
            u64::try_from(row.get::<i64, _>(0)).unwrap() + ROOM
        }
    }
}

async fn a_full_database_refuses_and_goes_on(setup: Arc<Setup>) {
    let mut config = setup.config();
    config.max_database_bytes = Some(limit(&setup).await);
    let store = Store::open(config).await.unwrap();
    let alice = account(&store, "alice").await.id;
    let (mut stored, mut refused) = (0, 0);
    for round in 0..40 {
        let jobs = (0..10).map(|i| {
            store.deliver(delivery(
                vec![b'a' + i; 50_000],
                vec![target(alice), target(alice)],
            ))
        });
        for result in futures_util::future::join_all(jobs).await {
            match result {
                Ok(_) => stored += 1,
                Err(Error::Full) => refused += 1,
                Err(other) => panic!("round {round}: {other}"),
            }
        }
        if refused > 0 {
            break;
        }
    }
    assert!(
        refused > 0 && stored > 10,
        "{stored} stored, {refused} refused"
    );
    assert_eq!(
        store.mailbox(alice, "INBOX").await.unwrap().messages,
        2 * stored
    );
    assert_sound(&store).await;
    // Removing works while it is full.
    let inbox = store.mailbox(alice, "INBOX").await.unwrap();
    let removed = store
        .expunge(alice, inbox.id, &[UidRange { first: 1, last: 40 }], false)
        .await
        .unwrap();
    assert_eq!(removed.len(), 40);
    let store = match setup.kind {
        // Pages that came free are used again.
        Kind::Sqlite => store,
        Kind::Postgres => {
            store.close().await;
            setup.open().await
        }
    };
    assert_eq!(
        put(&store, alice, &"x".repeat(50_000)).await,
        inbox.uid_next,
        "refused deliveries took no UID"
    );
    assert_sound(&store).await;
}
