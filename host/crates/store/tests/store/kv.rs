//! Key-values.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{Error, MAX_KEY, MAX_VALUE, Namespace};

use crate::on_both;
use crate::setup::{Kind, Setup, run};

on_both! {
    values_and_versions;
    values_outlive_their_time;
    conditions_hold_under_contention;
    counters_survive_reopening;
    buckets_refill;
    windows_slide;
    keys_are_listed;
    bad_keys_are_refused;
    many_at_once;
    a_deleted_counter_stays_deleted;
}

#[test]
fn counters_of_a_batch_are_one_statement() {
    run(Kind::Postgres, one_statement);
}

async fn one_statement(setup: Arc<Setup>) {
    let store = setup.open().await;
    for sql in [
        "CREATE TABLE statements (n BIGINT)",
        "CREATE FUNCTION note() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN INSERT INTO statements VALUES (1); RETURN NULL; END'",
        "CREATE TRIGGER note AFTER INSERT ON kv FOR EACH STATEMENT EXECUTE FUNCTION note()",
    ] {
        setup.sabotage(sql).await;
    }
    let keys: Vec<(String, i64)> = (0..200).map(|i| (format!("k{i}"), i)).collect();
    let (kv, a) = (store.kv(), space("a"));
    kv.increment_many(&a, &keys, None).await.unwrap();
    store.close().await;
    let rows = setup.count("statements").await;
    // One more if a second ended in the middle.
    assert!((1..=2).contains(&rows), "{rows} statements");
    let store = setup.open().await;
    let names: Vec<String> = keys.iter().map(|(key, _)| key.clone()).collect();
    let counted = store.kv().counters(&a, &names).await.unwrap();
    assert_eq!(counted, (0..200).collect::<Vec<i64>>());
    store.close().await;
}

async fn a_deleted_counter_stays_deleted(setup: Arc<Setup>) {
    for round in 0..5 {
        let store = setup.open().await;
        let key = format!("k{round}");
        store
            .kv()
            .increment(&space("a"), &key, 1000, None)
            .await
            .unwrap();
        // Now it is in the database and not in memory.
        store.close().await;
        let store = setup.open().await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move {
                    for _ in 0..20 {
                        store
                            .kv()
                            .increment(&space("a"), &key, 1, None)
                            .await
                            .unwrap();
                    }
                })
            })
            .collect();
        store.kv().delete(&space("a"), &key).await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        let left = store
            .kv()
            .increment(&space("a"), &key, 1, None)
            .await
            .unwrap();
        assert!(
            (1..=161).contains(&left),
            "{left} after the deletion of 1000"
        );
        store.close().await;
    }
}

fn space(plugin: &str) -> Namespace {
    Namespace {
        plugin: plugin.to_owned(),
        area: "plugin".to_owned(),
        domain: String::new(),
    }
}

async fn values_and_versions(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (kv, a, b) = (store.kv(), space("a"), space("b"));
    assert_eq!(kv.get(&a, "k").await.unwrap(), None);
    let first = kv.set(&a, "k", b"one\0", None).await.unwrap();
    let second = kv.set(&a, "k", b"two", None).await.unwrap();
    assert!(second > first && first > 0);
    let found = kv.get(&a, "k").await.unwrap().unwrap();
    assert_eq!((&found.value[..], found.version), (&b"two"[..], second));
    assert_eq!(kv.get(&b, "k").await.unwrap(), None);
    assert_eq!(
        kv.compare_and_set(&a, "k", first, b"x", None)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        kv.compare_and_set(&a, "k", 0, b"x", None).await.unwrap(),
        None
    );
    let third = kv
        .compare_and_set(&a, "k", second, b"three", None)
        .await
        .unwrap()
        .unwrap();
    assert!(third > second);
    assert_eq!(
        kv.compare_and_set(&a, "new", third, b"x", None)
            .await
            .unwrap(),
        None,
        "no row, no version"
    );
    assert!(
        kv.compare_and_set(&a, "new", 0, b"x", None)
            .await
            .unwrap()
            .is_some()
    );
    let many = kv
        .get_many(
            &a,
            &[
                "new".to_owned(),
                "none".to_owned(),
                "k".to_owned(),
                "k".to_owned(),
            ],
        )
        .await
        .unwrap();
    let many: Vec<Option<&[u8]>> = many
        .iter()
        .map(|v| v.as_ref().map(|v| &v.value[..]))
        .collect();
    assert_eq!(
        many,
        [Some(&b"x"[..]), None, Some(b"three"), Some(b"three")]
    );
    kv.delete(&a, "k").await.unwrap();
    assert_eq!(kv.get(&a, "k").await.unwrap(), None);
}

