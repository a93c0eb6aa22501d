//! Locks that are not given back, a database that does not answer, directories that do not belong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};
use waxwing_store::{Error, Store};

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound, delivery, put, run, target};

on_both! {
    the_directory_of_another_database_is_refused;
    files_of_a_forgotten_database_are_refused;
    an_emptied_directory_is_refused;
    only_a_server_sweeps;
    what_is_not_ours_stays;
    one_file_that_stays_does_not_keep_the_others;
    a_file_that_the_sweep_has_yet_to_find_is_no_damage;
    a_delivery_that_never_came_to_commit_leaves_no_file;
}

#[test]
fn a_stuck_lock_stops_nobody_else() {
    run(Kind::Postgres, stuck_lock);
}

#[test]
fn a_database_that_does_not_answer_is_given_up() {
    run(Kind::Postgres, no_answer);
}

async fn stuck_lock(setup: Arc<Setup>) {
    let mut config = setup.config();
    config.write_timeout = Duration::from_secs(3);
    let store = Store::open(config).await.unwrap();
    let (alice, bob) = (account(&store, "alice").await, account(&store, "bob").await);
    let mut other = PgConnection::connect(&setup.url()).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    let lock = sqlx::query("SELECT id FROM accounts WHERE id = $1 FOR UPDATE").bind(alice.id.0);
    other.execute(lock).await.unwrap();
    let started = Instant::now();
    let (stuck, free) = tokio::join!(
        store.deliver(delivery("one", vec![target(alice.id)])),
        store.deliver(delivery("two", vec![target(bob.id)])),
    );
    assert!(matches!(stuck, Err(Error::Database(_))), "{stuck:?}");
    assert_eq!(free.unwrap().len(), 1);
    assert!(started.elapsed() < Duration::from_secs(10));
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(put(&store, alice.id, "again").await, 1);
    assert_sound(&store).await;
}

async fn no_answer(setup: Arc<Setup>) {
    let mut config = setup.config();
    config.write_timeout = Duration::from_secs(1);
    let store = Store::open(config).await.unwrap();
    let alice = account(&store, "alice").await.id;
    for sql in [
        "CREATE TABLE busy (row INTEGER)",
        "INSERT INTO busy VALUES (1)",
        "CREATE FUNCTION wait() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN
         WHILE EXISTS (SELECT 1 FROM busy) LOOP PERFORM pg_sleep_for(INTERVAL ''20 ms''); END LOOP; RETURN NEW; END'",
        "CREATE TRIGGER wait BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION wait()",
    ] {
        setup.sabotage(sql).await;
    }
    let refused = store
        .deliver(delivery("one", vec![target(alice)]))
        .await
        .unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    setup.sabotage("DELETE FROM busy").await;
    // What was given up may hold its locks for a moment more.
    let begun = Instant::now();
    let stored = loop {
        match store.deliver(delivery("two", vec![target(alice)])).await {
            Ok(stored) => break stored,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(30), "{error}"),
        }
    };
    assert_eq!(stored[0].uid, 1);
    assert_sound(&store).await;
}

async fn large(setup: &Setup) -> Store {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let large = delivery(vec![b'L'; 100_000], vec![target(alice)]);
    store.deliver(large).await.unwrap();
    store
}

async fn the_directory_of_another_database_is_refused(setup: Arc<Setup>) {
    large(&setup).await.close().await;
    setup
        .sabotage("UPDATE sequences SET next = next - 1 WHERE name = 'store'")
        .await;
    let refused = Store::open(setup.config()).await.unwrap_err();
    assert!(matches!(refused, Error::WrongBlobs { .. }), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("store-id"), "{told}");
    // The error says how it is put right.
    let Error::WrongBlobs { path, id, .. } = refused else {
        return;
    };
    std::fs::write(path.join("store-id"), id).unwrap();
    let store = setup.open().await;
    assert_sound(&store).await;
    store.close().await;
}

async fn files_of_a_forgotten_database_are_refused(setup: Arc<Setup>) {
    let directory = setup.config().blob_directory.join("ab");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join(format!("ab{:030x}", 1));
    std::fs::write(&file, "precious").unwrap();
    let refused = Store::open(setup.config()).await.unwrap_err();
    assert!(matches!(refused, Error::WrongBlobs { .. }), "{refused}");
    assert!(file.exists());
}