async fn values_outlive_their_time(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (kv, a) = (store.kv(), space("a"));
    let version = kv
        .set(&a, "k", b"v", Some(Duration::from_secs(10)))
        .await
        .unwrap();
    setup.advance(Duration::from_secs(9));
    assert!(kv.get(&a, "k").await.unwrap().is_some());
    setup.advance(Duration::from_secs(1));
    assert_eq!(kv.get(&a, "k").await.unwrap(), None);
    assert_eq!(
        kv.compare_and_set(&a, "k", version, b"x", None)
            .await
            .unwrap(),
        None
    );
    assert!(kv.keys(&a, "", None, 10).await.unwrap().is_empty());
    // What is over counts as absent, swept or not.
    assert!(
        kv.compare_and_set(&a, "k", 0, b"again", Some(Duration::from_secs(10)))
            .await
            .unwrap()
            .is_some()
    );
    setup.advance(Duration::from_secs(11));
    store.sweep().await.unwrap();
    assert!(
        kv.compare_and_set(&a, "k", 0, b"again", None)
            .await
            .unwrap()
            .is_some()
    );
    store.sweep().await.unwrap();
    assert!(kv.get(&a, "k").await.unwrap().is_some());
}

async fn conditions_hold_under_contention(setup: Arc<Setup>) {
    let store = setup.open().await;
    store.kv().set(&space("a"), "n", b"0", None).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let (kv, a) = (store.kv(), space("a"));
                for _ in 0..5 {
                    loop {
                        let now = kv.get(&a, "n").await.unwrap().unwrap();
                        let next: u64 = std::str::from_utf8(&now.value)
                            .unwrap()
                            .parse::<u64>()
                            .unwrap()
                            + 1;
                        if kv
                            .compare_and_set(
                                &a,
                                "n",
                                now.version,
                                next.to_string().as_bytes(),
                                None,
                            )
                            .await
                            .unwrap()
                            .is_some()
                        {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        &store
            .kv()
            .get(&space("a"), "n")
            .await
            .unwrap()
            .unwrap()
            .value[..],
        b"40"
    );
}

async fn counters_survive_reopening(setup: Arc<Setup>) {
    let store = setup.open().await;
    let a = space("a");
    assert_eq!(store.kv().increment(&a, "n", 5, None).await.unwrap(), 5);
    assert_eq!(store.kv().increment(&a, "n", -2, None).await.unwrap(), 3);
    assert_eq!(
        store
            .kv()
            .increment(&a, "short", 1, Some(Duration::from_secs(10)))
            .await
            .unwrap(),
        1
    );
    assert!(
        store
            .kv()
            .take(&a, "b", 9.0, 10.0, 0.001)
            .await
            .unwrap()
            .allowed
    );
    for _ in 0..3 {
        store
            .kv()
            .count_window(&a, "w", Duration::from_secs(60))
            .await
            .unwrap();
    }
    store.close().await;
    drop(store);
    let store = setup.open().await;
    assert_eq!(store.kv().increment(&a, "n", 1, None).await.unwrap(), 4);
    assert_eq!(
        store
            .kv()
            .increment(&a, "short", 1, Some(Duration::from_secs(99)))
            .await
            .unwrap(),
        2
    );
    assert!(
        !store
            .kv()
            .take(&a, "b", 9.0, 10.0, 0.001)
            .await
            .unwrap()
            .allowed
    );
    assert_eq!(
        store
            .kv()
            .count_window(&a, "w", Duration::from_secs(60))
            .await
            .unwrap(),
        4
    );
    setup.advance(Duration::from_secs(11));
    assert_eq!(
        store.kv().increment(&a, "short", 1, None).await.unwrap(),
        1,
        "its time was set when it was made"
    );
    store.kv().delete(&a, "n").await.unwrap();
    assert_eq!(store.kv().increment(&a, "n", 1, None).await.unwrap(), 1);
    store.close().await;
}

async fn buckets_refill(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (kv, a) = (store.kv(), space("a"));
    for left in [2.0, 1.0, 0.0] {
        let state = kv.take(&a, "b", 1.0, 3.0, 0.5).await.unwrap();
        assert!(state.allowed);
        assert!((state.remaining - left).abs() < 1e-9);
    }
    let state = kv.take(&a, "b", 1.0, 3.0, 0.5).await.unwrap();
    assert_eq!(
        (state.allowed, state.retry_after),
        (false, Duration::from_secs(2))
    );
    setup.advance(Duration::from_secs(2));
    assert!(kv.take(&a, "b", 1.0, 3.0, 0.5).await.unwrap().allowed);
    assert_eq!(
        kv.take(&a, "b", 4.0, 3.0, 0.5).await.unwrap().retry_after,
        Duration::MAX
    );
    setup.advance(Duration::from_secs(3600));
    assert!((kv.take(&a, "b", 0.0, 3.0, 0.5).await.unwrap().remaining - 3.0).abs() < 1e-9);
    assert!(!kv.take(&a, "never", 2.0, 1.0, 0.0).await.unwrap().allowed);
    assert!(matches!(
        kv.take(&a, "b", f64::NAN, 3.0, 0.5).await,
        Err(Error::NotAllowed(_))
    ));
    assert!(matches!(
        kv.take(&a, "b", -1.0, 3.0, 0.5).await,
        Err(Error::NotAllowed(_))
    ));
}

async fn windows_slide(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (kv, a, minute) = (store.kv(), space("a"), Duration::from_secs(60));
    assert_eq!(kv.count_window(&a, "w", minute).await.unwrap(), 1);
    setup.advance(Duration::from_secs(59));
    assert_eq!(kv.count_window(&a, "w", minute).await.unwrap(), 2);
    setup.advance(Duration::from_secs(1));
    assert_eq!(
        kv.count_window(&a, "w", minute).await.unwrap(),
        2,
        "the first is over"
    );
    for _ in 0..998 {
        kv.count_window(&a, "w", minute).await.unwrap();
        setup.advance(Duration::from_millis(10));
    }
    assert_eq!(kv.count_window(&a, "w", minute).await.unwrap(), 1001);
    setup.advance(Duration::from_secs(62));
    assert_eq!(kv.count_window(&a, "w", minute).await.unwrap(), 1);
}

async fn keys_are_listed(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (kv, a) = (store.kv(), space("a"));
    for key in ["b/2", "b/10", "b", "c", "B/1", "b/é"] {
        kv.set(&a, key, b"", None).await.unwrap();
    }
    kv.increment(&a, "b/counter", 1, None).await.unwrap();
    assert_eq!(
        kv.keys(&a, "b/", None, 10).await.unwrap(),
        ["b/10", "b/2", "b/é"]
    );
    assert_eq!(kv.keys(&a, "b/", Some("b/10"), 1).await.unwrap(), ["b/2"]);
    assert_eq!(
        kv.keys(&a, "", None, 3).await.unwrap(),
        ["B/1", "b", "b/10"]
    );
}

async fn bad_keys_are_refused(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (kv, a) = (store.kv(), space("a"));
    assert!(matches!(
        kv.set(&a, &"k".repeat(MAX_KEY + 1), b"", None).await,
        Err(Error::TooLarge { .. })
    ));
    assert!(matches!(
        kv.set(&a, "k", &vec![0; MAX_VALUE + 1], None).await,
        Err(Error::TooLarge { .. })
    ));
    assert!(matches!(
        kv.increment(&a, "a\0b", 1, None).await,
        Err(Error::InvalidName { .. })
    ));
    assert!(matches!(
        kv.get_many(&a, &vec![String::new(); 1001]).await,
        Err(Error::TooLarge { .. })
    ));
}

async fn many_at_once(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (kv, a) = (store.kv(), space("a"));
    let values: Vec<(String, Vec<u8>)> =
        (0..300).map(|n| (format!("v{n:03}"), vec![7; n])).collect();
    kv.set_many(&a, &values, None).await.unwrap();
    let keys: Vec<String> = values.iter().map(|(key, _)| key.clone()).collect();
    let found = kv.get_many(&a, &keys).await.unwrap();
    assert!(
        found
            .iter()
            .zip(&values)
            .all(|(found, (_, value))| found.as_ref().is_some_and(|found| found.value == *value))
    );
    let bad = [
        ("x".to_owned(), vec![1]),
        ("y".repeat(MAX_KEY + 1), vec![1]),
    ];
    assert!(matches!(
        kv.set_many(&a, &bad, None).await,
        Err(Error::TooLarge { .. })
    ));
    assert_eq!(kv.get(&a, "x").await.unwrap(), None, "none of them");

    let word = |text: &str, delta| (text.to_owned(), delta);
    let learnt = [word("cheap", 2), word("pills", 1), word("cheap", 1)];
    assert_eq!(
        kv.increment_many(&a, &learnt, None).await.unwrap(),
        [2, 1, 3]
    );
    store.close().await;
    // Another process: what memory does not have is read at once.
    let store = setup.open().await;
    let kv = store.kv();
    let keys = ["pills", "cheap", "unknown"].map(str::to_owned);
    assert_eq!(kv.counters(&a, &keys).await.unwrap(), [1, 3, 0]);
    assert_eq!(
        kv.increment_many(&a, &[word("cheap", -1), word("new", 5)], None)
            .await
            .unwrap(),
        [2, 5]
    );
    assert_eq!(kv.counters(&a, &keys).await.unwrap(), [1, 2, 0]);
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    assert!(matches!(
        kv.counters(&a, &many).await,
        Err(Error::TooLarge { .. })
    ));
}