async fn an_emptied_directory_is_refused(setup: Arc<Setup>) {
    large(&setup).await.close().await;
    std::fs::remove_dir_all(setup.config().blob_directory).unwrap();
    let refused = Store::open(setup.config()).await.unwrap_err();
    assert!(matches!(refused, Error::WrongBlobs { .. }), "{refused}");
}

/// Puts a file into the directory that nobody needs and that is old enough to go.
fn orphan(setup: &Setup, name: &str) -> std::path::PathBuf {
    let path = setup
        .config()
        .blob_directory
        .join(name.get(..2).unwrap())
        .join(name);
    let file = std::fs::File::create(&path).unwrap();
    let old = std::time::SystemTime::now() - Duration::from_secs(86_400);
    file.set_modified(old).unwrap();
    path
}

async fn only_a_server_sweeps(setup: Arc<Setup>) {
    large(&setup).await.close().await;
    let orphan = orphan(&setup, &format!("ab{:030x}", 1));
    let mut config = setup.config();
    config.sweep = false;
    Store::open(config).await.unwrap().close().await;
    assert!(orphan.exists());
    setup.open().await.close().await;
    assert!(!orphan.exists());
}

async fn what_is_not_ours_stays(setup: Arc<Setup>) {
    large(&setup).await.close().await;
    let note = orphan(&setup, "ab-do-not-touch");
    let folder = setup.config().blob_directory.join("ab/lost+found");
    std::fs::create_dir(&folder).unwrap();
    let store = setup.open().await;
    store.sweep().await.unwrap();
    assert!(note.exists() && folder.exists());
    assert_sound(&store).await;
    store.close().await;
}

async fn one_file_that_stays_does_not_keep_the_others(setup: Arc<Setup>) {
    let store = large(&setup).await;
    // A directory of that name cannot be removed as a file.
    let (stuck, other) = (format!("ab{:030x}", 1), format!("cd{:030x}", 2));
    let blobs = setup.config().blob_directory;
    std::fs::create_dir(blobs.join("ab").join(&stuck)).unwrap();
    let other_path = orphan(&setup, &other);
    setup
        .sabotage(&format!(
            "INSERT INTO garbage (file) VALUES ('{stuck}'), ('{other}')"
        ))
        .await;
    store.sweep().await.unwrap();
    assert!(!other_path.exists());
    store.close().await;
}

async fn a_file_that_the_sweep_has_yet_to_find_is_no_damage(setup: Arc<Setup>) {
    large(&setup).await.close().await;
    let mut config = setup.config();
    config.sweep = false;
    let store = Store::open(config).await.unwrap();
    let path = orphan(&setup, &format!("ab{:030x}", 1));
    let age = |hours: u64| {
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        let then = std::time::SystemTime::now() - Duration::from_secs(3600 * hours);
        file.set_modified(then).unwrap();
    };
    age(2);
    assert_sound(&store).await;
    age(5);
    assert_eq!(store.verify().await.unwrap().problems.len(), 1);
    store.close().await;
}

async fn a_delivery_that_never_came_to_commit_leaves_no_file(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let statements: &[&str] = match setup.kind {
        Kind::Sqlite => &["CREATE TRIGGER refuse BEFORE INSERT ON messages
                           BEGIN SELECT RAISE(ABORT, 'refused'); END"],
        Kind::Postgres => &[
            "CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RAISE ''refused''; END'",
            "CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION refuse()",
        ],
    };
    for sql in statements {
        setup.sabotage(sql).await;
    }
    let refused = store
        .deliver(delivery(vec![b'L'; 100_000], vec![target(alice)]))
        .await;
    assert!(matches!(refused, Err(Error::Database(_))), "{refused:?}");
    let blobs = std::fs::read_dir(setup.config().blob_directory).unwrap();
    let files: usize = blobs
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| std::fs::read_dir(path).unwrap().count())
        .sum();
    assert_eq!(files, 0);
    store.close().await;
}
